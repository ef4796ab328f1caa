package node

import (
	"strconv"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/jeongsan/jeongsan/domain"
)

// sized makes events that count so many bytes each.
func sized(sizes ...int) (messages []*streams.AppendReq) {
	messages = append(messages, appendOptions(uuid.NewString(), noStream))
	for _, size := range sizes {
		const kind, custom = "종류", "custom" // twice two characters, six bytes
		event := proposed(kind, contentBinary, make([]byte, size-2*2-len(custom)))
		messages = append(messages, event)
	}
	return messages
}

func openWith(t *testing.T, config Config) (*Node, streams.StreamsClient) {
	t.Helper()
	config.Dir, config.Logger = "log", silent
	n, err := open(config, inMemory(vfs.NewMem()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n, rawClient(t, n)
}

func TestAppendSizeLimits(t *testing.T) {
	for name, c := range map[string]struct {
		config   Config
		sizes    []int
		trailers map[string]string // none: it passes
	}{
		"exactly a MiB in one":        {Config{}, []int{1 << 20}, nil},
		"exactly a MiB in many":       {Config{}, []int{1 << 19, 1 << 18, 1 << 18}, nil},
		"a byte more":                 {Config{}, []int{1<<20 + 1}, map[string]string{"exception": "maximum-append-size-exceeded", "maximum-append-size": "1048576"}},
		"a byte more in the last":     {Config{}, []int{1 << 19, 1 << 19, 11}, map[string]string{"exception": "maximum-append-size-exceeded", "maximum-append-size": "1048576"}},
		"far more, and all of it":     {Config{}, []int{1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20}, map[string]string{"exception": "maximum-append-size-exceeded"}},
		"a limit of its own":          {Config{MaxAppendBytes: 100}, []int{50, 50}, nil},
		"a limit of its own, more":    {Config{MaxAppendBytes: 100}, []int{50, 51}, map[string]string{"exception": "maximum-append-size-exceeded", "maximum-append-size": "100"}},
		"more than a MiB":             {Config{MaxAppendBytes: 4 << 20}, []int{2 << 20, 2 << 20}, nil},
		"a limit of one event":        {Config{MaxAppendEventBytes: 50}, []int{50, 50, 50}, nil},
		"a limit of one event, more":  {Config{MaxAppendEventBytes: 50}, []int{50, 51}, map[string]string{"exception": "maximum-append-event-size-exceeded", "maximum-append-event-size": "50", "proposed-append-event-size": "51"}},
		"the largest limit there is":  {Config{MaxAppendBytes: 16 << 20}, []int{8 << 20, 8 << 20}, nil},
		"the largest limit, exceeded": {Config{MaxAppendBytes: 16 << 20}, []int{8 << 20, 8 << 20, 11}, map[string]string{"maximum-append-size": strconv.Itoa(16 << 20)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, client := openWith(t, c.config)
			messages := sized(c.sizes...)
			answer, trailers, err := appendRaw(t, client, messages...)
			if c.trailers == nil {
				require.NoError(t, err)
				require.Equal(t, uint64(len(c.sizes)-1), answer.GetSuccess().GetCurrentRevision())
				return
			}
			requireStatus(t, codes.InvalidArgument, err)
			for key, value := range c.trailers {
				require.Equal(t, []string{value}, trailers.Get(key), key)
			}
			if c.trailers["proposed-append-event-size"] != "" {
				require.Equal(t, []string{messages[2].GetProposedMessage().GetId().GetString_()}, trailers.Get("event-id"))
			}
		})
	}
	for field, config := range map[string]Config{
		"max_append_bytes":       {MaxAppendBytes: 16<<20 + 1},
		"max_append_event_bytes": {MaxAppendEventBytes: -1},
	} {
		config.Dir, config.Logger = "log", silent
		_, err := open(config, inMemory(vfs.NewMem()))
		var refused *domain.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, field, refused.Field)
		require.NotEmpty(t, refused.Remedy)
	}
}

// TestBatchSizeLimits has a batch that is refused before its end, and the rest of it.
func TestBatchSizeLimits(t *testing.T) {
	n, client := openWith(t, Config{MaxAppendBytes: 1000, MaxAppendEventBytes: 600})
	c := openBatch(t, n)
	id := c.send(nil, batchOptions("s", nil), false, batchEvents(1, make([]byte, 498))...)
	c.send(id, nil, true, batchEvents(1, make([]byte, 498))...)
	require.Equal(t, uint64(1), c.receive().GetSuccess().GetCurrentRevision(), "exactly the limit")
	id = c.send(nil, batchOptions("s", nil), false, batchEvents(1, make([]byte, 498))...)
	c.send(id, nil, false, batchEvents(1, make([]byte, 499))...)
	require.Equal(t, "InvalidArgument MaximumAppendSizeExceeded", failureOf(t, c.receive()))
	c.send(id, nil, false, batchEvents(9, make([]byte, 499))...)
	c.send(id, nil, true)
	c.send(nil, batchOptions("s", nil), true, batchEvents(1, make([]byte, 599))...)
	require.Equal(t, "InvalidArgument BadRequest", failureOf(t, c.receive()))
	c.end()
	events, _ := wholeOf(t, plainClient{client}, "s")
	require.Len(t, events, 2)
}

// TestSystemStreamsOfAFreshLog reads what clients look for there, and opens a log
// that lacks some of it.
func TestSystemStreamsOfAFreshLog(t *testing.T) {
	const all = "$users@0 $users@1 $user-admin@0 $user-ops@0"
	filesystem := vfs.NewMem()
	for range 3 {
		n := openNode(t, "log", inMemory(filesystem))
		events, _ := wholeOf(t, plainClient{rawClient(t, n)}, "")
		require.Equal(t, all, revisionsOf(events))
		require.Equal(t, []string{"admin", "ops"}, []string{events[0].data, events[1].data})
		require.False(t, events[0].json)
		require.Equal(t, []string{"$User", "$User", "$UserCreated", "$UserCreated"}, []string{events[0].kind, events[1].kind, events[2].kind, events[3].kind})
		require.JSONEq(t, `{"LoginName":"admin","FullName":"Event Store Administrator","Groups":["$admins"],"Disabled":false}`, events[2].data)
		for _, event := range events {
			require.NotContains(t, strings.ToLower(event.data), "hash")
		}
		require.NoError(t, n.Close())
	}

	// A log from before, with events of its own.
	older := vfs.NewMem()
	s, err := openStore("log", 1<<20, older, pebbleLogger{logger: silent})
	require.NoError(t, err)
	c := newCommitter(s, newMetrics())
	for _, stream := range []string{"book-1", userStream + "admin"} {
		g := c.newGroup()
		answers := make(chan answered, 1)
		require.True(t, g.take(&appendRequest{stream: stream, expected: noStream, records: metadataEvent([]byte("{}")), answer: answers}))
		g.commit()
		require.NoError(t, (<-answers).err)
	}
	require.NoError(t, s.close())
	events, _ := wholeOf(t, plainClient{rawClient(t, openNode(t, "log", inMemory(older)))}, "")
	require.Equal(t, "book-1@0 $user-admin@0 $users@0 $users@1 $user-ops@0", revisionsOf(events))
}
