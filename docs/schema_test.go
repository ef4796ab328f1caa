package docs_test

import (
	"encoding"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/docs"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

type object = map[string]any

func schema(t *testing.T) object {
	t.Helper()
	var s object
	require.NoError(t, json.Unmarshal(docs.ScheduleSchema, &s))
	return s
}

// The schema has the keys of the Go types, no fewer and no more, and wants those
// that the types always write.
func TestSchemaSaysWhatTheTypesSay(t *testing.T) {
	root := schema(t)
	w := walk{t: t, root: root, seen: map[string]bool{}}
	w.structure("", root, reflect.TypeFor[fee.Document]())
	for name, def := range root["$defs"].(object) {
		if def.(object)["type"] == "object" && def.(object)["properties"] != nil {
			require.True(t, w.seen[name], "no Go type needs $defs/%s", name)
		}
	}
}

type walk struct {
	t    *testing.T
	root object
	seen map[string]bool // definitions of types that were compared
}

// resolve follows $ref; name is that of the definition.
func (w *walk) resolve(s object) (name string, resolved object) {
	ref, isRef := s["$ref"].(string)
	if !isRef {
		return "", s
	}
	name, found := strings.CutPrefix(ref, "#/$defs/")
	require.True(w.t, found, ref)
	resolved, found = w.root["$defs"].(object)[name].(object)
	require.True(w.t, found, "no $defs/%s", name)
	return name, resolved
}

var (
	textType = reflect.TypeFor[encoding.TextUnmarshaler]()
	capitals = regexp.MustCompile(`([a-z])([A-Z])`)
)

// value compares what stands at a path with a Go type.
func (w *walk) value(path string, s object, of reflect.Type) {
	name, s := w.resolve(s)
	require.NotContains(w.t, s, "$ref", path)
	switch of.Kind() {
	case reflect.Pointer:
		if name != "" {
			s = object{"$ref": "#/$defs/" + name}
		}
		w.value(path, s, of.Elem())
	case reflect.String:
		w.text(path, s)
	case reflect.Bool:
		require.Equal(w.t, "boolean", s["type"], path)
	case reflect.Int:
		require.Equal(w.t, "integer", s["type"], path)
	case reflect.Slice:
		require.Equal(w.t, "array", s["type"], path)
		w.value(path+"[]", s["items"].(object), of.Elem())
	case reflect.Map:
		require.Equal(w.t, "object", s["type"], path)
		require.NotContains(w.t, s, "properties", path)
		w.value(path+".*", s["additionalProperties"].(object), of.Elem())
	case reflect.Struct:
		short := reflect.PointerTo(of).Implements(textType)
		if short && !hasKeys(of) {
			w.text(path, s)
			return
		}
		require.Equal(w.t, strings.ToLower(capitals.ReplaceAllString(of.Name(), "${1}_$2")), name, "%s: the definition has the name of the type", path)
		if w.seen[name] {
			return
		}
		w.seen[name] = true
		if short { // written as a text or as an object
			forms := s["oneOf"].([]any)
			require.Len(w.t, forms, 2, path)
			w.text(path, forms[0].(object))
			s = forms[1].(object)
		}
		w.structure(path, s, of)
	default:
		w.t.Fatalf("%s: documents hold no %s", path, of)
	}
}

func (w *walk) text(path string, s object) {
	types, several := s["type"].([]any)
	if !several {
		types = []any{s["type"]}
	}
	require.Contains(w.t, types, "string", path)
}

func hasKeys(of reflect.Type) bool {
	for i := range of.NumField() {
		if tag := of.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			return true
		}
	}
	return false
}

