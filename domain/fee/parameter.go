package fee

import (
	"maps"
	"slices"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// With binds a contract's parameters: values by name, each a formula without
// variables of the parameter's kind, or "name.KRW" for one currency of a parameter
// that has amounts. The result shares the compiled rules. The error is the first
// fault that CheckOverrides finds.
func (s *Schedule) With(overrides map[string]string) (*Schedule, error) {
	if len(overrides) == 0 {
		return s, nil
	}
	parameters, faults := s.override(overrides)
	if len(faults) > 0 {
		return nil, faults[0]
	}
	bound := *s
	bound.bind(parameters)
	return &bound, nil
}

// CheckOverrides finds every fault of a contract's parameters, by name. Field is
// the path, as "parameters.rate".
func (s *Schedule) CheckOverrides(overrides map[string]string) []*domain.Error {
	_, faults := s.override(overrides)
	return faults
}

// bind puts parameters in place.
func (s *Schedule) bind(parameters []parameter) {
	s.template, s.amounts = s.program.template(), nil
	for _, p := range parameters {
		s.template[p.slot] = p.value
		if len(p.amounts) > 0 {
			s.amounts = append(s.amounts, p)
		}
	}
}

// override gives parameters other values.
func (s *Schedule) override(overrides map[string]string) ([]parameter, []*domain.Error) {
	var c checker
	var parameters []parameter
	if s.program != nil {
		parameters = slices.Clone(s.program.parameters)
	}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		path := "parameters." + name
		base, currency, perCurrency := strings.Cut(name, ".")
		i := slices.IndexFunc(parameters, func(p parameter) bool { return p.Name == base })
		switch {
		case i < 0:
			c.invalid(path, name, "schedule "+s.document.Schedule+" has no such parameter", parameterNames(parameters))
		case !perCurrency && len(parameters[i].amounts) > 0:
			c.invalid(path, name, "the parameter has an amount per currency", "name the currency, as "+name+".KRW")
		case perCurrency && len(parameters[i].amounts) == 0:
			c.invalid(path, name, "the parameter is the same in every currency", "write "+base)
		case perCurrency:
			amount, err := money.Parse(overrides[name])
			if err != nil {
				c.err(path, err)
				continue
			}
			c.amounts("parameters."+base, map[money.Currency]money.Amount{money.Currency(currency): amount}, false)
			parameters[i].amounts = parameters[i].amounts.with(money.Currency(currency), amount)
		default:
			c.err(path, parameters[i].set(overrides[name]))
		}
	}
	return parameters, c.faults
}

// set gives a parameter another value of the same kind.
func (p *parameter) set(source string) error {
	value, err := constant(source)
	if err != nil {
		return err
	}
	if value.Kind() != p.kind {
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "parameters", Value: source, Message: "this is a " + value.Kind().String() + ", the parameter is a " + p.kind.String(),
			Remedy: "write it as the schedule does: " + p.Is,
		}
	}
	p.value = value
	return nil
}

// with replaces or adds the amount of a currency. It changes nothing in place.
func (p perCurrency) with(currency money.Currency, amount money.Amount) perCurrency {
	replaced := slices.DeleteFunc(slices.Clone(p), func(c currencyAmount) bool { return c.currency == currency })
	return append(replaced, currencyAmount{currency, amount, amount.Format(currency)})
}

func parameterNames(parameters []parameter) string {
	names := make([]string, 0, len(parameters))
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return "leave it out"
	}
	return "use " + list(names)
}
