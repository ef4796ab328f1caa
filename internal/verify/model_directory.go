package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// directoryModel expects parties, contracts, schedules, calendars, sources and what is in
// quarantine as they are after the last event that concerns them.
type directoryModel struct {
	expected [6]map[string]directoryRow // in the order of directoryTables
	rows     [6]*cursor[directoryRow]
}

// directoryRow is a row of any of the tables: its key, its columns as text,
// and one document that is compared by what it says.
type directoryRow struct {
	key      string
	values   [9]string
	document string
}

type directoryTable struct {
	name     string
	columns  []string // names of values, in order
	document string   // name of the document's column
	query    string   // key, values, document; instants as microseconds
}

const (
	inParties = iota
	inContracts
	inSchedules
	inCalendars
	inSources
	inQuarantine
)

var directoryTables = [6]directoryTable{
	inParties: {
		"directory.parties", []string{"kind", "country", "registered_at", "position"}, "personal",
		`SELECT party, ARRAY[kind, country, (extract(epoch FROM registered_at) * 1000000)::bigint::text, position::text], coalesce(personal::text, '') FROM directory.parties ORDER BY party`,
	},
	inContracts: {
		"directory.contracts", []string{"book", "schedule", "valid_from", "valid_until", "position"}, "terms",
		`SELECT contract, ARRAY[book, schedule, valid_from::text, coalesce(valid_until::text, ''), position::text], terms::text FROM directory.contracts ORDER BY contract`,
	},
	inSchedules: {
		"directory.schedules", []string{"effective_from", "position"}, "document",
		`SELECT schedule || ' version ' || version, ARRAY[effective_from::text, position::text], document::text FROM directory.schedules ORDER BY schedule, version`,
	},
	inCalendars: {
		"directory.calendars", []string{"position"}, "document",
		`SELECT calendar || ' version ' || version, ARRAY[position::text], document::text FROM directory.calendars ORDER BY calendar, version`,
	},
	inSources: {
		"directory.sources", []string{"version", "hash", "definition", "quarantined", "position"}, "",
		`SELECT source, ARRAY[version::text, hash, definition, quarantined::text, position::text], '' FROM directory.sources ORDER BY source`,
	},
	inQuarantine: {
		"directory.quarantine", []string{"delivery", "number", "code", "field", "reason", "currency", "amount", "recorded_at", "position"}, "",
		`SELECT source || ' ' || record || ' ' || content_hash, ARRAY[delivery, number::text, code, field, reason, currency, coalesce(trim_scale(amount)::text, ''),
			(extract(epoch FROM recorded_at) * 1000000)::bigint::text, position::text], '' FROM directory.quarantine ORDER BY source, position`,
	},
}

func newDirectoryModel(s *snapshot) *directoryModel {
	m := &directoryModel{}
	for i, table := range directoryTables {
		m.expected[i] = map[string]directoryRow{}
		if s == nil {
			continue
		}
		m.rows[i] = &cursor[directoryRow]{
			tx: s.tx, name: "verify_" + table.name[len("directory."):] + "_directory", query: table.query,
			scan: func(row pgx.CollectableRow) (r directoryRow, err error) {
				var values []string
				err = row.Scan(&r.key, &values, &r.document)
				copy(r.values[:], values)
				return r, err
			},
		}
	}
	return m
}

func (m *directoryModel) name() string { return "directory" }

func (m *directoryModel) counted() map[string]uint64 {
	var n uint64
	for _, rows := range m.rows {
		if rows != nil {
			n += rows.read
		}
	}
	return map[string]uint64{checkDirectory: n}
}

