package bench

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// TestFacts: the same seed gives the same events, each of one size, with an id and
// a number of its own.
func TestFacts(t *testing.T) {
	one, again, other := newFacts(7), newFacts(7), newFacts(8)
	ids := map[uuid.UUID]bool{}
	var got, same, others facing
	for from := uint64(0); from < 3*factTemplates; from += groupEvents {
		one.fill(&got, from, groupEvents)
		again.fill(&same, from, groupEvents)
		require.Equal(t, got.events, same.events)
		for i, e := range got.events {
			require.Equal(t, factBytes, len(e.Data)+len(e.Metadata))
			n, ok := number(e.Data)
			require.True(t, ok)
			require.Equal(t, from+uint64(i), n)
			require.False(t, ids[e.ID], "an id is given twice")
			ids[e.ID] = true
		}
	}
	one.fill(&got, 0, groupEvents)
	other.fill(&others, 0, groupEvents)
	require.NotEqual(t, got.events, others.events)
	distinct := map[string]bool{}
	for _, e := range got.events {
		distinct[string(e.Data[len(factHead)+factDigits:])] = true
	}
	require.Len(t, distinct, groupEvents, "they differ in more than their numbers")
	for _, data := range []string{"", factHead, factHead + "000000000000000x\"", `{"note":"0000000000000001"}`} {
		_, ok := number([]byte(data))
		require.False(t, ok, data)
	}
}

// TestBudget: many takers get everything, once.
func TestBudget(t *testing.T) {
	take := budget(1234, 500)
	require.Equal(t, []int{500, 500, 234, 0, 0}, []int{take(), take(), take(), take(), take()})
	take = budget(100_000, 7)
	taken := make([]int, 8)
	var group sync.WaitGroup
	for i := range taken {
		group.Go(func() {
			for n := take(); n > 0; n = take() {
				taken[i] += n
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range taken {
		total += n
	}
	require.Equal(t, 100_000, total)
}

// appends is a store that takes appends and holds them to what a writer promises.
type appends struct {
	eventstore.Store
	mu     sync.Mutex
	counts map[domain.StreamID]uint64
	seen   map[uint64]bool
	busy   map[domain.StreamID]bool
}

func (a *appends) Append(_ context.Context, stream domain.StreamID, expected eventstore.Expected, events ...eventstore.Proposed) (eventstore.Appended, error) {
	a.mu.Lock()
	if a.busy[stream] || expected.Next() != a.counts[stream] {
		a.mu.Unlock()
		return eventstore.Appended{}, &eventstore.Error{Code: eventstore.CodeWrongExpected}
	}
	a.busy[stream] = true
	a.mu.Unlock()
	numbers := make([]uint64, len(events))
	for i, e := range events {
		numbers[i], _ = number(e.Data)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range numbers {
		a.seen[n] = true
	}
	a.counts[stream] += uint64(len(events))
	a.busy[stream] = false
	return eventstore.Appended{}, nil
}

// TestWriter: callers never meet in one stream, one that goes on long enough uses
// every stream that is its own, and each event is appended once.
func TestWriter(t *testing.T) {
	store := &appends{counts: map[domain.StreamID]uint64{}, seen: map[uint64]bool{}, busy: map[domain.StreamID]bool{}}
	w := newWriter(1, 19)
	answers, err := w.append(t.Context(), store, 4, budget(10_000, 50))
	require.NoError(t, err)
	require.Equal(t, 10_000, answers.total)
	_, err = w.append(t.Context(), store, 1, budget(19, 1))
	require.NoError(t, err)
	require.Len(t, store.seen, 10_019)
	require.Len(t, store.counts, 19)
	total := uint64(0)
	for _, s := range w.streams {
		require.Equal(t, s.count, store.counts[s.name])
		total += s.count
	}
	require.EqualValues(t, 10_019, total)
	_, err = w.append(t.Context(), store, 20, budget(1, 1))
	require.ErrorContains(t, err, "20 callers and 19 streams")
}

// TestChoice: what takes long runs only where it is named.
func TestChoice(t *testing.T) {
	chosen := func(names ...string) (list []string) {
		wanted, err := choice(names)
		require.NoError(t, err)
		for _, s := range wanted {
			list = append(list, s.name)
		}
		return list
	}
	require.NotContains(t, chosen(), "node-large")
	require.Equal(t, []string{"node-append", "node-single", "node-read", "node-live"}, chosen(AllNode))
	require.Equal(t, []string{"node-large", "flush"}, chosen("node-large", "flush"))
	require.True(t, slices.ContainsFunc(chosen(Calibrate), func(name string) bool { return strings.Contains(name, "yardstick") }))
}
