package node

import (
	"strconv"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// describeMetadata appends an event to a stream's metadata stream.
func describeMetadata(t testing.TB, client streams.StreamsClient, stream string, revision int64, json string) {
	t.Helper()
	answer, _, err := appendRaw(t, client, appendOptions(metadataPrefix+stream, revision), proposed(typeMetadata, contentJSON, []byte(json)))
	require.NoError(t, err)
	require.NotNil(t, answer.GetSuccess(), "%v", answer)
}

// writeBlocks appends events to a new stream in appends of given sizes.
func writeBlocks(t testing.TB, client streams.StreamsClient, stream string, sizes ...int) {
	t.Helper()
	last := noStream
	for _, size := range sizes {
		messages := []*streams.AppendReq{appendOptions(stream, last)}
		for range size {
			messages = append(messages, proposed("T", contentJSON, []byte("{}")))
		}
		answer, _, err := appendRaw(t, client, messages...)
		require.NoError(t, err)
		require.NotNil(t, answer.GetSuccess())
		last += int64(size)
	}
}

// readingOf makes options that read a stream; from is a revision, "start" or "end".
func readingOf(stream, from string, change ...func(*streams.ReadReq_Options)) *streams.ReadReq {
	return readOptions(func(o *streams.ReadReq_Options) {
		ofStream(o, stream)
		switch revision, err := strconv.ParseUint(from, 10, 64); {
		case err == nil:
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: revision}
		case from == "end":
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
		}
		for _, f := range change {
			f(o)
		}
	})
}

func backwards(o *streams.ReadReq_Options) { o.ReadDirection = streams.ReadReq_Options_Backwards }

func counted(n uint64) func(*streams.ReadReq_Options) {
	return func(o *streams.ReadReq_Options) { o.CountOption = &streams.ReadReq_Options_Count{Count: n} }
}

func resolving(o *streams.ReadReq_Options) { o.ResolveLinks = true }

func withBounds(o *streams.ReadReq_Options) {
	o.ControlOption = &streams.ReadReq_Options_ControlOption{Compatibility: 1}
}

// reading reads to the end and describes what came.
func reading(t testing.TB, client streams.StreamsClient, request *streams.ReadReq) string {
	t.Helper()
	messages, err := readRaw(t, client, request)
	require.NoError(t, err)
	return describe(messages)
}

// inBothFormsOfMemory runs a test with a tail that holds everything and with one
// that holds nearly nothing, so that everything else comes from disk.
func inBothFormsOfMemory(t *testing.T, test func(t *testing.T, n *Node, client streams.StreamsClient)) {
	for name, bytes := range map[string]int{"from memory": defaultTuning().tailBytes, "from disk": 1} {
		t.Run(name, func(t *testing.T) {
			tune := inMemory(vfs.NewMem())
			tune.tailBytes = bytes
			n := openNode(t, "log", tune)
			test(t, n, rawClient(t, n))
		})
	}
}

