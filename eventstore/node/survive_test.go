package node

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// writeCall is a write, to be made of a node and to be told to a model.
type writeCall struct {
	how      string // append, batch, delete or tombstone
	stream   string
	expected int64
	events   []proposal
}

func (c writeCall) make(ctx context.Context, node plainClient) (outcome, error) {
	switch c.how {
	case "batch":
		return node.batch(ctx, 2, c.stream, c.expected, c.events...)
	case "delete":
		return node.delete(ctx, c.stream, c.expected)
	case "tombstone":
		return node.tombstone(ctx, c.stream, c.expected)
	}
	return node.append(ctx, c.stream, c.expected, c.events...)
}

func (c writeCall) steps(m *model) []step {
	switch c.how {
	case "delete":
		return []step{m.delete(c.stream, c.expected)}
	case "tombstone":
		return []step{m.tombstone(c.stream, c.expected)}
	}
	return m.append(c.stream, c.expected, c.events)
}

// clone copies a model with all its events.
func (m *model) clone() *model {
	copied := newModel(m.now)
	for _, event := range m.log {
		same := *event
		copied.log = append(copied.log, &same)
		copied.streams[event.stream] = append(copied.streams[event.stream], &same)
	}
	return copied
}

// survivor writes to streams of its own, one call after the other, so that it knows
// what must be there, whatever happens to the node.
type survivor struct {
	number  int
	random  *rand.Rand
	made    uint64
	current int // number of the stream it writes to
	// certain is what the log is known to hold; pending are calls that wrote more,
	// of which the first acked were answered.
	certain *model
	live    *model
	pending []writeCall
	acked   int
	fault   error // an answer that contradicts the model

	mu sync.Mutex // of acked, while run is under way
}

// answered is how many of the pending calls were acknowledged.
func (s *survivor) answered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked
}

func (s *survivor) stream() string { return fmt.Sprintf("w%d-%d", s.number, s.current) }

func (s *survivor) draw() writeCall {
	c := writeCall{how: "append", stream: s.stream(), expected: s.live.last(s.stream())}
	events := 1 + s.random.IntN(5)
	switch n := s.random.IntN(100); {
	case n < 50:
	case n < 65:
		c.expected = expectAny
	case n < 80:
		c.how = "batch"
	case n < 84:
		c.expected++ // too high
	case n < 91:
		c.stream = "$$" + c.stream
		c.expected, events = s.live.last(c.stream), 1
	case n < 97:
		c.how, events = "delete", 0
	case n < 99:
		c.how, c.expected, events = "tombstone", expectAny, 0
	default:
		c.expected, events = expectNothing, 0
	}
	for range events {
		s.made++
		event := proposal{kind: "T", json: true, data: fmt.Sprintf(`{"$maxCount":%d}`, 1+s.random.IntN(50))}
		binary.BigEndian.PutUint32(event.id[:], uint32(s.number)+1)
		binary.BigEndian.PutUint64(event.id[8:], s.made)
		if s.random.IntN(50) == 0 {
			event.custom = strings.Repeat("large", 1+s.random.IntN(20_000))
		}
		c.events = append(c.events, event)
	}
	return c
}

// run writes until the node is lost.
func (s *survivor) run(ctx context.Context, node plainClient, each func()) {
	for {
		c := s.draw()
		steps := c.steps(s.live)
		got, err := c.make(ctx, node)
		if err != nil {
			if steps[0].fresh != nil {
				s.pending = append(s.pending, c) // in doubt
			}
			return
		}
		if s.fault = s.took(c, steps, got); s.fault != nil {
			return
		}
		each()
	}
}

// took notes what an answer says of a call.
func (s *survivor) took(c writeCall, steps []step, got outcome) error {
	for _, step := range steps {
		if step.answer.ending != got.ending || step.answer.revision != got.revision {
			continue
		}
		if step.fresh != nil {
			step.fresh()
			s.pending = append(s.pending, c)
			s.mu.Lock()
			s.acked = len(s.pending)
			s.mu.Unlock()
		}
		if c.how == "tombstone" && got.ending == done {
			s.current++
		}
		return nil
	}
	return fmt.Errorf("%s to %s at %d: %v, of %s", c.how, c.stream, c.expected, got, describeSteps(steps))
}

// reconcile finds which of the pending calls the log holds, given the events in it
// that came after those that are certain, and makes them certain.
func (s *survivor) reconcile(t *testing.T, stored []seen) {
	t.Helper()
	before := len(s.certain.log)
	m := s.certain.clone()
	kept := 0
	for ; kept < s.acked || kept < len(s.pending) && len(m.log)-before < len(stored); kept++ {
		steps := s.pending[kept].steps(m)
		require.NotNil(t, steps[0].fresh)
		steps[0].fresh()
	}
	require.Equal(t, len(m.log)-before, len(stored), "writer %d: events after its first %d, by %d calls, of which %d were acknowledged",
		s.number, before, len(s.pending), s.acked)
	for i, got := range stored {
		want := m.log[before+i]
		if want.byNode {
			if want.json {
				require.JSONEq(t, want.data, got.data)
			}
			want.id, want.data = got.id, got.data
		}
		want.position = got.position
		got.created = 0
		if expected := (seen{want.proposal, want.stream, want.revision, want.position, 0}); expected != got {
			t.Fatalf("writer %d: expected %.200v, found %.200v", s.number, expected, got)
		}
	}
	for s.live = m; m.tombstoned(s.stream()); s.current++ {
	}
	s.certain, s.pending, s.acked = m.clone(), nil, 0
}

