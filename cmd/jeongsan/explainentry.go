package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/derivation"
)

// entryExplained is an entry that is no settlement, explained. What a kind does not
// have is left out.
type entryExplained struct {
	Event      string     `json:"event"` // "<stream>@<revision>"
	Kind       string     `json:"kind"`  // reversal, adjustment, release or closing
	Key        *book.Key  `json:"key,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	OccurredAt *time.Time `json:"occurred_at,omitempty"`
	RecordedAt time.Time  `json:"recorded_at"`
	// Of is the transaction that it reverses or adjusts, RestsOn the event whose
	// postings it starts from.
	Of      *book.Original `json:"of,omitempty"`
	RestsOn string         `json:"rests_on,omitempty"`
	// BusinessDate is that of a release or a closing; Counter and the rest are a
	// closing's.
	BusinessDate domain.Date         `json:"business_date,omitempty"`
	Counter      string              `json:"counter,omitempty"`
	First        domain.Date         `json:"first,omitempty"`
	Last         domain.Date         `json:"last,omitempty"`
	Schedule     string              `json:"schedule,omitempty"` // "<id>@<version>"
	Read         []fee.Count         `json:"read,omitempty"`
	Periods      []derivation.Period `json:"periods,omitempty"`
	Counts       []fee.Count         `json:"counts,omitempty"`
	// Rating is how a re-rating came to what stands now.
	Rating      *rating           `json:"rating,omitempty"`
	Moves       []derivation.Move `json:"moves"`
	Holds       []book.Hold       `json:"holds,omitempty"`
	Agrees      bool              `json:"agrees"`
	Differences []string          `json:"differences,omitempty"`
}

func eventName(ref domain.Ref) string { return fmt.Sprintf("%s@%d", ref.Stream, ref.Revision) }

func (p *program) explainReversal(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.EntryReversed) error {
	derived, err := derivation.Reverse(ctx, store, ref, e)
	if err != nil {
		return err
	}
	return p.showEntry(&entryExplained{
		Event: eventName(ref), Kind: "reversal", Key: &e.Key, Reason: e.Reason, OccurredAt: &e.OccurredAt, RecordedAt: e.RecordedAt, Of: &e.Reverses,
		RestsOn: eventName(derived.RestsOn), Counts: e.Counts, Moves: derived.Moves, Holds: e.Holds, Differences: derived.Differences,
	})
}

func (p *program) explainAdjustment(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.AdjustmentPosted) error {
	derived, err := derivation.Adjust(ctx, store, ref, e)
	if err != nil {
		return err
	}
	shown := entryExplained{
		Event: eventName(ref), Kind: "adjustment", Key: &e.Key, Reason: e.Reason, OccurredAt: &e.OccurredAt, RecordedAt: e.RecordedAt, Of: e.Adjusts,
		Moves: derived.Moves, Holds: e.Holds, Differences: derived.Differences,
	}
	if derived.Restated != nil {
		shown.RestsOn, shown.Schedule = eventName(derived.RestsOn), fmt.Sprintf("%s@%d", e.Restates.Schedule, e.Restates.Version)
		shown.Rating = new(newRating(transactionOf(derived.Restated), derived.Explanation))
	}
	return p.showEntry(&shown)
}

// explainRevision explains any entry by its place in a book: "seoul@17".
func (p *program) explainRevision(ctx context.Context, place string) (err error) {
	at := strings.LastIndexByte(place, '@')
	revision, err := strconv.ParseUint(place[at+1:], 10, 63)
	if err == nil {
		err = domain.CheckID("book", place[:at])
	}
	if err != nil {
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "entry", Value: place, Message: "not a place in a book", Remedy: "write book and revision, as seoul@4711"})
	}
	o, err := p.openToRead(ctx, "explain")
	if err != nil {
		return p.explainInUse(err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	ref := domain.Ref{Stream: domain.Stream(book.Category, place[:at]), Revision: revision}
	for recorded, err := range o.store.ReadStream(ctx, ref.Stream, eventstore.Forwards, revision, 1) {
		if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
			break
		}
		if err != nil {
			return err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return err
		}
		return p.explainEvent(ctx, o.store, ref, event)
	}
	return &domain.Error{Code: domain.CodeNotFound, Field: "entry", Value: place, Message: "the log has no such event", Remedy: "revisions count from 0; see jeongsan replay"}
}

func (p *program) explainEvent(ctx context.Context, store eventstore.Store, ref domain.Ref, event domain.Event) error {
	switch e := event.(type) {
	case book.TransactionSettled:
		return p.explainSettled(ctx, store, ref, &e, nil)
	case book.EntryReversed:
		return p.explainReversal(ctx, store, ref, &e)
	case book.AdjustmentPosted:
		return p.explainAdjustment(ctx, store, ref, &e)
	case book.HoldsReleased:
		return p.explainRelease(ref, &e)
	case book.WindowClosed:
		return p.explainClosing(ctx, store, ref, &e)
	}
	posts := "event " + event.EventType() + " posts nothing"
	switch e := event.(type) {
	case book.BusinessDateAdvanced:
		posts = "the book came to business date " + string(e.To) + " here, which posts nothing by itself"
	case book.OriginalAwaited:
		posts = e.ExternalID + " of source " + e.Source + " waits for its original " + e.Awaits.ExternalID + " since then, which posts nothing"
	}
	return &domain.Error{Code: domain.CodeInvalid, Field: "entry", Value: eventName(ref), Message: posts, Remedy: "see it in the audit trail: the GraphQL query events"}
}

func (p *program) explainRelease(ref domain.Ref, e *book.HoldsReleased) error {
	moves := make([]derivation.Move, 0, len(e.Postings))
	for _, posting := range e.Postings {
		moves = append(moves, derivation.Move{Posting: posting, Why: "held money that fell due by " + string(e.BusinessDate)})
	}
	return p.showEntry(&entryExplained{Event: eventName(ref), Kind: "release", RecordedAt: e.RecordedAt, BusinessDate: e.BusinessDate, Moves: moves, Holds: e.Holds})
}

func (p *program) explainClosing(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.WindowClosed) error {
	derived, err := derivation.Close(ctx, store, ref, e)
	if err != nil {
		return err
	}
	moves := make([]derivation.Move, 0, len(e.Postings))
	for _, posting := range e.Postings {
		moves = append(moves, derivation.Move{Posting: posting, Why: "as its periods come to"})
	}
	return p.showEntry(&entryExplained{
		Event: eventName(ref), Kind: "closing", RecordedAt: e.RecordedAt, BusinessDate: e.BusinessDate, Counter: e.Counter, First: e.First, Last: e.Last,
		Schedule: fmt.Sprintf("%s@%d", e.Schedule, e.Version), Read: e.Read, Periods: derived.Periods, Counts: e.Counts, Moves: moves, Differences: derived.Differences,
	})
}

func (p *program) showEntry(x *entryExplained) error {
	x.Agrees = len(x.Differences) == 0
	if p.config.JSON {
		if err := p.printJSON(x); err != nil {
			return err
		}
	} else {
		x.print(p.stdout)
	}
	return agreed(x.Agrees, x.Event)
}

func (x *entryExplained) print(w io.Writer) {
	fmt.Fprintf(w, "%s, event %s of the log, recorded %s\n", x.title(), x.Event, x.RecordedAt.Format(time.RFC3339))
	if x.Reason != "" {
		fmt.Fprintf(w, "reason: %s\n", x.Reason)
	}
	if x.Of != nil {
		fmt.Fprintf(w, "of %s %s, event %s\n", x.Of.Source, x.Of.ExternalID, eventName(x.Of.Ref))
	}
	if x.RestsOn != "" {
		fmt.Fprintf(w, "rests on what stood since event %s\n", x.RestsOn)
	}
	if x.Counter != "" {
		fmt.Fprintf(w, "window %s from %s to %s, by schedule %s\n", x.Counter, x.First, x.Last, x.Schedule)
	}
	for _, count := range x.Read {
		fmt.Fprintf(w, "read %s: %s\n", count.Counter, count.Before)
	}
	for _, period := range x.Periods {
		fmt.Fprintf(w, "period %s\n", period.Period)
		for _, v := range period.Values {
			fmt.Fprintf(w, "  %s = %s, is %s\n", v.Name, v.Value, v.Formula)
		}
		for _, l := range period.Lines {
			from, to := l.From, l.To
			if l.Opposite {
				from, to = to, from
			}
			fmt.Fprintf(w, "  %s: %s of %s, exact %s %s = %s, from %s to %s\n", l.Line.Rule, l.Line.Rate, l.Line.Base, l.Line.Exact, l.Line.Rounding, l.Line.Amount, from, to)
		}
	}
	for _, count := range x.Counts {
		fmt.Fprintf(w, "accumulator %s: %s, then %s\n", count.Counter, count.Before, count.After)
	}
	if r := x.Rating; r != nil {
		r.print(w)
	}
	for _, d := range x.Differences {
		fmt.Fprintf(w, "DIFFERENCE %s\n", d)
	}
	t := newTable(w)
	t.AppendHeader(table.Row{"account", "debit", "credit", "why"})
	for _, m := range x.Moves {
		row := table.Row{m.Account, "", "", m.Why}
		_, _, currency := m.Account.Split()
		row[1+int(m.Side)] = m.Amount.Format(currency)
		t.AppendRow(row)
	}
	alignNumbers(t, 3, 2)
	t.Render()
	printHolds(w, x.Holds)
}

func (x *entryExplained) title() string {
	if x.Key != nil {
		return x.Kind + " " + x.Key.ExternalID + " of source " + x.Key.Source
	}
	return x.Kind + " on business date " + string(x.BusinessDate)
}

// printHolds says what an entry makes of what is held.
func printHolds(w io.Writer, holds []book.Hold) {
	for _, h := range holds {
		_, _, currency := h.Account.Split()
		change := "holds " + h.Change.Format(currency)
		if h.Change.Sign() < 0 {
			change = "gives up " + h.Change.Neg().Format(currency) + " of what it held"
		}
		fmt.Fprintf(w, "%s %s until %s, for %s\n", h.Account, change, h.On, h.Into)
	}
}
