package verify

import (
	"cmp"
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// transactionModel expects headers of transactions, which it compares in step
// with the log, the transactions of each party, links to earlier ones, and where
// accumulators stand.
type transactionModel struct {
	seed    maphash.Seed
	rows    *cursor[transactionRow]
	chunks  *cursor[partyChunk]
	links   *cursor[linkRow]
	opening func(party string) *cursor[partyChunk]
	parties map[string]*partyChain
	linked  map[linkRow]bool
	steps   *cursor[stepRow]
	waits   *cursor[waitRow]
	waiting map[waitPlace]waitRow
	tallied
}

// transactionRow is one row of transaction.transactions.
type transactionRow struct {
	position, revision             int64
	book, kind, source, externalID string
	typ, method, product, currency string
	amount                         figure
	occurredAt                     int64 // microseconds
	effectiveOn                    string
	recordedAt                     int64 // microseconds
	contract, schedule             string
	version                        int64
	reason                         string
	parties                        string // joined
}

type partyChunk struct {
	party     string
	position  int64
	positions []int64
}

// partyChain is what the transactions of a party come to: their number and a
// hash over their positions in order.
type partyChain struct {
	chain, items uint64
}

type linkRow struct {
	book               string
	revision, position int64
	kind               string
}

const chunksQuery = `SELECT party, position, positions FROM transaction.parties`

func newTransactionModel(s *snapshot) *transactionModel {
	m := &transactionModel{seed: maphash.MakeSeed(), parties: map[string]*partyChain{}, linked: map[linkRow]bool{}, waiting: map[waitPlace]waitRow{}}
	if s == nil {
		return m
	}
	m.rows = &cursor[transactionRow]{
		tx: s.tx, name: "verify_transactions",
		query: `SELECT position, book, revision, kind, source, external_id, type, method, product, currency, amount::text,
			occurred_at, effective_on::text, recorded_at, contract, schedule, version, reason, parties FROM transaction.transactions ORDER BY position`,
		scan: scanTransaction,
	}
	scanChunk := func(row pgx.CollectableRow) (r partyChunk, err error) {
		return r, row.Scan(&r.party, &r.position, &r.positions)
	}
	m.chunks = &cursor[partyChunk]{tx: s.tx, name: "verify_parties", query: chunksQuery + ` ORDER BY party, position`, scan: scanChunk}
	m.opening = func(party string) *cursor[partyChunk] {
		literal := "'" + strings.ReplaceAll(party, "'", "''") + "'"
		return &cursor[partyChunk]{tx: s.tx, name: "verify_parties_again", query: chunksQuery + ` WHERE party = ` + literal + ` ORDER BY position`, scan: scanChunk}
	}
	m.links = &cursor[linkRow]{
		tx: s.tx, name: "verify_links", query: `SELECT book, revision, position, kind FROM transaction.links ORDER BY position`,
		scan: func(row pgx.CollectableRow) (r linkRow, err error) {
			return r, row.Scan(&r.book, &r.revision, &r.position, &r.kind)
		},
	}
	m.stand, m.steps, m.waits = standing(s), stepsOf(s), waitsOf(s)
	return m
}

func scanTransaction(row pgx.CollectableRow) (r transactionRow, err error) {
	var amount string
	var occurred, recorded time.Time
	var parties []string
	err = row.Scan(&r.position, &r.book, &r.revision, &r.kind, &r.source, &r.externalID, &r.typ, &r.method, &r.product, &r.currency, &amount,
		&occurred, &r.effectiveOn, &recorded, &r.contract, &r.schedule, &r.version, &r.reason, &parties)
	if err != nil {
		return r, err
	}
	r.occurredAt, r.recordedAt, r.parties = occurred.UnixMicro(), recorded.UnixMicro(), strings.Join(parties, ", ")
	r.amount, err = numeric(amount, "transaction.transactions")
	return r, err
}

func (m *transactionModel) name() string { return "transaction" }

func (m *transactionModel) counted() map[string]uint64 {
	if m.rows == nil {
		return nil
	}
	return map[string]uint64{checkTransactions: m.rows.read, checkParties: m.chunks.read, checkLinks: m.links.read, checkCounters: m.stand.read, checkSteps: m.steps.read, checkWaiting: m.waits.read}
}

func (m *transactionModel) fold(ctx context.Context, e *event) error {
	if e.stream.book == nil {
		return nil
	}
	if err := m.count(e); err != nil {
		return err
	}
	switch e.entry.kind {
	case kindAdvance:
		return nil
	case kindRelease, kindClosing:
		return m.step(ctx, e)
	case kindAwaiting:
		m.enter(e)
		return nil
	}
	m.leave(e)
	want := m.expect(e)
	for _, name := range e.entry.headers() {
		c, ok := m.parties[name]
		if !ok {
			c = &partyChain{}
			m.parties[name] = c
		}
		c.add(m.seed, want.position)
	}
	if e.entry.link.present {
		m.linked[linkRow{e.stream.id, int64(e.entry.link.revision), want.position, e.entry.linkKind()}] = true
	}
	if e.entry.kind == kindSettlement && e.entry.restores.present {
		m.linked[linkRow{e.stream.id, int64(e.entry.restores.revision), want.position, "restoration"}] = true
	}
	row, err := m.rows.peek(ctx)
	switch {
	case err != nil:
		return err
	case row == nil || row.position > want.position:
		return differs(checkTransactions, "transaction.transactions position "+number(want.position), "a row for "+e.place(), "none")
	case row.position < want.position:
		return m.surplus(row)
	case *row != want:
		return mismatch(checkTransactions, "transaction.transactions position "+number(want.position)+" for "+e.place(), want.columns(), row.columns())
	}
	m.rows.pass()
	return nil
}

func (m *transactionModel) surplus(row *transactionRow) error {
	return differs(checkTransactions, "transaction.transactions position "+number(row.position), "no row: no transaction stands there in the log", "key "+row.source+"/"+row.externalID)
}

func (m *transactionModel) expect(e *event) transactionRow {
	n := &e.entry
	want := transactionRow{
		position: int64(e.position), revision: int64(e.revision), book: e.stream.id, kind: n.kind.String(), source: n.source, externalID: string(n.externalID),
		typ: n.typ, method: n.method, product: n.product, currency: n.currency, amount: n.amount, occurredAt: n.occurredAt.UnixMicro(),
		effectiveOn: n.effectiveOn, recordedAt: e.recordedAt.UnixMicro(), contract: n.contract, schedule: n.schedule, version: int64(n.version),
		reason: n.reason, parties: strings.Join(n.headers(), ", "),
	}
	return want
}

// linkKind is how a transaction hangs together with the one that it names.
func (n *entry) linkKind() string {
	switch {
	case n.kind == kindReversal:
		return "reversal"
	case n.restates != nil:
		return "restatement"
	case n.kind == kindAdjustment:
		return "adjustment"
	}
	return "refund"
}

func (r transactionRow) columns() []column {
	return []column{
		{"book", r.book}, {"revision", number(r.revision)}, {"kind", r.kind}, {"source", r.source}, {"external_id", r.externalID},
		{"type", r.typ}, {"method", r.method}, {"product", r.product}, {"currency", r.currency}, {"amount", r.amount.String()},
		{"occurred_at", instant(r.occurredAt)}, {"effective_on", r.effectiveOn}, {"recorded_at", instant(r.recordedAt)},
		{"contract", r.contract}, {"schedule", r.schedule}, {"version", number(r.version)}, {"reason", r.reason}, {"parties", r.parties},
	}
}

func instant(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }

func (c *partyChain) add(seed maphash.Seed, position int64) {
	type next struct {
		chain    uint64
		position int64
	}
	c.chain = maphash.Comparable(seed, next{c.chain, position})
	c.items++
}

func (m *transactionModel) compare(ctx context.Context, r *rereader) error {
	if row, err := m.rows.peek(ctx); err != nil {
		return err
	} else if row != nil {
		return m.surplus(row)
	}
	if err := m.compareParties(ctx, r); err != nil {
		return err
	}
	if err := m.compareLinks(ctx); err != nil {
		return err
	}
	if err := m.compareSteps(ctx); err != nil {
		return err
	}
	return m.compareCounters(ctx)
}

func (m *transactionModel) compareParties(ctx context.Context, r *rereader) error {
	var party string
	var found partyChain
	sound := true
	finish := func() error {
		want, ok := m.parties[party]
		switch {
		case party == "":
			return nil
		case !ok:
			return differs(checkParties, "transaction.parties "+party, "no row", "one")
		case !sound || *want != found:
			return m.nameParty(ctx, r, party)
		}
		delete(m.parties, party)
		return nil
	}
	err := m.chunks.each(ctx, func(row *partyChunk) error {
		if row.party != party {
			if err := finish(); err != nil {
				return err
			}
			party, found, sound = row.party, partyChain{}, true
		}
		for _, position := range row.positions {
			found.add(m.seed, position)
		}
		sound = sound && len(row.positions) > 0 && row.positions[len(row.positions)-1] == row.position
		return nil
	})
	if err == nil {
		err = finish()
	}
	if err != nil {
		return err
	}
	for _, missing := range slices.Sorted(maps.Keys(m.parties)) {
		return differs(checkParties, "transaction.parties "+missing, number(m.parties[missing].items)+" items", "no row")
	}
	return nil
}

// nameParty reads the log and the rows of one party again to name the first item
// that differs.
func (m *transactionModel) nameParty(ctx context.Context, r *rereader, party string) error {
	var want []int64
	err := r.read(ctx, func(e *event) error {
		if e.stream.book == nil {
			return nil
		}
		if e.entry.transaction() && slices.Contains(e.entry.headers(), party) {
			want = append(want, int64(e.position))
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := 0
	err = m.opening(party).each(ctx, func(row *partyChunk) error {
		where := "transaction.parties " + party + " row " + number(row.position)
		for i, position := range row.positions {
			if at >= len(want) {
				return differs(checkParties, where+" item "+number(i+1), "no item", "position "+number(position))
			}
			if position != want[at] {
				return differs(checkParties, where+" item "+number(i+1), "position "+number(want[at]), "position "+number(position))
			}
			at++
		}
		if n := len(row.positions); n == 0 || row.positions[n-1] != row.position {
			return differs(checkParties, where, "items that end at the row's position", "others")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if at < len(want) {
		return differs(checkParties, "transaction.parties "+party+" item "+number(at+1), "position "+number(want[at]), "none")
	}
	return differs(checkParties, "transaction.parties "+party, "the items of the log", "others, and no longer when looked at again")
}

func (m *transactionModel) compareLinks(ctx context.Context) error {
	err := m.links.each(ctx, func(row *linkRow) error {
		if !m.linked[*row] {
			return differs(checkLinks, "transaction.links position "+number(row.position), "no such link", row.String())
		}
		delete(m.linked, *row)
		return nil
	})
	if err != nil || len(m.linked) == 0 {
		return err
	}
	missing := slices.MinFunc(slices.Collect(maps.Keys(m.linked)), func(a, b linkRow) int { return cmp.Compare(a.position, b.position) })
	return differs(checkLinks, "transaction.links position "+number(missing.position), missing.String(), "no row")
}

func (r linkRow) String() string { return r.kind + " of book-" + r.book + "@" + number(r.revision) }
