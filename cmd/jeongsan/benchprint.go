package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/internal/bench"
)

// printBench prints a report: what was measured, and what it comes to.
func (p *program) printBench(r *bench.Report) {
	m, s := r.Machine, r.Settings
	fmt.Fprintf(p.stdout, "%s: %d CPUs, %s, %s, data on %s\n", m.At.Format(time.DateTime), m.CPUs, m.System, m.Go, m.Filesystem)
	fmt.Fprintf(p.stdout, "%s settlements of five postings, %s partner accounts, %d products, ids %s, seed %d\n", humanize.Comma(int64(s.Settlements)), humanize.Comma(int64(s.Accounts)), s.Products, s.IDs, s.Seed)
	if len(m.Postgres) > 0 {
		settings := make([]string, 0, len(m.Postgres))
		for _, name := range slices.Sorted(maps.Keys(m.Postgres)) {
			settings = append(settings, name+"="+m.Postgres[name])
		}
		fmt.Fprintf(p.stdout, "Postgres: %s\n", strings.Join(settings, " "))
	}
	for _, result := range r.Results {
		fmt.Fprintf(p.stdout, "\n%s: %s (%.1f s in all)\n", result.Name, result.What, result.Seconds)
		t := newTable(p.stdout)
		for _, f := range result.Figures {
			t.AppendRow(table.Row{strings.ReplaceAll(f.Name, "_", " "), figure(f.Value), f.Unit})
		}
		alignNumbers(t, 2, 2)
		t.Render()
	}
	if len(r.Ratios) == 0 {
		return
	}
	fmt.Fprintln(p.stdout, "\nratios and floors")
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"", "value", "", "bound", "aim", "kept"})
	for _, ratio := range r.Ratios {
		if ratio.Bound == 0 {
			t.AppendRow(table.Row{ratio.Name, figure(ratio.Value), ratio.Unit})
			continue
		}
		sign, kept, aim := "≥ ", "yes", ""
		if ratio.AtMost {
			sign = "≤ "
		}
		if !ratio.Passed {
			kept = "NO"
		}
		if ratio.Aim > 0 {
			aim = figure(ratio.Aim)
		}
		t.AppendRow(table.Row{ratio.Name, figure(ratio.Value), ratio.Unit, sign + figure(ratio.Bound), aim, kept})
	}
	alignNumbers(t, 2, 2)
	t.Render()
}

// figure prints three digits that count, and all of a larger number.
func figure(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100:
		return humanize.Comma(int64(math.Round(v)))
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