func (m *directoryModel) fold(_ context.Context, e *event) error {
	id, position := e.stream.id, number(uint64(e.position))
	switch e.stream.category {
	case "party":
		row := m.expected[inParties][id]
		row.key = id
		if e.kind == typePartyRegistered {
			row.values = [9]string{e.party.kind, e.party.country, number(e.recordedAt.UnixMicro())}
		}
		row.document = e.party.personal
		row.values[3] = position
		m.expected[inParties][id] = row
	case "contract":
		row := m.expected[inContracts][id]
		row.key = id
		if e.kind == typeContractSigned {
			row.values = [9]string{e.terms.book, e.terms.schedule, e.terms.from}
			row.document = string(e.data)
		}
		row.values[3], row.values[4] = e.terms.until, position
		m.expected[inContracts][id] = row
	case "schedule":
		key := id + " version " + number(e.document.version)
		m.expected[inSchedules][key] = directoryRow{key: key, values: [9]string{e.document.effectiveFrom, position}, document: string(e.data)}
	case "calendar":
		key := id + " version " + number(e.daybook.version)
		m.expected[inCalendars][key] = directoryRow{key: key, values: [9]string{position}, document: string(e.data)}
	case "source":
		row := m.expected[inSources][id]
		row.key = id
		if row.values[0] == "" {
			row.values[0] = "0"
		}
		if e.kind == typeSourceDefined {
			row.values = [9]string{number(e.definition.version), e.definition.hash, e.definition.text}
		}
		row.values[3], row.values[4] = number(e.stream.source.count), position
		m.expected[inSources][id] = row
		m.foldQuarantine(e)
	}
	return nil
}

func (m *directoryModel) foldQuarantine(e *event) {
	q := &e.quarantine
	key := func(hash string) string { return q.source + " " + q.record + " " + hash }
	switch e.kind {
	case typeQuarantined:
		row := directoryRow{key: key(q.contentHash), values: [9]string{
			q.delivery, number(q.offset), q.code, q.field, q.reason, q.currency, "", number(e.recordedAt.UnixMicro()), number(uint64(e.position)),
		}}
		if q.hasAmount {
			row.values[6] = q.amount.String()
		}
		m.expected[inQuarantine][row.key] = row
	case typeReleased:
		for _, hash := range q.released {
			delete(m.expected[inQuarantine], key(hash))
		}
	}
}

func (m *directoryModel) compare(ctx context.Context, _ *rereader) error {
	for i, table := range directoryTables {
		expected := m.expected[i]
		err := m.rows[i].each(ctx, func(row *directoryRow) error {
			want, ok := expected[row.key]
			if !ok {
				return differs(checkDirectory, table.name+" "+row.key, "no row", "one")
			}
			delete(expected, row.key)
			return table.compare(&want, row)
		})
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(expected)) {
			return differs(checkDirectory, table.name+" "+key, "a row", "none")
		}
	}
	return nil
}

func (t *directoryTable) compare(want, found *directoryRow) error {
	where := t.name + " " + want.key
	for i, name := range t.columns {
		if a, b := want.values[i], found.values[i]; a != b {
			if strings.HasSuffix(name, "ed_at") {
				a, b = microseconds(a), microseconds(b)
			}
			return differs(checkDirectory, where, name+" "+orEmpty(a), name+" "+orEmpty(b))
		}
	}
	same, err := sameDocument(want.document, found.document)
	if err != nil {
		return err
	}
	if !same {
		return differs(checkDirectory, where, t.document+" "+orEmpty(want.document), t.document+" "+orEmpty(found.document))
	}
	return nil
}

func microseconds(text string) string {
	if micros, err := strconv.ParseInt(text, 10, 64); err == nil {
		return instant(micros)
	}
	return text
}

// sameDocument compares two JSON objects by what they say. The time of recording
// is the event's and not part of the document.
func sameDocument(a, b string) (bool, error) {
	left, err := parseDocument(a)
	if err != nil {
		return false, err
	}
	right, err := parseDocument(b)
	if err != nil {
		return false, err
	}
	return reflect.DeepEqual(left, right), nil
}

func parseDocument(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var document map[string]any
	err := d.Decode(&document)
	delete(document, "recorded_at")
	return document, err
}
