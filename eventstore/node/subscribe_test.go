package node

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

func TestSubscribeToAllOverTheWire(t *testing.T) {
	client := rawClient(t, openNode(t, "log", inMemory(vfs.NewMem())))
	from := func(position uint64) *streams.ReadReq {
		return readOptions(func(o *streams.ReadReq_Options) {
			fromPosition(o, position)
			subscription(o)
		})
	}
	start := origin(t, client)
	got, _ := follow(t, client, from(start), 2)
	require.Equal(t, "confirmation caught-up", describe(got))

	write(t, client, "a", 0, 3, "T")
	got, more := follow(t, client, from(start), 5)
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
	start := origin(t, client)
	write(t, client, "a", 0, 2, "T")
	write(t, client, "b", 0, 5, "T")
	// An interval of 2 × 2 events: one checkpoint within, one at the end of catching up.
	got, more := follow(t, client, readOptions(func(o *streams.ReadReq_Options) {
		fromPosition(o, start)
		subscription(o)
		withFilter(o, false, prefixes("a"), 2, 2)
	}), 6)
	require.Equal(t, "confirmation a@0 a@1 checkpoint checkpoint caught-up", describe(got))
	own := readOptions(func(o *streams.ReadReq_Options) { fromPosition(o, start+1) })
	all, err := readRaw(t, client, own)
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
	all, err = readRaw(t, client, own)
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
	start := origin(t, client)
	write(t, client, "a", 0, 1, "T")
	got, more := follow(t, client, readOptions(func(o *streams.ReadReq_Options) { fromPosition(o, start); subscription(o) }), 3)
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

func TestStreamSubscriptionStarts(t *testing.T) {
	for from, want := range map[string]string{
		"start": "confirmation a@0 a@1 a@2 caught-up a@3 a@4", "0": "confirmation a@1 a@2 caught-up a@3 a@4",
		"1": "confirmation a@2 caught-up a@3 a@4", "2": "confirmation caught-up a@3 a@4", "end": "confirmation caught-up a@3 a@4",
		"3": "confirmation caught-up a@4", "18446744073709551615": "confirmation caught-up a@3 a@4",
	} {
		inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
			writeBlocks(t, client, "a", 2, 1)
			before, after, _ := strings.Cut(want, "caught-up")
			got, more := follow(t, client, readingOf("a", from, subscription), strings.Count(before, " ")+1)
			write(t, client, "other", 0, 3, "T")
			write(t, client, "a", 3, 2, "T")
			require.Equal(t, before+"caught-up", describe(got), "from %s", from)
			require.Equal(t, strings.TrimSpace(after), describe(onlyEvents(more, strings.Count(after, " "))), "from %s", from)
		})
	}
}

func TestStreamSubscriptionObeysMetadataUntilItIsLive(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		writeBlocks(t, client, "a", 2, 3)
		describeMetadata(t, client, "a", noStream, `{"$maxCount":2,"$tb":100}`)
		got, live := follow(t, client, readingOf("a", "start", subscription), 2)
		require.Equal(t, "confirmation caught-up", describe(got))
		describeMetadata(t, client, "a", 0, `{"$maxCount":2}`)
		got, _ = follow(t, client, readingOf("a", "start", subscription), 4)
		require.Equal(t, "confirmation a@3 a@4 caught-up", describe(got))
		got, _ = follow(t, client, readingOf("a", "3", subscription), 3)
		require.Equal(t, "confirmation a@4 caught-up", describe(got))
		got, _ = follow(t, client, readingOf("$$a", "start", subscription), 3)
		require.Equal(t, "confirmation $$a@1 caught-up", describe(got))
		describeMetadata(t, client, "a", 1, `{"$tb":9223372036854775807}`)
		got, waiting := follow(t, client, readingOf("a", "start", subscription), 2)
		require.Equal(t, "confirmation caught-up", describe(got))
		write(t, client, "a", 5, 2, "T")
		require.Equal(t, "a@5 a@6", describe(onlyEvents(live, 2)))
		require.Equal(t, "a@5 a@6", describe(onlyEvents(waiting, 2)))
	})
}

// onlyEvents reads n events, whatever comes between: a subscriber may fall behind.
func onlyEvents(more func(int) []*streams.ReadResp, n int) (got []*streams.ReadResp) {
	for len(got) < n {
		if message := more(1)[0]; message.GetEvent() != nil {
			got = append(got, message)
		}
	}
	return got
}

