package collect

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// Report is what became of one delivery. Its counts and totals add up: read is
// the sum of the outcomes.
type Report struct {
	Source   string `json:"source"`
	Version  int    `json:"version"`  // of the definition
	Delivery string `json:"delivery"` // SHA-256, hex
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`

	Counts source.Counts `json:"counts"`
	// Reversed is the part of Counts.Settled that took back a transaction, and Awaiting
	// the part that posts once its original has come.
	Reversed uint64 `json:"reversed,omitempty"`
	Awaiting uint64 `json:"awaiting,omitempty"`
	// StillQuarantined is the part of Counts.Replayed that lay in quarantine
	// before and could not be settled now either.
	StillQuarantined uint64 `json:"still_quarantined"`
	// Released is the part of Counts.Settled, Replayed and Ignored that left the
	// quarantine.
	Released uint64 `json:"released"`
	// Unmapped counts records whose amount or currency could not be read; they
	// are in no total.
	Unmapped uint64 `json:"unmapped"`

	// Totals are the control totals by currency, sorted.
	Totals []source.Total `json:"totals"`
	// Faults counts the records that were not settled by reason, the most frequent
	// first. Beyond 200 reasons the last line has the rest, so that all of them are
	// counted: Counts.Quarantined and StillQuarantined.
	Faults   []FaultCount `json:"faults,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`

	// Position is the place in the log up to which this delivery's effects stand.
	Position eventstore.Position `json:"position"`
	// Seconds is how long it took, both readings included.
	Seconds float64 `json:"seconds"`
}

// Rate is records per second.
func (r *Report) Rate() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Counts.Read) / r.Seconds
}

// FaultCount counts records that were not settled for the same reason.
type FaultCount struct {
	Code    domain.Code `json:"code"`
	Field   string      `json:"field,omitempty"`
	Message string      `json:"message"`
	Remedy  string      `json:"remedy,omitempty"`
	Records uint64      `json:"records"`
	// First is the number of the first such record in the delivery, from 1.
	First uint64 `json:"first"`
	// Delivery is the delivery of that record, where it is not the one reported on.
	Delivery string `json:"delivery,omitempty"`
}

// Progress is how far an ingest has come.
type Progress struct {
	// Phase is "check" for the first reading and "settle" for the second.
	Phase   string        `json:"phase"`
	Bytes   int64         `json:"bytes"`
	Total   int64         `json:"total"`
	Records uint64        `json:"records"`
	Elapsed time.Duration `json:"elapsed_ns"`
}

// The phases of an ingest.
const (
	PhaseCheck  = "check"
	PhaseSettle = "settle"
)

// outcome is what became of a record.
type outcome int

const (
	settled outcome = iota
	replayed
	quarantined
	ignored
	outcomes
)

// tally builds the counts and totals of a report.
type tally struct {
	report *Report
	sums   map[money.Currency]*[outcomes]sum
	faults map[string]*FaultCount
	// rest counts what has none of the reasons in faults, and other how many
	// different reasons it has.
	rest  FaultCount
	other map[uint64]struct{}
	seed  maphash.Seed
}

