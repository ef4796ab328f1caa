package transaction_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// log makes the events of one book, with positions ten apart.
type log struct {
	t      *testing.T
	events []readmodel.Event
}

func (l *log) add(event domain.Event) (readmodel.Event, *book.Original) {
	l.t.Helper()
	data, err := eventstore.Encode(event)
	require.NoError(l.t, err)
	meta, err := eventstore.Meta{Actor: "operator:kim", Authenticated: "none", RecordedAt: start}.Encode()
	require.NoError(l.t, err)
	revision := uint64(len(l.events))
	e := new(readmodel.Decoder).Decode(eventstore.Recorded{
		Type: event.EventType(), Stream: "book-seoul", Revision: revision, Position: eventstore.Position(10 * (revision + 1)), Data: data, Metadata: meta,
	})
	require.NoError(l.t, e.Err)
	l.events = append(l.events, e)
	ref := &book.Original{Ref: domain.Ref{Stream: "book-seoul", Revision: revision}}
	if e.Entry != nil {
		ref.Key = e.Entry.Key
	}
	return e, ref
}

func key(id string) book.Key { return book.Key{Source: "pg", ExternalID: id} }

func sale(id string, counts ...fee.Count) book.TransactionSettled {
	return book.TransactionSettled{
		Key: key(id), ContentHash: "1:00", Type: "sale", OccurredAt: start, EffectiveOn: "2026-01-01", RecordedAt: start, Currency: "KRW", Amount: money.New(100, 0),
		Parties: book.Parties{{Role: "seller", ID: "kim"}}, Contract: "c", Schedule: "s", Version: 1, Engine: 1, Postings: []ledger.Posting{}, Explanation: []fee.Line{}, Counts: counts,
	}
}

func refund(id string, of *book.Original) book.TransactionSettled {
	r := sale(id)
	r.Type, r.Amount, r.Original = "refund", money.New(-100, 0), of
	return r
}

func awaits(id, original string) book.OriginalAwaited {
	return book.OriginalAwaited{Key: key(id), ContentHash: "1:00", Awaits: key(original), RecordedAt: start, Refund: &book.AwaitingRefund{Transaction: book.Transaction{
		Key: key(id), Book: "seoul", Type: "refund", OccurredAt: start, Currency: "KRW", Amount: money.New(-100, 0), Parties: map[string]string{"seller": "kim", "agent": "ann", "owner": "kim"},
	}}}
}

func apply(t *testing.T, pool *pgxpool.Pool, batches ...[]readmodel.Event) {
	t.Helper()
	projector := transaction.Model{}.Projector("transaction")
	for _, batch := range batches {
		require.NoError(t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return projector.Project(context.Background(), tx, batch)
		}))
	}
}

// cuts are the events in one batch, one by one, and cut at random.
func cuts(events []readmodel.Event) map[string][][]readmodel.Event {
	random := rand.New(rand.NewPCG(5, 6))
	cut := map[string][][]readmodel.Event{"at once": {events}, "one by one": nil, "at random": nil}
	for i := range events {
		cut["one by one"] = append(cut["one by one"], events[i:i+1])
	}
	for rest := events; len(rest) > 0; {
		n := 1 + random.IntN(min(4, len(rest)))
		cut["at random"] = append(cut["at random"], rest[:n])
		rest = rest[n:]
	}
	return cut
}

