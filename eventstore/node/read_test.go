package node

import (
	"context"
	"encoding/binary"
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

func TestReadRefusals(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	for name, c := range map[string]struct {
		code   codes.Code
		change func(*streams.ReadReq_Options)
	}{
		"no target":            {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.StreamOption = nil }},
		"no stream name":       {codes.InvalidArgument, func(o *streams.ReadReq_Options) { ofStream(o, "") }},
		"no count":             {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.CountOption = nil }},
		"count 0":              {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.CountOption = &streams.ReadReq_Options_Count{} }},
		"no form of ids":       {codes.InvalidArgument, func(o *streams.ReadReq_Options) { o.UuidOption = nil }},
		"links":                {codes.Unimplemented, func(o *streams.ReadReq_Options) { o.ResolveLinks = true }},
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
			fromPosition(o, 1000)
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
	write(t, client, "a-1", 0, 2, "T")
	write(t, client, "b-1", 0, 2, "U")
	write(t, client, "a-1", 2, 1, "T")
	read := func(change func(*streams.ReadReq_Options)) []*streams.ReadResp {
		t.Helper()
		messages, err := readRaw(t, client, readOptions(change))
		require.NoError(t, err)
		return messages
	}
	backwards := func(o *streams.ReadReq_Options) { o.ReadDirection = streams.ReadReq_Options_Backwards }
	end := func(o *streams.ReadReq_Options) {
		o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}}}
	}
	all := read(nil)
	require.Equal(t, "a-1@0 a-1@1 b-1@0 b-1@1 a-1@2", describe(all))
	at := func(i int) uint64 { return all[i].GetEvent().GetEvent().GetCommitPosition() }

	// Forwards includes the position it names, backwards does not.
	require.Equal(t, "b-1@0 b-1@1 a-1@2", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(2)) })))
	require.Equal(t, "a-1@2", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(3)+1) })))
	require.Equal(t, "", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(4)+1) })))
	require.Equal(t, "", describe(read(end)))
	require.Equal(t, "", describe(read(backwards)))
	require.Equal(t, "a-1@2 b-1@1 b-1@0 a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) { end(o); backwards(o) })))
	require.Equal(t, "a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) { fromPosition(o, at(2)); backwards(o) })))
	require.Equal(t, "a-1@1", describe(read(func(o *streams.ReadReq_Options) {
		fromPosition(o, at(2))
		backwards(o)
		o.CountOption = &streams.ReadReq_Options_Count{Count: 1}
	})))

	// Filters of a read.
	require.Equal(t, "b-1@0 b-1@1", describe(read(func(o *streams.ReadReq_Options) { withFilter(o, false, prefixes("x", "b-"), 1, 1) })))
	require.Equal(t, "b-1@0 b-1@1", describe(read(func(o *streams.ReadReq_Options) { withFilter(o, true, prefixes("U"), 1, 1) })))
	require.Equal(t, "a-1@0 a-1@1", describe(read(func(o *streams.ReadReq_Options) {
		withFilter(o, false, &streams.ReadReq_Options_FilterOptions_Expression{Regex: "^[^b]"}, 1, 1)
		o.CountOption = &streams.ReadReq_Options_Count{Count: 2}
	})))
	require.Equal(t, "a-1@2 a-1@1 a-1@0", describe(read(func(o *streams.ReadReq_Options) {
		end(o)
		backwards(o)
		withFilter(o, true, &streams.ReadReq_Options_FilterOptions_Expression{Regex: "T"}, 1, 1)
	})))
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
	require.Equal(t, "", target(forwards, "end"))
	require.Equal(t, "a@0", target(backwards, nil))
	require.Equal(t, "a@1 a@0", target(backwards, uint64(1)))
	require.Equal(t, "a@2 a@1 a@0", target(backwards, ^uint64(0)))
	require.Equal(t, "a@2 a@1 a@0", target(backwards, "end"))
}

func TestSubscribeToAllOverTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	got, _ := follow(t, client, readOptions(subscription), 2)
	require.Equal(t, "confirmation caught-up", describe(got))

	write(t, client, "a", 0, 3, "T")
	got, more := follow(t, client, readOptions(subscription), 5)
	require.Equal(t, "confirmation a@0 a@1 a@2 caught-up", describe(got))
	write(t, client, "b", 0, 2, "T")
	require.Equal(t, "b@0 b@1", describe(more(2)), "without a filter there are no checkpoints")

	got, more = follow(t, client, readOptions(func(o *streams.ReadReq_Options) {
		subscription(o)
		o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
	}), 2)
	require.Equal(t, "confirmation caught-up", describe(got))
	write(t, client, "b", 2, 1, "T")
	require.Equal(t, "b@2", describe(more(1)))
}

