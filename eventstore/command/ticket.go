package command

import (
	"context"
	"sync"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
)

// ticket is what one call of Do asks of one book. The caller waits on it; the
// writer takes its items in order and answers each.
type ticket struct {
	items  []item
	places []int // of the items in the caller's replies

	mu        sync.Mutex
	replies   []Reply
	answered  []bool
	left      int
	taken     int  // items before this one have been tried
	abandoned bool // the caller is gone: items not yet taken are not tried
	done      chan struct{}
}

func (t *ticket) add(i item, place int) {
	t.items = append(t.items, i)
	t.places = append(t.places, place)
}

// ready prepares the ticket for the writer.
func (t *ticket) ready() {
	t.replies = make([]Reply, len(t.items))
	t.answered = make([]bool, len(t.items))
	t.left = len(t.items)
	t.done = make(chan struct{})
}

// take marks up to n items as tried and returns their range. An abandoned
// ticket gives none.
func (t *ticket) take(n int) (from, to int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.abandoned {
		return len(t.items), len(t.items)
	}
	from = t.taken
	t.taken = min(len(t.items), from+n)
	return from, t.taken
}

// giveBack returns the last taken items, which were not tried after all.
func (t *ticket) giveBack(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken -= n
}

// over reports whether there is nothing left to take.
func (t *ticket) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.abandoned || t.taken == len(t.items)
}

func (t *ticket) answer(i int, reply Reply) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answered[i] {
		return
	}
	t.replies[i], t.answered[i] = reply, true
	if t.left--; t.left == 0 {
		close(t.done)
	}
}

// refuse answers everything that was not taken.
func (t *ticket) refuse(err error) {
	_, from := t.take(0)
	for i := from; i < len(t.items); i++ {
		t.answer(i, Reply{Err: err})
	}
	t.mu.Lock()
	t.abandoned = true
	t.mu.Unlock()
}

// allMissing reports whether there is a reason for each item why it cannot be
// carried out in an empty book.
func (t *ticket) allMissing() bool {
	for i := range t.items {
		if !t.items[i].idle() {
			return false
		}
	}
	return true
}

// refuseMissing answers each item as an empty book would.
func (t *ticket) refuseMissing() {
	empty := book.Decider.Initial()
	for i := range t.items {
		it := &t.items[i]
		_, err := book.Decider.Decide(empty, it.command())
		switch {
		case it.unknown != nil && (err == nil || domain.CodeOf(err) == domain.CodeInternal):
			err = it.unknown
		default:
			err = it.because(err)
		}
		t.answer(i, Reply{Err: err})
	}
}

// wait returns the replies when all are there, or when ctx ends: then what was
// tried has an unknown outcome and the rest is not tried any more.
func (t *ticket) wait(ctx context.Context) []Reply {
	select {
	case <-t.done:
		return t.replies
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abandoned = true
	replies := make([]Reply, len(t.replies))
	copy(replies, t.replies)
	for i := range replies {
		switch {
		case t.answered[i]:
		case i < t.taken:
			replies[i].Err = unknownOutcome(context.Cause(ctx))
		default:
			replies[i].Err = notTried(context.Cause(ctx))
		}
	}
	return replies
}
