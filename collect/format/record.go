package format

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// MaxRecordBytes is the longest record. Its raw bytes must fit, sealed and in
// base64 and with its header line, into one event of the log.
const MaxRecordBytes = 200 << 10

// Reader delivers the records of one delivery in order. It belongs to one goroutine.
type Reader interface {
	// Next returns the next record, valid until the following call, and io.EOF
	// after the last. A *domain.Error with CodeMalformed says that the structure
	// of the delivery is broken; any other error that it could not be read.
	Next() (*Record, error)

	// Header is what a record's raw bytes need before them to be a delivery of
	// its own: the header line of a CSV file, nothing for NDJSON.
	Header() []byte

	// Warnings name what is unusual about the delivery but harmless.
	Warnings() []string
}

// Record is one record of a delivery.
type Record struct {
	// Number counts the records of the delivery from 1.
	Number uint64
	// Raw are the record's bytes as they came, without the line end.
	Raw []byte
	// Fault says why the record could not be decoded; Names and Values are empty then.
	Fault *domain.Error
	// Names and Values are the fields, in the order of the delivery.
	Names  []string
	Values []Value
	// Index finds a name in Names where the format knows it beforehand.
	Index map[string]int
}

// Field returns the value of a field.
func (r *Record) Field(name string) (Value, bool) {
	if r.Index != nil {
		i, ok := r.Index[name]
		if !ok || i >= len(r.Values) {
			return Value{}, false
		}
		return r.Values[i], true
	}
	if i := slices.Index(r.Names, name); i >= 0 {
		return r.Values[i], true
	}
	return Value{}, false
}

// Kind is the kind of a decoded value.
type Kind uint8

// The kinds of value. CSV knows text only.
const (
	Text Kind = iota
	Number
	Bool
	Null
	List
	Object
)

// Value is one decoded field. Text holds the text, the digits of a number as
// they were written, or "true" and "false".
type Value struct {
	Kind  Kind
	Text  string
	Items []Value  // of a list, or the values of an object
	Names []string // of an object, parallel to Items
}

// Scalar reports whether the value is neither list nor object.
func (v Value) Scalar() bool { return v.Kind < List }

// Malformed is the fault of a record or a delivery; place names what it is
// about, as "record" and a number.
func Malformed(field, value, message, remedy string) *domain.Error {
	return &domain.Error{Code: domain.CodeMalformed, Field: field, Value: value, Message: message, Remedy: remedy}
}