func TestAdjustmentsAndWhatGivesBack(t *testing.T) {
	ctx := context.Background()
	l := &log{t: t}
	_, first := l.add(sale("1"))
	charge := refund("cb", first)
	charge.Type = "chargeback"
	_, chargeback := l.add(charge)
	won := sale("won")
	won.Original, won.Restores = chargeback, first
	l.add(won)
	adjust := book.AdjustmentPosted{
		Key: book.Key{Source: "desk", ExternalID: "a-1"}, ContentHash: "1:00", Adjusts: first, Reason: "wrong rate", OccurredAt: start, EffectiveOn: "2026-01-02", RecordedAt: start,
		Postings: []ledger.Posting{
			{Account: "kim/payable/KRW", Side: ledger.Credit, Amount: money.New(30, 0)}, {Account: "bob/fee/KRW", Side: ledger.Debit, Amount: money.New(30, 0)},
		},
	}
	l.add(adjust)
	restate := adjust
	restate.Key = book.Key{Source: "rerating", ExternalID: "june/pg/1"}
	restate.Restates = &book.Restatement{Rerating: "june", Contract: "c", Schedule: "s", Version: 2, Engine: 1, Explanation: []fee.Line{}, Postings: []ledger.Posting{}}
	l.add(restate)
	alone := adjust
	alone.Key, alone.Adjusts = book.Key{Source: "desk", ExternalID: "a-2"}, nil
	l.add(alone)
	for name, batches := range cuts(l.events) {
		t.Run(name, func(t *testing.T) {
			pool := testkit.Database(t)
			apply(t, pool, batches...)
			links, err := transaction.Links(ctx, pool, "seoul", first.Revision, 10)
			require.NoError(t, err)
			var got []string
			for _, link := range links {
				got = append(got, link.Link+" "+link.ExternalID)
			}
			require.Equal(t, []string{"refund cb", "restoration won", "adjustment a-1", "restatement june/pg/1"}, got)
			links, err = transaction.Links(ctx, pool, "seoul", chargeback.Revision, 10)
			require.NoError(t, err)
			require.Len(t, links, 1)
			require.Equal(t, "refund won", links[0].Link+" "+links[0].ExternalID)

			adjustments, err := transaction.Adjustments(ctx, pool, "seoul", first.Revision, 10)
			require.NoError(t, err)
			require.Len(t, adjustments, 2)
			header := adjustments[0].Header
			require.Equal(t, []string{"adjustment", "adjustment", "wrong rate", "KRW", "30", ""},
				[]string{header.Kind, header.Type, header.Reason, string(header.Currency), header.Amount.String(), header.Contract})
			require.Equal(t, []string{"bob", "kim"}, header.Parties)
			require.Equal(t, []string{"c", "s"}, []string{adjustments[1].Contract, adjustments[1].Schedule})

			found, err := transaction.List(ctx, pool, transaction.Filter{Kind: "adjustment", Party: "kim"}, 0, 10)
			require.NoError(t, err)
			require.Len(t, found, 3)
		})
	}
}

