package logcopy_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
)

// TestCopyOfAnyHistory copies logs of random histories, in two parts, and compares
// source and target event by event.
func TestCopyOfAnyHistory(t *testing.T) {
	checks := 20
	if os.Getenv("JEONGSAN_LONG") == "1" {
		checks = 400
	}
	setting := flag.Lookup("rapid.checks")
	before := setting.Value.String()
	require.NoError(t, setting.Value.Set(strconv.Itoa(checks)))
	defer func() { require.NoError(t, setting.Value.Set(before)) }()
	rapid.Check(t, func(r *rapid.T) {
		source, target := brief(t, r), brief(t, r)
		parts := rapid.IntRange(1, 2).Draw(r, "parts")
		for range parts {
			for range rapid.IntRange(0, 15).Draw(r, "steps") {
				step(r, source)
			}
			report, err := logcopy.Copy(t.Context(), source, target, options())
			require.NoError(t, err)
			require.True(t, report.Proof.Equal(), "%+v", report.Proof.Differences())
			requireSameLog(t, dump(t, source), dump(t, target))
		}
	})
}

// brief is an empty event store for one history.
func brief(t *testing.T, r *rapid.T) *esdb.Store {
	n := openNode(t, t.TempDir(), "")
	s, err := esdb.Open(r.Context(), n.ConnectionString(), quiet)
	require.NoError(t, err)
	r.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoError(t, n.Close())
	})
	return s
}

// step does one thing to one of a few streams. What the store refuses is fine: it
// was not to be, for instance because the stream is buried.
func step(r *rapid.T, s *esdb.Store) {
	stream := domain.StreamID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "stream"))
	ctx := r.Context()
	// The newest event, also of a deleted stream, stands in the whole log only.
	count := map[domain.StreamID]uint64{}
	for e, err := range s.RawAll(ctx, nil) {
		if err != nil {
			r.Fatal(err)
		}
		count[e.Stream] = e.Revision + 1
	}
	var err error
	switch rapid.IntRange(0, 9).Draw(r, "what") {
	case 0, 1, 2, 3:
		events := make([]esdb.Raw, rapid.IntRange(1, 3).Draw(r, "events"))
		for i := range events {
			events[i] = event(fmt.Sprint("T", i))
		}
		expected := eventstore.After(count[stream])
		if rapid.Bool().Draw(r, "as new") {
			expected = eventstore.NoStream()
		}
		_, err = s.RawAppend(ctx, stream, expected, events...)
	case 4, 5:
		data := rapid.SampledFrom([]string{`{}`, `{"$maxCount":2}`, `{ "$tb" : 1, "x":[1.50,null] }`, `nonsense`, `[]`}).Draw(r, "metadata")
		_, err = s.RawAppend(ctx, "$$"+stream, eventstore.After(count["$$"+stream]), metadataEvent(data))
	case 6, 7, 8:
		err = s.Delete(ctx, stream)
	case 9:
		if rapid.IntRange(0, 3).Draw(r, "for good") == 0 {
			err = s.Tombstone(ctx, stream)
		}
	}
	switch eventstore.CodeOf(err) {
	case "", eventstore.CodeWrongExpected, eventstore.CodeStreamDeleted:
	default:
		r.Fatal(err)
	}
}