func (w *walk) structure(path string, s object, of reflect.Type) {
	require.Equal(w.t, "object", s["type"], path)
	require.Equal(w.t, false, s["additionalProperties"], path)
	fields := map[string]reflect.StructField{}
	var always []string
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "-" || field.Anonymous {
			continue
		}
		fields[name] = field
		written, forms, _ := strings.Cut(field.Tag.Get("json"), ",")
		if written != "-" {
			require.Equal(w.t, name, written, "%s: YAML and JSON have the same keys", path)
		}
		if options == "" && !strings.Contains(forms, "omit") {
			always = append(always, name)
		}
	}
	properties := s["properties"].(object)
	require.ElementsMatch(w.t, slices.Collect(maps.Keys(fields)), slices.Collect(maps.Keys(properties)), "the keys of %s %s", of, path)
	var required []string
	for _, name := range s["required"].([]any) {
		required = append(required, name.(string))
	}
	require.ElementsMatch(w.t, always, required, "what %s %s always has", of, path)
	for name, field := range fields {
		w.value(strings.TrimPrefix(path+"."+name, "."), properties[name].(object), field.Type)
	}
}

// Words that the schema lists are those that the program knows.
func TestSchemaListsTheWords(t *testing.T) {
	root := schema(t)
	words := func(path ...string) []string {
		var at any = root
		for _, key := range path {
			at = at.(object)[key]
		}
		var list []string
		for _, word := range at.(object)["enum"].([]any) {
			list = append(list, word.(string))
		}
		return list
	}
	property := func(of, name string) []string { return words("$defs", of, "properties", name) }
	first := func(of string) []string {
		var list []string
		for _, word := range root["$defs"].(object)[of].(object)["oneOf"].([]any)[0].(object)["enum"].([]any) {
			list = append(list, word.(string))
		}
		return list
	}
	var modes, weekdays, rolls []string
	for mode := money.HalfUp; mode <= money.Floor; mode++ {
		modes = append(modes, mode.String())
	}
	for _, day := range calendar.Weekdays() {
		weekdays = append(weekdays, string(day))
	}
	for _, roll := range calendar.Rolls() {
		rolls = append(rolls, string(roll))
	}
	require.Equal(t, modes, property("rounding", "mode"))
	require.Equal(t, weekdays, property("weekly", "ends"))
	require.Equal(t, rolls, property("hold", "roll"))
	require.Equal(t, []string{fee.WindowDay, fee.WindowMonth, fee.WindowQuarter, fee.WindowYear, fee.WindowLifetime}, first("window"))
	require.Equal(t, []string{fee.RefundProRata, fee.RefundOnFull, fee.RefundKept, fee.RefundReRate}, first("refund"))
	require.Equal(t, []string{fee.ScopeContract, fee.ScopeSchedule}, property("accumulator", "scope"))
	require.Equal(t, []string{fee.TiersMarginal, fee.TiersSlab}, property("tiers", "mode"))
	require.Equal(t, []string{fee.EdgeInclusive, fee.EdgeExclusive}, property("tiers", "edge"))
	require.Equal(t, []string{fee.RemainderLargest, fee.RemainderFirst, fee.RemainderLast}, property("split", "remainder"))
	require.Equal(t, []string{fee.OnSale, fee.OnRefund}, property("rule", "on"))
}

// The schedules that operators copy from are written as the schema says; documents
// with faults are not.
func TestExamplesFollowTheSchema(t *testing.T) {
	files, err := filepath.Glob("../examples/schedules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	root := schema(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var document any
		require.NoError(t, yaml.Unmarshal(text, &document), file)
		require.Empty(t, conforms(root, root, document, ""), file)
	}
	const sound = "{schedule: s, version: 1, effective_from: 2026-01-01, funds: {role: a}, rules: [{id: r, to: {role: b}, rest: true}]"
	for fault, where := range map[string]string{
		"":                                  "",
		"rulez: []":                         "/rulez",
		"description: 5":                    "/description",
		"inputs: [{name: a}]":               "/inputs/0/type",
		"inputs: {}":                        "/inputs",
		"values: [{name: A, is: 1}]":        "/values/0/name",
		"parameters: [{name: a, is: true}]": "/parameters/0/is",
		"parameters: [{name: a, amounts: {krw: 1}}]":                       "/parameters/0/amounts/krw",
		"accumulators: [{name: a, measure: 1, window: week}]":              "/accumulators/0/window",
		"periods: [{id: p, of: a, carry: [{accumulator: a}]}]":             "/periods/0/carry/0/is",
		"accumulators: [{name: a, measure: 1, window: {rolling_days: 0}}]": "/accumulators/0/window",
	} {
		var document any
		require.NoError(t, yaml.Unmarshal([]byte(sound+", "+fault+"}"), &document), fault)
		require.Equal(t, where, conforms(root, root, document, ""), fault)
	}
}

