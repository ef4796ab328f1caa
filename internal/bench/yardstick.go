package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/internal/postgres"
)

const (
	yardstickConnections = 4
	yardstickBatch       = 500 // settlements per SQL transaction
)

// yardstickTables are what a ledger in plain Postgres cannot do without: the key
// that refuses a duplicate, an account's postings in order, and its balance.
const yardstickTables = `
	CREATE TABLE transactions (
		id bigint PRIMARY KEY, source text NOT NULL, external_id text NOT NULL, content_hash text NOT NULL, type text NOT NULL,
		method text NOT NULL, product text NOT NULL, currency text NOT NULL, amount bigint NOT NULL,
		occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL,
		UNIQUE (source, external_id));
	CREATE TABLE postings (
		transaction_id bigint NOT NULL, leg smallint NOT NULL, account int NOT NULL, amount bigint NOT NULL,
		PRIMARY KEY (transaction_id, leg));
	CREATE INDEX ON postings (account, transaction_id);
	CREATE TABLE balances (
		account int PRIMARY KEY, debits bigint NOT NULL, credits bigint NOT NULL) WITH (fillfactor = 50)`

// yardstickUpsert moves the balances of a batch. The accounts come sorted, so
// that two connections never wait for each other in a circle.
const yardstickUpsert = `
	INSERT INTO balances (account, debits, credits)
	SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[])
	ON CONFLICT (account) DO UPDATE SET debits = balances.debits + EXCLUDED.debits, credits = balances.credits + EXCLUDED.credits`

// yardstick stores the same settlements in plain Postgres, on a server with the
// same settings, as well as it can be written: rows arrive rated, go in by binary
// COPY encoded by hand, and the locks on hot balances are held for one round
// trip at the end.
func (b *bench) yardstick(ctx context.Context, r *result) (err error) {
	dir, err := b.directory("yardstick")
	if err != nil {
		return err
	}
	b.say("yardstick: starting Postgres")
	server, err := postgres.Start(ctx, postgres.Config{Dir: dir, Logger: b.config.Logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(), b.remove(dir)) }()
	pool, err := postgres.Connect(ctx, server.DSN())
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, yardstickTables); err != nil {
		return err
	}
	if b.report.Machine.Postgres == nil {
		if b.report.Machine.Postgres, err = readSettings(ctx, pool); err != nil {
			return err
		}
	}
	const size = "SELECT pg_database_size(current_database()), pg_current_wal_lsn() - '0/0'::pg_lsn"
	var before, after, walBefore, walAfter int64
	if err := pool.QueryRow(ctx, size).Scan(&before, &walBefore); err != nil {
		return err
	}
	n := b.config.Settlements
	b.say("yardstick: %d settlements over %d connections", n, yardstickConnections)
	m, err := b.measure(postmaster(dir), func() error { return b.rival(ctx, pool, n) })
	if err != nil {
		return err
	}
	if err := pool.QueryRow(ctx, size).Scan(&after, &walAfter); err != nil {
		return err
	}
	if err := complete(ctx, pool, n); err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.used(m.used, n, true)
	r.peak(m.peak, true)
	r.add("bytes_postgres", float64(after-before)/float64(n), "B/settlement")
	r.add("bytes_postgres_wal_written", float64(walAfter-walBefore)/float64(n), "B/settlement")
	return nil
}

