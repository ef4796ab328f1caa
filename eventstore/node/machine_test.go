package node

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"pgregory.net/rapid"
)

// handClock is a clock that goes on when it is told to.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// machine drives a node and a model with the same calls and compares them.
type machine struct {
	*model
	clock      *handClock
	filesystem vfs.FS
	node       *Node
	conn       *grpc.ClientConn
	client     plainClient
	made       uint64 // ids given out
	requests   []writeRequest
	confirmed  int // events of the log whose position is known

	// subscriber follows the whole log for as long as the node runs.
	subscriber streams.Streams_ReadClient
	unfollow   context.CancelFunc
	followed   int // events of the log that it got
}

// writeRequest is an append that was made, to be repeated.
type writeRequest struct {
	stream   string
	expected int64
	events   []proposal
}

func newMachine(t *rapid.T) *machine {
	clock := &handClock{now: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)}
	m := &machine{model: newModel(clock.now), clock: clock, filesystem: vfs.NewMem()}
	m.start(t)
	// What a new node writes of its own accord is taken for granted.
	own, v, err := m.client.read(t.Context(), reach{from: whence{start: true}, count: ^uint64(0)})
	require.NoError(t, err)
	require.Equal(t, done, v)
	for _, event := range own {
		require.True(t, strings.HasPrefix(event.stream, "$"), event.stream)
		w := m.put(event.stream, event.proposal)
		w.position, w.at = event.position, time.Unix(0, event.created*100)
		require.Equal(t, w.revision, event.revision)
	}
	m.confirmed = len(own)
	return m
}

