package verify

import (
	"encoding/binary"
	"math/bits"
)

// recent finds values by frequent texts, for the price of one comparison: a text
// has one place, and the newest text of a place stays. What it does not know must
// be looked up where everything is. The zero recent is empty.
type recent[V any] struct {
	places []struct {
		text  string
		salt  uint64
		value V
	}
}

const recentBits = 11

// get finds what was put for a text and a salt, which tells apart the owners of
// equal texts. The empty text is never known.
func (r *recent[V]) get(text []byte, salt uint64) (value V, ok bool) {
	if r.places == nil || len(text) == 0 {
		return value, false
	}
	p := &r.places[spread(text, salt)]
	if p.salt != salt || p.text != string(text) {
		return value, false
	}
	return p.value, true
}

func (r *recent[V]) put(text string, salt uint64, value V) {
	if r.places == nil {
		r.places = make([]struct {
			text  string
			salt  uint64
			value V
		}, 1<<recentBits)
	}
	p := &r.places[spread([]byte(text), salt)]
	p.text, p.salt, p.value = text, salt, value
}

// spread is a place for a text. Nothing but speed depends on it.
func spread(text []byte, salt uint64) uint64 {
	const odd = 0x9E3779B97F4A7C15
	n := len(text)
	h := salt ^ uint64(n)
	switch {
	case n >= 8:
		for at := 0; at+8 < n; at += 8 {
			h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(text[at:]))*odd, 29)
		}
		h ^= binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(text)) | uint64(binary.LittleEndian.Uint32(text[n-4:]))<<32
	case n > 0:
		h ^= uint64(text[0]) | uint64(text[n/2])<<8 | uint64(text[n-1])<<16
	}
	return (h * odd) >> (64 - recentBits)
}

// settled is what later events may need to know of an entry: 40 bytes, without a
// pointer.
type settled struct {
	key      uint64 // keyed hash of source and external id
	mirror   uint64 // keyed hash of what a reversal must repeat, with the sides swapped
	amount   figure
	currency uint32 // number of the currency
	kind     entryKind
	reversed bool
	held     bool // it held money back, or took of what was held
}

// entries keeps the entries of one book by revision, and finds them by key. Every
// entry costs 40 bytes, and between 11 and 21 in places.
type entries struct {
	chunks [][]settled
	count  uint64
	// places is a hash table with open addressing: 0 is empty, else the low 40 bits
	// are a revision and one, the others the high bits of the key.
	places []uint64
}

const (
	chunkEntries = 8192
	revisionBits = 40
	revisionMask = 1<<revisionBits - 1
)

// at returns the entry of a revision below count.
func (s *entries) at(revision uint64) *settled {
	return &s.chunks[revision/chunkEntries][revision%chunkEntries]
}

// add appends the entry of the next revision.
func (s *entries) add(n settled) {
	if s.count%chunkEntries == 0 {
		var chunk []settled // the first one grows, as most books are small
		if s.count > 0 {
			chunk = make([]settled, 0, chunkEntries)
		}
		s.chunks = append(s.chunks, chunk)
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, n)
	s.count++
	if !n.kind.keyed() {
		return
	}
	if s.count*4 > uint64(len(s.places))*3 {
		s.grow()
		return
	}
	s.place(n.key, s.count)
}

// grow makes twice as many places, and finds one for every entry.
func (s *entries) grow() {
	s.places = make([]uint64, max(64, 2*len(s.places)))
	for revision := range s.count {
		if s.at(revision).kind.keyed() {
			s.place(s.at(revision).key, revision+1)
		}
	}
}

func (s *entries) place(key, next uint64) {
	mask := uint64(len(s.places) - 1)
	at := key & mask
	for s.places[at] != 0 {
		at = (at + 1) & mask
	}
	s.places[at] = key&^revisionMask | next
}

// find calls found with the revision of every entry whose key has this hash.
func (s *entries) find(key uint64, found func(revision uint64) error) error {
	if len(s.places) == 0 {
		return nil
	}
	mask := uint64(len(s.places) - 1)
	for at := key & mask; s.places[at] != 0; at = (at + 1) & mask {
		if place := s.places[at]; place&^revisionMask == key&^revisionMask {
			revision := place&revisionMask - 1
			if s.at(revision).key != key {
				continue
			}
			if err := found(revision); err != nil {
				return err
			}
		}
	}
	return nil
}
