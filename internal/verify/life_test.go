package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/internal/verify"
	"github.com/jeongsan/jeongsan/projections"
)

// A schedule with money that is held, converted and settled at the end of periods,
// and a calendar for it.
const (
	lasting = `{"schedule":"lasting","version":1,"effective_from":"2026-01-01","funds":{"role":"bank"},"rounding_difference":{"role":"house"},
	"inputs":[{"name":"mid","type":"number","default":"1.25"}],
	"parameters":[{"name":"least","amounts":{"USD":"8","KRW":"9000","KWD":"2.5"}}],
	"accumulators":[
		{"name":"volume","measure":"gross","key":["seller"],"window":"calendar_month"},
		{"name":"carried","measure":"0","key":["seller"],"window":"calendar_month"},
		{"name":"months","measure":"0","key":["seller"],"window":"calendar_month"},
		{"name":"weekly","measure":"1","window":"day","scope":"schedule"}],
	"rules":[
		{"id":"fee","to":{"role":"house"},"percent":"10","refund":"kept"},
		{"id":"reserve","to":{"role":"seller","purpose":"reserve"},"percent":"20","hold":{"business_days":2,"calendar":"kr"}},
		{"id":"parts","split":{"of":"gross * 0.1","parts":[{"id":"a","to":{"role":"seller","purpose":"pending"},"weight":"2"},{"id":"b","to":{"role":"office","purpose":"pending"},"weight":"1"}]},"hold":{"weekly":{"ends":"friday"},"days":1,"roll":"modified_following","calendar":"kr"}},
		{"id":"abroad","to":{"role":"seller","purpose":"pending"},"percent":"15","convert":{"to":"EUR","mid":"mid","rate":"mid * 0.97","via":{"role":"house"},"spread_to":{"role":"house"},"rounding":{"mode":"half_even"}},"hold":{"monthly":{"day":31,"months":0}}},
		{"id":"topup","to":{"role":"seller","purpose":"reserve"},"percent":"3"},
		{"id":"dispute","to":{"role":"house"},"on":"refund","when":"type == \"chargeback\"","flat":{"USD":"1.50","KRW":"1500","KWD":"0.500"},"at_most":"gross"},
		{"id":"rest","to":{"role":"seller"},"rest":true}],
	"recourse":[{"role":"seller","from":["reserve","pending"],"when":"type == \"chargeback\""},{"role":"office","from":["pending"]}],
	"periods":[
		{"id":"month_end","of":"volume","grace_days":1,"values":[{"name":"base","is":"volume + carried"}],
		 "entries":[
			{"id":"share","from":{"role":"house"},"to":{"role":"seller"},"of":"max(0, base)","tiers":{"mode":"marginal","steps":[{"up_to":"100","percent":"2"},{"up_to":"500","percent":"1.5","flat":{"USD":"0.10","KRW":"1","KWD":"0.001"}},{"percent":"1"}]}},
			{"id":"guarantee","from":{"role":"house"},"to":{"role":"seller"},"amount":"least - lines.share","at_least":"0"},
			{"id":"desk","when":"volume > 50","from":{"role":"seller"},"to":{"role":"house"},"flat":{"USD":"0.39","KRW":"390","KWD":"0.039"},"per_unit":{"units":"2","price_is":"0.5"}}],
		 "carry":[{"accumulator":"carried","is":"min(0, base - 200)"}]},
		{"id":"month_count","of":"volume","when":"volume > 20","carry":[{"accumulator":"months","is":"months + 1"}]},
		{"id":"day_end","of":"weekly","entries":[{"id":"count","from":{"role":"house"},"to":{"role":"office"},"percent":"weekly * 3","of":"weekly"}]}]}`
	korean = `{"calendar":"kr","version":1,"first_year":2026,"last_year":2026,"weekend":["saturday","sunday"],"holidays":[{"on":"2026-03-02","name":"in lieu"},{"on":"2026-05-05"}],"workdays":[{"on":"2026-03-14"}]}`
)

