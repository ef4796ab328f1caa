package eventstore

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// decodeSettled reads TransactionSettled.v2, by far the most frequent event: by
// hand where the bytes are exactly as encodeSettled writes them and strings hold
// no escapes, else with encoding/json, which also finds what is wrong. A fuzz
// test holds the two to each other.
func decodeSettled(data []byte) (domain.Event, error) {
	r := reader{data: data, whole: string(data)}
	if e, ok := r.settled(nil); ok {
		return e, nil
	}
	var e book.TransactionSettled
	if err := unmarshal(data, &e); err != nil {
		return nil, err
	}
	return e, nil
}

// Summary is what readers of very many settlements keep of one: the event without
// its content hash, attributes and explanation. Who was named in which
// role is reduced to who was named.
type Summary struct {
	book.TransactionSettled // ContentHash, Attributes, Parties and Explanation are empty
	Named                   []string
}

// Summaries reads summaries. They share the strings that come again, so they take
// little memory. It belongs to one goroutine; its zero value is ready.
type Summaries struct{ texts texts }

// Read returns the summary of a settlement. It is not ok for anything that is not
// a TransactionSettled.v2 exactly as Encode writes it: that is left to Decode.
func (s *Summaries) Read(r Recorded) (summary Summary, ok bool) {
	if r.Type != typeSettled {
		return Summary{}, false
	}
	from := reader{data: r.Data, texts: &s.texts}
	summary.TransactionSettled, ok = from.settled(&summary.Named)
	return summary, ok
}

// Meta is DecodeMeta that shares strings with what was read before.
func (s *Summaries) Meta(r Recorded) (Meta, error) {
	from := reader{data: r.Metadata, texts: &s.texts}
	if m, ok := from.meta(); ok {
		return checkMeta(r, m)
	}
	return DecodeMeta(r)
}

var typeSettled = book.TransactionSettled{}.EventType()

// settled reads the event in one pass. Where named is not nil, only its summary
// is read, the rest is passed over.
func (r *reader) settled(named *[]string) (e book.TransactionSettled, ok bool) {
	brief := named != nil
	r.literal(`{"source":`)
	e.Source = r.string()
	r.literal(`,"external_id":`)
	e.ExternalID = r.rare()
	r.literal(`,"content_hash":`)
	if brief {
		r.span()
	} else {
		e.ContentHash = r.string()
	}
	r.literal(`,"type":`)
	e.Type = r.string()
	e.Method = r.optional(`,"method":`)
	e.Product = r.optional(`,"product":`)
	switch {
	case !r.has(`,"attributes":`):
	case brief:
		r.sorted(func(_, _ int) { r.span() })
	default:
		e.Attributes = make(map[string]string, 8)
		r.sorted(func(from, to int) { e.Attributes[r.text(from, to)] = r.string() })
	}
	switch {
	case !r.has(`,"parties":`):
	case brief:
		*named = make([]string, 0, 8)
		r.sorted(func(_, _ int) { *named = append(*named, r.text(r.holderID())) })
	default:
		e.Parties = make(book.Parties, 0, 8)
		r.sorted(func(from, to int) {
			party := r.holder()
			party.Role = r.text(from, to)
			e.Parties = append(e.Parties, party)
		})
	}
	r.literal(`,"occurred_at":`)
	r.timeInto(&e.OccurredAt)
	r.literal(`,"effective_on":`)
	e.EffectiveOn = domain.Date(r.string())
	r.literal(`,"recorded_at":`)
	r.timeInto(&e.RecordedAt)
	r.literal(`,"currency":`)
	e.Currency = money.Currency(r.string())
	r.literal(`,"amount":`)
	e.Amount = r.amount()
	if r.has(`,"original":`) {
		e.Original = r.original()
	}
	if r.has(`,"refunded":`) {
		e.Refunded = r.amount()
	}
	if r.has(`,"restores":`) {
		e.Restores = r.original()
	}
	if r.has(`,"awaited":{"stream":`) {
		ref := r.ref()
		e.Awaited = &ref
	}
	r.literal(`,"contract":`)
	e.Contract = r.string()
	r.literal(`,"contract_revision":`)
	e.ContractRevision = r.revision()
	r.literal(`,"schedule":`)
	e.Schedule = r.string()
	r.literal(`,"schedule_revision":`)
	e.ScheduleRevision = r.revision()
	r.literal(`,"version":`)
	e.Version = r.int()
	r.literal(`,"engine":`)
	e.Engine = r.int()
	if r.has(`,"calendars":`) {
		e.Calendars = make(map[string]book.Revision, 1)
		r.sorted(func(from, to int) { e.Calendars[r.text(from, to)] = r.revision() })
	}
	r.literal(`,"postings":`)
	e.Postings = readSlice(r, 8, (*reader).posting)
	if r.has(`,"holds":`) {
		e.Holds = readSlice(r, 2, (*reader).hold)
	}
	if r.has(`,"conversions":`) {
		e.Conversions = readSlice(r, 1, (*reader).converted)
	}
	if r.has(`,"counts":`) {
		e.Counts = readSlice(r, 4, (*reader).count)
	}
	r.literal(`,"explanation":`)
	switch {
	case !brief:
		e.Explanation = readSlice(r, 6, (*reader).line)
	case !r.has(`null`):
		readEach(r, `[`, `]`, (*reader).passLine)
	}
	r.literal(`}`)
	return e, !r.bad && r.at == len(r.data)
}

