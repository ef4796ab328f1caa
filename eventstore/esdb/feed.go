package esdb

import (
	"context"
	"sync"

	"github.com/jeongsan/jeongsan/eventstore"
)

const (
	// feedMessages and feedBytes bound how far a feed reads ahead.
	feedMessages = 1024
	feedBytes    = 4 << 20
)

// received is a message with what only copies of logs want to know.
type received struct {
	eventstore.Message
	prepare eventstore.Position // of the event; mostly the same as its position
	json    bool                // the event's content type
}

// feed hands messages from the goroutine that receives them to the one that uses
// them, many at a time: two goroutines that meet at every event would cost more
// than the event. It is bounded, so that a slow user slows the server down.
type feed struct {
	done <-chan struct{} // closed when nobody wants messages any more

	mu    sync.Mutex
	items []received
	bytes int
	err   error
	ready chan struct{} // holds a token where items or err may have come
	space chan struct{} // holds a token where there may be room again

	// The receiver's alone.
	batch []received
	index int
}

func newFeed(done <-chan struct{}) *feed {
	return &feed{done: done, ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put adds a message and waits while the feed is full. It returns false when
// nobody wants messages any more.
func (f *feed) put(message received) bool {
	size := 0
	if message.Event != nil {
		size = len(message.Event.Data) + len(message.Event.Metadata)
	}
	for {
		f.mu.Lock()
		// A message larger than the bound passes through an empty feed.
		if len(f.items) == 0 || (len(f.items) < feedMessages && f.bytes+size <= feedBytes) {
			first := len(f.items) == 0
			f.items = append(f.items, message)
			f.bytes += size
			f.mu.Unlock()
			if first {
				signal(f.ready)
			}
			return true
		}
		f.mu.Unlock()
		select {
		case <-f.space:
		case <-f.done:
			return false
		}
	}
}

// end says that no message follows, and why. Messages put before are still received.
func (f *feed) end(err error) {
	f.mu.Lock()
	f.err = err
	f.mu.Unlock()
	signal(f.ready)
}

// next waits for a message. Given up by the context, nothing is lost.
func (f *feed) next(ctx context.Context) (received, error) {
	if f.index < len(f.batch) {
		message := f.batch[f.index]
		f.batch[f.index] = received{}
		f.index++
		return message, nil
	}
	for {
		f.mu.Lock()
		if len(f.items) > 0 {
			f.batch, f.items = f.items, f.batch[:0]
			f.bytes = 0
			f.mu.Unlock()
			signal(f.space)
			message := f.batch[0]
			f.batch[0] = received{}
			f.index = 1
			return message, nil
		}
		err := f.err
		f.mu.Unlock()
		if err != nil {
			return received{}, err
		}
		select {
		case <-f.ready:
		case <-ctx.Done():
			return received{}, ctx.Err()
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
