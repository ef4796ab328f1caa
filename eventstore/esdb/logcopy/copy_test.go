package logcopy_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
)

func TestCopyCarriesEverything(t *testing.T) {
	source, target := newStore(t), newStore(t)
	events := eventful(t, source)
	before := dump(t, source)
	report, err := logcopy.Copy(t.Context(), source, target, options())
	require.NoError(t, err)
	require.True(t, report.Proof.Equal(), "%+v", report.Proof.Differences())
	require.EqualValues(t, events, report.Copied)
	require.Zero(t, report.Present)
	require.Positive(t, report.Proof.LeftOut)
	require.Greater(t, report.Incarnation, 1)
	second := report.Incarnation

	copied := dump(t, target)
	last := len(copied) - 1
	require.Equal(t, eventstore.IdentityStream, copied[last].Stream)
	requireSameLog(t, before, copied[:last])
	requireSameLog(t, before, dump(t, source)) // which was only read
	was, err := eventstore.Identify(t.Context(), source)
	require.NoError(t, err)
	is, err := eventstore.Identify(t.Context(), target)
	require.NoError(t, err)
	require.Equal(t, eventstore.Identity{LogID: was.LogID, Incarnation: second}, is)

	// Once more: nothing to do, and no further incarnation.
	report, err = logcopy.Copy(t.Context(), source, target, options())
	require.NoError(t, err)
	require.EqualValues(t, events, report.Present)
	require.Zero(t, report.Copied)
	require.Equal(t, second, report.Incarnation)
	require.Len(t, dump(t, target), len(copied))

	// The way back is the same, and so is a copy of the copy.
	third := newStore(t)
	report, err = logcopy.Copy(t.Context(), target, third, options())
	require.NoError(t, err)
	require.True(t, report.Proof.Equal())
	require.Greater(t, report.Incarnation, second)

	// A target that went on as a log of its own can still be proven, not written to.
	put(t, target, "book-1", 8, event("A.v1"))
	proof, err := logcopy.Verify(t.Context(), source, target, options())
	require.NoError(t, err)
	require.True(t, proof.Equal())
	put(t, source, "book-1", 8, event("A.v1"))
	_, err = logcopy.Copy(t.Context(), source, target, options())
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "incarnation")
}

func TestCopyOfAnEmptyLog(t *testing.T) {
	source, target := newStore(t), newStore(t)
	report, err := logcopy.Copy(t.Context(), source, target, options())
	require.NoError(t, err)
	require.True(t, report.Proof.Equal())
	require.Zero(t, report.Incarnation, "it is not a log of Jeongsan's")
	require.Empty(t, dump(t, target))
}

// TestCopyInterruptedAnywhere stops a copy after every append that it makes, goes
// on until the next, and so on: the result is the same log.
func TestCopyInterruptedAnywhere(t *testing.T) {
	source, target := newStore(t), newStore(t)
	events := eventful(t, source)
	runs, present := 0, uint64(0)
	for {
		ctx, cancel := context.WithCancel(t.Context())
		with := options()
		with.Progress = func(now logcopy.Progress) {
			if now.Phase == logcopy.Copying {
				cancel()
			}
		}
		report, err := logcopy.Copy(ctx, source, target, with)
		cancel()
		runs++
		if err == nil {
			require.True(t, report.Proof.Equal())
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.Greater(t, report.Present+report.Copied, present, "every run gets further")
		present = report.Present + report.Copied
		require.LessOrEqual(t, runs, events)
	}
	require.Greater(t, runs, 10)
	log := dump(t, target)
	requireSameLog(t, dump(t, source), log[:len(log)-1])
}

// TestCopySurvivesLostConnections restarts both nodes while they are in use.
func TestCopySurvivesLostConnections(t *testing.T) {
	dirs := [2]string{filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "target")}
	source, target := openNode(t, dirs[0], ""), openNode(t, dirs[1], "")
	from, to := connect(t, source.ConnectionString()), connect(t, target.ConnectionString())
	for next := range uint64(300) {
		put(t, from, domain.Stream("book", string(rune('a'+next%7))), next/7, event("A.v1"))
	}
	appends := 0
	with := options()
	with.Progress = func(now logcopy.Progress) {
		if now.Phase != logcopy.Copying {
			return
		}
		appends++
		if appends%70 == 0 {
			require.NoError(t, target.Close())
			target = openNode(t, dirs[1], target.Addr())
		}
		if appends%110 == 0 {
			require.NoError(t, source.Close())
			source = openNode(t, dirs[0], source.Addr())
		}
	}
	report, err := logcopy.Copy(t.Context(), from, to, with)
	require.NoError(t, err)
	require.True(t, report.Proof.Equal())
	require.Equal(t, 300, appends)
	requireSameLog(t, dump(t, from), dump(t, to))
	require.NoError(t, source.Close())
	require.NoError(t, target.Close())
}

