package book

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// MaxLegs is how many legs an adjustment may have.
const MaxLegs = 200

// adjust decides an adjustment whose key is new.
func (s *State) adjust(c *PostAdjustment) (domain.Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.RecordedAt.IsZero() {
		return nil, domain.Unfilled("recorded_at")
	}
	event := AdjustmentPosted{
		Key: c.Key, ContentHash: c.ContentHash, Reason: c.Reason,
		OccurredAt: c.OccurredAt.UTC(), EffectiveOn: c.EffectiveOn, RecordedAt: s.stamp(c.RecordedAt),
	}
	if c.Adjusts != nil {
		record, err := s.adjustable(c)
		if err != nil {
			return nil, err
		}
		event.Adjusts = &Original{Key: *c.Adjusts, Ref: domain.Ref{Stream: domain.Stream(Category, c.Book), Revision: record.Revision}}
	}
	if c.Restates != nil {
		event.Restates = c.Restates.clone()
	}
	e := s.entry(len(c.Postings))
	for i := range c.Postings {
		if err := e.leg(&c.Postings[i], event.Restates); err != nil {
			return nil, err
		}
	}
	if err := s.fits(e.postings); err != nil {
		return nil, err
	}
	event.Postings, event.Holds = e.postings, e.holds
	return event, nil
}

// adjustable returns the record of the transaction that an adjustment names.
func (s *State) adjustable(c *PostAdjustment) (KeyRecord, error) {
	record, found, err := s.lookup(*c.Adjusts)
	if err != nil {
		return record, err
	}
	if !found || record.Kind == KindAwaited || record.Kind == KindAwaiting || *c.Adjusts == c.Key {
		return record, s.missing("adjusts", *c.Adjusts, record)
	}
	if c.Restates == nil {
		return record, nil
	}
	standing := record.Revision
	if record.RestatedBy != 0 {
		standing = record.RestatedBy
	}
	conflict := func(message string) error {
		return &domain.Error{
			Code: domain.CodeConflict, Field: "restates", Value: c.Adjusts.ExternalID, Message: message,
			Remedy: "run the re-rating again: it rests on what the book holds now",
		}
	}
	switch {
	case record.Kind != KindSettlement:
		return record, conflict("an " + record.Kind.String() + " cannot be restated")
	case record.Reversed():
		return record, conflict("the transaction was reversed at revision " + strconv.FormatUint(record.ReversedBy, 10))
	case standing != c.Restates.Replaces:
		return record, conflict("the transaction stands as of revision " + strconv.FormatUint(standing, 10) + ", not of " + strconv.FormatUint(c.Restates.Replaces, 10))
	case record.Refunded.Cmp(c.Restates.Refunded) != 0:
		return record, conflict("of the transaction " + record.Refunded.String() + " is given back, not " + c.Restates.Refunded.String())
	}
	return record, nil
}

// leg posts one leg. What cannot be held or taken as it asks goes to the account that
// the money moves into, and so it does in the restatement.
func (e *entry) leg(p *AdjustmentPosting, restates *Restatement) error {
	if p.HoldUntil == "" {
		rest := p.Amount
		if p.Side == ledger.Debit {
			var err error
			if rest, err = e.takeEarliest(p.Account, rest); err != nil {
				return err
			}
		}
		e.post(p.Account, p.Side, rest)
		return nil
	}
	hold := Hold{Account: p.Account, Into: p.Into, On: p.HoldUntil, Change: p.Amount}
	diverted := p.Amount
	switch {
	case p.Side == ledger.Debit:
		var err error
		if diverted, err = e.take(p.Account, p.Into, p.HoldUntil, p.Amount); err != nil {
			return err
		}
		hold.Change = diverted
	case p.HoldUntil > e.state.date:
		return e.hold(p.Account, p.Into, p.HoldUntil, p.Amount)
	default:
		hold.Change = p.Amount.Neg()
	}
	e.post(hold.into(), p.Side, diverted)
	if restates == nil || diverted.IsZero() {
		return nil
	}
	return restates.divert(&hold, p.Side, diverted)
}

