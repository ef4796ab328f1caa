package hold_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/hold"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func day(n int) domain.Date { return domain.DateOf(start.AddDate(0, 0, n), time.UTC) }

// world is a history of what is held, and what it must come to.
type world struct {
	events   []readmodel.Event
	slices   map[hold.Place]hold.Slice
	releases []hold.Release
	dates    map[string]hold.Date
}

// history lets two books hold, take back and release money.
func history(seed uint64, n int) *world {
	random := rand.New(rand.NewPCG(seed, 17))
	w := &world{slices: map[hold.Place]hold.Slice{}, dates: map[string]hold.Date{}}
	position := eventstore.Position(10)
	revisions := map[string]uint64{}
	reached := map[string]int{}
	for range n {
		position += eventstore.Position(1 + random.IntN(4))
		id := []string{"busan", "seoul"}[random.IntN(2)]
		e := readmodel.Event{Position: position, Revision: revisions[id], Stream: domain.Stream(book.Category, id)}
		revisions[id]++
		switch k := random.IntN(10); {
		case k < 6:
			e.Entry = w.entry(e, readmodel.Settlement)
			for range random.IntN(3) {
				account := ledger.Account(fmt.Sprint("seller-", random.IntN(3)), []string{"reserve", "pending"}[random.IntN(2)], "USD")
				into := []string{"payable", "available"}[random.IntN(2)]
				// Amounts of different scale: a sum must not depend on how it is made.
				w.change(e, book.Hold{Account: account, Into: into, On: day(reached[id] + 1 + random.IntN(4)), Change: money.New(int64(1+random.IntN(900)), uint8(random.IntN(3)))})
			}
		case k < 8:
			e.Entry = w.entry(e, []string{readmodel.Settlement, readmodel.Reversal, readmodel.Adjustment}[random.IntN(3)])
			held := w.heldBy(id)
			if len(held) == 0 {
				break
			}
			one := held[random.IntN(len(held))]
			change := one.Amount
			if random.IntN(2) == 0 {
				change = decimal.Min(one.Amount, decimal.New(1, -2))
			}
			w.change(e, book.Hold{Account: ledger.AccountID(one.Account), Into: one.Into, On: one.Due, Change: amount(change).Neg()})
		case k == 8:
			e.Entry = w.entry(e, readmodel.Release)
			e.Entry.EffectiveOn = day(reached[id] + 1)
			for _, one := range w.heldBy(id) {
				if one.Due > e.Entry.EffectiveOn {
					continue
				}
				w.change(e, book.Hold{Account: ledger.AccountID(one.Account), Into: one.Into, On: one.Due, Change: amount(one.Amount).Neg()})
				w.releases = append(w.releases, hold.Release{
					Position: position, Book: id, Revision: e.Revision, Account: one.Account, Into: one.Into, Due: one.Due, Owner: one.Owner, Currency: one.Currency,
					Amount: one.Amount, BusinessDate: e.Entry.EffectiveOn, RecordedAt: start,
				})
			}
		default:
			if len(w.due(id, day(reached[id]+1))) > 0 {
				break
			}
			reached[id]++
			e.Event = book.BusinessDateAdvanced{To: day(reached[id]), RecordedAt: start}
			w.dates[id] = hold.Date{Book: id, BusinessDate: day(reached[id]), RecordedAt: start, Position: position, Revision: e.Revision}
		}
		w.events = append(w.events, e)
	}
	return w
}

func amount(d decimal.Decimal) money.Amount {
	a, err := money.FromDecimal(d)
	if err != nil {
		panic(err)
	}
	return a
}

func (w *world) entry(e readmodel.Event, kind string) *readmodel.Entry {
	_, id := e.Stream.Split()
	return &readmodel.Entry{Kind: kind, Book: id, Position: e.Position, Revision: e.Revision, RecordedAt: start}
}

func (w *world) change(e readmodel.Event, h book.Hold) {
	e.Entry.Holds = append(e.Entry.Holds, h)
	at := hold.Place{Due: h.On, Book: e.Entry.Book, Account: string(h.Account), Into: h.Into}
	s := w.slices[at]
	owner, _, currency := h.Account.Split()
	s = hold.Slice{
		Book: at.Book, Account: at.Account, Into: at.Into, Due: at.Due, Owner: owner, Currency: currency,
		Amount: s.Amount.Add(h.Change.Decimal()), Position: e.Position, Revision: e.Revision,
	}
	if w.slices[at] = s; s.Amount.IsZero() {
		delete(w.slices, at)
	}
}

// sorted are the slices as a query orders them.
func (w *world) sorted() []hold.Slice {
	all := slices.Collect(maps.Values(w.slices))
	slices.SortFunc(all, func(a, b hold.Slice) int {
		return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Book, b.Book), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Into, b.Into))
	})
	return all
}

func (w *world) heldBy(id string) []hold.Slice {
	return slices.DeleteFunc(w.sorted(), func(s hold.Slice) bool { return s.Book != id })
}

func (w *world) due(id string, on domain.Date) []hold.Slice {
	return slices.DeleteFunc(w.heldBy(id), func(s hold.Slice) bool { return s.Due > on })
}

// project writes events in random batches.
func project(t *testing.T, pool *pgxpool.Pool, seed uint64, most int, events []readmodel.Event) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 3))
	projector := hold.Model{}.Projector("hold")
	for len(events) > 0 {
		n := min(1+random.IntN(most), len(events))
		require.NoError(t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return projector.Project(context.Background(), tx, events[:n])
		}))
		events = events[n:]
	}
}
