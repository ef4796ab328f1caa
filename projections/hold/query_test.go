package hold_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/hold"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// plain has amounts in one form, so that they can be compared.
func plain(list []hold.Slice) []hold.Slice {
	for i := range list {
		list[i].Amount = decimal.RequireFromString(list[i].Amount.String())
	}
	return list
}

func all(t *testing.T, pool *pgxpool.Pool, f hold.Filter, size int) (list []hold.Slice) {
	t.Helper()
	var place hold.Place
	for {
		page, err := hold.Slices(context.Background(), pool, f, place, size)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), size)
		list = append(list, page...)
		if len(page) < size {
			return plain(list)
		}
		place = page[len(page)-1].Place()
	}
}

// However the log is cut, the tables say what the log comes to.
func TestSlicesAreWhatTheLogComesTo(t *testing.T) {
	ctx := context.Background()
	for seed, most := range map[uint64]int{1: 1, 2: 7, 3: 400} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			pool := testkit.Database(t)
			w := history(seed, 400)
			project(t, pool, seed, most, w.events)
			want := plain(w.sorted())
			require.NotEmpty(t, want)
			for _, size := range []int{1, 7, 1000} {
				require.Equal(t, want, all(t, pool, hold.Filter{}, size))
			}

			require.NotEmpty(t, w.releases)
			slices.SortFunc(w.releases, func(a, b hold.Release) int {
				return cmp.Or(cmp.Compare(b.Position, a.Position), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Into, b.Into), cmp.Compare(a.Due, b.Due))
			})
			for _, size := range []int{1, 5, 1000} {
				var got []hold.Release
				var place hold.ReleasePlace
				for {
					page, err := hold.Releases(ctx, pool, hold.ReleaseFilter{}, place, size)
					require.NoError(t, err)
					got = append(got, page...)
					if len(page) < size {
						break
					}
					place = page[len(page)-1].Place()
				}
				require.Len(t, got, len(w.releases))
				for i := range got {
					require.True(t, got[i].Amount.Equal(w.releases[i].Amount))
					require.True(t, got[i].RecordedAt.Equal(start))
					got[i].Amount, got[i].RecordedAt = w.releases[i].Amount, w.releases[i].RecordedAt
				}
				require.Equal(t, w.releases, got)
			}

			dates, err := hold.Dates(ctx, pool, "", 10)
			require.NoError(t, err)
			require.Len(t, dates, len(w.dates))
			for _, d := range dates {
				d.RecordedAt = d.RecordedAt.UTC()
				require.Equal(t, w.dates[d.Book], d)
				one, ok, err := hold.DateOf(ctx, pool, d.Book)
				require.NoError(t, err)
				require.True(t, ok)
				require.Equal(t, d.BusinessDate, one.BusinessDate)
			}
			_, ok, err := hold.DateOf(ctx, pool, "none")
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
}

