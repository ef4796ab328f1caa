package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

// tiered takes the rate, and twice as much above 25,000 of a month; what a sale is
// worth to the provider depends on what was sold before.
func tiered(t testing.TB, version int, from string) fee.Document {
	t.Helper()
	var d fee.Document
	require.NoError(t, json.Unmarshal(fmt.Appendf(nil, `{"schedule":"tiered","version":%d,"effective_from":%q,"funds":{"role":"supplier"},
	"inputs":[{"name":"grade","type":"text"}],
	"parameters":[{"name":"rate","is":"10%%"}],
	"accumulators":[{"name":"volume","measure":"gross","key":["provider"],"window":"calendar_month"},
	                {"name":"recent","measure":"1","window":{"rolling_days":7},"per_currency":false}],
	"rules":[{"id":"fee","to":{"role":"operator"},"tiers":{"mode":"marginal","from":"volume","steps":[{"up_to":"25000","percent":"rate * 100"},{"percent":"rate * 200"}]}},
	         {"id":"provider","to":{"role":"provider"},"rest":true}]}`, version, from), &d))
	return d
}

// seedTiered puts book "main" under the schedule, with a contract for sales alone.
func seedTiered(t testing.TB, door Door, parameters map[string]string) {
	t.Helper()
	commands := make([]domain.Command, 0, 8)
	for _, p := range parties {
		commands = append(commands, p)
	}
	applied(t, do(door, append(commands, schedule.PublishSchedule{Document: tiered(t, 1, "2026-01-01")})...)...)
	signed := terms("tiered-2026", "main")
	signed.Schedule, signed.Parameters, signed.Applies.Types = "tiered", parameters, []string{"sale"}
	applied(t, do(door, contract.SignContract{Terms: signed})...)
}

func graded(c book.SettleTransaction) book.SettleTransaction {
	c.Transaction.Attributes = map[string]string{"grade": "gold", "colour": "red"}
	return c
}

// credits lists what a book's event gives each account, its sign in front.
func credits(t testing.TB, event domain.Event) map[string]int64 {
	t.Helper()
	settled, ok := event.(book.TransactionSettled)
	require.True(t, ok, "%T", event)
	sums := map[string]int64{}
	for _, p := range settled.Postings {
		units := p.Amount.Units()
		if p.Side.String() == "debit" {
			units = -units
		}
		sums[string(p.Account)] += units
	}
	return sums
}

// TestRefundsAreRatedAsTheirOriginal: in the group of their sale, later, after a
// restart, and when contract and schedule have changed since.
func TestRefundsAreRatedAsTheirOriginal(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seedTiered(t, l, nil)
	applied(t, do(l, graded(sale("A-1")), graded(sale("A-2")), graded(sale("A-3")), refund("R-3", "A-3", 4_000))...)
	events := r.log("book-main")
	require.Equal(t, map[string]int64{"card/receivable/KRW": -10_000, "arcade/payable/KRW": 1_500, "studio/payable/KRW": 8_500}, credits(t, events[2]))
	require.Equal(t, map[string]int64{"card/receivable/KRW": 4_000, "arcade/payable/KRW": -600, "studio/payable/KRW": -3_400}, credits(t, events[3]), "at the 15 % of its sale")
	first := events[2].(book.TransactionSettled)
	require.Equal(t, map[string]string{"grade": "gold"}, first.Attributes, "what the schedule declares")
	require.Equal(t, fee.Engine2, first.Engine)

	// A new version, other parties' details and the end of the contract are nothing to it.
	second := tiered(t, 2, "2026-06-01")
	second.Parameters[0].Is = "50%"
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)
	applied(t, do(l, contract.EndContract{Contract: "tiered-2026", Until: "2026-02-01", Reason: "over"})...)
	refused(t, domain.CodeMissingContract, do(l, graded(sale("B-1")))...)
	renamed := refund("R-4", "A-3", 3_000)
	renamed.Transaction.Parties = map[string]string{"provider": "nobody"}
	applied(t, do(l, renamed)...)
	require.NoError(t, l.Close())

	l = r.open(dir)
	applied(t, do(l, refund("R-5", "A-3", 3_000))...)
	replayed(t, do(l, refund("R-5", "A-3", 3_000), refund("R-3", "A-3", 4_000))...)
	refused(t, domain.CodeExceedsOriginal, do(l, refund("R-6", "A-3", 1))...)
	events = r.log("book-main")
	sum := map[string]int64{}
	for i, event := range events[2:] {
		e := event.(book.TransactionSettled)
		require.Equal(t, []any{first.Contract, first.ContractRevision, first.Schedule, first.ScheduleRevision, 1, first.Parties},
			[]any{e.Contract, e.ContractRevision, e.Schedule, e.ScheduleRevision, e.Version, e.Parties})
		for account, amount := range credits(t, event) {
			sum[account] += amount
		}
		require.Equal(t, []string{"0", "0", "4000", "7000"}[i], e.Refunded.String())
	}
	require.Equal(t, map[string]int64{"card/receivable/KRW": 0, "arcade/payable/KRW": 0, "studio/payable/KRW": 0}, sum, "all refunds together return the sale")
	volume := "contract:tiered-2026/volume/2026-11/KRW/provider=studio"
	require.Zero(t, money.New(20_000, 0).Cmp(r.fold().Counter(volume)))
}

