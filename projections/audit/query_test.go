package audit_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/audit"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func TestListFindsByEveryCondition(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	var events []readmodel.Event
	revisions := map[string]uint64{}
	for i := range 90 {
		id := fmt.Sprintf("p%d", i%9)
		var event domain.Event = party.PartyRegistered{Party: id}
		if revisions[id] > 0 {
			event = party.PartyDetailsChanged{Party: id}
		}
		events = append(events, readmodel.Event{
			Position: eventstore.Position(10 * (i + 1)), Stream: domain.Stream(party.Category, id), Revision: revisions[id],
			Type: event.EventType(), Event: event,
			Meta: eventstore.Meta{Actor: fmt.Sprintf("operator:%d", i%2), RecordedAt: start.Add(time.Duration(i) * time.Minute)},
		})
		revisions[id]++
	}
	require.NoError(t, pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return audit.Model{}.Projector("audit").Project(ctx, tx, events)
	}))

	for name, test := range map[string]struct {
		filter audit.Filter
		want   func(i int, e readmodel.Event) bool
	}{
		"all":         {audit.Filter{}, func(int, readmodel.Event) bool { return true }},
		"id":          {audit.Filter{IDs: []string{"party:p3"}}, func(i int, _ readmodel.Event) bool { return i%9 == 3 }},
		"two ids":     {audit.Filter{IDs: []string{"party:p3", "party:p4"}}, func(int, readmodel.Event) bool { return false }},
		"stream":      {audit.Filter{Stream: "party-p4"}, func(i int, _ readmodel.Event) bool { return i%9 == 4 }},
		"other":       {audit.Filter{Stream: "party-nobody"}, func(int, readmodel.Event) bool { return false }},
		"type":        {audit.Filter{Type: "PartyRegistered.v1"}, func(i int, _ readmodel.Event) bool { return i < 9 }},
		"actor":       {audit.Filter{Actor: "operator:1", Stream: "party-p0"}, func(i int, _ readmodel.Event) bool { return i%2 == 1 && i%9 == 0 }},
		"time":        {audit.Filter{From: start.Add(20 * time.Minute), Until: start.Add(30 * time.Minute)}, func(i int, _ readmodel.Event) bool { return i >= 20 && i < 30 }},
		"nobody's":    {audit.Filter{Actor: "nobody"}, func(int, readmodel.Event) bool { return false }},
		"of no type":  {audit.Filter{Type: "Other.v1"}, func(int, readmodel.Event) bool { return false }},
		"id and type": {audit.Filter{IDs: []string{"party:p1"}, Type: "PartyDetailsChanged.v1"}, func(i int, _ readmodel.Event) bool { return i%9 == 1 && i > 8 }},
	} {
		t.Run(name, func(t *testing.T) {
			var want, got []domain.Ref
			for i, e := range events {
				if test.want(i, e) {
					want = append(want, domain.Ref{Stream: e.Stream, Revision: e.Revision})
				}
			}
			slices.Reverse(want)
			var place eventstore.Position
			for {
				page, err := audit.List(ctx, pool, test.filter, place, 4)
				require.NoError(t, err)
				for _, m := range page {
					got = append(got, domain.Ref{Stream: m.Stream, Revision: m.Revision})
				}
				if len(page) < 4 {
					break
				}
				place = page[3].Position
			}
			require.Equal(t, want, got)
		})
	}
	newest, err := audit.List(ctx, pool, audit.Filter{}, 0, 1)
	require.NoError(t, err)
	require.True(t, newest[0].RecordedAt.Equal(start.Add(89*time.Minute)))
	require.Equal(t, []string{"PartyDetailsChanged.v1", "operator:1"}, []string{newest[0].Type, newest[0].Actor})
}
