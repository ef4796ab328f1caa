package collect

import (
	"context"
	"iter"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
)

// Entry is one record in quarantine.
type Entry struct {
	Source   string              `json:"source"`
	Position eventstore.Position `json:"position"`
	Revision uint64              `json:"revision"` // in the stream of the source
	Record   string              `json:"record"`
	Delivery string              `json:"delivery"`
	Offset   uint64              `json:"offset"` // number of the record in the delivery
	Code     domain.Code         `json:"code"`
	Field    string              `json:"field,omitempty"`
	Reason   string              `json:"reason"`
	Currency money.Currency      `json:"currency,omitempty"`
	Amount   *money.Amount       `json:"amount,omitempty"`
	// RecordedAt is when it was quarantined.
	RecordedAt time.Time `json:"recorded_at"`
	// Raw is the record as it came, after the header line of its file where the
	// format has one. It is empty unless asked for.
	Raw string `json:"raw,omitempty"`
	// Erased says that the key of the source was destroyed: Raw cannot be read.
	Erased bool `json:"erased,omitempty"`

	hash string
}

// Filter selects entries of a quarantine; a zero field selects all.
type Filter struct {
	Record   string
	Code     domain.Code
	Delivery string
	// Limit is how many entries at most, 0 for all.
	Limit int
	// Raw asks for the raw bytes, which needs the keys.
	Raw bool
}

func (f *Filter) selects(e *source.RecordQuarantined) bool {
	return (f.Record == "" || f.Record == e.Record) && (f.Code == "" || f.Code == e.Code) && (f.Delivery == "" || f.Delivery == e.Delivery)
}

// List yields what lies in the quarantine of a source, oldest first. keys may be
// nil where the filter does not ask for raw bytes. The first error ends it.
func List(ctx context.Context, store eventstore.Store, keys keyring.Keys, sourceID string, filter Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		q, err := knownSource(ctx, store, sourceID)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		q.list(ctx, store, keys, sourceID, filter)(yield)
	}
}

func knownSource(ctx context.Context, store eventstore.Store, sourceID string) (*quarantineState, error) {
	if err := domain.CheckID("source", sourceID); err != nil {
		return nil, err
	}
	q, err := readQuarantine(ctx, store, sourceID)
	if err == nil && q.state.Count() == 0 {
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "source", Value: sourceID, Message: "the log knows no such source", Remedy: "check the id in the source definition"}
	}
	return q, err
}

// list reads the stream a second time, from the oldest open entry on, so that
// only the entries yielded are in memory.
func (q *quarantineState) list(ctx context.Context, store eventstore.Store, keys keyring.Keys, sourceID string, filter Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		open := map[uint64]bool{}
		first := eventstore.End
		for entry := range q.state.OpenAll() {
			open[entry.Revision] = true
			first = min(first, entry.Revision)
		}
		if len(open) == 0 {
			return
		}
		for r, err := range store.ReadStream(ctx, domain.Stream(source.Category, sourceID), eventstore.Forwards, first, eventstore.Unlimited) {
			if err != nil {
				yield(Entry{}, unreadableLog(ctx, sourceID, err))
				return
			}
			if !open[r.Revision] {
				continue
			}
			delete(open, r.Revision)
			entry, ok, err := entryOf(ctx, keys, r, &filter)
			if ok || err != nil {
				if !yield(entry, err) || err != nil {
					return
				}
				if filter.Limit--; filter.Limit == 0 {
					return
				}
			}
			if len(open) == 0 {
				return
			}
		}
	}
}

func entryOf(ctx context.Context, keys keyring.Keys, r eventstore.Recorded, filter *Filter) (Entry, bool, error) {
	event, err := eventstore.Decode(r)
	if err != nil {
		return Entry{}, false, err
	}
	e, ok := event.(source.RecordQuarantined)
	if !ok || !filter.selects(&e) {
		return Entry{}, false, nil
	}
	entry := Entry{
		Source: e.Source, Position: r.Position, Revision: r.Revision, Record: e.Record, Delivery: e.Delivery, Offset: e.Offset,
		Code: e.Code, Field: e.Field, Reason: e.Reason, Currency: e.Currency, Amount: e.Amount, RecordedAt: e.RecordedAt, hash: e.ContentHash,
	}
	if !filter.Raw {
		return entry, true, nil
	}
	raw, err := keys.Unseal(ctx, e.Raw)
	if domain.CodeOf(err) == domain.CodeNotFound {
		entry.Erased, err = true, nil
	}
	entry.Raw = string(raw)
	return entry, true, err
}
