package derivation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Closing is the end of a window, explained.
type Closing struct {
	// Parameters are the constants of the schedule that the contract overrides.
	Parameters map[string]string
	Periods    []Period
	// Differences says where what is computed is not what the event says.
	Differences []string
}

// Period is what one period of a schedule comes to.
type Period struct {
	Period string            `json:"period"`
	Values []fee.Shown       `json:"values,omitempty"` // exact, with the formulas of the schedule
	Lines  []book.PeriodLine `json:"lines"`
}

// Close explains the closing that ref refers to: its periods are computed again by
// the schedule version that the event names, from what it says of accumulators.
// Errors: as of Derive.
func Close(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.WindowClosed) (Closing, error) {
	var c Closing
	document, err := publishedVersion(ctx, store, e.Schedule, e.Version)
	if err != nil {
		return c, err
	}
	compiled, err := fee.Compile(document)
	if err != nil {
		return c, err
	}
	if compiled.Engine() != e.Engine {
		return c, &domain.Error{
			Code: domain.CodeInternal, Field: "engine", Value: strconv.Itoa(e.Engine),
			Message: fmt.Sprintf("this program closes windows of the schedule with engine %d", compiled.Engine()), Remedy: "run the version of Jeongsan that closed it, or a later one",
		}
	}
	if e.Contract != "" {
		terms, err := termsAt(ctx, store, e.Contract, e.ContractRevision)
		if err != nil {
			return c, err
		}
		c.Parameters = terms.Parameters
		return c, c.compute(compiled, e)
	}
	if err := c.compute(compiled, e); err == nil && len(c.Differences) == 0 {
		return c, nil
	}
	// Contracts share the window. Where all override the constants alike, the overrides
	// held; any contract that was settled by tells them.
	if c.Parameters, err = sharedParameters(ctx, store, ref, e.Schedule); err != nil {
		return c, err
	}
	return c, c.compute(compiled, e)
}

// compute closes the window again and holds it against the event.
func (c *Closing) compute(compiled *fee.Schedule, e *book.WindowClosed) error {
	c.Periods, c.Differences = []Period{}, nil
	schedule, err := compiled.With(c.Parameters)
	if err != nil {
		return err
	}
	end, err := ending(schedule, e)
	if err != nil {
		return err
	}
	carried := map[string]money.Amount{}
	for i := range e.Periods {
		end.Period = e.Periods[i].Period
		result, err := schedule.ClosePeriod(end)
		if err != nil {
			return err
		}
		period := Period{Period: end.Period, Values: values(schedule, end.Period, &result), Lines: []book.PeriodLine{}}
		for j := range result.Entries {
			t := &result.Entries[j]
			period.Lines = append(period.Lines, book.PeriodLine{Line: t.Line, From: held(e, t.From), To: held(e, t.To), Opposite: t.Opposite})
		}
		c.Periods = append(c.Periods, period)
		c.differ(&period, &e.Periods[i])
		for _, into := range result.Carried {
			if carried[into.Counter], err = carried[into.Counter].Add(into.Amount); err != nil {
				return err
			}
		}
	}
	return c.carries(carried, e.Counts)
}

// ending is the end of the window as the event recorded it.
func ending(schedule *fee.Schedule, e *book.WindowClosed) (fee.PeriodEnd, error) {
	counter, err := fee.ParseCounter(e.Counter)
	if err != nil {
		return fee.PeriodEnd{}, err
	}
	attributes := map[string]string{}
	for name, value := range counter.Keys() {
		if slices.ContainsFunc(schedule.Document().Inputs, func(in fee.Attribute) bool { return in.Name == name }) {
			attributes[name] = value
		}
	}
	return fee.PeriodEnd{
		On: e.Last, Currency: counter.Currency, Contract: e.Contract, Attributes: attributes, Party: e.Parties.Party,
		Before: func(c fee.Counter) (money.Amount, error) {
			id := c.ID()
			for i := range e.Read {
				if e.Read[i].Counter == id {
					return e.Read[i].Before, nil
				}
			}
			return money.Zero, &domain.Error{Code: domain.CodeNotFound, Field: "read", Value: id, Message: "the event does not say what the accumulator was"}
		},
	}, nil
}

// held is the account of a target; empty where nobody stands in the role.
func held(e *book.WindowClosed, t fee.Target) ledger.AccountID {
	party := e.Parties.Party(t.Role)
	if party == "" {
		return ""
	}
	return ledger.Account(party, t.Purpose, e.Currency)
}

// values shows the intermediate results that were needed.
func values(schedule *fee.Schedule, period string, result *fee.PeriodResult) []fee.Shown {
	var shown []fee.Shown
	for _, p := range schedule.Document().Periods {
		if p.ID != period {
			continue
		}
		for i, v := range p.Values {
			if i < len(result.Values) && !result.Values[i].IsAbsent() {
				shown = append(shown, fee.Shown{Name: v.Name, Value: result.Values[i].String(), Formula: v.Is})
			}
		}
	}
	return shown
}

// differ names the differences between a period computed and the one recorded.
func (c *Closing) differ(computed *Period, recorded *book.PeriodLines) {
	for i := range max(len(computed.Lines), len(recorded.Lines)) {
		switch {
		case i >= len(computed.Lines):
			c.note("period %s: entry %s of the event is not computed", recorded.Period, recorded.Lines[i].Line.Rule)
		case i >= len(recorded.Lines):
			c.note("period %s: entry %s is not in the event", recorded.Period, computed.Lines[i].Line.Rule)
		default:
			x, y := computed.Lines[i], recorded.Lines[i]
			if !same(x.Line, y.Line) || x.Opposite != y.Opposite || !x.Line.Amount.IsZero() && (x.From != y.From || x.To != y.To) {
				c.note("period %s: entry %s is %+v in the event, computed %+v", recorded.Period, y.Line.Rule, y, x)
			}
		}
	}
}

func (c *Closing) note(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

// carries names the differences between what is carried and what the event counted.
func (c *Closing) carries(carried map[string]money.Amount, counts []fee.Count) error {
	recorded := map[string]money.Amount{}
	for i := range counts {
		change, err := counts[i].After.Sub(counts[i].Before)
		if err != nil {
			return err
		}
		if recorded[counts[i].Counter], err = recorded[counts[i].Counter].Add(change); err != nil {
			return err
		}
	}
	all := maps.Clone(carried)
	maps.Copy(all, recorded)
	for _, counter := range slices.Sorted(maps.Keys(all)) {
		if carried[counter].Cmp(recorded[counter]) != 0 {
			c.note("%s is carried into %s in the event, computed %s", recorded[counter], counter, carried[counter])
		}
	}
	return nil
}

// mostSearched bounds the events that are looked through for a contract.
const mostSearched = 100_000

// sharedParameters are those of the last contract under a schedule that a book
// settled by before an event, nil where none is found.
func sharedParameters(ctx context.Context, store eventstore.Store, before domain.Ref, schedule string) (map[string]string, error) {
	if before.Revision == 0 {
		return nil, nil
	}
	settled := book.TransactionSettled{}.EventType()
	for recorded, err := range store.ReadStream(ctx, before.Stream, eventstore.Backwards, before.Revision-1, mostSearched) {
		if err != nil {
			return nil, err
		}
		if recorded.Type != settled {
			continue
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, err
		}
		if e, ok := event.(book.TransactionSettled); ok && e.Schedule == schedule {
			terms, err := termsAt(ctx, store, e.Contract, e.ContractRevision)
			return terms.Parameters, err
		}
	}
	return nil, nil
}