func newTally(report *Report) *tally {
	return &tally{report: report, sums: map[money.Currency]*[outcomes]sum{}, faults: map[string]*FaultCount{}, other: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
}

// add counts one record. Every record is read by being given an outcome here,
// and close compares with the number that was counted independently.
func (t *tally) add(it *item, what outcome) {
	c := &t.report.Counts
	c.Read++
	switch what {
	case settled:
		c.Settled++
		if it.reversal == nil && it.amount.IsZero() {
			c.ZeroValue++
		}
	case replayed:
		c.Replayed++
	case quarantined:
		c.Quarantined++
	case ignored:
		if c.Ignored == nil {
			c.Ignored = map[string]uint64{}
		}
		c.Ignored[it.ignored]++
	}
	if !it.mapped {
		t.report.Unmapped++
		return
	}
	sums := t.sums[it.currency]
	if sums == nil {
		sums = new([outcomes]sum)
		t.sums[it.currency] = sums
	}
	sums[what].add(it.amount)
}

// detail counts what a record that has settled now came to.
func (t *tally) detail(it *item, reply *command.Reply) {
	switch {
	case reply.Awaiting:
		t.report.Awaiting++
	case it.reversal != nil:
		t.report.Reversed++
	}
}

const (
	mostFaults   = 200     // reasons listed
	mostDistinct = 100_000 // reasons told apart beyond those: what that takes of memory is bounded
	codeOther    = domain.Code("other")
)

// fault counts a record that was not settled, by its number in its delivery;
// delivery is empty where it is the one reported on.
func (t *tally) fault(number uint64, delivery string, e *domain.Error) {
	key := string(e.Code) + "\x00" + e.Field + "\x00" + e.Message
	if known := t.faults[key]; known != nil {
		known.Records++
		return
	}
	if len(t.faults) < mostFaults {
		t.faults[key] = &FaultCount{Code: e.Code, Field: e.Field, Message: e.Message, Remedy: e.Remedy, Records: 1, First: number, Delivery: delivery}
		return
	}
	if t.rest.Records == 0 {
		t.rest = FaultCount{Code: codeOther, Remedy: "list the quarantine: each record has its reason there", First: number, Delivery: delivery}
	}
	t.rest.Records++
	if len(t.other) < mostDistinct {
		t.other[maphash.String(t.seed, key)] = struct{}{}
	}
}

// reasonsOf is the number of records that have a reason.
func reasonsOf(faults []FaultCount) (records uint64) {
	for _, f := range faults {
		records += f.Records
	}
	return records
}

func (t *tally) sortedFaults() []FaultCount {
	var out []FaultCount
	for _, f := range t.faults {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b FaultCount) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.First, b.First), cmp.Compare(a.Message, b.Message))
	})
	if t.rest.Records > 0 {
		rest, atLeast := t.rest, ""
		if len(t.other) == mostDistinct {
			atLeast = "at least "
		}
		rest.Message = fmt.Sprintf("other reasons (%s%d distinct not listed)", atLeast, len(t.other))
		out = append(out, rest)
	}
	return out
}

// close fills the totals. expected is the number of records that the first
// reading counted; a difference is a fault of the program, never passed over.
func (t *tally) close(expected uint64) error {
	for currency, sums := range t.sums {
		all := decimal.Zero
		for i := range sums {
			all = all.Add(sums[i].decimal())
		}
		text := func(o outcome) string { return fixed(sums[o].decimal(), currency) }
		t.report.Totals = append(t.report.Totals, source.Total{
			Currency: currency, Read: fixed(all, currency), Settled: text(settled), Replayed: text(replayed),
			Quarantined: text(quarantined), Ignored: text(ignored), Refused: fixed(decimal.Zero, currency),
		})
	}
	slices.SortFunc(t.report.Totals, func(a, b source.Total) int { return cmp.Compare(a.Currency, b.Currency) })
	t.report.Faults = t.sortedFaults()
	sum, ok := t.report.Counts.Sum()
	reasons := reasonsOf(t.report.Faults)
	if !ok || sum != t.report.Counts.Read || t.report.Counts.Read != expected || reasons != t.report.Counts.Quarantined+t.report.StillQuarantined {
		return &domain.Error{
			Code: domain.CodeInternal, Field: "counts", Value: fmt.Sprintf("%+v", t.report.Counts),
			Message: fmt.Sprintf("the counts do not add up: %d records were counted first, %d have an outcome; %d were not settled, and have %d reasons",
				expected, sum, t.report.Counts.Quarantined+t.report.StillQuarantined, reasons),
			Remedy: "the file may have changed while it was read: run it again; if it happens twice, report it",
		}
	}
	return nil
}

// fixed writes a total with at least the currency's decimals.
func fixed(d decimal.Decimal, c money.Currency) string {
	if places := int32(c.Exponent()); -d.Exponent() < places {
		return d.StringFixed(places)
	}
	for -d.Exponent() > int32(c.Exponent()) {
		shorter := d.Truncate(-d.Exponent() - 1)
		if !shorter.Equal(d) {
			break
		}
		d = shorter
	}
	return d.StringFixed(max(-d.Exponent(), 0))
}

// sum is an exact sum that has no limit; the part that fits a word is kept in one.
type sum struct {
	small money.Amount
	big   decimal.Decimal
}

func (s *sum) add(a money.Amount) {
	next, err := s.small.Add(a)
	if err != nil {
		s.big = s.big.Add(s.small.Decimal())
		next = a
	}
	s.small = next
}

func (s *sum) decimal() decimal.Decimal { return s.big.Add(s.small.Decimal()) }
