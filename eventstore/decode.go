package eventstore

import (
	"strings"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// decodeSettled reads TransactionSettled.v1, by far the most frequent event: by
// hand where the bytes are exactly as encodeSettled writes them and strings hold
// no escapes, else with encoding/json, which also finds what is wrong. A fuzz
// test holds the two to each other.
func decodeSettled(data []byte) (domain.Event, error) {
	if e, ok := readSettled(data); ok {
		return e, nil
	}
	var e book.TransactionSettled
	if err := unmarshal(data, &e); err != nil {
		return nil, err
	}
	return e, nil
}

// readSettled reads the event in one pass over one copy of its bytes, of which
// its strings are parts. Accounts, which tend to be kept, are copied.
func readSettled(data []byte) (e book.TransactionSettled, ok bool) {
	r := reader{data: data, text: string(data)}
	r.literal(`{"source":`)
	e.Source = r.string()
	r.literal(`,"external_id":`)
	e.ExternalID = r.string()
	r.literal(`,"content_hash":`)
	e.ContentHash = r.string()
	r.literal(`,"type":`)
	e.Type = r.string()
	e.Method = r.optional(`,"method":`)
	e.Product = r.optional(`,"product":`)
	if r.has(`,"parties":`) {
		e.Parties = make(map[string]string, 8)
		readMap(&r, e.Parties, (*reader).string)
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
	if r.has(`,"original":{"source":`) {
		o := new(book.Original)
		o.Source = r.string()
		r.literal(`,"external_id":`)
		o.ExternalID = r.string()
		r.literal(`,"stream":`)
		o.Stream = domain.StreamID(r.string())
		r.literal(`,"revision":`)
		o.Revision = r.number()
		r.literal(`}`)
		e.Original = o
	}
	r.literal(`,"contract":`)
	e.Contract = r.string()
	r.literal(`,"schedule":`)
	e.Schedule = r.string()
	r.literal(`,"version":`)
	e.Version = r.int()
	r.literal(`,"uses":`)
	if !r.has(`null`) {
		e.Uses = make(map[domain.StreamID]uint64, 8)
		readMap(&r, e.Uses, (*reader).number)
	}
	r.literal(`,"engine":`)
	e.Engine = r.int()
	r.literal(`,"postings":`)
	e.Postings = readSlice(&r, 8, (*reader).posting)
	r.literal(`,"explanation":`)
	e.Explanation = readSlice(&r, 6, (*reader).line)
	r.literal(`}`)
	return e, !r.bad && r.at == len(data)
}

// reader takes JSON apart from the front. Once it meets anything else than it
// was told to expect it is bad and yields zeros.
type reader struct {
	data []byte
	text string // the same bytes
	at   int
	bad  bool
}

// has takes a literal, if that is what comes next.
func (r *reader) has(literal string) bool {
	if r.bad || !strings.HasPrefix(r.text[r.at:], literal) {
		return false
	}
	r.at += len(literal)
	return true
}

func (r *reader) literal(literal string) {
	if !r.has(literal) {
		r.bad = true
	}
}

// span takes a string without escapes and returns where it stands.
func (r *reader) span() (from, to int) {
	r.literal(`"`)
	if r.bad {
		return 0, 0
	}
	from = r.at
	wide := false
	for i := from; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			if wide && !utf8.ValidString(r.text[from:i]) {
				r.bad = true
				return 0, 0
			}
			return from, i
		case c == '\\' || c < ' ':
			r.bad = true
			return 0, 0
		case c >= utf8.RuneSelf:
			wide = true
		}
	}
	r.bad = true
	return 0, 0
}

func (r *reader) string() string {
	from, to := r.span()
	return r.text[from:to]
}

// optional takes a key and its string; what was written is never empty.
func (r *reader) optional(key string) string {
	if !r.has(key) {
		return ""
	}
	return r.string()
}

// timeInto takes a string that a value reads itself.
func (r *reader) timeInto(t interface{ UnmarshalText([]byte) error }) {
	from, to := r.span()
	if !r.bad && t.UnmarshalText(r.data[from:to]) != nil {
		r.bad = true
	}
}

func (r *reader) amount() money.Amount {
	s := r.string()
	if r.bad {
		return money.Zero
	}
	a, err := money.Parse(s)
	if err != nil {
		r.bad = true
	}
	return a
}

// number takes a whole number as encoding/json writes it.
func (r *reader) number() uint64 {
	from := r.at
	var n uint64
	for ; r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9'; r.at++ {
		n = n*10 + uint64(r.text[r.at]-'0')
	}
	digits := r.at - from
	if digits == 0 || digits > 18 || digits > 1 && r.text[from] == '0' {
		r.bad = true
	}
	return n
}

func (r *reader) int() int { return int(r.number()) }

func (r *reader) posting() (p ledger.Posting) {
	r.literal(`{"account":`)
	p.Account = ledger.AccountID(strings.Clone(r.string()))
	if !r.has(`,"debit":`) {
		r.literal(`,"credit":`)
		p.Side = ledger.Credit
	}
	p.Amount = r.amount()
	r.literal(`}`)
	return p
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
	r.literal(`,"amount":`)
	l.Amount = r.amount()
	r.literal(`}`)
	return l
}

func readSlice[T any](r *reader, room int, one func(*reader) T) []T {
	if r.has(`null`) {
		return nil
	}
	r.literal(`[`)
	if r.has(`]`) {
		return []T{}
	}
	items := make([]T, 0, room)
	for !r.bad {
		items = append(items, one(r))
		if r.has(`]`) {
			return items
		}
		r.literal(`,`)
	}
	return nil
}

func readMap[K ~string, V any](r *reader, m map[K]V, one func(*reader) V) {
	r.literal(`{`)
	if r.has(`}`) {
		return
	}
	for !r.bad {
		key := K(r.string())
		r.literal(`:`)
		m[key] = one(r)
		if r.has(`}`) {
			return
		}
		r.literal(`,`)
	}
}