// live signs the contract of the schedule in a book of its own.
func (r *rig) live() {
	r.t.Helper()
	var kr calendar.Document
	require.NoError(r.t, json.Unmarshal([]byte(korean), &kr))
	r.must(calendar.PublishCalendar{Document: kr})
	var d fee.Document
	require.NoError(r.t, json.Unmarshal([]byte(lasting), &d))
	r.must(schedule.PublishSchedule{Document: d})
	r.must(contract.SignContract{Terms: contract.Terms{
		Contract: "life", Book: "life", Schedule: "lasting", Zone: "Asia/Seoul", From: "2026-01-01", Until: "2026-06-01", Parameters: map[string]string{"least.USD": "7.50"},
		Parties: map[string]string{"bank": "bank", "house": "house", "office": "office"},
	}})
}

func (r *rig) send(id, typ, original, on string, amount int64, currency money.Currency, seller string) command.Reply {
	at, err := time.Parse(time.DateOnly, on)
	require.NoError(r.t, err)
	return r.reply(book.SettleTransaction{
		Transaction: book.Transaction{
			Key: book.Key{Source: "pg", ExternalID: id}, Book: "life", ContentHash: "1:00", Type: typ, OccurredAt: at, Parties: map[string]string{"seller": seller},
			Currency: currency, Amount: money.New(amount, currency.Exponent()), OriginalID: original,
		},
		Policy: book.Policy{Await: true, SettleUnmatched: true},
	})
}

func (r *rig) undo(id, target, on string) command.Reply {
	at, err := time.Parse(time.DateOnly, on)
	require.NoError(r.t, err)
	return r.reply(book.ReverseEntry{
		Key: book.Key{Source: "pg", ExternalID: id}, Book: "life", ContentHash: "1:00", Target: book.Key{Source: "pg", ExternalID: target}, Reason: "wrong", OccurredAt: at,
		Policy: book.Policy{Await: true},
	})
}

func (r *rig) reply(c domain.Command) command.Reply {
	return r.door.Do(r.t.Context(), command.Request{Command: c, Meta: eventstore.Meta{Actor: "operator:kim", Authenticated: "none"}})[0]
}

// applied requires replies without an error.
func (r *rig) applied(replies ...command.Reply) {
	r.t.Helper()
	for _, reply := range replies {
		require.NoError(r.t, reply.Err)
	}
}

// advance takes the book to a date, day by day.
func (r *rig) advance(from, to string) {
	r.t.Helper()
	for date := domain.Date(from); date <= domain.Date(to); {
		for {
			reply := r.reply(book.AdvanceBusinessDate{Book: "life", Date: date})
			require.NoError(r.t, reply.Err, date)
			if reply.Outcome == command.Replayed {
				break
			}
		}
		next, err := calendar.AddDays(date, 1)
		require.NoError(r.t, err)
		date = next
	}
}

// events reads the events of the book.
func (r *rig) events() (events []domain.Event) {
	for recorded, err := range r.store.ReadStream(r.t.Context(), "book-life", eventstore.Forwards, 0, eventstore.Unlimited) {
		require.NoError(r.t, err)
		event, err := eventstore.Decode(recorded)
		require.NoError(r.t, err)
		events = append(events, event)
	}
	return events
}

// settledAs finds a settlement with its revision.
func (r *rig) settledAs(id string) (book.TransactionSettled, uint64) {
	for revision, event := range r.events() {
		if s, ok := event.(book.TransactionSettled); ok && s.ExternalID == id {
			return s, uint64(revision)
		}
	}
	require.Fail(r.t, "not settled", id)
	return book.TransactionSettled{}, 0
}

