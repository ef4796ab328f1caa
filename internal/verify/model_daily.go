package verify

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// dailyModel expects the totals per day. There are few rows for many
// transactions, so all are held.
type dailyModel struct {
	totals map[dailyKey]*dailyTotal
	rows   *cursor[dailyRow]
}

type dailyKey struct {
	day, book, party, product, method, typ, currency string
}

type dailyTotal struct {
	transactions    int64
	debits, credits figure
}

type dailyRow struct {
	key   dailyKey
	total dailyTotal
}

func newDailyModel(s *snapshot) *dailyModel {
	m := &dailyModel{totals: map[dailyKey]*dailyTotal{}}
	if s == nil {
		return m
	}
	m.rows = &cursor[dailyRow]{
		tx: s.tx, name: "verify_daily",
		query: `SELECT day::text, book, party, product, method, type, currency, transactions, debits::text, credits::text FROM daily.totals ORDER BY day, book, party`,
		scan: func(row pgx.CollectableRow) (r dailyRow, err error) {
			var debits, credits string
			k := &r.key
			err = row.Scan(&k.day, &k.book, &k.party, &k.product, &k.method, &k.typ, &k.currency, &r.total.transactions, &debits, &credits)
			if err != nil {
				return r, err
			}
			r.total.debits, r.total.credits, err = both(debits, credits, "daily.totals")
			return r, err
		},
	}
	return m
}

func (m *dailyModel) name() string { return "daily" }

func (m *dailyModel) counted() map[string]uint64 {
	if m.rows == nil {
		return nil
	}
	return map[string]uint64{checkDaily: m.rows.read}
}

// fold counts a transaction once for every party of its header, and adds the
// postings to the owners of their accounts. What a book posts by itself counts as none.
func (m *dailyModel) fold(_ context.Context, e *event) error {
	if e.stream.book == nil {
		return nil
	}
	n := &e.entry
	key := dailyKey{day: n.effectiveOn, book: e.stream.id, product: n.product, method: n.method, typ: n.typ}
	if n.transaction() {
		for _, name := range n.headers() {
			key.party, key.currency = name, n.currency
			m.of(key).transactions++
		}
	}
	for _, p := range n.postings {
		key.party, key.currency = p.account.owner, p.account.currency
		t := m.of(key)
		side, ok := &t.debits, false
		if p.credit {
			side = &t.credits
		}
		if *side, ok = side.plus(p.amount); !ok {
			return e.differs(checkDaily, "a daily total within 128 bits", "more")
		}
	}
	return nil
}

func (m *dailyModel) of(key dailyKey) *dailyTotal {
	t, ok := m.totals[key]
	if !ok {
		t = &dailyTotal{}
		m.totals[key] = t
	}
	return t
}

func (m *dailyModel) compare(ctx context.Context, _ *rereader) error {
	err := m.rows.each(ctx, func(row *dailyRow) error {
		want, ok := m.totals[row.key]
		if !ok {
			return differs(checkDaily, row.key.String(), "no row", row.total.String())
		}
		if *want != row.total {
			return mismatch(checkDaily, row.key.String(), want.columns(), row.total.columns())
		}
		delete(m.totals, row.key)
		return nil
	})
	if err != nil || len(m.totals) == 0 {
		return err
	}
	missing := slices.MinFunc(slices.Collect(maps.Keys(m.totals)), func(a, b dailyKey) int { return cmp.Compare(a.String(), b.String()) })
	return differs(checkDaily, missing.String(), m.totals[missing].String(), "no row")
}

func (k dailyKey) String() string {
	return "daily.totals " + k.day + " book " + k.book + ", party " + k.party + ", product " + orEmpty(k.product) +
		", method " + orEmpty(k.method) + ", type " + k.typ + ", " + k.currency
}

func (t dailyTotal) String() string {
	return number(t.transactions) + " transactions, debits " + t.debits.String() + ", credits " + t.credits.String()
}

func (t dailyTotal) columns() []column {
	return []column{{"transactions", number(t.transactions)}, {"debits", t.debits.String()}, {"credits", t.credits.String()}}
}
