package sim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// file is a delivery with its bytes.
type file struct {
	source *sourceSpec
	name   string
	data   []byte
	facts  *auditor.Delivery
}

func (f *file) delivery() *collect.Delivery {
	return collect.NewDelivery(f.name, bytes.NewReader(f.data), int64(len(f.data)))
}

// definition is the YAML of a source.
func (s *sourceSpec) definition() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source: %s\n", s.id)
	if s.format == "ndjson" {
		b.WriteString("format: { ndjson: {} }\n")
	} else {
		fmt.Fprintf(&b, "format: { csv: { columns: [%s] } }\n", strings.Join(columns, ", "))
	}
	identity, at := "id: row.id", `time(row.at, "%Y-%m-%d %H:%M", "UTC")`
	if s.format == "units" {
		identity = "unit: row.id"
	}
	if s.format == "ndjson" {
		at = "row.at"
	}
	fmt.Fprintf(&b, `identity: { %s }
volatile: [sent]
transaction:
  book: '"%s"'
  type: row.type
  method: row.method
  product: row.product
  occurred_at: %s
  currency: row.currency
  amount: decimal(row.amount)
  original: row.refund_of
  parties: { seller: row.seller, affiliate: row.affiliate }
  attributes: { grade: row.grade }
ignore:
  - { rule: test_order, when: 'row.product == "test"' }
  - { rule: cash_desk, when: 'row.method == "cash"' }
`, identity, s.book.id, at)
	var policy []string
	if s.registers {
		policy = append(policy, "unknown_party: register, party_kinds: { seller: seller, affiliate: affiliate }")
	}
	if s.awaits {
		policy = append(policy, "early: await")
	}
	if len(policy) > 0 {
		fmt.Fprintf(&b, "policy: { %s }\n", strings.Join(policy, ", "))
	}
	return b.String()
}

var columns = []string{"id", "at", "type", "seller", "affiliate", "method", "product", "currency", "amount", "refund_of", "grade", "sent"}

// when writes an instant as the source does.
func (s *sourceSpec) when(t time.Time) string {
	if s.format == "ndjson" {
		return t.UTC().Format(time.RFC3339)
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// drawFiles puts the records of a source into files: each once, in some order, and
// some of them again, with other content, or in files that are cut off.
func (w *world) drawFiles(s *sourceSpec) {
	groups := w.shuffled(s.groups)
	parts := 1 + w.random.IntN(3)
	for i := range parts {
		part := groups[len(groups)*i/parts : len(groups)*(i+1)/parts]
		if s.format != "units" && len(part) > 0 && w.chance(30) {
			part = append(part[:len(part):len(part)], pick(w.random, part...)) // the same record twice
		}
		w.write(s, part, false)
	}
	if w.chance(50) {
		w.write(s, w.shuffled(groups)[:1+w.random.IntN(len(groups))], false)
	}
	if w.chance(50) {
		var other [][]line
		for _, group := range w.shuffled(groups)[:1+w.random.IntN(len(groups))] {
			other = append(other, w.changedGroup(s, group))
		}
		w.write(s, other, false)
	}
	if w.chance(30) {
		w.write(s, groups, true)
	}
}

// changedGroup gives some records of a group other content.
func (w *world) changedGroup(s *sourceSpec, group []line) []line {
	out := make([]line, len(group))
	for i, l := range group {
		if out[i] = l; l.fields != nil && !l.input.Faulty && l.input.Ignored == "" && w.chance(40) {
			out[i] = w.changed(s, l)
		}
	}
	return out
}

func (w *world) shuffled(groups [][]line) [][]line {
	out := make([][]line, len(groups))
	for i, j := range w.random.Perm(len(groups)) {
		out[i] = groups[j]
	}
	return out
}

// write makes a file of groups of records, and says what each record is.
func (w *world) write(s *sourceSpec, groups [][]line, broken bool) {
	order := append([]string{}, columns...)
	w.random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	sent := fmt.Sprintf("export %d", len(w.files))
	header := ""
	if s.format != "ndjson" {
		header = strings.Join(order, ",") + "\n"
	}
	var b bytes.Buffer
	b.WriteString(header)
	f := &file{source: s, name: fmt.Sprintf("file%d", len(w.files)+1), facts: &auditor.Delivery{Source: s.id, Broken: broken}}
	garbage := map[string]int{}
	for _, group := range groups {
		for _, l := range group {
			in, raw := l.input, l.raw
			if l.fields == nil {
				garbage[raw]++
				in = auditor.Input{Source: s.id, Record: auditor.Nameless(raw, garbage[raw]), Faulty: true, Code: "malformed"}
			} else {
				raw = s.record(order, l.fields, sent)
			}
			in.Raw = header + raw + "\n"
			b.WriteString(raw + "\n")
			f.facts.Inputs = append(f.facts.Inputs, &in)
		}
	}
	f.data = b.Bytes()
	if broken || w.chance(30) {
		f.data = packed(f.data)
	}
	if broken {
		f.data = f.data[:len(f.data)-1-w.random.IntN(6)]
	}
	sum := sha256.Sum256(f.data)
	f.facts.Hash = hex.EncodeToString(sum[:])
	w.files = append(w.files, f)
	w.facts.Deliveries = append(w.facts.Deliveries, f.facts)
	if !broken {
		w.facts.Inputs = append(w.facts.Inputs, f.facts.Inputs...)
		for _, in := range f.facts.Inputs {
			if in.Ignored == "" && !in.Faulty {
				w.targets = append(w.targets, in)
			}
		}
	}
}

// record writes the fields of a record as the source does.
func (s *sourceSpec) record(order []string, fields map[string]string, sent string) string {
	value := func(name string) string {
		if name == "sent" {
			return sent
		}
		return fields[name]
	}
	var b strings.Builder
	for i, name := range order {
		if i > 0 {
			b.WriteString(",")
		}
		if s.format != "ndjson" {
			b.WriteString(value(name))
			continue
		}
		b.WriteString(strconv.Quote(name) + ": " + strconv.Quote(value(name))) // plain ASCII, so this is JSON
	}
	if s.format == "ndjson" {
		return "{" + b.String() + "}"
	}
	return b.String()
}

// packed compresses a file. Writing to memory cannot fail.
func packed(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if closing := z.Close(); err != nil || closing != nil {
		panic(fmt.Sprint(err, closing))
	}
	return b.Bytes()
}
