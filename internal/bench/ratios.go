package bench

// bound is a figure, or a quotient of two, that the product shall keep to. Those
// whose figures the run did not measure are left out.
type bound struct {
	name         string
	of, figure   string
	by, byFigure string // the divisor; none for a figure by itself
	unit         string
	bound, aim   float64
	atMost       bool
}

const perSecond = "settlements_per_second"

// bounds are the floors of docs/performance.md. The quotients hold on any machine;
// the absolute ones are for two cores and a disk that flushes in 0.13 ms.
var bounds = []bound{
	{name: "end to end ÷ yardstick", of: "end-to-end", figure: perSecond, by: "yardstick", byFigure: perSecond, bound: 0.5, aim: 1},
	{name: "end to end ÷ bare pipeline", of: "end-to-end", figure: perSecond, by: "bare", byFigure: perSecond, bound: 0.4},
	{name: "yardstick's CPU time ÷ end to end's, which other load moves least", of: "yardstick", figure: "cpu", by: "end-to-end", byFigure: "cpu"},
	{name: "end to end", of: "end-to-end", figure: perSecond, unit: "/s", bound: 12_000, aim: 24_000},
	{name: "durable", of: "durable", figure: perSecond, unit: "/s", bound: 25_000, aim: 40_000},
	{name: "GraphQL settle, many callers", of: "graphql", figure: perSecond, unit: "/s", bound: 3_000, aim: 8_000},
	{name: "GraphQL settle, one caller, p50 less one flush", of: "graphql", figure: "one_caller_less_flush_p50", unit: "ms", bound: 2, atMost: true},
	{name: "one hot account ÷ a thousand", of: "hot", figure: "one_by_thousand", bound: 0.9},
	{name: "50,000 accounts ÷ a thousand", of: "wide", figure: "wide_by_thousand", bound: 0.6},
	{name: "durable to visible p99, half the maximum rate", of: "paced", figure: "durable_to_visible_p99", unit: "ms", bound: 250, atMost: true},
	{name: "verify, fold of the log", of: "verify", figure: "fold_events_per_second", unit: "/s", bound: 100_000},
	{name: "rebuild of all read models ÷ end to end", of: "rebuild", figure: perSecond, by: "end-to-end", byFigure: perSecond, bound: 1},
	{name: "both stores", of: "end-to-end", figure: "bytes_both_stores", unit: "B/settlement", bound: 2_200, atMost: true},
	{name: "memory at the end less at the mark", of: "memory", figure: "growth", unit: "MiB", bound: 64, atMost: true},
}

// ratiosOf holds what a report has against the bounds.
func ratiosOf(report *Report) []Ratio {
	ratios := []Ratio{}
	for _, b := range bounds {
		value, found := report.find(b.of, b.figure)
		if !found {
			continue
		}
		if b.by != "" {
			by, found := report.find(b.by, b.byFigure)
			if !found || by == 0 {
				continue
			}
			value /= by
		}
		passed := b.bound == 0 || value >= b.bound
		if b.atMost {
			passed = value <= b.bound
		}
		ratios = append(ratios, Ratio{Name: b.name, Value: value, Unit: b.unit, Bound: b.bound, AtMost: b.atMost, Aim: b.aim, Passed: passed})
	}
	return ratios
}
