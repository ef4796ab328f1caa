package book

import (
	"cmp"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// MostReleased bounds the slices that one HoldsReleased moves.
const MostReleased = 200

// reached tells whether the book has come to a date.
func (s *State) reached(c *AdvanceBusinessDate) (revision uint64, replay bool, err error) {
	if err := domain.CheckID("book", c.Book); err != nil {
		return 0, false, err
	}
	if _, err := domain.ParseDate("date", string(c.Date)); err != nil {
		return 0, false, err
	}
	if s.err != nil {
		return 0, false, s.err
	}
	return s.dated, c.Date <= s.date, nil
}

// advance decides the next step towards a date that the book has not reached: what is
// held falls due first, then windows end, then the date is there.
func (s *State) advance(c *AdvanceBusinessDate) (domain.Event, error) {
	if c.RecordedAt.IsZero() {
		return nil, domain.Unfilled("recorded_at")
	}
	if s.date != "" {
		if next := addDays(s.date, 1); c.Date > next {
			return nil, &domain.Error{
				Code: domain.CodeConflict, Field: "next_date", Value: string(next),
				Message: "the book stands at " + string(s.date) + " and cannot come to " + string(c.Date) + " without the days between", Remedy: "advance it to " + string(next) + " first",
			}
		}
	}
	if due := s.due.until(c.Date, MostReleased); len(due) > 0 {
		return s.release(c, due)
	}
	if ended := s.ending.until(c.Date, 1); len(ended) > 0 {
		return s.close(c, ended[0])
	}
	return BusinessDateAdvanced{From: s.date, To: c.Date, RecordedAt: s.stamp(c.RecordedAt)}, nil
}

// release moves slices to where they are held for.
func (s *State) release(c *AdvanceBusinessDate, due []*slice) (domain.Event, error) {
	e := s.entry(2 * len(due))
	for _, h := range due {
		owner, _, currency := h.account.id.Split()
		e.post(h.account.id, ledger.Debit, h.amount)
		e.post(ledger.Account(owner, h.into, currency), ledger.Credit, h.amount)
		e.holds = append(e.holds, Hold{Account: h.account.id, Into: h.into, On: h.on, Change: h.amount.Neg()})
	}
	if err := s.fits(e.postings); err != nil {
		return nil, err
	}
	return HoldsReleased{BusinessDate: c.Date, RecordedAt: s.stamp(c.RecordedAt), Postings: e.postings, Holds: e.holds}, nil
}

// close ends one window.
func (s *State) close(c *AdvanceBusinessDate, ended *counter) (domain.Event, error) {
	if c.Close == nil {
		return nil, domain.Unfilled("close")
	}
	closing, err := c.Close(s, ended.id)
	switch {
	case err != nil:
		return nil, err
	case closing == nil || closing.Schedule == nil:
		return nil, domain.Unfilled("close")
	}
	e := s.entry(0)
	document := closing.Schedule.Document()
	event := WindowClosed{
		BusinessDate: c.Date, RecordedAt: s.stamp(c.RecordedAt), Counter: ended.id, Currency: closing.Currency,
		Contract: closing.Contract, ContractRevision: closing.ContractRevision,
		Schedule: document.Schedule, ScheduleRevision: closing.ScheduleRevision, Version: document.Version, Engine: closing.Schedule.Engine(),
		Parties: closing.Parties, Read: closing.Read, Periods: make([]PeriodLines, 0, len(closing.Results)),
	}
	for i := range closing.Results {
		result := &closing.Results[i]
		if result.Closed != ended.id {
			return nil, &domain.Error{Code: domain.CodeInternal, Field: "counter", Value: result.Closed, Message: "the command door closed another window than that of " + ended.id}
		}
		event.First, event.Last = result.First, result.Last
		lines, err := e.period(closing, result)
		if err != nil {
			return nil, err
		}
		event.Periods = append(event.Periods, PeriodLines{Period: result.Period, Lines: lines})
		if event.Counts, err = s.carry(event.Counts, result.Carried); err != nil {
			return nil, err
		}
	}
	if err := s.fits(e.postings); err != nil {
		return nil, err
	}
	event.Postings = e.postings
	return event, nil
}

// period posts the entries of one period and explains them. One of nothing needs no
// parties; it names the accounts that it has.
func (e *entry) period(closing *Closing, result *ClosedPeriod) ([]PeriodLine, error) {
	terms := &Terms{Contract: closing.Contract, Parties: closing.Parties}
	var lines []PeriodLine
	for i := range result.Entries {
		transfer := &result.Entries[i]
		from, err := e.state.account(terms, transfer.From, closing.Currency)
		to, toErr := e.state.account(terms, transfer.To, closing.Currency)
		if amount := transfer.Line.Amount; !amount.IsZero() {
			switch {
			case err != nil:
				return nil, err
			case toErr != nil:
				return nil, toErr
			case transfer.Opposite:
				e.post(to, ledger.Debit, amount)
				e.post(from, ledger.Credit, amount)
			default:
				e.post(from, ledger.Debit, amount)
				e.post(to, ledger.Credit, amount)
			}
		}
		lines = append(lines, PeriodLine{Line: transfer.Line, From: from, To: to, Opposite: transfer.Opposite})
	}
	return lines, nil
}

// carry adds what a period carries to counts: a counter that several periods carry
// something into has one for each.
func (s *State) carry(counts []fee.Count, carried []fee.Carried) ([]fee.Count, error) {
	for i := range carried {
		c := &carried[i]
		before, closes := s.Counter(c.Counter), domain.Date("")
		for j := range counts {
			if counts[j].Counter == c.Counter {
				before, closes = counts[j].After, cmp.Or(counts[j].Closes, closes)
			}
		}
		if c.Amount.IsZero() && (c.Closes == "" || c.Closes == closes) {
			continue
		}
		before, err := before.Add(money.New(0, c.Amount.Scale())) // zeros are written alike
		if err != nil {
			return nil, err
		}
		after, err := before.Add(c.Amount)
		if err != nil {
			return nil, err
		}
		counts = append(counts, fee.Count{Counter: c.Counter, Before: before, After: after, Closes: c.Closes})
	}
	return counts, nil
}

// advanced moves the business date.
func (s *State) advanced(e *BusinessDateAdvanced) error {
	if e.From != s.date || e.To <= s.date {
		return &domain.Error{Code: domain.CodeConflict, Field: "to", Value: string(e.To), Message: "the book stood at " + strconv.Quote(string(s.date)) + ", not at " + strconv.Quote(string(e.From)) + " before it"}
	}
	s.moved(e.RecordedAt)
	s.date, s.dated = e.To, s.count
	s.count++
	return nil
}

// released takes what has moved off what is held.
func (s *State) released(e *HoldsReleased) error {
	for i := range e.Holds {
		if h := &e.Holds[i]; h.Change.Sign() >= 0 || h.On > e.BusinessDate {
			return &domain.Error{Code: domain.CodeConflict, Field: "holds", Value: string(h.Account), Message: "a release moves what is due and nothing else"}
		}
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	if err := s.applyHolds(e.Holds); err != nil {
		return err
	}
	s.count++
	return nil
}

// closed ends a window for good.
func (s *State) closed(e *WindowClosed) error {
	c := s.counters[e.Counter]
	if c == nil || c.end() == "" || c.end() > e.BusinessDate {
		return &domain.Error{Code: domain.CodeConflict, Field: "counter", Value: e.Counter, Message: "it has no window that is to be closed"}
	}
	if err := s.stood(e.Read); err != nil {
		return err
	}
	to := c.Counted
	to.Closed = true
	s.setCounter(c, to, true)
	if err := s.tally(e.Counts); err != nil {
		return err
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	s.count++
	return nil
}
