package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// world is what one seed sends through the system: terms, sources, files, commands
// and the jobs that bring them in. It is drawn before anything runs.
type world struct {
	random *rand.Rand
	facts  auditor.World

	terms   []domain.Command // known from the beginning
	late    []domain.Command // parties and contracts that appear on the way
	books   []*bookSpec
	sources []*sourceSpec
	files   []*file
	jobs    []*job
	direct  [][]*auditor.Input // commands sent without a file, call by call
	targets []*auditor.Input   // what reversals may take back
}

// bookSpec is a book and what is sold in it.
type bookSpec struct {
	id         string
	currencies []string
}

// sourceSpec is a source of files.
type sourceSpec struct {
	id        string
	book      *bookSpec
	format    string // csv, units or ndjson
	awaits    bool   // what comes before its original waits for it
	registers bool   // parties it names are registered as they come
	text      string // of the definition
	groups    [][]line
}

// line is one record of a file before it is written.
type line struct {
	fields map[string]string // nil for bytes that are no record
	raw    string            // of such
	input  auditor.Input
}

// jobKind says what a job does.
type jobKind int

const (
	ingestFile jobKind = iota
	sendCommands
	applyLate
	retryQuarantine
	advanceDate
)

// job is one piece of work for a lane of some process.
type job struct {
	kind   jobKind
	name   string
	file   *file
	source *sourceSpec
	inputs []*auditor.Input
	late   domain.Command
	to     auditor.Advance
}

// draw makes the world of a seed.
func draw(random *rand.Rand) *world {
	w := &world{random: random, facts: auditor.World{Kinds: map[string]string{}, Unseal: func(subject string, box []byte) ([]byte, error) {
		return mask(subject, box), nil
	}}}
	w.drawTerms()
	for i, n := 0, 1+random.IntN(3); i < n; i++ {
		w.drawSource(i)
	}
	for _, s := range w.sources {
		w.drawFiles(s)
	}
	w.drawDirect()
	w.drawDates()
	w.drawJobs()
	return w
}

// chance is true once in a while.
func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

// pick draws one of a list.
func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

var zones = []string{"Asia/Seoul", "UTC", "America/Los_Angeles"}

// instant is some minute of November 2026, often close to midnight in a zone.
func (w *world) instant() time.Time {
	day := time.Date(2026, 11, 1+w.random.IntN(30), 0, 0, 0, 0, time.UTC)
	if w.chance(40) {
		return day.Add(time.Duration(pick(w.random, 8, 9, 15, 16, 0, 23)) * time.Hour).Add(time.Duration(w.random.IntN(3)-1) * time.Minute)
	}
	return day.Add(time.Duration(w.random.IntN(24*60)) * time.Minute)
}

// amount is in minor units: small, round, odd, zero or large.
func (w *world) amount() int64 {
	switch w.random.IntN(12) {
	case 0:
		return 0
	case 1, 2:
		return int64(1 + w.random.IntN(60))
	case 3:
		return int64(1+w.random.IntN(900)) * 1_000_000
	}
	return int64(100 + w.random.IntN(200_000))
}

const (
	neverParty = "s-never"
	lateParty  = "s-late"
	lateType   = "win"
	neverType  = "mystery"
)

// sale draws a transaction in a book.
func (w *world) sale(b *bookSpec, seller func() string) auditor.Transaction {
	t := auditor.Transaction{
		Book: b.id, Type: pick(w.random, "sale", "sale", "sale", "sale", "top_up"), Method: pick(w.random, "card", "bank", ""),
		Product: pick(w.random, "skin", "vip", "song", ""), At: w.instant(), Currency: pick(w.random, b.currencies...), Amount: w.amount(),
		Parties: map[string]string{"seller": seller()}, Grade: pick(w.random, "", "small", "general"),
	}
	if w.chance(40) {
		t.Parties["affiliate"] = pick(w.random, "a-1", "a-2")
	}
	switch w.random.IntN(16) {
	case 0:
		t.Type = neverType
	case 1, 2:
		t.Type = lateType
	}
	return t
}

// refund draws what gives a part of a sale back.
func (w *world) refund(of *auditor.Input) auditor.Transaction {
	t := of.Tx
	t.Returns = of.Tx.Original != ""
	t.Original, t.Type, t.At = of.Record, pick(w.random, "refund", "refund", "chargeback"), of.Tx.At.Add(time.Duration(1+w.random.IntN(5000))*time.Minute)
	if w.chance(40) {
		t.Grade = pick(w.random, "", "small")
	}
	switch whole := max(of.Tx.Amount, -of.Tx.Amount); {
	case whole == 0:
		t.Amount = -int64(w.random.IntN(2))
	case w.chance(40):
		t.Amount = -whole
	default:
		t.Amount = -(1 + w.random.Int64N(whole))
	}
	if t.Returns { // what was given back comes back
		t.Amount = -t.Amount
	}
	return t
}

// seller draws a party for sources that register nobody.
func (w *world) seller() string {
	switch w.random.IntN(20) {
	case 0:
		return neverParty
	case 1, 2:
		return lateParty
	}
	return pick(w.random, "s-1", "s-2", "s-3")
}

