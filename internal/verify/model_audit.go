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

// auditModel expects one row for every event of the log, and compares them in
// step with it, and the events of each subject, which it compares at the end.
type auditModel struct {
	seed     maphash.Seed
	names    *cursor[subjectRow]
	rows     *cursor[auditRow]
	mentions *cursor[mentionRow]
	opening  func(subject int32) *cursor[mentionRow]
	subjects map[string]*auditSubject // by name; nil until read
	numbers  map[int32]*auditSubject
	wanted   []*auditSubject // of the current event
	unknown  bool            // one of them has no number
	text     []byte
}

// auditSubject is what events concern, or their stream, type or actor, with what
// its events in the log come to.
type auditSubject struct {
	subjectRow
	partyChain
	used bool // by an event of the log
}

type subjectRow struct {
	number int32
	name   string // as "party:<id>"
}

// auditRow is one row of audit.events.
type auditRow struct {
	position, revision    int64
	recordedAt            int64 // microseconds
	stream, kind, actor   int32
	subjects              []int32
	transaction, original string
}

type mentionRow struct {
	subject   int32
	position  int64
	positions []int64
}

const mentionsQuery = `SELECT subject, position, positions FROM audit.mentions`

func newAuditModel(s *snapshot) *auditModel {
	m := &auditModel{seed: maphash.MakeSeed()}
	if s == nil {
		return m
	}
	m.names = &cursor[subjectRow]{
		tx: s.tx, name: "verify_subjects", query: `SELECT id, name FROM audit.subjects`,
		scan: func(row pgx.CollectableRow) (r subjectRow, err error) { return r, row.Scan(&r.number, &r.name) },
	}
	m.rows = &cursor[auditRow]{
		tx: s.tx, name: "verify_audit",
		query: `SELECT position, revision, recorded_at, stream, type, actor, subjects, transaction, original FROM audit.events ORDER BY position`,
		scan: func(row pgx.CollectableRow) (r auditRow, err error) {
			var recorded time.Time
			err = row.Scan(&r.position, &r.revision, &recorded, &r.stream, &r.kind, &r.actor, &r.subjects, &r.transaction, &r.original)
			r.recordedAt = recorded.UnixMicro()
			return r, err
		},
	}
	scan := func(row pgx.CollectableRow) (r mentionRow, err error) {
		return r, row.Scan(&r.subject, &r.position, &r.positions)
	}
	m.mentions = &cursor[mentionRow]{tx: s.tx, name: "verify_mentions", query: mentionsQuery + ` ORDER BY subject, position`, scan: scan}
	m.opening = func(subject int32) *cursor[mentionRow] {
		return &cursor[mentionRow]{tx: s.tx, name: "verify_mentions_again", query: mentionsQuery + ` WHERE subject = ` + number(int64(subject)) + ` ORDER BY position`, scan: scan}
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

// load reads the names of all subjects, which are as many as parties and streams.
func (m *auditModel) load(ctx context.Context) error {
	if m.subjects != nil {
		return nil
	}
	m.subjects, m.numbers = map[string]*auditSubject{}, map[int32]*auditSubject{}
	return m.names.each(ctx, func(row *subjectRow) error {
		s := &auditSubject{subjectRow: *row}
		m.subjects[s.name], m.numbers[s.number] = s, s
		return nil
	})
}

// subject finds a subject by its name. One that the tables do not have has no
// number.
func (m *auditModel) subject(kind, id string) *auditSubject {
	m.text = append(append(append(m.text[:0], kind...), ':'), id...)
	s, ok := m.subjects[string(m.text)]
	if !ok {
		s = &auditSubject{subjectRow: subjectRow{name: string(m.text)}}
		m.unknown = true
	}
	s.used = true
	return s
}

func (m *auditModel) fold(ctx context.Context, e *event) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	row, err := m.rows.peek(ctx)
	switch {
	case err != nil:
		return err
	case row == nil || row.position > int64(e.position):
		return differs(checkAudit, "audit.events position "+number(int64(e.position)), "a row for "+e.place(), "none")
	case row.position < int64(e.position):
		return m.surplus(row)
	}
	want := m.expect(e)
	if m.unknown || !row.equals(&want) {
		return mismatch(checkAudit, "audit.events position "+number(want.position)+" for "+e.place(), m.columns(&want, e), m.columns(row, nil))
	}
	for _, s := range m.listing(e) {
		s.add(m.seed, row.position)
	}
	m.rows.pass()
	return nil
}

// expect is the row of an event; its subjects are those of m.wanted.
func (m *auditModel) expect(e *event) auditRow {
	m.concerned(e)
	want := auditRow{
		position: int64(e.position), revision: int64(e.revision), recordedAt: e.recordedAt.UnixMicro(),
		stream: m.subject("stream", e.stream.name).number, kind: m.subject("type", e.kind).number, actor: m.subject("actor", e.actor).number,
	}
	for _, s := range m.wanted {
		want.subjects = append(want.subjects, s.number)
	}
	want.transaction, want.original = e.transactions()
	return want
}

// concerned puts what the event concerns into m.wanted, by number.
func (m *auditModel) concerned(e *event) {
	m.wanted, m.unknown = m.wanted[:0], false
	e.concerns(func(kind, id string) {
		if id != "" {
			m.wanted = append(m.wanted, m.subject(kind, id))
		}
	})
	slices.SortFunc(m.wanted, func(a, b *auditSubject) int {
		return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(a.name, b.name))
	})
	m.wanted = slices.Compact(m.wanted)
}

