package rerating_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/domain/schedule"
)

var now = time.Date(2026, 8, 1, 9, 0, 0, 0, time.UTC)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
	Errorf(format string, args ...any)
}

// rig is a book with the reference data beside it: the events are what there is.
type rig struct {
	t         tester
	state     *book.State
	events    []domain.Event
	at        map[book.Key]int // of transactions
	reference *rerating.Reference
	versions  map[string]uint64
}

func newRig(t tester) *rig {
	return &rig{t: t, state: book.Decider.Initial(), at: map[book.Key]int{}, reference: rerating.NewReference(nil), versions: map[string]uint64{}}
}

func document(t tester, text string) fee.Document {
	var d fee.Document
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	return d
}

// publish adds the next version of a schedule.
func (r *rig) publish(text string) {
	r.t.Helper()
	d := document(r.t, text)
	_, err := fee.Compile(d)
	require.NoError(r.t, err)
	r.reference.Fold(domain.Stream(schedule.Category, d.Schedule), r.versions[d.Schedule], schedule.SchedulePublished{Document: d, RecordedAt: now})
	r.versions[d.Schedule]++
}

func (r *rig) sign(id, scheduleID string, parameters ...string) {
	terms := contract.Terms{Contract: id, Book: "b", Schedule: scheduleID, Zone: "UTC", From: "2026-01-01"}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		terms.Parameters = map[string]string{name: value}
	}
	r.reference.Fold(domain.Stream(contract.Category, id), 0, contract.ContractSigned{Terms: terms, RecordedAt: now})
}

func key(id string) book.Key { return book.Key{Source: "till", ExternalID: id} }

// settle settles under a contract; seller=… and other words name parties, +x=y
// attributes.
func (r *rig) settle(contractID, id, original, amount string, on domain.Date, words ...string) error {
	r.t.Helper()
	value, err := money.Parse(amount)
	require.NoError(r.t, err)
	t := book.Transaction{
		Key: key(id), Book: "b", ContentHash: "1:00", Type: "sale", OccurredAt: now, Currency: "USD", Amount: value, OriginalID: original,
		Parties: map[string]string{"pg": "pg", "hub": "hub", "seller": "maker"},
	}
	if original != "" {
		t.Type = "refund"
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch {
		case name == "type":
			t.Type = value
		case strings.HasPrefix(name, "+"):
			if t.Attributes == nil {
				t.Attributes = map[string]string{}
			}
			t.Attributes[name[1:]] = value
		default:
			t.Parties[name] = value
		}
	}
	c := book.SettleTransaction{Transaction: t, RecordedAt: now, Policy: book.Policy{SettleUnmatched: true}}
	if at, known := r.at[key(original)]; known {
		c.Original = r.stands(at)
	}
	if c.Original != nil && c.Original.Engine > fee.Engine1 {
		version, err := r.reference.Published(c.Original.Contract, c.Original.Schedule, c.Original.Version)
		require.NoError(r.t, err)
		c.Terms = &book.Terms{Contract: c.Original.Contract, Schedule: version.Schedule, Parties: c.Original.Parties, EffectiveOn: on}
	} else {
		version, err := r.reference.Present(contractID, on)
		require.NoError(r.t, err)
		c.Terms = &book.Terms{
			Contract: contractID, Schedule: version.Schedule, EffectiveOn: on,
			Parties: book.PartiesOf(t.Parties, func(string) book.Revision { return 0 }),
		}
	}
	return r.do(c)
}

func (r *rig) settled(contractID, id, original, amount string, on domain.Date, words ...string) {
	r.t.Helper()
	require.NoError(r.t, r.settle(contractID, id, original, amount, on, words...), id)
}

// stands gives a transaction as the door would hand it on.
func (r *rig) stands(at int) *book.TransactionSettled {
	e, is := r.events[at].(book.TransactionSettled)
	if !is {
		return nil
	}
	if record, _, _ := r.state.Record(e.Key); record.RestatedBy != 0 {
		by := r.events[record.RestatedBy].(book.AdjustmentPosted)
		return book.Restated(&e, &by)
	}
	return &e
}

