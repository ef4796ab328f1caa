package eventstore

import (
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

// settledV1 is TransactionSettled.v1, as it was written until accumulators came:
// the revisions of all streams that were looked at stood in one map.
type settledV1 struct {
	book.Key
	ContentHash string                     `json:"content_hash"`
	Type        string                     `json:"type"`
	Method      string                     `json:"method"`
	Product     string                     `json:"product"`
	Parties     map[string]string          `json:"parties"`
	OccurredAt  time.Time                  `json:"occurred_at"`
	EffectiveOn domain.Date                `json:"effective_on"`
	RecordedAt  time.Time                  `json:"recorded_at"`
	Currency    money.Currency             `json:"currency"`
	Amount      money.Amount               `json:"amount"`
	Original    *book.Original             `json:"original"`
	Contract    string                     `json:"contract"`
	Schedule    string                     `json:"schedule"`
	Version     int                        `json:"version"`
	Uses        map[domain.StreamID]uint64 `json:"uses"`
	Engine      int                        `json:"engine"`
	Postings    []ledger.Posting           `json:"postings"`
	Explanation []fee.Line                 `json:"explanation"`
}

// liftSettledV1 moves each revision to what it is of. One that is missing stays
// marked as not recorded; one that has no place refuses the event, which Jeongsan
// has not written then.
func liftSettledV1(old settledV1) (book.TransactionSettled, error) {
	taken := make(map[domain.StreamID]bool, len(old.Uses))
	revision := func(category, id string) book.Revision {
		stream := domain.Stream(category, id)
		used, recorded := old.Uses[stream]
		if !recorded {
			return book.NotRecorded
		}
		taken[stream] = true
		return book.Revision(used)
	}
	e := book.TransactionSettled{
		Key: old.Key, ContentHash: old.ContentHash, Type: old.Type, Method: old.Method, Product: old.Product,
		OccurredAt: old.OccurredAt, EffectiveOn: old.EffectiveOn, RecordedAt: old.RecordedAt,
		Currency: old.Currency, Amount: old.Amount, Original: old.Original,
		Contract: old.Contract, ContractRevision: revision(contract.Category, old.Contract),
		Schedule: old.Schedule, ScheduleRevision: revision(schedule.Category, old.Schedule), Version: old.Version, Engine: old.Engine,
		Postings: old.Postings, Explanation: old.Explanation,
	}
	if old.Parties != nil {
		e.Parties = book.PartiesOf(old.Parties, func(id string) book.Revision { return revision(party.Category, id) })
	}
	if len(taken) < len(old.Uses) {
		return e, fmt.Errorf("it has used %d streams, of which %d are of its contract, schedule and parties", len(old.Uses), len(taken))
	}
	return e, nil
}

// reversedV1 is EntryReversed.v1: it knew no accumulators and did not say which
// revisions of the parties had been looked at.
type reversedV1 struct {
	book.Key
	ContentHash string            `json:"content_hash"`
	Reverses    book.Original     `json:"reverses"`
	Original    *book.Original    `json:"original"`
	Reason      string            `json:"reason"`
	OccurredAt  time.Time         `json:"occurred_at"`
	EffectiveOn domain.Date       `json:"effective_on"`
	RecordedAt  time.Time         `json:"recorded_at"`
	Currency    money.Currency    `json:"currency"`
	Amount      money.Amount      `json:"amount"`
	Type        string            `json:"type"`
	Method      string            `json:"method"`
	Product     string            `json:"product"`
	Parties     map[string]string `json:"parties"`
	Postings    []ledger.Posting  `json:"postings"`
}

func liftReversedV1(old reversedV1) (book.EntryReversed, error) {
	e := book.EntryReversed{
		Key: old.Key, ContentHash: old.ContentHash, Reverses: old.Reverses, Original: old.Original, Reason: old.Reason,
		OccurredAt: old.OccurredAt, EffectiveOn: old.EffectiveOn, RecordedAt: old.RecordedAt,
		Currency: old.Currency, Amount: old.Amount, Type: old.Type, Method: old.Method, Product: old.Product, Postings: old.Postings,
	}
	if old.Parties != nil {
		e.Parties = book.PartiesOf(old.Parties, func(string) book.Revision { return book.NotRecorded })
	}
	return e, nil
}
