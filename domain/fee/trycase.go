package fee

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// TryCase rates the transaction of a case, whatever it expects, and says all that
// was looked at. The sale of a refund is rated first. The error is what is wrong
// with the case, or what the engine refuses.
func (s *Schedule) TryCase(c Case) (Explanation, error) {
	document := s.Document()
	run := caseRun{schedule: s, document: &document, Case: &c, path: "case"}
	if c.Transaction == nil {
		return Explanation{}, &domain.Error{Code: domain.CodeInvalid, Field: "transaction", Message: "the case has no transaction", Remedy: "try one with a transaction; periods are tested"}
	}
	run.checkNames()
	for _, d := range run.differences {
		if d.Fault != nil {
			fault := *d.Fault
			fault.Field = strings.TrimPrefix(strings.TrimPrefix(d.Field, run.path+"."), "transaction.")
			return Explanation{}, &fault
		}
	}
	bound, err := s.With(c.Parameters)
	if err != nil {
		return Explanation{}, err
	}
	run.schedule = bound
	in := run.input(c.Transaction)
	if c.RefundOf != nil {
		if in.Original, err = run.sale(c.RefundOf); err != nil {
			return Explanation{}, err
		}
	}
	counted := counters{before: c.Before, ids: map[string]string{}}
	in.Before = counted.look
	return bound.Explain(in)
}