func (r *rig) reverse(id, target string) error {
	return r.do(book.ReverseEntry{
		Key: key(id), Book: "b", ContentHash: "1:00", Target: key(target), Reason: "wrong", OccurredAt: now,
		Reversed: r.stands(r.at[key(target)]), EffectiveOn: "2026-08-01", RecordedAt: now,
	})
}

// advance takes the book to a date.
func (r *rig) advance(date domain.Date) {
	r.t.Helper()
	for step := 0; ; step++ {
		require.Less(r.t, step, 1000)
		before := len(r.events)
		require.NoError(r.t, r.do(book.AdvanceBusinessDate{
			Book: "b", Date: date, RecordedAt: now,
			Close: func(*book.State, string) (*book.Closing, error) { return nil, fmt.Errorf("no windows here") },
		}))
		if len(r.events) == before {
			return
		}
	}
}

func (r *rig) do(c domain.Command) error {
	events, err := book.Decider.Decide(r.state, c)
	if err != nil {
		return err
	}
	for _, event := range events {
		switch e := event.(type) {
		case book.TransactionSettled:
			r.at[e.Key] = len(r.events)
		case book.EntryReversed:
			r.at[e.Key] = len(r.events)
		}
		r.events = append(r.events, event)
		r.state = book.Decider.Evolve(r.state, event)
		require.NoError(r.t, r.state.Err())
	}
	return nil
}

// memoryLog is the events up to now.
type memoryLog []domain.Event

func (l memoryLog) All() iter.Seq2[domain.Event, error] {
	return func(yield func(domain.Event, error) bool) {
		for _, event := range l {
			if !yield(event, nil) {
				return
			}
		}
	}
}

func (l memoryLog) At(revision uint64) (domain.Event, error) { return l[revision], nil }

func whole() rerating.Scope { return rerating.Scope{Book: "b", From: "2026-05-01", To: "2026-05-31"} }

// preview lists the changes: "<id> <account> <signed amount> …", a held leg with
// its date.
func (r *rig) preview(scope rerating.Scope) ([]string, *rerating.Summary) {
	r.t.Helper()
	var lines []string
	summary, err := rerating.Rate(scope, memoryLog(r.events), r.reference, func(c *rerating.Change) error {
		lines = append(lines, describe(c.Transaction.ExternalID, c.Legs))
		return nil
	})
	require.NoError(r.t, err)
	return lines, summary
}

func describe(id string, legs []book.AdjustmentPosting) string {
	for _, leg := range legs {
		sign := "+"
		if leg.Side == ledger.Debit {
			sign = "-"
		}
		id += " " + strings.TrimSuffix(string(leg.Account), "/USD") + sign + leg.Amount.String()
		if leg.HoldUntil != "" {
			id += "@" + string(leg.HoldUntil)
		}
	}
	return id
}

// rerate posts what differs and says how many did.
func (r *rig) rerate(id string, scope rerating.Scope) int {
	r.t.Helper()
	operation := rerating.Operation{ID: id, Reason: "corrected", OccurredAt: now, EffectiveOn: "2026-08-01"}
	require.NoError(r.t, operation.Check())
	n := 0
	_, err := rerating.Rate(scope, memoryLog(r.events[:len(r.events):len(r.events)]), r.reference, func(c *rerating.Change) error {
		n++
		return r.post(&operation, c)
	})
	require.NoError(r.t, err)
	return n
}

func (r *rig) post(operation *rerating.Operation, c *rerating.Change) error {
	command, err := operation.Command("b", c)
	if err != nil {
		return err
	}
	command.RecordedAt = now
	return r.do(command)
}

// balance is credits less debits of an account in USD.
func (r *rig) balance(account string) string {
	r.t.Helper()
	net, err := r.state.Balance(ledger.AccountID(account + "/USD")).NetOn(ledger.Credit)
	require.NoError(r.t, err)
	return net.In("USD").String()
}

func (r *rig) balances(want map[string]string) {
	r.t.Helper()
	for account, amount := range want {
		require.Equal(r.t, amount, r.balance(account), account)
	}
}

var _ tester = (*testing.T)(nil)
