package eventstore_test

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

func records(t *testing.T, store eventstore.Store) (all []eventstore.Recorded) {
	t.Helper()
	for r, err := range store.ReadAll(t.Context(), eventstore.Start) {
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

func TestIdentifyStartsALogOnce(t *testing.T) {
	for name, fault := range map[string]memory.Fault{
		"no fault": {}, "failed": {Fail: errors.New("planted")}, "failed but persisted": {FailPersisted: errors.New("planted")},
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.New()
			defer store.Close()
			var mu sync.Mutex
			appends := 0
			store.OnAppend(func(memory.Append) memory.Fault {
				mu.Lock()
				defer mu.Unlock()
				if appends++; appends > 3 {
					return memory.Fault{}
				}
				return fault
			})
			identities := make([]eventstore.Identity, 8)
			var wg sync.WaitGroup
			for i := range identities {
				wg.Go(func() {
					var err error
					identities[i], err = eventstore.Identify(t.Context(), store)
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			log := records(t, store)
			require.Len(t, log, 1)
			event, err := eventstore.Decode(log[0])
			require.NoError(t, err)
			require.Equal(t, eventstore.Identity{LogID: event.(eventstore.LogStarted).LogID, Incarnation: 1}, identities[0])
			for _, identity := range identities {
				require.Equal(t, identities[0], identity)
			}
		})
	}
}

func TestIdentifyTakesTheLatestIncarnation(t *testing.T) {
	store := memory.New()
	defer store.Close()
	first, err := eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	second := eventstore.LogStarted{LogID: first.LogID, Incarnation: 2}
	data, err := eventstore.Encode(second)
	require.NoError(t, err)
	_, err = store.Append(t.Context(), eventstore.IdentityStream, eventstore.At(0), eventstore.Proposed{ID: uuid.New(), Type: second.EventType(), Data: data})
	require.NoError(t, err)
	identity, err := eventstore.Identify(t.Context(), store)
	require.NoError(t, err)
	require.Equal(t, eventstore.Identity(second), identity)
}

func TestIdentifyRefusesAForeignLog(t *testing.T) {
	store := memory.New()
	_, err := store.Append(t.Context(), eventstore.IdentityStream, eventstore.NoStream(), eventstore.Proposed{ID: uuid.New(), Type: "Something", Data: []byte("{}")})
	require.NoError(t, err)
	_, err = eventstore.Identify(t.Context(), store)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	require.NoError(t, store.Close())
	_, err = eventstore.Identify(t.Context(), store)
	require.Equal(t, eventstore.CodeClosed, eventstore.CodeOf(err))
}

func TestNextIncarnationBeginsOne(t *testing.T) {
	for name, fault := range map[string]memory.Fault{
		"no fault": {}, "failed": {Fail: errors.New("planted")}, "failed but persisted": {FailPersisted: errors.New("planted")},
	} {
		t.Run(name, func(t *testing.T) {
			store := memory.New()
			defer store.Close()
			_, err := eventstore.NextIncarnation(t.Context(), store)
			require.Equal(t, eventstore.CodeStreamNotFound, eventstore.CodeOf(err))
			first, err := eventstore.Identify(t.Context(), store)
			require.NoError(t, err)
			appends := 0
			store.OnAppend(func(memory.Append) memory.Fault {
				if appends++; appends%3 == 0 {
					return memory.Fault{}
				}
				return fault
			})
			before := first
			for length := 2; length < 4; length++ {
				begun, err := eventstore.NextIncarnation(t.Context(), store)
				require.NoError(t, err)
				require.Equal(t, first.LogID, begun.LogID)
				require.Greater(t, begun.Incarnation, before.Incarnation)
				require.Greater(t, begun.Incarnation, 20_000_000, "two restores of one backup must not meet")
				require.LessOrEqual(t, begun.Incarnation, math.MaxInt32, "tokens have no more room")
				found, err := eventstore.Identify(t.Context(), store)
				require.NoError(t, err)
				require.Equal(t, begun, found)
				require.Len(t, records(t, store), length)
				before = begun
			}
		})
	}
}
