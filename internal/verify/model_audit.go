package verify

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// auditModel expects one row for every event of the log, and compares them in
// step with it.
type auditModel struct {
	rows *cursor[auditRow]
	ids  []string // of the current event
}

type auditRow struct {
	position, revision  int64
	stream, kind, actor string
	recordedAt          int64 // microseconds
	ids                 string
}

func newAuditModel(s *snapshot) *auditModel {
	m := &auditModel{}
	if s == nil {
		return m
	}
	m.rows = &cursor[auditRow]{
		tx: s.tx, name: "verify_audit",
		query: `SELECT e.position, e.revision, coalesce(s.name, ''), coalesce(t.name, ''), coalesce(a.name, ''), e.recorded_at, e.ids
			FROM audit.events e LEFT JOIN audit.streams s ON s.id = e.stream LEFT JOIN audit.types t ON t.id = e.type LEFT JOIN audit.actors a ON a.id = e.actor
			ORDER BY e.position`,
		scan: func(row pgx.CollectableRow) (r auditRow, err error) {
			var recorded time.Time
			var ids []string
			err = row.Scan(&r.position, &r.revision, &r.stream, &r.kind, &r.actor, &recorded, &ids)
			r.recordedAt = recorded.UnixMicro()
			slices.Sort(ids)
			r.ids = strings.Join(ids, ", ")
			return r, err
		},
	}
	return m
}

func (m *auditModel) name() string { return "audit" }

func (m *auditModel) counted() map[string]uint64 {
	if m.rows == nil {
		return nil
	}
	return map[string]uint64{checkAudit: m.rows.read}
}

func (m *auditModel) fold(ctx context.Context, e *event) error {
	m.ids = e.concerns(m.ids[:0])
	slices.Sort(m.ids)
	m.ids = slices.Compact(m.ids)
	want := auditRow{
		position: int64(e.position), revision: int64(e.revision), stream: e.stream.name, kind: e.kind, actor: e.actor,
		recordedAt: e.recordedAt.UnixMicro(), ids: strings.Join(m.ids, ", "),
	}
	row, err := m.rows.peek(ctx)
	switch {
	case err != nil:
		return err
	case row == nil || row.position > want.position:
		return differs(checkAudit, "audit.events position "+number(want.position), "a row for "+e.place(), "none")
	case row.position < want.position:
		return m.surplus(row)
	case *row != want:
		return mismatch(checkAudit, "audit.events position "+number(want.position)+" for "+e.place(), want.columns(), row.columns())
	}
	m.rows.pass()
	return nil
}

func (m *auditModel) surplus(row *auditRow) error {
	return differs(checkAudit, "audit.events position "+number(row.position), "no row: no event stands there in the log", row.stream+"@"+number(row.revision))
}

func (r auditRow) columns() []column {
	return []column{
		{"stream", r.stream}, {"revision", number(r.revision)}, {"type", r.kind}, {"actor", r.actor}, {"recorded_at", instant(r.recordedAt)}, {"ids", r.ids},
	}
}

func (m *auditModel) compare(ctx context.Context, _ *rereader) error {
	row, err := m.rows.peek(ctx)
	if err != nil || row == nil {
		return err
	}
	return m.surplus(row)
}

// concerns lists what an event is about, in any order and perhaps twice.
func (e *event) concerns(ids []string) []string {
	add := func(kind, id string) {
		if id != "" {
			ids = append(ids, kind+":"+id)
		}
	}
	transaction := func(source, id string) { ids = append(ids, "transaction:"+source+"/"+id) }
	switch e.stream.category {
	case "party", "contract", "schedule", "source":
		add(e.stream.category, e.stream.id)
	case "book":
		n := &e.entry
		add("book", e.stream.id)
		add("source", n.source)
		add("contract", n.contract)
		add("schedule", n.schedule)
		transaction(n.source, string(n.externalID))
		if n.link.present {
			transaction(n.link.source, string(n.link.id))
		}
		for _, party := range n.header {
			add("party", party)
		}
	}
	switch e.kind {
	case typeContractSigned:
		add("book", e.terms.book)
		add("schedule", e.terms.schedule)
		for _, r := range e.terms.parties {
			add("party", r.party)
		}
	case typeQuarantined, typeReleased:
		if q := &e.quarantine; !strings.HasPrefix(q.record, "raw:") {
			transaction(q.source, q.record)
		}
		if e.kind == typeReleased {
			add("book", strings.TrimPrefix(e.quarantine.settledStream, "book-"))
		}
	}
	return ids
}
