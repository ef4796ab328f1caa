package amendment

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain/money"
)

// absent tells whether a document leaves a value out. A number is there even where it
// is zero, as an amount of nothing in a map of currencies is something that was said.
func absent(v reflect.Value) bool {
	if !v.IsValid() {
		return true
	}
	if v.Type() == amountType {
		return false
	}
	return v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// plain tells whether values of a type are a single text.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		return true
	}
	return written(t)
}

// written tells whether a type writes itself as one value.
func written(t reflect.Type) bool {
	return t.Implements(textMarshaler) || t.Implements(jsonMarshaler)
}

var (
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	amountType    = reflect.TypeFor[money.Amount]()
)

// text is a value as one reads it, in one line: "to.role seller, percent 3.2".
func text(v reflect.Value) string {
	if plain(v.Type()) {
		return leaf(v)
	}
	return strings.Join(phrases("", v), ", ")
}

func leaf(v reflect.Value) string {
	switch one := v.Interface().(type) {
	case encoding.TextMarshaler:
		if b, err := one.MarshalText(); err == nil {
			return string(b)
		}
	case fmt.Stringer:
		return one.String()
	case json.Marshaler:
		b, err := one.MarshalJSON()
		if err != nil {
			break
		}
		var name string
		if json.Unmarshal(b, &name) == nil {
			return name
		}
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// phrases names what is said below a path, each as "path text".
func phrases(path string, v reflect.Value) []string {
	if absent(v) {
		return nil
	}
	within := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	if plain(v.Type()) {
		return []string{strings.TrimSpace(path + " " + leaf(v))}
	}
	var all []string
	switch v.Kind() {
	case reflect.Pointer:
		return phrases(path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case !field.IsExported() || name == "-" || path == "" && (name == "id" || name == "name"):
			case field.Anonymous && name == "":
				all = append(all, phrases(path, v.Field(i))...)
			default:
				all = append(all, phrases(within(name), v.Field(i))...)
			}
		}
	case reflect.Map:
		byName := map[string]reflect.Value{}
		for _, key := range v.MapKeys() {
			byName[key.String()] = v.MapIndex(key)
		}
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			all = append(all, phrases(within(name), byName[name])...)
		}
	case reflect.Slice:
		if plain(v.Type().Elem()) {
			items := make([]string, v.Len())
			for i := range items {
				items[i] = leaf(v.Index(i))
			}
			return []string{strings.TrimSpace(path + " [" + strings.Join(items, ", ") + "]")}
		}
		for i := range v.Len() {
			all = append(all, phrases(fmt.Sprintf("%s[%d]", path, i+1), v.Index(i))...)
		}
	default:
		return []string{strings.TrimSpace(path + " " + leaf(v))}
	}
	return all
}
