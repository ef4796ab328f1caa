package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/collect/expression"
	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
)

// maxUnits bounds the memory for counting records within their units.
const maxUnits = 5_000_000

// item is one record on its way: what became of it before the ledger is asked.
type item struct {
	number uint64
	// id is the external id, or "raw:…" for a record that has none.
	id   string
	hash string // of the content; empty for a record that could not be decoded

	ignored string        // the rule
	fault   *domain.Error // why it cannot be settled

	// Valid where ignored and fault are empty: a transaction or, where it is not nil, a
	// reversal.
	transaction book.Transaction
	reversal    *book.ReverseEntry

	// amount and currency are what was mapped, whatever became of the record.
	amount   money.Amount
	currency money.Currency
	mapped   bool
}

// mapper turns the records of one delivery into items. It belongs to one goroutine.
type mapper struct {
	d      *Definition
	hasher *contentHasher

	id, unit *expression.Evaluator
	ignore   []*expression.Evaluator

	book, kind, method, product, occurredAt, currency, amount, original *expression.Evaluator

	action, reason *expression.Evaluator

	parties, attributes texts
	ordinals            *ordinals
}

func newMapper(d *Definition) *mapper {
	m := &mapper{
		d: d, hasher: newContentHasher(d.volatile), ordinals: newOrdinals(maxUnits),
		parties: newTexts("transaction.parties.", d.roles, d.mapping.parties), attributes: newTexts("transaction.attributes.", d.names, d.mapping.attributes),
		id: expression.NewEvaluator(d.identity.id), unit: expression.NewEvaluator(d.identity.unit),
		book: expression.NewEvaluator(d.mapping.book), kind: expression.NewEvaluator(d.mapping.kind),
		method: expression.NewEvaluator(d.mapping.method), product: expression.NewEvaluator(d.mapping.product),
		occurredAt: expression.NewEvaluator(d.mapping.occurredAt), currency: expression.NewEvaluator(d.mapping.currency),
		amount: expression.NewEvaluator(d.mapping.amount), original: expression.NewEvaluator(d.mapping.original),
		action: expression.NewEvaluator(d.mapping.action), reason: expression.NewEvaluator(d.mapping.reason),
	}
	for _, rule := range d.ignore {
		m.ignore = append(m.ignore, expression.NewEvaluator(rule.when))
	}
	return m
}

// next maps a record. Every record counts within its unit, also one that is
// ignored or faulty, so that a changed rule never changes the ids of others. The
// error is fatal for the delivery.
func (m *mapper) next(record *format.Record) (item, error) {
	it := item{number: record.Number}
	if record.Fault != nil {
		it.fault = record.Fault
		return it, m.nameless(&it, record)
	}
	id, fault, err := m.identify(record)
	if err != nil {
		return it, err
	}
	it.id, it.fault = id, fault
	m.apply(&it, record)
	if it.id == "" {
		return it, m.nameless(&it, record)
	}
	return it, nil
}

// again maps a record whose id is known from its first arrival; "" takes the id
// from the record, which a definition with units cannot.
func (m *mapper) again(record *format.Record, id string) item {
	it := item{number: record.Number, id: id, fault: record.Fault}
	if it.fault != nil {
		return it
	}
	if it.id == "" {
		if m.id == nil {
			it.fault = &domain.Error{
				Code: domain.CodeInvalid, Field: "identity.unit", Message: "the record's place within its unit is not known on its own",
				Remedy: "correct the definition or the file, and ingest the whole file again",
			}
			return it
		}
		it.id, it.fault = m.text("identity.id", m.id, record)
	}
	m.apply(&it, record)
	return it
}

// apply fills the item of a decoded record but for its identity.
func (m *mapper) apply(it *item, record *format.Record) {
	it.hash = m.hasher.sum(record)
	reverses := m.reverses(it, record)
	path, fault := m.money(it, record)
	if !reverses { // a reversal needs no amount
		it.note(fault, path)
	}
	for i, when := range m.ignore {
		result, fault := when.Eval(record)
		if fault != nil {
			it.note(fault, whenPath(i))
			continue
		}
		if result.Bool {
			it.ignored, it.fault = m.d.ignore[i].name, nil
			return
		}
	}
	switch {
	case it.fault != nil:
	case reverses:
		m.reversal(it, record)
	default:
		m.transaction(it, record)
	}
}

func whenPath(i int) string { return "ignore[" + strconv.Itoa(i) + "].when" }

// note keeps the first fault, with the path of the expression at fault.
func (it *item) note(fault *domain.Error, path string) {
	if it.fault == nil && fault != nil {
		fault.Field = path
		it.fault = fault
	}
}