func TestStepsStandApart(t *testing.T) {
	ctx := context.Background()
	may, june := "contract:c/ytd/2026-05/KRW/seller=kim", "contract:c/ytd/2026-06/KRW/seller=kim"
	count := func(counter string, before, after int64, closes domain.Date) fee.Count {
		return fee.Count{Counter: counter, Before: money.New(before, 0), After: money.New(after, 0), Closes: closes}
	}
	l := &log{t: t}
	l.add(sale("0", count(may, 0, 0, "2026-06-01"), count("contract:c/seen/lifetime/KRW/", 5, 5, "")))
	l.add(sale("1", count(may, 0, 100, "2026-06-01")))
	l.add(sale("2", count(may, 100, 150, "2026-06-03")))
	release := book.HoldsReleased{
		BusinessDate: "2026-06-03", RecordedAt: start, Holds: []book.Hold{{Account: "kim/reserve/KRW", Into: "payable", On: "2026-06-02", Change: money.New(-5, 0)}},
		Postings: []ledger.Posting{{Account: "kim/reserve/KRW", Amount: money.New(5, 0)}, {Account: "kim/payable/KRW", Side: ledger.Credit, Amount: money.New(5, 0)}},
	}
	l.add(release)
	closed := book.WindowClosed{
		BusinessDate: "2026-06-03", RecordedAt: start, Counter: may, First: "2026-05-01", Last: "2026-05-31", Currency: "KRW", Contract: "c", Schedule: "s", Version: 3, Engine: 1,
		Parties: book.Parties{{Role: "seller", ID: "kim"}}, Periods: []book.PeriodLines{}, Counts: []fee.Count{count(june, 0, -20, "2026-07-01")},
		Postings: []ledger.Posting{{Account: "lee/payable/KRW", Amount: money.New(5, 0)}, {Account: "bob/fee/KRW", Side: ledger.Credit, Amount: money.New(5, 0)}},
	}
	l.add(closed)
	l.add(book.BusinessDateAdvanced{From: "2026-06-02", To: "2026-06-03", RecordedAt: start})
	l.add(sale("late", count(may, 150, 170, "2026-06-03")))
	for name, batches := range cuts(l.events) {
		t.Run(name, func(t *testing.T) {
			pool := testkit.Database(t)
			apply(t, pool, batches...)
			transactions, err := transaction.List(ctx, pool, transaction.Filter{}, 0, 10)
			require.NoError(t, err)
			require.Len(t, transactions, 4, "what a book posts by itself is no transaction")

			steps, err := transaction.Steps(ctx, pool, transaction.StepFilter{}, 0, 10)
			require.NoError(t, err)
			require.Len(t, steps, 2)
			for i := range steps {
				steps[i].RecordedAt = steps[i].RecordedAt.UTC()
			}
			require.Equal(t, transaction.Step{
				Position: 50, Book: "seoul", Revision: 4, Kind: "closing", BusinessDate: "2026-06-03", RecordedAt: start, Counter: may, First: "2026-05-01", Last: "2026-05-31",
				Currency: "KRW", Contract: "c", Schedule: "s", Version: 3, Parties: []string{"bob", "kim", "lee"},
			}, steps[0])
			require.Equal(t, transaction.Step{
				Position: 40, Book: "seoul", Revision: 3, Kind: "release", BusinessDate: "2026-06-03", RecordedAt: start, Parties: []string{},
			}, steps[1], "nobody sees the others of a release")
			at, err := transaction.StepsAt(ctx, pool, []eventstore.Position{10, 40, 50})
			require.NoError(t, err)
			require.Len(t, at, 2)
			require.Equal(t, "release", at[40].Kind)

			counters, err := transaction.Counters(ctx, pool, transaction.CounterFilter{}, "", "", 10)
			require.NoError(t, err)
			var lines []string
			for _, c := range counters {
				by := "open"
				if c.ClosedBy != nil {
					by = fmt.Sprint("closed by ", *c.ClosedBy)
				}
				lines = append(lines, fmt.Sprint(c.Window, " ", c.Value, " of ", c.Transactions, " until ", c.Position, "@", c.Revision, ", closes ", c.Closes, ", ", by))
			}
			require.Equal(t, []string{
				"2026-05 170 of 4 until 70@6, closes 2026-06-03, closed by 4",
				"2026-06 -20 of 1 until 50@4, closes 2026-07-01, open",
			}, lines)
			open, err := transaction.Counters(ctx, pool, transaction.CounterFilter{Open: true}, "", "", 10)
			require.NoError(t, err)
			require.Len(t, open, 1)
			require.Equal(t, june, open[0].Counter)
		})
	}
	pool := testkit.Database(t)
	apply(t, pool, l.events)
	for name, test := range map[string]struct {
		filter transaction.StepFilter
		want   int
	}{
		"of a book":         {transaction.StepFilter{Book: "seoul"}, 2},
		"of another":        {transaction.StepFilter{Book: "busan"}, 0},
		"of a kind":         {transaction.StepFilter{Kind: "release"}, 1},
		"of a party":        {transaction.StepFilter{Party: "lee"}, 1},
		"of no party of it": {transaction.StepFilter{Party: "pat"}, 0},
		"of a contract":     {transaction.StepFilter{Contract: "c", Schedule: "s", Counter: may}, 1},
		"of another window": {transaction.StepFilter{Counter: june}, 0},
		"by date":           {transaction.StepFilter{From: "2026-06-03", To: "2026-06-03"}, 2},
		"by later dates":    {transaction.StepFilter{From: "2026-06-04"}, 0},
		"by earlier dates":  {transaction.StepFilter{To: "2026-06-02"}, 0},
	} {
		found, err := transaction.Steps(ctx, pool, test.filter, 0, 10)
		require.NoError(t, err, name)
		require.Len(t, found, test.want, name)
	}
	second, err := transaction.Steps(ctx, pool, transaction.StepFilter{}, 50, 10)
	require.NoError(t, err)
	require.Len(t, second, 1)

	bad := l.events[4]
	event := bad.Event.(book.WindowClosed)
	event.First = "today"
	bad.Event = event
	require.ErrorContains(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return transaction.Model{}.Projector("transaction").Project(ctx, tx, []readmodel.Event{bad})
	}), "read a date of book-seoul@4")
}

