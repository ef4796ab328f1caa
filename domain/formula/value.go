package formula

import (
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// Kind is what a value is. The set is closed.
type Kind uint8

// The kinds of values. KindAny is the kind of an absent value, and stands for
// every kind where one is wanted.
const (
	KindAny Kind = iota
	KindNumber
	KindText
	KindTruth
	KindDate
	KindList
)

var kinds = [...]string{"any", "number", "text", "truth", "date", "list"}

// String is the name of the kind: number, text, truth, date, list or any.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "invalid"
}

// ParseKind reads number, text, truth, date or list; the error is CodeInvalid.
func ParseKind(s string) (Kind, error) {
	if i := slices.Index(kinds[1:], s); i >= 0 {
		return Kind(i + 1), nil
	}
	return KindAny, &domain.Error{Code: domain.CodeInvalid, Field: "type", Value: s, Message: "unknown type of value", Remedy: "use one of " + strings.Join(kinds[1:], ", ")}
}

// Value is a number, text, truth, date or list; the zero Value is absent. It is
// immutable and may be copied and shared. Compare with Equal, not with ==.
type Value struct {
	number Number // of a date its day count, of a truth 1 or 0
	text   string // of a date as written
	list   *[]Value
	kind   Kind
}

// NumberOf is a number.
func NumberOf(n Number) Value { return Value{kind: KindNumber, number: n} }

// TextOf is a text.
func TextOf(s string) Value { return Value{kind: KindText, text: s} }

// TruthOf is true or false.
func TruthOf(b bool) Value {
	if b {
		return Value{kind: KindTruth, number: Number{units: 1}}
	}
	return Value{kind: KindTruth}
}

// DateOf is a date. What is no date as domain.ParseDate reads it gives the absent
// value.
func DateOf(d domain.Date) Value {
	day, ok := dayCount(string(d))
	if !ok {
		return Value{}
	}
	return Value{kind: KindDate, text: string(d), number: Number{units: day}}
}

// ListOf is a list; it copies what it is given.
func ListOf(values ...Value) Value {
	list := slices.Clone(values)
	return Value{kind: KindList, list: &list}
}

// Kind is what the value is: KindAny where it is absent.
func (v Value) Kind() Kind { return v.kind }

// IsAbsent reports whether there is no value.
func (v Value) IsAbsent() bool { return v.kind == KindAny }

// Number is the number, 0 of a value of another kind.
func (v Value) Number() Number {
	if v.kind != KindNumber {
		return Number{}
	}
	return v.number
}

// Text is the text, empty of a value of another kind.
func (v Value) Text() string {
	if v.kind != KindText {
		return ""
	}
	return v.text
}

// Truth is the truth, false of a value of another kind.
func (v Value) Truth() bool { return v.kind == KindTruth && v.number.units == 1 }

// Date is the date, empty of a value of another kind.
func (v Value) Date() domain.Date {
	if v.kind != KindDate {
		return ""
	}
	return domain.Date(v.text)
}

// List is a copy of the list, nil of a value of another kind.
func (v Value) List() []Value {
	if v.kind != KindList {
		return nil
	}
	return slices.Clone(*v.list)
}

// Equal reports whether two values are of one kind and equal: numbers by value,
// lists element by element. Two absent values are equal.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case KindNumber:
		return v.number.Cmp(o.number) == 0
	case KindText:
		return v.text == o.text
	case KindList:
		return slices.EqualFunc(*v.list, *o.list, Value.Equal)
	default:
		return v.number.units == o.number.units
	}
}

// String is the value as a formula writes it: Compile reads it back to an equal
// value, but for the absent one, which is empty, text with control characters, and
// lists of several kinds.
func (v Value) String() string { return string(v.append(nil)) }

func (v Value) append(b []byte) []byte {
	switch v.kind {
	case KindNumber:
		return v.number.Append(b)
	case KindText:
		return quote(b, v.text)
	case KindTruth:
		if v.Truth() {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case KindDate:
		b = append(b, "date("...)
		return append(quote(b, v.text), ')')
	case KindList:
		b = append(b, '[')
		for i, e := range *v.list {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = e.append(b)
		}
		return append(b, ']')
	default:
		return b
	}
}

// quote writes a text literal: only '"' and '\' are escaped.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
