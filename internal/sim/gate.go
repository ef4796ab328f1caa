package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/jeongsan/jeongsan/eventstore/command"
)

// verdict is what becomes of an operation that was parked at the gate.
type verdict int

const (
	pass     verdict = iota
	fail             // it has no effect and says that it failed
	persist          // it takes effect and says that it failed
	late             // it is under way until the driver lets it arrive
	breakOff         // a read ends in the middle
	lose             // an answer does not reach the caller
	cut              // its process is dead
	cutLate          // its process is dead, but the request had left
)

func (v verdict) String() string {
	return [...]string{"pass", "fail", "persist", "late", "break off", "lose", "cut", "cut late"}[v]
}

// kind is what an operation is.
type kind int

const (
	appending kind = iota
	reading
	subscribing
	receiving
	asking    // a call of the door begins
	answering // a call of the door is over
	idling    // a lane wants a job
)

// op is an operation parked at the gate.
type op struct {
	kind  kind
	owner string // process
	key   string // what it is, the same in every run of the seed
	step  int    // at which it arrived
	twin  bool   // another one like it arrived at the same step
	sync  bool   // a caller of the door waits for it, to learn of new terms

	fate chan verdict
	hold chan struct{} // of verdict late

	call *call     // asking, answering
	lane *lane     // idling
	done *finished // idling: what became of the last job
	job  *job      // idling: the next one, set by the driver
}

// call is one call of the door.
type call struct {
	asked    uint64 // position of the log as it was when the call began
	requests []command.Request
	replies  []command.Reply
}

// gate is where operations park. It is safe for concurrent use.
type gate struct {
	arrived chan struct{}

	mu     sync.Mutex
	step   int
	open   bool // nothing parks any more
	parked []*op
}

func newGate() *gate { return &gate{arrived: make(chan struct{}, 1)} }

var errCut = errors.New("the process was killed")

// pass parks an operation until the driver decides on it. The error is the
// context's.
func (g *gate) pass(ctx context.Context, o *op) (verdict, error) {
	g.mu.Lock()
	if g.open {
		g.mu.Unlock()
		return pass, ctx.Err()
	}
	o.step, o.fate = g.step, make(chan verdict, 1)
	g.parked = append(g.parked, o)
	g.mu.Unlock()
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	select {
	case v := <-o.fate:
		return v, nil
	case <-ctx.Done():
	}
	select {
	case v := <-o.fate: // both at once: the driver's word counts
		return v, nil
	default:
	}
	g.remove(o)
	return cut, context.Cause(ctx)
}

func (g *gate) remove(o *op) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.parked = slices.DeleteFunc(g.parked, func(p *op) bool { return p == o })
}

// list gives what is parked in an order that every run of the seed has.
func (g *gate) list() []*op {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortStableFunc(g.parked, func(a, b *op) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.owner, b.owner), cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key))
	})
	return slices.Clone(g.parked)
}

// twins makes sure that operations which cannot be told apart, as two reads of the
// same event at once, have the same fate: which of them is drawn is not the seed's
// to say. It reports whether the operation is or was one of several.
func (g *gate) twins(o *op) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.parked {
		if p != o && p.step == o.step && p.owner == o.owner && p.kind == o.kind && p.key == o.key {
			p.twin, o.twin = true, true
		}
	}
	return o.twin
}

// release lets an operation go on.
func (g *gate) release(o *op, v verdict) {
	g.remove(o)
	o.fate <- v
}

// next begins a step.
func (g *gate) next() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.step++
	return g.step
}

// now is the number of the step.
func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.step
}

// unlock lets everything pass from now on.
func (g *gate) unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
	for _, o := range g.parked {
		o.fate <- pass
	}
	g.parked = nil
}
