package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
)

// listedStreams is how many streams are printed without being asked for.
const listedStreams = 40

// copyWork shows the work of "log copy" and what came of it.
type copyWork struct {
	*program
	started    time.Time
	from, to   copyEnd
	verifyOnly bool
	streams    bool // print all of them
	report     logcopy.Report

	phase logcopy.Phase
	bar   *bar
}

// progress moves the bar of the phase; each has its own.
func (w *copyWork) progress(now logcopy.Progress) {
	if w.bar == nil || w.phase != now.Phase {
		w.finishBar()
		w.phase = now.Phase
		w.bar = w.newBar(string(now.Phase), int64(now.Size))
	}
	w.bar.bytes.Store(now.Bytes)
	w.bar.set(int64(now.Done), now.Events)
}

func (w *copyWork) finishBar() {
	if w.bar != nil {
		w.bar.finish()
	}
	w.bar = nil
}

// print reports the copy and its proof. A difference is an error.
func (w *copyWork) print() error {
	if w.config.JSON {
		if err := w.printJSON(w.document()); err != nil {
			return err
		}
	} else if err := w.printText(); err != nil {
		return err
	}
	if w.report.Proof.Equal() {
		return nil
	}
	fault := &domain.Error{Code: domain.CodeConflict, Field: "to", Value: w.to.shown(), Message: "the target does not hold what the source holds",
		Remedy: "where the copy was interrupted, give the command without --verify-only to continue it; else copy into an empty store again"}
	if differences := w.report.Proof.Differences(); len(differences) > 0 {
		d := differences[0]
		fault.Field, fault.Value = "stream", string(d.Stream)
		fault.Message = fmt.Sprintf("the target does not hold what the source holds: %d streams differ, the first with %d events against %d",
			len(differences), d.Target.Events, d.Source.Events)
	}
	return fault
}

// document is the result for scripts.
func (w *copyWork) document() any {
	listed := w.report.Proof.Differences()
	if w.streams {
		listed = w.report.Proof.Streams
	}
	if listed == nil {
		listed = []logcopy.Compared{}
	}
	return struct {
		From    string  `json:"from"`
		To      string  `json:"to"`
		Seconds float64 `json:"seconds"`
		logcopy.Report
		Equal   bool               `json:"equal"`
		Streams []logcopy.Compared `json:"streams"` // all that was asked for, else those that differ
	}{w.from.shown(), w.to.shown(), time.Since(w.started).Round(time.Millisecond).Seconds(), w.report, w.report.Proof.Equal(), listed}
}

func (w *copyWork) printText() error {
	r := w.report
	if !w.verifyOnly {
		if r.Present > 0 {
			fmt.Fprintf(w.stdout, "continued: %s events were there already\n", count(r.Present))
		}
		fmt.Fprintf(w.stdout, "copied %s events, %s, in %s with the proof\n", count(r.Copied), humanize.IBytes(r.Bytes), time.Since(w.started).Round(100*time.Millisecond))
	}
	if n := r.Proof.LeftOut; n > 0 {
		fmt.Fprintf(w.stdout, "left where they are: %s events of the source's own streams\n", count(n))
	}
	if r.Proof.Settings {
		fmt.Fprintln(w.stdout, "the source has access rules for all streams ($settings or $all); set them in the target yourself")
	}
	fmt.Fprintln(w.stdout)
	t := newTable(w.stdout)
	t.AppendHeader(table.Row{"", "source", "target"})
	source, target := r.Proof.Source, r.Proof.Target
	t.AppendRow(table.Row{"streams", count(uint64(source.Streams)), count(uint64(target.Streams))})
	t.AppendRow(table.Row{"events", count(source.Events), count(target.Events)})
	t.AppendRow(table.Row{"bytes", count(source.Bytes), count(target.Bytes)})
	t.AppendRow(table.Row{"SHA-256", source.Hash, target.Hash})
	t.AppendRow(table.Row{"order", source.Order, target.Order})
	t.Render()
	fmt.Fprintln(w.stdout)
	w.printStreams()
	switch {
	case !r.Proof.Equal():
		return nil // the error says it
	case w.verifyOnly:
		fmt.Fprintln(w.stdout, "equal")
	case r.Grown:
		fmt.Fprintln(w.stdout, "equal up to where the source ended when this began; it has gone on since.\n"+
			"Stop what writes to the source and give the same command again; do not use the target before.")
	case r.Incarnation > 0:
		fmt.Fprintf(w.stdout, "equal; the target's log is incarnation %d\n", r.Incarnation)
	default:
		fmt.Fprintln(w.stdout, "equal")
	}
	return nil
}

func (w *copyWork) printStreams() {
	listed, more := w.report.Proof.Streams, 0
	if !w.report.Proof.Equal() {
		listed = w.report.Proof.Differences()
	}
	if len(listed) > listedStreams && !w.streams {
		more = len(listed) - listedStreams
		listed = listed[:listedStreams]
	}
	if len(listed) == 0 {
		return
	}
	t := newTable(w.stdout)
	t.AppendHeader(table.Row{"stream", "events", "SHA-256 of the source", "of the target"})
	for _, c := range listed {
		events, second := count(c.Source.Events), "equal"
		if !c.Equal() {
			events, second = count(c.Source.Events)+" / "+count(c.Target.Events), c.Target.Hash.String()
		}
		t.AppendRow(table.Row{c.Stream, events, c.Source.Hash, second})
	}
	t.Render()
	if more > 0 {
		fmt.Fprintf(w.stdout, "and %s more; --streams prints them all\n", count(uint64(more)))
	}
	fmt.Fprintln(w.stdout)
}