// TestRefundOfWhatAnotherWriterSettled: the original comes to light in a lost race.
func TestRefundOfWhatAnotherWriterSettled(t *testing.T) {
	r, _ := memoryRig(t)
	l, other := r.open(""), r.open("")
	seedTiered(t, l, nil)
	applied(t, do(l, graded(sale("A-1")))...)
	applied(t, do(other, graded(sale("A-2")))...)
	applied(t, do(l, refund("R-2", "A-2", 10_000), graded(sale("A-3")), refund("R-3", "A-3", 1_000))...)
	require.Zero(t, money.New(19_000, 0).Cmp(r.fold().Counter("contract:tiered-2026/volume/2026-11/KRW/provider=studio")))
}

// TestCountersOutliveTheProcess: the index holds them, and is compared with the log.
func TestCountersOutliveTheProcess(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seedTiered(t, l, nil)
	for day := range 60 {
		c := graded(sale(fmt.Sprint("A-", day)))
		c.Transaction.OccurredAt = noon.AddDate(0, 0, day-60)
		applied(t, do(l, c)...)
		if day%20 == 19 {
			require.NoError(t, l.Close())
			l = r.open(dir)
		}
	}
	applied(t, do(l, reversal("X-1", "A-59"))...)
	want := maps.Collect(r.fold().Counters())
	require.Len(t, want, 3+7+31, "months, and the days that a window can still need")
	header := r.header(l)
	require.EqualValues(t, len(want), header.Counters)
	checked, err := r.check(dir)
	require.NoError(t, err)
	require.EqualValues(t, 60, checked[0].Revision)

	// What the index says of a counter is compared too, and not believed blindly.
	x := r.index(t, dir)
	state, header, _, err := restore(x.Book("main"))
	require.NoError(t, err)
	require.Equal(t, want, maps.Collect(state.Counters()))
	id := "contract:tiered-2026/volume/2026-11/KRW/provider=studio"
	spoiled := maps.Clone(want)
	spoiled[id] = book.Counted{Value: money.New(1, 0)}
	r.spoil(t, x, header, state, spoiled, id)
	require.NoError(t, x.Close())
	_, err = r.check(dir)
	require.ErrorContains(t, err, "counter "+id)
	require.ErrorContains(t, err, "expected 200000, found 1")
}

// TestParametersOfContracts: they are checked when the contract is signed and when a
// version is published, and bound for each contract.
func TestParametersOfContracts(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seedTiered(t, l, map[string]string{"rate": "20%"})
	applied(t, do(l, graded(sale("A-1")), graded(sale("A-2")), refund("R-1", "A-1", 5_000))...)
	events := r.log("book-main")
	require.EqualValues(t, 2_000, credits(t, events[0])["arcade/payable/KRW"])
	require.EqualValues(t, -1_000, credits(t, events[2])["arcade/payable/KRW"])

	for parameters, says := range map[string]string{
		`{"rat":"20%"}`:              "parameters.rat",
		`{"rate":"\"much\""}`:        "parameters.rate",
		`{"rate":"20% of"}`:          "parameters.rate",
		`{"rate":""}`:                "parameters.rate",
		`{"rate.KRW":"20"}`:          "parameters.rate.KRW",
		`{"rate":"20%","other":"1"}`: "parameters.other",
	} {
		signed := terms("wrong", "main")
		signed.Schedule = "tiered"
		require.NoError(t, json.Unmarshal([]byte(parameters), &signed.Parameters))
		replies := do(l, contract.SignContract{Terms: signed})
		require.Error(t, replies[0].Err, parameters)
		var fault *domain.Error
		require.ErrorAs(t, replies[0].Err, &fault)
		require.Equal(t, says, fault.Field, parameters)
		require.NotEmpty(t, fault.Remedy)
	}
	signed := terms("plain", "main")
	signed.Parameters = map[string]string{"rate": "1%"}
	applied(t, do(l, schedule.PublishSchedule{Document: standard})...)
	refused(t, domain.CodeInvalid, do(l, contract.SignContract{Terms: signed})...)

	// A version that a contract could not use is not published.
	second := tiered(t, 2, "2026-12-01")
	second.Parameters[0].Name = "share"
	for i := range second.Rules[0].Tiers.Steps {
		second.Rules[0].Tiers.Steps[i].Percent = "share * 100"
	}
	replies := do(l, schedule.PublishSchedule{Document: second})
	refused(t, domain.CodeInvalid, replies...)
	require.ErrorContains(t, replies[0].Err, "tiered-2026")
	applied(t, do(l, contract.EndContract{Contract: "tiered-2026", Until: "2026-12-01", Reason: "new terms"})...)
	applied(t, do(l, schedule.PublishSchedule{Document: second})...)
}

