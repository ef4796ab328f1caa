package node

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// linearCall is one call on one stream: a read of the newest event, or an append.
type linearCall struct {
	stream   string
	read     bool
	batch    bool
	expected int64
	ids      string // of four bytes each
}

// linearAnswer is what came back. Of an append whose answer never came nobody
// knows whether it has happened, or ever will.
type linearAnswer struct {
	unknown  bool
	ending   ending
	revision int64
	id       string // that a read found
}

// linearStep is the stream as a sequence of ids, one call at a time.
func linearStep(before, call, answer any) (bool, any) {
	state, c, a := before.(string), call.(linearCall), answer.(linearAnswer)
	last := int64(len(state)/4) - 1
	if c.read {
		if last < 0 {
			return a.ending == notFound, state
		}
		return a == linearAnswer{ending: done, revision: last, id: state[len(state)-4:]}, state
	}
	next, want := state+c.ids, linearAnswer{ending: done, revision: last + int64(len(c.ids)/4)}
	found := int64(strings.Index(state, c.ids)) // ids are made so that none hides across two others
	switch {
	case c.expected == expectAny && found >= 0:
		next, want.revision = state, found/4+int64(len(c.ids)/4)-1
	case c.expected == expectAny || c.expected == last:
	case c.expected < last && found == 4*(c.expected+1):
		next, want.revision = state, c.expected+int64(len(c.ids)/4)
	default:
		next, want = state, linearAnswer{ending: wrong, revision: last}
	}
	return a.unknown || a == want, next
}

var linearSeed = maphash.MakeSeed()

var linearModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byStream := make(map[string][]porcupine.Operation)
		for _, operation := range history {
			stream := operation.Input.(linearCall).stream
			byStream[stream] = append(byStream[stream], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byStream {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: linearStep,
	Hash: func(state any) uint64 { return maphash.String(linearSeed, state.(string)) },
	DescribeOperation: func(call, answer any) string {
		c, a := call.(linearCall), answer.(linearAnswer)
		if c.read {
			return fmt.Sprintf("read: %s %d %x", a.ending, a.revision, a.id)
		}
		if a.unknown {
			return fmt.Sprintf("append %x at %d: unknown", c.ids, c.expected)
		}
		return fmt.Sprintf("append %x at %d: %s %d", c.ids, c.expected, a.ending, a.revision)
	},
}

// historian writes down what clients did and when.
type historian struct {
	began  time.Time
	ids    atomic.Uint32
	mu     sync.Mutex
	events []porcupine.Operation
}

// never is later than every answer.
const never = int64(math.MaxInt64)

func (h *historian) now() int64 { return int64(time.Since(h.began)) }

func (h *historian) note(client int, call linearCall, began int64, answer linearAnswer) {
	ended := h.now()
	if answer.unknown {
		ended = never
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, porcupine.Operation{ClientId: client, Input: call, Call: began, Output: answer, Return: ended})
}

// newID marks the first of the four bytes, so that no id hides across two others.
func (h *historian) newID() string {
	n := h.ids.Add(1)
	return string([]byte{0x80, byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)})
}

func linearEvents(ids string) (events []proposal) {
	for at := 0; at < len(ids); at += 4 {
		var id uuid.UUID
		copy(id[:], ids[at:at+4])
		events = append(events, proposal{id: id, kind: "T", json: true, data: "{}"})
	}
	return events
}

// client makes calls until its context ends. It knows no more of the streams than
// it was answered, gives up some calls, and repeats those without an answer.
func (h *historian) client(ctx context.Context, number int, node plainClient, names []string, random *rand.Rand, each func()) {
	heads := make(map[string]int64)
	var again []linearCall
	for ctx.Err() == nil {
		call := linearCall{stream: names[random.IntN(len(names))], read: random.IntN(3) == 0}
		switch {
		case call.read:
		case len(again) > 0 && random.IntN(4) > 0:
			call, again = again[0], again[1:] // with the same ids
		default:
			call.batch = random.IntN(3) == 0
			for range 1 + random.IntN(3) {
				call.ids += h.newID()
			}
			known, ok := heads[call.stream]
			switch {
			case random.IntN(4) == 0:
				call.expected = expectAny
			case !ok || random.IntN(10) == 0:
				call.expected = expectNothing
			default:
				call.expected = known
			}
		}
		patience, cancel := context.WithCancel(ctx)
		if random.IntN(8) == 0 {
			cancel()
			patience, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
		}
		began := h.now()
		answer, err := linearMake(patience, node, call)
		lost := err != nil && patience.Err() == nil
		cancel()
		switch {
		case err != nil && call.read: // it tells nothing
		case err != nil:
			h.note(number, call, began, linearAnswer{unknown: true})
			again = append(again, call)
		default:
			h.note(number, call, began, answer)
			if answer.ending != notFound {
				heads[call.stream] = answer.revision
			}
		}
		if lost {
			return // the node is: what could be called now would all be unknown
		}
		each()
	}
}

func linearMake(ctx context.Context, node plainClient, call linearCall) (linearAnswer, error) {
	if call.read {
		events, v, err := node.read(ctx, reach{stream: call.stream, backwards: true, from: whence{end: true}, count: 1})
		if err != nil || v == notFound {
			return linearAnswer{ending: v}, err
		}
		if len(events) != 1 {
			return linearAnswer{}, fmt.Errorf("%d newest events", len(events))
		}
		return linearAnswer{ending: v, revision: events[0].revision, id: string(events[0].id[:4])}, nil
	}
	write := node.append
	if call.batch {
		write = func(ctx context.Context, stream string, expected int64, events ...proposal) (outcome, error) {
			return node.batch(ctx, 2, stream, expected, events...)
		}
	}
	got, err := write(ctx, call.stream, call.expected, linearEvents(call.ids)...)
	return linearAnswer{ending: got.ending, revision: got.revision}, err
}

// cut makes unknown what was answered at a time or later: the disk was taken away
// then, and what the node said afterwards does not bind it.
func (h *historian) cut(at int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = slices.DeleteFunc(h.events, func(o porcupine.Operation) bool {
		return o.Input.(linearCall).read && o.Return >= at
	})
	for i := range h.events {
		if h.events[i].Return >= at {
			h.events[i].Return, h.events[i].Output = never, linearAnswer{unknown: true}
		}
	}
}

func (h *historian) require(t *testing.T, want porcupine.CheckResult) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(linearModel, h.events, 2*time.Minute)
	if result == want {
		return
	}
	if file, err := os.CreateTemp("", "jeongsan-history-*.html"); err == nil {
		t.Logf("the history as a picture: %s (%v)", file.Name(), porcupine.Visualize(linearModel, info, file))
	}
	require.Equal(t, want, result)
}

// run lets clients work on a node until enough calls were answered, calls then,
// which takes the node away, and waits for the clients.
func (h *historian) run(t *testing.T, address string, seed uint64, enough int64, then func()) {
	node, hangUp := dialPlain(t, address)
	defer hangUp()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := make(chan struct{})
	var answered atomic.Int64
	each := func() {
		if answered.Add(1) == enough {
			close(reached)
		}
	}
	var clients sync.WaitGroup
	for number := range 6 {
		random := rand.New(rand.NewPCG(seed, uint64(number)))
		clients.Go(func() {
			h.client(ctx, number, node, []string{"a", "b"}, random, each)
		})
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		clients.Wait()
	}()
	select {
	case <-reached:
	case <-left:
		t.Error("the node was lost before its time")
	}
	then()
	cancel()
	<-left
}

// TestOneStreamIsLinearizable runs clients at once against a node that loses its
// disk in between, and lets porcupine look for an order of all calls that explains
// every answer.
func TestOneStreamIsLinearizable(t *testing.T) {
	rounds := 3
	if os.Getenv("JEONGSAN_LONG") == "1" {
		rounds = 40
	}
	for round := range rounds {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		h := &historian{began: time.Now()}
		filesystem := vfs.NewCrashableMem()
		for range 3 {
			n := openNode(t, "log", inMemory(filesystem))
			var cut *vfs.MemFS
			var at int64
			h.run(t, n.Addr(), seed, 200, func() {
				at = h.now()
				cut = filesystem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: round % 3 * 50, RNG: rand.New(rand.NewPCG(seed, 1))})
			})
			require.NoError(t, n.Close())
			h.cut(at)
			filesystem = cut
		}
		h.require(t, porcupine.Ok)
		h.spoil(t)
		require.False(t, porcupine.CheckOperations(linearModel, h.events), "a planted fault was not found")
	}
}

