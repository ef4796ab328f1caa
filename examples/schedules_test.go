package examples_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// TestTheWorkedCasesOfEverySchedule runs what the schedules themselves expect.
func TestTheWorkedCasesOfEverySchedule(t *testing.T) {
	for id, versions := range shelf(t) {
		for _, document := range versions {
			require.NotEmpty(t, document.Cases, "%s: a schedule to learn from has worked cases", id)
			results, err := fee.RunCases(document)
			require.NoError(t, err)
			require.Len(t, results, len(document.Cases))
			for _, result := range results {
				for _, difference := range result.Differences {
					t.Errorf("%s version %d, %s: %s", id, document.Version, result.Name, difference)
				}
			}
		}
	}
}

// TestEveryCaseCanFail changes one thing that each case expects: if the case then
// still passes, it never looked.
func TestEveryCaseCanFail(t *testing.T) {
	for id, versions := range shelf(t) {
		for _, document := range versions {
			for i := range document.Cases {
				wrong := document
				wrong.Cases = []fee.Case{document.Cases[i]}
				disturb(t, &wrong.Cases[0].Expect)
				results, err := fee.RunCases(wrong)
				require.NoError(t, err)
				require.False(t, results[0].Passed(), "%s: %s", id, results[0].Name)
			}
		}
	}
}

func disturb(t *testing.T, e *fee.Expectation) {
	t.Helper()
	amounts := func(m map[string]money.Amount) map[string]money.Amount {
		m = maps.Clone(m)
		for name, amount := range m {
			more, err := amount.Add(money.New(1, 0))
			require.NoError(t, err)
			m[name] = more
			break
		}
		return m
	}
	switch {
	case len(e.Lines) > 0:
		e.Lines = amounts(e.Lines)
	case len(e.Postings) > 0:
		e.Postings = amounts(e.Postings)
	case len(e.Releases) > 0:
		e.Releases = maps.Clone(e.Releases)
		for name := range e.Releases {
			e.Releases[name] = "2001-01-01"
			break
		}
	case len(e.Values) > 0:
		e.Values = maps.Clone(e.Values)
		for name := range e.Values {
			e.Values[name] = "17.0001"
			break
		}
	case e.Refused != "":
		e.Refused = "something_else"
	case len(e.Absent) > 0: // a line of nothing is a line
		e.Lines = map[string]money.Amount{e.Absent[0]: money.Zero}
	default:
		require.Fail(t, "the case expects nothing")
	}
}

// shelf reads every schedule of this folder: versions by id, in order.
func shelf(t testing.TB) map[string][]fee.Document {
	t.Helper()
	files, err := filepath.Glob("schedules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string][]fee.Document{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var document fee.Document
		require.NoError(t, yamldoc.Decode(file, data, &document).Err())
		require.True(t, strings.HasPrefix(filepath.Base(file), document.Schedule), file)
		all[document.Schedule] = append(all[document.Schedule], document)
	}
	for id, versions := range all {
		for i, document := range versions {
			require.Equal(t, i+1, document.Version, id)
		}
	}
	return all
}

// bench rates by the schedules of this folder.
type bench struct {
	versions map[string][]fee.Document
	compiled map[string]*fee.Schedule // by id and first date
	ledger   *counting
}

func newBench(t testing.TB) *bench {
	b := &bench{versions: shelf(t), compiled: map[string]*fee.Schedule{}, ledger: newLedger(t)}
	for id, versions := range b.versions {
		for _, document := range versions {
			compiled, err := fee.Compile(document)
			require.NoError(t, err, id)
			b.compiled[id+"@"+string(document.EffectiveFrom)] = compiled
		}
	}
	return b
}

// on is the schedule as it stands for a date, bound to a contract's parameters.
func (b *bench) on(t testing.TB, id string, date domain.Date, parameters map[string]string) *fee.Schedule {
	t.Helper()
	versions := b.versions[id]
	require.NotEmpty(t, versions, id)
	at := schedule.VersionFor(len(versions), func(version int) domain.Date { return versions[version-1].EffectiveFrom }, date)
	require.Positive(t, at, "%s has no version for %s", id, date)
	bound, err := b.compiled[id+"@"+string(versions[at-1].EffectiveFrom)].With(parameters)
	require.NoError(t, err)
	return bound
}

// transaction is what a vector asks to be rated.
type transaction struct {
	amount, currency, kind, method string
	on                             domain.Date
	attributes, parameters         map[string]string
	before                         map[string]string // accumulators
	sale                           *outcome          // that it gives back
}