// requireEnd reads on and finds the call ended because the stream is buried.
func requireEnd(t testing.TB, call grpc.ServerStreamingClient[streams.ReadResp], stream string) {
	t.Helper()
	_, err := call.Recv()
	requireStatus(t, codes.FailedPrecondition, err)
	require.Equal(t, []string{"stream-deleted"}, call.Trailer().Get("exception"))
	require.Equal(t, []string{stream}, call.Trailer().Get("stream-name"))
}

func TestTombstoneEndsASubscription(t *testing.T) {
	inBothFormsOfMemory(t, func(t *testing.T, _ *Node, client streams.StreamsClient) {
		writeBlocks(t, client, "a", 2)
		open := func(stream, want string) grpc.ServerStreamingClient[streams.ReadResp] {
			call, err := client.Read(t.Context(), readingOf(stream, "start", subscription))
			require.NoError(t, err)
			require.Equal(t, want, describe(receive(t, call, strings.Count(want, " ")+1)))
			return call
		}
		known, unknown := open("a", "confirmation a@0 a@1 caught-up"), open("b", "confirmation caught-up")
		bury(t, client, "a")
		require.Equal(t, "a@9223372036854775807", describe(receive(t, known, 1)))
		requireEnd(t, known, "a")
		bury(t, client, "b")
		require.Equal(t, "b@9223372036854775807", describe(receive(t, unknown, 1)))
		requireEnd(t, unknown, "b")
	})
}

func receive(t testing.TB, call grpc.ServerStreamingClient[streams.ReadResp], n int) (got []*streams.ReadResp) {
	t.Helper()
	for range n {
		message, err := call.Recv()
		require.NoError(t, err)
		got = append(got, message)
	}
	return got
}

// TestSlowSubscribersMissNothing lets subscribers of every kind stand still while
// the log grows by far more than the tail and all buffers hold.
func TestSlowSubscribersMissNothing(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 64 << 10
	n := openNode(t, "log", tune)
	client := rawClient(t, n)
	const names, appends, size = 3, 400, 20_000
	type follower struct {
		request *streams.ReadReq
		of      func(stream string) bool
		call    grpc.ServerStreamingClient[streams.ReadResp]
	}
	start := origin(t, client)
	after := func(o *streams.ReadReq_Options) { fromPosition(o, start); subscription(o) }
	every := func(string) bool { return true }
	onlyA := func(stream string) bool { return stream == "a-0" }
	followers := map[string]*follower{
		"all":    {request: readOptions(after), of: every},
		"stream": {request: readingOf("a-0", "start", subscription), of: onlyA},
		"prefix": {request: readOptions(func(o *streams.ReadReq_Options) {
			after(o)
			withFilter(o, false, prefixes("a-0"), 7, 3)
		}), of: onlyA},
		"type": {request: readOptions(func(o *streams.ReadReq_Options) {
			after(o)
			withFilter(o, true, prefixes("T"), 32, 1)
		}), of: every},
	}
	for name, f := range followers {
		call, err := client.Read(t.Context(), f.request)
		require.NoError(t, err)
		f.call = call
		require.Equal(t, "confirmation caught-up", describe(receive(t, call, 2)), name)
	}
	for i := range appends {
		_, _, err := appendRaw(t, client, appendOptions(fmt.Sprint("a-", i%names), int64(2*(i/names)-1)),
			proposed("T", contentBinary, make([]byte, size)), proposed("T", contentBinary, nil))
		require.NoError(t, err)
	}
	for name, f := range followers {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i := range appends {
				if stream := fmt.Sprint("a-", i%names); f.of(stream) {
					want = append(want, fmt.Sprint(stream, "@", 2*(i/names)), fmt.Sprint(stream, "@", 2*(i/names)+1))
				}
			}
			again, position := 0, uint64(0)
			for len(want) > 0 || again == 0 {
				message := receive(t, f.call, 1)[0]
				switch {
				case message.GetCaughtUp() != nil:
					again++
				case message.GetCheckpoint() != nil:
					require.GreaterOrEqual(t, message.GetCheckpoint().GetCommitPosition(), position)
				default:
					require.Equal(t, want[0], describe([]*streams.ReadResp{message}))
					want = want[1:]
					require.Greater(t, message.GetEvent().GetCommitPosition(), position)
					position = message.GetEvent().GetCommitPosition()
				}
			}
		})
	}
}