func TestMetadataHidesTheFrontOfAStream(t *testing.T) {
	const everything = "a@0 a@1 a@2 a@3 a@4 a@5"
	for _, c := range []struct {
		metadata          string
		forwards, from2   string
		backwards, fromBy string // from the end, and from revision 3
	}{
		{`{}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":2}`, "a@4 a@5", "a@4 a@5", "a@5 a@4", ""},
		{`{"$maxCount":6}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":5}`, "a@1 a@2 a@3 a@4 a@5", "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1", "a@3 a@2 a@1"},
		{`{"$maxCount":9223372036854775807}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$tb":3}`, "a@3 a@4 a@5", "a@3 a@4 a@5", "a@5 a@4 a@3", "a@3"},
		{`{"$tb":0}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$tb":5,"$maxCount":3}`, "a@5", "a@5", "a@5", ""},
		{`{"$tb":2,"$maxCount":3}`, "a@3 a@4 a@5", "a@3 a@4 a@5", "a@5 a@4 a@3", "a@3"},
		{`{"$tb":6}`, "", "", "", ""},
		{`{"$tb":9223372036854775806}`, "", "", "", ""},
		{`{"$tb":9223372036854775807}`, "not-found:a", "not-found:a", "not-found:a", "not-found:a"},
		// What does not count.
		{`{"$maxCount":0,"$tb":-1}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":"2","$tb":1.5}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":2`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`[{"$maxCount":2}]`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":2,"$acl":"$admins"}`, everything, "a@2 a@3 a@4 a@5", "a@5 a@4 a@3 a@2 a@1 a@0", "a@3 a@2 a@1 a@0"},
		{`{"$maxCount":2,"$acl":{"$r":["a","b"],"$w":"c","$d":[]},"custom":{"x":[1]}}`, "a@4 a@5", "a@4 a@5", "a@5 a@4", ""},
		{`{"$maxCount":2,"$acl":null,"$maxAge":null}`, "a@4 a@5", "a@4 a@5", "a@5 a@4", ""},
	} {
		t.Run(c.metadata, func(t *testing.T) {
			inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
				writeBlocks(t, client, "a", 1, 4, 1)
				describeMetadata(t, client, "a", noStream, c.metadata)
				require.Equal(t, c.forwards, reading(t, client, readingOf("a", "start")))
				require.Equal(t, c.from2, reading(t, client, readingOf("a", "2")))
				require.Equal(t, c.backwards, reading(t, client, readingOf("a", "end", backwards)))
				require.Equal(t, c.fromBy, reading(t, client, readingOf("a", "3", backwards)))
				require.Equal(t, everything+" $$a@0", reading(t, client, readOptions(func(o *streams.ReadReq_Options) {
					withFilter(o, false, prefixes("a", "$$a"), 1, 1)
				})), "the whole log knows no metadata")
			})
		})
	}
}

func TestOnlyTheNewestMetadataCounts(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		writeBlocks(t, client, "a", 3)
		describeMetadata(t, client, "a", noStream, `{"$tb":2}`)
		require.Equal(t, "$$a@0", reading(t, client, readingOf("$$a", "start")))
		describeMetadata(t, client, "a", 0, `{"$tb":1}`)
		require.Equal(t, "a@1 a@2", reading(t, client, readingOf("a", "start")))
		// A metadata stream shows its newest event only, whatever is said of it.
		describeMetadata(t, client, "$$a", noStream, `{"$maxCount":5}`)
		for _, request := range []*streams.ReadReq{readingOf("$$a", "start"), readingOf("$$a", "1"), readingOf("$$a", "end", backwards), readingOf("$$a", "9", backwards)} {
			require.Equal(t, "$$a@1", reading(t, client, request))
		}
		require.Equal(t, "", reading(t, client, readingOf("$$a", "0", backwards)))
		require.Equal(t, "", reading(t, client, readingOf("$$a", "2")))
		require.Equal(t, "not-found:$$b", reading(t, client, readingOf("$$b", "start")))

		// The type of the event does not matter, its form does.
		_, _, err := appendRaw(t, client, appendOptions("$$a", 1), proposed("Other", contentJSON, []byte(`{"$tb":2}`)))
		require.NoError(t, err)
		require.Equal(t, "a@2", reading(t, client, readingOf("a", "start")))
		_, _, err = appendRaw(t, client, appendOptions("$$a", 2), proposed(typeMetadata, contentBinary, []byte(`{"$tb":2}`)))
		require.NoError(t, err)
		require.Equal(t, "a@0 a@1 a@2", reading(t, client, readingOf("a", "start")))
	})
}

