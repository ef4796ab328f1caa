package book

import (
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// OriginalAwaited records a refund or a reversal that came before its original. It
// posts nothing. When the original is settled, what waits for it is carried out in
// the same append; what cannot be carried out then goes on waiting, and sending it
// again tries again.
type OriginalAwaited struct {
	Key                   // of what waits
	ContentHash string    `json:"content_hash"`
	Awaits      Key       `json:"awaits"`
	RecordedAt  time.Time `json:"recorded_at"`
	// Exactly one of the two is what waits.
	Refund   *AwaitingRefund `json:"refund,omitempty"`
	Reversal *ReverseEntry   `json:"reversal,omitempty"`
}

// AwaitingRefund is a refund as it came.
type AwaitingRefund struct {
	Transaction Transaction `json:"transaction"`
	Policy      Policy      `json:"policy"`
}

// EventType implements domain.Event.
func (OriginalAwaited) EventType() string { return "OriginalAwaited.v1" }

// Command is what waits, as it was sent; nil where the event holds nothing.
func (e *OriginalAwaited) Command() domain.Command {
	switch {
	case e.Refund != nil:
		return &SettleTransaction{Transaction: e.Refund.Transaction, Policy: e.Refund.Policy}
	case e.Reversal != nil:
		c := *e.Reversal
		return &c
	}
	return nil
}

// mayAwait reports whether a key that is new may wait for one that has no record
// yet. What others wait for does not wait itself: a key has one record.
func (s *State) mayAwait(own, original Key) bool {
	_, found, _ := s.Record(original)
	_, awaited, _ := s.Record(own)
	return !found && !awaited && own != original
}

// await decides that a refund or a reversal waits.
func (s *State) await(key Key, hash string, original Key, recorded time.Time, refund *AwaitingRefund, reversal *ReverseEntry) (domain.Event, error) {
	if recorded.IsZero() {
		return nil, domain.Unfilled("recorded_at")
	}
	if refund != nil {
		refund.Transaction.OccurredAt = refund.Transaction.OccurredAt.UTC()
	}
	return OriginalAwaited{Key: key, ContentHash: hash, Awaits: original, RecordedAt: s.stamp(recorded), Refund: refund, Reversal: reversal}, nil
}

// awaited refers to what waits for a transaction; nil where nothing does.
func (s *State) awaited(key Key, book string) *domain.Ref {
	record, found, _ := s.Record(key)
	if !found || record.Kind != KindAwaited {
		return nil
	}
	return &domain.Ref{Stream: domain.Stream(Category, book), Revision: record.Revision}
}

// awaits folds a refund or a reversal that waits.
func (s *State) awaits(e *OriginalAwaited) error {
	own := KeyRecord{Revision: s.count, ContentHash: e.ContentHash, Kind: KindAwaiting}
	if e.Refund != nil {
		own.Currency, own.Amount = e.Refund.Transaction.Currency, e.Refund.Transaction.Amount
	}
	if _, err := s.unused(e.Key, false); err != nil {
		return err
	}
	if _, err := s.unused(e.Awaits, false); err != nil {
		return err
	}
	s.setKey(e.Key, own, true)
	s.setKey(e.Awaits, KeyRecord{Revision: s.count, Kind: KindAwaited}, true)
	s.count++
	return s.apply(nil, e.RecordedAt)
}
