package derivation

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Derivation is a settled transaction, explained again.
type Derivation struct {
	Explanation fee.Explanation
	// Contract are the terms as they were when the transaction was settled, as far
	// as the event says: with an early end that came later, where it is of version 1.
	Contract contract.Terms
	// Differences says where the lines derived are not those of the event. There
	// are none, unless an engine was changed that should not have been.
	Differences []string
}

// Derive explains a settled transaction by the engine that rated it: the schedule
// version, the contract's parameters, calendars and the original are read from the
// log, all else is in the event. Errors: CodeNotFound where the log has not what the event
// refers to, CodeInternal where this program has not the engine.
func Derive(ctx context.Context, store eventstore.Store, e *book.TransactionSettled) (Derivation, error) {
	return derive(ctx, store, e, 0)
}

// derive is Derive of a transaction as a re-rating at a revision of its book has it;
// 0 where it is as it was settled.
func derive(ctx context.Context, store eventstore.Store, e *book.TransactionSettled, rerated uint64) (Derivation, error) {
	var d Derivation
	document, err := publishedVersion(ctx, store, e.Schedule, e.Version)
	if err != nil {
		return d, err
	}
	if d.Contract, err = termsAt(ctx, store, e.Contract, e.ContractRevision); err != nil {
		return d, err
	}
	compiled, err := fee.Compile(document)
	if err != nil {
		return d, err
	}
	if compiled.Engine() != e.Engine {
		return d, &domain.Error{
			Code: domain.CodeInternal, Field: "engine", Value: strconv.Itoa(e.Engine),
			Message: fmt.Sprintf("this program rates the schedule with engine %d", compiled.Engine()), Remedy: "run the version of Jeongsan that settled it, or a later one",
		}
	}
	if compiled, err = compiled.With(d.Contract.Parameters); err != nil {
		return d, err
	}
	calendars := func(id string) (*calendar.Calendar, error) {
		if rerated > 0 {
			return newestCalendar(ctx, store, id)
		}
		return calendarAt(ctx, store, id, e.Calendars)
	}
	if e.Original == nil || e.Engine == fee.Engine1 {
		err = d.rate(compiled, e, nil, calendars)
		return d, err
	}
	original, err := eventAt[book.TransactionSettled](ctx, store, e.Original.Ref)
	if err != nil {
		return d, err
	}
	err = d.rate(compiled, e, &original, calendars)
	if err == nil && len(d.Differences) == 0 {
		return d, nil
	}
	// It may rest on what a re-rating had made of its original by then, which only a
	// search tells.
	var restated *book.TransactionSettled
	var searched error
	if rerated > 0 {
		restated, _, searched = restatedBefore(ctx, store, e.Original, &original, rerated)
	} else {
		restated, searched = standing(ctx, store, e, &original)
	}
	switch {
	case searched != nil:
		return d, searched
	case restated == nil:
		return d, err
	}
	err = d.rate(compiled, e, restated, calendars)
	return d, err
}

// rate explains the transaction from what its event recorded and its original, nil
// where it rests on none.
func (d *Derivation) rate(compiled *fee.Schedule, e, original *book.TransactionSettled, calendars func(string) (*calendar.Calendar, error)) (err error) {
	in := e.Input(original)
	in.Calendar = calendars
	if d.Explanation, err = compiled.Explain(in); err != nil {
		return err
	}
	d.Differences = compare(d.Explanation.Result.Lines, e.Explanation)
	return nil
}

// calendarAt is a calendar as a transaction looked at it.
func calendarAt(ctx context.Context, store eventstore.Store, id string, looked map[string]book.Revision) (*calendar.Calendar, error) {
	revision, known := looked[id]
	at, recorded := revision.Recorded()
	if !known || !recorded {
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "calendars", Value: id, Message: "the event does not say which version of the calendar it looked at"}
	}
	published, err := eventAt[calendar.CalendarPublished](ctx, store, domain.Ref{Stream: domain.Stream(calendar.Category, id), Revision: at})
	if err != nil {
		return nil, err
	}
	return calendar.Compile(published.Document)
}