func TestCopyRefusesATargetWithOtherThings(t *testing.T) {
	for name, test := range map[string]struct {
		holds func(*testing.T, *esdb.Store, []esdb.Raw)
		says  string
	}{
		"another log":      {func(t *testing.T, s *esdb.Store, _ []esdb.Raw) { put(t, s, "wallet", 0, event("A")) }, "wallet@0"},
		"another Jeongsan": {func(t *testing.T, s *esdb.Store, _ []esdb.Raw) { eventful(t, s) }, "log-identity@0"},
		"metadata of its own": {func(t *testing.T, s *esdb.Store, _ []esdb.Raw) {
			put(t, s, "$$wallet", 0, metadataEvent(`{"$maxCount":1}`))
		}, "$$wallet@0"},
		"other bytes": {func(t *testing.T, s *esdb.Store, log []esdb.Raw) {
			log[1].Data = []byte(`{"changed":true}`)
			put(t, s, log[0].Stream, 0, log[0])
			put(t, s, log[1].Stream, 0, log[1])
		}, "book-1@0"},
		"another order": {func(t *testing.T, s *esdb.Store, log []esdb.Raw) { put(t, s, log[1].Stream, 0, log[1]) }, "log-identity@0"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t), newStore(t)
			eventful(t, source)
			test.holds(t, target, dump(t, source))
			before := dump(t, target)
			_, err := logcopy.Copy(t.Context(), source, target, options())
			require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, test.says)
			requireSameLog(t, before, dump(t, target)) // nothing was written
		})
	}
}

// TestCopyRefusesASecondWriter has somebody write to the target meanwhile.
func TestCopyRefusesASecondWriter(t *testing.T) {
	source, target := newStore(t), newStore(t)
	put(t, source, "book-1", 0, event("A.v1"))
	put(t, source, "book-2", 0, event("A.v1"))
	put(t, source, "book-1", 1, event("A.v1"))
	with := options()
	with.Progress = func(now logcopy.Progress) {
		if now.Phase == logcopy.Copying && now.Events == 1 {
			put(t, target, "book-1", 1, event("Intruder"))
		}
	}
	_, err := logcopy.Copy(t.Context(), source, target, with)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "Intruder")
}

// TestCopyOfAGrowingLog goes on in the source while it is copied.
func TestCopyOfAGrowingLog(t *testing.T) {
	source, target := newStore(t), newStore(t)
	_, err := eventstore.Identify(t.Context(), source)
	require.NoError(t, err)
	put(t, source, "book-1", 0, event("A.v1"))
	with := options()
	with.Progress = func(now logcopy.Progress) {
		if now.Phase == logcopy.Copying && now.Events == 1 {
			put(t, source, "book-1", 1, event("B.v1"))
		}
	}
	report, err := logcopy.Copy(t.Context(), source, target, with)
	require.NoError(t, err)
	require.True(t, report.Grown)
	require.True(t, report.Proof.Equal())
	require.Zero(t, report.Incarnation)
	require.EqualValues(t, 2, report.Copied)

	proof, err := logcopy.Verify(t.Context(), source, target, options())
	require.NoError(t, err)
	require.False(t, proof.Equal())
	require.Equal(t, domain.StreamID("book-1"), proof.Differences()[0].Stream)

	report, err = logcopy.Copy(t.Context(), source, target, options())
	require.NoError(t, err)
	require.False(t, report.Grown)
	require.EqualValues(t, 2, report.Present)
	require.EqualValues(t, 1, report.Copied)
	require.Greater(t, report.Incarnation, 1)
}

// TestProofFindsDifferences changes one thing at a time in an otherwise equal log.
func TestProofFindsDifferences(t *testing.T) {
	for name, change := range map[string]func([]esdb.Raw) []esdb.Raw{
		"id":           func(log []esdb.Raw) []esdb.Raw { log[2].ID = uuid.New(); return log },
		"type":         func(log []esdb.Raw) []esdb.Raw { log[2].Type = "X"; return log },
		"content type": func(log []esdb.Raw) []esdb.Raw { log[2].JSON = false; return log },
		"data":         func(log []esdb.Raw) []esdb.Raw { log[2].Data = []byte(`{}`); return log },
		"metadata":     func(log []esdb.Raw) []esdb.Raw { log[2].Metadata = nil; return log },
		"missing":      func(log []esdb.Raw) []esdb.Raw { return log[:3] },
		"order":        func(log []esdb.Raw) []esdb.Raw { log[2], log[3] = log[3], log[2]; return log },
		"limits":       func(log []esdb.Raw) []esdb.Raw { log[0].Data = []byte(`{"$maxCount":8}`); return log },
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t), newStore(t)
			put(t, source, "$$a", 0, metadataEvent(`{"$maxCount":9}`))
			put(t, source, "a", 0, event("A.v1"), event("A.v1"))
			put(t, source, "b", 0, event("A.v1"))
			next := make(map[domain.StreamID]uint64)
			for _, e := range change(dump(t, source)) {
				put(t, target, e.Stream, next[e.Stream], e)
				next[e.Stream]++
			}
			proof, err := logcopy.Verify(t.Context(), source, target, options())
			require.NoError(t, err)
			require.False(t, proof.Equal())
			if name == "order" {
				require.NotEqual(t, proof.Source.Order, proof.Target.Order)
			} else {
				require.NotEqual(t, proof.Source.Hash, proof.Target.Hash)
				require.Len(t, proof.Differences(), 1)
			}
		})
	}
}