// check refuses what no book can accept, whatever its state.
func (c *PostAdjustment) check() error {
	if err := domain.CheckID("book", c.Book); err != nil {
		return err
	}
	if err := checkHash(c.ContentHash); err != nil {
		return err
	}
	if c.Reason == "" {
		return invalid("reason", "", "an adjustment needs a reason", "say why, for those who read the history")
	}
	if err := domain.CheckText("reason", c.Reason, LongestReason); err != nil {
		return err
	}
	if err := checkInstant("occurred_at", c.OccurredAt); err != nil {
		return err
	}
	if _, err := domain.ParseDate("effective_on", string(c.EffectiveOn)); err != nil {
		return err
	}
	switch {
	case c.Adjusts != nil:
		if err := c.Adjusts.check("adjusts."); err != nil {
			return err
		}
	case c.Restates != nil:
		return invalid("restates", "", "a restatement needs the transaction that it restates", "name it in adjusts")
	}
	if len(c.Postings) == 0 && c.Restates == nil {
		return invalid("postings", "0", "an adjustment posts nothing", "send at least one debit and one credit")
	}
	if len(c.Postings) > MaxLegs {
		return invalid("postings", strconv.Itoa(len(c.Postings)), "too many legs", "send at most "+strconv.Itoa(MaxLegs)+" in one adjustment")
	}
	entry := make([]ledger.Posting, len(c.Postings))
	for i := range c.Postings {
		if err := c.Postings[i].check("postings[" + strconv.Itoa(i) + "]."); err != nil {
			return err
		}
		entry[i] = c.Postings[i].Posting
	}
	return ledger.Balanced(entry)
}

// check refuses a leg that no book can post.
func (p *AdjustmentPosting) check(prefix string) error {
	owner, purpose, currency, ok := p.Account.Parts()
	if !ok {
		return invalid(prefix+"account", string(p.Account), "not an account", "send \"<party>/<purpose>/<currency>\"")
	}
	if err := domain.CheckID(prefix+"account", owner); err != nil {
		return err
	}
	if err := domain.CheckName(prefix+"account", purpose); err != nil {
		return err
	}
	if _, err := money.ParseCurrency(string(currency)); err != nil {
		return err
	}
	switch {
	case p.Side != ledger.Debit && p.Side != ledger.Credit:
		return invalid(prefix+"side", strconv.Itoa(int(p.Side)), "not a side", "send a debit or a credit")
	case p.Amount.Sign() <= 0:
		return invalid(prefix+"amount", p.Amount.String(), "a leg of nothing or less", "send an amount greater than zero; the side says which way it goes")
	case p.Amount.Digits() > currency.Exponent():
		return &domain.Error{
			Code: domain.CodeTooPrecise, Field: prefix + "amount", Value: p.Amount.String(), Message: "too many decimals for " + string(currency),
			Remedy: "send at most " + strconv.Itoa(int(currency.Exponent())) + " decimals",
		}
	case p.HoldUntil == "" && p.Into == "":
		return nil
	case p.Into == purpose:
		return invalid(prefix+"into", p.Into, "held money would move into its own account", "name the purpose that it moves into, as payable")
	}
	if err := domain.CheckName(prefix+"into", p.Into); err != nil {
		return err
	}
	_, err := domain.ParseDate(prefix+"hold_until", string(p.HoldUntil))
	return err
}

// adjusted folds an adjustment.
func (s *State) adjusted(e *AdjustmentPosted) error {
	fresh, err := s.unused(e.Key, true)
	if err != nil {
		return err
	}
	var target KeyRecord
	if e.Restates != nil {
		if e.Adjusts == nil {
			return &domain.Error{Code: domain.CodeInternal, Field: "adjusts", Message: "a restatement names no transaction"}
		}
		if target, err = s.existing(e.Adjusts.Key); err != nil {
			return err
		}
		target.RestatedBy, target.Engine = s.count, recordedEngine(e.Restates.Engine)
	}
	if err := s.apply(e.Postings, e.RecordedAt); err != nil {
		return err
	}
	if err := s.applyHolds(e.Holds); err != nil {
		return err
	}
	s.setKey(e.Key, KeyRecord{Revision: s.count, ContentHash: e.ContentHash, Kind: KindAdjustment}, fresh)
	if e.Restates != nil {
		s.setKey(e.Adjusts.Key, target, false)
	}
	s.count++
	return nil
}