func TestCheckpointsComeAtTheirIntervals(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	write(t, client, "a", 0, 2, "T")
	write(t, client, "b", 0, 5, "T")
	// An interval of 2 × 2 events: one checkpoint within, one at the end of catching up.
	got, more := follow(t, client, readOptions(func(o *streams.ReadReq_Options) {
		subscription(o)
		withFilter(o, false, prefixes("a"), 2, 2)
	}), 6)
	require.Equal(t, "confirmation a@0 a@1 checkpoint checkpoint caught-up", describe(got))
	all, err := readRaw(t, client, readOptions(nil))
	require.NoError(t, err)
	at := func(messages []*streams.ReadResp, i int) uint64 {
		return messages[i].GetEvent().GetEvent().GetCommitPosition()
	}
	require.Equal(t, at(all, 3), got[3].GetCheckpoint().GetCommitPosition())
	require.Equal(t, at(all, 6), got[4].GetCheckpoint().GetCommitPosition())

	// Live: after every four events looked at, with the position of the last one,
	// also where that one matched.
	write(t, client, "b", 5, 4, "T")
	write(t, client, "b", 9, 3, "T")
	write(t, client, "a", 2, 1, "T")
	got = more(3)
	require.Equal(t, "checkpoint a@2 checkpoint", describe(got))
	all, err = readRaw(t, client, readOptions(nil))
	require.NoError(t, err)
	require.Equal(t, at(all, 10), got[0].GetCheckpoint().GetCommitPosition())
	require.Equal(t, at(all, 14), got[2].GetCheckpoint().GetCommitPosition())
	require.Equal(t, at(all, 14), at(got, 1))
}

func TestSubscribeToStreamOverTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	ofA := func(from func(*streams.ReadReq_Options_StreamOptions)) *streams.ReadReq {
		return readOptions(func(o *streams.ReadReq_Options) {
			subscription(o)
			ofStream(o, "a")
			if from != nil {
				from(o.GetStream())
			}
		})
	}
	// A stream that is not there yet is no error.
	got, waiting := follow(t, client, ofA(nil), 2)
	require.Equal(t, "confirmation caught-up", describe(got))
	write(t, client, "b", 0, 2, "T")
	write(t, client, "a", 0, 3, "T")
	require.Equal(t, "a@0 a@1 a@2", describe(waiting(3)))

	// A revision is the last one seen.
	got, more := follow(t, client, ofA(func(o *streams.ReadReq_Options_StreamOptions) {
		o.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: 0}
	}), 4)
	require.Equal(t, "confirmation a@1 a@2 caught-up", describe(got))
	write(t, client, "a", 3, 2, "T")
	require.Equal(t, "a@3 a@4", describe(more(2)))
	require.Equal(t, "a@3 a@4", describe(waiting(2)))

	got, more = follow(t, client, ofA(func(o *streams.ReadReq_Options_StreamOptions) {
		o.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	}), 2)
	require.Equal(t, "confirmation caught-up", describe(got))
	write(t, client, "a", 5, 1, "T")
	require.Equal(t, "a@5", describe(more(1)))
}

// TestSubscriberFallsBackToDisk lets a subscriber stand still while the tail moves
// past it, and sees it go to disk, catch up and say so.
func TestSubscriberFallsBackToDisk(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 256 << 10
	client := rawClient(t, openNode(t, "log", tune))
	write(t, client, "a", 0, 1, "T")
	got, more := follow(t, client, readOptions(subscription), 3)
	require.Equal(t, "confirmation a@0 caught-up", describe(got))
	const big, size = 40, 200_000 // far more than tail and flow control hold
	for i := range int64(big) {
		_, _, err := appendRaw(t, client, appendOptions("a", i), proposed("T", contentBinary, make([]byte, size)))
		require.NoError(t, err)
	}
	next, caughtUp := uint64(1), 0
	for next <= big || caughtUp == 0 {
		message := more(1)[0]
		if event := message.GetEvent().GetEvent(); event != nil {
			require.Equal(t, next, event.GetStreamRevision())
			require.Len(t, event.GetData(), size)
			next++
		} else {
			require.NotNil(t, message.GetCaughtUp())
			caughtUp++
		}
	}
	require.Equal(t, uint64(big+1), next)
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

func TestHeadCacheForgetsButNeverLies(t *testing.T) {
	var cache headCache
	for i := range int64(3 * rememberedHeads) {
		cache.put(fmt.Sprint(i), i)
		require.LessOrEqual(t, len(cache.young)+len(cache.old), rememberedHeads)
	}
	_, ok := cache.get("0")
	require.False(t, ok)
	for i := range int64(3 * rememberedHeads) {
		if revision, ok := cache.get(fmt.Sprint(i)); ok {
			require.Equal(t, i, revision)
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

func FuzzBlock(f *testing.F) {
	var w recordWriter
	w.add(uuid.New(), true, []byte("T"), nil, []byte("{}"))
	f.Add(newBlock("a", 0, 0, 1, w.records, w.count, w.last).raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) >= 25 {
			_ = readBlock(binary.LittleEndian.Uint64(raw[17:]), raw) // must not panic
		}
	})
}

func FuzzProposed(f *testing.F) {
	f.Add([]byte{0x12, 0x02, 0x0a, 0x00})
	f.Fuzz(func(t *testing.T, message []byte) {
		var w recordWriter
		if err := parseProposed(message, &w); err != nil {
			require.Zero(t, w.count)
			return
		}
		require.Equal(t, 1, w.count)
		b := newBlock("a", 0, 0, 1, w.records, w.count, w.last)
		require.NoError(t, readBlock(0, b.raw))
	})
}
