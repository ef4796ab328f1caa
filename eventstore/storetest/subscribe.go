package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

func subscribeFromPosition(s *suite) {
	start := s.last()
	written := events(10)
	s.append(s.stream("a"), eventstore.NoStream(), written[:4]...)
	s.append(s.stream("a"), eventstore.At(3), written[4:]...)
	all := s.subscribe(s.filter(), start).untilCaughtUp()
	s.requireEvents(all, s.stream("a"), 0, written...)
	for i := range all {
		got := s.subscribe(s.filter(), all[i].Position).untilCaughtUp()
		s.requireEvents(got, s.stream("a"), uint64(i)+1, written[i+1:]...)
	}
}

func subscribeFromStart(s *suite) {
	written := events(3)
	s.append(s.stream("a"), eventstore.NoStream(), written...)
	f := s.subscribe(s.filter(), eventstore.Start)
	s.requireEvents(f.untilCaughtUp(), s.stream("a"), 0, written...)
}

func subscribeFromEnd(s *suite) {
	written := events(3)
	before := s.append(s.stream("a"), eventstore.NoStream(), events(2)...)
	f := s.subscribe(s.filter(), before.Position)
	require.Empty(s, f.untilCaughtUp())
	s.append(s.stream("b"), eventstore.NoStream(), written...)
	s.requireEvents(f.events(3), s.stream("b"), 0, written...)
}

func subscribeFilter(s *suite) {
	start := s.last()
	written := make(map[domain.StreamID][]eventstore.Proposed)
	for _, name := range []string{"book-1", "party-1", "book-2", "bookkeeping-1", "boo-1"} {
		batch := events(2)
		written[s.stream(name)] = batch
		s.append(s.stream(name), eventstore.NoStream(), batch...)
	}
	got := s.subscribe(s.filter("book-", "boo-"), start).untilCaughtUp()
	require.Len(s, got, 6)
	s.requireEvents(got[:2], s.stream("book-1"), 0, written[s.stream("book-1")]...)
	s.requireEvents(got[2:4], s.stream("book-2"), 0, written[s.stream("book-2")]...)
	s.requireEvents(got[4:], s.stream("boo-1"), 0, written[s.stream("boo-1")]...)
	// Without prefixes, everything but system events.
	all := make(map[domain.StreamID]int)
	for _, event := range s.subscribe(eventstore.Filter{}, start).untilCaughtUp() {
		require.False(s, eventstore.System(event.Stream), event.Stream)
		all[event.Stream]++
	}
	for stream := range written {
		require.Equal(s, 2, all[stream], stream)
	}
}

func subscribeCheckpoints(s *suite) {
	start := s.last()
	s.append(s.stream("a-1"), eventstore.NoStream(), events(1)...)
	quiet := s.append(s.stream("b-1"), eventstore.NoStream(), events(40)...)
	f := s.subscribe(s.filter("a-"), start)
	require.Len(s, f.untilCaughtUp(), 1)
	// The end of catching up is told even though nothing matched there.
	require.NotEmpty(s, f.checkpoints)
	require.GreaterOrEqual(s, f.checkpoints[len(f.checkpoints)-1], quiet.Position)
	for i := 1; i < len(f.checkpoints); i++ {
		require.Greater(s, f.checkpoints[i], f.checkpoints[i-1])
	}
	// Live, a checkpoint comes after enough events that do not match.
	seen := len(f.checkpoints)
	for i := range uint64(20) {
		s.append(s.stream("b-1"), eventstore.At(39+100*i), events(100)...)
	}
	for len(f.checkpoints) == seen {
		require.Nil(s, f.next().Event)
	}
	// Resuming from a checkpoint misses nothing and repeats nothing.
	resume := f.checkpoints[len(f.checkpoints)-1]
	last := events(1)
	s.append(s.stream("a-1"), eventstore.At(0), last...)
	s.requireEvents(f.events(1), s.stream("a-1"), 1, last...)
	s.requireEvents(s.subscribe(s.filter("a-"), resume).untilCaughtUp(), s.stream("a-1"), 1, last...)
}

