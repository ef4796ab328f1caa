package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/eventstore"
)

// publishedCalendar is a version of a calendar as the log holds it.
type publishedCalendar struct {
	calendar.Document
	PublishedAt time.Time `json:"published_at"`
	PublishedBy string    `json:"published_by"`
}

// calendarVersions reads all versions of a calendar, the first one first; none where
// the log does not know it.
func calendarVersions(ctx context.Context, store eventstore.Store, id string) ([]publishedCalendar, error) {
	var versions []publishedCalendar
	for recorded, err := range store.ReadStream(ctx, domain.Stream(calendar.Category, id), eventstore.Forwards, 0, eventstore.Unlimited) {
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
		if e, ok := event.(calendar.CalendarPublished); ok {
			versions = append(versions, publishedCalendar{Document: e.Document, PublishedAt: e.RecordedAt, PublishedBy: meta.Actor})
		}
	}
	return versions, nil
}

// calendarIn reads a version of a calendar, the newest where version is 0.
func calendarIn(ctx context.Context, store eventstore.Store, id string, version int) (publishedCalendar, error) {
	versions, err := calendarVersions(ctx, store, id)
	if err != nil {
		return publishedCalendar{}, err
	}
	if len(versions) == 0 {
		return publishedCalendar{}, &domain.Error{Code: domain.CodeNotFound, Field: "calendar", Value: id, Message: "the log has no such calendar", Remedy: "see jeongsan calendar list"}
	}
	n := cmp.Or(version, len(versions))
	if n > len(versions) {
		return publishedCalendar{}, &domain.Error{
			Code: domain.CodeNotFound, Field: "version", Value: strconv.Itoa(n), Message: "the calendar has no such version", Remedy: "its newest is " + strconv.Itoa(len(versions)),
		}
	}
	return versions[n-1], nil
}

// calendarsPublished refuses a schedule that names a calendar which is not published.
func calendarsPublished(ctx context.Context, store eventstore.Store, d fee.Document) error {
	for i := range d.Rules {
		hold := d.Rules[i].Hold
		if hold == nil || hold.Calendar == "" {
			continue
		}
		versions, err := calendarVersions(ctx, store, hold.Calendar)
		if err != nil {
			return err
		}
		if len(versions) == 0 {
			return &domain.Error{
				Code: domain.CodeNotFound, Field: "rules[" + strconv.Itoa(i) + "].hold.calendar", Value: hold.Calendar,
				Message: "the schedule names a calendar that is not published", Remedy: "publish it first, see jeongsan calendar publish",
			}
		}
	}
	return nil
}

// calendarsIn reads the newest version of every calendar, by id.
func calendarsIn(ctx context.Context, store eventstore.Store) (_ []calendar.Document, err error) {
	newest := map[string]calendar.Document{}
	subscription, err := store.Subscribe(ctx, eventstore.Filter{StreamPrefixes: []string{calendar.Category + "-"}}, eventstore.Start)
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
		if e, ok := event.(calendar.CalendarPublished); ok {
			newest[e.Calendar] = e.Document
		}
	}
	all := make([]calendar.Document, 0, len(newest))
	for _, d := range newest {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b calendar.Document) int { return cmp.Compare(a.Calendar, b.Calendar) })
	return all, nil
}
