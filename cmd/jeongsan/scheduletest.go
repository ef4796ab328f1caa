package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

func (p *program) scheduleTestCommand() *cobra.Command {
	var only string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "Run the worked cases of schedule files",
		Long: `Run the worked cases that schedule files keep beside their rules, by the engine
that settles, and print what did not come out as the file expects. Nothing is
posted and no ledger is needed. The exit code is 1 where a case failed.`,
		Example: `  jeongsan schedule test google-play.yaml
  jeongsan schedule test examples/schedules/*.yaml --verbose
  jeongsan schedule simulate google-play.yaml --case "crosses the tier"`,
		Args: someArguments("file"),
		RunE: func(_ *cobra.Command, files []string) error { return p.testSchedules(files, only, verbose) },
	}
	cmd.Flags().StringVar(&only, "case", "", "only cases whose name contains this `text`")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "list the cases that passed, too")
	return cmd
}

// tested is what came of the cases of one schedule.
type tested struct {
	File     string       `json:"file"`
	Schedule string       `json:"schedule"`
	Version  int          `json:"version"`
	Passed   int          `json:"passed"`
	Failed   int          `json:"failed"`
	Cases    []testedCase `json:"cases"`
}

type testedCase struct {
	Name        string   `json:"name"`
	Passed      bool     `json:"passed"`
	Differences []string `json:"differences,omitempty"`
}

func (p *program) testSchedules(files []string, only string, verbose bool) error {
	results := []tested{}
	run, failed := 0, 0
	for _, file := range files {
		schedules, err := readSchedules(file)
		if err != nil {
			return err
		}
		for _, s := range schedules {
			result, err := test(file, s, only)
			if err != nil {
				return err
			}
			run, failed = run+result.Passed+result.Failed, failed+result.Failed
			results = append(results, result)
		}
	}
	if p.config.JSON {
		if err := p.printJSON(results); err != nil {
			return err
		}
	} else {
		printTested(p.stdout, results, verbose)
	}
	switch {
	case failed > 0:
		return &domain.Error{Code: domain.CodeConflict, Field: "cases", Message: fmt.Sprintf("%d of %s failed", failed, quantity(run, "case")), Remedy: "correct the schedule or the case; schedule simulate FILE --case NAME explains one"}
	case run == 0 && only != "":
		return &domain.Error{Code: domain.CodeNotFound, Field: "case", Value: only, Message: "there is no case to run", Remedy: "write a part of a case's name; --verbose without --case lists them"}
	case run == 0:
		return &domain.Error{Code: domain.CodeNotFound, Field: "cases", Message: "there is no case to run", Remedy: "write worked cases under cases: in the file"}
	}
	return nil
}

func test(file string, s fee.Document, only string) (tested, error) {
	s.Cases = slices.Clone(s.Cases)
	s.Cases = slices.DeleteFunc(s.Cases, func(c fee.Case) bool { return !strings.Contains(c.Name, only) })
	result := tested{File: file, Schedule: s.Schedule, Version: s.Version, Cases: []testedCase{}}
	results, err := fee.RunCases(s)
	if err != nil {
		return result, fmt.Errorf("%s: %w", file, err)
	}
	for _, r := range results {
		one := testedCase{Name: r.Name, Passed: r.Passed()}
		for _, d := range r.Differences {
			one.Differences = append(one.Differences, d.String())
		}
		if one.Passed {
			result.Passed++
		} else {
			result.Failed++
		}
		result.Cases = append(result.Cases, one)
	}
	return result, nil
}

func printTested(w io.Writer, results []tested, verbose bool) {
	for _, r := range results {
		for _, c := range r.Cases {
			if c.Passed && verbose {
				fmt.Fprintf(w, "ok    %s: %s\n", r.File, c.Name)
			}
			if !c.Passed {
				fmt.Fprintf(w, "FAIL  %s: %s\n", r.File, c.Name)
			}
			for _, d := range c.Differences {
				fmt.Fprintf(w, "        %s\n", d)
			}
		}
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"file", "schedule", "version", "passed", "failed"})
	for _, r := range results {
		t.AppendRow(table.Row{r.File, r.Schedule, r.Version, r.Passed, r.Failed})
	}
	alignNumbers(t, 5, 3)
	t.Render()
}

// caseChanges is what another schedule makes of worked cases.
type caseChanges struct {
	Run     int           `json:"run"`
	Changed []changedCase `json:"changed"`
}

// changedCase is a case that two schedules rate differently.
type changedCase struct {
	Name    string   `json:"name"`
	Changes []string `json:"changes"` // "fee 3.40 → 3.20"
}