// outcome is a rated transaction.
type outcome struct {
	t        testing.TB
	schedule *fee.Schedule
	in       fee.Input
	result   fee.Result
	shown    fee.Explanation
	names    map[string]string // of counters, by id
	book     string            // that it was settled in
}

// rate rates a transaction: by the engine, as an explanation, and through the command
// door. All say the same.
func (b *bench) rate(t testing.TB, id string, tx transaction) *outcome {
	t.Helper()
	if tx.on == "" {
		tx.on = b.versions[id][0].EffectiveFrom
	}
	o := &outcome{t: t, schedule: b.on(t, id, tx.on, tx.parameters), names: map[string]string{}}
	o.in = fee.Input{
		Amount: amount(t, tx.amount), Currency: money.Currency(tx.currency), Type: tx.kind, Method: tx.method, On: tx.on,
		Contract: "c-1", Party: func(role string) string { return role + "-1" }, Attributes: tx.attributes, Calendar: calendars(t),
		Before: func(c fee.Counter) (money.Amount, error) {
			o.names[c.ID()] = c.Name
			return amount(t, tx.before[c.Name]), nil
		},
	}
	if o.in.Type == "" {
		o.in.Type = "sale"
	}
	if tx.sale != nil {
		o.in.Original = &fee.Sale{Amount: tx.sale.in.Amount, On: tx.sale.in.On, Lines: tx.sale.result.Lines, Attributes: tx.sale.in.Attributes}
	}
	var err error
	o.result, err = o.schedule.Apply(o.in)
	require.NoError(t, err)
	require.Equal(t, o.schedule.Engine(), o.result.Engine)
	o.shown, err = o.schedule.Explain(o.in)
	require.NoError(t, err)
	require.Equal(t, o.result.Lines, o.shown.Result.Lines)
	require.Equal(t, o.result.Shares, o.shown.Result.Shares)
	b.ledger.settle(t, b.versions[id], o, tx)
	return o
}

// line is the amount of a rule's line, negative where its account pays it; zero
// where the rule did not match.
func (o *outcome) line(rule string) formula.Number {
	for i, line := range o.result.Lines {
		if line.Rule == rule {
			return o.signed(i)
		}
	}
	require.Contains(o.t, ruleNames(o.schedule.Document()), rule)
	return formula.Number{}
}

func (o *outcome) signed(i int) formula.Number {
	amount := formula.FromAmount(o.result.Shares[i].Amount)
	if o.result.Shares[i].Opposite != (o.in.Amount.Sign() < 0) {
		return amount.Neg()
	}
	return amount
}

// posted is what an account gets in the transaction's currency in all.
func (o *outcome) posted(role, purpose string) (sum formula.Number) {
	for i, share := range o.result.Shares {
		if share.To == (fee.Target{Role: role, Purpose: purpose}) {
			sum = sum.Add(o.signed(i))
		}
	}
	return sum
}

// value is a named value of the schedule, as its explanation shows it.
func (o *outcome) value(name string) formula.Number {
	for _, shown := range o.shown.Values {
		if shown.Name == name {
			return number(o.t, shown.Value)
		}
	}
	require.Fail(o.t, "no value", name)
	return formula.Number{}
}

// after is an accumulator behind the transaction.
func (o *outcome) after(name string) formula.Number {
	for _, count := range o.result.Counts {
		if o.names[count.Counter] == name {
			return formula.FromAmount(count.After)
		}
	}
	require.Fail(o.t, "nothing counted", name)
	return formula.Number{}
}

// ruleText is the rate of a rule's line, as its explanation shows it.
func (o *outcome) rateText(rule string) string {
	at := slices.IndexFunc(o.result.Lines, func(l fee.Line) bool { return l.Rule == rule })
	require.GreaterOrEqual(o.t, at, 0, rule)
	return o.result.Lines[at].Rate
}

func (o *outcome) exact(rule string) formula.Number {
	at := slices.IndexFunc(o.result.Lines, func(l fee.Line) bool { return l.Rule == rule })
	require.GreaterOrEqual(o.t, at, 0, rule)
	return number(o.t, o.result.Lines[at].Exact)
}

func ruleNames(d fee.Document) (names []string) {
	for _, r := range d.Rules {
		names = append(names, r.ID)
		if r.Split != nil {
			for _, part := range r.Split.Parts {
				names = append(names, r.ID+"."+part.ID)
			}
		}
	}
	return names
}

func number(t testing.TB, s string) formula.Number {
	t.Helper()
	n, err := formula.ParseNumber(s)
	require.NoError(t, err)
	return n
}

func amount(t testing.TB, s string) money.Amount {
	t.Helper()
	if s == "" {
		return money.Zero
	}
	a, err := money.Parse(s)
	require.NoError(t, err)
	return a
}