func (r *reader) original() *book.Original {
	o := new(book.Original)
	r.literal(`{"source":`)
	o.Source = r.string()
	r.literal(`,"external_id":`)
	o.ExternalID = r.rare()
	r.literal(`,"stream":`)
	o.Ref = r.ref()
	return o
}

// ref takes the rest of a reference, whose first key is taken.
func (r *reader) ref() (ref domain.Ref) {
	ref.Stream = domain.StreamID(r.string())
	r.literal(`,"revision":`)
	ref.Revision = r.number()
	r.literal(`}`)
	return ref
}

func (r *reader) posting() (p ledger.Posting) {
	r.literal(`{"account":`)
	p.Account = ledger.AccountID(r.kept())
	if !r.has(`,"debit":`) {
		r.literal(`,"credit":`)
		p.Side = ledger.Credit
	}
	p.Amount = r.amount()
	r.literal(`}`)
	return p
}

// kept takes a string that tends to be kept, and the whole event with it if it were
// not copied.
func (r *reader) kept() string {
	if r.texts != nil {
		return r.string()
	}
	return r.rare()
}

func (r *reader) hold() (h book.Hold) {
	r.literal(`{"account":`)
	h.Account = ledger.AccountID(r.kept())
	r.literal(`,"into":`)
	h.Into = r.kept()
	r.literal(`,"on":`)
	h.On = domain.Date(r.kept())
	r.literal(`,"change":`)
	h.Change = r.amount()
	r.literal(`}`)
	return h
}

func (r *reader) converted() (c fee.Converted) {
	r.literal(`{"rule":`)
	c.Rule = r.string()
	r.literal(`,"from":`)
	c.From = money.Currency(r.string())
	r.literal(`,"amount":`)
	c.Amount = r.amount()
	r.literal(`,"to":`)
	c.To = money.Currency(r.string())
	r.literal(`,"mid":`)
	c.Mid = r.string()
	r.literal(`,"rate":`)
	c.Rate = r.string()
	r.literal(`,"exact":`)
	c.Exact = r.string()
	r.literal(`,"rounding":`)
	c.Rounding = r.string()
	r.literal(`,"value":`)
	c.Value = r.amount()
	r.literal(`,"result":`)
	c.Result = r.amount()
	r.literal(`,"spread":`)
	c.Spread = r.amount()
	r.literal(`}`)
	return c
}

func (r *reader) line() (l fee.Line) {
	r.literal(`{"rule":`)
	l.Rule = r.string()
	r.literal(`,"to":`)
	l.To = r.string()
	r.literal(`,"base":`)
	l.Base = r.amount()
	r.literal(`,"rate":`)
	l.Rate = r.string()
	r.literal(`,"exact":`)
	l.Exact = r.string()
	l.Bound = r.optional(`,"bound":`)
	l.Rounding = r.optional(`,"rounding":`)
	if r.has(`,"amount":`) {
		l.Amount = r.amount()
	} else {
		var ok bool
		if l.Amount, ok = money.ParseText(l.Exact); !ok {
			r.bad = true
		}
	}
	r.literal(`}`)
	return l
}

func (r *reader) count() (c fee.Count) {
	r.literal(`{"counter":`)
	c.Counter = r.string()
	if r.has(`,"days":`) {
		c.Days = r.int()
	}
	r.literal(`,"before":`)
	c.Before = r.amount()
	r.literal(`,"after":`)
	c.After = r.amount()
	if r.has(`,"closes":`) {
		c.Closes = domain.Date(r.kept())
	}
	r.literal(`}`)
	return c
}

// holder reads who stood in a role.
func (r *reader) holder() (p book.Party) {
	from, at := r.holderID()
	if r.bad {
		return p
	}
	p.ID, p.Revision = r.text(from, at), book.NotRecorded
	if digits := r.data[at+1 : r.at-1]; len(digits) > 0 {
		n, ok := wholeNumber(digits)
		p.Revision, r.bad = book.Revision(n), !ok
	}
	return p
}

// holderID takes "<id>@<revision>" and returns where the id stands.
func (r *reader) holderID() (from, to int) {
	from, to = r.span()
	for to--; to >= from; to-- {
		if r.data[to] == '@' {
			return from, to
		}
	}
	r.bad = true
	return 0, 0
}

// revision reads the revision of a reference stream.
func (r *reader) revision() book.Revision {
	if r.has(`null`) {
		return book.NotRecorded
	}
	return book.Revision(r.number())
}

// passLine passes over a line, the amounts in it included.
func (r *reader) passLine() {
	for _, key := range [...]string{`{"rule":`, `,"to":`, `,"base":`, `,"rate":`, `,"exact":`} {
		r.literal(key)
		r.span()
	}
	for _, key := range [...]string{`,"bound":`, `,"rounding":`, `,"amount":`} {
		if r.has(key) {
			r.span()
		}
	}
	r.literal(`}`)
}