// restate posts a re-rating that gives the house a dollar more of a sale.
func (r *rig) restate(id, sale string, replaces uint64) command.Reply {
	s, revision := r.settledAs(sale)
	if replaces == 0 {
		replaces = revision
	}
	one := money.New(100, 2)
	plus := func(a, b money.Amount) money.Amount {
		sum, err := a.Add(b)
		require.NoError(r.t, err)
		return sum
	}
	lines, postings := append([]fee.Line{}, s.Explanation...), append([]ledger.Posting{}, s.Postings...)
	for i := range lines {
		switch lines[i].Rule {
		case "fee":
			lines[i].Amount = plus(lines[i].Amount, one)
			lines[i].Exact = lines[i].Amount.String()
		case "rest":
			lines[i].Amount = plus(lines[i].Amount, one.Neg())
			lines[i].Exact = lines[i].Amount.String()
		}
	}
	for i := range postings {
		switch p := &postings[i]; p.Account {
		case "house/payable/USD":
			p.Amount = plus(p.Amount, one)
		case ledger.AccountID(s.Parties.Party("seller") + "/payable/USD"):
			p.Amount = plus(p.Amount, one.Neg())
		}
	}
	key := s.Key
	difference := []book.AdjustmentPosting{
		{Posting: ledger.Posting{Account: ledger.Account(s.Parties.Party("seller"), "payable", "USD"), Side: ledger.Debit, Amount: one}},
		{Posting: ledger.Posting{Account: "house/payable/USD", Side: ledger.Credit, Amount: one}},
	}
	return r.reply(book.PostAdjustment{
		Key: book.Key{Source: "rerating", ExternalID: id}, Book: "life", ContentHash: "1:00", Adjusts: &key, Reason: "the rate was wrong", OccurredAt: r.now, EffectiveOn: s.EffectiveOn,
		Postings: difference,
		Restates: &book.Restatement{
			Rerating: id, Replaces: replaces, Contract: s.Contract, ContractRevision: s.ContractRevision, Schedule: s.Schedule, ScheduleRevision: s.ScheduleRevision,
			Version: s.Version, Engine: s.Engine, Parties: s.Parties, Counts: s.Counts, Conversions: s.Conversions, Explanation: lines, Postings: postings, Holds: s.Holds,
		},
	})
}

// lifetime is a history with one of everything that lasts.
func (r *rig) lifetime() {
	r.t.Helper()
	r.live()
	r.applied(
		r.send("s1", "sale", "", "2026-02-26", 10000, "USD", "s-1"),
		r.send("s2", "sale", "", "2026-02-27", 12345, "USD", "s-1"),
		r.send("s3", "sale", "", "2026-02-27", 50000, "KRW", "s-2"),
		r.send("r1", "refund", "s1", "2026-02-28", -2500, "USD", "s-1"),
	)
	r.advance("2026-03-02", "2026-03-03") // the first half of s1's reserve, the 2nd was a holiday
	r.applied(
		r.send("r2", "refund", "s1", "2026-03-03", -2500, "USD", "s-1"), // of which a part has been released
		r.send("cb1", "chargeback", "s2", "2026-03-03", -12345, "USD", "s-1"),
		r.send("won1", "chargeback_won", "cb1", "2026-03-04", 12345, "USD", "s-1"),
		r.undo("x-won1", "won1", "2026-03-04"),
		r.send("s4", "sale", "", "2026-03-04", 40000, "USD", "s-2"),
		r.send("s5", "sale", "", "2026-03-04", 20000, "USD", "s-2"),
		r.undo("x-s5", "s5", "2026-03-04"),
		r.send("r-early", "refund", "s-late", "2026-03-04", -1000, "USD", "s-2"),
		r.undo("x-early", "s-later", "2026-03-04"),
		r.send("s-late", "sale", "", "2026-03-04", 3000, "USD", "s-2"),
		r.send("s-later", "sale", "", "2026-03-04", 3000, "USD", "s-2"),
		r.send("r-never", "refund", "s-never", "2026-03-04", -1000, "USD", "s-2"),
		r.restate("re-1", "s4", 0),
		r.send("r-s4", "refund", "s4", "2026-03-04", -10000, "USD", "s-2"),
		r.reply(book.PostAdjustment{
			Key: book.Key{Source: "desk", ExternalID: "a1"}, Book: "life", ContentHash: "1:00", Adjusts: &book.Key{Source: "pg", ExternalID: "s4"}, Reason: "goodwill",
			OccurredAt: r.now, EffectiveOn: "2026-03-04",
			Postings: []book.AdjustmentPosting{
				{Posting: ledger.Posting{Account: "house/payable/USD", Side: ledger.Debit, Amount: money.New(500, 2)}},
				{Posting: ledger.Posting{Account: "s-2/reserve/USD", Side: ledger.Credit, Amount: money.New(500, 2)}, HoldUntil: "2026-03-20", Into: "payable"},
			},
		}),
	)
	r.advance("2026-03-04", "2026-04-03")
	r.applied(
		r.undo("x-r-s4", "r-s4", "2026-04-03"),
		r.undo("x-s4", "s4", "2026-04-03"), // as it was restated, with what has been released since
		r.send("s6", "sale", "", "2026-03-30", 9900, "USD", "s-1"),
		r.send("s7", "sale", "", "2026-04-20", 9900, "USD", "s-1"), // held beyond the last date
	)
	r.advance("2026-04-04", "2026-04-08")
}

