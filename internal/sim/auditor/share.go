package auditor

import (
	"cmp"
	"slices"
	"time"
)

// share is what a rule gives to an account, or takes where it is negative.
type share struct {
	to       Target
	currency string
	units    int64
	until    string // held back until; empty where it is not
	into     string // the purpose that it moves into
	from     []string
}

// kept says until when a share of a rule is held. What gives a sale back looks where
// that was held.
func (r *rating) kept(rule *Rule, s share) share {
	if rule.Hold != nil && s.units != 0 {
		from := r.s.on
		if r.s.as && (r.s.original.original != nil || !rule.OnRefund) {
			from = r.s.original.on
		}
		s.until, s.into = r.due(rule.Hold, from), rule.Hold.Into
	}
	return s
}

// due is when what belongs to a date falls due.
func (r *rating) due(h *Hold, date string) string {
	if h.Calendar == "" {
		return addDays(date, h.Days)
	}
	r.looked[h.Calendar] = true
	business := func(date string) bool {
		at, err := time.Parse(time.DateOnly, date)
		weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
		return err == nil && !weekend && !slices.Contains(r.a.holidays[h.Calendar], date)
	}
	for left := h.Days; left > 0 || !business(date); {
		if date = addDays(date, 1); business(date) {
			left--
		}
	}
	return date
}

// takes reports whether a share stands on the debit side.
func (r *rating) takes(s *share) bool { return (s.units < 0) == (r.s.tx.Amount > 0) }

func (r *rating) account(role, purpose, currency string) string {
	return r.s.parties[role] + "/" + purpose + "/" + currency
}

// pay posts the gross and all shares.
func (r *rating) pay() {
	r.shares = append(r.shares, r.abroad...)
	for i := range r.shares {
		s := &r.shares[i]
		purpose := cmp.Or(s.into, s.to.Purpose) // where it is once it is held no more
		if s.units == 0 || !r.takes(s) || purpose != "payable" {
			continue
		}
		for _, c := range r.version.Recourse {
			if c.Role == s.to.Role && (c.When == nil || r.matches(c.When)) {
				s.from = c.From
				break
			}
		}
	}
	funds := r.version.Funds
	r.post(r.account(funds.Role, funds.Purpose, r.s.tx.Currency), r.s.tx.Amount > 0, r.gross)
	for i := range r.shares {
		r.give(&r.shares[i])
	}
}

// give posts one share.
func (r *rating) give(s *share) {
	role, rest, takes := s.to.Role, max(s.units, -s.units), r.takes(s)
	account := r.account(role, s.to.Purpose, s.currency)
	if s.until != "" {
		h := slice{account, s.into, s.until}
		back := r.s.original != nil || r.s.tx.Amount < 0
		switch {
		case takes:
			rest = r.take(h, rest)
		case !back || s.until > r.book.date:
			r.hold(h, rest)
			return
		}
		account = h.goesTo()
	}
	if takes {
		for _, purpose := range s.from {
			rest = r.takeEarliest(r.account(role, purpose, s.currency), rest)
		}
	}
	r.post(account, takes, rest)
}
