package audit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/audit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// history is a log in which everything occurs that a filter can ask for.
func history() []readmodel.Event {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	var events []readmodel.Event
	revisions := map[domain.StreamID]uint64{}
	add := func(stream domain.StreamID, entry *readmodel.Entry, event domain.Event) {
		i := len(events)
		e := readmodel.Event{
			Position: eventstore.Position(10 * (i + 1)), Stream: stream, Revision: revisions[stream], Type: event.EventType(), Entry: entry, Event: event,
			Meta: eventstore.Meta{Actor: fmt.Sprintf("operator:%d", i%5%2), RecordedAt: start.Add(time.Duration(i) * time.Minute)},
		}
		if entry != nil {
			e.Event = nil
		}
		events = append(events, e)
		revisions[stream]++
	}
	settle := func(i int, id, original string) {
		entry := &readmodel.Entry{
			Key: book.Key{Source: fmt.Sprint("pg-", i%3), ExternalID: id}, Book: fmt.Sprint("b", i%2), Contract: "c", Schedule: "s",
			Parties: []string{fmt.Sprint("p", i%9), "platform"},
		}
		if original != "" {
			entry.Original = &book.Original{Key: book.Key{Source: entry.Source, ExternalID: original}}
		}
		add(domain.Stream(book.Category, entry.Book), entry, book.TransactionSettled{})
	}
	for i := range 9 {
		id := fmt.Sprint("p", i)
		add(domain.Stream(party.Category, id), nil, party.PartyRegistered{Party: id})
	}
	for i := range 600 {
		switch {
		case i%50 == 6:
			add("source-pg-0", nil, source.RecordQuarantined{Source: "pg-0", Record: fmt.Sprint("t", i)})
		case i%50 == 30:
			settle(i, fmt.Sprint("t", i), fmt.Sprint("t", i-30))
		case i%40 == 9:
			add("party-p4", nil, party.PartyDetailsChanged{Party: "p4"})
		default:
			settle(i, fmt.Sprint("t", i), "")
		}
	}
	settle(600, "t600", "t0")
	return events
}

// project writes the events in batches of this many.
func project(t *testing.T, pool *pgxpool.Pool, events []readmodel.Event, batch int) {
	projector := audit.Model{}.Projector("audit")
	for part := range slices.Chunk(events, batch) {
		require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return projector.Project(t.Context(), tx, part) }))
	}
}

// about lists what an event concerns, read off the history by hand.
func about(e readmodel.Event) []string {
	switch event := e.Event.(type) {
	case party.PartyRegistered:
		return []string{"party:" + event.Party}
	case party.PartyDetailsChanged:
		return []string{"party:" + event.Party}
	case source.RecordQuarantined:
		return []string{"source:" + event.Source, "transaction:" + event.Source + "/" + event.Record}
	}
	ids := []string{"book:" + e.Entry.Book, "source:" + e.Entry.Source, "contract:c", "schedule:s", "transaction:" + e.Entry.Source + "/" + e.Entry.ExternalID}
	for _, id := range e.Entry.Parties {
		ids = append(ids, "party:"+id)
	}
	if e.Entry.Original != nil {
		ids = append(ids, "transaction:"+e.Entry.Original.Source+"/"+e.Entry.Original.ExternalID)
	}
	return ids
}

func satisfies(e readmodel.Event, f audit.Filter) bool {
	for _, id := range f.IDs {
		if !slices.Contains(about(e), id) {
			return false
		}
	}
	at := e.Meta.RecordedAt
	return (f.Stream == "" || f.Stream == string(e.Stream)) && (f.Type == "" || f.Type == e.Type) && (f.Actor == "" || f.Actor == e.Meta.Actor) &&
		(f.From.IsZero() || !at.Before(f.From)) && (f.Until.IsZero() || at.Before(f.Until))
}

