package node

import (
	"bytes"
	"sync"
)

// scratch is memory for the blocks that one reader takes from disk. What is read
// is large and soon done with: used again, it does not become garbage. It is not
// safe for concurrent use.
type scratch struct{ bytes []byte }

// scratchMost is the most that is kept for another reader: more than a page.
const scratchMost = 4 * pageBytes

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func takeScratch() *scratch { return scratches.Get().(*scratch) }

// release gives the memory to another reader: no block in it may be used any more.
// What has become too large is left to the collector.
func (m *scratch) release() {
	if cap(m.bytes) <= scratchMost {
		m.reset()
		scratches.Put(m)
	}
}

// reset makes room: no block in it may be used any more.
func (m *scratch) reset() { m.bytes = m.bytes[:0] }

// keep copies a value; without scratch into memory of its own. What it copied
// before stays where it is. It grows to what a page turns out to need.
func (m *scratch) keep(value []byte) []byte {
	if m == nil {
		return bytes.Clone(value)
	}
	if cap(m.bytes)-len(m.bytes) < len(value) {
		m.bytes = make([]byte, 0, max(len(value), min(2*cap(m.bytes), scratchMost)))
	}
	at := len(m.bytes)
	m.bytes = append(m.bytes, value...)
	return m.bytes[at:len(m.bytes):len(m.bytes)]
}
