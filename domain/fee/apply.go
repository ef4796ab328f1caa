package fee

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
	return s.rate2(&Room{in: in, once: true}, nil)
}

// ApplyIn is Apply in memory that is used again: Shares, Values and Releases of the
// result are its caller's until the next rating in the same room, all else for good.
func (s *Schedule) ApplyIn(room *Room, in Input) (Result, error) {
	if s.program == nil {
		return s.rate1(in.Amount, in.Currency)
	}
	room.in = in
	return s.rate2(room, nil)
}

// Explain rates as Apply does and says all that was looked at.
func (s *Schedule) Explain(in Input) (Explanation, error) {
	e := Explanation{Schedule: s.document.Schedule, Version: s.document.Version, Engine: s.Engine()}
	var err error
	if s.program != nil {
		e.Result, err = s.rate2(&Room{in: in, once: true}, &trace{&e})
	} else {
		e.Result, err = s.rate1(in.Amount, in.Currency)
		for _, line := range e.Result.Lines {
			e.Rules = append(e.Rules, Considered{Rule: line.Rule, Matched: true, Lines: []Line{line}})
		}
	}
	return e, err
}