// newestCalendar is a calendar as it is now: re-ratings do not record which version
// they looked at, and amounts do not depend on it.
func newestCalendar(ctx context.Context, store eventstore.Store, id string) (*calendar.Calendar, error) {
	for recorded, err := range store.ReadStream(ctx, domain.Stream(calendar.Category, id), eventstore.Backwards, eventstore.End, 1) {
		if err != nil {
			return nil, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, err
		}
		if published, ok := event.(calendar.CalendarPublished); ok {
			return calendar.Compile(published.Document)
		}
	}
	return nil, &domain.Error{Code: domain.CodeNotFound, Field: "calendars", Value: id, Message: "the log has no such calendar"}
}

// standing is what re-ratings had made of an original when a transaction that names
// it was settled; nil where they had not touched it.
func standing(ctx context.Context, store eventstore.Store, e, original *book.TransactionSettled) (restated *book.TransactionSettled, err error) {
	adjusted, settled := book.AdjustmentPosted{}.EventType(), book.TransactionSettled{}.EventType()
	for recorded, err := range store.ReadStream(ctx, e.Original.Stream, eventstore.Forwards, e.Original.Revision+1, eventstore.Unlimited) {
		if err != nil {
			return nil, err
		}
		if recorded.Type != adjusted && recorded.Type != settled {
			continue
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, err
		}
		switch later := event.(type) {
		case book.AdjustmentPosted:
			if later.Restates != nil && later.Adjusts != nil && later.Adjusts.Key == e.Original.Key {
				restated = book.Restated(original, &later)
			}
		case book.TransactionSettled:
			if later.Key == e.Key {
				return restated, nil
			}
		}
	}
	return restated, nil
}

func publishedVersion(ctx context.Context, store eventstore.Store, id string, version int) (fee.Document, error) {
	// Versions count from 1 without gaps, one event each.
	published, err := eventAt[schedule.SchedulePublished](ctx, store, domain.Ref{Stream: domain.Stream(schedule.Category, id), Revision: uint64(version - 1)})
	return published.Document, err
}

// termsAt folds a contract up to a revision, all of it where none was recorded.
func termsAt(ctx context.Context, store eventstore.Store, id string, upTo book.Revision) (contract.Terms, error) {
	limit := eventstore.Unlimited
	if revision, recorded := upTo.Recorded(); recorded {
		limit = revision + 1
	}
	state := contract.Decider.Initial()
	for recorded, err := range store.ReadStream(ctx, domain.Stream(contract.Category, id), eventstore.Forwards, 0, limit) {
		if err != nil {
			return contract.Terms{}, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return contract.Terms{}, err
		}
		state = contract.Decider.Evolve(state, event)
	}
	return state.Terms, nil
}

func eventAt[E domain.Event](ctx context.Context, store eventstore.Store, ref domain.Ref) (found E, err error) {
	for recorded, err := range store.ReadStream(ctx, ref.Stream, eventstore.Forwards, ref.Revision, 1) {
		if err != nil {
			return found, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return found, err
		}
		if e, ok := event.(E); ok {
			return e, nil
		}
	}
	return found, &domain.Error{Code: domain.CodeNotFound, Field: "event", Value: fmt.Sprintf("%s@%d", ref.Stream, ref.Revision), Message: "the log has no such event of type " + found.EventType()}
}

// compare names the differences between two lists of lines.
func compare(derived, recorded []fee.Line) []string {
	var differences []string
	for i := range max(len(derived), len(recorded)) {
		switch {
		case i >= len(derived):
			differences = append(differences, "line "+recorded[i].Rule+" of the event is not derived")
		case i >= len(recorded):
			differences = append(differences, "line "+derived[i].Rule+" is not in the event")
		case !same(derived[i], recorded[i]):
			differences = append(differences, fmt.Sprintf("line %s is %+v in the event, derived %+v", recorded[i].Rule, recorded[i], derived[i]))
		}
	}
	return differences
}

func same(a, b fee.Line) bool {
	amounts := a.Amount.Cmp(b.Amount) == 0 && a.Base.Cmp(b.Base) == 0
	a.Amount, a.Base = b.Amount, b.Base
	return amounts && a == b
}