func TestEventsExpire(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, n *Node, client streams.StreamsClient) {
		clock := &handClock{now: time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)}
		n.committer.now = clock.Now
		for i := range int64(40) { // one append a second
			_, _, err := appendRaw(t, client, appendOptions("a", 2*i-1), proposed("T", contentJSON, nil), proposed("T", contentJSON, nil))
			require.NoError(t, err)
			clock.advance(time.Second)
		}
		first := func() string { return reading(t, client, readingOf("a", "start", counted(1))) }
		require.Equal(t, "a@0", first())
		describeMetadata(t, client, "a", noStream, `{"$maxAge":10}`)
		require.Equal(t, "a@60", first(), "what is exactly as old stays")
		clock.advance(time.Microsecond)
		require.Equal(t, "a@62", first())
		clock.advance(8 * time.Second)
		require.Equal(t, "a@78", first())
		require.Equal(t, "a@79 a@78", reading(t, client, readingOf("a", "end", backwards)))
		require.Equal(t, "a@78", reading(t, client, readingOf("a", "78", backwards)))
		clock.advance(time.Second)
		require.Equal(t, "", first(), "a stream of which all has expired is empty, it exists")
		require.Equal(t, "", reading(t, client, readingOf("a", "end", backwards)))
		describeMetadata(t, client, "a", 0, `{"$maxAge":39,"$maxCount":9}`)
		require.Equal(t, "a@71", first(), "every limit counts")
		write(t, client, "a", 80, 1, "T")
		describeMetadata(t, client, "a", 1, `{"$maxAge":10}`)
		require.Equal(t, "a@80", reading(t, client, readingOf("a", "start")))
		describeMetadata(t, client, "a", 2, `{"$maxAge":9223372036854775807}`)
		require.Equal(t, "a@0", first())
	})
}

// TestHiddenEventsAreNotTouched spoils every hidden block on disk: a reader that
// walked over them would say so.
func TestHiddenEventsAreNotTouched(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 1
	n := openNode(t, "log", tune)
	client := rawClient(t, n)
	const many = 200
	write(t, client, "a", 0, many, "T")
	describeMetadata(t, client, "a", noStream, `{"$maxCount":2}`)
	lines, err := n.store.index("a", 0, false, many-2)
	require.NoError(t, err)
	for _, line := range lines {
		require.NoError(t, n.store.db.Set(blockKey(line.position), []byte("spoilt"), pebble.Sync))
	}
	require.Equal(t, "a@198 a@199", reading(t, client, readingOf("a", "start")))
	require.Equal(t, "a@199 a@198", reading(t, client, readingOf("a", "end", backwards)))
	_, err = readRaw(t, client, readOptions(nil))
	requireStatus(t, codes.DataLoss, err)
}

func TestBoundsForThoseWhoAsk(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	writeBlocks(t, client, "a", 40, 20)
	describeMetadata(t, client, "a", noStream, `{"$tb":50}`)
	writeBlocks(t, client, "gone", 3)
	describeMetadata(t, client, "gone", noStream, `{"$tb":3}`)
	bounds := func(request *streams.ReadReq) (first, last *uint64, events int) {
		t.Helper()
		messages, err := readRaw(t, client, request)
		require.NoError(t, err)
		for i, message := range messages {
			switch content := message.GetContent().(type) {
			case *streams.ReadResp_FirstStreamPosition:
				require.Zero(t, i, "it comes first")
				first = &content.FirstStreamPosition
			case *streams.ReadResp_LastStreamPosition:
				require.Equal(t, len(messages)-1, i, "it comes last")
				last = &content.LastStreamPosition
			case *streams.ReadResp_Event:
				events++
			default:
				t.Errorf("a %T", content)
			}
		}
		return first, last, events
	}
	is := func(n uint64) *uint64 { return &n }
	for name, c := range map[string]struct {
		request     *streams.ReadReq
		first, last *uint64
		events      int
	}{
		"who does not ask":               {readingOf("a", "0"), nil, nil, 10},
		"from far before the first":      {readingOf("a", "0", withBounds), is(50), is(59), 10},
		"from one page before the first": {readingOf("a", "18", withBounds), is(50), is(59), 10},
		"from less than a page before":   {readingOf("a", "19", withBounds), nil, is(59), 10},
		"a small page":                   {readingOf("a", "46", withBounds, counted(4)), is(50), is(59), 4},
		"a page that reaches":            {readingOf("a", "47", withBounds, counted(4)), nil, is(59), 4},
		"from the first":                 {readingOf("a", "50", withBounds), nil, is(59), 10},
		"from beyond the last":           {readingOf("a", "60", withBounds), nil, is(59), 0},
		"backwards":                      {readingOf("a", "end", withBounds, backwards), nil, is(59), 10},
		"backwards to before the first":  {readingOf("a", "20", withBounds, backwards), nil, is(59), 0},
		"of what is all truncated":       {readingOf("gone", "0", withBounds), is(3), is(2), 0},
	} {
		t.Run(name, func(t *testing.T) {
			first, last, events := bounds(c.request)
			require.Equal(t, c.first, first)
			require.Equal(t, c.last, last)
			require.Equal(t, c.events, events)
		})
	}
	require.Equal(t, "not-found:b", reading(t, client, readingOf("b", "0", withBounds)))
	all := readOptions(withBounds)
	messages, err := readRaw(t, client, all)
	require.NoError(t, err)
	for _, message := range messages {
		require.NotNil(t, message.GetEvent(), "the whole log has no bounds")
	}
}

