import { post } from './transport.js';

const introspection = `query Introspection { __schema {
  queryType { name } mutationType { name } subscriptionType { name }
  types { kind name description
    fields(includeDeprecated: true) { name description args { ...value } type { ...ref } }
    inputFields { ...value } enumValues(includeDeprecated: true) { name description } possibleTypes { name } }
} }
fragment value on __InputValue { name description defaultValue type { ...ref } }
fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

// element makes a DOM node; text never becomes markup.
function element(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

export class Docs {
  constructor(root, search) {
    this.root = root;
    this.types = new Map();
    search.addEventListener('input', () => this.find(search.value.trim().toLowerCase()));
  }

  async load() {
    const { data, errors } = await post({ query: introspection });
    if (errors) throw new Error(errors[0].message);
    this.schema = data.__schema;
    for (const type of this.schema.types) if (!type.name.startsWith('__')) this.types.set(type.name, type);
    this.home();
  }

  home() {
    this.root.replaceChildren(
      ...['queryType', 'mutationType', 'subscriptionType'].flatMap((kind) => (this.schema[kind] ? this.described(this.schema[kind].name) : [])),
      element('h2', 'All types'),
      element('p', '', ...[...this.types.keys()].sort().flatMap((name) => [this.link(name), ' '])),
    );
  }

  show(name) {
    const back = element('button', 'Back to the beginning');
    back.addEventListener('click', () => this.home());
    this.root.replaceChildren(back, ...this.described(name));
    this.root.scrollTop = 0;
  }

  described(name) {
    const type = this.types.get(name);
    const list = element('dl');
    for (const field of type.fields || type.inputFields || []) {
      const line = element('dt', field.name);
      if (field.args && field.args.length) {
        line.append('(');
        field.args.forEach((arg, i) => line.append(i ? ', ' : '', arg.name, ': ', ...this.reference(arg.type)));
        line.append(')');
      }
      line.append(': ', ...this.reference(field.type));
      list.append(line, element('dd', field.description));
    }
    for (const value of type.enumValues || []) list.append(element('dt', value.name), element('dd', value.description));
    for (const possible of type.possibleTypes || []) list.append(element('dt', '', this.link(possible.name)));
    return [element('h2', `${name} (${type.kind.toLowerCase().replace('_', ' ')})`), element('p', type.description), list];
  }

  reference(type) {
    if (type.kind === 'NON_NULL') return [...this.reference(type.ofType), '!'];
    if (type.kind === 'LIST') return ['[', ...this.reference(type.ofType), ']'];
    return [this.link(type.name)];
  }

  link(name) {
    const a = element('a', name);
    a.href = '#' + name;
    a.addEventListener('click', (event) => { event.preventDefault(); this.show(name); });
    return a;
  }

  find(words) {
    if (!words) return this.home();
    const list = element('dl');
    for (const [name, type] of this.types) {
      const matches = (thing) => (thing.name + ' ' + (thing.description || '')).toLowerCase().includes(words);
      const fields = [...(type.fields || []), ...(type.inputFields || []), ...(type.enumValues || [])].filter(matches);
      if (!fields.length && !matches(type)) continue;
      list.append(element('dt', '', this.link(name)), element('dd', fields.map((field) => field.name).join(', ')));
    }
    this.root.replaceChildren(element('h2', 'Found'), list);
  }
}
