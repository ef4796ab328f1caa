package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/internal/verify"
	"github.com/jeongsan/jeongsan/projections"
)

// Schedules with something of everything that the second opinion works out again.
const (
	bounding = `{"schedule":"bounding","version":1,"effective_from":"2026-01-01","funds":{"role":"bank"},"rounding_difference":{"role":"house"},
	"inputs":[{"name":"grade","type":"text","one_of":["small","general"],"default":"small"},{"name":"units","type":"number","default":"1"},{"name":"due","type":"date","default":"2026-05-01"},{"name":"member","type":"truth","default":"false"}],
	"parameters":[{"name":"rate","is":"12.5%"},{"name":"cap","amounts":{"KRW":"900","USD":"7.50","KWD":"1.255"}},{"name":"months","is":"[\"3\", \"4\"]"}],
	"accumulators":[
		{"name":"year","measure":"gross / 3","key":["seller","grade"],"window":"calendar_year","starts":"2025-11-15"},
		{"name":"capped","measure":"lines.fee","key":["seller"],"window":"calendar_month"},
		{"name":"recent","measure":"units","window":{"rolling_days":5},"scope":"schedule","per_currency":false,"when":"not member and type in [\"sale\", \"refund\"]"},
		{"name":"ever","measure":"1","window":"lifetime","starts":"2026-03-05","per_currency":false},
		{"name":"quarter","measure":"exact_gross + if(member, taken, type == \"refund\", 0.5, max(1, taken))","window":"calendar_quarter","when":"weekday(on) != 7 and days(due, on) > -400 and party.seller != \"s-9\""}],
	"values":[{"name":"net","is":"round(gross / 1.1, half_even)"},{"name":"tax","is":"gross - net"},{"name":"limit","is":"max(0, cap * 3 - capped)"}],
	"rules":[
		{"id":"tax","to":{"role":"office"},"amount":"tax","refund":"pro_rata"},
		{"id":"fee","to":{"role":"house"},"percent":"rate * 100","of":"net","at_least":"min(cap / 5, gross)","at_most":"limit","rounding":{"mode":"half_even"},"refund":{"keep":"min(line, 5% * line)"}},
		{"id":"flat","to":{"role":"house"},"when":"member or year > 100000","flat":{"KRW":"10","USD":"0.05","KWD":"0.010"},"refund":"kept"},
		{"id":"steps","to":{"role":"house"},"group":"steps","when":"grade == \"general\"","tiers":{"mode":"marginal","from":"year","steps":[{"up_to":"1000","percent":"5"},{"up_to":"5000","percent":"4","flat":{"KRW":"1","USD":"0.01","KWD":"0.001"}},{"percent":"3"}]},"rounding":{"mode":"floor"}},
		{"id":"slab","to":{"role":"house"},"group":"steps","tiers":{"mode":"slab","by":"recent","steps":[{"up_to":"3","percent":"6"},{"percent":"2.5"}]},"maximum":{"KRW":"500"},"minimum":{"USD":"0.10"},"refund":"on_full"},
		{"id":"share","split":{"of":"remaining * 0.07","parts":[{"id":"a","to":{"role":"house"},"weight":"2"},{"id":"b","to":{"role":"office"},"weight":"1"},{"id":"c","to":{"role":"seller"},"weight":"if(grade == \"small\", units, member, units + 1, 2)"}]},"rounding":{"mode":"down"}},
		{"id":"first","split":{"of":"0.013 * gross","parts":[{"id":"a","to":{"role":"house"},"weight":"1"},{"id":"b","to":{"role":"office"},"weight":"1"},{"id":"c","to":{"role":"seller"},"weight":"1"}],"remainder":"first"}},
		{"id":"again","to":{"role":"office"},"percent":"1.1","refund":"re_rate","rounding":{"mode":"ceiling"}},
		{"id":"charge","to":{"role":"house"},"on":"refund","amount":"min(0.5, gross / 7)","at_most":"cap"},
		{"id":"rest","to":{"role":"seller"},"rest":true}]}`
	plain = `{"schedule":"plain","version":1,"effective_from":"2026-01-01","funds":{"role":"bank"},"rounding_difference":{"role":"house"},
	"rules":[{"id":"fee","to":{"role":"house"},"percent":"3.3","minimum":{"USD":"0.30"},"maximum":{"KRW":"1000"}},{"id":"rest","to":{"role":"seller"},"rest":true}]}`
)