// TestCasesAreNotPublished: worked cases are left out.
func TestCasesAreNotPublished(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	tested := tiered(t, 1, "2026-01-01")
	tested.Cases = []fee.Case{{Name: "a sale"}}
	applied(t, do(l, schedule.PublishSchedule{Document: tested})...)
	published := r.log("schedule-tiered")[0].(schedule.SchedulePublished)
	require.Empty(t, published.Cases)
	replayed(t, do(l, schedule.PublishSchedule{Document: tiered(t, 1, "2026-01-01")}, schedule.PublishSchedule{Document: tested})...)
}

// TestUnreadableOriginal: a refund whose original cannot be read is told so, and
// settles when it can.
func TestUnreadableOriginal(t *testing.T) {
	r, store := memoryRig(t)
	dir := t.TempDir()
	l := r.open(dir)
	seedTiered(t, l, nil)
	applied(t, do(l, graded(sale("A-1")), graded(sale("A-2")))...)
	reads := &failingReads{Store: store}
	r.store = reads
	require.NoError(t, l.Close())
	l = r.open(dir)
	applied(t, do(l, graded(sale("A-3")))...)
	reads.err = errors.New("planted")
	replies := do(l, refund("R-1", "A-1", 1_000), graded(sale("A-4")))
	refused(t, domain.CodeUnavailable, replies[0])
	applied(t, replies[1])
	reads.err = nil
	applied(t, do(l, refund("R-1", "A-1", 1_000))...)
}

// TestFloorsHoldBetweenWriters: two processes spend what has been prepaid, and not
// more.
func TestFloorsHoldBetweenWriters(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	seed(t, l)
	top := standard
	top.Schedule, top.Funds = "top-up", fee.Target{Role: "supplier", Purpose: "cash"}
	top.Rules = []fee.Rule{{ID: "all", To: fee.Target{Role: "operator", Purpose: "prepaid"}, Rest: true}}
	spend := standard
	spend.Schedule, spend.Funds = "spend", fee.Target{Role: "operator", Purpose: "prepaid"}
	spend.Rules = []fee.Rule{{ID: "all", To: fee.Target{Role: "supplier"}, Rest: true}}
	applied(t, do(l, schedule.PublishSchedule{Document: top}, schedule.PublishSchedule{Document: spend})...)
	for _, id := range []string{"top-up", "spend"} {
		signed := terms(id, "main")
		signed.Schedule, signed.Applies.Types = id, []string{strings.ReplaceAll(id, "-", "_")}
		signed.Floors = []contract.Floor{{Role: "operator", Purpose: "prepaid", Amounts: map[money.Currency]money.Amount{"KRW": money.Zero}}}
		applied(t, do(l, contract.SignContract{Terms: signed})...)
	}
	other := r.open("")
	of := func(kind, id string) book.SettleTransaction {
		c := sale(id)
		c.Transaction.Type = kind
		return c
	}
	replies := do(l, of("spend", "S-1"), of("top_up", "T-1"), of("spend", "S-1"), of("spend", "S-2"))
	refused(t, domain.CodeConflict, replies[0], replies[3])
	applied(t, replies[1], replies[2])
	require.ErrorContains(t, replies[3].Err, "top it up by 10000 KRW")
	refused(t, domain.CodeConflict, do(other, of("spend", "S-2"))...)
	applied(t, do(other, of("top_up", "T-2"))...)
	applied(t, do(l, of("spend", "S-2"))...)
	refused(t, domain.CodeConflict, do(other, of("spend", "S-3"))...)
	left, err := r.fold().Balance("arcade/prepaid/KRW").NetOn(ledger.Credit)
	require.NoError(t, err)
	require.Zero(t, left.Sign())
}

// failingReads fails reads of single events of a book.
type failingReads struct {
	eventstore.Store
	err error
}

func (f *failingReads) ReadStream(ctx context.Context, stream domain.StreamID, direction eventstore.Direction, from, limit uint64) iter.Seq2[eventstore.Recorded, error] {
	if f.err != nil && limit == 1 {
		return func(yield func(eventstore.Recorded, error) bool) {
			yield(eventstore.Recorded{}, &eventstore.Error{Code: eventstore.CodeUnavailable, Op: "read stream", Stream: stream, Err: f.err})
		}
	}
	return f.Store.ReadStream(ctx, stream, direction, from, limit)
}

// index opens a door's index while no door does.
func (r *rig) index(t testing.TB, dir string) *index.Index {
	t.Helper()
	x, err := index.Open(index.Config{Dir: dir, Identity: r.id, Logger: quiet})
	require.NoError(t, err)
	return x
}

// spoil writes other counters into an index, with a hash that fits them.
func (r *rig) spoil(t testing.TB, x *index.Index, header index.Header, state *book.State, counters map[string]book.Counted, id string) {
	t.Helper()
	hash := book.Restore(book.Snapshot{Count: state.Count(), Recorded: state.Recorded(), Balances: state.Balances(), Counters: maps.All(counters)}).Hash()
	header.Hash = hash[:]
	row := index.Row{Key: []byte(id), Value: appendCounted(nil, counters[id])}
	require.NoError(t, x.Book("main").Store(header, index.Rows{Counters: []index.Row{row}}))
}
