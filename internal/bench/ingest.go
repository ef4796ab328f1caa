package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
)

// definition is how the measured gateway sends its payments.
const definition = `
source: ` + sourceID + `
description: Payments of the measured platform
format:
  ndjson: {}
identity:
  id: row.id
transaction:
  book: '"` + bookID + `"'
  type: row.kind
  method: row.method
  product: row.product
  occurred_at: row.approved_at
  currency: row.payment.currency
  amount: row.payment.amount
  parties:
    provider: row.provider
    affiliate: row.affiliate
    credit_supplier: row.supplier
policy:
  unknown_party: quarantine
  unmatched_refund: quarantine
`

// ingest settles the same transactions from a file, as jeongsan ingest does.
func (b *bench) ingest(ctx context.Context, r *result) (err error) {
	l, err := b.open(ctx, "ingest", Need{Projections: true}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	n := b.config.Settlements
	path := l.dir + ".ndjson"
	b.say("ingest: writing a file of %d payments", n)
	if err := l.load.write(path, n); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove(path)) }()
	source, err := collect.ParseDefinition("bench.yaml", []byte(definition))
	if err != nil {
		return err
	}
	before, err := l.stored(ctx)
	if err != nil {
		return err
	}
	b.say("ingest: settling it")
	stop := l.tap.start(l.Runner)
	var report collect.Report
	m, err := b.measure(postmaster(l.Postgres), func() error {
		return l.during(ctx, func(ctx context.Context) error {
			delivery, err := collect.OpenFile(path, "")
			if err != nil {
				return err
			}
			report, err = l.Pipeline.Ingest(ctx, source, delivery, nil)
			if err = errors.Join(err, delivery.Close()); err != nil {
				return err
			}
			return l.Runner.Await(ctx, report.Position)
		})
	})
	stop()
	if err != nil {
		return err
	}
	if report.Counts.Settled != uint64(n) {
		return &domain.Error{Code: domain.CodeInternal, Field: "settled", Value: fmt.Sprint(report.Counts.Settled), Message: fmt.Sprintf("not all of the %d payments settled", n)}
	}
	after, err := l.stored(ctx)
	if err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.add("file", float64(report.Bytes)/float64(n), "B/settlement")
	r.percentiles("durable_to_visible", l.tap.spread())
	r.used(m.used, n, true)
	r.peak(m.peak, true)
	after.report(r, before, n, true)
	return nil
}

// write writes the first n transactions as the gateway would send them.
func (l *load) write(path string, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for i := range n {
		t := l.command(uint64(i)).Transaction
		if _, err := fmt.Fprintf(w, `{"id":%q,"kind":%q,"approved_at":%q,"method":%q,"product":%q,"provider":%q,"affiliate":%q,"supplier":%q,"payment":{"currency":%q,"amount":%s}}`+"\n",
			t.ExternalID, t.Type, t.OccurredAt.Format(time.RFC3339Nano), t.Method, t.Product, t.Parties["provider"], t.Parties["affiliate"], t.Parties["credit_supplier"], t.Currency, t.Amount); err != nil {
			return err
		}
	}
	return w.Flush()
}