func (m *machine) start(t *rapid.T) {
	var err error
	tune := inMemory(m.filesystem)
	tune.tailBytes = rapid.SampledFrom([]int{tune.tailBytes, 1}).Draw(t, "bytes of the tail")
	m.node, err = open(Config{Dir: "log", Logger: silent}, tune)
	require.NoError(t, err)
	m.node.committer.now = m.clock.Now
	m.conn, err = grpc.NewClient(m.node.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	m.client = plainClient{streams.NewStreamsClient(m.conn)}
	m.follow(t)
}

func (m *machine) stop(t rapid.TB) {
	m.unfollow()
	require.NoError(t, m.conn.Close())
	require.NoError(t, m.node.Close())
}

// follow begins to follow the log behind what was followed before.
func (m *machine) follow(t *rapid.T) {
	r := reach{from: whence{start: true}}
	if m.followed > 0 {
		r.from = whence{at: m.log[m.followed-1].position}
	}
	options := r.options()
	options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	ctx, cancel := context.WithCancel(t.Context())
	m.unfollow = cancel
	var err error
	m.subscriber, err = m.client.Read(ctx, &streams.ReadReq{Options: options})
	require.NoError(t, err)
}

// check compares what was written since the last check, and reads the follower up
// to there.
func (m *machine) check(t *rapid.T) {
	r := reach{from: whence{start: true}, count: ^uint64(0)}
	if m.confirmed > 0 {
		r.from = whence{at: m.log[m.confirmed-1].position + 1}
	}
	events, v, err := m.client.read(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, done, v)
	require.Len(t, events, len(m.log)-m.confirmed, "events written since the last step")
	for i, event := range events {
		m.same(t, m.log[m.confirmed+i], event)
	}
	m.confirmed = len(m.log)
	for m.followed < len(m.log) {
		message, err := m.subscriber.Recv()
		require.NoError(t, err)
		if message.GetEvent() == nil {
			continue
		}
		event, err := plainEvent(message.GetEvent())
		require.NoError(t, err)
		m.same(t, m.log[m.followed], event)
		m.followed++
	}
}

// same compares an event with what the model has, and learns what only the node
// could know.
func (m *machine) same(t *rapid.T, want *written, got seen) {
	if want.position == 0 {
		want.position = got.position
		if i := m.index(want); i > 0 {
			require.Greater(t, got.position, m.log[i-1].position, "positions ascend")
		}
		if want.byNode {
			require.NotEqual(t, uuid.Nil, got.id)
			want.id = got.id
			if want.json {
				require.JSONEq(t, want.data, got.data, "metadata made by the node")
				want.data = got.data
			}
		}
	}
	require.Equal(t, seen{want.proposal, want.stream, want.revision, want.position, want.at.UnixNano() / 100}, got)
}

func (m *machine) index(event *written) int {
	for i := len(m.log) - 1; i >= 0; i-- {
		if m.log[i] == event {
			return i
		}
	}
	return -1
}

// settle carries out, of the steps that a node may take, the one that it took.
func (m *machine) settle(t *rapid.T, got outcome, steps ...step) {
	for _, s := range steps {
		if s.answer.ending != got.ending || s.answer.revision != got.revision {
			continue
		}
		switch {
		case s.fresh != nil:
			require.Positive(t, got.position)
			if len(m.log) > 0 {
				require.Greater(t, got.position, m.log[len(m.log)-1].position)
			}
			m.learn(t, s.fresh(), got.position)
		case s.last != nil:
			require.Equal(t, s.last.position, got.position, "position of the event that was repeated")
		default:
			require.Zero(t, got.position, "position of an answer for which nothing readable was written")
		}
		return
	}
	require.Fail(t, "the model says otherwise", "the node answers %v, of %v", got, describeSteps(steps))
}

// learn checks the events just written, of which one has the position that was
// answered.
func (m *machine) learn(t *rapid.T, answered *written, position uint64) {
	m.check(t)
	require.Equal(t, position, answered.position, "the position that was answered")
}

func describeSteps(steps []step) string {
	var parts []string
	for _, s := range steps {
		parts = append(parts, fmt.Sprintf("%v (writes: %v)", s.answer, s.fresh != nil))
	}
	return strings.Join(parts, " or ")
}

func (m *machine) newID() (id uuid.UUID) {
	m.made++
	binary.BigEndian.PutUint64(id[:], 0xfeed)
	binary.BigEndian.PutUint64(id[8:], m.made)
	return id
}

var plainStreams = rapid.SampledFrom([]string{"a", "b", "c", "d", "$e"})

func (m *machine) drawExpected(t *rapid.T, stream string) int64 {
	last := m.last(stream)
	if last == lastRevision {
		last = 3
	}
	switch rapid.SampledFrom([]string{"last", "any", "no stream", "stream exists", "other"}).Draw(t, "expected") {
	case "last":
		return last
	case "any":
		return expectAny
	case "no stream":
		return expectNothing
	case "stream exists":
		return expectExists
	}
	return rapid.Int64Range(0, last+3).Draw(t, "revision")
}

func (m *machine) drawEvents(t *rapid.T, least int) []proposal {
	events := make([]proposal, rapid.IntRange(least, 4).Draw(t, "events"))
	for i := range events {
		events[i] = proposal{
			id: m.newID(), kind: rapid.SampledFrom([]string{"T", "Umlaut-ä", "$t"}).Draw(t, "type"), json: rapid.Bool().Draw(t, "json"),
			custom: rapid.SampledFrom([]string{"", "custom"}).Draw(t, "custom"), data: rapid.SampledFrom([]string{"", "{}", "\x00\xff"}).Draw(t, "data"),
		}
	}
	return events
}

// write appends one way or the other.
func (m *machine) write(t *rapid.T, stream string, expected int64, events []proposal) {
	steps := m.append(stream, expected, events)
	var got outcome
	var err error
	if chunk := rapid.IntRange(0, 3).Draw(t, "chunk, 0 for a single append"); chunk > 0 {
		got, err = m.client.batch(t.Context(), chunk, stream, expected, events...)
	} else {
		got, err = m.client.append(t.Context(), stream, expected, events...)
	}
	require.NoError(t, err)
	m.settle(t, got, steps...)
	m.requests = append(m.requests, writeRequest{stream, expected, events})
}

func (m *machine) Append(t *rapid.T) {
	stream := plainStreams.Draw(t, "stream")
	expected := m.drawExpected(t, stream)
	m.write(t, stream, expected, m.drawEvents(t, 0))
}

// Repeat makes an earlier request again, or one that looks like it.
func (m *machine) Repeat(t *rapid.T) {
	if len(m.requests) == 0 {
		t.Skip("nothing to repeat")
	}
	r := rapid.SampledFrom(m.requests).Draw(t, "request")
	stream, expected, events := r.stream, r.expected, append([]proposal(nil), r.events...)
	switch rapid.SampledFrom([]string{"the same", "a suffix", "a prefix", "longer", "reversed", "otherwise expected", "elsewhere"}).Draw(t, "how") {
	case "a suffix":
		if len(events) > 1 && expected >= expectNothing {
			events, expected = events[1:], expected+1
		}
	case "a prefix":
		events = events[:(len(events)+1)/2]
	case "longer":
		events = append(events, m.drawEvents(t, 1)...)
	case "reversed":
		for i := range len(events) / 2 {
			events[i], events[len(events)-1-i] = events[len(events)-1-i], events[i]
		}
	case "otherwise expected":
		expected = m.drawExpected(t, stream)
	case "elsewhere":
		if !strings.HasPrefix(stream, "$$") {
			stream = plainStreams.Draw(t, "stream")
		}
	}
	m.write(t, stream, expected, events)
}

// Metadata writes metadata of a stream, some of it nonsense.
func (m *machine) Metadata(t *rapid.T) {
	base := plainStreams.Draw(t, "stream")
	event := proposal{id: m.newID(), kind: rapid.SampledFrom([]string{"$metadata", "Other"}).Draw(t, "type"), json: true}
	fields := make(map[string]any)
	for _, field := range []struct {
		key    string
		values []any
	}{
		{"$maxCount", []any{nil, 1, 2, 3, 5, 0, -2, "2", 1.5}},
		{"$maxAge", []any{nil, nil, 5, 15, 35, 0, -5}},
		{"$tb", []any{nil, nil, 0, 1, 2, 5, 100, lastRevision}},
		{"custom", []any{nil, "x", map[string]any{"y": []any{1.0}}}},
	} {
		if value := rapid.SampledFrom(field.values).Draw(t, field.key); value != nil {
			fields[field.key] = value
		}
	}
	data, err := json.Marshal(fields)
	require.NoError(t, err)
	event.data = string(data)
	switch rapid.IntRange(0, 9).Draw(t, "nonsense") {
	case 0:
		event.data = "{"
	case 1:
		event.json, event.data = false, "no JSON"
	}
	m.write(t, "$$"+base, m.drawExpected(t, "$$"+base), []proposal{event})
}

func (m *machine) Delete(t *rapid.T) {
	stream := plainStreams.Draw(t, "stream")
	expected := m.drawExpected(t, stream)
	want := m.delete(stream, expected)
	got, err := m.client.delete(t.Context(), stream, expected)
	require.NoError(t, err)
	m.settle(t, got, want)
}

func (m *machine) Tombstone(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rarely") > 0 {
		t.Skip("they leave little to do")
	}
	stream := plainStreams.Draw(t, "stream")
	expected := m.drawExpected(t, stream)
	want := m.tombstone(stream, expected)
	got, err := m.client.tombstone(t.Context(), stream, expected)
	require.NoError(t, err)
	m.settle(t, got, want)
}

