package export

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
)

// columnKind says how a value is written.
type columnKind uint8

const (
	text    columnKind = iota // whatever a source or a person wrote; guarded in CSV
	plain                     // dates, identifiers of ours and amounts: never a formula
	numeric                   // a whole number in JSON, null where there is none
)

// column is one field of a row. Its value is "" where there is none. p is nil in the
// one row of an entry without postings.
type column struct {
	name  string
	kind  columnKind
	value func(e *Entry, number int, p *Posting) string
}

// columns are the fields of a row, in the order in which they are written. The
// order is part of the format: new ones go to the end.
var columns = []column{
	{"book", plain, func(e *Entry, _ int, _ *Posting) string { return e.Book }},
	{"revision", numeric, func(e *Entry, _ int, _ *Posting) string { return strconv.FormatUint(e.Revision, 10) }},
	{"event_id", plain, func(e *Entry, _ int, _ *Posting) string { return e.EventID.String() }},
	{"kind", plain, func(e *Entry, _ int, _ *Posting) string { return e.Kind }},
	{"posting", numeric, func(_ *Entry, number int, _ *Posting) string { return strconv.Itoa(number) }},
	{"account", plain, posting(func(p *Posting) string { return string(p.Account) })},
	{"owner", plain, posting(func(p *Posting) string { return p.Owner })},
	{"purpose", plain, posting(func(p *Posting) string { return p.Purpose })},
	{"currency", plain, func(e *Entry, _ int, p *Posting) string {
		if p == nil {
			return string(e.Transaction.Currency)
		}
		return string(p.Currency)
	}},
	{"debit", plain, posting(func(p *Posting) string { return p.on(ledger.Debit) })},
	{"credit", plain, posting(func(p *Posting) string { return p.on(ledger.Credit) })},
	{"rule", plain, posting(func(p *Posting) string { return p.Rule })},
	{"effective_on", plain, func(e *Entry, _ int, _ *Posting) string { return string(e.Transaction.EffectiveOn) }},
	{"occurred_at", plain, func(e *Entry, _ int, _ *Posting) string { return instant(e.Transaction.OccurredAt) }},
	{"recorded_at", plain, func(e *Entry, _ int, _ *Posting) string { return instant(e.Transaction.RecordedAt) }},
	{"source", plain, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Source }},
	{"external_id", text, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.ExternalID }},
	{"type", plain, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Type }},
	{"method", text, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Method }},
	{"product", text, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Product }},
	{"transaction_currency", plain, func(e *Entry, _ int, _ *Posting) string {
		if e.Transaction.Type == "" {
			return ""
		}
		return string(e.Transaction.Currency)
	}},
	{"transaction_amount", plain, func(e *Entry, _ int, _ *Posting) string {
		if e.Transaction.Type == "" { // settled no transaction
			return ""
		}
		return e.Transaction.Amount.Format(e.Transaction.Currency)
	}},
	{"parties", plain, func(e *Entry, _ int, _ *Posting) string { return named(e.Transaction.Parties) }},
	{"contract", plain, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Contract }},
	{"contract_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revision(e.Transaction.ContractRevision) }},
	{"schedule", plain, func(e *Entry, _ int, _ *Posting) string { return e.Transaction.Schedule }},
	{"schedule_version", numeric, func(e *Entry, _ int, _ *Posting) string { return positive(e.Transaction.Version) }},
	{"schedule_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revision(e.Transaction.ScheduleRevision) }},
	{"engine", numeric, func(e *Entry, _ int, _ *Posting) string { return positive(e.Transaction.Engine) }},
	{"original_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revisionOf(e.Transaction.Original) }},
	{"original_external_id", text, func(e *Entry, _ int, _ *Posting) string { return idOf(e.Transaction.Original) }},
	{"reverses_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revisionOf(e.Reverses) }},
	{"reverses_source", plain, func(e *Entry, _ int, _ *Posting) string { return sourceOf(e.Reverses) }},
	{"reverses_external_id", text, func(e *Entry, _ int, _ *Posting) string { return idOf(e.Reverses) }},
	{"reason", text, func(e *Entry, _ int, _ *Posting) string { return e.Reason }},
	{"restores_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revisionOf(e.Transaction.Restores) }},
	{"restores_external_id", text, func(e *Entry, _ int, _ *Posting) string { return idOf(e.Transaction.Restores) }},
	{"adjusts_revision", numeric, func(e *Entry, _ int, _ *Posting) string { return revisionOf(e.Adjusts) }},
	{"adjusts_source", plain, func(e *Entry, _ int, _ *Posting) string { return sourceOf(e.Adjusts) }},
	{"adjusts_external_id", text, func(e *Entry, _ int, _ *Posting) string { return idOf(e.Adjusts) }},
	{"rerating", plain, func(e *Entry, _ int, _ *Posting) string { return e.Rerating }},
	{"counter", plain, closes(func(w *Window) string { return w.Counter })},
	{"window_first", plain, closes(func(w *Window) string { return string(w.First) })},
	{"window_last", plain, closes(func(w *Window) string { return string(w.Last) })},
}

// posting is a field that the row of an entry without postings leaves empty.
func posting(value func(*Posting) string) func(*Entry, int, *Posting) string {
	return func(_ *Entry, _ int, p *Posting) string {
		if p == nil {
			return ""
		}
		return value(p)
	}
}

// closes is a field that only a closing has.
func closes(value func(*Window) string) func(*Entry, int, *Posting) string {
	return func(e *Entry, _ int, _ *Posting) string {
		if e.Closes == nil {
			return ""
		}
		return value(e.Closes)
	}
}

// on is the amount where it stands on a side.
func (p *Posting) on(side ledger.Side) string {
	if p.Side != side {
		return ""
	}
	return p.Amount.Format(p.Currency)
}

// instant is "" where there is none: a release did not occur, it fell due.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func revision(r book.Revision) string {
	if n, recorded := r.Recorded(); recorded {
		return strconv.FormatUint(n, 10)
	}
	return ""
}

func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func revisionOf(o *book.Original) string {
	if o == nil {
		return ""
	}
	return strconv.FormatUint(o.Revision, 10)
}

func sourceOf(o *book.Original) string {
	if o == nil {
		return ""
	}
	return o.Source
}

func idOf(o *book.Original) string {
	if o == nil {
		return ""
	}
	return o.ExternalID
}

// named writes "operator=shop seller=p1": who stood in which role, sorted by role.
func named(parties book.Parties) string {
	var b strings.Builder
	for role, id := range parties.All() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(role + "=" + id)
	}
	return b.String()
}

// rows is a format of one row per posting; an entry without postings has one row,
// numbered 0, so that every transaction is there.
type rows interface {
	head(b []byte) []byte
	row(b []byte, e *Entry, number int, p *Posting) []byte
}

func appendRows(b []byte, format rows, e *Entry) []byte {
	if len(e.Postings) == 0 {
		return format.row(b, e, 0, nil)
	}
	for i := range e.Postings {
		b = format.row(b, e, i+1, &e.Postings[i])
	}
	return b
}

// jsonl writes a JSON object a line, every column in order.
type jsonl struct{}

func (jsonl) head(b []byte) []byte { return b }

func (jsonl) row(b []byte, e *Entry, number int, p *Posting) []byte {
	for i := range columns {
		c := &columns[i]
		b = append(b, ",{"[btoi(i == 0)], '"')
		b = append(b, c.name...)
		b = append(b, `":`...)
		switch value := c.value(e, number, p); {
		case c.kind != numeric:
			b = appendJSON(b, value)
		case value == "":
			b = append(b, "null"...)
		default:
			b = append(b, value...)
		}
	}
	return append(b, "}\n"...)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendJSON writes a string of JSON. What is not UTF-8 becomes U+FFFD.
func appendJSON(b []byte, value string) []byte {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return appendEncoded(b, value)
		}
	}
	b = append(append(b, '"'), value...)
	return append(b, '"')
}

// appendEncoded leaves the string to encoding/json.
func appendEncoded(b []byte, value string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("a string that JSON cannot hold: " + err.Error()) // there is none
	}
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// csv writes RFC 4180: a header line, lines that end in CR LF, quotes where needed.
type csv struct{}

func (csv) head(b []byte) []byte {
	for i := range columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, columns[i].name...)
	}
	return append(b, "\r\n"...)
}

func (csv) row(b []byte, e *Entry, number int, p *Posting) []byte {
	for i := range columns {
		c := &columns[i]
		if i > 0 {
			b = append(b, ',')
		}
		value := c.value(e, number, p)
		if c.kind == text && formula(value) {
			value = "'" + value
		}
		b = appendField(b, value)
	}
	return append(b, "\r\n"...)
}

// formula reports whether a spreadsheet would take a text for more than text, or a
// reader the mark that keeps it from doing so for ours: an apostrophe in front.
func formula(value string) bool {
	if value == "" {
		return false
	}
	return strings.ContainsRune("=+-@'\t\r\n＝＋－＠", []rune(value)[0])
}

func appendField(b []byte, value string) []byte {
	if !strings.ContainsAny(value, ",\"\r\n") && strings.TrimSpace(value) == value {
		return append(b, value...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(value, `"`, `""`)...)
	return append(b, '"')
}

// Columns lists the names of the fields of a row, in order.
func Columns() []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].name
	}
	return names
}
