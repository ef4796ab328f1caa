package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/projections/directory"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func project(t *testing.T, pool *pgxpool.Pool, events ...domain.Event) {
	t.Helper()
	var list []readmodel.Event
	for i, e := range events {
		list = append(list, readmodel.Event{Position: eventstore.Position(i + 1), Revision: uint64(i), Type: e.EventType(), Event: e})
	}
	require.NoError(t, pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
		return directory.Model{}.Projector("directory").Project(context.Background(), tx, list)
	}))
}

func TestPartiesAndContracts(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	sealed := &domain.Sealed{Subject: "party-kim", Box: []byte{1, 2}, Digest: []byte{3}}
	signed := contract.Terms{
		Contract: "games", Book: "seoul", Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01", Priority: 3,
		Parties: map[string]string{"platform": "jeong"}, Applies: contract.Applies{Types: []string{"sale"}, Parties: map[string]string{"seller": "kim"}},
	}
	other := contract.Terms{Contract: "music", Book: "busan", Schedule: "standard", Zone: "Asia/Seoul", From: "2026-01-01", Until: "2026-12-31"}
	project(t, pool,
		party.PartyRegistered{Party: "kim", Kind: party.Seller, Country: "KR", Personal: sealed, RecordedAt: at},
		party.PartyRegistered{Party: "jeong", Kind: party.Platform, RecordedAt: at},
		party.PartyRegistered{Party: "lee", Kind: party.Seller, RecordedAt: at},
		contract.ContractSigned{Terms: signed, RecordedAt: at},
		contract.ContractSigned{Terms: other, RecordedAt: at},
		contract.ContractEnded{Contract: "games", Until: "2026-06-30", RecordedAt: at},
	)

	first, err := directory.Parties(ctx, pool, "", "", 2)
	require.NoError(t, err)
	require.Equal(t, []string{"jeong", "kim"}, []string{first[0].Party, first[1].Party})
	require.Equal(t, sealed, first[1].Personal)
	require.Nil(t, first[0].Personal)
	rest, err := directory.Parties(ctx, pool, "", "kim", 2)
	require.NoError(t, err)
	require.Len(t, rest, 1)
	require.True(t, rest[0].RegisteredAt.Equal(at))
	sellers, err := directory.Parties(ctx, pool, party.Seller, "", 10)
	require.NoError(t, err)
	require.Len(t, sellers, 2)
	byID, err := directory.PartiesByID(ctx, pool, []string{"lee", "nobody"})
	require.NoError(t, err)
	require.Len(t, byID, 1)
	require.EqualValues(t, 3, byID["lee"].Position)

	contracts, err := directory.ContractsByID(ctx, pool, []string{"games", "music", "none"})
	require.NoError(t, err)
	require.Len(t, contracts, 2)
	require.Equal(t, directory.Contract{Terms: signed, Until: "2026-06-30", Position: 6}, contracts["games"])
	require.Equal(t, domain.Date("2026-12-31"), contracts["music"].Until)
	for name, test := range map[string]struct {
		filter directory.ContractFilter
		want   []string
	}{
		"all":                      {directory.ContractFilter{}, []string{"games", "music"}},
		"book":                     {directory.ContractFilter{Book: "busan"}, []string{"music"}},
		"party of the contract":    {directory.ContractFilter{Party: "jeong"}, []string{"games"}},
		"party of the transaction": {directory.ContractFilter{Party: "kim"}, []string{"games"}},
		"party of none":            {directory.ContractFilter{Party: "lee"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := directory.Contracts(ctx, pool, test.filter, "", 10)
			require.NoError(t, err)
			var ids []string
			for _, c := range list {
				ids = append(ids, c.Terms.Contract)
			}
			require.Equal(t, test.want, ids)
		})
	}
	after, err := directory.Contracts(ctx, pool, directory.ContractFilter{}, "games", 10)
	require.NoError(t, err)
	require.Len(t, after, 1)
}

func TestSchedulesAndSources(t *testing.T) {
	ctx := context.Background()
	pool := testkit.Database(t)
	document := func(id string, version int) fee.Document {
		return fee.Document{
			Schedule: id, Version: version, EffectiveFrom: "2026-01-01", Funds: fee.Target{Role: "card"},
			Rules: []fee.Rule{{ID: "rest", To: fee.Target{Role: "seller"}, Rest: true}},
		}
	}
	project(t, pool,
		schedule.SchedulePublished{Document: document("b", 1), RecordedAt: at},
		schedule.SchedulePublished{Document: document("a", 1), RecordedAt: at},
		schedule.SchedulePublished{Document: document("a", 2), RecordedAt: at},
		source.SourceDefined{Source: "pg", Version: 1, Hash: "ff", Definition: "source: pg", RecordedAt: at},
		source.RecordQuarantined{Source: "pg", Record: "r1", Raw: domain.Sealed{Subject: "source-pg"}, RecordedAt: at},
	)

	var got []directory.Version
	var place directory.Version
	for {
		page, err := directory.Schedules(ctx, pool, "", place, 2)
		require.NoError(t, err)
		for _, s := range page {
			place = directory.Version{Schedule: s.Document.Schedule, Version: s.Document.Version}
			got = append(got, place)
		}
		if len(page) < 2 {
			break
		}
	}
	require.Equal(t, []directory.Version{{Schedule: "a", Version: 1}, {Schedule: "a", Version: 2}, {Schedule: "b", Version: 1}}, got)
	latest, ok, err := directory.LatestSchedule(ctx, pool, "a")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, document("a", 2), latest.Document)
	_, ok, err = directory.LatestSchedule(ctx, pool, "c")
	require.NoError(t, err)
	require.False(t, ok)
	versions, err := directory.SchedulesByVersion(ctx, pool, []directory.Version{{Schedule: "a", Version: 1}, {Schedule: "b", Version: 7}})
	require.NoError(t, err)
	require.Len(t, versions, 1)

	sources, err := directory.Sources(ctx, pool, "", 10)
	require.NoError(t, err)
	require.Equal(t, []directory.Source{{Source: "pg", Version: 1, Hash: "ff", Definition: "source: pg", Quarantined: 1, Position: 5}}, sources)
	_, ok, err = directory.FindSource(ctx, pool, "other")
	require.NoError(t, err)
	require.False(t, ok)
}
