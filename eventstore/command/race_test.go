package command

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// mixture is a history of sales, refunds and reversals, originals first.
func mixture(n int) (first, second []domain.Command) {
	first = sales(0, n)
	for i := range n {
		original := fmt.Sprintf("S-%06d", i)
		switch i % 5 {
		case 0:
			second = append(second, refund("Q1-"+original, original, 4_000), refund("Q2-"+original, original, 6_000))
		case 1:
			second = append(second, reversal("R-"+original, original))
		}
	}
	return first, second
}

func shuffled(random *rand.Rand, commands []domain.Command) []domain.Command {
	out := make([]domain.Command, len(commands))
	for i, j := range random.Perm(len(commands)) {
		out[i] = commands[j]
	}
	return out
}

// TestTwoWriters: two processes write the same commands to one book in other
// orders. Each key is settled once, each caller gets the same answer, and both
// states are the log's.
func TestTwoWriters(t *testing.T) {
	r, _ := memoryRig(t)
	doors := []*Local{r.open(""), r.open(""), r.open("")}
	seed(t, doors[0])
	first, second := mixture(400)
	var mu sync.Mutex
	refs := map[string]domain.Ref{}
	for round, commands := range [][]domain.Command{first, second} {
		var wg sync.WaitGroup
		for n, door := range doors {
			random := rand.New(rand.NewPCG(uint64(round), uint64(n)))
			mine := shuffled(random, commands)
			for len(mine) > 0 {
				part := mine[:min(len(mine), 1+random.IntN(90))]
				mine = mine[len(part):]
				wg.Go(func() {
					for i, reply := range do(door, part...) {
						if !assert.NoError(t, reply.Err) {
							return
						}
						key := ids(part[i : i+1])[0]
						mu.Lock()
						if ref, known := refs[key]; known {
							assert.Equal(t, ref, reply.Ref)
						}
						refs[key] = reply.Ref
						mu.Unlock()
					}
				})
			}
		}
		wg.Wait()
	}
	r.once(append(ids(first), ids(second)...)...)
	hash := r.fold().Hash()
	for _, door := range doors {
		// A writer that was last beaten learns of it with the next command.
		replayed(t, do(door, first...)...)
		refused(t, domain.CodeMissingOriginal, do(door, refund("none", "none", 1))...)
		require.Equal(t, hash[:], r.header(door).Hash)
	}
}

// TestLostRaceFindsWhatTheOtherWrote: a refusal is never from an old state.
func TestLostRaceFindsWhatTheOtherWrote(t *testing.T) {
	r, _ := memoryRig(t)
	here, there := r.open(""), r.open("")
	seed(t, here)
	applied(t, do(there, sale("first"))...)
	applied(t, do(here, sale("A"))...)
	applied(t, do(there, refund("B", "A", 1_000))...)
	applied(t, do(here, reversal("R", "B"))...)
	applied(t, do(there, reversal("S", "A"))...)
	refused(t, domain.CodeConflict, do(here, refund("C", "A", 1))...)
}

// tally is an Observer that counts.
type tally struct {
	mu      sync.Mutex
	events  map[string]int
	retries map[string]int
}

func (o *tally) Appended(category string, events int, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events[category] += events
}

func (o *tally) Retried(category, cause string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retries[category+" "+cause]++
}

// TestEveryAppendFails: each append fails once, before or after it took effect.
// Nothing is lost and nothing doubled, and no caller hears of it.
func TestEveryAppendFails(t *testing.T) {
	for name, fault := range map[string]memory.Fault{
		"failed":               {Fail: errors.New("planted")},
		"failed but persisted": {FailPersisted: errors.New("planted")},
	} {
		t.Run(name, func(t *testing.T) {
			r, store := memoryRig(t)
			var mu sync.Mutex
			seen := map[string]bool{}
			store.OnAppend(func(a memory.Append) memory.Fault {
				mu.Lock()
				defer mu.Unlock()
				this := fmt.Sprint(a.Stream, a.Expected, a.Events[0].ID)
				if seen[this] {
					return memory.Fault{}
				}
				seen[this] = true
				return fault
			})
			heard := &tally{events: map[string]int{}, retries: map[string]int{}}
			r.observer = heard
			l := r.open("")
			seed(t, l)
			first, second := mixture(20)
			for _, commands := range [][]domain.Command{first, second} {
				for len(commands) > 0 {
					part := commands[:min(len(commands), 7)]
					commands = commands[len(part):]
					applied(t, do(l, part...)...)
					replayed(t, do(l, part...)...)
				}
			}
			r.once(append(ids(first), ids(second)...)...)
			require.Equal(t, len(first)+len(second), heard.events["book"])
			require.Equal(t, len(parties), heard.retries["party unknown"])
			hash := r.fold().Hash()
			require.Equal(t, hash[:], r.header(l).Hash)
		})
	}
}