// listing lists the subjects under which the event, lately seen by concerned, must
// be found.
func (m *auditModel) listing(e *event) []*auditSubject {
	if e.stream.book == nil {
		m.wanted = append(m.wanted, m.subject("stream", e.stream.name))
	}
	m.wanted = append(m.wanted, m.subject("type", e.kind), m.subject("actor", e.actor))
	return m.wanted
}

func (r *auditRow) equals(want *auditRow) bool {
	return r.position == want.position && r.revision == want.revision && r.recordedAt == want.recordedAt &&
		r.stream == want.stream && r.kind == want.kind && r.actor == want.actor && slices.Equal(r.subjects, want.subjects) &&
		r.transaction == want.transaction && r.original == want.original
}

func (m *auditModel) surplus(row *auditRow) error {
	return differs(checkAudit, "audit.events position "+number(row.position), "no row: no event stands there in the log", m.named(row.stream, "stream:")+"@"+number(row.revision))
}

// named is the name of a number, without what it begins with.
func (m *auditModel) named(n int32, kind string) string {
	s, ok := m.numbers[n]
	if !ok {
		return "number " + number(int64(n)) + ", which has no name"
	}
	return strings.TrimPrefix(s.name, kind)
}

// columns names the columns of a row, or of what is wanted of an event: that may
// have subjects without a number.
func (m *auditModel) columns(r *auditRow, e *event) []column {
	stream, kind, actor := m.named(r.stream, "stream:"), m.named(r.kind, "type:"), m.named(r.actor, "actor:")
	var subjects []string
	if e != nil {
		stream, kind, actor = e.stream.name, e.kind, e.actor
		for _, s := range m.wanted {
			subjects = append(subjects, s.name)
		}
	} else {
		for _, n := range r.subjects {
			subjects = append(subjects, m.named(n, ""))
		}
	}
	return []column{
		{"stream", stream}, {"revision", number(r.revision)}, {"type", kind}, {"actor", actor}, {"recorded_at", instant(r.recordedAt)},
		{"subjects", strings.Join(subjects, ", ")}, {"transaction", r.transaction}, {"original", r.original},
	}
}

func (m *auditModel) compare(ctx context.Context, r *rereader) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	if row, err := m.rows.peek(ctx); err != nil {
		return err
	} else if row != nil {
		return m.surplus(row)
	}
	for _, n := range slices.Sorted(maps.Keys(m.numbers)) {
		if s := m.numbers[n]; !s.used {
			return differs(checkAudit, "audit.subjects "+s.name, "no row: no event has it", "number "+number(int64(n)))
		}
	}
	return m.compareMentions(ctx, r)
}

