package graph

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
)

// numbersAsTexts rewrites a JSON document so that a number stands as a text wherever
// the type has one, as people write amounts and percentages either way. Digits are
// kept as they came. What does not fit the type is left for its decoder to refuse.
func numbersAsTexts(raw json.RawMessage, as reflect.Type) (json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	return json.Marshal(textsFor(document, as))
}

var decodesText = reflect.TypeFor[encoding.TextUnmarshaler]()

// textsFor puts texts in the place of numbers. The document is as deep as the JSON
// decoder allows, the type as deep as it is.
func textsFor(v any, as reflect.Type) any {
	for as.Kind() == reflect.Pointer {
		as = as.Elem()
	}
	if n, isNumber := v.(json.Number); isNumber {
		if as.Kind() == reflect.String || reflect.PointerTo(as).Implements(decodesText) {
			return n.String()
		}
		return v
	}
	switch v := v.(type) {
	case []any:
		if as.Kind() == reflect.Slice {
			for i := range v {
				v[i] = textsFor(v[i], as.Elem())
			}
		}
	case map[string]any:
		switch as.Kind() {
		case reflect.Map:
			for key := range v {
				v[key] = textsFor(v[key], as.Elem())
			}
		case reflect.Struct:
			for field := range fieldsOf(as) {
				name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if inner, there := v[name]; there && name != "" {
					v[name] = textsFor(inner, field.Type)
				}
			}
		}
	}
	return v
}

// fieldsOf yields the fields that JSON knows, those of embedded structs included.
func fieldsOf(as reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, field := range reflect.VisibleFields(as) {
			if field.IsExported() && !yield(field) {
				return
			}
		}
	}
}