// rig is the real door over a log in memory.
type rig struct {
	t        *testing.T
	store    eventstore.Store
	identity eventstore.Identity
	door     *command.Local
	random   *rand.Rand
	now      time.Time
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func newRig(t *testing.T, seed uint64) *rig {
	r := &rig{t: t, store: memory.New(), random: rand.New(rand.NewPCG(seed, 5)), now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	t.Cleanup(func() { require.NoError(t, r.store.Close()) })
	var err error
	r.identity, err = eventstore.Identify(t.Context(), r.store)
	require.NoError(t, err)
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	r.door, err = command.Open(t.Context(), command.Config{
		Store: r.store, Identity: r.identity, Keys: keys, IndexDir: filepath.Join(t.TempDir(), "index"),
		Logger: quiet, Now: func() time.Time { r.now = r.now.Add(time.Second); return r.now },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.door.Close()) })
	r.terms()
	return r
}

func (r *rig) do(c domain.Command) *domain.Error {
	r.t.Helper()
	reply := r.door.Do(r.t.Context(), command.Request{Command: c, Meta: eventstore.Meta{Actor: "operator:kim", Authenticated: "none"}})[0]
	var refusal *domain.Error
	if reply.Err != nil {
		require.ErrorAs(r.t, reply.Err, &refusal)
	}
	return refusal
}

func (r *rig) must(c domain.Command) {
	r.t.Helper()
	if err := r.do(c); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) terms() {
	r.t.Helper()
	for _, id := range []string{"bank", "house", "office", "s-1", "s-2", "s-9"} {
		r.must(party.RegisterParty{Party: id, Kind: party.Seller, Country: "KR"})
	}
	for _, text := range []string{bounding, plain} {
		var d fee.Document
		require.NoError(r.t, json.Unmarshal([]byte(text), &d))
		r.must(schedule.PublishSchedule{Document: d})
	}
	sign := func(id, schedule string, from, until domain.Date, priority int, parameters map[string]string, applies contract.Applies) {
		r.must(contract.SignContract{Terms: contract.Terms{
			Contract: id, Book: "main", Schedule: schedule, Zone: "Asia/Seoul", From: from, Until: until, Priority: priority, Parameters: parameters, Applies: applies,
			Parties: map[string]string{"bank": "bank", "house": "house", "office": "office"},
		}})
	}
	sign("usual", "bounding", "2026-01-01", "", 0, nil, contract.Applies{})
	sign("promotion", "bounding", "2026-03-10", "2026-03-20", 1, map[string]string{"rate": "1%", "cap.USD": "0.75", "cap.KRW": "2000"}, contract.Applies{})
	sign("old", "plain", "2026-01-01", "", 2, nil, contract.Applies{Products: []string{"old"}})
}

// history settles, gives back and reverses at random, and returns how much of each
// was taken.
func (r *rig) history(n int) map[string]int {
	r.t.Helper()
	taken := map[string]int{}
	var sales []book.Transaction
	one := func(list ...string) string { return list[r.random.IntN(len(list))] }
	for i := range n {
		key := book.Key{Source: "pg", ExternalID: fmt.Sprintf("t-%d", i)}
		at := time.Date(2026, 3, 1+r.random.IntN(30), r.random.IntN(24), 0, 0, 0, time.UTC)
		if len(sales) > 0 && r.random.IntN(12) == 0 {
			c := book.ReverseEntry{Key: key, Book: "main", ContentHash: "1:00", Target: sales[r.random.IntN(len(sales))].Key, Reason: "wrong", OccurredAt: at}
			if r.do(c) == nil {
				taken["reversed"]++
			}
			continue
		}
		t := book.Transaction{
			Key: key, Book: "main", ContentHash: "1:00", Type: one("sale", "sale", "top_up"), Method: one("card", ""), Product: one("new", "old", ""), OccurredAt: at,
			Parties: map[string]string{"seller": one("s-1", "s-2", "s-9")}, Currency: money.Currency(one("KRW", "USD", "KWD")),
			Attributes: map[string]string{"grade": one("small", "general", ""), "units": one("0", "1", "2.5", "3"), "member": one("true", "false"), "due": one("2026-04-02", "2025-01-01"), "other": "x"},
		}
		t.Amount = money.New(int64(r.random.IntN(400_000)), t.Currency.Exponent())
		if r.random.IntN(10) == 0 {
			t.Amount = money.New(t.Amount.Units(), t.Amount.Scale()+2)
		}
		what := "settled"
		if len(sales) > 0 && r.random.IntN(3) == 0 {
			what = "refunded"
			of := sales[r.random.IntN(len(sales))]
			t.OriginalID, t.Currency, t.Parties, t.Type = of.ExternalID, of.Currency, of.Parties, "refund"
			t.Amount = of.Amount.Neg()
			if units := of.Amount.Units(); units > 1 && r.random.IntN(3) > 0 {
				t.Amount = money.New(-1-r.random.Int64N(units), of.Amount.Scale())
			}
			if r.random.IntN(2) == 0 {
				t.Attributes, t.Method, t.Product = nil, "", ""
			}
		} else if r.random.IntN(20) == 0 {
			what, t.Amount, t.Type = "refunded alone", t.Amount.Neg(), "refund"
		}
		c := book.SettleTransaction{Transaction: t, Policy: book.Policy{SettleUnmatched: true, SubMinor: true}}
		if err := r.do(c); err != nil {
			require.NotEqual(r.t, domain.CodeInternal, err.Code, err.Error())
			taken["refused as "+string(err.Code)]++
			continue
		}
		taken[what]++
		sales = append(sales, t)
	}
	return taken
}

// What the door posts must hold before the second opinion, whatever schedules ask for.
func TestEnginesAgree(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, seed)
			taken := r.history(150)
			report, err := verify.Verify(t.Context(), verify.Config{Store: r.store})
			require.NoError(t, err)
			t.Log(taken)
			for _, what := range []string{"settled", "refunded", "reversed"} {
				require.NotZero(t, taken[what], what)
			}
			held := map[string]uint64{}
			for _, c := range report.Checks {
				held[c.Name] = c.Checked
			}
			for _, name := range []string{"lines follow from what explains them", "lines give back what they took at most", "accumulators equal a recount"} {
				require.NotZero(t, held[name], name)
			}
		})
	}
}

// So must what the read models make of it.
func TestEnginesAgreeInPostgres(t *testing.T) {
	r := newRig(t, 99)
	r.history(150)
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
	held := map[string]uint64{}
	for _, c := range report.Checks {
		held[c.Name] = c.Checked
	}
	require.NotZero(t, held["counters equal the log"])
}
