package amendment

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Kind is what happened to a part of a document.
type Kind string

// Kinds of change.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
)

// Change is one difference between two documents.
type Change struct {
	Kind Kind `json:"kind"`
	// Subject is the rule, value, input … that it concerns, as "rule fee"; empty
	// for the schedule as a whole.
	Subject string `json:"subject,omitempty"`
	// Field is the path within the subject, as "tiers.steps[2].percent"; empty
	// where the whole subject came or went. Places in lists count from 1.
	Field string `json:"field,omitempty"`
	// From and To are the two texts; of what came or went only one is there.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// String is the change in words: "rule fee: percent 3.4 → 3.2".
func (c Change) String() string {
	var b strings.Builder
	b.WriteString(c.Subject)
	switch {
	case c.Subject == "":
	case c.Field == "":
		b.WriteString(" " + string(c.Kind))
		if text := c.From + c.To; text != "" {
			b.WriteString(": " + text)
		}
		return b.String()
	default:
		b.WriteString(": ")
	}
	b.WriteString(c.Field)
	switch c.Kind {
	case Added:
		b.WriteString(" " + c.To + " added")
	case Removed:
		b.WriteString(" " + c.From + " removed")
	case Changed:
		b.WriteString(" " + c.From + " → " + c.To)
	}
	return b.String()
}

// subjects names the elements of the document's own lists.
var subjects = map[string]string{
	"rules": "rule", "values": "value", "inputs": "input", "parameters": "parameter", "accumulators": "accumulator", "periods": "period",
}

// ignored are the parts of a document that say which version it is, and what is
// not published with it.
var ignored = []string{"schedule", "version", "cases"}

// Between lists what changes from an earlier document to a later one, in the order of
// the language's fields; of a list first what was changed or removed, in the order
// of the earlier one, then what was added, then a new order of application.
// Amounts compare by value, everything else as written.
func Between(earlier, later fee.Document) []Change {
	var w walk
	w.structure(place{top: true}, reflect.ValueOf(earlier), reflect.ValueOf(later))
	return w.changes
}

type walk struct{ changes []Change }

// place is where a walk stands.
type place struct {
	subject, field string
	top            bool // in the document itself
}

func (p place) in(name string) place {
	if p.field != "" {
		name = p.field + "." + name
	}
	return place{subject: p.subject, field: name}
}

func (w *walk) note(p place, kind Kind, from, to string) {
	w.changes = append(w.changes, Change{Kind: kind, Subject: p.subject, Field: p.field, From: from, To: to})
}

func (w *walk) value(p place, a, b reflect.Value) {
	switch hasA, hasB := !absent(a), !absent(b); {
	case !hasA && !hasB:
	case !hasA:
		w.note(p, Added, "", text(b))
	case !hasB:
		w.note(p, Removed, text(a), "")
	default:
		w.both(p, a, b)
	}
}

// both compares two values that are there.
func (w *walk) both(p place, a, b reflect.Value) {
	if x, isAmount := a.Interface().(money.Amount); isAmount {
		if y, _ := b.Interface().(money.Amount); x.Cmp(y) != 0 {
			w.note(p, Changed, x.String(), y.String())
		}
		return
	}
	if !written(a.Type()) {
		switch a.Kind() {
		case reflect.Pointer:
			w.both(p, a.Elem(), b.Elem())
			return
		case reflect.Struct:
			w.structure(p, a, b)
			return
		case reflect.Map:
			w.mapping(p, a, b)
			return
		case reflect.Slice:
			w.list(p, a, b)
			return
		}
	}
	if x, y := text(a), text(b); x != y {
		w.note(p, Changed, x, y)
	}
}

func (w *walk) structure(p place, a, b reflect.Value) {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !field.IsExported() || p.top && slices.Contains(ignored, name):
		case field.Anonymous && name == "":
			w.structure(p, a.Field(i), b.Field(i))
		case p.top && subjects[name] != "":
			w.subjects(subjects[name], a.Field(i), b.Field(i))
		case name != "-":
			w.value(p.in(name), a.Field(i), b.Field(i))
		}
	}
}

func (w *walk) mapping(p place, a, b reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{a, b} {
		for _, key := range m.MapKeys() {
			keys[key.String()] = key
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		w.value(p.in(name), a.MapIndex(keys[name]), b.MapIndex(keys[name]))
	}
}

// list compares a list by place; one of plain texts is one value.
func (w *walk) list(p place, a, b reflect.Value) {
	if plain(a.Type().Elem()) {
		if x, y := text(a), text(b); x != y {
			w.note(p, Changed, x, y)
		}
		return
	}
	for i := range max(a.Len(), b.Len()) {
		at := place{subject: p.subject, field: p.field + "[" + strconv.Itoa(i+1) + "]"}
		switch {
		case i >= a.Len():
			w.note(at, Added, "", text(b.Index(i)))
		case i >= b.Len():
			w.note(at, Removed, text(a.Index(i)), "")
		default:
			w.both(at, a.Index(i), b.Index(i))
		}
	}
}

// subjects compares a list whose elements have an id or a name.
func (w *walk) subjects(word string, a, b reflect.Value) {
	before, after := names(a), names(b)
	for i, name := range before {
		at := place{subject: word + " " + name}
		if j := slices.Index(after, name); j >= 0 {
			w.structure(at, a.Index(i), b.Index(j))
		} else {
			w.note(at, Removed, text(a.Index(i)), "")
		}
	}
	for j, name := range after {
		if !slices.Contains(before, name) {
			w.note(place{subject: word + " " + name}, Added, "", text(b.Index(j)))
		}
	}
	x, y := common(before, after), common(after, before)
	if (word == "rule" || word == "value") && !slices.Equal(x, y) {
		w.note(place{field: "order of " + word + "s"}, Changed, strings.Join(x, ", "), strings.Join(y, ", "))
	}
}

// common is what of a list is in another one, too.
func common(list, other []string) []string {
	var both []string
	for _, name := range list {
		if slices.Contains(other, name) {
			both = append(both, name)
		}
	}
	return both
}

// names identifies the elements of a list, by their place where they say nothing.
func names(list reflect.Value) []string {
	found := make([]string, list.Len())
	for i := range found {
		for _, field := range []string{"ID", "Name"} {
			if v := list.Index(i).FieldByName(field); v.IsValid() && v.Kind() == reflect.String && found[i] == "" {
				found[i] = v.String()
			}
		}
		if found[i] == "" {
			found[i] = fmt.Sprintf("no. %d", i+1)
		}
	}
	return found
}
