package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/derivation"
	"github.com/jeongsan/jeongsan/projections"
	"github.com/jeongsan/jeongsan/projections/readmodel"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

func (p *program) explainCommand() *cobra.Command {
	var inBook string
	cmd := &cobra.Command{
		Use:   "explain SOURCE EXTERNAL_ID | BOOK@REVISION",
		Short: "Explain how each amount of an entry was computed",
		Long: `Explain a settled transaction: every rule that was considered, whether it matched
or why not, its base, tier, rate, exact value, rounding and the posting that it
led to. The event holds what matched; the rest is derived again by the engine
version that the event names, from the inputs that it recorded, and the result is
compared with the event: a difference is named and the exit code is 1.

A reversal is explained by what it takes back, an adjustment by its reason and, where
a re-rating posted it, by how the transaction was rated again. What a book posted by
itself, a release of held money or the end of an accumulator's window, has no source
and id: name it by book and revision.

Beside a running server the command reads through the server's event store and
database.`,
		Example: `  jeongsan explain arcade-pay A-1001 --data ./ledger
  jeongsan explain arcade-pay A-1001 --book seoul --json
  jeongsan explain seoul@4711`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && strings.Contains(args[0], "@") {
				return nil
			}
			return exactArguments(cmd, args, "SOURCE", "EXTERNAL_ID")
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			if len(args) == 1 {
				return p.explainRevision(ctx, args[0])
			}
			attached, err := p.attach()
			if err != nil {
				return err
			}
			o, err := p.open(ctx, need{command: "explain", existing: true, database: true, projections: !attached && p.config.Database == ""})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			if o.runner != nil {
				if err := p.catchUp(ctx, o); err != nil {
					return err
				}
			}
			return p.explain(ctx, o, book.Key{Source: args[0], ExternalID: args[1]}, inBook)
		},
	}
	cmd.Flags().StringVar(&inBook, "book", "", "`book` of the transaction, where several have it")
	return cmd
}

// explained is a settled transaction, explained.
type explained struct {
	Event       string           `json:"event"` // "<stream>@<revision>"
	ExternalID  string           `json:"external_id"`
	Contract    string           `json:"contract"`
	OccurredAt  time.Time        `json:"occurred_at"`
	RecordedAt  time.Time        `json:"recorded_at"`
	Original    *book.Original   `json:"original,omitempty"`
	Refunded    *string          `json:"refunded,omitempty"` // of the original, before this refund
	Agrees      bool             `json:"agrees"`             // the lines derived are those of the event
	Differences []string         `json:"differences,omitempty"`
	Postings    []ledger.Posting `json:"postings"`
	// Later names what came of it since, oldest first.
	Later []later `json:"later,omitempty"`
	rating
}

// later is a later transaction that names an earlier one.
type later struct {
	Kind  string   `json:"kind"` // refund, reversal, adjustment, restatement or restoration
	Key   book.Key `json:"key"`
	Event string   `json:"event"`
}

// mostLater bounds what is shown of them.
const mostLater = 100

func laterOf(ctx context.Context, o *parts, header *transaction.Header) ([]later, error) {
	links, err := transaction.Links(ctx, o.pool, header.Book, header.Revision, mostLater)
	if err != nil {
		return nil, err
	}
	named := make([]later, 0, len(links))
	for i := range links {
		l := &links[i]
		named = append(named, later{l.Link, book.Key{Source: l.Source, ExternalID: l.ExternalID}, eventName(domain.Ref{Stream: domain.Stream(book.Category, l.Book), Revision: l.Revision})})
	}
	return named, nil
}

// printTo says it for people.
func (l *later) printTo(w io.Writer) {
	what := map[string]string{
		readmodel.LinkRefund: "given back by", readmodel.LinkReversal: "taken back by", readmodel.LinkAdjustment: "adjusted by",
		readmodel.LinkRestatement: "rated again and restated by", readmodel.LinkRestoration: "given to it again by",
	}[l.Kind]
	fmt.Fprintf(w, "since then: %s %s of source %s, event %s\n", what, l.Key.ExternalID, l.Key.Source, l.Event)
}