func TestFilters(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	w := history(5, 300)
	project(t, pool, 5, 50, w.events)
	every := w.sorted()
	middle := every[len(every)/2]
	for name, test := range map[string]struct {
		filter hold.Filter
		want   func(s hold.Slice) bool
	}{
		"of a book":         {hold.Filter{Book: "seoul"}, func(s hold.Slice) bool { return s.Book == "seoul" }},
		"of a party":        {hold.Filter{Owner: "seller-1"}, func(s hold.Slice) bool { return s.Owner == "seller-1" }},
		"of an account":     {hold.Filter{Book: middle.Book, Account: middle.Account}, func(s hold.Slice) bool { return s.Book == middle.Book && s.Account == middle.Account }},
		"for a purpose":     {hold.Filter{Into: "available"}, func(s hold.Slice) bool { return s.Into == "available" }},
		"in a currency":     {hold.Filter{Currency: "KRW"}, func(hold.Slice) bool { return false }},
		"due by a date":     {hold.Filter{To: middle.Due}, func(s hold.Slice) bool { return s.Due <= middle.Due }},
		"due from a date":   {hold.Filter{From: middle.Due, Currency: "USD"}, func(s hold.Slice) bool { return s.Due >= middle.Due }},
		"of a party at one": {hold.Filter{Owner: middle.Owner, From: middle.Due, To: middle.Due}, func(s hold.Slice) bool { return s.Owner == middle.Owner && s.Due == middle.Due }},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(w.sorted(), func(s hold.Slice) bool { return !test.want(s) })
			require.Equal(t, len(want) > 0, name != "in a currency")
			got := all(t, pool, test.filter, 3)
			require.ElementsMatch(t, plain(want), got)

			sums, err := hold.Sums(ctx, pool, test.filter, 100)
			require.NoError(t, err)
			type account struct{ book, path, into string }
			must := map[account]hold.Sum{}
			for _, s := range want {
				at := account{s.Book, s.Account, s.Into}
				sum, known := must[at]
				if !known {
					sum = hold.Sum{Book: s.Book, Account: s.Account, Into: s.Into, Owner: s.Owner, Currency: s.Currency, Next: s.Due, Last: s.Due}
				}
				sum.Amount, sum.Slices = sum.Amount.Add(s.Amount), sum.Slices+1
				sum.Next, sum.Last, sum.Position = min(sum.Next, s.Due), max(sum.Last, s.Due), max(sum.Position, s.Position)
				must[at] = sum
			}
			require.Len(t, sums, len(must))
			for _, s := range sums {
				sum := must[account{s.Book, s.Account, s.Into}]
				require.True(t, s.Amount.Equal(sum.Amount))
				s.Amount = sum.Amount
				require.Equal(t, sum, s)
			}
		})
	}
	one := w.releases[len(w.releases)-1]
	for name, test := range map[string]struct {
		filter hold.ReleaseFilter
		want   func(r hold.Release) bool
	}{
		"of an entry":     {hold.ReleaseFilter{Position: one.Position}, func(r hold.Release) bool { return r.Position == one.Position }},
		"of a party":      {hold.ReleaseFilter{Filter: hold.Filter{Owner: one.Owner, Book: one.Book}}, func(r hold.Release) bool { return r.Owner == one.Owner && r.Book == one.Book }},
		"on a date":       {hold.ReleaseFilter{Filter: hold.Filter{From: one.BusinessDate, To: one.BusinessDate}}, func(r hold.Release) bool { return r.BusinessDate == one.BusinessDate }},
		"of an account":   {hold.ReleaseFilter{Filter: hold.Filter{Account: one.Account, Into: one.Into, Currency: "USD"}}, func(r hold.Release) bool { return r.Account == one.Account && r.Into == one.Into }},
		"in another unit": {hold.ReleaseFilter{Filter: hold.Filter{Currency: "KRW"}}, func(hold.Release) bool { return false }},
	} {
		found, err := hold.Releases(ctx, pool, test.filter, hold.ReleasePlace{}, 1000)
		require.NoError(t, err, name)
		require.Len(t, found, len(slices.DeleteFunc(slices.Clone(w.releases), func(r hold.Release) bool { return !test.want(r) })), name)
	}
}

func event(kind string, holds ...book.Hold) readmodel.Event {
	return readmodel.Event{Position: 5, Stream: "book-seoul", Entry: &readmodel.Entry{Kind: kind, Book: "seoul", Position: 5, EffectiveOn: "2026-03-02", Holds: holds}}
}

func held(units int64) book.Hold {
	return book.Hold{Account: "kim/reserve/USD", Into: "payable", On: "2026-03-01", Change: money.New(units, 2)}
}

// What no book does parks the read model instead of being shown.
func TestWhatCannotBeHeld(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	badDate := held(5)
	badDate.On = "tomorrow"
	for name, test := range map[string]struct {
		events []readmodel.Event
		says   string
	}{
		"more taken than held":   {[]readmodel.Event{event(readmodel.Settlement, held(500)), event(readmodel.Adjustment, held(-501))}, "more than it held"},
		"taken of nothing":       {[]readmodel.Event{event(readmodel.Release, held(-1))}, "more than it held"},
		"a release that holds":   {[]readmodel.Event{event(readmodel.Settlement, held(5)), event(readmodel.Release, held(5))}, "book-seoul@0 releases -0.05"},
		"a release of nothing":   {[]readmodel.Event{event(readmodel.Release, held(0))}, "releases"},
		"a date that is no date": {[]readmodel.Event{event(readmodel.Settlement, badDate)}, "tomorrow"},
	} {
		t.Run(name, func(t *testing.T) {
			err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				return hold.Model{}.Projector("hold").Project(ctx, tx, test.events)
			})
			require.ErrorContains(t, err, test.says)
			_, err = hold.Rehearse().Project(test.events)
			require.ErrorContains(t, err, test.says)
			require.Empty(t, all(t, pool, hold.Filter{}, 10))
		})
	}
}

// The fold over rows in memory comes to the same as Postgres, and a batch that was
// not committed leaves nothing.
func TestRehearsal(t *testing.T) {
	w := history(6, 300)
	rehearsal := hold.Rehearse()
	for _, e := range w.events {
		_, err := rehearsal.Project([]readmodel.Event{e})
		require.NoError(t, err)
		rehearsal.Forget()
		commit, err := rehearsal.Project([]readmodel.Event{e})
		require.NoError(t, err)
		commit()
	}
	rows := rehearsal.Rows()
	require.Len(t, rows["slices"], len(w.slices))
	for _, row := range rows["slices"] {
		want := w.slices[hold.Place{Book: row[0], Account: row[1], Into: row[2], Due: domain.Date(row[3])}]
		require.True(t, want.Amount.Equal(decimal.RequireFromString(row[4])), row)
		require.Equal(t, fmt.Sprint(int64(want.Position)), row[5])
	}
	require.Len(t, rows["releases"], len(w.releases))
	require.Len(t, rows["dates"], len(w.dates))
}