// complete checks that the rival has done its work: everything is there, every
// entry balances, and so do the balances.
func complete(ctx context.Context, pool *pgxpool.Pool, n int) error {
	var transactions, postings, difference, moved int64
	err := pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM transactions), count(*), sum(amount)::bigint,
			(SELECT sum(debits - credits)::bigint FROM balances WHERE credits + debits > 0)
		FROM postings`).Scan(&transactions, &postings, &difference, &moved)
	if err != nil {
		return err
	}
	if transactions != int64(n) || postings != 5*int64(n) || difference != 0 || moved != 0 {
		return fmt.Errorf("the yardstick holds %d transactions and %d postings of %d settlements, out of balance by %d and %d", transactions, postings, n, difference, moved)
	}
	return nil
}

// rival stores n settlements over the connections.
func (b *bench) rival(ctx context.Context, pool *pgxpool.Pool, n int) error {
	var next atomic.Int64
	load := b.load()
	group, ctx := errgroup.WithContext(ctx)
	for range yardstickConnections {
		group.Go(func() error {
			return pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
				rows := newRows(load)
				for {
					from := int(next.Add(yardstickBatch)) - yardstickBatch
					if from >= n {
						return nil
					}
					rows.fill(from, min(yardstickBatch, n-from))
					if err := rows.store(ctx, conn.Conn()); err != nil {
						return err
					}
				}
			})
		})
	}
	return group.Wait()
}

// rows are one batch, encoded for COPY in binary form.
type rows struct {
	load                   *load
	transactions, postings []byte
	deltas                 map[int32]delta
	accounts               []int32
	debits, credits        []int64

	providers, affiliates, suppliers map[string]int32
}

type delta struct{ debits, credits int64 }

func newRows(l *load) *rows {
	numbers := func(from int32, names []string) map[string]int32 {
		m := make(map[string]int32, len(names))
		for i, name := range names {
			m[name] = from + int32(i)
		}
		return m
	}
	return &rows{
		load: l, deltas: map[int32]delta{}, suppliers: numbers(100, l.suppliers),
		providers: numbers(1_000, l.providers), affiliates: numbers(1_000_000, l.affiliates),
	}
}

const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"

	platformAccount = 1
	feeAccounts     = 500 // of suppliers, beside their funds
)

// postgresEpoch is 2000-01-01 in microseconds of Unix time.
const postgresEpoch = 946_684_800_000_000

func (r *rows) fill(from, n int) {
	r.transactions, r.postings = append(r.transactions[:0], copyHeader...), append(r.postings[:0], copyHeader...)
	clear(r.deltas)
	recorded := time.Now().UnixMicro() - postgresEpoch
	for i := from; i < from+n; i++ {
		t := r.load.command(uint64(i)).Transaction
		gross := t.Amount.Units()
		b := binary.BigEndian.AppendUint16(r.transactions, 11)
		b = appendInt64(b, int64(i))
		for _, text := range []string{t.Source, t.ExternalID, t.ContentHash, t.Type, t.Method, t.Product, string(t.Currency)} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
			b = append(b, text...)
		}
		b = appendInt64(b, gross)
		b = appendInt64(b, t.OccurredAt.UnixMicro()-postgresEpoch)
		r.transactions = appendInt64(b, recorded)

		share := (gross*70 + 50) / 100
		fee := (gross*275 + 5000) / 10_000
		commission := ((gross-share-fee)*5 + 50) / 100
		supplier := r.suppliers[t.Parties["credit_supplier"]]
		r.post(i, 0, supplier, -gross)
		r.post(i, 1, r.providers[t.Parties["provider"]], share)
		r.post(i, 2, supplier+feeAccounts, fee)
		r.post(i, 3, r.affiliates[t.Parties["affiliate"]], commission)
		r.post(i, 4, platformAccount, gross-share-fee-commission)
	}
	r.transactions, r.postings = append(r.transactions, copyTrailer...), append(r.postings, copyTrailer...)
	r.accounts = slices.AppendSeq(r.accounts[:0], maps.Keys(r.deltas))
	slices.Sort(r.accounts)
	r.debits, r.credits = r.debits[:0], r.credits[:0]
	for _, account := range r.accounts {
		r.debits, r.credits = append(r.debits, r.deltas[account].debits), append(r.credits, r.deltas[account].credits)
	}
}

// post adds a posting; a negative amount is a debit.
func (r *rows) post(transaction int, leg int16, account int32, amount int64) {
	b := binary.BigEndian.AppendUint16(r.postings, 4)
	b = appendInt64(b, int64(transaction))
	b = binary.BigEndian.AppendUint32(b, 2)
	b = binary.BigEndian.AppendUint16(b, uint16(leg))
	b = binary.BigEndian.AppendUint32(b, 4)
	b = binary.BigEndian.AppendUint32(b, uint32(account))
	r.postings = appendInt64(b, amount)
	d := r.deltas[account]
	if amount < 0 {
		d.debits -= amount
	} else {
		d.credits += amount
	}
	r.deltas[account] = d
}

func appendInt64(b []byte, n int64) []byte {
	b = binary.BigEndian.AppendUint32(b, 8)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

// store brings the batch in, in one transaction.
func (r *rows) store(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(r.transactions), "COPY transactions FROM STDIN (FORMAT binary)"); err != nil {
		return err
	}
	if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(r.postings), "COPY postings FROM STDIN (FORMAT binary)"); err != nil {
		return err
	}
	end := &pgx.Batch{}
	end.Queue(yardstickUpsert, r.accounts, r.debits, r.credits)
	end.Queue("COMMIT")
	return conn.SendBatch(ctx, end).Close()
}
