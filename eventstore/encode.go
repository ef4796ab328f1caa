package eventstore

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// encodeSettled writes TransactionSettled.v2 by hand, key by key as
// encoding/json would: it is by far the most frequent event. A fuzz test holds
// it to encoding/json.
func encodeSettled(event domain.Event) ([]byte, error) {
	e, ok := event.(book.TransactionSettled)
	if !ok {
		return nil, errors.New("not a value of the type that the catalogue lists")
	}
	b := make([]byte, 0, 640+96*len(e.Postings)+160*len(e.Explanation))
	b = append(b, `{"source":`...)
	b = appendString(b, e.Source)
	b = append(b, `,"external_id":`...)
	b = appendString(b, e.ExternalID)
	b = append(b, `,"content_hash":`...)
	b = appendString(b, e.ContentHash)
	b = append(b, `,"type":`...)
	b = appendString(b, e.Type)
	b = appendOptional(b, `,"method":`, e.Method)
	b = appendOptional(b, `,"product":`, e.Product)
	if len(e.Attributes) > 0 {
		b = append(b, `,"attributes":`...)
		b = appendMap(b, e.Attributes, appendString)
	}
	if len(e.Parties) > 0 {
		b = append(b, `,"parties":`...)
		b = appendParties(b, e.Parties)
	}
	b = append(b, `,"occurred_at":`...)
	b, err := appendTime(b, "occurred_at", e.OccurredAt)
	if err != nil {
		return nil, err
	}
	b = append(b, `,"effective_on":`...)
	b = appendString(b, string(e.EffectiveOn))
	b = append(b, `,"recorded_at":`...)
	if b, err = appendTime(b, "recorded_at", e.RecordedAt); err != nil {
		return nil, err
	}
	b = append(b, `,"currency":`...)
	b = appendString(b, string(e.Currency))
	b = append(b, `,"amount":`...)
	b = appendAmount(b, e.Amount)
	b = appendOriginal(b, `,"original":`, e.Original)
	if !e.Refunded.IsZero() {
		b = append(b, `,"refunded":`...)
		b = appendAmount(b, e.Refunded)
	}
	b = appendOriginal(b, `,"restores":`, e.Restores)
	if e.Awaited != nil {
		b = append(b, `,"awaited":{"stream":`...)
		b = appendRef(b, *e.Awaited)
	}
	b = append(b, `,"contract":`...)
	b = appendString(b, e.Contract)
	b = append(b, `,"contract_revision":`...)
	b = appendRevision(b, e.ContractRevision)
	b = append(b, `,"schedule":`...)
	b = appendString(b, e.Schedule)
	b = append(b, `,"schedule_revision":`...)
	b = appendRevision(b, e.ScheduleRevision)
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, int64(e.Version), 10)
	b = append(b, `,"engine":`...)
	b = strconv.AppendInt(b, int64(e.Engine), 10)
	if len(e.Calendars) > 0 {
		b = append(b, `,"calendars":`...)
		b = appendMap(b, e.Calendars, appendRevision)
	}
	b = append(b, `,"postings":`...)
	b = appendSlice(b, e.Postings, appendPosting)
	if len(e.Holds) > 0 {
		b = append(b, `,"holds":`...)
		b = appendSlice(b, e.Holds, appendHold)
	}
	if len(e.Conversions) > 0 {
		b = append(b, `,"conversions":`...)
		b = appendSlice(b, e.Conversions, appendConverted)
	}
	if len(e.Counts) > 0 {
		b = append(b, `,"counts":`...)
		b = appendSlice(b, e.Counts, appendCount)
	}
	b = append(b, `,"explanation":`...)
	b = appendSlice(b, e.Explanation, appendLine)
	return append(b, '}'), nil
}

// appendOriginal writes a key and an earlier transaction unless there is none.
func appendOriginal(b []byte, key string, o *book.Original) []byte {
	if o == nil {
		return b
	}
	b = append(b, key...)
	b = append(b, `{"source":`...)
	b = appendString(b, o.Source)
	b = append(b, `,"external_id":`...)
	b = appendString(b, o.ExternalID)
	b = append(b, `,"stream":`...)
	return appendRef(b, o.Ref)
}

// appendRef ends an object with a reference, whose first key is written.
func appendRef(b []byte, ref domain.Ref) []byte {
	b = appendString(b, string(ref.Stream))
	b = append(b, `,"revision":`...)
	b = strconv.AppendUint(b, ref.Revision, 10)
	return append(b, '}')
}

func appendHold(b []byte, h book.Hold) []byte {
	b = append(b, `{"account":`...)
	b = appendString(b, string(h.Account))
	b = append(b, `,"into":`...)
	b = appendString(b, h.Into)
	b = append(b, `,"on":`...)
	b = appendString(b, string(h.On))
	b = append(b, `,"change":`...)
	b = appendAmount(b, h.Change)
	return append(b, '}')
}

