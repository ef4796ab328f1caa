package rerating

import (
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// corrections is what the ids of adjustments begin with that correct the end of a
// window: "@closing/<revision>/<n>", n counting from 1. No source has such a name. Two
// runs at once that correct the same closing take the same id, and one of them is
// refused or answered as a replay.
const corrections = "@closing/"

// corrects tells which closing an adjustment corrects.
func corrects(e *book.AdjustmentPosted) (revision uint64, ok bool) {
	text, found := strings.CutPrefix(e.ExternalID, corrections)
	if !found || e.Source != Source || e.Adjusts != nil {
		return 0, false
	}
	text, _, _ = strings.Cut(text, "/")
	revision, err := strconv.ParseUint(text, 10, 64)
	return revision, err == nil
}

// closed notes the end of a window: it is computed again behind the last day of the
// window, and what it carries counts when the book closed it.
func (s *survey) closed(revision uint64, e *book.WindowClosed) {
	again := s.scope.contains(e.Last) && e.Contract != "" && (s.scope.Contract == "" || e.Contract == s.scope.Contract)
	if again {
		s.visits = append(s.visits, visit{revision, pack(e.Last), closes})
	}
	switch {
	case len(e.Counts) == 0 && !again:
	case e.BusinessDate < s.scope.From:
		s.before = true
	case s.scope.contains(e.BusinessDate):
		s.ends = append(s.ends, visit{revision, pack(e.BusinessDate), carries})
	}
}

// close computes the end of a window again. What cannot be computed is a fault.
func (r *rater) close(revision uint64, each func(*Change) error) error {
	closed, err := r.window(revision)
	if err != nil {
		return err
	}
	stands, err := recorded(closed.Postings, nil)
	if err != nil {
		return err
	}
	for _, by := range r.survey.corrected[revision] {
		event, err := r.log.At(by)
		if err != nil {
			return err
		}
		adjustment, is := event.(book.AdjustmentPosted)
		if !is {
			return moved(by)
		}
		for _, p := range adjustment.Postings {
			if err := stands.post(p.Account, p.Side, p.Amount); err != nil {
				return err
			}
		}
	}
	r.summary.Closings++
	rated, carried, err := r.end(closed)
	if err != nil {
		if !faulty(err) {
			return err
		}
		r.fault(book.Key{Source: closed.Schedule, ExternalID: closed.Counter}, revision, err)
		rated, carried = stands, closed.Counts
	}
	r.carried[revision] = carried
	if err := r.totals.add(stands, rated); err != nil {
		return err
	}
	legs, err := difference(stands, stands, rated, r.survey.businessDate)
	if err != nil || len(legs) == 0 {
		return err
	}
	r.summary.Changed++
	return each(&Change{Closing: closed, Corrections: len(r.survey.corrected[revision]), Revision: revision, Legs: legs})
}

func (r *rater) window(revision uint64) (*book.WindowClosed, error) {
	event, err := r.log.At(revision)
	if err != nil {
		return nil, err
	}
	closed, is := event.(book.WindowClosed)
	if !is {
		return nil, moved(revision)
	}
	return &closed, nil
}

// end gives what the periods of a window post, and what they carry, with the sums of
// this re-rating.
func (r *rater) end(closed *book.WindowClosed) (entry, []fee.Count, error) {
	n := newEntry()
	counter, err := fee.ParseCounter(closed.Counter)
	if err != nil {
		return n, nil, err
	}
	version, err := r.closer(closed, counter)
	if err != nil {
		return n, nil, err
	}
	end := fee.PeriodEnd{
		On: closed.Last, Currency: closed.Currency, Contract: closed.Contract, Attributes: map[string]string{},
		Party: closed.Parties.Party, Before: r.sums.before,
	}
	for name, value := range counter.Keys() {
		end.Attributes[name] = value
	}
	var carried []fee.Count
	for _, end.Period = range version.PeriodsOf(counter.Name) {
		result, err := version.ClosePeriod(end)
		if err != nil {
			return n, nil, err
		}
		if result.Closed != closed.Counter {
			return n, nil, &domain.Error{Code: domain.CodeInvalid, Field: "counter", Value: result.Closed, Message: "the version has another window than the one that was closed, " + closed.Counter, Remedy: "give accumulators that are new another name"}
		}
		for i := range result.Entries {
			if err := n.transfer(&result.Entries[i], closed); err != nil {
				return n, nil, err
			}
		}
		for _, c := range result.Carried {
			carried = append(carried, fee.Count{Counter: c.Counter, Before: money.Zero, After: c.Amount})
		}
	}
	return n, carried, nil
}

// closer is the version that closes a window: the present one for its last day, or for
// the last day of the contract where that came first; the one that closed it where
// that one has no period for it.
func (r *rater) closer(closed *book.WindowClosed, counter fee.Counter) (Version, error) {
	on := closed.Last
	if until := r.terms.Until(closed.Contract); until != "" && until <= on && until > closed.First {
		var err error
		if on, err = calendar.AddDays(until, -1); err != nil {
			return Version{}, err
		}
	}
	version, err := r.terms.Present(closed.Contract, on)
	if err == nil && len(version.PeriodsOf(counter.Name)) > 0 {
		return version, nil
	}
	return r.terms.Published(closed.Contract, closed.Schedule, closed.Version)
}

// transfer posts an entry of a period.
func (n entry) transfer(t *fee.Transfer, closed *book.WindowClosed) error {
	if t.Line.Amount.IsZero() {
		return nil
	}
	account := func(to fee.Target) (ledger.AccountID, error) {
		party, named := closed.Parties.Get(to.Role)
		if !named {
			return "", &domain.Error{Code: domain.CodeUnknownParty, Field: "parties." + to.Role, Message: "nobody stood in the role when the window was closed", Remedy: "publish a version that does not need the role"}
		}
		return ledger.Account(party, to.Purpose, closed.Currency), nil
	}
	from, err := account(t.From)
	if err != nil {
		return err
	}
	to, err := account(t.To)
	if err != nil {
		return err
	}
	if t.Opposite {
		from, to = to, from
	}
	if err := n.post(from, ledger.Debit, t.Line.Amount); err != nil {
		return err
	}
	return n.post(to, ledger.Credit, t.Line.Amount)
}
