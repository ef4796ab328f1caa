package collect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/collect/format"
)

// hashScheme is the version of the way content is hashed. It is part of every
// hash, and a scheme that hashed settled transactions is never changed.
const hashScheme = "1:"

// contentHasher hashes the decoded fields of a record, less the volatile ones:
// two records with the same key and hash are the same transaction, sent again.
// What does not count: the order of fields, quoting, line ends, how a number is
// written (1.50 and 1.5 are the same JSON number; CSV has only texts).
//
// Scheme 1: the first 128 bits of SHA-256 over the fields sorted by name, each as
// length and bytes of the name, a byte for the kind, length and bytes of the
// value; objects are nested the same way. It belongs to one goroutine.
type contentHasher struct {
	volatile map[string]bool
	buf      []byte
	order    []int
	names    []string // that order sorts
}

func newContentHasher(volatile []string) *contentHasher {
	h := &contentHasher{volatile: map[string]bool{}}
	for _, name := range volatile {
		h.volatile[name] = true
	}
	return h
}

func (h *contentHasher) sum(record *format.Record) string {
	if !slices.Equal(h.names, record.Names) {
		h.names = append(h.names[:0], record.Names...)
		h.order = sortedOrder(h.order[:0], record.Names)
	}
	h.buf = h.buf[:0]
	for _, i := range h.order {
		if !h.volatile[record.Names[i]] {
			h.buf = appendField(h.buf, record.Names[i], record.Values[i])
		}
	}
	sum := sha256.Sum256(h.buf)
	out := make([]byte, 0, len(hashScheme)+32)
	out = append(out, hashScheme...)
	return string(hex.AppendEncode(out, sum[:16]))
}

func sortedOrder(order []int, names []string) []int {
	for i := range names {
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return order
}

func appendField(b []byte, name string, v format.Value) []byte {
	return appendValue(appendText(b, name), v)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendValue(b []byte, v format.Value) []byte {
	switch v.Kind {
	case format.Number:
		return appendText(append(b, 'n'), canonicalNumber(v.Text))
	case format.Bool:
		return appendText(append(b, 'b'), v.Text)
	case format.Null:
		return append(b, 'z')
	case format.List:
		b = binary.AppendUvarint(append(b, 'l'), uint64(len(v.Items)))
		for _, item := range v.Items {
			b = appendValue(b, item)
		}
		return b
	case format.Object:
		b = binary.AppendUvarint(append(b, 'o'), uint64(len(v.Items)))
		for _, i := range sortedOrder(nil, v.Names) {
			b = appendField(b, v.Names[i], v.Items[i])
		}
		return b
	default:
		return appendText(append(b, 't'), v.Text)
	}
}
