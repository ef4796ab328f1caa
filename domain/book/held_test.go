package book_test

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// held is what the model knows of held money and business dates, from events alone.
type held struct {
	slices map[slice]*big.Int
	date   domain.Date
	dated  uint64
	ends   map[string]domain.Date        // of windows that are not closed
	ended  map[string]bool               // windows that were
	posted map[ledger.AccountID]*big.Int // by periods

	closedOn map[string]domain.Date
}

func newHeld() *held {
	return &held{slices: map[slice]*big.Int{}, ends: map[string]domain.Date{}, ended: map[string]bool{}, posted: map[ledger.AccountID]*big.Int{}, closedOn: map[string]domain.Date{}}
}

// advance draws a step to the next date, sometimes to one that cannot be.
func (m *held) advance(h *history) domain.Command {
	c := book.AdvanceBusinessDate{Book: "main", Date: nextDate(h.whole), RecordedAt: h.now, Close: closeMonth(h.T)}
	switch rapid.IntRange(0, 9).Draw(h.T, "date") {
	case 0:
		c.Date = rapid.SampledFrom([]domain.Date{"2026-11-01", "2026-11-24", "2026-12-10", "2027-03-01"}).Draw(h.T, "other date")
	case 1:
		c.Close = func(*book.State, string) (*book.Closing, error) {
			return nil, &domain.Error{Code: domain.CodeNotFound, Field: "schedule", Message: "the schedule is not known", Remedy: "publish it"}
		}
	}
	return c
}

// nextDate is the one that a book can come to.
func nextDate(s *book.State) domain.Date {
	if s.BusinessDate() == "" {
		return "2026-11-22"
	}
	return dayAfter(s.BusinessDate())
}

func dayAfter(date domain.Date) domain.Date {
	at, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		panic(err)
	}
	return domain.DateOf(at.AddDate(0, 0, 1), time.UTC)
}

// closeMonth ends windows as the command door does.
func closeMonth(t require.TestingT) func(*book.State, string) (*book.Closing, error) {
	return func(s *book.State, id string) (*book.Closing, error) {
		return closing(t, compiledTerms(t, "guaranteed"), s, id)
	}
}

// settle lets dates come until nothing is held; false where a total would not fit.
func (m *held) settle(h *history) bool {
	last := domain.Date("2027-02-10") // windows after it would go on carrying for ever
	if h.whole.BusinessDate() == "" && rapid.Bool().Draw(h.T, "at once") {
		h.send(book.AdvanceBusinessDate{Book: "main", Date: "2026-11-22", RecordedAt: h.now, Close: closeMonth(h.T)})
	}
	for len(m.slices) > 0 {
		c := book.AdvanceBusinessDate{Book: "main", Date: nextDate(h.whole), RecordedAt: h.now, Close: closeMonth(h.T)}
		require.LessOrEqual(h, c.Date, last)
		if _, err := book.Decider.Decide(h.whole, c); domain.CodeOf(err) == domain.CodeOutOfRange {
			return false
		}
		h.send(c)
	}
	return true
}

// due is what must move before the book comes to a date, in order.
func (m *held) due(date domain.Date) []slice {
	due := slices.SortedFunc(maps.Keys(m.slices), func(a, b slice) int {
		return cmp.Or(cmp.Compare(a.on, b.on), cmp.Compare(a.account, b.account), cmp.Compare(a.into, b.into))
	})
	return slices.DeleteFunc(due, func(s slice) bool { return s.on > date })
}

// closing is the first window that is to be closed up to a date; empty for none.
func (m *held) closing(date domain.Date) string {
	first := ""
	for id, end := range m.ends {
		if end <= date && (first == "" || end < m.ends[first] || end == m.ends[first] && id < first) {
			first = id
		}
	}
	return first
}

