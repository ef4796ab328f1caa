package book_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// heldSale is a sale of which 9 % are held for ten days and 81 % for two.
func heldSale(t testing.TB, id, gross string) book.SettleTransaction {
	c := sale(t, id, gross)
	c.Terms = compiledTerms(t, "held")
	return c
}

func step(date domain.Date) book.AdvanceBusinessDate {
	return book.AdvanceBusinessDate{Book: "main", Date: date, RecordedAt: start}
}

// of lets another studio sell.
func of(studio string, c book.SettleTransaction) book.SettleTransaction {
	terms := *c.Terms
	terms.Parties = slices.Clone(terms.Parties)
	for i := range terms.Parties {
		if terms.Parties[i].Role == "studio" {
			terms.Parties[i].ID = studio
		}
	}
	c.Terms = &terms
	return c
}

// TestReleasesAreBounded: what falls due on one date goes in parts, in order, without
// a gap or a repeat, whatever is taken in between.
func TestReleasesAreBounded(t *testing.T) {
	s := book.Decider.Initial()
	const studios = 2*book.MostReleased + 50
	var last book.TransactionSettled // that of studio-99
	for i := range studios {
		studio := fmt.Sprintf("studio-%d", i*7919%studios) // in no order
		event := decide(t, s, of(studio, heldSale(t, studio, "10.00")))
		if studio == "studio-99" {
			last = event.(book.TransactionSettled)
		}
	}
	var released []string
	var sizes []int
	for {
		if _, there, err := book.Lookup(s, step("2026-11-24")); there {
			require.NoError(t, err)
			break
		}
		e, releases := decide(t, s, step("2026-11-24")).(book.HoldsReleased)
		if !releases {
			continue
		}
		sizes = append(sizes, len(e.Holds))
		for _, h := range e.Holds {
			released = append(released, string(h.Account))
		}
		if len(sizes) == 1 { // what is refunded in between is not released, and nothing else is missed
			refund := of("studio-99", heldSale(t, "r", "-10.00"))
			refund.Transaction.OriginalID, refund.Original = "studio-99", &last
			decide(t, s, refund)
		}
	}
	require.Equal(t, []int{book.MostReleased, book.MostReleased, 49}, sizes)
	require.True(t, slices.IsSorted(released))
	require.Len(t, slices.Compact(released), studios-1)
	require.NotContains(t, released, "studio-99/pending/USD")
}

func TestAdvanceNeedsWhatTheDoorFills(t *testing.T) {
	s := book.Decider.Initial()
	decide(t, s, step("2026-11-22"))
	for name, broken := range map[string]struct {
		command book.AdvanceBusinessDate
		code    domain.Code
		field   string
	}{
		"no book":     {book.AdvanceBusinessDate{Date: "2026-11-23", RecordedAt: start}, domain.CodeInvalid, "book"},
		"no date":     {book.AdvanceBusinessDate{Book: "main", RecordedAt: start}, domain.CodeInvalid, "date"},
		"no time":     {book.AdvanceBusinessDate{Book: "main", Date: "2026-11-23"}, domain.CodeInternal, "recorded_at"},
		"a day early": {step("2026-11-24"), domain.CodeConflict, "next_date"},
	} {
		_, err := book.Decider.Decide(s, broken.command)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, name)
		require.Equal(t, broken.code, fault.Code, name)
		require.Equal(t, broken.field, fault.Field, name)
	}
	_, err := book.Decider.Decide(s, step("2026-12-24"))
	var fault *domain.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "2026-11-23", fault.Value, "the one that can be next")

	guaranteed := sale(t, "g1", "10.00")
	guaranteed.Terms = compiledTerms(t, "guaranteed")
	s = book.Decider.Initial()
	decide(t, s, guaranteed)
	c := step("2026-12-04")
	_, err = book.Decider.Decide(s, c)
	require.ErrorContains(t, err, "close")
	for name, wrong := range map[string]func(*book.Closing){
		"no schedule":    func(c *book.Closing) { c.Schedule = nil },
		"another window": func(c *book.Closing) { c.Results[0].Closed = "contract:c-1/month/2026-10/USD/studio=studio-7" },
		"no party":       func(c *book.Closing) { c.Parties = nil },
	} {
		c.Close = func(s *book.State, id string) (*book.Closing, error) {
			made, err := closeMonth(t)(s, id)
			wrong(made)
			return made, err
		}
		hash := s.Hash()
		_, err = book.Decider.Decide(s, c)
		require.Error(t, err, name)
		require.Equal(t, hash, s.Hash())
	}
	c.Close = func(*book.State, string) (*book.Closing, error) { return nil, domain.Unfilled("anything") }
	_, err = book.Decider.Decide(s, c)
	require.Equal(t, domain.Unfilled("anything"), err, "its errors are passed on")
}