// spoil lets a read find an event one revision too high.
func (h *historian) spoil(t *testing.T) {
	for i := range h.events {
		answer := h.events[i].Output.(linearAnswer)
		if h.events[i].Input.(linearCall).read && answer.ending == done {
			answer.revision++
			h.events[i].Output = answer
			return
		}
	}
	require.Fail(t, "no read in the history")
}

// TestOneStreamIsLinearizableOverKills is the same with processes that are killed.
func TestOneStreamIsLinearizableOverKills(t *testing.T) {
	rounds := 2
	if os.Getenv("JEONGSAN_LONG") == "1" {
		rounds = 6
	}
	dir := t.TempDir()
	h := &historian{began: time.Now()}
	for range rounds {
		child := startChild(t, dir)
		h.run(t, child.address(), rand.Uint64(), 200, func() { child.kill(t) })
	}
	h.require(t, porcupine.Ok)
}

// TestLinearizabilityCanFail plants faults in a history: a check that accepts them
// would prove nothing.
func TestLinearizabilityCanFail(t *testing.T) {
	a, b := "\x80\x00\x00\x01", "\x80\x00\x00\x02"
	write := func(expected int64, ids string) linearCall {
		return linearCall{stream: "a", expected: expected, ids: ids}
	}
	read := linearCall{stream: "a", read: true}
	success := func(revision int64) linearAnswer { return linearAnswer{ending: done, revision: revision} }
	found := func(revision int64, id string) linearAnswer {
		return linearAnswer{ending: done, revision: revision, id: id}
	}
	unknown := linearAnswer{unknown: true}
	for name, c := range map[string]struct {
		calls    []linearCall
		answers  []linearAnswer
		parallel bool
		want     bool
	}{
		"in order":               {[]linearCall{write(-1, a), write(0, b), read}, []linearAnswer{success(0), success(1), found(1, b)}, false, true},
		"a stale read":           {[]linearCall{write(-1, a), write(0, b), read}, []linearAnswer{success(0), success(1), found(0, a)}, false, false},
		"a stale read, in time":  {[]linearCall{write(-1, a), write(0, b), read}, []linearAnswer{success(0), success(1), found(0, a)}, true, true},
		"a lost append":          {[]linearCall{write(-1, a), read}, []linearAnswer{success(0), {ending: notFound}}, false, false},
		"two appends at once":    {[]linearCall{write(-1, a), write(-1, b)}, []linearAnswer{success(0), success(0)}, true, false},
		"an append twice":        {[]linearCall{write(-2, a), write(-2, a)}, []linearAnswer{success(0), success(1)}, false, false},
		"a repetition":           {[]linearCall{write(-2, a), write(-2, b), write(-2, a)}, []linearAnswer{success(0), success(1), success(0)}, false, true},
		"an unknown, happened":   {[]linearCall{write(-1, a), read}, []linearAnswer{unknown, found(0, a)}, false, true},
		"an unknown, never":      {[]linearCall{write(-1, a), read}, []linearAnswer{unknown, {ending: notFound}}, false, true},
		"an unknown, half":       {[]linearCall{write(-1, a+b), read}, []linearAnswer{unknown, found(0, a)}, false, false},
		"an unknown, gone again": {[]linearCall{write(-1, a), read, read}, []linearAnswer{unknown, found(0, a), {ending: notFound}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := new(historian)
			for i := range c.calls {
				operation := porcupine.Operation{ClientId: i, Input: c.calls[i], Output: c.answers[i], Call: int64(10 * i), Return: int64(10*i + 5)}
				if c.parallel {
					operation.Call, operation.Return = 1, 2
				}
				if c.answers[i].unknown {
					operation.Return = never
				}
				h.events = append(h.events, operation)
			}
			require.Equal(t, c.want, porcupine.CheckOperations(linearModel, h.events))
		})
	}
}