// identify returns the external id; the fault says why there is none.
func (m *mapper) identify(record *format.Record) (string, *domain.Error, error) {
	if m.id != nil {
		id, fault := m.text("identity.id", m.id, record)
		return id, fault, nil
	}
	unit, fault := m.text("identity.unit", m.unit, record)
	if fault != nil {
		return "", fault, nil
	}
	n, err := m.ordinals.next(unit)
	if err != nil {
		return "", nil, err
	}
	return unit + "/" + strconv.FormatUint(uint64(n), 10), nil, nil
}

// text evaluates an identity, which must be a plain text of bounded length.
func (m *mapper) text(path string, e *expression.Evaluator, record *format.Record) (string, *domain.Error) {
	result, fault := e.Eval(record)
	if fault != nil {
		fault.Field = path
		return "", fault
	}
	const room = 24 // for the ordinal
	if result.Text == "" {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: path, Message: "the record has no identity: the expression gives an empty text", Remedy: "map a field that every record has"}
	}
	if domain.CheckText(path, result.Text, book.LongestExternalID-room) != nil {
		return "", &domain.Error{Code: domain.CodeInvalid, Field: path, Message: "the identity is longer than 232 bytes or holds control characters", Remedy: "map a shorter field"}
	}
	return result.Text, nil
}

// nameless identifies a record without an id by its bytes and by its place among
// equal ones.
func (m *mapper) nameless(it *item, record *format.Record) error {
	name := rawName(record.Raw)
	n, err := m.ordinals.next(name)
	if err != nil {
		return err
	}
	it.id = name + "/" + strconv.FormatUint(uint64(n), 10)
	return nil
}

const rawPrefix = "raw:"

func rawName(raw []byte) string {
	sum := sha256.Sum256(raw)
	return rawPrefix + hex.EncodeToString(sum[:16])
}

// money maps amount and currency, for the control totals of every record. The
// fault says why there is none, with the path of the expression.
func (m *mapper) money(it *item, record *format.Record) (path string, fault *domain.Error) {
	currency, fault := m.currency.Eval(record)
	if fault != nil {
		return "transaction.currency", fault
	}
	amount, fault := m.amount.Eval(record)
	if fault != nil {
		return "transaction.amount", fault
	}
	it.currency = money.Currency(currency.Text)
	exact, err := money.FromDecimal(amount.Decimal)
	if err != nil {
		return "transaction.amount", &domain.Error{Code: domain.CodeOf(err), Message: "the amount has more digits than fit exactly", Remedy: "split the transaction, or round it in the expression"}
	}
	it.amount, it.mapped = exact, it.currency.Known()
	return "", nil
}

func (m *mapper) transaction(it *item, record *format.Record) {
	t := &it.transaction
	t.Key = book.Key{Source: m.d.Source, ExternalID: it.id}
	t.ContentHash, t.Currency, t.Amount = it.hash, it.currency, it.amount
	for _, field := range [...]struct {
		path string
		e    *expression.Evaluator
		into *string
	}{
		{"transaction.book", m.book, &t.Book},
		{"transaction.type", m.kind, &t.Type},
		{"transaction.method", m.method, &t.Method},
		{"transaction.product", m.product, &t.Product},
		{"transaction.original", m.original, &t.OriginalID},
	} {
		*field.into = m.plain(it, record, field.path, field.e)
	}
	t.OccurredAt = m.occurred(it, record)
	t.Parties, t.Attributes = m.parties.eval(it, record), m.attributes.eval(it, record)
}

// plain evaluates an expression of a text, "" where there is none.
func (m *mapper) plain(it *item, record *format.Record, path string, e *expression.Evaluator) string {
	if e == nil {
		return ""
	}
	result, fault := e.Eval(record)
	it.note(fault, path)
	return result.Text
}

func (m *mapper) occurred(it *item, record *format.Record) time.Time {
	result, fault := m.occurredAt.Eval(record)
	it.note(fault, "transaction.occurred_at")
	return result.Time
}

// ordinals counts records within their units over a whole delivery: units need
// not stand together.
type ordinals struct {
	limit  int
	index  map[string]int
	counts []uint32
}

func newOrdinals(limit int) *ordinals {
	return &ordinals{limit: limit, index: map[string]int{}}
}

func (o *ordinals) next(unit string) (uint32, error) {
	i, known := o.index[unit]
	if !known {
		if i = len(o.counts); i >= o.limit {
			return 0, &domain.Error{
				Code: domain.CodeOutOfRange, Field: "identity.unit", Message: fmt.Sprintf("the delivery has more than %d units", o.limit),
				Remedy: "split the file between units, or map an id that every record carries",
			}
		}
		o.index[strings.Clone(unit)] = i
		o.counts = append(o.counts, 0)
	}
	o.counts[i]++
	return o.counts[i], nil
}
