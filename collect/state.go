package collect

import (
	"context"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
)

// quarantineState is what the log says about a source: its definition, and what
// lies in its quarantine.
type quarantineState struct {
	state      *source.State
	definition string
	// raw are the open records without an id, by the hash of their bytes.
	raw map[string][]source.Open
	// noted are the deliveries that the log has an account of; settled says that
	// records of one of them have settled.
	noted   map[string]struct{}
	settled bool
}

// readQuarantine folds the stream of a source. A source that the log does not
// know gives an empty state.
func readQuarantine(ctx context.Context, store eventstore.Store, sourceID string) (*quarantineState, error) {
	q := &quarantineState{state: source.Decider.Initial(), raw: map[string][]source.Open{}, noted: map[string]struct{}{}}
	for r, err := range store.ReadStream(ctx, domain.Stream(source.Category, sourceID), eventstore.Forwards, 0, eventstore.Unlimited) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			break
		}
		if err != nil {
			return nil, unreadableLog(ctx, sourceID, err)
		}
		event, err := eventstore.Decode(r)
		if err != nil {
			return nil, err
		}
		switch e := event.(type) {
		case source.SourceDefined:
			q.definition = e.Definition
		case source.DeliveryIngested:
			q.noted[e.Delivery] = struct{}{}
			q.settled = q.settled || e.Counts.Settled > 0
		}
		q.state = source.Decider.Evolve(q.state, event)
	}
	for open := range q.state.OpenAll() {
		if name, nameless := rawKey(open.Record); nameless {
			q.raw[name] = append(q.raw[name], open)
		}
	}
	return q, nil
}

func unreadableLog(ctx context.Context, sourceID string, err error) error {
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	return &domain.Error{Code: domain.CodeUnavailable, Field: "source", Value: sourceID, Message: "the log cannot be read", Remedy: "check the event store and run it again", Err: err}
}

// rawKey returns "raw:<hash>" of the id of a record without an id.
func rawKey(record string) (string, bool) {
	if !strings.HasPrefix(record, rawPrefix) {
		return "", false
	}
	name, _, ok := strings.Cut(record, "/")
	return name, ok
}

// resolves returns what leaves the quarantine because an item has settled, or is
// ignored, as the release says: its own entry with the same content, and one of the
// same bytes that had no id before.
func (q *quarantineState) resolves(it *item, raw []byte, release source.ReleaseQuarantine) []source.ReleaseQuarantine {
	if q.state.OpenCount() == 0 {
		return nil
	}
	var out []source.ReleaseQuarantine
	for _, open := range q.state.OpenRecord(it.id) {
		if open.ContentHash == it.hash {
			out = append(out, of(open, release))
		}
	}
	if len(q.raw) > 0 {
		name := rawName(raw)
		if entries := q.raw[name]; len(entries) > 0 {
			q.raw[name] = entries[1:]
			out = append(out, of(entries[0], release))
		}
	}
	return out
}

// of makes a release of one entry.
func of(open source.Open, release source.ReleaseQuarantine) source.ReleaseQuarantine {
	release.Record, release.ContentHash = open.Record, open.ContentHash
	return release
}
