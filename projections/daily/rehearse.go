package daily

import (
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// rehearsal is the read model over rows in memory.
type rehearsal struct{ totals map[Key]row }

type row struct {
	transactions    int64
	debits, credits decimal.Decimal
}

// Rehearse returns the read model without Postgres, empty.
func Rehearse() readmodel.Rehearsal { return &rehearsal{totals: map[Key]row{}} }

// Forget implements readmodel.Rehearsal: there is nothing to forget.
func (*rehearsal) Forget() {}

// Project implements readmodel.Rehearsal.
func (r *rehearsal) Project(events []readmodel.Event) (func(), error) {
	added := fold(events)
	return func() {
		for _, s := range added {
			total := r.totals[s.Key]
			total.transactions += s.Transactions
			total.debits, total.credits = total.debits.Add(s.Debits.Decimal()), total.credits.Add(s.Credits.Decimal())
			r.totals[s.Key] = total
		}
	}, nil
}

// Rows implements readmodel.Rehearsal.
func (r *rehearsal) Rows() map[string][][]string {
	rows := map[string][][]string{}
	for k, total := range r.totals {
		rows["totals"] = append(rows["totals"], []string{
			string(k.Day), k.Book, k.Party, k.Product, k.Method, k.Type, string(k.Currency),
			strconv.FormatInt(total.transactions, 10), total.debits.String(), total.credits.String(),
		})
	}
	return rows
}
