package fee

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Hold keeps a rule's share back: it is posted to the purpose that the rule's
// target names, as reserve or pending, and falls due on a date, when it moves to
// the purpose Into of the same role.
type Hold struct {
	calendar.ValueDate `yaml:",inline"`
	// Into is "payable" where empty.
	Into string `json:"into,omitempty" yaml:"into,omitempty"`
}

// Release is what a held share becomes on the date on which it falls due.
type Release struct {
	Rule     string         `json:"rule"`
	From     Target         `json:"from"` // where the share was posted
	Into     Target         `json:"into"`
	Currency money.Currency `json:"currency"` // that of the share; of a converted one that it was converted to
	Amount   money.Amount   `json:"amount"`   // never negative
	On       domain.Date    `json:"on"`
}

// Release says when and into what a share falls due that a rule posted for a
// transaction of a date. calendars finds a calendar by its id; it is asked only
// where the hold names one. The errors are those of calendar.ValueDate.Due.
func (h *Hold) Release(rule string, share Share, currency money.Currency, on domain.Date, calendars func(id string) (*calendar.Calendar, error)) (Release, error) {
	due, err := h.due(rule, on, calendars)
	if err != nil {
		return Release{}, err
	}
	into := Target{Role: share.To.Role, Purpose: h.into()}
	return Release{Rule: rule, From: share.To, Into: into, Currency: currency, Amount: share.Amount, On: due}, nil
}

func (h *Hold) due(rule string, on domain.Date, calendars func(id string) (*calendar.Calendar, error)) (domain.Date, error) {
	if h.Calendar != "" && calendars == nil {
		return "", &domain.Error{
			Code: domain.CodeNotFound, Field: "calendar", Value: h.Calendar, Message: "no calendars are known here, and rule " + rule + " needs this one",
			Remedy: "rate where calendars are known, or hold for days of any kind",
		}
	}
	return h.Due(on, calendars)
}

// into is the purpose that the share moves to.
func (h *Hold) into() string { return Target{Purpose: h.Into}.or(PurposePayable).Purpose }

// hold checks the hold of a rule; targets are those that its shares go to.
func (c *checker) hold(path string, h *Hold, targets ...Target) {
	if h == nil {
		return
	}
	for _, fault := range h.Check() {
		c.err(join(path, fault.Field), fault)
	}
	if h.Into != "" {
		c.err(path+".into", domain.CheckName("into", h.Into))
	}
	into := h.into()
	for _, to := range targets {
		if to.or(PurposePayable).Purpose == into {
			c.invalid(path+".into", h.Into, "the share is posted to purpose "+into+" already", "name another purpose in the rule's target, as purpose: "+elsewhere(into))
			return
		}
	}
}

// elsewhere is a purpose, other than into, that money may be held under.
func elsewhere(into string) string {
	if into == "reserve" {
		return "pending"
	}
	return "reserve"
}

// join appends a path within a part of the document to that of the part.
func join(path, field string) string {
	if field == "" {
		return path
	}
	return path + "." + field
}
