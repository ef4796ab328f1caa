package account

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/postgres"
	"github.com/jeongsan/jeongsan/migrations"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// Channel is what live readers LISTEN to: a hint, sent when changes are
// committed, with the position they reach. It may be lost.
const Channel = "jeongsan_changes"

const (
	// keptChanges is how many of the newest changes always stay for live readers.
	keptChanges = 100_000
	// pruneEvery is how many changes are written between two prunings.
	pruneEvery = 25_000
	// rememberedAccounts bounds the memory of the projector: beyond it, the
	// balances are read again when they are needed.
	rememberedAccounts = 500_000
)

// Model is the read model.
type Model struct{}

// Definition implements readmodel.Model.
func (Model) Definition() migrations.ReadModel { return migrations.Account }

// Categories implements readmodel.Model.
func (Model) Categories() []string { return []string{book.Category} }

// Projector implements readmodel.Model.
func (Model) Projector(schema string) readmodel.Projector {
	p := &projector{schema: schema, live: schema == migrations.Account.Name, unpruned: pruneEvery}
	p.Forget()
	return p
}

// Comparable implements readmodel.Model. Entries are compared item by item with
// the totals after each; the changes are of the moment and are not compared.
func (Model) Comparable() []readmodel.Comparable {
	return []readmodel.Comparable{
		{Table: "accounts", SQL: `SELECT account, book, path, owner, purpose, currency, opened FROM {schema}.accounts`},
		{Table: "balances", SQL: `SELECT account, debits, credits, entries, position FROM {schema}.balances`},
		// The items, however rows part them. An unnest in the list of columns costs a
		// third of one among the tables.
		{Table: "entries", SQL: `
			SELECT account, unnest(positions) AS position, unnest(debit) AS debit, unnest(amounts) AS amount FROM {schema}.entries`},
		// Rows that are not named by their last item, or whose totals do not follow from
		// the row before and the items: there are none.
		{Table: "totals of entries", SQL: `
			SELECT account, position, debits, credits FROM (
				SELECT e.account, e.position, e.debits, e.credits, e.positions,
					lag(e.debits, 1, 0::numeric) OVER w AS debits_before, lag(e.credits, 1, 0::numeric) OVER w AS credits_before,
					(SELECT ARRAY[coalesce(sum(u.amount) FILTER (WHERE u.debit), 0), coalesce(sum(u.amount) FILTER (WHERE NOT u.debit), 0)]
						FROM unnest(e.debit, e.amounts) AS u(debit, amount)) AS added
				FROM {schema}.entries e WINDOW w AS (PARTITION BY e.account ORDER BY e.position)
			) followed
			WHERE debits <> debits_before + added[1] OR credits <> credits_before + added[2] OR position <> positions[cardinality(positions)]`},
	}
}

type projector struct {
	schema   string
	live     bool
	state    State
	numbered bool // state.Last has been read
	all      bool // state holds every account, since there was none at first
	unpruned int  // changes written since the last pruning
}

// Forget implements readmodel.Projector.
func (p *projector) Forget() {
	p.state = State{Accounts: map[Key]*Account{}}
	p.numbered, p.all = false, false
}

// Project implements readmodel.Projector.
func (p *projector) Project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if len(p.state.Accounts) > rememberedAccounts {
		p.Forget()
	}
	if err := p.load(ctx, tx, events); err != nil {
		return err
	}
	changes := fold(&p.state, events)
	if err := p.write(ctx, tx, changes); err != nil {
		return err
	}
	return p.announce(ctx, tx, changes, events[len(events)-1].Position)
}

// load reads the accounts of the batch that exist and are not remembered.
func (p *projector) load(ctx context.Context, tx pgx.Tx, events []readmodel.Event) error {
	if !p.numbered {
		err := tx.QueryRow(ctx, readmodel.In(p.schema, "SELECT coalesce(max(account), 0) FROM {schema}.accounts")).Scan(&p.state.Last)
		if err != nil {
			return fmt.Errorf("read the last account number: %w", err)
		}
		p.numbered, p.all = true, p.state.Last == 0
	}
	if p.all {
		return nil
	}
	var books, paths []string
	asked := map[Key]bool{}
	for i := range events {
		entry := events[i].Entry
		if entry == nil {
			continue
		}
		for _, posting := range entry.Postings {
			key := Key{entry.Book, posting.Account}
			if p.state.Accounts[key] == nil && !asked[key] {
				asked[key] = true
				books, paths = append(books, key.Book), append(paths, string(key.Path))
			}
		}
	}
	if len(books) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, readmodel.In(p.schema, `
		SELECT a.book, a.path, a.account, a.opened, b.debits, b.credits, b.entries, b.position
		FROM unnest($1::text[], $2::text[]) AS k(book, path)
		JOIN {schema}.accounts a ON a.book = k.book AND a.path = k.path
		JOIN {schema}.balances b ON b.account = a.account`), books, paths)
	if err != nil {
		return fmt.Errorf("read balances: %w", err)
	}
	var a Account
	var path string
	var debits, credits decimal.Decimal
	_, err = pgx.ForEachRow(rows, []any{&a.Book, &path, &a.Number, &a.Opened, &debits, &credits, &a.Entries, &a.Position}, func() error {
		loaded := a
		loaded.Path, loaded.Debits, loaded.Credits = ledger.AccountID(path), readmodel.TotalOf(debits), readmodel.TotalOf(credits)
		p.state.Accounts[loaded.Key] = &loaded
		return nil
	})
	if err != nil {
		return fmt.Errorf("read balances: %w", err)
	}
	return nil
}