// TestCheckpointsResumeExactly follows logs made at random through random filters.
// Whoever resumes from any event or checkpoint gets exactly what is missing.
func TestCheckpointsResumeExactly(t *testing.T) {
	const seed = 20311
	random := rand.New(rand.NewPCG(seed, seed))
	for range 5 {
		tune := inMemory(vfs.NewMem())
		tune.tailBytes = 1 + random.IntN(4000)
		client := rawClient(t, openNode(t, "log", tune))
		last := map[string]int64{"a": noStream, "b": noStream}
		grow := func(appends int) {
			for range appends {
				stream := []string{"a", "b"}[random.IntN(2)]
				messages := []*streams.AppendReq{appendOptions(stream, last[stream])}
				for range 1 + random.IntN(4) {
					messages = append(messages, proposed([]string{"T", "U"}[random.IntN(2)], contentJSON, nil))
					last[stream]++
				}
				_, _, err := appendRaw(t, client, messages...)
				require.NoError(t, err)
			}
		}
		grow(40)
		interval := uint32(1 + random.IntN(6))
		byType := random.IntN(2) == 0
		filtered := func(from uint64) *streams.ReadReq {
			return readOptions(func(o *streams.ReadReq_Options) {
				if from > 0 {
					fromPosition(o, from)
				}
				subscription(o)
				withFilter(o, byType, prefixes("a", "T"), interval, 2)
			})
		}
		// untilCaughtUp returns the events, and every position to resume from with the
		// number of events before it.
		untilCaughtUp := func(from uint64) (events []string, resume map[uint64]int) {
			ctx := t.Context()
			call, err := client.Read(ctx, filtered(from))
			require.NoError(t, err)
			resume = make(map[uint64]int)
			checkpoint := from
			for {
				message := receive(t, call, 1)[0]
				switch content := message.GetContent().(type) {
				case *streams.ReadResp_Event:
					events = append(events, describe([]*streams.ReadResp{message}))
					resume[content.Event.GetCommitPosition()] = len(events)
				case *streams.ReadResp_Checkpoint_:
					require.Greater(t, content.Checkpoint.GetCommitPosition(), checkpoint, "no checkpoint twice")
					checkpoint = content.Checkpoint.GetCommitPosition()
					resume[checkpoint] = len(events)
				case *streams.ReadResp_CaughtUp_:
					return events, resume
				}
			}
		}
		events, resume := untilCaughtUp(0)
		for position, seen := range resume {
			rest, _ := untilCaughtUp(position)
			require.Equal(t, strings.Join(events[seen:], " "), strings.Join(rest, " "), "resumed from %d after %d events", position, seen)
		}
	}
}

// TestManySubscribersAndWriters runs subscribers of all kinds beside writers over
// a tail that is nearly always too short.
func TestManySubscribersAndWriters(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 2000
	client := rawClient(t, openNode(t, "log", tune))
	const writers, each = 4, 60
	var group sync.WaitGroup
	for w := range writers {
		stream := fmt.Sprint("s-", w)
		whole, err := client.Read(t.Context(), readOptions(subscription))
		require.NoError(t, err)
		one, err := client.Read(t.Context(), readingOf(stream, "start", subscription))
		require.NoError(t, err)
		group.Go(func() {
			for i := range int64(each) {
				if _, _, err := appendRaw(t, client, appendOptions(stream, i-1), proposed("T", contentBinary, make([]byte, 300))); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
		group.Go(func() {
			next := make(map[string]uint64)
			for total := 0; total < writers*each; {
				message, err := whole.Recv()
				if err != nil {
					t.Errorf("all: %v", err)
					return
				}
				if event := message.GetEvent().GetEvent(); event != nil && strings.HasPrefix(string(event.GetStreamIdentifier().GetStreamName()), "s-") {
					name := string(event.GetStreamIdentifier().GetStreamName())
					if event.GetStreamRevision() != next[name] {
						t.Errorf("%s@%d instead of %d", name, event.GetStreamRevision(), next[name])
					}
					next[name]++
					total++
				}
			}
		})
		group.Go(func() {
			for next := uint64(0); next < each; {
				message, err := one.Recv()
				if err != nil {
					t.Errorf("%s: %v", stream, err)
					return
				}
				if event := message.GetEvent().GetEvent(); event != nil {
					if event.GetStreamRevision() != next {
						t.Errorf("%s@%d instead of %d", stream, event.GetStreamRevision(), next)
					}
					next++
				}
			}
		})
	}
	group.Wait()
}
