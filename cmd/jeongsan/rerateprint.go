package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/internal/restatement"
)

// rerated is what a re-rating, its preview or a what-if shows.
type rerated struct {
	rerating.Scope
	Operation *rerating.Operation `json:"operation,omitempty"` // nil where nothing is posted
	Draft     string              `json:"draft,omitempty"`
	Preview   bool                `json:"preview"`
	*restatement.Outcome
	// Settlements are the first that differ, in business order.
	Settlements []restated `json:"settlements"`

	most int
}

// restated is one settlement, or the end of a window, that would stand otherwise.
type restated struct {
	Revision   uint64                   `json:"revision"`
	Source     string                   `json:"source,omitempty"`
	ExternalID string                   `json:"external_id,omitempty"`
	Counter    string                   `json:"counter,omitempty"` // of the window that ended
	Type       string                   `json:"type"`
	Contract   string                   `json:"contract"`
	Schedule   string                   `json:"schedule"`
	Version    int                      `json:"version,omitempty"` // that rates a settlement now
	ByHand     bool                     `json:"by_hand,omitempty"`
	Postings   []book.AdjustmentPosting `json:"postings"` // the difference
}

// take notes a change, as far as it is to be shown.
func (r *rerated) take(c *rerating.Change) error {
	if len(r.Settlements) >= r.most {
		return nil
	}
	if c.Closing != nil {
		r.Settlements = append(r.Settlements, restated{
			Revision: c.Revision, Counter: c.Closing.Counter, Type: "closing", Contract: c.Closing.Contract, Schedule: c.Closing.Schedule, Postings: c.Legs,
		})
		return nil
	}
	r.Settlements = append(r.Settlements, restated{
		Revision: c.Revision, Source: c.Transaction.Source, ExternalID: c.Transaction.ExternalID, Type: c.Transaction.Type,
		Contract: c.Restates.Contract, Schedule: c.Restates.Schedule, Version: c.Restates.Version, ByHand: c.ByHand, Postings: c.Legs,
	})
	return nil
}

func (r *rerated) print(p *program) error {
	if r.Settlements == nil {
		r.Settlements = []restated{}
	}
	if p.config.JSON {
		return p.printJSON(r)
	}
	w := p.stdout
	name := "re-rating"
	if r.Draft != "" {
		name = "draft " + r.Draft
	} else if r.Operation != nil {
		name += " " + r.Operation.ID
	}
	fmt.Fprintf(w, "%s, book %s, %s to %s: %s settlements", name, r.Book, r.From, r.To, count(r.Rated))
	if r.Closings > 0 {
		fmt.Fprintf(w, " and %s ends of windows", count(r.Closings))
	}
	fmt.Fprintf(w, " rated, %s differ", count(r.Changed))
	if r.Failed > 0 {
		fmt.Fprintf(w, ", %s cannot be rated", count(r.Failed))
	}
	fmt.Fprintln(w)
	for _, fault := range r.Faults {
		fmt.Fprintf(w, "  %s %s: %v\n", fault.Key.Source, fault.Key.ExternalID, fault.Err)
	}
	r.printSettlements(p)
	r.printParties(p)
	if r.ByHand > 0 {
		fmt.Fprintf(w, "%s of them were adjusted by hand before: look at them, so that nothing is corrected twice\n", count(r.ByHand))
	}
	if r.Preview {
		fmt.Fprintln(w, "nothing is posted")
		return nil
	}
	fmt.Fprintf(w, "%s posted", count(r.Posted))
	if r.Posted > 0 {
		fmt.Fprintf(w, ", effective on %s", r.Operation.EffectiveOn)
	}
	if r.Already > 0 {
		fmt.Fprintf(w, ", %s had been", count(r.Already))
	}
	if r.Overtaken > 0 {
		fmt.Fprintf(w, ", %s overtaken by what the book got meanwhile: run it again", count(r.Overtaken))
	}
	fmt.Fprintln(w)
	if r.Meanwhile > 0 {
		fmt.Fprintf(w, "the book got %s more meanwhile, which this run has not seen\n", quantity(int(r.Meanwhile), "event"))
	}
	return nil
}

func (r *rerated) printSettlements(p *program) {
	if len(r.Settlements) == 0 {
		return
	}
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"settlement", "type", "rated by", "account", "debit", "credit", "held until"})
	for _, s := range r.Settlements {
		first := table.Row{s.Source + " " + s.ExternalID, s.Type, fmt.Sprintf("%s@%d", s.Schedule, s.Version)}
		if s.Counter != "" {
			first = table.Row{s.Counter, s.Type, s.Schedule}
		}
		for _, leg := range s.Postings {
			_, _, currency := leg.Account.Split()
			debit, credit := leg.Amount.Format(currency), ""
			if leg.Side == ledger.Credit {
				debit, credit = credit, debit
			}
			t.AppendRow(append(first, leg.Account, debit, credit, leg.HoldUntil))
			first = table.Row{"", "", ""}
		}
	}
	alignNumbers(t, 6, 5)
	t.Render()
	if more := r.Changed - uint64(len(r.Settlements)); more > 0 {
		fmt.Fprintf(p.stdout, "… and %s more, see --list\n", count(more))
	}
}

// printParties shows those who get more or less.
func (r *rerated) printParties(p *program) {
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"party", "currency", "stands", "would stand", "difference"})
	for _, total := range r.Parties {
		if !total.Difference.IsZero() {
			t.AppendRow(table.Row{total.Party, total.Currency, total.Stands, total.Rated, total.Difference})
		}
	}
	if t.Length() == 0 {
		return
	}
	alignNumbers(t, 5, 3)
	t.Render()
}
