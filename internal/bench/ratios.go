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
	{name: "ten rules ÷ four plain rules", of: "rules", figure: "ten_by_four", bound: 0.8},
	{name: "four plain rules' CPU time ÷ ten rules', which other load moves least", of: "rules", figure: "four_cpu", by: "rules", byFigure: "ten_cpu"},
	{name: "durable to visible p99, half the maximum rate", of: "paced", figure: "durable_to_visible_p99", unit: "ms", bound: 250, atMost: true},
	{name: "verify, fold of the log", of: "verify", figure: "fold_events_per_second", unit: "/s", bound: 100_000},
	{name: "rebuild of all read models ÷ end to end", of: "rebuild", figure: perSecond, by: "end-to-end", byFigure: perSecond, bound: 1},
	{name: "both stores", of: "end-to-end", figure: "bytes_both_stores", unit: "B/settlement", bound: 2_200, atMost: true},
	{name: "node: appends of 500 ÷ Pebble alone", of: "node-append", figure: "by_pebble_alone", bound: 0.25},
	{name: "node: appends of 500 ÷ a plain file", of: "node-append", figure: "by_plain_file"},
	{name: "node: appends of 500", of: "node-append", figure: "events_per_second", unit: "/s", bound: 80_000, aim: 150_000},
	{name: "node: single appends, many callers", of: "node-single", figure: "events_per_second", unit: "/s", bound: 12_000},
	{name: "node: single append, one caller, p50 less one flush", of: "node-single", figure: "one_caller_less_flush_p50", unit: "ms", bound: 1, atMost: true},
	{name: "node: whole log from disk, catching up", of: "node-read", figure: "catch_up_events_per_second", unit: "/s", bound: 170_000, aim: 300_000},
	{name: "node: due to delivered p99", of: "node-live", figure: "delivered_p99", unit: "ms", bound: 20, atMost: true},
	{name: "node: start over the large log", of: "node-large", figure: "start", unit: "s", bound: 3, atMost: true},
	{name: "node: start over the large log after a kill", of: "node-large", figure: "start_after_kill", unit: "s", bound: 3, atMost: true},
	{name: "node: memory while serving the large log", of: "node-large", figure: "peak_memory_serving", unit: "MiB", bound: 400, atMost: true},
	{name: "node: appends to the large log ÷ to a small one", of: "node-large", figure: "append_by_small", bound: 0.9},
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
