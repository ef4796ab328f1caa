package command

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
)

// parametrized is a version of a schedule with a contract's parameters, made once.
// Requires mu.
func (v *view) parametrized(terms *contract.Terms, version *fee.Schedule) (*fee.Schedule, error) {
	if len(terms.Parameters) == 0 {
		return version, nil
	}
	s := v.contracts[terms.Contract]
	if bound := s.bound[version]; bound != nil {
		return bound, nil
	}
	bound, err := version.With(terms.Parameters)
	if err != nil {
		return nil, misfit(terms, version, err)
	}
	if s.bound == nil {
		s.bound = map[*fee.Schedule]*fee.Schedule{}
	}
	s.bound[version] = bound
	return bound, nil
}

// misfit says that a contract's parameters do not fit a version of its schedule.
func misfit(terms *contract.Terms, version *fee.Schedule, err error) *domain.Error {
	made := &domain.Error{Code: domain.CodeInvalid, Field: "parameters", Remedy: "sign a contract whose parameters the schedule declares"}
	var fault *domain.Error
	if errors.As(err, &fault) {
		made.Field, made.Value = fault.Field, fault.Value
		made.Remedy = cmp.Or(fault.Remedy, made.Remedy)
		err = errors.New(fault.Message)
	}
	document := version.Document()
	made.Message = "the parameters of contract " + terms.Contract + " do not fit version " + strconv.Itoa(document.Version) + " of schedule " + document.Schedule
	made.Err = err
	return made
}

// Suits returns nil where a contract goes with a version of its schedule that is about
// to be published, and says otherwise what does not: its parameters, or the parties of
// periods.
func Suits(terms *contract.Terms, version *fee.Schedule) error {
	if _, err := version.With(terms.Parameters); err != nil {
		made := misfit(terms, version, err)
		made.Remedy = "keep the parameter in the schedule, or end the contract by " + string(version.Document().EffectiveFrom) + " first"
		return made
	}
	return partiesKnown(terms, version)
}

// accepts refuses a contract that does not go with a version of the schedule that it
// may come to use.
func (s *published) accepts(terms *contract.Terms) error {
	for i, version := range s.versions {
		replaced := i+1 < len(s.versions) && s.from[i+1] <= terms.From
		if replaced || terms.Until != "" && s.from[i] >= terms.Until {
			continue
		}
		if _, err := version.With(terms.Parameters); err != nil {
			return misfit(terms, version, err)
		}
		if err := partiesKnown(terms, version); err != nil {
			return err
		}
	}
	return nil
}

// partiesKnown refuses a period with an entry of a role of which nobody will know, when
// a window of the contract has ended, who stood in it: a book could not close it.
func partiesKnown(terms *contract.Terms, version *fee.Schedule) error {
	document := version.Document()
	for i := range document.Periods {
		period := &document.Periods[i]
		at := slices.IndexFunc(document.Accumulators, func(a fee.Accumulator) bool { return a.Name == period.Of })
		if at < 0 || document.Accumulators[at].PerSchedule() {
			continue
		}
		for j := range period.Entries {
			entry := &period.Entries[j]
			for _, role := range []string{entry.From.Role, entry.To.Role} {
				if slices.Contains(document.Accumulators[at].Key, role) || terms.Parties[role] != "" || terms.Applies.Parties[role] != "" {
					continue
				}
				return &domain.Error{
					Code: domain.CodeInvalid, Field: "periods[" + strconv.Itoa(i) + "].entries[" + strconv.Itoa(j) + "]", Value: role,
					Message: "when a window ends, nobody knows who stood in this role under contract " + terms.Contract + ", by version " + strconv.Itoa(document.Version) + " of schedule " + document.Schedule,
					Remedy:  "add the role to the key of accumulator " + period.Of + ", or name its party in the contract",
				}
			}
		}
	}
	return nil
}

// checkVersion makes sure that a new version of a schedule goes with the contracts that
// will use it, and that the calendars that it names are there.
func (v *view) checkVersion(ctx context.Context, document fee.Document) error {
	if err := v.sync(ctx); err != nil {
		return err
	}
	compiled, err := fee.Compile(document.Published())
	if err != nil {
		return nil //nolint:nilerr // the schedule itself says so
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if s := v.schedules[document.Schedule]; s != nil && document.Version <= len(s.versions) {
		return nil // a replay, or a conflict
	}
	if _, err := v.calendarsOf(compiled, nil, nil); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(v.contracts)) {
		terms := v.contracts[id].terms
		if terms.Schedule != document.Schedule || terms.Until != "" && document.EffectiveFrom >= terms.Until {
			continue
		}
		if err := Suits(terms, compiled); err != nil {
			return err
		}
	}
	return nil
}
