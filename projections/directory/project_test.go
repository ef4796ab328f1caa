package directory

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

func events(list ...domain.Event) (all []readmodel.Event) {
	for i, e := range list {
		all = append(all, readmodel.Event{Position: eventstore.Position(i + 1), Event: e})
	}
	return all
}

func TestFoldReferenceData(t *testing.T) {
	at := time.Unix(1, 0)
	changes, err := fold(events(
		party.PartyRegistered{Party: "a", Kind: party.Seller, RecordedAt: at},
		party.PartyDetailsChanged{Party: "a", Personal: &domain.Sealed{Subject: "party-a"}},
		party.PartyDetailsChanged{Party: "old"},
		contract.ContractSigned{Terms: contract.Terms{Contract: "c", Book: "b", Schedule: "s", From: "2026-01-01", Until: "2027-01-01"}},
		contract.ContractEnded{Contract: "c", Until: "2026-06-01"},
		contract.ContractEnded{Contract: "before", Until: "2026-07-01"},
		schedule.SchedulePublished{Document: fee.Document{Schedule: "s", Version: 1, EffectiveFrom: "2026-01-01"}},
		calendar.CalendarPublished{Document: calendar.Document{Calendar: "kr", Version: 1, FirstYear: 2026}},
		calendar.CalendarPublished{Document: calendar.Document{Calendar: "kr", Version: 2, FirstYear: 2027}},
		source.SourceDefined{Source: "pg", Version: 1, Hash: "h1", Definition: "one"},
		source.SourceDefined{Source: "pg", Version: 2, Hash: "h2", Definition: "two"},
	), nil)
	require.NoError(t, err)

	require.Len(t, changes.parties, 2)
	require.True(t, changes.parties[0].registered)
	require.Contains(t, *changes.parties[0].personal, "party-a")
	require.Equal(t, eventstore.Position(2), changes.parties[0].position)
	require.Equal(t, at, changes.parties[0].registeredAt)
	require.False(t, changes.parties[1].registered)
	require.Nil(t, changes.parties[1].personal)

	require.Len(t, changes.contracts, 2)
	require.Equal(t, domain.Date("2026-06-01"), *changes.contracts[0].validUntil)
	require.Contains(t, changes.contracts[0].terms, "2027-01-01") // as signed
	require.False(t, changes.contracts[1].signed)

	require.Len(t, changes.schedules, 1)
	require.Len(t, changes.calendars, 2)
	require.Equal(t, "kr 2", changes.calendars[1].key())
	require.Contains(t, changes.calendars[1].document, "2027")
	require.Equal(t, eventstore.Position(9), changes.calendars[1].position)
	require.Len(t, changes.sources, 1)
	require.Equal(t, sourceRow{source: "pg", defined: true, version: 2, hash: "h2", definition: "two", position: 11}, *changes.sources[0])
}

func TestFoldQuarantine(t *testing.T) {
	hold := func(record, hash string) domain.Event {
		return source.RecordQuarantined{Source: "pg", Record: record, ContentHash: hash}
	}
	free := func(record, hash string) domain.Event {
		return source.QuarantineReleased{Source: "pg", Record: record, ContentHash: hash}
	}
	for _, test := range []struct {
		name     string
		open     []quarantineKey // before the batch
		events   []domain.Event
		entered  []string // record/hash
		released []string
		change   int64
	}{
		{"held", nil, []domain.Event{hold("r", "1"), hold("r", "2"), hold("s", "")}, []string{"r/1", "r/2", "s/"}, nil, 3},
		{"held and freed at once", nil, []domain.Event{hold("r", "1"), hold("r", "2"), free("r", "1")}, []string{"r/2"}, nil, 1},
		{"freed as a whole", []quarantineKey{{"pg", "r", "0"}}, []domain.Event{hold("r", "1"), free("r", "")}, nil, []string{"r/0"}, 0 - 1},
		{"one of several freed", []quarantineKey{{"pg", "r", "0"}, {"pg", "r", "1"}}, []domain.Event{free("r", "1")}, nil, []string{"r/1"}, -1},
		{"freed twice", []quarantineKey{{"pg", "r", "0"}}, []domain.Event{free("r", "0"), free("r", "")}, nil, []string{"r/0"}, -1},
		{"of another record", []quarantineKey{{"pg", "s", "0"}}, []domain.Event{hold("r", "0"), free("r", "0")}, nil, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			changes, err := fold(events(test.events...), test.open)
			require.NoError(t, err)
			var entered, released []string
			for _, q := range changes.quarantined {
				entered = append(entered, q.Record+"/"+q.ContentHash)
			}
			for _, key := range changes.released {
				released = append(released, key.record+"/"+key.hash)
			}
			require.Equal(t, test.entered, entered)
			require.Equal(t, test.released, released)
			require.Equal(t, test.change, changes.sources[0].quarantined)
			require.Equal(t, eventstore.Position(len(test.events)), changes.sources[0].position)
		})
	}
	_, err := fold(events(hold("r", "1"), hold("r", "1")), nil)
	require.ErrorContains(t, err, "already")
}