// Wait lets time go by. No event is ever exactly as old as a limit.
func (m *machine) Wait(t *rapid.T) {
	m.clock.advance(time.Duration(rapid.SampledFrom([]int{10, 20, 50}).Draw(t, "seconds")) * time.Second)
	m.now = m.clock.Now()
}

func (m *machine) Restart(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "rarely") > 0 {
		t.Skip("it takes time")
	}
	m.stop(t)
	m.start(t)
}

func (m *machine) drawPosition(t *rapid.T) uint64 {
	if len(m.log) == 0 {
		return 0
	}
	at := rapid.SampledFrom(m.log).Draw(t, "event").position
	if at < m.log[len(m.log)-1].position {
		at += uint64(rapid.IntRange(0, 1).Draw(t, "behind it"))
	}
	return at
}

func (m *machine) drawReach(t *rapid.T) (r reach) {
	r.count = rapid.SampledFrom([]uint64{^uint64(0), 1, 2, 5}).Draw(t, "count")
	r.from.start = rapid.Bool().Draw(t, "from the start")
	r.from.end = !r.from.start && rapid.Bool().Draw(t, "from the end")
	if rapid.Bool().Draw(t, "the whole log") {
		if !r.from.start && !r.from.end {
			r.from.at = m.drawPosition(t)
		}
		switch rapid.SampledFrom([]string{"", "", "stream", "type"}).Draw(t, "filter") {
		case "stream":
			r.streams = rapid.SampledFrom([][]string{{"a"}, {"$$"}, {"b", "$"}, {"nothing"}}).Draw(t, "prefixes")
		case "type":
			r.kinds = rapid.SampledFrom([][]string{{"T"}, {"$"}, {"$metadata", "Umlaut-ä"}}).Draw(t, "prefixes")
		}
		return r
	}
	r.stream = rapid.SampledFrom([]string{"", "$$"}).Draw(t, "of metadata") + plainStreams.Draw(t, "stream")
	if !r.from.start && !r.from.end {
		r.from.at = uint64(rapid.IntRange(0, 12).Draw(t, "from"))
	}
	return r
}