func subscribeLive(s *suite) {
	const writers, each = 4, 50
	f := s.subscribe(s.filter(), s.last())
	require.Empty(s, f.untilCaughtUp())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			stream := s.stream(fmt.Sprint("writer-", w))
			for i := range uint64(each) {
				if _, err := s.store.Append(s.ctx, stream, eventstore.After(2*i), events(2)...); err != nil {
					s.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	next := make(map[domain.StreamID]uint64)
	for _, event := range f.events(writers * each * 2) {
		require.Equal(s, next[event.Stream], event.Revision, event.Stream)
		next[event.Stream]++
	}
	wg.Wait()
	require.Len(s, next, writers)
}

func subscribeSlow(s *suite) {
	const appends, each, size = 60, 20, 20_000
	slow := s.subscribe(s.filter(), s.last())
	require.Empty(s, slow.untilCaughtUp())
	// Nobody reads while far more is written than any buffer on the way holds.
	for i := range uint64(appends) {
		batch := events(each)
		for j := range batch {
			batch[j].Data = append(append([]byte{'"'}, make([]byte, size)...), '"')
			for k := range batch[j].Data[1 : size+1] {
				batch[j].Data[k+1] = byte('a' + (int(i)*each+j+k*7)%26)
			}
		}
		s.append(s.stream("a"), eventstore.After(each*i), batch...)
	}
	for i, event := range slow.events(appends * each) {
		require.Equal(s, uint64(i), event.Revision)
		require.Equal(s, byte('a'+i%26), event.Data[1])
	}
	last := events(1)
	s.append(s.stream("a"), eventstore.After(appends*each), last...)
	s.requireEvents(slow.events(1), s.stream("a"), appends*each, last...)
}

// subscribeAgree opens subscriptions while many write: each sees every event once,
// and all in the order of a read.
func subscribeAgree(s *suite) {
	const writers, each, followers = 4, 100, 5
	start := s.last()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range uint64(each) {
				if _, err := s.store.Append(s.ctx, s.stream(fmt.Sprint("writer-", w)), eventstore.After(i), events(1)...); err != nil {
					s.Errorf("append: %v", err)
					return
				}
			}
		})
	}
	var seen [followers][]eventstore.Position
	for i := range seen {
		f := s.subscribe(s.filter(), start)
		for _, event := range f.events(writers * each) {
			seen[i] = append(seen[i], event.Position)
		}
	}
	wg.Wait()
	var read []eventstore.Position
	for _, event := range s.collect(s.store.ReadAll(s.ctx, start)) {
		if strings.HasPrefix(string(event.Stream), s.prefix) {
			read = append(read, event.Position)
		}
	}
	for i := range seen {
		require.Equal(s, read, seen[i])
	}
}

func subscribeCancel(s *suite) {
	f := s.subscribe(s.filter(), s.last())
	require.Empty(s, f.untilCaughtUp())
	for i := range uint64(5) {
		ctx, cancel := context.WithCancel(s.ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := f.subscription.Next(ctx)
			ended <- err
		}()
		cancel()
		err := <-ended
		s.requireCode(eventstore.CodeCanceled, err)
		require.ErrorIs(s, err, context.Canceled)
		written := events(1)
		s.append(s.stream("a"), eventstore.After(i), written...)
		s.requireEvents(f.events(1), s.stream("a"), i, written...)
	}
	// The context of Subscribe bounds the opening only.
	ctx, cancel := context.WithCancel(s.ctx)
	subscription, err := s.store.Subscribe(ctx, s.filter(), eventstore.Start)
	require.NoError(s, err)
	cancel()
	short := &follower{suite: s, subscription: subscription}
	require.Len(s, short.untilCaughtUp(), 5)
	require.NoError(s, subscription.Close())
}

func subscribeClose(s *suite) {
	subscription, err := s.store.Subscribe(s.ctx, s.filter(), s.last())
	require.NoError(s, err)
	f := &follower{suite: s, subscription: subscription}
	require.Empty(s, f.untilCaughtUp())
	ended := make(chan error, 1)
	go func() {
		_, err := subscription.Next(s.ctx)
		ended <- err
	}()
	require.NoError(s, subscription.Close())
	require.NoError(s, subscription.Close())
	s.requireCode(eventstore.CodeClosed, <-ended)
	_, err = subscription.Next(s.ctx)
	s.requireCode(eventstore.CodeClosed, err)
}

func closeStore(s *suite) {
	s.append(s.stream("a"), eventstore.NoStream(), events(1)...)
	subscription, err := s.store.Subscribe(s.ctx, s.filter(), eventstore.Start)
	require.NoError(s, err)
	f := &follower{suite: s, subscription: subscription}
	require.Len(s, f.untilCaughtUp(), 1)
	require.NoError(s, s.store.Close())
	require.NoError(s, s.store.Close())
	_, err = subscription.Next(s.ctx)
	s.requireCode(eventstore.CodeClosed, err)
	require.NoError(s, subscription.Close())
	s.refused(eventstore.CodeClosed, s.stream("a"), eventstore.At(0), events(1)...)
	_, err = s.store.LastPosition(s.ctx)
	s.requireCode(eventstore.CodeClosed, err)
	_, err = s.store.Subscribe(s.ctx, s.filter(), eventstore.Start)
	s.requireCode(eventstore.CodeClosed, err)
	for _, err := range s.store.ReadStream(s.ctx, s.stream("a"), eventstore.Forwards, 0, 1) {
		s.requireCode(eventstore.CodeClosed, err)
	}
	for _, err := range s.store.ReadAll(s.ctx, eventstore.Start) {
		s.requireCode(eventstore.CodeClosed, err)
	}
}