func (p *program) explain(ctx context.Context, o *parts, key book.Key, inBook string) error {
	found, err := settled(ctx, o, key, inBook)
	if err != nil {
		return err
	}
	switch {
	case len(found) == 0:
		return notSettled(ctx, o, key, inBook)
	case len(found) > 1:
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeConflict, Field: "book", Message: "several books have a transaction with this source and id", Remedy: "name the book with --book"})
	}
	ref := domain.Ref{Stream: domain.Stream(book.Category, found[0].Book), Revision: found[0].Revision}
	for recorded, err := range o.store.ReadStream(ctx, ref.Stream, eventstore.Forwards, ref.Revision, 1) {
		if err != nil {
			return err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case book.TransactionSettled:
			since, err := laterOf(ctx, o, &found[0])
			if err != nil {
				return err
			}
			return p.explainSettled(ctx, o.store, ref, &e, since)
		case book.EntryReversed:
			return p.explainReversal(ctx, o.store, ref, &e)
		case book.AdjustmentPosted:
			return p.explainAdjustment(ctx, o.store, ref, &e)
		}
	}
	return notOfThisLog(ref)
}

// notOfThisLog says that the log has not what a read model refers to.
func notOfThisLog(ref domain.Ref) error {
	return &domain.Error{Code: domain.CodeNotFound, Field: "event", Value: fmt.Sprintf("%s@%d", ref.Stream, ref.Revision), Message: "the log has no such transaction", Remedy: "the read model is not of this log: see jeongsan verify"}
}

// settled finds a transaction in the read model, which is waited for where it is
// behind the log: what was just acknowledged is found, too.
func settled(ctx context.Context, o *parts, key book.Key, inBook string) ([]transaction.Header, error) {
	found, err := transaction.Find(ctx, o.pool, key.Source, key.ExternalID, inBook)
	if err != nil || len(found) > 0 {
		return found, err
	}
	position, err := o.store.LastPosition(ctx)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, explainPatience)
	defer cancel()
	if err := projections.AwaitCheckpoint(waiting, o.pool, o.identity.Token(position), "transaction"); err != nil {
		return nil, err
	}
	return transaction.Find(ctx, o.pool, key.Source, key.ExternalID, inBook)
}

// explainPatience is how long a read model that is behind is waited for.
const explainPatience = 5 * time.Second

// notSettled says why there is nothing to explain: the record waits in quarantine, or
// is not known at all.
func notSettled(ctx context.Context, o *parts, key book.Key, inBook string) error {
	for entry, err := range collect.List(ctx, o.store, nil, key.Source, collect.Filter{Record: key.ExternalID, Limit: 1}) {
		if domain.CodeOf(err) == domain.CodeNotFound || domain.CodeOf(err) == domain.CodeInvalid {
			break // no source that files are read for
		}
		if err != nil {
			return err
		}
		return &domain.Error{
			Code: domain.CodeNotFound, Field: "external_id", Value: key.ExternalID, Message: "it has not settled, it is in quarantine: " + entry.Reason,
			Remedy: "mend the cause, then jeongsan quarantine retry --source " + key.Source,
		}
	}
	waiting, err := transaction.Awaiting(ctx, o.pool, transaction.AwaitingFilter{Book: inBook, Source: key.Source, ExternalID: key.ExternalID}, eventstore.Start, 1)
	if err != nil {
		return err
	}
	for i := range waiting {
		w := &waiting[i]
		return &domain.Error{
			Code: domain.CodeNotFound, Field: "external_id", Value: key.ExternalID,
			Message: "the " + w.Kind + " came before its original " + w.OriginalExternalID + " and waits for it in book " + w.Book + " since " + w.RecordedAt.UTC().Format(time.RFC3339),
			Remedy:  "send the original; it is carried out right behind it",
		}
	}
	where := "in the read model"
	if inBook != "" {
		where = "in book " + inBook
	}
	return &domain.Error{Code: domain.CodeNotFound, Field: "external_id", Value: key.ExternalID, Message: "source " + key.Source + " has no such transaction " + where, Remedy: "check both ids, and jeongsan quarantine list --source " + key.Source}
}

