package command

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Limits of one append. A margin below the store's own keeps us clear of it.
const (
	mostEvents  = 500
	groupBytes  = eventstore.MaxAppendBytes - 16<<10
	appendTime  = 15 * time.Second
	firstPause  = 20 * time.Millisecond
	longestWait = 2 * time.Second
)

// Observer hears of appends, for metrics. It is called from many goroutines and
// must not block.
type Observer interface {
	// Appended tells of a definite append to a stream of a category.
	Appended(category string, events int, took time.Duration)
	// Retried tells that an append was made again, because its outcome was
	// "unknown" or a race was "lost".
	Retried(category, cause string)
}

// appender appends with a definite outcome.
type appender struct {
	store    eventstore.Store
	observer Observer // may be nil
	logger   *slog.Logger
}

// append repeats the identical append until its outcome is definite: success, or
// an error for which eventstore.OutcomeUnknown is false. It gives up, with an
// error of unknown outcome, when ctx ends or stop is closed, or where the store
// refuses a repetition: that says nothing about the attempts before it.
func (a *appender) append(ctx context.Context, stop <-chan struct{}, stream domain.StreamID, expected eventstore.Expected, events []eventstore.Proposed) (eventstore.Appended, error) {
	category, _ := stream.Split()
	start := time.Now()
	var doubt error // why the outcome of an earlier attempt is unknown
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		attempt, cancel := context.WithTimeout(ctx, appendTime)
		appended, err := a.store.Append(attempt, stream, expected, events...)
		cancel()
		if err == nil {
			if a.observer != nil {
				a.observer.Appended(category, len(events), time.Since(start))
			}
			return appended, nil
		}
		if !eventstore.OutcomeUnknown(err) {
			if doubt != nil && eventstore.CodeOf(err) != eventstore.CodeWrongExpected {
				err = fmt.Errorf("%w; made again: %w", doubt, err)
			}
			return appended, err
		}
		if ctx.Err() != nil {
			return appended, err
		}
		doubt = err
		a.logger.Warn("the outcome of an append is unknown; the same append is made again", "stream", stream, "expected", expected.String(), "events", len(events), "error", err)
		if a.observer != nil {
			a.observer.Retried(category, "unknown")
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return appended, err
		case <-ctx.Done():
			timer.Stop()
			return appended, err
		}
	}
}

// lost notes a lost race.
func (a *appender) lost(stream domain.StreamID) {
	category, _ := stream.Split()
	a.logger.Debug("another writer was faster", "stream", stream)
	if a.observer != nil {
		a.observer.Retried(category, "lost")
	}
}

// propose encodes an event to append. The metadata takes the event's recorded time.
func propose(stream domain.StreamID, key string, event domain.Event, meta eventstore.Meta, recorded time.Time) (eventstore.Proposed, error) {
	data, err := eventstore.Encode(event)
	if err != nil {
		return eventstore.Proposed{}, err
	}
	meta.RecordedAt, meta.Schema = recorded, eventstore.MetaSchema
	metadata, err := meta.Encode()
	if err != nil {
		return eventstore.Proposed{}, err
	}
	return eventstore.Proposed{ID: eventstore.EventID(stream, key, data), Type: event.EventType(), Data: data, Metadata: metadata}, nil
}