// TestRandomFaults: two writers, random faults, appends that arrive late.
func TestRandomFaults(t *testing.T) {
	r, store := memoryRig(t)
	doors := []*Local{r.open(""), r.open("")}
	seed(t, doors[0])
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(3, 9))
	store.OnAppend(func(memory.Append) memory.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(6) {
		case 0:
			return memory.Fault{Fail: errors.New("planted")}
		case 1:
			return memory.Fault{FailPersisted: errors.New("planted")}
		case 2:
			late := make(chan struct{})
			time.AfterFunc(time.Duration(random.IntN(3))*time.Millisecond, func() { close(late) })
			return memory.Fault{Hold: late}
		}
		return memory.Fault{}
	})
	first, second := mixture(60)
	for _, commands := range [][]domain.Command{first, second} {
		var wg sync.WaitGroup
		for n, door := range doors {
			mine := shuffled(rand.New(rand.NewPCG(uint64(n), 1)), commands)
			wg.Go(func() {
				for len(mine) > 0 {
					part := mine[:min(len(mine), 11)]
					mine = mine[len(part):]
					for _, reply := range do(door, part...) {
						assert.NoError(t, reply.Err)
					}
				}
			})
		}
		wg.Wait()
	}
	store.OnAppend(nil)
	r.once(append(ids(first), ids(second)...)...)
	r.fold()
}

// TestClosingWithAnUnknownOutcome: the caller is told so, and the same key later
// gives the first answer, whether the append took effect or not.
func TestClosingWithAnUnknownOutcome(t *testing.T) {
	for name, fault := range map[string]memory.Fault{
		"failed": {Fail: errors.New("planted")}, "failed but persisted": {FailPersisted: errors.New("planted")},
	} {
		t.Run(name, func(t *testing.T) {
			r, store := memoryRig(t)
			dir := t.TempDir()
			l := r.open(dir)
			seed(t, l)
			applied(t, do(l, sale("A"))...)
			failing := make(chan struct{})
			var once sync.Once
			store.OnAppend(func(memory.Append) memory.Fault { once.Do(func() { close(failing) }); return fault })
			answers := make(chan []Reply, 1)
			go func() { answers <- do(l, sale("B"), sale("C")) }()
			<-failing
			require.NoError(t, l.Close())
			refused(t, domain.CodeOutcomeUnknown, <-answers...)
			store.OnAppend(nil)
			l = r.open(dir)
			for _, reply := range do(l, sale("B"), sale("C")) {
				require.NoError(t, reply.Err)
			}
			r.once("A", "B", "C")
		})
	}
}

// turning is a store that loses the answer of one append and refuses its repetition.
type turning struct {
	eventstore.Store
	lost, refused atomic.Bool
}

func (s *turning) Append(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	if s.lost.CompareAndSwap(false, true) {
		_, err := s.Store.Append(ctx, stream, expected, events...)
		return eventstore.Appended{}, errors.Join(err, &eventstore.Error{Code: eventstore.CodeTimeout, Op: "append", Stream: stream})
	}
	if s.refused.CompareAndSwap(false, true) {
		return eventstore.Appended{}, &eventstore.Error{Code: eventstore.CodeClosed, Op: "append", Stream: stream}
	}
	return s.Store.Append(ctx, stream, expected, events...)
}

// TestRefusalAfterALostAnswer: what may have taken effect is never said not to have.
func TestRefusalAfterALostAnswer(t *testing.T) {
	r, _ := memoryRig(t)
	seed(t, r.open(""))
	for _, command := range []domain.Command{sale("A"), party.RegisterParty{Party: "late", Kind: party.Operator}} {
		store := &turning{Store: r.store}
		l, err := Open(t.Context(), Config{Store: store, Identity: r.id, Keys: r.keys, IndexDir: t.TempDir(), Logger: quiet})
		require.NoError(t, err)
		refused(t, domain.CodeOutcomeUnknown, do(l, command)...)
		replayed(t, do(l, command)...)
		require.NoError(t, l.Close())
	}
	r.once("A")
}

func TestDefiniteFailuresOfTheStore(t *testing.T) {
	r, store := memoryRig(t)
	l := r.open("")
	seed(t, l)
	store.OnRead(func(stream domain.StreamID) error {
		if stream == "book-main" {
			return errors.New("planted")
		}
		return nil
	})
	refused(t, domain.CodeUnavailable, do(l, sale("A"))...)
	store.OnRead(nil)
	applied(t, do(l, sale("A"))...)
	store.OnRead(func(domain.StreamID) error { return errors.New("planted") })
	replayed(t, do(l, sale("A"))...)
	refused(t, domain.CodeUnavailable, do(l, reversal("R", "A"))...)
	store.OnRead(nil)
	applied(t, do(l, reversal("R", "A"))...)
	r.once("A", "R")
}