// check holds a decided event against the model before it is taken.
func (m *held) check(h *history, event domain.Event) {
	due := func(date domain.Date) []slice {
		if m.date != "" {
			require.Equal(h, dayAfter(m.date), date)
		}
		return m.due(date)
	}
	switch e := event.(type) {
	case book.HoldsReleased:
		var moved []slice
		var want []ledger.Posting
		for _, hold := range e.Holds {
			moved = append(moved, sliceOf(hold))
			require.Zero(h, nano(hold.Change.Neg()).Cmp(m.slices[sliceOf(hold)]), "all of it")
			owner, _, currency := hold.Account.Split()
			want = append(want, ledger.Posting{Account: hold.Account, Side: ledger.Debit, Amount: hold.Change.Neg()},
				ledger.Posting{Account: ledger.Account(owner, hold.Into, currency), Side: ledger.Credit, Amount: hold.Change.Neg()})
		}
		all := due(e.BusinessDate)
		require.Equal(h, append([]slice{}, all[:min(len(all), book.MostReleased)]...), moved)
		require.Equal(h, want, e.Postings)
	case book.WindowClosed:
		require.Empty(h, due(e.BusinessDate), "what is held falls due first")
		require.Equal(h, m.closing(e.BusinessDate), e.Counter)
		require.False(h, m.ended[e.Counter], "closed twice")
		require.True(h, strings.HasSuffix(string(e.First), "-01") && e.Last < e.BusinessDate)
	case book.BusinessDateAdvanced:
		require.Equal(h, m.date, e.From)
		require.Empty(h, due(e.To))
		require.Empty(h, m.closing(e.To))
	}
}

// take moves the model.
func (m *held) take(h *history, event domain.Event) {
	for _, hold := range holds(event) {
		at := sliceOf(hold)
		if m.slices[at] == nil {
			m.slices[at] = new(big.Int)
		}
		require.False(h, hold.Change.IsZero())
		m.slices[at].Add(m.slices[at], nano(hold.Change))
		require.GreaterOrEqual(h, m.slices[at].Sign(), 0, "less than nothing is held")
		if m.slices[at].Sign() == 0 {
			delete(m.slices, at)
		}
	}
	switch e := event.(type) {
	case book.BusinessDateAdvanced:
		m.date, m.dated = e.To, h.whole.Count()-1
	case book.WindowClosed:
		delete(m.ends, e.Counter)
		m.ended[e.Counter], m.closedOn[e.Counter] = true, e.BusinessDate
		for _, p := range e.Postings {
			if m.posted[p.Account] == nil {
				m.posted[p.Account] = new(big.Int)
			}
			amount := nano(p.Amount)
			if p.Side == ledger.Debit {
				amount.Neg(amount)
			}
			m.posted[p.Account].Add(m.posted[p.Account], amount)
		}
	}
	for _, c := range counts(event) {
		if c.Closes != "" && !m.ended[c.Counter] {
			m.ends[c.Counter] = c.Closes
		}
	}
}

// closed is what periods have posted to an account.
func (m *held) closed(id ledger.AccountID) *big.Int {
	if sum := m.posted[id]; sum != nil {
		return sum
	}
	return new(big.Int)
}

// compare holds the state against the model: what is pending or in reserve is what
// entries have held and not released, and accounts of that purpose have nothing else.
func (m *held) compare(h *history) {
	require.Equal(h, m.date, h.whole.BusinessDate())
	require.Equal(h, m.dated, h.whole.DateRevision())
	sums := map[ledger.AccountID]*big.Int{}
	count := 0
	for hold := range h.whole.Holds() {
		want := m.slices[sliceOf(hold)]
		require.NotNil(h, want)
		require.Zero(h, want.Cmp(nano(hold.Change)))
		if sums[hold.Account] == nil {
			sums[hold.Account] = new(big.Int)
		}
		sums[hold.Account].Add(sums[hold.Account], want)
		count++
	}
	require.Len(h, m.slices, count)
	for id, balance := range h.whole.Balances() {
		_, purpose, _ := id.Split()
		if purpose != "reserve" && purpose != "pending" {
			continue
		}
		net, err := balance.NetOn(ledger.Credit)
		require.NoError(h, err)
		if sums[id] == nil {
			sums[id] = new(big.Int)
		}
		require.Zero(h, sums[id].Cmp(nano(net)), "%s: %s is held of %s", id, sums[id], net)
		var listed []domain.Date
		for hold := range h.whole.Held(id) {
			listed = append(listed, hold.On)
		}
		require.True(h, slices.IsSorted(listed))
	}
	far := domain.Date("9999-12-31")
	var due []slice
	for _, hold := range h.whole.Due(far, 1000) {
		due = append(due, sliceOf(hold))
	}
	require.Equal(h, append([]slice{}, m.due(far)...), append([]slice{}, due...))
	for id, counted := range h.whole.Counters() {
		require.Equal(h, m.ended[id], counted.Closed)
		if !counted.Closed {
			require.Equal(h, m.ends[id], counted.Closes)
		} else {
			require.LessOrEqual(h, counted.Closes, m.closedOn[id])
		}
	}
	ended := h.whole.Ended(far, 1000)
	require.Len(h, ended, len(m.ends))
	if len(ended) > 0 {
		require.Equal(h, m.closing(far), ended[0])
	}
}
