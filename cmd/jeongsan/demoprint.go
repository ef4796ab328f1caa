package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/account"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/transaction"
)

// demoParties is more than the demo registers.
const demoParties = 200

func (d *demonstration) printBalances(ctx context.Context) error {
	parties, err := directory.Parties(ctx, d.o.pool, "", "", demoParties)
	if err != nil {
		return err
	}
	t := newTable(d.p.stdout)
	t.AppendHeader(table.Row{"party", "kind", "book", "purpose", "is owed", "owes", "currency"})
	for _, party := range parties {
		balances, err := account.Balances(ctx, d.o.pool, account.Filter{Owner: party.Party}, demoParties)
		if err != nil {
			return err
		}
		for _, b := range balances {
			owed, owes := b.Credits.Sub(b.Debits), ""
			credit := owed.StringFixed(int32(b.Currency.Exponent()))
			if owed.LessThan(decimal.Zero) {
				credit, owes = "", owed.Neg().StringFixed(int32(b.Currency.Exponent()))
			}
			t.AppendRow(table.Row{party.Party, party.Kind, b.Book, b.Purpose, credit, owes, b.Currency})
		}
	}
	alignNumbers(t, 6, 5)
	t.Render()
	return nil
}

// explain follows one transaction from the read model to its event in the log.
func (d *demonstration) explain(ctx context.Context, source, externalID string) error {
	headers, err := transaction.Find(ctx, d.o.pool, source, externalID, "")
	if err != nil {
		return err
	}
	if len(headers) != 1 {
		return &domain.Error{Code: domain.CodeInternal, Field: "external id", Value: externalID, Message: fmt.Sprintf("expected one transaction, found %d", len(headers))}
	}
	stream := domain.Stream(book.Category, headers[0].Book)
	for recorded, err := range d.o.store.ReadStream(ctx, stream, eventstore.Forwards, headers[0].Revision, 1) {
		if err != nil {
			return err
		}
		event, err := eventstore.Decode(recorded)
		if err != nil {
			return err
		}
		if settled, ok := event.(book.TransactionSettled); ok {
			d.printSettled(recorded, settled)
		}
	}
	return nil
}

func (d *demonstration) printSettled(recorded eventstore.Recorded, s book.TransactionSettled) {
	w := d.p.stdout
	fmt.Fprintf(w, "%s %s of source %s: %s %s by %s, occurred %s, effective %s\n", s.Type, s.ExternalID, s.Source, s.Amount.Format(s.Currency), s.Currency, s.Method, s.OccurredAt.Format(time.RFC3339), s.EffectiveOn)
	fmt.Fprintf(w, "contract %s, schedule %s version %d, event %s@%d of the log\n", s.Contract, s.Schedule, s.Version, recorded.Stream, recorded.Revision)
	rules := newTable(w)
	rules.AppendHeader(table.Row{"rule", "to", "base", "rate", "exact", "rounding", "amount"})
	for _, line := range s.Explanation {
		rate := line.Rate
		if line.Bound != "" {
			rate += " (" + line.Bound + ")"
		}
		rules.AppendRow(table.Row{line.Rule, line.To, line.Base, rate, line.Exact, line.Rounding, line.Amount.Format(s.Currency)})
	}
	alignNumbers(rules, 5, 3)
	rules.Render()
	postings := newTable(w)
	postings.AppendHeader(table.Row{"account", "debit", "credit"})
	for _, posting := range s.Postings {
		row := table.Row{posting.Account, "", ""}
		row[1+int(posting.Side)] = posting.Amount.Format(s.Currency)
		postings.AppendRow(row)
	}
	alignNumbers(postings, 3, 2)
	postings.Render()
}

// demoQueries are two queries to paste into the console.
var demoQueries = []string{
	`query { balances(party: "seller-jeju") { account debits credits amount side position } }`,
	`subscription { balanceChanged(party: "studio-comet") { cursor balances { account amount side } } }`,
}

func (p *program) sayWhereToLook(address string) {
	p.say("\nOpen %s/ and paste one of these:\n\n  %s", address, strings.Join(demoQueries, "\n\n  "))
}
