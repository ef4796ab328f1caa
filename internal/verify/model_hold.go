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

// holdModel expects what accounts hold back until dates, what releases have moved,
// and the business dates of books.
type holdModel struct {
	held     map[heldPlace]*heldRow
	dates    map[string]dateRow
	slices   *cursor[heldRow]
	releases *cursor[releaseRow]
	reached  *cursor[dateRow]
}

type heldPlace struct{ book, account, into, on string }

func (p heldPlace) String() string {
	return p.account + " of book " + p.book + " until " + p.on + " into " + p.into
}

func comparePlaces(a, b heldPlace) int {
	return cmp.Or(strings.Compare(a.book, b.book), strings.Compare(a.account, b.account), strings.Compare(a.on, b.on), strings.Compare(a.into, b.into))
}

// heldRow is one row of hold.slices.
type heldRow struct {
	heldPlace
	owner, currency    string
	amount             figure
	position, revision int64
}

// releaseRow is one row of hold.releases.
type releaseRow struct {
	heldRow
	date       string
	recordedAt int64 // microseconds
}

// dateRow is one row of hold.dates.
type dateRow struct {
	book, date         string
	recordedAt         int64 // microseconds
	position, revision int64
}

func newHoldModel(s *snapshot) *holdModel {
	m := &holdModel{held: map[heldPlace]*heldRow{}, dates: map[string]dateRow{}}
	if s == nil {
		return m
	}
	m.slices = &cursor[heldRow]{
		tx: s.tx, name: "verify_slices",
		query: `SELECT book, account, into_purpose, due_on::text, owner, currency, amount::text, position, revision FROM hold.slices`,
		scan: func(row pgx.CollectableRow) (r heldRow, err error) {
			var amount string
			if err = row.Scan(&r.book, &r.account, &r.into, &r.on, &r.owner, &r.currency, &amount, &r.position, &r.revision); err == nil {
				r.amount, err = numeric(amount, "hold.slices")
			}
			return r, err
		},
	}
	m.releases = &cursor[releaseRow]{
		tx: s.tx, name: "verify_releases",
		query: `SELECT book, account, into_purpose, due_on::text, owner, currency, amount::text, position, revision, business_date::text, recorded_at
			FROM hold.releases ORDER BY position, due_on, account COLLATE "C", into_purpose COLLATE "C"`,
		scan: func(row pgx.CollectableRow) (r releaseRow, err error) {
			var amount string
			var recorded time.Time
			if err = row.Scan(&r.book, &r.account, &r.into, &r.on, &r.owner, &r.currency, &amount, &r.position, &r.revision, &r.date, &recorded); err == nil {
				r.amount, err = numeric(amount, "hold.releases")
			}
			r.recordedAt = recorded.UnixMicro()
			return r, err
		},
	}
	m.reached = &cursor[dateRow]{
		tx: s.tx, name: "verify_dates", query: `SELECT book, business_date::text, recorded_at, position, revision FROM hold.dates ORDER BY book`,
		scan: func(row pgx.CollectableRow) (r dateRow, err error) {
			var recorded time.Time
			err = row.Scan(&r.book, &r.date, &recorded, &r.position, &r.revision)
			r.recordedAt = recorded.UnixMicro()
			return r, err
		},
	}
	return m
}

func (m *holdModel) name() string { return "hold" }

func (m *holdModel) counted() map[string]uint64 {
	if m.slices == nil {
		return nil
	}
	return map[string]uint64{checkHeld: m.slices.read + m.releases.read + m.reached.read}
}

