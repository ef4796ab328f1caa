package node

import (
	"slices"
	"sync"
)

// blockOverhead is what a block takes in memory beside its bytes, roughly.
const blockOverhead = 256

// tail is the visible end of the log: the newest blocks, bounded by bytes, and
// the position up to which the log is durable. Everything that reads looks no
// further than that position, because Pebble shows a write before it is flushed.
type tail struct {
	limit int // bytes

	mu      sync.Mutex
	blocks  []*block // in order, without gaps
	bytes   int
	floor   uint64        // everything after this position is in blocks
	last    uint64        // position of the last durable record, 0 in an empty log
	changed chan struct{} // closed and replaced at each publication
}

func newTail(limit int, last uint64) *tail {
	return &tail{limit: limit, floor: last, last: last, changed: make(chan struct{})}
}

// publish makes durable blocks visible, in the order of their positions, and
// wakes who waits. The oldest blocks leave when the tail exceeds its limit, but
// the newest always stays.
func (t *tail) publish(blocks []*block) {
	if len(blocks) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range blocks {
		t.bytes += len(b.raw) + blockOverhead
	}
	t.blocks = append(t.blocks, blocks...)
	drop := 0
	for t.bytes > t.limit && drop < len(t.blocks)-1 {
		t.bytes -= len(t.blocks[drop].raw) + blockOverhead
		t.floor = t.blocks[drop].lastPosition()
		drop++
	}
	// Delete moves the rest to the front, so the slice does not creep through memory.
	t.blocks = slices.Delete(t.blocks, 0, drop)
	t.last = t.blocks[len(t.blocks)-1].lastPosition()
	close(t.changed)
	t.changed = make(chan struct{})
}

// size is about how many bytes of memory the blocks take.
func (t *tail) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes
}

// end returns the position of the last durable record.
func (t *tail) end() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// start returns the position from which on the tail holds everything.
func (t *tail) start() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.floor
}

// reaches reports whether the tail holds everything after a position.
func (t *tail) reaches(position uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return position >= t.floor
}

// after returns blocks that hold records after a position, in order: at least one
// if there is any, and about maxBytes of them. Where there are none, changed is closed by the next
// publication. behind says that the tail no longer reaches back that far: read
// from disk.
func (t *tail) after(position uint64, maxBytes int) (blocks []*block, behind bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if position >= t.last {
		return nil, false, t.changed
	}
	if position < t.floor {
		return nil, true, nil
	}
	index, _ := slices.BinarySearchFunc(t.blocks, position, func(b *block, position uint64) int {
		if b.lastPosition() <= position {
			return -1
		}
		return 1
	})
	end := index
	for end < len(t.blocks) && maxBytes > 0 {
		maxBytes -= len(t.blocks[end].raw)
		end++
	}
	return slices.Clone(t.blocks[index:end]), false, nil
}

// find returns the block at a position, nil where the tail does not hold it.
func (t *tail) find(position uint64) *block {
	t.mu.Lock()
	defer t.mu.Unlock()
	index, found := slices.BinarySearchFunc(t.blocks, position, func(b *block, position uint64) int {
		switch {
		case b.position < position:
			return -1
		case b.position > position:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return t.blocks[index]
}
