package transaction_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// counting gives transactions counts of three months and of days, and returns where
// each counter must stand.
func counting(events []readmodel.Event) map[string]transaction.Counter {
	random := rand.New(rand.NewPCG(7, 8))
	must := map[string]transaction.Counter{}
	for _, e := range events {
		entry := e.Entry
		for _, counter := range []fee.Counter{
			{Name: "ytd", Scope: fee.ScopeContract, Owner: "c", Window: fmt.Sprint("2026-0", 1+random.IntN(3)), Currency: "KRW", Key: "seller=s-1,grade=a%2Fb"},
			{Name: "recent", Scope: fee.ScopeSchedule, Owner: "s", Window: string(entry.EffectiveOn), Days: 7},
		} {
			stands := must[counter.ID()]
			added := money.New(int64(random.IntN(2000)-700), 3)
			// What stands before is of no concern: of a rolling window it is another sum.
			before := money.New(int64(random.IntN(1_000_000)), 2)
			after, err := before.Add(added)
			if err != nil {
				panic(err)
			}
			entry.Counts = append(entry.Counts, fee.Count{Counter: counter.ID(), Days: counter.Days, Before: before, After: after})
			if added.IsZero() {
				continue
			}
			stands.Book, stands.Counter, stands.Scope, stands.Owner, stands.Name = entry.Book, counter.ID(), counter.Scope, counter.Owner, counter.Name
			stands.Window, stands.Currency, stands.Key = counter.Window, counter.Currency, counter.Key
			stands.Value = stands.Value.Add(added.Decimal())
			stands.Transactions, stands.Position, stands.Revision = stands.Transactions+1, entry.Position, entry.Revision
			must[counter.ID()] = stands
		}
		// One that was looked at and left as it was.
		entry.Counts = append(entry.Counts, fee.Count{Counter: "contract:c/seen/lifetime//", Before: money.New(5, 0), After: money.New(5, 0)})
	}
	return must
}

func TestCountersStandWhereTheyAreLeft(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(400)
	must := counting(events)
	project(t, pool, events)

	for _, size := range []int{1, 3, 100} {
		found := map[string]transaction.Counter{}
		place := transaction.Counter{}
		for {
			page, err := transaction.Counters(ctx, pool, transaction.CounterFilter{}, place.Book, place.Counter, size)
			require.NoError(t, err)
			for _, c := range page {
				require.NotContains(t, found, c.Counter)
				require.True(t, c.Value.Equal(must[c.Counter].Value), c.Counter)
				require.Less(t, place.Counter, c.Counter)
				place = c
				want := must[c.Counter]
				want.Value, c.Value = decimal.Zero, decimal.Zero
				require.Equal(t, want, c)
				found[c.Counter] = c
			}
			if len(page) < size {
				break
			}
		}
		require.Len(t, found, len(must))
	}
}

func TestCountersAreFound(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	events := history(60)
	counting(events)
	project(t, pool, events)
	for name, test := range map[string]struct {
		filter transaction.CounterFilter
		want   int
	}{
		"all":                     {transaction.CounterFilter{}, 13},
		"of a book":               {transaction.CounterFilter{Book: "seoul"}, 13},
		"of another book":         {transaction.CounterFilter{Book: "busan"}, 0},
		"of a contract":           {transaction.CounterFilter{Contract: "c"}, 3},
		"of a contract like it":   {transaction.CounterFilter{Contract: "s"}, 0},
		"of a schedule":           {transaction.CounterFilter{Schedule: "s"}, 10},
		"by name":                 {transaction.CounterFilter{Name: "ytd"}, 3},
		"of a window":             {transaction.CounterFilter{Window: "2026-02"}, 1},
		"in a currency":           {transaction.CounterFilter{Currency: "KRW"}, 3},
		"of a party":              {transaction.CounterFilter{Of: "seller=s-1"}, 3},
		"of a text":               {transaction.CounterFilter{Of: fee.KeyPart("grade", "a/b")}, 3},
		"of a part of a text":     {transaction.CounterFilter{Of: "grade=a"}, 0},
		"of a party, in a window": {transaction.CounterFilter{Of: "seller=s-1", Window: "2026-03"}, 1},
	} {
		found, err := transaction.Counters(ctx, pool, test.filter, "", "", 50)
		require.NoError(t, err, name)
		require.Len(t, found, test.want, name)
	}
}

// A text that is no counter parks the read model instead of being lost.
func TestCounterOfNoAccumulator(t *testing.T) {
	pool := testkit.Database(t)
	for _, counter := range []string{"", "ytd", "contract:c/ytd", "book:c/ytd/2026/KRW/", "contract:/ytd/2026/KRW/", "contract:c//2026/KRW/"} {
		events := history(1)
		events[0].Entry.Counts = []fee.Count{{Counter: counter, After: money.New(1, 0)}}
		err := pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return transaction.Model{}.Projector("transaction").Project(context.Background(), tx, events)
		})
		require.ErrorContains(t, err, "no counter of an accumulator", counter)
		_, err = transaction.Rehearse().Project(events)
		require.Error(t, err)
	}
}

// The fold over rows in memory comes to the same as Postgres.
func TestRehearsedCounters(t *testing.T) {
	events := history(120)
	must := counting(events)
	rehearsal := transaction.Rehearse()
	for _, e := range events {
		commit, err := rehearsal.Project([]readmodel.Event{e})
		require.NoError(t, err)
		commit()
	}
	rows := rehearsal.Rows()["counters"]
	require.Len(t, rows, len(must))
	for _, row := range rows {
		want := must[row[1]]
		require.Equal(t, []string{"seoul", want.Counter, want.Value.String(), fmt.Sprint(want.Transactions), fmt.Sprint(int64(want.Position)), fmt.Sprint(want.Revision)}, row)
	}
}
