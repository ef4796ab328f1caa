package fee

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Purposes of accounts that a schedule names where a Target leaves them out.
const (
	PurposePayable    = "payable"
	PurposeReceivable = "receivable"
	PurposeRounding   = "rounding"
)

// Schedule is a compiled Document: checked, sorted, its decimals parsed. It is
// immutable and safe for concurrent use.
type Schedule struct {
	document Document
	funds    Target
	rounding Target // Role is empty where the document has none
	rules    []rule // as applied; the rest last
}

// rule is one compiled Rule.
type rule struct {
	Rule
	to      Target
	percent money.Amount
	rate    string
	mode    money.Mode
	labels  map[money.Currency]string // of explicit rounding units
}

// Compile checks a document and prepares it for rating. It returns the first
// fault that Check finds, a *domain.Error.
func Compile(document Document) (*Schedule, error) {
	if faults := Check(document); len(faults) > 0 {
		return nil, faults[0]
	}
	document = document.clone()
	s := &Schedule{document: document, funds: document.Funds.or(PurposeReceivable)}
	if document.RoundingDifference != nil {
		s.rounding = document.RoundingDifference.or(PurposeRounding)
	}
	s.rules = make([]rule, 0, len(document.Rules))
	for _, r := range document.Rules {
		compiled, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		s.rules = append(s.rules, compiled)
	}
	slices.SortStableFunc(s.rules, func(a, b rule) int {
		switch {
		case a.Rest:
			return 1
		case b.Rest:
			return -1
		}
		return cmp.Compare(a.Priority, b.Priority)
	})
	return s, nil
}

func compileRule(r Rule) (rule, error) {
	compiled := rule{Rule: r, to: r.To.or(PurposePayable)}
	switch {
	case r.Rest:
		compiled.rate = "rest"
	case r.Percent != "":
		percent, err := money.Parse(r.Percent)
		if err != nil {
			return rule{}, err
		}
		compiled.percent, compiled.rate = percent, r.Percent+"%"
	}
	if r.Rounding != nil {
		mode, err := money.ParseMode(r.Rounding.Mode)
		if err != nil {
			return rule{}, err
		}
		compiled.mode = mode
		compiled.labels = make(map[money.Currency]string, len(r.Rounding.Unit))
		for currency, unit := range r.Rounding.Unit {
			compiled.labels[currency] = mode.String() + " " + unit.Format(currency)
		}
	}
	return compiled, nil
}

// Document returns the document the schedule was compiled from. It is shared: do
// not change what its maps hold.
func (s *Schedule) Document() Document { return s.document }

// Funds is the account that a sale debits with its gross amount.
func (s *Schedule) Funds() Target { return s.funds }

// RoundingDifference is the account for what is finer than the minor unit; ok is
// false where the schedule has none.
func (s *Schedule) RoundingDifference() (target Target, ok bool) {
	return s.rounding, s.rounding.Role != ""
}

// Roles lists the roles that the schedule posts to, each once, sorted.
func (s *Schedule) Roles() []string {
	roles := []string{s.funds.Role}
	if s.rounding.Role != "" {
		roles = append(roles, s.rounding.Role)
	}
	for _, r := range s.rules {
		roles = append(roles, r.to.Role)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// Equal reports whether two documents say the same: amounts compare by value.
func (d Document) Equal(o Document) bool {
	return d.Schedule == o.Schedule && d.Version == o.Version && d.EffectiveFrom == o.EffectiveFrom &&
		d.Description == o.Description && d.Funds == o.Funds &&
		equalPointers(d.RoundingDifference, o.RoundingDifference, func(a, b Target) bool { return a == b }) &&
		slices.EqualFunc(d.Rules, o.Rules, Rule.equal)
}

func (r Rule) equal(o Rule) bool {
	return r.ID == o.ID && r.To == o.To && r.Priority == o.Priority && r.Of == o.Of && r.Percent == o.Percent && r.Rest == o.Rest &&
		equalAmounts(r.Flat, o.Flat) && equalAmounts(r.Minimum, o.Minimum) && equalAmounts(r.Maximum, o.Maximum) &&
		equalPointers(r.Rounding, o.Rounding, func(a, b Rounding) bool { return a.Mode == b.Mode && equalAmounts(a.Unit, b.Unit) })
}

func equalAmounts(a, b map[money.Currency]money.Amount) bool {
	return maps.EqualFunc(a, b, func(x, y money.Amount) bool { return x.Cmp(y) == 0 })
}

func equalPointers[T any](a, b *T, equal func(T, T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equal(*a, *b)
}

func (t Target) or(purpose string) Target {
	if t.Purpose == "" {
		t.Purpose = purpose
	}
	return t
}

// clone copies what a caller could still change.
func (d Document) clone() Document {
	if d.RoundingDifference != nil {
		target := *d.RoundingDifference
		d.RoundingDifference = &target
	}
	d.Rules = slices.Clone(d.Rules)
	for i := range d.Rules {
		r := &d.Rules[i]
		r.Flat, r.Minimum, r.Maximum = maps.Clone(r.Flat), maps.Clone(r.Minimum), maps.Clone(r.Maximum)
		if r.Rounding != nil {
			r.Rounding = &Rounding{Mode: r.Rounding.Mode, Unit: maps.Clone(r.Rounding.Unit)}
		}
	}
	return d
}

// missing says that a rule has no amount in a currency.
func missing(r *rule, currency money.Currency) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "currency", Value: string(currency),
		Message: "rule " + r.ID + " of the schedule has no flat amount in " + string(currency),
		Remedy:  "publish a version of the schedule whose rule " + r.ID + " names " + string(currency) + " under flat",
	}
}