// drawSource draws a source with its records.
func (w *world) drawSource(n int) {
	s := &sourceSpec{
		id: fmt.Sprintf("source%d", n+1), book: pick(w.random, w.books...), format: pick(w.random, "csv", "units", "ndjson"), registers: w.chance(30), awaits: w.chance(50),
	}
	s.text = s.definition()
	w.sources = append(w.sources, s)
	seller := w.seller
	if s.registers {
		seller = func() string {
			id := fmt.Sprintf("n-%s-%d", s.id, w.random.IntN(4))
			w.facts.Kinds[id] = "seller"
			return id
		}
	}
	var inputs []auditor.Input
	for i, count := 0, 4+w.random.IntN(18); i < count; i++ {
		id := fmt.Sprintf("%s-%03d", strings.ToUpper(s.id[:1]), i)
		if s.format == "units" {
			inputs = w.unit(s, id, seller, inputs)
			continue
		}
		l := w.record(s, id, seller, inputs)
		inputs = append(inputs, l.input)
		s.groups = append(s.groups, []line{l})
	}
}

// unit draws an invoice of several lines, known by their places.
func (w *world) unit(s *sourceSpec, unit string, seller func() string, inputs []auditor.Input) []auditor.Input {
	var group []line
	place := 0
	for range 1 + w.random.IntN(4) {
		if w.chance(4) {
			group = append(group, line{raw: w.garbage(s)})
			continue
		}
		place++
		l := w.record(s, fmt.Sprintf("%s/%d", unit, place), seller, inputs)
		l.fields["id"] = unit
		if n := len(group); n > 0 && group[n-1].fields != nil && w.chance(15) {
			// An honest duplicate: the same line again, a sale of its own.
			twin := group[n-1]
			twin.input.Record = l.input.Record
			l = twin
		}
		l.input.Hash = auditor.Hash(l.fields)
		group = append(group, l)
		inputs = append(inputs, l.input)
	}
	s.groups = append(s.groups, group)
	return inputs
}

// record draws one record with an id: a sale, a refund of an earlier one, or
// something that cannot settle.
func (w *world) record(s *sourceSpec, id string, seller func() string, before []auditor.Input) line {
	if s.format != "units" && w.chance(5) {
		return line{raw: w.garbage(s)}
	}
	in := auditor.Input{Source: s.id, Record: id, Tx: w.sale(s.book, seller)}
	if len(before) > 0 && w.chance(30) {
		if of := pick(w.random, before...); of.Record != "" && of.Ignored == "" && !of.Faulty && !of.Tx.Returns {
			in.Tx = w.refund(&of)
		}
	}
	amount := auditor.Decimal(in.Tx.Amount, in.Tx.Currency)
	currency := in.Tx.Currency
	switch w.random.IntN(30) {
	case 0:
		in.Faulty, amount = true, "12x"
	case 1:
		in.Faulty, in.Code, currency = true, "unknown_currency", "ZZZ"
	case 2:
		in.Faulty, in.Code, amount = true, "too_precise", "10.00005"
	case 3:
		in.Faulty, in.Code, amount, in.Tx.Original, in.Tx.Returns = true, "missing_original", "-5", "", false
	case 4:
		if in.Tx.Original, in.Tx.Returns = "nowhere", false; !s.awaits {
			in.Faulty, in.Code = true, "missing_original"
		}
	case 5, 6:
		in.Tx.Product, in.Ignored = "test", "test_order"
	case 7:
		in.Tx.Method, in.Ignored = "cash", "cash_desk"
	}
	in.Await = s.awaits
	l := line{input: in, fields: map[string]string{
		"id": id, "at": s.when(in.Tx.At), "type": in.Tx.Type, "seller": in.Tx.Parties["seller"], "affiliate": in.Tx.Parties["affiliate"],
		"method": in.Tx.Method, "product": in.Tx.Product, "currency": currency, "amount": amount, "refund_of": in.Tx.Original, "grade": in.Tx.Grade,
	}}
	l.input.Hash = auditor.Hash(l.fields)
	return l
}

// garbage is a line that cannot be decoded.
func (w *world) garbage(s *sourceSpec) string {
	if s.format == "ndjson" {
		return pick(w.random, `{"id": "cut`, `not json`)
	}
	return pick(w.random, "too,few", "nothing here")
}

// changed gives a record other content under the same id.
func (w *world) changed(s *sourceSpec, l line) line {
	fields := make(map[string]string, len(l.fields))
	for name, value := range l.fields {
		fields[name] = value
	}
	l.input.Tx.Amount += pick(w.random, int64(1), 100, 5_000)
	switch {
	case l.input.Tx.Returns:
		l.input.Tx.Amount = max(l.input.Tx.Amount, 1)
	case l.input.Tx.Original != "":
		l.input.Tx.Amount = -max(l.input.Tx.Amount, 1)
	}
	if s.format == "ndjson" {
		l.input.Tx.At = l.input.Tx.At.Add(time.Minute)
		fields["at"] = s.when(l.input.Tx.At)
	}
	fields["amount"] = auditor.Decimal(l.input.Tx.Amount, l.input.Tx.Currency)
	l.fields, l.input.Hash = fields, auditor.Hash(fields)
	return l
}
