package source

import (
	"cmp"
	"crypto/sha256"
	"iter"
	"slices"
)

// State is one source. It stays small: hashes instead of contents.
type State struct {
	count      uint64 // events
	version    int    // of the definition; 0 before the first
	hash       string // of the definition
	definedAt  uint64 // revision
	open       map[string][]Open
	openCount  int
	seen       map[fingerprint]uint64 // every quarantined input, open or settled since → revision
	released   map[fingerprint]uint64 // → revision of the release
	deliveries map[string]delivery    // by hash of the delivery
}

// Open is a quarantined input that has not been released.
type Open struct {
	Record      string
	ContentHash string
	// Revision is that of the event that quarantined it.
	Revision uint64
}

type delivery struct {
	account  fingerprint // of what was last recorded about it
	revision uint64
}

type fingerprint [16]byte

func fingerprintOf(parts ...string) fingerprint {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
		h.Write([]byte{0xff}) // in no UTF-8 text
	}
	return fingerprint(h.Sum(nil)[:16])
}

func newState() *State {
	return &State{
		open: make(map[string][]Open), seen: make(map[fingerprint]uint64),
		released: make(map[fingerprint]uint64), deliveries: make(map[string]delivery),
	}
}

// Count is the number of events folded, and so the revision of the next one.
func (s *State) Count() uint64 { return s.count }

// Version is that of the definition in force, 0 where there is none yet.
func (s *State) Version() int { return s.version }

// DefinitionHash is the SHA-256 of the definition in force, hex.
func (s *State) DefinitionHash() string { return s.hash }

// OpenCount is the number of quarantined inputs that have not been released.
func (s *State) OpenCount() int { return s.openCount }

// OpenRecord returns what is open of one record, oldest first.
func (s *State) OpenRecord(record string) []Open { return slices.Clone(s.open[record]) }

// OpenAll yields everything that is open, oldest first.
func (s *State) OpenAll() iter.Seq[Open] {
	all := make([]Open, 0, s.openCount)
	for _, entries := range s.open {
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b Open) int { return cmp.Compare(a.Revision, b.Revision) })
	return slices.Values(all)
}
