package verify

import (
	"context"
	"hash/maphash"

	"github.com/jackc/pgx/v5"
)

// accountModel expects accounts, balances and entries. Of the entries it keeps,
// per account, a hash chained over all items in order; the rows must give the
// same chain however they cut the sequence into pieces.
type accountModel struct {
	seed     maphash.Seed
	totals   totals
	accounts *cursor[accountRow]
	balances *cursor[balanceRow]
	entries  *cursor[entriesRow]
	numbers  map[int32]*account // by the id that the table gives
	items    uint64
	opening  func(number int32) *cursor[entriesRow]
}

type accountRow struct {
	id                                   int32
	book, path, owner, purpose, currency string
	opened                               int64
}

type balanceRow struct {
	id                int32
	debits, credits   figure
	entries, position int64
}

type entriesRow struct {
	id              int32
	position        int64
	positions       []int64
	debit           []bool
	amounts         []string
	debits, credits figure
}

const entriesQuery = `SELECT account, position, positions, debit, amounts::text[], debits::text, credits::text FROM account.entries`

func newAccountModel(s *snapshot) *accountModel {
	m := &accountModel{seed: maphash.MakeSeed(), numbers: map[int32]*account{}}
	if s == nil {
		return m
	}
	m.accounts = &cursor[accountRow]{
		tx: s.tx, name: "verify_accounts", query: `SELECT account, book, path, owner, purpose, currency, opened FROM account.accounts ORDER BY account`,
		scan: func(row pgx.CollectableRow) (r accountRow, err error) {
			return r, row.Scan(&r.id, &r.book, &r.path, &r.owner, &r.purpose, &r.currency, &r.opened)
		},
	}
	m.balances = &cursor[balanceRow]{
		tx: s.tx, name: "verify_balances", query: `SELECT account, debits::text, credits::text, entries, position FROM account.balances ORDER BY account`,
		scan: func(row pgx.CollectableRow) (r balanceRow, err error) {
			var debits, credits string
			if err = row.Scan(&r.id, &debits, &credits, &r.entries, &r.position); err != nil {
				return r, err
			}
			r.debits, r.credits, err = both(debits, credits, "account.balances")
			return r, err
		},
	}
	m.entries = &cursor[entriesRow]{tx: s.tx, name: "verify_entries", query: entriesQuery + ` ORDER BY account, position`, scan: scanEntries}
	m.opening = func(number int32) *cursor[entriesRow] {
		return &cursor[entriesRow]{
			tx: s.tx, name: "verify_entries_again", query: entriesQuery + ` WHERE account = ` + sqlNumber(number) + ` ORDER BY position`, scan: scanEntries,
		}
	}
	return m
}

func sqlNumber(n int32) string { return number(int64(n)) }

func scanEntries(row pgx.CollectableRow) (r entriesRow, err error) {
	var debits, credits string
	if err = row.Scan(&r.id, &r.position, &r.positions, &r.debit, &r.amounts, &debits, &credits); err != nil {
		return r, err
	}
	r.debits, r.credits, err = both(debits, credits, "account.entries")
	return r, err
}

func both(debits, credits, what string) (d, c figure, err error) {
	if d, err = numeric(debits, what); err != nil {
		return d, c, err
	}
	c, err = numeric(credits, what)
	return d, c, err
}

func (m *accountModel) name() string { return "account" }

func (m *accountModel) counted() map[string]uint64 {
	if m.accounts == nil {
		return nil
	}
	return map[string]uint64{checkAccounts: m.accounts.read, checkBalances: m.balances.read, checkEntries: m.items}
}

func (m *accountModel) fold(_ context.Context, e *event) error {
	if e.stream.book == nil {
		return nil
	}
	for _, p := range e.entry.postings {
		t := m.totals.of(p.account)
		if err := t.add(p, e); err != nil {
			return err
		}
		t.chain = m.link(t.chain, item{int64(e.position), !p.credit, p.amount})
	}
	return nil
}

