package fee

import "github.com/jeongsan/jeongsan/domain"

// Engine is the engine that Apply rates with.
func (s *Schedule) Engine() int {
	if s.program == nil {
		return Engine1
	}
	return Engine2
}

// Apply rates a transaction with the schedule's engine.
//
// Errors: those of Rate; CodeInvalid where an attribute is missing or of another
// type, or a formula cannot be computed; CodeExceedsOriginal where refunds would
// exceed their original; CodeInternal where Input leaves out what the schedule
// needs; whatever Input.Before and Input.Calendar return.
func (s *Schedule) Apply(in Input) (Result, error) {
	if s.program == nil {
		return s.rate1(in.Amount, in.Currency)
	}
	moved := in // so that engine 1 costs no allocation
	return s.rate2(&moved, nil)
}

// Explain rates as Apply does and says all that was looked at.
func (s *Schedule) Explain(in Input) (Explanation, error) {
	e := Explanation{Schedule: s.document.Schedule, Version: s.document.Version, Engine: s.Engine()}
	var err error
	if s.program != nil {
		e.Result, err = s.rate2(&in, &trace{&e})
	} else {
		e.Result, err = s.rate1(in.Amount, in.Currency)
		for _, line := range e.Result.Lines {
			e.Rules = append(e.Rules, Considered{Rule: line.Rule, Matched: true, Lines: []Line{line}})
		}
	}
	return e, err
}

// Posts says whether a book can post all that the schedule asks for. It returns
// nil, or a *domain.Error with the path of what can be tested and simulated, but
// not published.
func (s *Schedule) Posts() error {
	refuse := func(path, what string) error {
		return &domain.Error{
			Code: domain.CodeInvalid, Field: path, Message: "books do not post " + what + " yet",
			Remedy: "leave it out of what is published; it can be tested and simulated",
		}
	}
	for i := range s.document.Rules {
		switch r := &s.document.Rules[i]; {
		case r.Hold != nil:
			return refuse(at("rules", i)+".hold", "shares that are held")
		case r.Convert != nil:
			return refuse(at("rules", i)+".convert", "shares in another currency")
		}
	}
	if len(s.document.Periods) > 0 {
		return refuse("periods", "entries at the end of a period")
	}
	return nil
}
