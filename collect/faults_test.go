package collect_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// weakDoor loses answers: what was asked took effect, or not, and the caller is
// told that the outcome is unknown or that the door is unavailable.
type weakDoor struct {
	command.Door
	calls atomic.Int64
	// fate says what becomes of the n-th call.
	fate func(n int64) fate
}

type fate int

const (
	answered   fate = iota
	lost            // took effect, answer lost
	dropped         // took no effect, and nobody knows
	refusedNow      // took no effect, and says so
	half            // the first half took effect, all answers are lost
)

func (w *weakDoor) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	code := domain.CodeOutcomeUnknown
	switch w.fate(w.calls.Add(1)) {
	case answered:
		return w.Door.Do(ctx, requests...)
	case lost:
		w.Door.Do(ctx, requests...)
	case half:
		w.Door.Do(ctx, requests[:len(requests)/2]...)
	case refusedNow:
		code = domain.CodeUnavailable
	case dropped:
	}
	replies := make([]command.Reply, len(requests))
	for i := range replies {
		replies[i].Err = &domain.Error{Code: code, Message: "no answer"}
	}
	return replies
}

func manyRows(n int) string {
	lines := make([]string, 0, 2*n)
	for i := range n {
		id := strconv.Itoa(i)
		lines = append(lines, sale("s"+id, "10.00"))
		switch i % 5 {
		case 1:
			lines = append(lines, "r"+id+",2026-11-22 11:00,refund,mina,USD,-4.00,s"+id+",s1")
		case 2:
			lines = append(lines, "bad"+id+",2026-11-22 11:00,sale,nobody,USD,4.00,,s1")
		case 3:
			lines = append(lines, "malformed "+id)
		}
	}
	return rows(lines...)
}

func TestLostAnswersLoseAndDoubleNothing(t *testing.T) {
	data := manyRows(60)
	for name, fates := range map[string][]fate{
		"answers lost":      {answered, lost},
		"calls dropped":     {dropped, answered},
		"door away":         {refusedNow, answered},
		"half of them":      {half, half, answered},
		"all sorts of ways": {answered, half, lost, answered, dropped, refusedNow, answered, lost},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openShop(t)
			weak := &weakDoor{Door: l.door, fate: func(n int64) fate { return fates[n%int64(len(fates))] }}
			l.pipeline = l.through(weak, 17)
			report := l.must(d, data)
			require.EqualValues(t, 96, report.Counts.Read)
			require.Equal(t, 72, len(l.settlements("shop")), "60 sales and 12 refunds, each once")
			require.EqualValues(t, 72, report.Counts.Settled+report.Counts.Replayed-report.StillQuarantined)
			require.Len(t, l.quarantine("shop", collect.Filter{}), 24)

			l.pipeline = l.through(l.door, 17)
			before := l.events()
			require.EqualValues(t, 96, l.must(d, data).Counts.Replayed)
			require.Equal(t, before, l.events())
		})
	}
}

// TestStoppedAnywhereAndRunAgain stops an ingest at every call of the door and
// finishes it with a second run.
func TestStoppedAnywhereAndRunAgain(t *testing.T) {
	data := manyRows(12)
	for stop := int64(1); ; stop++ {
		finished := false
		t.Run(fmt.Sprint("call ", stop), func(t *testing.T) {
			l, d := openShop(t)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			weak := &weakDoor{Door: l.door, fate: func(n int64) fate {
				if n < stop {
					return answered
				}
				cancel()
				return []fate{lost, dropped}[stop%2]
			}}
			l.pipeline = l.through(weak, 7)
			report, err := l.pipeline.Ingest(ctx, d, delivery(data), nil)
			l.addsUp(report)
			if err == nil {
				finished = true
				return
			}
			require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
			require.ErrorIs(t, err, context.Canceled)

			l.pipeline = l.through(l.door, 7)
			report = l.must(d, data)
			require.EqualValues(t, 19, report.Counts.Read)
			require.Equal(t, 15, len(l.settlements("shop")))
			require.Equal(t, 4, len(l.quarantine("shop", collect.Filter{})))
			events := l.stream("source-shop")
			require.Equal(t, report.Delivery, events[len(events)-1].(source.DeliveryIngested).Delivery, "the delivery is noted")
		})
		if finished {
			require.Greater(t, stop, int64(6))
			return
		}
		require.Less(t, stop, int64(100))
	}
}

func TestDoorThatNeverAnswersEndsWithAClearError(t *testing.T) {
	l, d := openShop(t)
	l.pipeline = collect.NewPipeline(collect.Config{Store: l.store, Patience: 1, Door: &weakDoor{Door: l.door, fate: func(n int64) fate {
		if n == 1 {
			return answered
		}
		return dropped
	}}})
	report, err := l.ingest(d, rows(sale("a", "1.00")))
	require.Equal(t, domain.CodeOutcomeUnknown, domain.CodeOf(err))
	require.ErrorContains(t, err, "run it again")
	require.Zero(t, report.Counts.Read)
}

// brokenDoor fails on one transaction with a fault of the program.
type brokenDoor struct{ command.Door }

func (b brokenDoor) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	replies := b.Door.Do(ctx, requests...)
	for i, request := range requests {
		if _, ok := request.Command.(book.SettleTransaction); ok {
			replies[i].Err = errors.New("nil pointer")
		}
	}
	return replies
}

func TestFaultOfTheProgramIsNotQuarantined(t *testing.T) {
	l, d := openShop(t)
	l.pipeline = l.through(brokenDoor{l.door}, 0)
	_, err := l.ingest(d, rows(sale("a", "1.00")))
	require.Equal(t, domain.CodeInternal, domain.CodeOf(err))
	require.Empty(t, l.quarantine("shop", collect.Filter{}))
}