func appendConverted(b []byte, c fee.Converted) []byte {
	b = append(b, `{"rule":`...)
	b = appendString(b, c.Rule)
	b = append(b, `,"from":`...)
	b = appendString(b, string(c.From))
	b = append(b, `,"amount":`...)
	b = appendAmount(b, c.Amount)
	b = append(b, `,"to":`...)
	b = appendString(b, string(c.To))
	b = append(b, `,"mid":`...)
	b = appendString(b, c.Mid)
	b = append(b, `,"rate":`...)
	b = appendString(b, c.Rate)
	b = append(b, `,"exact":`...)
	b = appendString(b, c.Exact)
	b = append(b, `,"rounding":`...)
	b = appendString(b, c.Rounding)
	b = append(b, `,"value":`...)
	b = appendAmount(b, c.Value)
	b = append(b, `,"result":`...)
	b = appendAmount(b, c.Result)
	b = append(b, `,"spread":`...)
	b = appendAmount(b, c.Spread)
	return append(b, '}')
}

func appendPosting(b []byte, p ledger.Posting) []byte {
	b = append(b, `{"account":`...)
	b = appendString(b, string(p.Account))
	if p.Side == ledger.Debit {
		b = append(b, `,"debit":`...)
	} else {
		b = append(b, `,"credit":`...)
	}
	b = appendAmount(b, p.Amount)
	return append(b, '}')
}

func appendLine(b []byte, l fee.Line) []byte {
	b = append(b, `{"rule":`...)
	b = appendString(b, l.Rule)
	b = append(b, `,"to":`...)
	b = appendString(b, l.To)
	b = append(b, `,"base":`...)
	b = appendAmount(b, l.Base)
	b = append(b, `,"rate":`...)
	b = appendString(b, l.Rate)
	b = append(b, `,"exact":`...)
	b = appendString(b, l.Exact)
	b = appendOptional(b, `,"bound":`, l.Bound)
	b = appendOptional(b, `,"rounding":`, l.Rounding)
	var room [40]byte
	if amount := l.Amount.Append(room[:0]); string(amount) != l.Exact {
		b = append(b, `,"amount":"`...)
		b = append(b, amount...)
		b = append(b, '"')
	}
	return append(b, '}')
}

func appendCount(b []byte, c fee.Count) []byte {
	b = append(b, `{"counter":`...)
	b = appendString(b, c.Counter)
	if c.Days != 0 {
		b = append(b, `,"days":`...)
		b = strconv.AppendInt(b, int64(c.Days), 10)
	}
	b = append(b, `,"before":`...)
	b = appendAmount(b, c.Before)
	b = append(b, `,"after":`...)
	b = appendAmount(b, c.After)
	b = appendOptional(b, `,"closes":`, string(c.Closes))
	return append(b, '}')
}

// appendParties writes the object of roles and who stood in them.
func appendParties(b []byte, parties book.Parties) []byte {
	b = append(b, '{')
	for i := range parties {
		p := &parties[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.Role)
		b = append(b, ':')
		b = appendString(b, p.ID)
		b[len(b)-1] = '@' // in place of the quotation mark
		if revision, recorded := p.Revision.Recorded(); recorded {
			b = strconv.AppendUint(b, revision, 10)
		}
		b = append(b, '"')
	}
	return append(b, '}')
}

func appendRevision(b []byte, revision book.Revision) []byte {
	if n, recorded := revision.Recorded(); recorded {
		return strconv.AppendUint(b, n, 10)
	}
	return append(b, `null`...)
}

func appendAmount(b []byte, a money.Amount) []byte {
	b = append(b, '"')
	b = a.Append(b)
	return append(b, '"')
}

// appendTime writes an instant as encoding/json does.
func appendTime(b []byte, field string, t time.Time) ([]byte, error) {
	b = append(b, '"')
	b, err := t.AppendText(b)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: field, Value: t.Format(time.RFC3339), Message: "the time cannot be written", Remedy: "use a year from 0 to 9999", Err: err}
	}
	return append(b, '"'), nil
}

func appendSlice[T any](b []byte, items []T, one func([]byte, T) []byte) []byte {
	if items == nil {
		return append(b, `null`...)
	}
	b = append(b, '[')
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, item)
	}
	return append(b, ']')
}

func appendMap[K ~string, V any](b []byte, m map[K]V, one func([]byte, V) []byte) []byte {
	var few [12]K
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, string(k))
		b = append(b, ':')
		b = one(b, m[k])
	}
	return append(b, '}')
}

// appendOptional writes a key and a string unless the string is empty.
func appendOptional(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, key...), s)
}

// appendString writes a JSON string. Anything but plain printable ASCII is left
// to encoding/json.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := marshal(s)
			if err != nil {
				panic("a string cannot fail to marshal: " + err.Error())
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