func (p *program) explainSettled(ctx context.Context, store eventstore.Store, ref domain.Ref, e *book.TransactionSettled, since []later) error {
	derived, err := derivation.Derive(ctx, store, e)
	if err != nil {
		return err
	}
	shown := explained{
		Event: fmt.Sprintf("%s@%d", ref.Stream, ref.Revision), ExternalID: e.ExternalID, Contract: e.Contract, OccurredAt: e.OccurredAt, RecordedAt: e.RecordedAt,
		Original: e.Original, Agrees: len(derived.Differences) == 0, Differences: derived.Differences, Postings: e.Postings, Later: since,
		rating: newRating(transactionOf(e), derived.Explanation),
	}
	if e.Original != nil {
		refunded := e.Refunded.Format(e.Currency)
		shown.Refunded = &refunded
	}
	if p.config.JSON {
		if err := p.printJSON(shown); err != nil {
			return err
		}
	} else {
		shown.printAll(p.stdout, e)
	}
	return agreed(shown.Agrees, shown.Event)
}

// agreed is nil where what was derived is what the event says.
func agreed(agrees bool, event string) error {
	if agrees {
		return nil
	}
	return &domain.Error{Code: domain.CodeConflict, Field: "explanation", Value: event, Message: "what is derived is not what the event says", Remedy: "report it: an engine has changed; jeongsan verify tells whether the books are sound"}
}

// transactionOf is what an event says of its transaction.
func transactionOf(e *book.TransactionSettled) fee.CaseTransaction {
	t := fee.CaseTransaction{
		Amount: e.Amount, Currency: e.Currency, Type: e.Type, Method: e.Method, Product: e.Product, Source: e.Source, On: e.EffectiveOn,
		Attributes: e.Attributes, Parties: map[string]string{},
	}
	for role, id := range e.Parties.All() {
		t.Parties[role] = id
	}
	return t
}

func (x *explained) printAll(w io.Writer, e *book.TransactionSettled) {
	fmt.Fprintf(w, "%s %s of source %s: %s %s, occurred %s, effective %s\n", e.Type, e.ExternalID, e.Source, e.Amount.Format(e.Currency), e.Currency, e.OccurredAt.Format(time.RFC3339), e.EffectiveOn)
	fmt.Fprintf(w, "contract %s, schedule %s version %d, engine %d, event %s of the log\n", e.Contract, e.Schedule, e.Version, e.Engine, x.Event)
	if e.Original != nil {
		fmt.Fprintf(w, "gives back %s %s, of which %s had been given back before\n", e.Original.Source, e.Original.ExternalID, *x.Refunded)
	}
	x.print(w)
	for _, d := range x.Differences {
		fmt.Fprintf(w, "DIFFERENCE %s\n", d)
	}
	printPostings(w, e.Postings)
	printHolds(w, e.Holds)
	for i := range x.Later {
		x.Later[i].printTo(w)
	}
}

// printPostings shows an entry.
func printPostings(w io.Writer, postings []ledger.Posting) {
	t := newTable(w)
	t.AppendHeader(table.Row{"account", "debit", "credit"})
	for _, posting := range postings {
		row := table.Row{posting.Account, "", ""}
		_, _, currency := posting.Account.Split()
		row[1+int(posting.Side)] = posting.Amount.Format(currency)
		t.AppendRow(row)
	}
	alignNumbers(t, 3, 2)
	t.Render()
}