func (m *auditModel) compareMentions(ctx context.Context, r *rereader) error {
	var subject int32
	var found partyChain
	begun, sound := false, true
	compared := map[int32]bool{}
	finish := func() error {
		if !begun {
			return nil
		}
		compared[subject] = true
		want, ok := m.numbers[subject]
		if !ok || want.items == 0 {
			return differs(checkAudit, "audit.mentions "+m.named(subject, ""), "no row", "one")
		}
		if !sound || want.partyChain != found {
			return m.nameMention(ctx, r, want)
		}
		return nil
	}
	err := m.mentions.each(ctx, func(row *mentionRow) error {
		if !begun || row.subject != subject {
			if err := finish(); err != nil {
				return err
			}
			subject, found, begun, sound = row.subject, partyChain{}, true, true
		}
		for _, position := range row.positions {
			found.add(m.seed, position)
		}
		sound = sound && row.named()
		return nil
	})
	if err == nil {
		err = finish()
	}
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(m.numbers)) {
		if s := m.numbers[n]; s.items > 0 && !compared[n] {
			return differs(checkAudit, "audit.mentions "+s.name, number(s.items)+" items", "no row")
		}
	}
	return nil
}

// named reports whether the row has the position of its last item.
func (r *mentionRow) named() bool {
	n := len(r.positions)
	return n > 0 && r.positions[n-1] == r.position
}

// nameMention reads the log and the rows of one subject again to name the first
// item that differs.
func (m *auditModel) nameMention(ctx context.Context, r *rereader, subject *auditSubject) error {
	var want []int64
	err := r.read(ctx, func(e *event) error {
		m.concerned(e)
		if slices.Contains(m.listing(e), subject) {
			want = append(want, int64(e.position))
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := 0
	err = m.opening(subject.number).each(ctx, func(row *mentionRow) error {
		where := "audit.mentions " + subject.name + " row " + number(row.position)
		for i, position := range row.positions {
			if at >= len(want) {
				return differs(checkAudit, where+" item "+number(i+1), "no item", "position "+number(position))
			}
			if position != want[at] {
				return differs(checkAudit, where+" item "+number(i+1), "position "+number(want[at]), "position "+number(position))
			}
			at++
		}
		if !row.named() {
			return differs(checkAudit, where, "items that end at the row's position", "others")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if at < len(want) {
		return differs(checkAudit, "audit.mentions "+subject.name+" item "+number(at+1), "position "+number(want[at]), "none")
	}
	return differs(checkAudit, "audit.mentions "+subject.name, "the items of the log", "others, and no longer when looked at again")
}

// concerns gives what an event is about, in any order and perhaps twice; an empty
// id is nothing.
func (e *event) concerns(add func(kind, id string)) {
	switch e.stream.category {
	case "party", "contract", "schedule", "calendar", "source":
		add(e.stream.category, e.stream.id)
	case "book":
		n := &e.entry
		add("book", e.stream.id)
		add("source", n.source)
		add("contract", n.contract)
		add("schedule", n.schedule)
		for _, party := range n.headers() {
			add("party", party)
		}
		for i := range n.calendars {
			add("calendar", n.calendars[i].stream.id)
		}
	}
	switch e.kind {
	case typeContractSigned:
		add("book", e.terms.book)
		add("schedule", e.terms.schedule)
		for _, r := range e.terms.parties {
			add("party", r.party)
		}
	case typeReleased:
		if stream := e.quarantine.settledStream; stream != "" {
			add("book", strings.TrimPrefix(stream, "book-"))
		}
	}
}

// transactions names the transaction that an event is about, and the one that this
// refunds or reverses.
func (e *event) transactions() (transaction, original string) {
	switch {
	case e.stream.category == "book":
		n := &e.entry
		if !n.kind.keyed() {
			return "", ""
		}
		transaction = n.source + "/" + string(n.externalID)
		if n.link.present {
			original = n.link.source + "/" + string(n.link.id)
		}
	case e.kind == typeQuarantined || e.kind == typeReleased:
		if q := &e.quarantine; !strings.HasPrefix(q.record, "raw:") {
			transaction = q.source + "/" + q.record
		}
	}
	return transaction, original
}
