package node

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// write appends n events of a type to the end of a stream, one append each.
func write(t testing.TB, client streams.StreamsClient, stream string, from int64, n int, kind string) {
	t.Helper()
	for i := range int64(n) {
		answer, _, err := appendRaw(t, client, appendOptions(stream, from+i-1), proposed(kind, contentJSON, []byte("{}")))
		require.NoError(t, err)
		require.NotNil(t, answer.GetSuccess())
	}
}

// origin is the position of the last of the events that every log begins with.
func origin(t testing.TB, client streams.StreamsClient) uint64 {
	t.Helper()
	messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) {
		backwards(o)
		o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		o.CountOption = &streams.ReadReq_Options_Count{Count: 1}
	}))
	require.NoError(t, err)
	require.Len(t, messages, 1)
	return messages[0].GetEvent().GetCommitPosition()
}

func TestReadRefusals(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	write(t, client, "a", 0, 1, "T")
	for name, c := range map[string]struct {
		code   codes.Code
		change func(*streams.ReadReq_Options)
	}{
		"no target":         {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.StreamOption = nil }},
		"no stream name":    {codes.InvalidArgument, func(o *streams.ReadReq_Options) { ofStream(o, "") }},
		"no count":          {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.CountOption = nil }},
		"count 0":           {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.CountOption = &streams.ReadReq_Options_Count{} }},
		"no form of ids":    {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.UuidOption = nil }},
		"a third direction": {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.ReadDirection = 2 }},
		"no revision": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			ofStream(o, "a")
			o.GetStream().RevisionOption = nil
		}},
		"no position": {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.GetAll().AllOption = nil }},
		"forwards from the end of a stream": {codes.Unknown, func(o *streams.ReadReq_Options) {
			ofStream(o, "a")
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
		}},
		"a position that cannot be": {codes.Unknown, func(o *streams.ReadReq_Options) { fromPosition(o, 1<<63) }},
		"a commit before its prepare": {codes.Unknown, func(o *streams.ReadReq_Options) {
			fromPosition(o, 5)
			o.GetAll().GetPosition().PreparePosition = 6
		}},
		"a subscription from where nothing can be": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			subscription(o)
			fromPosition(o, 1<<63)
		}},
		"a filter on a stream": {codes.InvalidArgument, func(o *streams.ReadReq_Options) { ofStream(o, "a"); withFilter(o, false, prefixes("a"), 1, 1) }},
		"an empty filter":      {codes.InvalidArgument, func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes(), 1, 1) }},
		"a filter of nothing": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{}}
		}},
		"a broken expression": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			withFilter(o, false, &streams.ReadReq_Options_FilterOptions_Expression{Regex: "("}, 1, 1)
		}},
		"window 0":     {codes.InvalidArgument, func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes("a"), 0, 1) }},
		"multiplier 0": {codes.InvalidArgument, func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes("a"), 1, 0) }},
		"a subscription backwards": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			subscription(o)
			o.ReadDirection = streams.ReadReq_Options_Backwards
		}},
		"a subscription from beyond the end": {codes.InvalidArgument, func(o *streams.ReadReq_Options) {
			subscription(o)
			fromPosition(o, 1<<62)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readRaw(t, client, readOptions(c.change))
			requireStatus(t, c.code, err)
		})
	}
	_, err := readRaw(t, client, &streams.ReadReq{})
	requireStatus(t, codes.InvalidArgument, err)
}

func TestReadAllOverTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	start := origin(t, client)
	write(t, client, "a-1", 0, 2, "T")
	write(t, client, "b-1", 0, 2, "U")
	write(t, client, "a-1", 2, 1, "T")
	read := func(change func(*streams.ReadReq_Options)) []*streams.ReadResp {
		t.Helper()
		messages, err := readRaw(t, client, readOptions(change))
		require.NoError(t, err)
		return messages
	}
	end := func(o *streams.ReadReq_Options) {
		o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}}}
	}
	all := read(func(o *streams.ReadReq_Options) { fromPosition(o, start+1) })
	require.Equal(t, "a-1@0 a-1@1 b-1@0 b-1@1 a-1@2", describe(all))
	at := func(i int) uint64 { return all[i].GetEvent().GetEvent().GetCommitPosition() }

	// Forwards includes the position it names, backwards does not.
	require.Equal(t, "b-1@0 b-1@1 a-1@2", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(2)) })))
	require.Equal(t, "a-1@2", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(3)+1) })))
	require.Equal(t, "", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(4)+1) })))
	require.Equal(t, "", describe(read(end)))
	require.Equal(t, "", describe(read(backwards)))
	require.Equal(t, "a-1@2 b-1@1 b-1@0 a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) { end(o); backwards(o); counted(5)(o) })))
	require.Equal(t, "a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(2)); backwards(o); counted(2)(o) })))
	require.Equal(t, describe(read(func(o *streams.ReadReq_Options) { end(o); backwards(o) })), describe(read(func(o *streams.ReadReq_Options) {
		fromPosition(o, ^uint64(0))
		backwards(o)
	})), "the number for the end")
	require.Equal(t, "a-1@1", describe(read(func(o *streams.ReadReq_Options) {
		fromPosition(o, at(2))
		backwards(o)
		o.CountOption = &streams.ReadReq_Options_Count{Count: 1}
	})))

	// Filters of a read.
	require.Equal(t, "b-1@0 b-1@1", describe(read(func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes("x", "b-"), 1, 1) })))
	require.Equal(t, "b-1@0 b-1@1", describe(read(func(o *streams.ReadReq_Options) { withFilter(o, true, prefixes("U"), 1, 1) })))
	require.Equal(t, "a-1@0 a-1@1", describe(read(func(o *streams.ReadReq_Options) {
		withFilter(o, false, &streams.ReadReq_Options_FilterOptions_Expression{Regex: "^[^b$]"}, 1, 1)
		o.CountOption = &streams.ReadReq_Options_Count{Count: 2}
	})))
	require.Equal(t, "a-1@2 a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) {
		end(o)
		backwards(o)
		withFilter(o, true, &streams.ReadReq_Options_FilterOptions_Expression{Regex: "T"}, 1, 1)
	})))
}

// TestBookkeepingIsLeftOut writes what only a cluster writes, as a copied log has it.
func TestBookkeepingIsLeftOut(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		start := origin(t, client)
		for _, stream := range []string{"$epoch-information", "$persistentsubscription-$all::group-checkpoint", "$persistentsubscription-$all::group-parked",
			"$persistentsubscription-book::group-checkpoint", "$settings", "$persistentsubscription-$all::parked", "book"} {
			write(t, client, stream, 0, 1, "T")
			require.Equal(t, stream+"@0", reading(t, client, readingOf(stream, "start")), "streams are there for who names them")
		}
		const seen = "$persistentsubscription-book::group-checkpoint@0 $settings@0 $persistentsubscription-$all::parked@0 book@0"
		after := func(o *streams.ReadReq_Options) { fromPosition(o, start+1) }
		byType := func(o *streams.ReadReq_Options) { withFilter(o, true, prefixes("T"), 100, 1) }
		byStream := func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes("$", "book"), 100, 1) }
		for _, change := range []func(*streams.ReadReq_Options){func(*streams.ReadReq_Options) {}, byType, byStream} {
			require.Equal(t, seen, reading(t, client, readOptions(func(o *streams.ReadReq_Options) { after(o); change(o) })))
			got, _ := follow(t, client, readOptions(func(o *streams.ReadReq_Options) { fromPosition(o, start); subscription(o); change(o) }), 5)
			require.Equal(t, "confirmation "+seen, describe(got))
			require.Equal(t, "book@0 $persistentsubscription-$all::parked@0 $settings@0", reading(t, client, readOptions(func(o *streams.ReadReq_Options) {
				fromPosition(o, ^uint64(0))
				backwards(o)
				counted(3)(o)
				change(o)
			})))
		}
	})
}

func TestReadStreamOverTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	write(t, client, "a", 0, 3, "T")
	target := func(direction streams.ReadReq_Options_ReadDirection, from any) string {
		t.Helper()
		messages, err := readRaw(t, client, readOptions(func(o *streams.ReadReq_Options) {
			ofStream(o, "a")
			o.ReadDirection = direction
			options := o.GetStream()
			switch from := from.(type) {
			case uint64:
				options.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: from}
			case string:
				options.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
			}
		}))
		require.NoError(t, err)
		return describe(messages)
	}
	const forwards, backwards = streams.ReadReq_Options_Forwards, streams.ReadReq_Options_Backwards
	require.Equal(t, "a@0 a@1 a@2", target(forwards, nil))
	require.Equal(t, "a@1 a@2", target(forwards, uint64(1)))
	require.Equal(t, "", target(forwards, uint64(3)))
	require.Equal(t, "", target(forwards, ^uint64(0)))
	require.Equal(t, "a@0", target(backwards, nil))
	require.Equal(t, "a@1 a@0", target(backwards, uint64(1)))
	require.Equal(t, "a@2 a@1 a@0", target(backwards, ^uint64(0)))
	require.Equal(t, "a@2 a@1 a@0", target(backwards, "end"))
}

// TestManyWritersShareFlushes appends from many goroutines at once, some of them
// repetitions, and checks that every stream is whole and positions agree.
func TestManyWritersShareFlushes(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	s := connect(t, n)
	const writers, each = 32, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			stream := domain.StreamID(fmt.Sprint("book-", w))
			for i := range uint64(each) {
				batch := events(2)
				// The same append twice at the same time: one event each, one answer.
				answers := make(chan eventstore.Appended, 2)
				var twice sync.WaitGroup
				for range 2 {
					twice.Go(func() {
						appended, err := s.Append(context.Background(), stream, eventstore.After(2*i), batch...)
						if err != nil {
							t.Errorf("append: %v", err)
						}
						answers <- appended
					})
				}
				twice.Wait()
				if first, second := <-answers, <-answers; first != second {
					t.Errorf("two answers to one append: %v and %v", first, second)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, readAll(t, s), writers*each*2)
	for w := range writers {
		require.Len(t, readStream(t, s, domain.StreamID(fmt.Sprint("book-", w))), each*2)
	}
}

func TestStateCacheForgetsButNeverLies(t *testing.T) {
	var cache stateCache
	for i := range int64(3 * rememberedStates) {
		cache.put(fmt.Sprint(i), streamState{last: i})
		require.LessOrEqual(t, len(cache.young)+len(cache.old), rememberedStates)
	}
	_, ok := cache.get("0")
	require.False(t, ok)
	for i := range int64(3 * rememberedStates) {
		if state, ok := cache.get(fmt.Sprint(i)); ok {
			require.Equal(t, i, state.last)
		}
	}
}

func TestDamagedBlocks(t *testing.T) {
	var w recordWriter
	for i := range 3 {
		w.add(uuid.New(), i%2 == 0, []byte("T"), []byte("meta"), []byte(strings.Repeat("data", i*10)))
	}
	good := newBlock("book-1", 77, 5, 12345, w.records, w.count, w.last).raw
	// Every single flipped bit and every truncation is noticed.
	for offset := range good {
		for bit := range 8 {
			broken := append([]byte(nil), good...)
			broken[offset] ^= 1 << bit
			require.Error(t, readBlock(77, broken), "offset %d bit %d", offset, bit)
		}
		require.Error(t, readBlock(77, good[:offset]))
	}
	require.Error(t, readBlock(78, good), "a block in another block's place")
	require.NoError(t, readBlock(77, good))
}

func readBlock(position uint64, raw []byte) error {
	b, err := parseBlock(position, raw)
	if err != nil {
		return err
	}
	records, err := b.all()
	if err != nil {
		return err
	}
	if last := records[len(records)-1]; last.position != b.lastPosition() {
		return &damaged{last.position, "the last record stands elsewhere"}
	}
	return nil
}