// pages reads everything that the filter selects, some at a time.
func pages(t *testing.T, pool *pgxpool.Pool, f audit.Filter, size int) (all []domain.Ref) {
	var place eventstore.Position
	for {
		page, err := audit.List(t.Context(), pool, f, place, size)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), size)
		for _, m := range page {
			all = append(all, domain.Ref{Stream: m.Stream, Revision: m.Revision})
			place = m.Position
		}
		if len(page) < size {
			return all
		}
	}
}

func TestListFindsByEveryCondition(t *testing.T) {
	events := history()
	start := events[0].Meta.RecordedAt
	some := func(ids ...string) audit.Filter { return audit.Filter{IDs: ids} }
	for batch, size := range map[int]int{1: 50, 40: 7, 1000: 500} {
		pool := testkit.Database(t)
		project(t, pool, events, batch)
		for name, test := range map[string]struct {
			filter audit.Filter
			count  int // of events, where it is known without counting
		}{
			"all":                      {audit.Filter{}, len(events)},
			"party":                    {some("party:p3"), -1},
			"party of everything":      {some("party:platform"), -1},
			"two parties":              {some("party:p3", "party:platform"), -1},
			"parties never together":   {some("party:p3", "party:p4"), 0},
			"a party twice":            {some("party:p4", "party:p4"), -1},
			"contract":                 {some("contract:c"), -1},
			"schedule":                 {some("schedule:s"), -1},
			"source":                   {some("source:pg-1"), -1},
			"book":                     {some("book:b1"), -1},
			"book and party":           {some("book:b1", "party:p4"), -1},
			"transaction":              {some("transaction:pg-1/t10"), 1},
			"refunded":                 {some("transaction:pg-0/t0"), 3},
			"refund and refunded":      {some("transaction:pg-0/t0", "transaction:pg-0/t30"), 1},
			"the other way round":      {some("transaction:pg-0/t30", "transaction:pg-0/t0"), 1},
			"three transactions":       {some("transaction:pg-0/t30", "transaction:pg-0/t0", "transaction:pg-0/t600"), 0},
			"transactions apart":       {some("transaction:pg-0/t0", "transaction:pg-1/t10"), 0},
			"quarantined":              {some("transaction:pg-0/t6"), 1},
			"transaction and party":    {some("party:p1", "transaction:pg-1/t10"), 1},
			"not the transaction's":    {some("transaction:pg-1/t10", "party:p2"), 0},
			"not the transaction's, 2": {audit.Filter{IDs: []string{"transaction:pg-1/t10"}, Stream: "book-b1"}, 0},
			"no transaction":           {some("transaction:pg-1/none"), 0},
			"empty transaction":        {some("transaction:"), 0},
			"unknown party":            {some("party:nobody"), 0},
			"one unknown party":        {some("party:p3", "party:nobody"), 0},
			"unknown kind":             {some("vehicle:p3"), 0},
			"no kind":                  {some("p3"), 0},
			"a stream is no id":        {some("stream:party-p4"), 0},
			"an actor is no id":        {some("actor:operator:1"), 0},
			"stream":                   {audit.Filter{Stream: "party-p4"}, -1},
			"stream of a book":         {audit.Filter{Stream: "book-b1"}, -1},
			"stream, party":            {audit.Filter{Stream: "book-b1", IDs: []string{"party:p5"}}, -1},
			"stream of another":        {audit.Filter{Stream: "party-p4", IDs: []string{"party:p5"}}, 0},
			"unknown stream":           {audit.Filter{Stream: "party-nobody"}, 0},
			"unknown book":             {audit.Filter{Stream: "book-nowhere"}, 0},
			"type":                     {audit.Filter{Type: "PartyRegistered.v1"}, 9},
			"type of most":             {audit.Filter{Type: "TransactionSettled.v2"}, -1},
			"unknown type":             {audit.Filter{Type: "Other.v1"}, 0},
			"actor":                    {audit.Filter{Actor: "operator:1"}, -1},
			"actor, stream":            {audit.Filter{Actor: "operator:1", Stream: "party-p4"}, -1},
			"actor, type":              {audit.Filter{Actor: "operator:0", Type: "RecordQuarantined.v1"}, -1},
			"unknown actor":            {audit.Filter{Actor: "nobody"}, 0},
			"time":                     {audit.Filter{From: start.Add(20 * time.Minute), Until: start.Add(30 * time.Minute)}, 10},
			"time, party":              {audit.Filter{From: start.Add(200 * time.Minute), Until: start.Add(300 * time.Minute), IDs: []string{"party:p7"}}, -1},
			"time, transaction":        {audit.Filter{From: start.Add(200 * time.Minute), IDs: []string{"transaction:pg-0/t0"}}, 1},
			"everything": {audit.Filter{
				IDs: []string{"book:b0", "party:p0", "source:pg-0", "contract:c", "schedule:s", "party:platform"}, Stream: "book-b0", Type: "TransactionSettled.v2",
				Actor: "operator:1", From: start.Add(100 * time.Minute), Until: start.Add(500 * time.Minute),
			}, -1},
		} {
			t.Run(fmt.Sprint(name, " in batches of ", batch), func(t *testing.T) {
				var want []domain.Ref
				for _, e := range slices.Backward(events) {
					if satisfies(e, test.filter) {
						want = append(want, domain.Ref{Stream: e.Stream, Revision: e.Revision})
					}
				}
				if test.count < 0 {
					require.NotEmpty(t, want)
				} else {
					require.Len(t, want, test.count)
				}
				require.Equal(t, want, pages(t, pool, test.filter, size))
			})
		}
		newest, err := audit.List(t.Context(), pool, audit.Filter{}, 0, 1)
		require.NoError(t, err)
		require.True(t, newest[0].RecordedAt.Equal(start.Add(609*time.Minute)))
		require.Equal(t, []string{"TransactionSettled.v2", "operator:0"}, []string{newest[0].Type, newest[0].Actor})
	}
}