// TestCarriedTwice: periods that carry into one counter do so one after the other, and
// one that carries nothing into it says so once at most.
func TestCarriedTwice(t *testing.T) {
	s := book.Decider.Initial()
	guaranteed := sale(t, "g1", "10.00")
	guaranteed.Terms = compiledTerms(t, "guaranteed")
	decide(t, s, guaranteed)
	next := "contract:c-1/month/2026-12/USD/studio=studio-7"
	c := step("2026-12-04")
	c.Close = func(s *book.State, id string) (*book.Closing, error) {
		made, err := closeMonth(t)(s, id)
		made.Results = append(made.Results, made.Results[0], made.Results[0])
		made.Results[1].Carried = []fee.Carried{{Counter: next, Amount: money.New(5, 0)}, {Counter: next, Closes: "2027-01-04"}, {Counter: next, Closes: "2027-01-04"}}
		made.Results[2].Carried = []fee.Carried{{Counter: next}}
		return made, err
	}
	e := decide(t, s, c).(book.WindowClosed)
	require.Equal(t, []fee.Count{
		{Counter: next, Before: money.New(0, 2), After: money.New(-9000, 2), Closes: "2027-01-04"},
		{Counter: next, Before: money.New(-9000, 2), After: money.New(-8500, 2)},
	}, e.Counts)
	require.Zero(t, s.Counter(next).Cmp(money.New(-85, 0)))
	require.Equal(t, []string{next}, s.Ended("2027-01-04", 9))
	require.Empty(t, s.Ended("2027-01-03", 9))
	require.Equal(t, []fee.Count{{Counter: e.Counter, Before: money.New(1000, 2), After: money.New(1000, 2)}}, e.Read[:1])
}

// TestCalendarsAreRecorded: a settlement says which calendars told it until when to
// hold.
func TestCalendarsAreRecorded(t *testing.T) {
	document := compiledTerms(t, "held").Schedule.Document()
	document.Rules = slices.Clone(document.Rules)
	document.Rules[2].Hold = &fee.Hold{ValueDate: calendar.ValueDate{BusinessDays: new(2), Calendar: "kr"}}
	terms := *compiledTerms(t, "held")
	var err error
	terms.Schedule, err = fee.Compile(document)
	require.NoError(t, err)
	kr, err := calendar.Compile(calendar.Document{Calendar: "kr", Version: 1, FirstYear: 2026, LastYear: 2026, Weekend: []calendar.Weekday{"saturday", "sunday"}})
	require.NoError(t, err)
	terms.Calendar = func(id string) (*calendar.Calendar, book.Revision, error) {
		require.Equal(t, "kr", id)
		return kr, 7, nil
	}
	c := sale(t, "s1", "10.00")
	c.Terms = &terms
	e := decide(t, book.Decider.Initial(), c).(book.TransactionSettled)
	require.Equal(t, map[string]book.Revision{"kr": 7}, e.Calendars)
	require.Contains(t, e.Holds, book.Hold{Account: "studio-7/reserve/USD", Into: "payable", On: "2026-11-24", Change: money.New(90, 2)}, "from a Sunday")

	terms.Calendar = func(string) (*calendar.Calendar, book.Revision, error) {
		return nil, 0, &domain.Error{Code: domain.CodeNotFound, Field: "calendar"}
	}
	_, err = book.Decider.Decide(book.Decider.Initial(), c)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
}

// TestFloorsOfConvertedShares: a floor holds in the currency that a share is paid in.
func TestFloorsOfConvertedShares(t *testing.T) {
	terms := *compiledTerms(t, "exchanged")
	terms.Floors = []book.Floor{{Role: "house", Purpose: "fx", Amounts: map[money.Currency]money.Amount{"KRW": money.New(-10_000, 0)}}}
	c := sale(t, "s1", "10.00")
	c.Terms = &terms
	s := book.Decider.Initial()
	decide(t, s, c)
	c.Transaction.ExternalID = "s2"
	_, err := book.Decider.Decide(s, c)
	require.ErrorContains(t, err, "8000 below its floor of -10000")
}