func (p *projector) write(ctx context.Context, tx pgx.Tx, changes changeSet) error {
	err := readmodel.Write(ctx, tx, p.schema, "accounts",
		[]string{"account", "book", "path", "owner", "purpose", "currency", "opened"}, changes.Opened,
		func(row **Account, to *postgres.CopyRow) {
			a := *row
			owner, purpose, currency := a.Path.Split()
			to.Int(a.Number)
			to.Text(a.Book)
			to.Text(string(a.Path))
			to.Text(owner)
			to.Text(purpose)
			to.Text(string(currency))
			to.Bigint(int64(a.Opened))
		})
	if err != nil {
		return err
	}
	err = readmodel.Write(ctx, tx, p.schema, "balances",
		[]string{"account", "debits", "credits", "entries", "position"}, changes.Opened,
		func(row **Account, to *postgres.CopyRow) {
			a := *row
			to.Int(a.Number)
			a.Debits.Write(to)
			a.Credits.Write(to)
			to.Bigint(a.Entries)
			to.Bigint(int64(a.Position))
		})
	if err != nil {
		return err
	}
	if err := p.update(ctx, tx, changes.Changed); err != nil {
		return err
	}
	return readmodel.Write(ctx, tx, p.schema, "entries",
		[]string{"account", "position", "positions", "debit", "amounts", "debits", "credits"}, changes.Chunks,
		func(c *run, to *postgres.CopyRow) {
			to.Int(c.Account)
			to.Bigint(c.Positions[len(c.Positions)-1])
			to.Bigints(c.Positions)
			to.Booleans(c.Debit)
			to.Amounts(c.Amounts)
			c.Debits.Write(to)
			c.Credits.Write(to)
		})
}

// update sets the balances of accounts that were there before.
func (p *projector) update(ctx context.Context, tx pgx.Tx, changed []*Account) error {
	n := len(changed)
	if n == 0 {
		return nil
	}
	numbers, positions, entries := make([]int32, n), make([]int64, n), make([]int64, n)
	debits, credits := make([]decimal.Decimal, n), make([]decimal.Decimal, n)
	for i, a := range changed {
		numbers[i], positions[i], entries[i], debits[i], credits[i] = a.Number, int64(a.Position), a.Entries, a.Debits.Decimal(), a.Credits.Decimal()
	}
	tag, err := tx.Exec(ctx, readmodel.In(p.schema, `
		UPDATE {schema}.balances b SET debits = u.debits, credits = u.credits, entries = u.entries, position = u.position
		FROM unnest($1::int[], $2::numeric[], $3::numeric[], $4::bigint[], $5::bigint[]) AS u(account, debits, credits, entries, position)
		WHERE b.account = u.account`),
		numbers, pgtype.FlatArray[decimal.Decimal](debits), pgtype.FlatArray[decimal.Decimal](credits), entries, positions)
	if err != nil {
		return fmt.Errorf("update balances: %w", err)
	}
	if tag.RowsAffected() != int64(n) {
		return fmt.Errorf("update balances: %d rows are there of %d", tag.RowsAffected(), n)
	}
	return nil
}

// announce writes the changes that live readers follow.
func (p *projector) announce(ctx context.Context, tx pgx.Tx, changes changeSet, position eventstore.Position) error {
	all := append(append(make([]*Account, 0, len(changes.Opened)+len(changes.Changed)), changes.Opened...), changes.Changed...)
	if len(all) == 0 {
		return nil
	}
	err := readmodel.Write(ctx, tx, p.schema, "changes", []string{"position", "account", "debits", "credits"}, all,
		func(row **Account, to *postgres.CopyRow) {
			a := *row
			to.Bigint(int64(a.Position))
			to.Int(a.Number)
			a.Debits.Write(to)
			a.Credits.Write(to)
		})
	if err != nil {
		return err
	}
	if p.live {
		if _, err := tx.Exec(ctx, "SELECT pg_notify($1, $2::bigint::text)", Channel, int64(position)); err != nil {
			return fmt.Errorf("announce the changes: %w", err)
		}
	}
	if p.unpruned += len(all); p.unpruned < pruneEvery {
		return nil
	}
	p.unpruned = 0
	_, err = tx.Exec(ctx, readmodel.In(p.schema, `
		DELETE FROM {schema}.changes WHERE position <
			(SELECT position FROM {schema}.changes ORDER BY position DESC, account DESC OFFSET $1 LIMIT 1)`), keptChanges)
	if err != nil {
		return fmt.Errorf("prune old changes: %w", err)
	}
	return nil
}
