package yamldoc

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

const deepest = 32

func elem(into any) reflect.Value { return reflect.ValueOf(into).Elem() }

// decode fills v from n and notes the place of every value it passes.
func (d *Document) decode(path string, n ast.Node, v reflect.Value) {
	d.at(path, n)
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		d.Fault(path, "", "anchors, aliases and merge keys are not supported", "write the value out")
		return
	case *ast.TagNode:
		d.Fault(path, "", "YAML tags are not supported", "leave out "+n.Start.Value)
		return
	}
	if strings.Count(path, ".")+strings.Count(path, "[") > deepest {
		d.Fault(path, "", "the document is nested too deeply", "")
		return
	}
	if v.Kind() != reflect.Pointer && v.CanAddr() {
		if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok && !d.long(n, v) {
			d.text(path, n, text)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.decode(path, n, v.Elem())
	case reflect.Struct:
		d.structure(path, n, v)
	case reflect.Map:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.sequence(path, n, v)
	case reflect.String:
		if s, ok := d.scalar(path, n); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		d.kind(path, n, "true or false")
	case reflect.Int, reflect.Int64:
		if number, ok := n.(*ast.IntegerNode); ok {
			if i, err := strconv.ParseInt(number.Token.Value, 10, v.Type().Bits()); err == nil {
				v.SetInt(i)
				return
			}
		}
		d.kind(path, n, "a whole number")
	default:
		d.Fault(path, "", "this value cannot be read into "+v.Type().String(), "")
	}
}

// long reports whether a value that may be written as text is written as the
// mapping of its keys: a struct with keys of its own has both forms.
func (d *Document) long(n ast.Node, v reflect.Value) bool {
	mapping := n.Type() == ast.MappingType || n.Type() == ast.MappingValueType
	return mapping && v.Kind() == reflect.Struct && len(fieldsOf(v)) > 0
}

func (d *Document) text(path string, n ast.Node, into encoding.TextUnmarshaler) {
	s, ok := d.scalar(path, n)
	if !ok {
		return
	}
	if err := into.UnmarshalText([]byte(s)); err != nil {
		d.FaultFrom(path, err)
	}
}

// scalar returns the text of a string or number as it was written.
func (d *Document) scalar(path string, n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode:
		return n.Token.Value, true
	case *ast.FloatNode:
		return n.Token.Value, true
	case *ast.BoolNode:
		d.Fault(path, n.Token.Value, "text expected, not a boolean", "put it in quotes")
		return "", false
	}
	d.kind(path, n, "text")
	return "", false
}

func (d *Document) kind(path string, n ast.Node, want string) {
	value := ""
	if t := n.GetToken(); t != nil && len(t.Value) < 80 && n.Type() != ast.MappingType && n.Type() != ast.SequenceType {
		value = t.Value
	}
	got := map[ast.NodeType]string{
		ast.MappingType: "a mapping", ast.MappingValueType: "a mapping", ast.SequenceType: "a list", ast.NullType: "nothing",
		ast.StringType: "text", ast.LiteralType: "text", ast.IntegerType: "a number", ast.FloatType: "a number with decimals", ast.BoolType: "a boolean",
	}[n.Type()]
	if got == "" {
		got = n.Type().String()
	}
	d.Fault(path, value, fmt.Sprintf("%s expected, found %s", want, got), "")
}

// pairs returns the entries of a mapping, or a fault.
func (d *Document) pairs(path string, n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	d.kind(path, n, "a mapping")
	return nil, false
}

// key returns the text of a mapping's key, or a fault.
func (d *Document) key(path string, pair *ast.MappingValueNode) (string, bool) {
	if node, ok := pair.Key.(ast.Node); ok {
		switch key := node.(type) {
		case *ast.StringNode:
			return key.Value, true
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
			return key.GetToken().Value, true
		}
	}
	d.note(path, pair.Key.GetToken())
	d.Fault(path, pair.Key.GetToken().Value, "this kind of key is not supported", "use plain text as key")
	return "", false
}

func (d *Document) structure(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	fields := fieldsOf(v)
	for _, pair := range pairs {
		key, ok := d.key(path, pair)
		if !ok {
			continue
		}
		at := Join(path, key)
		field, known := fields[key]
		if !known {
			d.note(at, pair.Key.GetToken())
			d.Fault(at, "", "unknown key", "use one of "+strings.Join(sortedKeys(fields), ", "))
			continue
		}
		if d.Has(at) {
			d.note(at, pair.Key.GetToken())
			d.Fault(at, "", "the key is given twice", "leave out one")
			continue
		}
		if null(pair.Value) {
			d.note(at, pair.Key.GetToken())
			d.Fault(at, "", "the key has no value", "give it a value or leave the key out")
			continue
		}
		d.decode(at, pair.Value, field)
	}
}

func null(n ast.Node) bool {
	if n == nil || n.Type() == ast.NullType {
		return true
	}
	t := n.GetToken()
	return t != nil && t.Type == token.NullType
}

// fieldsOf lists the settable fields of a struct by their yaml names, those of
// inlined and embedded structs included.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case field.Type.Kind() == reflect.Struct && (options == "inline" || field.Anonymous && name == ""):
			for key, inner := range fieldsOf(v.Field(i)) {
				out[key] = inner
			}
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			out[name] = v.Field(i)
		}
	}
	return out
}

func sortedKeys(m map[string]reflect.Value) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (d *Document) mapping(path string, n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(path, n)
	if !ok {
		return
	}
	if v.Type().Key().Kind() != reflect.String {
		d.Fault(path, "", "this mapping cannot be read into "+v.Type().String(), "")
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(pairs))
	for _, pair := range pairs {
		key, ok := d.key(path, pair)
		if !ok {
			continue
		}
		at := Join(path, key)
		if d.Has(at) {
			d.note(at, pair.Key.GetToken())
			d.Fault(at, "", "the key is given twice", "leave out one")
			continue
		}
		if null(pair.Value) {
			d.note(at, pair.Key.GetToken())
			d.Fault(at, "", "the key has no value", "give it a value or leave the key out")
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		d.decode(at, pair.Value, value)
		out.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
	}
	v.Set(out)
}

func (d *Document) sequence(path string, n ast.Node, v reflect.Value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.kind(path, n, "a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values))
	for i, item := range list.Values {
		d.decode(Index(path, i), item, out.Index(i))
	}
	v.Set(out)
}