// copyAside copies the tables of the read models and returns a function that puts
// them back.
func copyAside(t *testing.T, pool *pgxpool.Pool) (restore func()) {
	var script strings.Builder
	for i, table := range []string{
		"hold.slices", "hold.releases", "hold.dates", "transaction.steps", "transaction.awaiting", "transaction.counters", "transaction.transactions",
		"transaction.links", "directory.calendars",
	} {
		_, err := pool.Exec(t.Context(), fmt.Sprintf("CREATE TABLE aside_%d AS TABLE %s", i, table))
		require.NoError(t, err)
		fmt.Fprintf(&script, "TRUNCATE %s; INSERT INTO %s SELECT * FROM aside_%d;\n", table, table, i)
	}
	return func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), script.String())
		require.NoError(t, err)
	}
}

func heldOf(report verify.Report) map[string]uint64 {
	held := map[string]uint64{}
	for _, c := range report.Checks {
		held[c.Name] = c.Checked
	}
	return held
}

var lastingChecks = []string{
	"postings follow from the lines", "conversions follow from their rates", "held money follows from the schedule", "business dates in order",
	"held money released in full, on its date", "windows closed once, as their periods say", "adjustments add up", "what waits is carried out as it was sent",
}

// What the door makes of money that is held, released, converted, disputed, adjusted
// and settled at the end of periods must hold before the second opinion.
func TestLifeOfMoney(t *testing.T) {
	r := newRig(t, 1)
	r.lifetime()
	report, err := verify.Verify(t.Context(), verify.Config{Store: r.store})
	require.NoError(t, err)
	held := heldOf(report)
	for _, name := range lastingChecks {
		require.NotZero(t, held[name], name)
	}
	require.EqualValues(t, 1, report.Counts.Awaiting)
	require.EqualValues(t, 1, report.Counts.Restated)
	require.Contains(t, report.String(), "2 adjustments (1 restate a settlement), 1 waiting for their original, 1 calendar versions\n")
	require.Contains(t, report.Outcomes, verify.Outcome{Outcome: "awaiting", Book: "life", Source: "pg", Type: "refund", Currency: "USD", Count: 1, Amount: "-10"})
}

