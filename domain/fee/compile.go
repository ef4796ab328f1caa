package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Purposes of accounts that a schedule names where a Target leaves them out.
const (
	PurposePayable    = "payable"
	PurposeReceivable = "receivable"
	PurposeRounding   = "rounding"
)

// Schedule is a compiled Document: checked, sorted, its decimals and formulas
// parsed. It is immutable and safe for concurrent use.
type Schedule struct {
	document Document
	funds    Target
	rounding Target // Role is empty where the document has none
	rules    []rule // of engine 1, as applied; the rest last

	// Of engine 2: the compiled document, and what a contract's parameters make of it.
	program  *program
	template []formula.Value
	amounts  []parameter // those that have amounts per currency
}

// rule is one Rule compiled for engine 1.
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
	document = document.clone()
	faults, program := check(&document)
	if len(faults) > 0 {
		return nil, faults[0]
	}
	s := &Schedule{document: document, funds: document.Funds.or(PurposeReceivable), program: program}
	if document.RoundingDifference != nil {
		s.rounding = document.RoundingDifference.or(PurposeRounding)
	}
	if program != nil {
		s.bind(program.parameters)
		return s, nil
	}
	s.rules = make([]rule, 0, len(document.Rules))
	for _, r := range document.Rules {
		compiled, err := compileRule(r)
		if err != nil {
			return nil, err
		}
		s.rules = append(s.rules, compiled)
	}
	slices.SortStableFunc(s.rules, func(a, b rule) int { return a.order(&b.Rule) })
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
	for i := range s.document.Rules {
		r := &s.document.Rules[i]
		for _, target := range r.targets() {
			roles = append(roles, target.Role)
		}
		if r.Convert != nil {
			roles = append(roles, r.Convert.Via.Role)
			if r.Convert.SpreadTo != nil {
				roles = append(roles, r.Convert.SpreadTo.Role)
			}
		}
	}
	for i := range s.document.Periods {
		for _, e := range s.document.Periods[i].Entries {
			roles = append(roles, e.From.Role, e.To.Role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func (t Target) or(purpose string) Target {
	if t.Purpose == "" {
		t.Purpose = purpose
	}
	return t
}

// missing says that a rule has no amount in a currency.
func missing(rule, field string, currency money.Currency) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "currency", Value: string(currency),
		Message: "rule " + rule + " of the schedule has no " + wording(field) + " in " + string(currency),
		Remedy:  "publish a version of the schedule whose rule " + rule + " names " + string(currency) + " under " + field,
	}
}

func wording(field string) string {
	switch field {
	case "flat":
		return "flat amount"
	case "per_unit.price":
		return "price per unit"
	}
	return "amount"
}