func (m *machine) compare(t *rapid.T, what string, r reach, want []*written, wantEnding ending, got []seen, v ending, err error) {
	require.NoError(t, err, "%s of %+v", what, r)
	require.Equal(t, wantEnding, v, "%s of %+v", what, r)
	require.Len(t, got, len(want), "%s of %+v", what, r)
	for i := range want {
		m.same(t, want[i], got[i])
	}
}

func (m *machine) Read(t *rapid.T) {
	r := m.drawReach(t)
	r.backwards = rapid.Bool().Draw(t, "backwards")
	if r.stream != "" && r.from.end && !r.backwards {
		t.Skip("nobody reads a stream forwards from its end")
	}
	want, wantEnding := m.read(r)
	got, v, err := m.client.read(t.Context(), r)
	m.compare(t, "read", r, want, wantEnding, got, v, err)
}

func (m *machine) CatchUp(t *rapid.T) {
	r := m.drawReach(t)
	want, wantEnding := m.catchUp(r)
	got, v, err := m.client.catchUp(t.Context(), r)
	m.compare(t, "subscription", r, want, wantEnding, got, v, err)
}

// whole compares all that can be read.
func (m *machine) whole(t *rapid.T) {
	names := []string{"", "never written"}
	for stream := range m.streams {
		names = append(names, stream)
	}
	for _, stream := range names {
		for _, backwards := range []bool{false, true} {
			r := reach{stream: stream, backwards: backwards, from: whence{start: !backwards, end: backwards}, count: ^uint64(0)}
			want, wantEnding := m.read(r)
			got, v, err := m.client.read(t.Context(), r)
			m.compare(t, "read", r, want, wantEnding, got, v, err)
		}
	}
}

// actions finds the methods that are steps of a check. They have upper-case names.
func (m *machine) actions() map[string]func(*rapid.T) {
	found := map[string]func(*rapid.T){"": m.check}
	value := reflect.ValueOf(m)
	for i := range value.NumMethod() {
		if action, ok := value.Method(i).Interface().(func(*rapid.T)); ok {
			found[value.Type().Method(i).Name] = action
		}
	}
	return found
}

// checks sets how many histories rapid tries, for as long as a test runs.
func checks(t testing.TB, n int) {
	t.Helper()
	if os.Getenv("JEONGSAN_LONG") == "1" {
		n *= 10
	}
	setting := flag.Lookup("rapid.checks")
	before := setting.Value.String()
	require.NoError(t, setting.Value.Set(fmt.Sprint(n)))
	t.Cleanup(func() { require.NoError(t, setting.Value.Set(before)) })
}

// TestNodeFollowsTheModel makes random calls of a node and a model, with restarts
// in between, and compares every answer and everything that can be read. A failure
// is made small and printed with the seed that repeats it.
func TestNodeFollowsTheModel(t *testing.T) {
	checks(t, 100)
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		defer func() { m.stop(t) }()
		t.Repeat(m.actions())
		m.whole(t)
		m.stop(t)
		m.start(t)
		m.whole(t)
	})
}
