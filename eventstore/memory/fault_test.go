package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

var errFault = errors.New("a fault on purpose")

func event() eventstore.Proposed {
	return eventstore.Proposed{ID: uuid.New(), Type: "Tested.v1", Data: []byte(`{}`)}
}

func count(t *testing.T, s *memory.Store) int {
	t.Helper()
	n := 0
	for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
		require.NoError(t, err)
		n++
	}
	return n
}

func TestFailedAppendLeavesNoTrace(t *testing.T) {
	s := open(t)
	s.OnAppend(func(a memory.Append) memory.Fault {
		require.Equal(t, domain.StreamID("book-1"), a.Stream)
		require.Len(t, a.Events, 1)
		return memory.Fault{Fail: errFault}
	})
	_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.ErrorIs(t, err, errFault)
	require.True(t, eventstore.OutcomeUnknown(err))
	require.Zero(t, count(t, s))
	s.OnAppend(nil)
	_, err = s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.NoError(t, err)
}

func TestFailedButPersistedAppend(t *testing.T) {
	s, e := open(t), event()
	s.OnAppend(func(memory.Append) memory.Fault { return memory.Fault{FailPersisted: errFault} })
	_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), e)
	require.ErrorIs(t, err, errFault)
	require.True(t, eventstore.OutcomeUnknown(err))
	require.Equal(t, 1, count(t, s))
	// A definite refusal stays one.
	_, err = s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.Equal(t, eventstore.CodeWrongExpected, eventstore.CodeOf(err))
	s.OnAppend(nil)
	appended, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), e)
	require.NoError(t, err)
	require.Zero(t, appended.Revision)
	require.Equal(t, 1, count(t, s))
}

func TestFaultOfOneCaller(t *testing.T) {
	s, e := open(t), event()
	s.OnAppend(func(memory.Append) memory.Fault { return memory.Fault{Fail: errFault} })
	_, err := s.Append(memory.WithFault(t.Context(), memory.Fault{}), "book-1", eventstore.NoStream(), event())
	require.NoError(t, err)
	s.OnAppend(nil)
	_, err = s.Append(memory.WithFault(t.Context(), memory.Fault{FailPersisted: errFault}), "book-1", eventstore.After(1), e)
	require.ErrorIs(t, err, errFault)
	_, err = s.Append(t.Context(), "book-1", eventstore.After(1), e)
	require.NoError(t, err)
	require.Equal(t, 2, count(t, s))
}

func TestHeldAppendTakesEffectLate(t *testing.T) {
	s, e := open(t), event()
	hold, held := make(chan struct{}), make(chan struct{})
	s.OnAppend(func(memory.Append) memory.Fault {
		close(held)
		return memory.Fault{Hold: hold}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.Append(ctx, "book-1", eventstore.NoStream(), e)
		ended <- err
	}()
	<-held
	cancel()
	err := <-ended
	require.True(t, eventstore.OutcomeUnknown(err))
	require.Zero(t, count(t, s))

	s.OnAppend(nil)
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
	require.NoError(t, err)
	close(hold)
	for {
		message, err := sub.Next(t.Context())
		require.NoError(t, err)
		if message.Event != nil {
			require.Equal(t, e.ID, message.Event.ID)
			break
		}
	}
	_, err = s.Append(t.Context(), "book-1", eventstore.NoStream(), e)
	require.NoError(t, err)
	require.Equal(t, 1, count(t, s))
}

func TestHeldAppendDiesWithTheStore(t *testing.T) {
	s := memory.New()
	held := make(chan struct{}, 2)
	s.OnAppend(func(memory.Append) memory.Fault {
		held <- struct{}{}
		return memory.Fault{Hold: make(chan struct{})}
	})
	ended := make(chan error, 2)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
		ended <- err
	}()
	go func() {
		_, err := s.Append(ctx, "book-1", eventstore.NoStream(), event())
		ended <- err
	}()
	<-held
	<-held
	cancel()
	require.Equal(t, eventstore.CodeCanceled, eventstore.CodeOf(<-ended))
	require.NoError(t, s.Close())
	require.Equal(t, eventstore.CodeClosed, eventstore.CodeOf(<-ended))
}

func TestReadFaultsAndDroppedSubscriptions(t *testing.T) {
	s := open(t)
	_, err := s.Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.NoError(t, err)
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
	require.NoError(t, err)
	s.DropSubscriptions(errFault)
	_, err = sub.Next(t.Context())
	require.ErrorIs(t, err, errFault)
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err))

	s.OnRead(func(stream domain.StreamID) error {
		if stream == "book-1" {
			return errFault
		}
		return nil
	})
	for _, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 0, 1) {
		require.ErrorIs(t, err, errFault)
	}
	require.Equal(t, 1, count(t, s))
	_, err = s.Subscribe(t.Context(), eventstore.Filter{}, 1<<40)
	require.Equal(t, eventstore.CodeInvalid, eventstore.CodeOf(err))
}