// item is one posting as account.entries holds it.
type item struct {
	position int64
	debit    bool
	amount   figure
}

func (m *accountModel) link(chain uint64, i item) uint64 {
	type next struct {
		chain uint64
		item  item
	}
	return maphash.Comparable(m.seed, next{chain, i})
}

func (m *accountModel) compare(ctx context.Context, r *rereader) error {
	if err := m.compareAccounts(ctx, r); err != nil {
		return err
	}
	if err := m.compareBalances(ctx, r); err != nil {
		return err
	}
	return m.compareEntries(ctx, r)
}

// expected reports whether the model must hold an account: one may have been
// opened after the checkpoint.
func (m *accountModel) expected(a *account) bool {
	return a.number < len(m.totals) && m.totals[a.number].postings > 0
}

func (a *account) in(table string) string { return table + " " + a.path + " of book " + a.book }

func (m *accountModel) compareAccounts(ctx context.Context, r *rereader) error {
	byPath := make(map[[2]string]*account, len(m.totals))
	for _, a := range r.accounts {
		if m.expected(a) {
			byPath[[2]string{a.book, a.path}] = a
		}
	}
	err := m.accounts.each(ctx, func(row *accountRow) error {
		key := [2]string{row.book, row.path}
		a, ok := byPath[key]
		if !ok {
			return differs(checkAccounts, "account.accounts "+row.path+" of book "+row.book, "no second row and none without postings", "account "+sqlNumber(row.id))
		}
		delete(byPath, key)
		m.numbers[row.id] = a
		found := *row
		want := accountRow{row.id, a.book, a.path, a.owner, a.purpose, a.currency, int64(a.opened)}
		if found != want {
			return mismatch(checkAccounts, a.in("account.accounts"), want.columns(), found.columns())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range r.accounts {
		if byPath[[2]string{a.book, a.path}] == a {
			return differs(checkAccounts, a.in("account.accounts"), "a row", "none")
		}
	}
	return nil
}

func (r accountRow) columns() []column {
	return []column{{"owner", r.owner}, {"purpose", r.purpose}, {"currency", r.currency}, {"opened", number(r.opened)}}
}

func (m *accountModel) compareBalances(ctx context.Context, r *rereader) error {
	seen := make([]bool, len(m.totals))
	err := m.balances.each(ctx, func(row *balanceRow) error {
		a, ok := m.numbers[row.id]
		if !ok {
			return differs(checkBalances, "account.balances account "+sqlNumber(row.id), "no row without an account", "one")
		}
		seen[a.number] = true
		t := m.totals[a.number]
		want := balanceRow{row.id, t.debits, t.credits, int64(t.postings), int64(t.last)}
		if *row != want {
			return mismatch(checkBalances, a.in("account.balances"), want.columns(a), row.columns(a))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range r.accounts {
		if m.expected(a) && !seen[a.number] {
			return differs(checkBalances, a.in("account.balances"), "a row with debits "+m.totals[a.number].debits.format(a.decimals)+", credits "+m.totals[a.number].credits.format(a.decimals), "none")
		}
	}
	return nil
}

func (r balanceRow) columns(a *account) []column {
	return []column{
		{"debits", r.debits.format(a.decimals)}, {"credits", r.credits.format(a.decimals)},
		{"entries", number(r.entries)}, {"position", number(r.position)},
	}
}

// running is what the rows of one account have come to so far.
type running struct {
	id              int32
	debits, credits figure
	chain           uint64
	items           uint64
	sound           bool
}

func (m *accountModel) compareEntries(ctx context.Context, r *rereader) error {
	seen := make([]bool, len(m.totals))
	now := running{sound: true}
	finish := func() error {
		a, ok := m.numbers[now.id]
		switch {
		case now.id == 0:
			return nil
		case !ok:
			return differs(checkEntries, "account.entries account "+sqlNumber(now.id), "no row without an account", "one")
		}
		seen[a.number] = true
		if t := m.totals[a.number]; !now.sound || now.chain != t.chain || now.items != t.postings {
			return m.nameEntry(ctx, r, a, now.id)
		}
		m.items += now.items
		return nil
	}
	err := m.entries.each(ctx, func(row *entriesRow) error {
		if row.id != now.id {
			if err := finish(); err != nil {
				return err
			}
			now = running{id: row.id, sound: true}
		}
		return m.take(&now, row)
	})
	if err == nil {
		err = finish()
	}
	if err != nil {
		return err
	}
	for _, a := range r.accounts {
		if m.expected(a) && !seen[a.number] {
			return differs(checkEntries, a.in("account.entries"), number(m.totals[a.number].postings)+" items", "no row")
		}
	}
	return nil
}

// take adds a row to what its account has come to. A row that contradicts itself
// is marked only: naming compares it item by item.
func (m *accountModel) take(now *running, row *entriesRow) error {
	n := len(row.positions)
	if n == 0 || len(row.debit) != n || len(row.amounts) != n || row.positions[n-1] != row.position {
		now.sound = false
		return nil
	}
	for i := range n {
		amount, err := numeric(row.amounts[i], "account.entries")
		if err != nil {
			return err
		}
		side := &now.credits
		if row.debit[i] {
			side = &now.debits
		}
		var ok bool
		if *side, ok = side.plus(amount); !ok {
			now.sound = false
			return nil
		}
		now.chain = m.link(now.chain, item{row.positions[i], row.debit[i], amount})
		now.items++
	}
	if now.debits != row.debits || now.credits != row.credits {
		now.sound = false
	}
	return nil
}

// nameEntry reads the log and the rows of one account again to name the first
// item that differs.
func (m *accountModel) nameEntry(ctx context.Context, r *rereader, a *account, id int32) error {
	var want []item
	err := r.read(ctx, func(e *event) error {
		if e.stream.book == nil {
			return nil
		}
		for _, p := range e.entry.postings {
			if p.account.book == a.book && p.account.path == a.path {
				want = append(want, item{int64(e.position), !p.credit, p.amount})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var at int
	var debits, credits figure
	err = m.opening(id).each(ctx, func(row *entriesRow) error {
		where := a.in("account.entries") + " row " + number(row.position)
		n := len(row.positions)
		if n == 0 || len(row.debit) != n || len(row.amounts) != n || row.positions[n-1] != row.position {
			return differs(checkEntries, where, "arrays of one length that end at the row's position", number(n)+" positions, "+number(len(row.debit))+" sides, "+number(len(row.amounts))+" amounts")
		}
		for i := range n {
			amount, err := numeric(row.amounts[i], "account.entries")
			if err != nil {
				return err
			}
			found := item{row.positions[i], row.debit[i], amount}
			if at >= len(want) {
				return differs(checkEntries, where+" item "+number(i+1), "no item", found.describe(a))
			}
			if found != want[at] {
				return differs(checkEntries, where+" item "+number(i+1), want[at].describe(a), found.describe(a))
			}
			side := &credits
			if found.debit {
				side = &debits
			}
			*side, _ = side.plus(amount) // equal to the log's so far, which fits
			at++
		}
		if debits != row.debits || credits != row.credits {
			return differs(checkEntries, where, "running debits "+debits.format(a.decimals)+", credits "+credits.format(a.decimals),
				"debits "+row.debits.format(a.decimals)+", credits "+row.credits.format(a.decimals))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if at < len(want) {
		return differs(checkEntries, a.in("account.entries")+" item "+number(at+1), want[at].describe(a), "none")
	}
	return differs(checkEntries, a.in("account.entries"), "the items of the log", "others, and no longer when looked at again")
}

func (i item) describe(a *account) string {
	side := "credit "
	if i.debit {
		side = "debit "
	}
	return side + i.amount.format(a.decimals) + " at position " + number(i.position)
}
