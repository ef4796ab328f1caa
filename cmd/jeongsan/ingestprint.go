package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/jeongsan/jeongsan/collect"
)

// ingested is what became of one file.
type ingested struct {
	File   string         `json:"file"`
	Report collect.Report `json:"report"`
	// Seconds until everything was settled and, where the read models run in this
	// process, visible.
	Seconds float64 `json:"seconds"`
}

func (p *program) printIngested(files []ingested) error {
	if p.config.JSON {
		return p.printJSON(files)
	}
	for _, file := range files {
		printReport(p.stdout, file)
	}
	return nil
}

func printReport(w io.Writer, file ingested) {
	r, c := file.Report, file.Report.Counts
	if r.Source == "" { // it never got to reading
		return
	}
	fmt.Fprintf(w, "%s: %s records of source %s in %.1f s", file.File, count(c.Read), r.Source, file.Seconds)
	if file.Seconds > 0 {
		fmt.Fprintf(w, " (%s records/s)", count(uint64(float64(c.Read)/file.Seconds)))
	}
	fmt.Fprintln(w)
	t := newTable(w)
	header := table.Row{"outcome", "records"}
	for _, total := range r.Totals {
		header = append(header, string(total.Currency))
	}
	t.AppendHeader(header)
	row := func(name string, n uint64, pick func(i int) string) {
		line := table.Row{name, count(n)}
		for i := range r.Totals {
			line = append(line, pick(i))
		}
		t.AppendRow(line)
	}
	row("settled", c.Settled, func(i int) string { return r.Totals[i].Settled })
	row("replayed", c.Replayed, func(i int) string { return r.Totals[i].Replayed })
	row("quarantined", c.Quarantined, func(i int) string { return r.Totals[i].Quarantined })
	var ignored uint64
	for _, n := range c.Ignored {
		ignored += n
	}
	row("ignored", ignored, func(i int) string { return r.Totals[i].Ignored })
	row("refused", c.Refused, func(i int) string { return r.Totals[i].Refused })
	t.AppendSeparator()
	row("read", c.Read, func(i int) string { return r.Totals[i].Read })
	alignNumbers(t, len(header), 2)
	t.Render()
	if r.Reversed > 0 {
		fmt.Fprintf(w, "  %s of the settled took back a transaction\n", count(r.Reversed))
	}
	if r.Awaiting > 0 {
		fmt.Fprintf(w, "  %s of the settled wait for their originals\n", count(r.Awaiting))
	}
	if c.ZeroValue > 0 {
		fmt.Fprintf(w, "  %s of the settled moved no money\n", count(c.ZeroValue))
	}
	if r.StillQuarantined > 0 {
		fmt.Fprintf(w, "  %s of the replayed lie in quarantine still: jeongsan quarantine list --source %s\n", count(r.StillQuarantined), r.Source)
	}
	if r.Released > 0 {
		fmt.Fprintf(w, "  %s left the quarantine\n", count(r.Released))
	}
	if r.Unmapped > 0 {
		fmt.Fprintf(w, "  %s had no readable amount and are in no total\n", count(r.Unmapped))
	}
	for _, rule := range slices.Sorted(maps.Keys(c.Ignored)) {
		fmt.Fprintf(w, "  %s ignored by rule %s\n", count(c.Ignored[rule]), rule)
	}
	printFaults(w, r.Faults)
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", warning)
	}
}

// printFaults says why records were not settled, the most frequent reason first.
func printFaults(w io.Writer, faults []collect.FaultCount) {
	for _, fault := range faults {
		fmt.Fprintf(w, "  %s × %s: %s", count(fault.Records), fault.Code, fault.Message)
		if fault.Field != "" {
			fmt.Fprintf(w, " (%s)", fault.Field)
		}
		fmt.Fprintf(w, ", first in record %d", fault.First)
		if fault.Delivery != "" {
			fmt.Fprintf(w, " of delivery %.12s", fault.Delivery)
		}
		if fault.Remedy != "" {
			fmt.Fprintf(w, "; %s", fault.Remedy)
		}
		fmt.Fprintln(w)
	}
}

// newTable is a table in the program's one style.
func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	return t
}

// alignNumbers puts columns from the first to the last to the right.
func alignNumbers(t table.Writer, last, first int) {
	var columns []table.ColumnConfig
	for n := first; n <= last; n++ {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
}

func count(n uint64) string {
	if n > 1<<62 {
		return strconv.FormatUint(n, 10)
	}
	return humanize.Comma(int64(n))
}
