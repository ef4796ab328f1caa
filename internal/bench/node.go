package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Node is a running event store node and a client of this process to it.
type Node struct {
	Store eventstore.Store
	// PID is the process that the node has for itself, 0 where it runs in this one.
	PID int
	// Stop ends node and client in order. Kill does it as a power cut would; it is
	// nil where the node runs in this process.
	Stop, Kill func() error
}

// StartNode starts a node over a directory, which it makes where there is none,
// and returns when a client has reached it.
type StartNode func(ctx context.Context, dir string) (*Node, error)

// node is one with its directory. The zero value is stopped.
type node struct {
	*Node
	start StartNode
	dir   string
	took  time.Duration // from starting the process until the first answer
}

// startNode starts a node over a fresh directory.
func (b *bench) startNode(ctx context.Context, name string) (*node, error) {
	dir, err := b.directory(name)
	if err != nil {
		return nil, err
	}
	n := &node{start: b.config.StartNode, dir: dir}
	return n, n.open(ctx)
}

// open starts the node, and waits until it has answered a question.
func (n *node) open(ctx context.Context) error {
	started := time.Now()
	opened, err := n.start(ctx, n.dir)
	if err != nil {
		return err
	}
	n.Node = opened
	_, err = opened.Store.LastPosition(ctx)
	n.took = time.Since(started)
	return err
}

// stop stops the node; again, it does nothing.
func (n *node) stop() error {
	if n.Node == nil {
		return nil
	}
	running := n.Node
	n.Node = nil
	return running.Stop()
}

// restart stops the node and starts it again: it then remembers nothing.
func (n *node) restart(ctx context.Context) error {
	if err := n.stop(); err != nil {
		return err
	}
	return n.open(ctx)
}

// discardNode stops a node and removes its log.
func (b *bench) discardNode(n *node) error {
	if n == nil {
		return nil
	}
	return errors.Join(n.stop(), b.remove(n.dir))
}

// memory is what the node's process holds resident, highest so far, in bytes.
func (n *node) memory() int64 {
	if n.PID == 0 {
		return peakMemory(os.Getpid())
	}
	return peakMemory(n.PID)
}

// writer appends to streams of its own in a node. Its methods belong to one
// goroutine.
type writer struct {
	facts   *facts
	streams []written
	next    atomic.Int64 // the number of the next event
}

// written is a stream and how much is in it.
type written struct {
	name  domain.StreamID
	count uint64
}

// nodeStreams is the prefix of the streams that a writer writes.
const nodeStreams = "sale-"

func newWriter(seed uint64, streams int) *writer {
	w := &writer{facts: newFacts(seed), streams: make([]written, streams)}
	for i := range w.streams {
		w.streams[i].name = domain.StreamID(nodeStreams + strconv.Itoa(i))
	}
	return w
}

// budget gives so many events away, in pieces of at most group. It is safe for
// concurrent use.
func budget(n, group int) func() int {
	var given atomic.Int64
	return func() int {
		before := int(given.Add(int64(group))) - group
		return max(0, min(group, n-before))
	}
}

// during gives single events away for a while. It is safe for concurrent use.
func during(long time.Duration) func() int {
	end := time.Now().Add(long)
	return func() int {
		if time.Now().Before(end) {
			return 1
		}
		return 0
	}
}

// append lets callers append at once, each one append at a time and in turn to
// the streams that are its own, as long as take gives them events. The sample
// holds how long each append took, weighed by its events.
func (w *writer) append(ctx context.Context, store eventstore.Store, callers int, take func() int) (*sample, error) {
	if callers > len(w.streams) {
		return nil, fmt.Errorf("%d callers and %d streams", callers, len(w.streams))
	}
	samples := make([]sample, callers)
	group, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		group.Go(func() error {
			var events facing
			for at := caller; ; at += callers {
				if at >= len(w.streams) {
					at = caller
				}
				n := take()
				if n == 0 {
					return nil
				}
				from := w.next.Add(int64(n)) - int64(n)
				w.facts.fill(&events, uint64(from), n)
				began := time.Now()
				if err := w.streams[at].append(ctx, store, events.events); err != nil {
					return err
				}
				samples[caller].add(time.Since(began), n)
			}
		})
	}
	err := group.Wait()
	all := &sample{}
	for i := range samples {
		all.join(&samples[i])
	}
	return all, err
}

func (s *written) append(ctx context.Context, store eventstore.Store, events []eventstore.Proposed) error {
	_, err := store.Append(ctx, s.name, eventstore.After(s.count), events...)
	if err == nil {
		s.count += uint64(len(events))
	}
	return err
}

// usedByNode adds the CPU time of n events: of this process, which is the client,
// and of the node's.
func (r *result) usedByNode(u usage, n int) {
	if !measurable || n == 0 {
		return
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	r.add("cpu_client", each(u.own), "µs/event")
	r.add("cpu_node", each(u.other), "µs/event")
	r.add("cpu", each(u.own+u.other), "µs/event")
}