// changedCases tries the cases of both documents on both; of two with one name that
// of the later document.
func changedCases(earlier, later fee.Document) (*caseChanges, error) {
	before, err := fee.Compile(earlier)
	if err != nil {
		return nil, err
	}
	after, err := fee.Compile(later)
	if err != nil {
		return nil, err
	}
	var cases []fee.Case
	for _, c := range slices.Concat(later.Cases, earlier.Cases) {
		if c.Transaction != nil && (c.Name == "" || !slices.ContainsFunc(cases, func(o fee.Case) bool { return o.Name == c.Name })) {
			cases = append(cases, c)
		}
	}
	found := &caseChanges{Run: len(cases), Changed: []changedCase{}}
	for i, c := range cases {
		name := c.Name
		if name == "" {
			name = fmt.Sprintf("case %d", i+1)
		}
		c.Expect = fee.Expectation{}
		if changes := changesOf(before, after, c); len(changes) > 0 {
			found.Changed = append(found.Changed, changedCase{Name: name, Changes: changes})
		}
	}
	return found, nil
}

// changesOf names the lines of a case whose amounts the two schedules give differently.
func changesOf(before, after *fee.Schedule, c fee.Case) []string {
	was, errWas := before.TryCase(known(before, c))
	is, errIs := after.TryCase(known(after, c))
	switch {
	case errWas != nil && errIs != nil:
		if errWas.Error() == errIs.Error() {
			return nil
		}
		return []string{"refused by both: " + errWas.Error() + " → " + errIs.Error()}
	case errWas != nil:
		return []string{"was refused: " + errWas.Error(), "is " + strings.Join(amountsOf(is.Result, c), ", ")}
	case errIs != nil:
		return []string{"was " + strings.Join(amountsOf(was.Result, c), ", "), "is refused: " + errIs.Error()}
	}
	old, new := signed(was.Result), signed(is.Result)
	names := slices.Sorted(maps.Keys(old))
	for _, name := range slices.Sorted(maps.Keys(new)) {
		if _, both := old[name]; !both {
			names = append(names, name)
		}
	}
	var changes []string
	for _, name := range names {
		x, inOld := old[name]
		y, inNew := new[name]
		switch {
		case !inOld:
			changes = append(changes, name+" none → "+y)
		case !inNew:
			changes = append(changes, name+" "+x+" → none")
		case x != y:
			changes = append(changes, name+" "+x+" → "+y)
		}
	}
	return changes
}

// known leaves out of a case the attributes and accumulators that a schedule does not
// have, as settling does.
func known(s *fee.Schedule, c fee.Case) fee.Case {
	d := s.Document()
	input := func(name, _ string) bool {
		return !slices.ContainsFunc(d.Inputs, func(a fee.Attribute) bool { return a.Name == name })
	}
	accumulator := func(name string, _ money.Amount) bool {
		return !slices.ContainsFunc(d.Accumulators, func(a fee.Accumulator) bool { return a.Name == name })
	}
	transaction := *c.Transaction
	transaction.Attributes, c.Before = without(transaction.Attributes, input), without(c.Before, accumulator)
	c.Transaction = &transaction
	for of := &c.RefundOf; *of != nil; of = &(*of).RefundOf {
		sale := **of
		sale.Transaction.Attributes, sale.Before = without(sale.Transaction.Attributes, input), without(sale.Before, accumulator)
		*of = &sale
	}
	return c
}

// without copies a map less what is dropped.
func without[V any](all map[string]V, drop func(string, V) bool) map[string]V {
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, drop)
	return kept
}

// signed gives the amount of every line, with a minus where it stands on the side of
// the funds.
func signed(r fee.Result) map[string]string {
	amounts := make(map[string]string, len(r.Lines))
	for i, line := range r.Lines {
		amount := line.Amount
		if r.Shares[i].Opposite {
			amount = amount.Neg()
		}
		amounts[line.Rule] = amount.String()
	}
	return amounts
}

func amountsOf(r fee.Result, c fee.Case) []string {
	list := []string{}
	for i, line := range r.Lines {
		amount := line.Amount
		if r.Shares[i].Opposite {
			amount = amount.Neg()
		}
		list = append(list, line.Rule+" "+amount.Format(c.Transaction.Currency))
	}
	return list
}

func printCaseChanges(w io.Writer, cases *caseChanges) {
	fmt.Fprintf(w, "%s, of which %d change their amounts\n", quantity(cases.Run, "worked case"), len(cases.Changed))
	for _, c := range cases.Changed {
		fmt.Fprintf(w, "  %s\n", c.Name)
		for _, change := range c.Changes {
			fmt.Fprintf(w, "    %s\n", change)
		}
	}
}
