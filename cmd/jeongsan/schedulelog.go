package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
)

// published is a version of a schedule as the log holds it.
type published struct {
	fee.Document
	at    time.Time
	actor string
}

// versionsIn reads all versions of a schedule, the first one first; none where the
// log does not know it.
func versionsIn(ctx context.Context, store eventstore.Store, id string) ([]published, error) {
	var versions []published
	for recorded, err := range store.ReadStream(ctx, domain.Stream(schedule.Category, id), eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return nil, err
		}
		meta, err := eventstore.DecodeMeta(recorded)
		if err != nil {
			return nil, err
		}
		if e, ok := event.(schedule.SchedulePublished); ok {
			versions = append(versions, published{Document: e.Document, at: e.RecordedAt, actor: meta.Actor})
		}
	}
	return versions, nil
}

// versionIn reads the version that a name means.
func versionIn(ctx context.Context, store eventstore.Store, name scheduleName) (fee.Document, error) {
	versions, err := versionsIn(ctx, store, name.id)
	if err != nil {
		return fee.Document{}, err
	}
	if len(versions) == 0 {
		return fee.Document{}, unknownSchedule(name.id)
	}
	n := cmp.Or(name.version, len(versions))
	if n > len(versions) {
		return fee.Document{}, &domain.Error{
			Code: domain.CodeNotFound, Field: "version", Value: name.text, Message: "the schedule has no such version", Remedy: "its newest is " + strconv.Itoa(len(versions)),
		}
	}
	return versions[n-1].Document, nil
}

func unknownSchedule(id string) error {
	return &domain.Error{Code: domain.CodeNotFound, Field: "schedule", Value: id, Message: "neither a file nor a schedule of this log", Remedy: "see the directory and --data, or publish it first"}
}

// contractsIn reads the contracts that name a schedule and have not ended by a date,
// by id.
func contractsIn(ctx context.Context, store eventstore.Store, id string, on domain.Date) (_ []contract.Terms, err error) {
	states := map[domain.StreamID]*contract.State{}
	subscription, err := store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: []string{contract.Category + "-"}}, eventstore.Start)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subscription.Close()) }()
	for {
		message, err := subscription.Next(ctx)
		if err != nil {
			return nil, err
		}
		if message.CaughtUp {
			break
		}
		if message.Event == nil {
			continue
		}
		event, err := eventstore.Decode(*message.Event)
		if err != nil {
			return nil, err
		}
		state := states[message.Event.Stream]
		if state == nil {
			state = contract.Decider.Initial()
		}
		states[message.Event.Stream] = contract.Decider.Evolve(state, event)
	}
	var found []contract.Terms
	for _, state := range states {
		if t := state.Terms; t.Schedule == id && (t.Until == "" || t.Until > on) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b contract.Terms) int { return cmp.Compare(a.Contract, b.Contract) })
	return found, nil
}
