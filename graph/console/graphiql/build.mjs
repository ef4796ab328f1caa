// Bundles the page into ../built/graphiql, which is embedded in the binary, with
// the licences of everything that went into it. Nothing is fetched.
import { build } from 'esbuild';
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '../built/graphiql');
const next = join(here, 'node_modules/.built'); // takes the target's place when it is whole

// systemFonts takes the fonts of the machine instead of those that GraphiQL brings:
// smaller, and nothing of theirs to license. It fails where GraphiQL has changed.
const systemFonts = {
  name: 'system fonts',
  setup({ onLoad }) {
    const change = (filter, loader, pattern, replacement) => onLoad({ filter }, async ({ path }) => {
      const before = await readFile(path, 'utf8');
      const contents = before.replaceAll(pattern, replacement);
      return contents === before ? { errors: [{ text: `${pattern} is not in ${path}` }] } : { contents, loader };
    });
    change(/graphiql\/dist\/style\.css$/, 'css', /@font-face\s*\{\s*font-family:\s*["']?(Roboto|Fira Code)["']?;[^}]*\}/g, '');
    change(/@graphiql\/react\/dist\/utility\/create-editor\.js$/, 'js', /"\\"Fira Code\\""/g, '"ui-monospace, monospace"');
  },
};

const options = {
  absWorkingDir: here,
  outdir: next,
  bundle: true,
  minify: true,
  metafile: true,
  target: 'es2022',
  legalComments: 'linked',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [systemFonts],
};

// siblings have the text of packages of the same authors that come without one.
const siblings = {
  '@graphiql/plugin-doc-explorer': 'graphiql',
  '@graphiql/plugin-history': 'graphiql',
  'react-compiler-runtime': 'react',
  'react-remove-scroll-bar': 'react-remove-scroll',
};

async function textsOf(folder) {
  const files = await readdir(join(here, folder));
  return files.filter((file) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(file)).sort();
}

// licences names every package that the bundles hold something of, with the texts
// that came with it; a package without a text fails the build.
async function licences(bundles) {
  const folders = new Set();
  for (const { metafile } of bundles) {
    for (const output of Object.values(metafile.outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
        const folder = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
        if (folder && bytesInOutput > 0) folders.add(folder[1]);
      }
    }
  }
  const parts = ['This page holds code of the packages below, each under the licence that follows it.\n'
    + 'The font of the editor\'s icons, Codicons by Microsoft, is licensed under CC BY 4.0.\n'];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, folder, 'package.json'), 'utf8'));
    const files = await textsOf(folder);
    const from = files.length === 0 && siblings[name] ? `node_modules/${siblings[name]}` : folder;
    if (from !== folder) files.push(...await textsOf(from));
    if (!license || files.length === 0) throw new Error(`${name} ${version} comes without a licence or its text`);
    const texts = await Promise.all(files.map((file) => readFile(join(here, from, file), 'utf8')));
    parts.push(`${name} ${version} (${license})\n`, ...texts);
  }
  return parts.join(`\n${'-'.repeat(80)}\n\n`);
}

await rm(next, { recursive: true, force: true });
await mkdir(next, { recursive: true });
const bundles = await Promise.all([
  build({ ...options, entryPoints: ['page.css'] }),
  // The parts' own style sheets are in page.css already, by way of GraphiQL's.
  build({ ...options, entryPoints: ['main.jsx'], format: 'esm', splitting: true, chunkNames: 'part-[hash]', jsx: 'automatic', loader: { '.css': 'empty' } }),
  build({
    ...options,
    format: 'iife',
    entryPoints: {
      'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
      'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
      'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
    },
  }),
]);
await cp(join(here, 'index.html'), join(next, 'index.html'));
await writeFile(join(next, 'LICENSES.txt'), await licences(bundles));
await rm(target, { recursive: true, force: true });
await rename(next, target);