// Restated is a settlement as a re-rating has restated it: what refunds and reversals
// of it rest on. Counts stay those of the settlement, since they are what the book
// counted. Calendars are left out: what is held falls due by the newest that the
// re-rating saw, not by those that the settlement looked at.
func Restated(original *TransactionSettled, by *AdjustmentPosted) *TransactionSettled {
	r := by.Restates
	if r == nil {
		return original
	}
	restated := *original
	restated.Contract, restated.ContractRevision = r.Contract, r.ContractRevision
	restated.Schedule, restated.ScheduleRevision, restated.Version, restated.Engine = r.Schedule, r.ScheduleRevision, r.Version, r.Engine
	restated.Parties, restated.Conversions, restated.Explanation = r.Parties, r.Conversions, r.Explanation
	restated.Postings, restated.Holds = r.Postings, r.Holds
	restated.Calendars = nil
	return &restated
}

func (r *Restatement) clone() *Restatement {
	c := *r
	c.Postings, c.Holds = slices.Clone(r.Postings), slices.Clone(r.Holds)
	return &c
}

// divert moves a part of a leg, on its side, from the account of a hold to where the
// held money moves into. The hold's Change is what that makes of it.
func (r *Restatement) divert(hold *Hold, side ledger.Side, amount money.Amount) (err error) {
	if r.Postings, err = net(r.Postings, ledger.Posting{Account: hold.Account, Side: side.Opposite(), Amount: amount}); err != nil {
		return err
	}
	if r.Postings, err = net(r.Postings, ledger.Posting{Account: hold.into(), Side: side, Amount: amount}); err != nil {
		return err
	}
	for i := range r.Holds {
		h := &r.Holds[i]
		if h.Account != hold.Account || h.Into != hold.Into || h.On != hold.On {
			continue
		}
		if h.Change, err = h.Change.Add(hold.Change); err == nil && h.Change.IsZero() {
			r.Holds = slices.Delete(r.Holds, i, i+1)
		}
		return err
	}
	r.Holds = append(r.Holds, *hold)
	return nil
}

// net adds a posting to the first one on its account, which changes its side or goes
// where this one outweighs it.
func net(postings []ledger.Posting, more ledger.Posting) ([]ledger.Posting, error) {
	for i := range postings {
		p := &postings[i]
		if p.Account != more.Account {
			continue
		}
		var err error
		if p.Side == more.Side {
			p.Amount, err = p.Amount.Add(more.Amount)
			return postings, err
		}
		if p.Amount, err = p.Amount.Sub(more.Amount); err != nil {
			return postings, err
		}
		switch p.Amount.Sign() {
		case 0:
			return slices.Delete(postings, i, i+1), nil
		case -1:
			p.Side, p.Amount = p.Side.Opposite(), p.Amount.Neg()
		}
		return postings, nil
	}
	return append(postings, more), nil
}

// adjustmentPosting is the JSON of a leg: that of a posting with two keys more.
type adjustmentPosting struct {
	Account   ledger.AccountID `json:"account"`
	Debit     *money.Amount    `json:"debit,omitempty"`
	Credit    *money.Amount    `json:"credit,omitempty"`
	HoldUntil domain.Date      `json:"hold_until,omitempty"`
	Into      string           `json:"into,omitempty"`
}

// MarshalJSON writes {"account":"…","debit":"12.50","hold_until":"…","into":"…"}.
func (p AdjustmentPosting) MarshalJSON() ([]byte, error) {
	out := adjustmentPosting{Account: p.Account, HoldUntil: p.HoldUntil, Into: p.Into}
	if p.Side == ledger.Debit {
		out.Debit = &p.Amount
	} else {
		out.Credit = &p.Amount
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes and refuses both sides, none, and
// unknown keys.
func (p *AdjustmentPosting) UnmarshalJSON(b []byte) error {
	var in adjustmentPosting
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return err
	}
	out := AdjustmentPosting{Posting: ledger.Posting{Account: in.Account}, HoldUntil: in.HoldUntil, Into: in.Into}
	switch {
	case in.Debit != nil && in.Credit == nil:
		out.Side, out.Amount = ledger.Debit, *in.Debit
	case in.Credit != nil && in.Debit == nil:
		out.Side, out.Amount = ledger.Credit, *in.Credit
	default:
		return invalid("postings", string(in.Account), "a posting has exactly one of debit and credit", "send one of them")
	}
	*p = out
	return nil
}
