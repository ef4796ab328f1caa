package verify

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// stepRow is one row of transaction.steps: what a book has posted by itself.
type stepRow struct {
	position, revision             int64
	book, kind, date               string
	recordedAt                     int64 // microseconds
	counter, first, last, currency string
	contract, schedule             string
	version                        int64
	parties                        string // joined
}

func stepsOf(s *snapshot) *cursor[stepRow] {
	return &cursor[stepRow]{
		tx: s.tx, name: "verify_steps",
		query: `SELECT position, revision, book, kind, business_date::text, recorded_at, counter, coalesce(first_on::text, ''), coalesce(last_on::text, ''),
			currency, contract, schedule, version, parties FROM transaction.steps ORDER BY position`,
		scan: func(row pgx.CollectableRow) (r stepRow, err error) {
			var recorded time.Time
			var parties []string
			err = row.Scan(&r.position, &r.revision, &r.book, &r.kind, &r.date, &recorded, &r.counter, &r.first, &r.last,
				&r.currency, &r.contract, &r.schedule, &r.version, &parties)
			r.recordedAt, r.parties = recorded.UnixMicro(), strings.Join(parties, ", ")
			return r, err
		},
	}
}

// step compares the row of a release or a closing, in step with the log.
func (m *transactionModel) step(ctx context.Context, e *event) error {
	n := &e.entry
	want := stepRow{
		position: int64(e.position), revision: int64(e.revision), book: e.stream.id, kind: n.kind.String(), date: n.step.date, recordedAt: e.recordedAt.UnixMicro(),
	}
	if c := n.closing; c != nil {
		want.counter, want.first, want.last, want.currency = c.counter, c.first, c.last, n.currency
		want.contract, want.schedule, want.version, want.parties = n.contract, n.schedule, int64(n.version), strings.Join(n.headers(), ", ")
	}
	row, err := m.steps.peek(ctx)
	where := "transaction.steps position " + number(want.position)
	switch {
	case err != nil:
		return err
	case row == nil || row.position > want.position:
		return differs(checkSteps, where, "a row for "+e.place(), "none")
	case row.position < want.position:
		return row.surplus()
	case *row != want:
		return mismatch(checkSteps, where+" for "+e.place(), want.columns(), row.columns())
	}
	m.steps.pass()
	return nil
}

func (r *stepRow) surplus() error {
	return differs(checkSteps, "transaction.steps position "+number(r.position), "no row: no release or closing stands there in the log", r.kind+" of book "+r.book)
}

func (r *stepRow) columns() []column {
	return []column{
		{"revision", number(r.revision)}, {"book", r.book}, {"kind", r.kind}, {"business_date", r.date}, {"recorded_at", instant(r.recordedAt)},
		{"counter", r.counter}, {"first_on", r.first}, {"last_on", r.last}, {"currency", r.currency}, {"contract", r.contract},
		{"schedule", r.schedule}, {"version", number(r.version)}, {"parties", r.parties},
	}
}

// waitRow is one row of transaction.awaiting: what waits for its original.
type waitRow struct {
	waitPlace
	kind, originalSource, originalID string
	typ, currency                    string
	amount                           figure
	hasAmount                        bool
	reason, parties                  string
	occurredAt, recordedAt           int64 // microseconds
	position, revision               int64
}

type waitPlace struct{ book, source, id string }

func (p waitPlace) String() string {
	return "transaction.awaiting " + p.book + " " + p.source + "/" + p.id
}

func waitsOf(s *snapshot) *cursor[waitRow] {
	return &cursor[waitRow]{
		tx: s.tx, name: "verify_awaiting",
		query: `SELECT book, source, external_id, kind, original_source, original_external_id, type, currency, coalesce(amount::text, ''), reason, parties,
			occurred_at, recorded_at, position, revision FROM transaction.awaiting ORDER BY position`,
		scan: func(row pgx.CollectableRow) (r waitRow, err error) {
			var occurred, recorded time.Time
			var amount string
			var parties []string
			err = row.Scan(&r.book, &r.source, &r.id, &r.kind, &r.originalSource, &r.originalID, &r.typ, &r.currency, &amount, &r.reason, &parties,
				&occurred, &recorded, &r.position, &r.revision)
			r.occurredAt, r.recordedAt, r.parties = occurred.UnixMicro(), recorded.UnixMicro(), strings.Join(parties, ", ")
			if r.hasAmount = amount != ""; err == nil && r.hasAmount {
				r.amount, err = numeric(amount, "transaction.awaiting")
			}
			return r, err
		},
	}
}

// enter expects what waits.
func (m *transactionModel) enter(e *event) {
	n, w := &e.entry, e.entry.waiting
	row := waitRow{
		waitPlace: waitPlace{e.stream.id, w.source, w.id}, kind: "refund", originalSource: n.link.source, originalID: string(n.link.id),
		typ: w.typ, currency: w.currency, amount: w.amount, hasAmount: !w.reversal, reason: w.reason, parties: strings.Join(n.headers(), ", "),
		occurredAt: w.occurredAt.UnixMicro(), recordedAt: e.recordedAt.UnixMicro(), position: int64(e.position), revision: int64(e.revision),
	}
	if w.reversal {
		row.kind = "reversal"
	}
	m.waiting[row.waitPlace] = row
}

// leave takes out what an entry carries out.
func (m *transactionModel) leave(e *event) {
	if n := &e.entry; n.kind != kindAdjustment && n.link.present && len(m.waiting) > 0 {
		delete(m.waiting, waitPlace{e.stream.id, n.source, string(n.externalID)})
	}
}

// compareSteps compares what is left of steps, and all that waits.
func (m *transactionModel) compareSteps(ctx context.Context) error {
	if row, err := m.steps.peek(ctx); err != nil {
		return err
	} else if row != nil {
		return row.surplus()
	}
	err := m.waits.each(ctx, func(row *waitRow) error {
		want, ok := m.waiting[row.waitPlace]
		switch {
		case !ok:
			return differs(checkWaiting, row.waitPlace.String(), "no row", "one")
		case want != *row:
			return mismatch(checkWaiting, row.waitPlace.String(), want.columns(), row.columns())
		}
		delete(m.waiting, row.waitPlace)
		return nil
	})
	if err != nil || len(m.waiting) == 0 {
		return err
	}
	missing := slices.MinFunc(slices.Collect(maps.Values(m.waiting)), func(a, b waitRow) int { return cmp.Compare(a.position, b.position) })
	return differs(checkWaiting, missing.waitPlace.String(), "a row", "none")
}

func (r waitRow) columns() []column {
	amount := ""
	if r.hasAmount {
		amount = r.amount.String()
	}
	return []column{
		{"kind", r.kind}, {"original_source", r.originalSource}, {"original_external_id", r.originalID}, {"type", r.typ}, {"currency", r.currency},
		{"amount", amount}, {"reason", r.reason}, {"parties", r.parties}, {"occurred_at", instant(r.occurredAt)}, {"recorded_at", instant(r.recordedAt)},
		{"position", number(r.position)}, {"revision", number(r.revision)},
	}
}