// So must what the read models make of it.
func TestLifeOfMoneyInPostgres(t *testing.T) {
	r := newRig(t, 1)
	r.lifetime()
	pool := testkit.Database(t)
	runner := projections.NewRunner(projections.Config{Store: r.store, Pool: pool, Identity: r.identity, Logger: quiet})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	last, err := r.store.LastPosition(ctx)
	require.NoError(t, err)
	require.NoError(t, runner.Await(ctx, last))
	cancel()
	require.NoError(t, <-done)
	report, err := verify.Verify(t.Context(), verify.Config{Store: r.store, Pool: pool})
	require.NoError(t, err)
	held := heldOf(report)
	for _, name := range append([]string{"releases and closings equal the log", "what waits equals the log", "held money equals the log"}, lastingChecks...) {
		require.NotZero(t, held[name], name)
	}
	restore := copyAside(t, pool)
	for name, test := range map[string]struct{ sql, check, says string }{
		"slice changed":          {`UPDATE hold.slices SET amount = amount + 0.01 WHERE account = 's-1/pending/EUR'`, "held money equals the log", "amount"},
		"slice moved":            {`UPDATE hold.slices SET due_on = due_on + 1 WHERE account = 's-1/pending/EUR'`, "held money equals the log", "s-1/pending/EUR of book life"},
		"slice lost":             {`DELETE FROM hold.slices`, "held money equals the log", "no row"},
		"release changed":        {`UPDATE hold.releases SET amount = amount + 0.01 WHERE account = 's-2/reserve/USD'`, "held money equals the log", "hold.releases"},
		"release lost":           {`DELETE FROM hold.releases WHERE account = 's-2/reserve/USD'`, "held money equals the log", "s-2/reserve/USD"},
		"release of another day": {`UPDATE hold.releases SET business_date = business_date + 1`, "held money equals the log", "business_date"},
		"business date":          {`UPDATE hold.dates SET business_date = business_date - 1`, "held money equals the log", "business_date 2026-04-08"},
		"business date lost":     {`DELETE FROM hold.dates`, "held money equals the log", "hold.dates life"},
		"closing lost":           {`DELETE FROM transaction.steps WHERE kind = 'closing'`, "releases and closings equal the log", "none"},
		"closing of another":     {`UPDATE transaction.steps SET counter = 'x' WHERE kind = 'closing'`, "releases and closings equal the log", "counter x"},
		"release seen":           {`UPDATE transaction.steps SET parties = '{s-1}' WHERE kind = 'release'`, "releases and closings equal the log", "parties"},
		"waiting lost":           {`DELETE FROM transaction.awaiting`, "what waits equals the log", "r-never"},
		"waiting for another":    {`UPDATE transaction.awaiting SET original_external_id = 'x'`, "what waits equals the log", "original_external_id s-never"},
		"counter open again":     {`UPDATE transaction.counters SET closed_by = NULL WHERE name = 'volume'`, "counters equal the log", "closed_by"},
		"counter closes later":   {`UPDATE transaction.counters SET closes = closes + 1 WHERE name = 'volume'`, "counters equal the log", "closes"},
		"reason":                 {`UPDATE transaction.transactions SET reason = '' WHERE kind = 'adjustment'`, "transactions equal the log", "reason"},
		"restoration":            {`DELETE FROM transaction.links WHERE kind = 'restoration'`, "links equal the log", "restoration"},
		"restatement":            {`UPDATE transaction.links SET kind = 'adjustment' WHERE kind = 'restatement'`, "links equal the log", "no such link"},
		"calendar":               {`UPDATE directory.calendars SET document = jsonb_set(document, '{last_year}', '2027')`, "directory equals the log", "document"},
	} {
		t.Run(name, func(t *testing.T) {
			defer restore()
			tag, err := pool.Exec(t.Context(), test.sql)
			require.NoError(t, err)
			require.NotZero(t, tag.RowsAffected(), "the fault was not planted")
			report, err := verify.Verify(t.Context(), verify.Config{Store: r.store, Pool: pool, Wait: time.Millisecond})
			require.Error(t, err)
			require.NotNil(t, report.Difference, err.Error())
			require.Equal(t, test.check, report.Difference.Check, err.Error())
			require.Contains(t, err.Error(), test.says)
		})
	}
}