// requireAcknowledged compares the events of a node that has failed: there is what
// was acknowledged, and nothing of what was not.
func (s *survivor) requireAcknowledged(t *testing.T, stored []seen) {
	t.Helper()
	before := len(s.certain.log)
	m := s.certain.clone()
	for _, call := range s.pending[:s.acked] {
		call.steps(m)[0].fresh()
	}
	require.Equal(t, len(m.log)-before, len(stored), "writer %d", s.number)
	for i, got := range stored {
		want := m.log[before+i]
		require.Equal(t, want.stream, got.stream)
		require.Equal(t, want.revision, got.revision)
		require.True(t, want.byNode || want.id == got.id)
	}
}

// survivors are writers and one reader that outlive nodes.
type survivors struct {
	writers  []*survivor
	checked  uint64 // position up to which the log was compared
	followed []follow1
}

// follow1 is what the reader keeps of an event.
type follow1 struct {
	position uint64
	id       uuid.UUID
}

func newSurvivors(writers int, seed uint64) *survivors {
	all := new(survivors)
	for number := range writers {
		all.writers = append(all.writers, &survivor{number: number, random: rand.New(rand.NewPCG(seed, uint64(number))),
			certain: newModel(zeroTime), live: newModel(zeroTime)})
	}
	return all
}

// dialPlain connects to an address until the test says otherwise.
func dialPlain(t testing.TB, address string) (plainClient, func()) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	return plainClient{streams.NewStreamsClient(conn)}, func() { require.NoError(t, conn.Close()) }
}

// outlive checks the log, then writes to it and follows it until enough calls were
// answered. Then does something to the node, and says whether the node answers calls
// all the same: they are cut off.
func (all *survivors) outlive(t *testing.T, address string, enough int64, then func() (answers bool)) {
	t.Helper()
	client, hangUp := dialPlain(t, address)
	defer hangUp()
	all.reconcile(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var answered atomic.Int64
	var writers sync.WaitGroup
	for _, s := range all.writers {
		writers.Go(func() { s.run(ctx, client, func() { answered.Add(1) }) })
	}
	r := reach{from: whence{start: true}}
	if len(all.followed) > 0 {
		r.from = whence{at: all.followed[len(all.followed)-1].position}
	}
	options := r.options()
	options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	call, err := client.Read(ctx, &streams.ReadReq{Options: options})
	require.NoError(t, err)
	for answered.Load() < enough {
		message, err := call.Recv()
		require.NoError(t, err)
		if message.GetEvent() != nil {
			event, err := plainEvent(message.GetEvent())
			require.NoError(t, err)
			all.followed = append(all.followed, follow1{event.position, event.id})
		}
	}
	if then() {
		cancel()
	}
	writers.Wait()
	for _, s := range all.writers {
		require.NoError(t, s.fault)
	}
}

// reconcile reads what the log holds beyond what was compared before.
func (all *survivors) reconcile(t *testing.T, client plainClient) {
	t.Helper()
	stored, end := all.stored(t, client)
	all.checked = end
	for number, s := range all.writers {
		s.reconcile(t, stored[number])
		// The streams agree with the log, as their metadata lets them.
		for _, stream := range []string{s.stream(), "$$" + s.stream()} {
			s.requireStream(t, client, stream)
		}
	}
}

// stored returns the events that each writer has in the log beyond what was
// compared before, and the position of the last event.
func (all *survivors) stored(t *testing.T, client plainClient) (stored [][]seen, end uint64) {
	t.Helper()
	events, v, err := client.read(t.Context(), reach{from: whence{at: all.checked + 1}, count: ^uint64(0)})
	require.NoError(t, err)
	require.Equal(t, done, v)
	stored, end = make([][]seen, len(all.writers)), all.checked
	for _, event := range events {
		require.Greater(t, event.position, end)
		end = event.position
		var number int
		if _, err := fmt.Sscanf(strings.TrimPrefix(event.stream, "$$"), "w%d-", &number); err != nil {
			continue // the node's own
		}
		stored[number] = append(stored[number], event)
	}
	return stored, end
}

func (s *survivor) requireStream(t *testing.T, client plainClient, stream string) {
	t.Helper()
	for _, backwards := range []bool{false, true} {
		r := reach{stream: stream, backwards: backwards, from: whence{start: !backwards, end: backwards}, count: ^uint64(0)}
		want, wantEnding := s.certain.read(r)
		got, v, err := client.read(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, wantEnding, v, stream)
		require.Equal(t, len(want), len(got), stream)
		for i := range want {
			require.Equal(t, want[i].position, got[i].position, stream)
			require.Equal(t, want[i].id, got[i].id, stream)
		}
	}
}

// finish compares every stream and all that the reader followed.
func (all *survivors) finish(t *testing.T, address string) {
	t.Helper()
	client, hangUp := dialPlain(t, address)
	defer hangUp()
	all.reconcile(t, client)
	for _, s := range all.writers {
		for stream := range s.certain.streams {
			s.requireStream(t, client, stream)
		}
	}
	events, _, err := client.read(t.Context(), reach{from: whence{start: true}, count: ^uint64(0)})
	require.NoError(t, err)
	require.NotEmpty(t, all.followed)
	require.GreaterOrEqual(t, len(events), len(all.followed))
	for i, followed := range all.followed {
		require.Equal(t, follow1{events[i].position, events[i].id}, followed, "event %d of the subscription", i)
	}
}

// requireSound lets the node's own check look at the log of a stopped node.
func requireSound(t *testing.T, dir string, files vfs.FS) {
	t.Helper()
	report, err := check(t.Context(), dir, files, nil, silent)
	require.NoError(t, err)
	require.True(t, report.OK(), "%v", report.Faults)
}