func TestWhatWaitsForItsOriginal(t *testing.T) {
	ctx := context.Background()
	l := &log{t: t}
	l.add(awaits("r-1", "s-1"))
	l.add(awaits("r-2", "s-2"))
	l.add(book.OriginalAwaited{
		Key: key("v-3"), Awaits: key("s-3"), RecordedAt: start.Add(time.Hour), Reversal: &book.ReverseEntry{Key: key("v-3"), Target: key("s-3"), Reason: "sent twice", OccurredAt: start},
	})
	l.add(awaits("r-4", "s-4"))
	_, first := l.add(sale("s-1"))
	l.add(refund("r-1", first))
	_, second := l.add(sale("s-2")) // and the refund could not be carried out
	_, fourth := l.add(sale("s-4"))
	l.add(refund("r-4", fourth))
	for name, batches := range cuts(l.events) {
		t.Run(name, func(t *testing.T) {
			pool := testkit.Database(t)
			apply(t, pool, batches...)
			waiting, err := transaction.Awaiting(ctx, pool, transaction.AwaitingFilter{}, 0, 10)
			require.NoError(t, err)
			require.Len(t, waiting, 2)
			reversal, early := waiting[0], waiting[1]
			require.Equal(t, []string{"seoul", "pg", "v-3", "reversal", "pg", "s-3", "sent twice", ""},
				[]string{reversal.Book, reversal.Source, reversal.ExternalID, reversal.Kind, reversal.OriginalSource, reversal.OriginalExternalID, reversal.Reason, reversal.Type})
			require.Nil(t, reversal.Amount)
			require.Nil(t, reversal.Came)
			require.Equal(t, []string{"r-2", "refund", "s-2", "refund", "KRW", "-100"},
				[]string{early.ExternalID, early.Kind, early.OriginalExternalID, early.Type, string(early.Currency), early.Amount.String()})
			require.Equal(t, []string{"ann", "kim"}, early.Parties)
			require.Equal(t, second.Revision, *early.Came, "its original is there")
			require.Equal(t, eventstore.Position(20), early.Position)

			for name, test := range map[string]struct {
				filter transaction.AwaitingFilter
				before eventstore.Position
				want   []string
			}{
				"of a party":     {transaction.AwaitingFilter{Party: "ann"}, 0, []string{"r-2"}},
				"of an original": {transaction.AwaitingFilter{Original: key("s-3")}, 0, []string{"v-3"}},
				"of a kind":      {transaction.AwaitingFilter{Kind: "refund", Source: "pg", Book: "seoul"}, 0, []string{"r-2"}},
				"for an hour":    {transaction.AwaitingFilter{Until: start.Add(time.Hour)}, 0, []string{"r-2"}},
				"the next page":  {transaction.AwaitingFilter{}, 30, []string{"r-2"}},
				"of a source":    {transaction.AwaitingFilter{Source: "till"}, 0, nil},
			} {
				found, err := transaction.Awaiting(ctx, pool, test.filter, test.before, 10)
				require.NoError(t, err, name)
				var ids []string
				for _, w := range found {
					ids = append(ids, w.ExternalID)
				}
				require.Equal(t, test.want, ids, name)
			}

			rehearsal := transaction.Rehearse()
			for _, batch := range batches {
				commit, err := rehearsal.Project(batch)
				require.NoError(t, err)
				commit()
			}
			rows := rehearsal.Rows()["awaiting"]
			slices.SortFunc(rows, slices.Compare)
			require.Equal(t, [][]string{{"seoul", "pg", "r-2", "refund", "pg", "s-2", "20"}, {"seoul", "pg", "v-3", "reversal", "pg", "s-3", "30"}}, rows)
		})
	}
}