func TestEventsOfHeldMoneyThatDoNotFit(t *testing.T) {
	fresh := func() *book.State {
		s := book.Decider.Initial()
		decide(t, s, heldSale(t, "s1", "10.00"))
		guaranteed := sale(t, "g1", "10.00")
		guaranteed.Terms = compiledTerms(t, "guaranteed")
		decide(t, s, guaranteed)
		decide(t, s, step("2026-11-22"))
		return s
	}
	held := book.Hold{Account: "studio-7/pending/USD", Into: "payable", On: "2026-11-24", Change: money.New(-810, 2)}
	with := func(change func(*book.Hold)) book.HoldsReleased {
		h := held
		change(&h)
		return book.HoldsReleased{BusinessDate: "2026-11-24", Holds: []book.Hold{h}}
	}
	window := "contract:c-1/month/2026-11/USD/studio=studio-7"
	closed := book.WindowClosed{BusinessDate: "2026-12-04", Counter: window}
	for name, events := range map[string][]domain.Event{
		"a release of more than is held": {with(func(h *book.Hold) { h.Change = money.New(-811, 2) })},
		"a release of nothing":           {with(func(h *book.Hold) { h.Change = money.Zero })},
		"a release that holds":           {with(func(h *book.Hold) { h.Change = money.New(1, 2) })},
		"a release before its date":      {with(func(h *book.Hold) { h.On = "2026-11-25" })},
		"a release of another purpose":   {with(func(h *book.Hold) { h.Into = "fees" })},
		"a release by nobody":            {with(func(h *book.Hold) { h.Account = "studio-9/pending/USD" })},
		"a release twice":                {with(func(*book.Hold) {}), with(func(*book.Hold) {})},
		"more held than fits":            {book.EntryReversed{Key: key("x"), Reverses: book.Original{Key: key("s1")}, Holds: []book.Hold{{Account: held.Account, Into: "payable", On: held.On, Change: money.New(math.MaxInt64, 2)}}}},
		"a date from another one":        {book.BusinessDateAdvanced{From: "2026-11-21", To: "2026-11-23"}},
		"a date that was":                {book.BusinessDateAdvanced{From: "2026-11-22", To: "2026-11-22"}},
		"a first date again":             {book.BusinessDateAdvanced{To: "2026-11-23"}},
		"a window closed early":          {book.WindowClosed{BusinessDate: "2026-12-03", Counter: window}},
		"a window closed twice":          {closed, closed},
		"a window that is none":          {book.WindowClosed{BusinessDate: "2026-12-04", Counter: "contract:c-1/month/2026-10/USD/"}},
		"a carry from elsewhere":         {book.WindowClosed{BusinessDate: "2026-12-04", Counter: window, Counts: []fee.Count{{Counter: "contract:c-1/month/2026-12/USD/", Before: money.New(1, 0)}}}},
		"a value that was not read":      {book.WindowClosed{BusinessDate: "2026-12-04", Counter: window, Read: []fee.Count{{Counter: window, Before: money.New(11, 0)}}}},
		"a balance that does not fit":    {book.WindowClosed{BusinessDate: "2026-12-04", Counter: window, Postings: []ledger.Posting{{Account: "pg/receivable/USD", Amount: money.New(math.MaxInt64, 2)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh()
			hash := s.Hash()
			s.Mark()
			book.Decider.Fold(s, events...)
			require.Error(t, s.Err())
			_, _, err := book.Lookup(s, step("2026-11-23"))
			require.Equal(t, s.Err(), err)
			s.Rollback()
			require.NoError(t, s.Err())
			require.Equal(t, hash, s.Hash())
			require.Equal(t, []book.Hold{{Account: held.Account, Into: held.Into, On: held.On, Change: money.New(810, 2)}}, s.Due("2026-11-24", 9))
			require.Equal(t, []string{window}, s.Ended("2026-12-04", 9))
		})
	}
}

// TestHashTellsWhatIsHeldApart: business date, windows and slices are part of it.
func TestHashTellsWhatIsHeldApart(t *testing.T) {
	hash := func(change func(*book.Snapshot, *book.Hold, *book.Counted)) [16]byte {
		from := book.Snapshot{Count: 9, Recorded: start, BusinessDate: "2026-11-22", DateRevision: 8}
		hold := book.Hold{Account: "a/reserve/USD", Into: "payable", On: "2026-11-24", Change: money.New(100, 2)}
		counted := book.Counted{Value: money.New(1, 0), Closes: "2026-12-01"}
		change(&from, &hold, &counted)
		from.Balances = func(yield func(ledger.AccountID, ledger.Balance) bool) {
			yield("a/reserve/USD", ledger.Balance{Credits: money.New(1, 0)})
		}
		from.Holds = slices.Values([]book.Hold{hold})
		from.Counters = func(yield func(string, book.Counted) bool) { yield("contract:c/n/2026-11//", counted) }
		return book.Restore(from).Hash()
	}
	same := func(*book.Snapshot, *book.Hold, *book.Counted) {}
	reference := hash(same)
	require.Equal(t, reference, hash(func(_ *book.Snapshot, h *book.Hold, _ *book.Counted) { h.Change = money.New(1, 0) }))
	for name, change := range map[string]func(*book.Snapshot, *book.Hold, *book.Counted){
		"date":     func(s *book.Snapshot, _ *book.Hold, _ *book.Counted) { s.BusinessDate = "2026-11-23" },
		"revision": func(s *book.Snapshot, _ *book.Hold, _ *book.Counted) { s.DateRevision = 7 },
		"no date":  func(s *book.Snapshot, _ *book.Hold, _ *book.Counted) { s.BusinessDate, s.DateRevision = "", 0 },
		"amount":   func(_ *book.Snapshot, h *book.Hold, _ *book.Counted) { h.Change = money.New(2, 0) },
		"due":      func(_ *book.Snapshot, h *book.Hold, _ *book.Counted) { h.On = "2026-11-25" },
		"purpose":  func(_ *book.Snapshot, h *book.Hold, _ *book.Counted) { h.Into = "fees" },
		"account":  func(_ *book.Snapshot, h *book.Hold, _ *book.Counted) { h.Account = "b/reserve/USD" },
		"closes":   func(_ *book.Snapshot, _ *book.Hold, c *book.Counted) { c.Closes = "2026-12-02" },
		"no end":   func(_ *book.Snapshot, _ *book.Hold, c *book.Counted) { c.Closes = "" },
		"closed":   func(_ *book.Snapshot, _ *book.Hold, c *book.Counted) { c.Closed = true },
	} {
		require.NotEqual(t, reference, hash(change), name)
	}
}

// TestHeldOverAndOver: accounts whose money comes and goes on the same dates keep
// their order, whatever is committed or rolled back in between.
func TestHeldOverAndOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := book.Decider.Initial()
		s.Mark()
		want, before := map[slice]int64{}, map[slice]int64{}
		n := 0
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "kind") {
			case 0:
				s.Commit()
				s.Mark()
				before = maps.Clone(want)
			case 1:
				s.Rollback()
				s.Mark()
				want = maps.Clone(before)
			default:
				at := slice{
					ledger.Account(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "owner"), "reserve", "KRW"),
					rapid.SampledFrom([]string{"payable", "fees"}).Draw(t, "into"), rapid.SampledFrom([]domain.Date{"2026-11-24", "2026-11-25", "2027-01-01"}).Draw(t, "on"),
				}
				change := int64(3)
				side := ledger.Credit
				if want[at] > 0 && rapid.IntRange(0, 2).Draw(t, "gone") > 0 {
					change, side = -want[at], ledger.Debit
				}
				want[at] += change
				n++
				amount := money.New(change, 0)
				s = book.Decider.Evolve(s, book.TransactionSettled{
					Key: key(fmt.Sprint(n)), Currency: "KRW",
					Postings: []ledger.Posting{{Account: at.account, Side: side, Amount: amount.Abs()}, {Account: "x/y/KRW", Side: side.Opposite(), Amount: amount.Abs()}},
					Holds:    []book.Hold{{Account: at.account, Into: at.into, On: at.on, Change: amount}},
				})
				require.NoError(t, s.Err())
			}
			var held []slice
			for at, amount := range want {
				if amount > 0 {
					held = append(held, at)
				}
			}
			slices.SortFunc(held, func(a, b slice) int {
				return slices.Compare([]string{string(a.on), string(a.account), a.into}, []string{string(b.on), string(b.account), b.into})
			})
			due := s.Due("2027-01-01", 100)
			require.Len(t, due, len(held))
			for i, h := range due {
				require.Equal(t, held[i], sliceOf(h))
				require.Equal(t, want[held[i]], h.Change.Units())
			}
			if some := s.Due("2026-11-24", 2); len(some) > 0 {
				require.Equal(t, due[:len(some)], some)
			}
		}
	})
}

// TestReleaseThatDoesNotFit: the book stays on its date, and says which account.
func TestReleaseThatDoesNotFit(t *testing.T) {
	for _, slicesHeld := range []int{1, 40} {
		balances := map[ledger.AccountID]ledger.Balance{"p-00/payable/KRW": {Credits: money.New(math.MaxInt64, 0)}}
		var held []book.Hold
		for i := range slicesHeld {
			id := ledger.AccountID(fmt.Sprintf("p-%02d/reserve/KRW", i))
			balances[id] = ledger.Balance{Credits: money.New(1, 0)}
			held = append(held, book.Hold{Account: id, Into: "payable", On: "2026-11-22", Change: money.New(1, 0)})
		}
		s := book.Restore(book.Snapshot{Count: 9, Recorded: start, Balances: maps.All(balances), Holds: slices.Values(held)})
		hash := s.Hash()
		_, err := book.Decider.Decide(s, step("2026-11-22"))
		require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
		require.ErrorContains(t, err, "p-00/payable/KRW")
		require.Equal(t, hash, s.Hash())
	}
}