// What a projector wrote, another continues: it reads the numbers that it needs.
func TestProjectorsContinue(t *testing.T) {
	events := history()
	once, parts := testkit.Database(t), testkit.Database(t)
	project(t, once, events, len(events))
	for part := range slices.Chunk(events, 100) {
		project(t, parts, part, 50)
	}
	for _, table := range append(audit.Model{}.Comparable(), readmodel.Comparable{Table: "subjects", SQL: "SELECT id, name FROM {schema}.subjects"}) {
		var all [2][]string
		for i, pool := range []*pgxpool.Pool{once, parts} {
			rows, err := pool.Query(t.Context(), "SELECT to_jsonb(d)::text FROM ("+readmodel.In("audit", table.SQL)+") d ORDER BY 1")
			require.NoError(t, err)
			all[i], err = pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
		}
		require.NotEmpty(t, all[0])
		require.Equal(t, all[0], all[1], table.Table)
	}
}

// The numbers of two copies differ where an older program wrote one of them. They
// are equal if they say the same.
func TestComparableIsByName(t *testing.T) {
	pool := testkit.Database(t)
	project(t, pool, history(), 50)
	read := func() (all []string) {
		for _, table := range (audit.Model{}).Comparable() {
			rows, err := pool.Query(t.Context(), "SELECT to_jsonb(d)::text FROM ("+readmodel.In("audit", table.SQL)+") d ORDER BY 1")
			require.NoError(t, err)
			list, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			all = append(all, list...)
		}
		return all
	}
	before := read()
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		renumber(t, tx, 0)
		return nil
	}))
	require.Equal(t, before, read())
	for _, fault := range []string{
		`UPDATE audit.mentions SET positions[1] = positions[1] + 1 WHERE (subject, position) = (SELECT subject, max(position) FROM audit.mentions GROUP BY 1 LIMIT 1)`,
		`UPDATE audit.events SET subjects = subjects[2:] WHERE position = 5000`,
		`UPDATE audit.events SET original = 'pg/x' WHERE position = 5000`,
	} {
		_, err := pool.Exec(t.Context(), fault)
		require.NoError(t, err)
		now := read()
		require.NotEqual(t, before, now, fault)
		before = now
	}
}