// bury tombstones a stream.
func bury(t testing.TB, client streams.StreamsClient, stream string) {
	t.Helper()
	_, err := client.Tombstone(t.Context(), &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
		StreamIdentifier:       &shared.StreamIdentifier{StreamName: []byte(stream)},
		ExpectedStreamRevision: &streams.TombstoneReq_Options_Any{Any: &shared.Empty{}}}})
	require.NoError(t, err)
}

// requireBuried reads and finds the stream deleted for good.
func requireBuried(t testing.TB, client streams.StreamsClient, stream string, request *streams.ReadReq) {
	t.Helper()
	var trailers metadata.MD
	call, err := client.Read(t.Context(), request, grpc.Trailer(&trailers))
	require.NoError(t, err)
	_, err = call.Recv()
	requireStatus(t, codes.FailedPrecondition, err)
	require.Equal(t, []string{"stream-deleted"}, trailers.Get("exception"))
	require.Equal(t, []string{stream}, trailers.Get("stream-name"))
}

func TestTombstonedStreamsCannotBeRead(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		writeBlocks(t, client, "a", 2)
		describeMetadata(t, client, "a", noStream, `{"$maxCount":1}`)
		bury(t, client, "a")
		bury(t, client, "never")
		for _, stream := range []string{"a", "$$a", "never", "$$never", "$$$$a"} {
			requireBuried(t, client, stream, readingOf(stream, "start"))
			requireBuried(t, client, stream, readingOf(stream, "end", backwards))
			requireBuried(t, client, stream, readingOf(stream, "9223372036854775807"))
			requireBuried(t, client, stream, readingOf(stream, "start", subscription))
			requireBuried(t, client, stream, readingOf(stream, "end", subscription))
		}
		messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) {
			withFilter(o, false, prefixes("a", "$$a", "never"), 1, 1)
		}))
		require.NoError(t, err)
		require.Equal(t, "a@0 a@1 $$a@0 a@9223372036854775807 never@9223372036854775807", describe(messages))
		tombstone := messages[3].GetEvent().GetEvent()
		require.Equal(t, "$streamDeleted", tombstone.GetMetadata()["type"])
		require.Equal(t, contentBinary, tombstone.GetMetadata()["content-type"])
		require.Empty(t, tombstone.GetData())
	})
}

func TestSettingsGiveDefaultAccess(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	client := rawClient(t, n)
	list := func(role string) *accessList { return &accessList{read: []string{role}} }
	last := noStream
	for _, c := range []struct {
		settings      string
		users, system *accessList
	}{
		{`{}`, nil, nil},
		{`{"$userStreamAcl":{"$r":"a"},"$systemStreamAcl":{"$r":["b"]}}`, list("a"), list("b")},
		{`{"$userStreamAcl":{"$r":"a"},"$systemStreamAcl":null}`, list("a"), nil},
		{`{"$userStreamAcl":{"$r":"a"},"$systemStreamAcl":"b"}`, nil, nil},
		{`{"$userStreamAcl":{"$r":7}}`, nil, nil},
		{`{"$userStreamAcl":`, nil, nil},
		{`{"$systemStreamAcl":{"$mr":"m"}}`, nil, &accessList{metaRead: []string{"m"}}},
		{`[]`, nil, nil},
	} {
		_, _, err := appendRaw(t, client, appendOptions(settingsStream, last), proposed(settingsStream, contentJSON, []byte(c.settings)))
		require.NoError(t, err)
		last++
		users, system, err := n.store.settings()
		require.NoError(t, err)
		require.Equal(t, c.users, users, c.settings)
		require.Equal(t, c.system, system, c.settings)
	}
}