// conforms returns the path of the first thing that a schema does not allow. It
// knows the keywords that this schema uses and fails on any other.
func conforms(root, s object, v any, path string) (fault string) {
	if ref, isRef := s["$ref"].(string); isRef {
		return conforms(root, root["$defs"].(object)[strings.TrimPrefix(ref, "#/$defs/")].(object), v, path)
	}
	for _, keyword := range slices.Sorted(maps.Keys(s)) {
		if !allows(root, s, keyword, v, path, &fault) {
			if fault == "" {
				fault = path
			}
			return fault
		}
	}
	return ""
}

func allows(root, s object, keyword string, v any, path string, fault *string) bool {
	text, isText := v.(string)
	list, _ := v.([]any)
	keys, _ := v.(object)
	inner := func(s any, v any, key string) bool {
		*fault = conforms(root, s.(object), v, path+"/"+key)
		return *fault == ""
	}
	switch rule := s[keyword]; keyword {
	case "$schema", "$id", "$defs", "title", "description":
		return true
	case "type":
		types, several := rule.([]any)
		if !several {
			types = []any{rule}
		}
		return slices.Contains(types, any(kind(v))) || kind(v) == "integer" && slices.Contains(types, "number")
	case "enum":
		return slices.Contains(rule.([]any), v)
	case "pattern":
		return !isText || regexp.MustCompile(rule.(string)).MatchString(text)
	case "minLength":
		return !isText || len(text) >= int(rule.(float64))
	case "maxLength":
		return !isText || len(text) <= int(rule.(float64))
	case "minItems":
		return list == nil || len(list) >= int(rule.(float64))
	case "maxItems":
		return list == nil || len(list) <= int(rule.(float64))
	case "minimum":
		n, whole := v.(uint64)
		return whole && float64(n) >= rule.(float64)
	case "maximum":
		n, whole := v.(uint64)
		return whole && float64(n) <= rule.(float64)
	case "oneOf":
		fits := 0
		for _, form := range rule.([]any) {
			if conforms(root, form.(object), v, path) == "" {
				fits++
			}
		}
		return fits == 1
	case "required":
		for _, name := range rule.([]any) {
			if _, given := keys[name.(string)]; !given {
				*fault = path + "/" + name.(string)
				return false
			}
		}
		return true
	case "items":
		for i, item := range list {
			if !inner(rule, item, strconv.Itoa(i)) {
				return false
			}
		}
		return true
	case "properties":
		for name, value := range keys {
			if of, known := rule.(object)[name]; known && !inner(of, value, name) {
				return false
			}
		}
		return true
	case "propertyNames":
		for name := range keys {
			if !inner(rule, name, name) {
				return false
			}
		}
		return true
	case "additionalProperties":
		properties, _ := s["properties"].(object)
		for name, value := range keys {
			if _, known := properties[name]; known {
				continue
			}
			if rule == false {
				*fault = path + "/" + name
				return false
			}
			if !inner(rule, value, name) {
				return false
			}
		}
		return true
	}
	*fault = "the keyword " + keyword + " is not known to this test"
	return false
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case uint64, int64:
		return "integer"
	case float64:
		return "number"
	case []any:
		return "array"
	case object:
		return "object"
	}
	return "null"
}