func (m *holdModel) fold(ctx context.Context, e *event) error {
	if e.stream.book == nil {
		return nil
	}
	n := &e.entry
	if n.kind == kindAdvance {
		m.dates[e.stream.id] = dateRow{e.stream.id, n.step.date, e.recordedAt.UnixMicro(), int64(e.position), int64(e.revision)}
	}
	for i := range n.holds {
		h := &n.holds[i]
		place := heldPlace{e.stream.id, h.account.path, h.into, h.on}
		row, known := m.held[place]
		if !known {
			row = &heldRow{heldPlace: place, owner: h.account.owner, currency: h.account.currency}
			m.held[place] = row
		}
		var ok bool
		if row.amount, ok = row.amount.plus(h.change); !ok {
			return e.differs(checkHeld, "a sum within 128 bits", "more on "+place.String())
		}
		row.position, row.revision = int64(e.position), int64(e.revision)
		if n.kind == kindRelease {
			moved := releaseRow{*row, n.step.date, e.recordedAt.UnixMicro()}
			moved.amount = h.change.negated()
			if err := m.released(ctx, e, &moved); err != nil {
				return err
			}
		}
		if row.amount.sign() == 0 {
			delete(m.held, place)
		}
	}
	return nil
}

// released compares one row of a release, in step with the log.
func (m *holdModel) released(ctx context.Context, e *event, want *releaseRow) error {
	row, err := m.releases.peek(ctx)
	where := "hold.releases position " + number(want.position) + " " + want.heldPlace.String()
	switch {
	case err != nil:
		return err
	case row == nil || row.position > want.position:
		return differs(checkHeld, where, "a row for "+e.place(), "none")
	case row.position < want.position || row.heldPlace != want.heldPlace && row.position == want.position && row.before(want):
		return row.surplus()
	case row.heldPlace != want.heldPlace:
		return differs(checkHeld, where, "a row for "+e.place(), "none")
	case *row != *want:
		return mismatch(checkHeld, where, want.columns(), row.columns())
	}
	m.releases.pass()
	return nil
}

// before reports whether a row stands in order before another of the same release.
func (r *releaseRow) before(o *releaseRow) bool {
	return cmp.Or(strings.Compare(r.on, o.on), strings.Compare(r.account, o.account), strings.Compare(r.into, o.into)) < 0
}

func (r *releaseRow) surplus() error {
	return differs(checkHeld, "hold.releases position "+number(r.position)+" "+r.heldPlace.String(), "no row: nothing was released there", r.amount.String())
}

func (m *holdModel) compare(ctx context.Context, _ *rereader) error {
	if row, err := m.releases.peek(ctx); err != nil {
		return err
	} else if row != nil {
		return row.surplus()
	}
	err := m.slices.each(ctx, func(row *heldRow) error {
		where := "hold.slices " + row.heldPlace.String()
		want, ok := m.held[row.heldPlace]
		switch {
		case !ok:
			return differs(checkHeld, where, "no row", row.amount.String())
		case *want != *row:
			return mismatch(checkHeld, where, want.columns(), row.columns())
		}
		delete(m.held, row.heldPlace)
		return nil
	})
	if err != nil {
		return err
	}
	if len(m.held) > 0 {
		missing := slices.MinFunc(slices.Collect(maps.Keys(m.held)), comparePlaces)
		return differs(checkHeld, "hold.slices "+missing.String(), m.held[missing].amount.String(), "no row")
	}
	err = m.reached.each(ctx, func(row *dateRow) error {
		want, ok := m.dates[row.book]
		switch where := "hold.dates " + row.book; {
		case !ok:
			return differs(checkHeld, where, "no row", row.date)
		case want != *row:
			return mismatch(checkHeld, where, want.columns(), row.columns())
		}
		delete(m.dates, row.book)
		return nil
	})
	if err != nil || len(m.dates) == 0 {
		return err
	}
	missing := slices.Min(slices.Collect(maps.Keys(m.dates)))
	return differs(checkHeld, "hold.dates "+missing, m.dates[missing].date, "no row")
}

func (r *heldRow) columns() []column {
	return []column{
		{"owner", r.owner}, {"currency", r.currency}, {"amount", r.amount.String()}, {"position", number(r.position)}, {"revision", number(r.revision)},
	}
}

func (r *releaseRow) columns() []column {
	return append(r.heldRow.columns(), column{"business_date", r.date}, column{"recorded_at", instant(r.recordedAt)})
}

func (r *dateRow) columns() []column {
	return []column{{"business_date", r.date}, {"recorded_at", instant(r.recordedAt)}, {"position", number(r.position)}, {"revision", number(r.revision)}}
}
