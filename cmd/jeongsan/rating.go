package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// rating is a transaction with all that a schedule looked at, as simulate and
// explain print it.
type rating struct {
	Transaction fee.CaseTransaction `json:"transaction"`
	Gross       money.Amount        `json:"gross"`
	Rated       money.Amount        `json:"rated"`
	fee.Explanation
	Lines  []fee.Line `json:"lines"`
	Shares []share    `json:"shares"`
	// Conversions are shares that are paid in another currency, Releases those that are
	// held and fall due.
	Conversions []conversion  `json:"conversions,omitempty"`
	Releases    []fee.Release `json:"releases,omitempty"`
}

// conversion is what became of a share that is paid in another currency.
type conversion struct {
	Rule string `json:"rule"`
	fee.Conversion
	Shares []share `json:"shares"`
}

// share says where the amount of the line with the same index goes.
type share struct {
	Rule    string       `json:"rule"`
	Role    string       `json:"role"`
	Purpose string       `json:"purpose"`
	Side    string       `json:"side"` // debit or credit
	Amount  money.Amount `json:"amount"`
	// Of a rule with a hold: until when it is held, and what it moves into then. What
	// takes from it takes held money of that date first, and then from there.
	HeldUntil domain.Date `json:"held_until,omitempty"`
	Into      string      `json:"into,omitempty"`
	// First are the purposes of held money that pay first what it takes.
	First []string `json:"first,omitempty"`
}

func newRating(t fee.CaseTransaction, e fee.Explanation) rating {
	r := rating{Transaction: t, Gross: e.Result.Gross, Rated: e.Result.Rated, Explanation: e, Lines: e.Result.Lines, Shares: []share{}, Releases: e.Result.Releases}
	if r.Lines == nil {
		r.Lines = []fee.Line{}
	}
	negative := t.Amount.Sign() < 0
	for i, s := range e.Result.Shares {
		r.Shares = append(r.Shares, newShare(e.Result.Lines[i].Rule, s, negative))
	}
	for _, c := range e.Result.Conversions {
		converted := conversion{Rule: c.Rule, Conversion: c.Conversion}
		for _, s := range c.Shares {
			converted.Shares = append(converted.Shares, newShare(c.Rule, s, negative))
		}
		r.Conversions = append(r.Conversions, converted)
	}
	return r
}

func newShare(rule string, s fee.Share, negative bool) share {
	made := share{Rule: rule, Role: s.To.Role, Purpose: s.To.Purpose, Side: sideOfShare(s, negative).String(), Amount: s.Amount, First: s.From}
	if s.Hold != nil {
		made.HeldUntil, made.Into = s.Hold.On, s.Hold.Into.Purpose
	}
	return made
}

// sideOfShare is the side on which a share is posted: that of the funds is debit,
// all swapped for a negative amount.
func sideOfShare(s fee.Share, negative bool) ledger.Side {
	if s.Opposite != negative {
		return ledger.Debit
	}
	return ledger.Credit
}

// print writes the whole explanation for people.
func (r *rating) print(w io.Writer) {
	printShown(w, "input", r.Inputs)
	printShown(w, "parameter", r.Parameters)
	printShown(w, "value", r.Values)
	r.printCounted(w)
	for i, rule := range r.Rules {
		mark := "applies"
		if !rule.Matched {
			mark = "does not apply"
		}
		fmt.Fprintf(w, "%2d. %s %s", i+1, rule.Rule, mark)
		if rule.Why != "" {
			fmt.Fprintf(w, ": %s", rule.Why)
		}
		fmt.Fprintln(w)
		for _, step := range rule.Steps {
			fmt.Fprintf(w, "      %s\n", shownText(step))
		}
	}
	r.printLines(w)
}

func shownText(s fee.Shown) string {
	text := s.Name + " = " + s.Value
	if s.Formula != "" && s.Formula != s.Value {
		text += "   (" + s.Formula + ")"
	}
	return text
}

func printShown(w io.Writer, word string, list []fee.Shown) {
	for _, s := range list {
		fmt.Fprintf(w, "%s %s\n", word, shownText(s))
	}
}

func (r *rating) printCounted(w io.Writer) {
	for _, c := range r.Accumulators {
		fmt.Fprintf(w, "accumulator %s %s → %s (%s)", c.Name, c.Before, c.After, c.Counter)
		for _, text := range []string{c.Why, c.Formula} {
			if text != "" {
				fmt.Fprintf(w, ": %s", text)
			}
		}
		fmt.Fprintln(w)
	}
}

// printLines is the table of what was computed and where it goes.
func (r *rating) printLines(w io.Writer) {
	if len(r.Lines) == 0 {
		fmt.Fprintln(w, "no lines: the transaction moves no money")
		return
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"rule", "to", "base", "rate", "exact", "rounding", "debit", "credit"})
	for i, line := range r.Lines {
		rate := line.Rate
		if line.Bound != "" {
			rate += " (" + line.Bound + ")"
		}
		row := table.Row{line.Rule, r.Shares[i].Role + "/" + r.Shares[i].Purpose, line.Base, rate, line.Exact, line.Rounding, "", ""}
		column := 6
		if r.Shares[i].Side == ledger.Credit.String() {
			column++
		}
		row[column] = line.Amount.Format(r.Transaction.Currency)
		t.AppendRow(row)
	}
	alignNumbers(t, 8, 3)
	t.Render()
	for _, c := range r.Conversions {
		for i := range c.Shares {
			s := &c.Shares[i]
			fmt.Fprintf(w, "%s converted at %s: %s %s %s for %s/%s\n", s.Rule, c.Rate, s.Side, s.Amount.Format(c.To), c.To, s.Role, s.Purpose)
			s.printTaken(w)
		}
	}
	for i := range r.Shares {
		r.Shares[i].printTaken(w)
	}
	for _, reached := range r.Recourse {
		holds := "holds"
		if !reached.Holds {
			holds = "does not hold"
		}
		fmt.Fprintf(w, "recourse to %s of %s %s: %s\n", strings.Join(reached.From, ", "), reached.Role, holds, cmp.Or(reached.Why, "always"))
	}
	for _, held := range r.Releases {
		fmt.Fprintf(w, "%s held: %s %s move from %s/%s to %s/%s on %s\n", held.Rule, held.Amount.Format(held.Currency), held.Currency,
			held.From.Role, held.From.Purpose, held.Into.Role, held.Into.Purpose, held.On)
	}
}

// printTaken says which held money pays for a share that takes from its account.
func (s *share) printTaken(w io.Writer) {
	if s.Side != ledger.Debit.String() || s.Amount.IsZero() {
		return
	}
	var first []string
	if s.HeldUntil != "" {
		first = append(first, "what "+s.Purpose+" holds until "+string(s.HeldUntil))
	}
	for _, purpose := range s.First {
		first = append(first, "what "+purpose+" holds, the earliest date first")
	}
	if len(first) > 0 {
		fmt.Fprintf(w, "%s takes first %s; the rest from %s/%s\n", s.Rule, strings.Join(first, ", then "), s.Role, cmp.Or(s.Into, s.Purpose))
	}
}
