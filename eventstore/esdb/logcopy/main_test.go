package logcopy_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

func openNode(t testing.TB, dir, listen string) *node.Node {
	t.Helper()
	n, err := node.Open(node.Config{Dir: dir, Listen: listen, Logger: quiet})
	require.NoError(t, err)
	return n
}

func connect(t testing.TB, connectionString string) *esdb.Store {
	t.Helper()
	s, err := esdb.Open(t.Context(), connectionString, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// newStore is an empty event store of the test's own.
func newStore(t testing.TB) *esdb.Store {
	t.Helper()
	n := openNode(t, t.TempDir(), "")
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return connect(t, n.ConnectionString())
}

func options() logcopy.Options { return logcopy.Options{Logger: quiet} }

// event makes an event that tells apart from all others.
func event(kind string) esdb.Raw {
	id := uuid.New()
	return esdb.Raw{JSON: true, Recorded: eventstore.Recorded{
		ID: id, Type: kind, Data: fmt.Appendf(nil, `{"id": "%s"}`, id), Metadata: []byte(`{"actor":"test"}`),
	}}
}

func metadataEvent(json string) esdb.Raw {
	return esdb.Raw{JSON: true, Recorded: eventstore.Recorded{ID: uuid.New(), Type: "$metadata", Data: []byte(json)}}
}

func put(t testing.TB, s *esdb.Store, stream domain.StreamID, after uint64, events ...esdb.Raw) {
	t.Helper()
	_, err := s.RawAppend(t.Context(), stream, eventstore.After(after), events...)
	require.NoError(t, err, "%s after %d", stream, after)
}

// dump is the whole log but for the store's own streams.
func dump(t testing.TB, s *esdb.Store) (all []esdb.Raw) {
	t.Helper()
	for e, err := range s.RawAll(t.Context(), nil) {
		require.NoError(t, err)
		if !eventstore.System(e.Stream) || (len(e.Stream) > 2 && e.Stream[1] == '$' && e.Stream[2] != '$') {
			all = append(all, e)
		}
	}
	return all
}

// requireSameLog compares two logs event by event, with eyes of its own.
func requireSameLog(t testing.TB, want, got []esdb.Raw) {
	t.Helper()
	show := func(log []esdb.Raw) (lines []string) {
		for _, e := range log {
			line := fmt.Sprintf("%s@%d %s json=%t", e.Stream, e.Revision, e.Type, e.JSON)
			switch {
			case e.Type == "$streamDeleted":
			case e.Stream[0] == '$':
				line += " " + string(e.Data)
			default:
				line += fmt.Sprintf(" %s %s %s", e.ID, e.Data, e.Metadata)
			}
			lines = append(lines, line)
		}
		return lines
	}
	require.Equal(t, show(want), show(got))
}

// eventful fills a store with a log in which everything happened that can happen to
// a stream, and returns how many events that is.
func eventful(t testing.TB, s *esdb.Store) int {
	t.Helper()
	_, err := eventstore.Identify(t.Context(), s)
	require.NoError(t, err)
	put(t, s, "book-1", 0, event("A.v1"), event("B.v1"), event("정산됨.v1"))
	put(t, s, "party-1", 0, event("A.v1"))
	put(t, s, "book-1", 3, event("A.v1"))
	put(t, s, "book-1", 4, event("A.v1"), event("A.v1"))

	binary := esdb.Raw{Recorded: eventstore.Recorded{ID: uuid.New(), Type: "Picture", Data: []byte{0, 255, 1}, Metadata: []byte{7}}}
	empty := esdb.Raw{JSON: true, Recorded: eventstore.Recorded{ID: uuid.New(), Type: "Empty"}}
	put(t, s, "files", 0, binary, empty)
	link := esdb.Raw{Recorded: eventstore.Recorded{ID: uuid.New(), Type: "$>", Data: []byte("0@book-1")}}
	put(t, s, "links", 0, link)

	put(t, s, "$$limited", 0, metadataEvent(`{"$maxCount":2}`)) // before the stream itself
	put(t, s, "limited", 0, event("A.v1"), event("A.v1"), event("A.v1"), event("A.v1"))
	put(t, s, "$$limited", 1, metadataEvent(`{"$maxCount":3,"custom":{"b":1,"a":[1,2]}}`))
	put(t, s, "$$limited", 2, metadataEvent(`no json`))

	put(t, s, "again", 0, event("A.v1"), event("A.v1"))
	require.NoError(t, s.Delete(t.Context(), "again"))
	require.NoError(t, s.Delete(t.Context(), "again")) // deleted twice
	put(t, s, "book-1", 6, event("A.v1"))
	put(t, s, "again", 0, event("B.v1"), event("B.v1")) // made again at revision 2
	put(t, s, "again", 4, event("B.v1"))
	put(t, s, "$$again", 3, metadataEvent(`{"$tb":3}`))
	require.NoError(t, s.Delete(t.Context(), "again"))
	put(t, s, "again", 5, event("C.v1")) // made again at its exact revision
	require.NoError(t, s.Delete(t.Context(), "again"))
	put(t, s, "$$again", 7, metadataEvent(`{"owner": "kim"}`)) // brings it back as well
	require.NoError(t, s.Delete(t.Context(), "again"))

	put(t, s, "buried", 0, event("A.v1"))
	put(t, s, "$$buried", 0, metadataEvent(`{"$maxAge":1000}`))
	require.NoError(t, s.Tombstone(t.Context(), "buried"))
	require.NoError(t, s.Tombstone(t.Context(), "never-was"))
	put(t, s, "deleted-then-buried", 0, event("A.v1"))
	require.NoError(t, s.Delete(t.Context(), "deleted-then-buried"))
	require.NoError(t, s.Tombstone(t.Context(), "deleted-then-buried"))

	put(t, s, "$mine", 0, event("A.v1")) // a stream of the store's own
	put(t, s, "book-1", 7, event("A.v1"))
	return len(dump(t, s))
}
