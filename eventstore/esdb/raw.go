package esdb

import (
	"context"
	"iter"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// contentJSON is the content type of events that are JSON; all others are read
// back as application/octet-stream.
const contentJSON = "application/json"

// Raw is an event of any stream, those of the store itself included, with all that
// the store keeps of it.
type Raw struct {
	eventstore.Recorded
	// JSON is the event's content type: application/json, else application/octet-stream.
	JSON bool
	// Prepare is the second half of the position. It differs from Position only in
	// events of old explicit transactions, which share one Position.
	Prepare eventstore.Position
}

// Before reports whether an event stands before another of the same log.
func (r Raw) Before(other Raw) bool {
	if r.Position != other.Position {
		return r.Position < other.Position
	}
	return r.Prepare < other.Prepare
}

// RawAll yields the events of the whole log after one of them, from the start where
// last is nil, up to the end of the log as it is when the read gets there. The
// store's own events are included, links are not followed. An error is the last
// thing yielded.
func (s *Store) RawAll(ctx context.Context, last *Raw) iter.Seq2[Raw, error] {
	var from esdb.AllPosition = esdb.Start{}
	if last != nil {
		from = esdb.Position{Commit: uint64(last.Position), Prepare: uint64(last.Prepare)}
	}
	return func(yield func(Raw, error) bool) {
		for event, err := range s.readAll(ctx, "read all", esdb.Forwards, from, eventstore.Unlimited) {
			if err == nil && last != nil && !last.Before(event) {
				continue // the server includes the position that a read names
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

// RawLast returns the last event of the whole log; ok is false where it is empty.
func (s *Store) RawLast(ctx context.Context) (event Raw, ok bool, err error) {
	for event, err := range s.readAll(ctx, "last event", esdb.Backwards, esdb.End{}, 1) {
		return event, err == nil, err
	}
	return Raw{}, false, nil
}

// RawAppend is Append for events of any stream and content type. Positions of the
// events are not looked at.
func (s *Store) RawAppend(ctx context.Context, stream domain.StreamID, expected eventstore.Expected, events ...Raw) (eventstore.Appended, error) {
	data := make([]esdb.EventData, len(events))
	for i := range events {
		data[i] = esdb.EventData{EventID: events[i].ID, EventType: events[i].Type, Data: events[i].Data, Metadata: events[i].Metadata}
		if events[i].JSON {
			data[i].ContentType = esdb.ContentTypeJson
		}
	}
	return s.appendData(ctx, stream, expected, data)
}

// Delete deletes a stream so that it can be made again: reads then answer
// CodeStreamNotFound, and an append continues after its last revision. A stream
// that has neither events nor metadata gives CodeWrongExpected, one that is deleted
// for good CodeStreamDeleted. It is not idempotent: each call writes an event.
func (s *Store) Delete(ctx context.Context, stream domain.StreamID) error {
	return s.call(ctx, opDelete, stream, s.timeout, func(ctx context.Context, client *esdb.Client) error {
		_, err := client.DeleteStream(ctx, string(stream), esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}, Deadline: &s.timeout})
		return err
	})
}

// Tombstone deletes a stream for good, also one that never was: reads and appends
// then answer CodeStreamDeleted, and so does Tombstone.
func (s *Store) Tombstone(ctx context.Context, stream domain.StreamID) error {
	return s.call(ctx, opTombstone, stream, s.timeout, func(ctx context.Context, client *esdb.Client) error {
		_, err := client.TombstoneStream(ctx, string(stream), esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}, Deadline: &s.timeout})
		return err
	})
}
