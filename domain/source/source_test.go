package source_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/domain/source"
)

var (
	now      = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	delivery = strings.Repeat("ab", 32)
)

func define(text string) source.DefineSource {
	return source.DefineSource{Source: "pg-1", Definition: text, RecordedAt: now}
}

func quarantine(record, hash string) source.QuarantineRecord {
	return source.QuarantineRecord{
		Source: "pg-1", Record: record, ContentHash: hash, Delivery: delivery, Offset: 7, Code: domain.CodeUnknownParty, Field: "parties.provider",
		Reason: "no such party", Sealed: domain.Sealed{Subject: "source-pg-1", Box: []byte("box")}, RecordedAt: now,
	}
}

func release(record, hash string) source.ReleaseQuarantine {
	return source.ReleaseQuarantine{Source: "pg-1", Record: record, ContentHash: hash, Settled: domain.Ref{Stream: "book-main", Revision: 3}, RecordedAt: now}
}

func closing() source.CloseDelivery {
	return source.CloseDelivery{
		Source: "pg-1", Delivery: delivery, Name: "sales.csv", Bytes: 100, Version: 1,
		Counts:     source.Counts{Read: 10, Settled: 5, ZeroValue: 1, Replayed: 1, Quarantined: 2, Ignored: map[string]uint64{"test": 1, "void": 1}},
		Totals:     []source.Total{{Currency: "GBP", Read: "10.001", Settled: "12.001", Quarantined: "-2"}},
		RecordedAt: now,
	}
}

func fold(t require.TestingT, commands ...domain.Command) *source.State {
	s := source.Decider.Initial()
	for _, command := range commands {
		events, err := source.Decider.Decide(s, command)
		require.NoError(t, err)
		s = source.Decider.Fold(s, events...)
	}
	return s
}

func requireReplay(t *testing.T, s *source.State, command domain.Command, revision uint64) {
	t.Helper()
	got, replay, err := source.Lookup(s, command)
	require.NoError(t, err)
	require.True(t, replay)
	require.Equal(t, revision, got)
	events, err := source.Decider.Decide(s, command)
	require.NoError(t, err)
	require.Empty(t, events)
}

func requireFault(t *testing.T, code domain.Code, field string, err error) {
	t.Helper()
	var fault *domain.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []string{string(code), field}, []string{string(fault.Code), fault.Field}, err.Error())
}

func TestDefine(t *testing.T) {
	s := fold(t, define("a: 1"))
	require.Equal(t, 1, s.Version())
	require.Equal(t, "16c3c6d78678d53d39ab2c7a5a7bc4596567b46a1a57000a2d707334f779b824", s.DefinitionHash())
	requireReplay(t, s, define("a: 1"), 0)
	s = fold(t, define("a: 1"), define("a: 2"), define("a: 1"))
	require.Equal(t, 3, s.Version(), "going back is a change")
	command := define("a: 1")
	requireReplay(t, s, &command, 2)
	_, err := source.Decider.Decide(s, define(""))
	requireFault(t, domain.CodeInvalid, "definition", err)
}

func TestQuarantineIsKeptOnce(t *testing.T) {
	s := fold(t, define("a: 1"), quarantine("A-1", "1:aa"), quarantine("A-1", "1:bb"), quarantine("A-2", ""))
	require.Equal(t, 3, s.OpenCount())
	again := quarantine("A-1", "1:aa")
	again.Offset, again.Code, again.Reason = 99, domain.CodeMissingContract, "for another reason now"
	requireReplay(t, s, again, 1)
	require.Equal(t, []source.Open{{Record: "A-1", ContentHash: "1:aa", Revision: 1}, {Record: "A-1", ContentHash: "1:bb", Revision: 2}}, s.OpenRecord("A-1"))
	require.Equal(t, []source.Open{{Record: "A-1", ContentHash: "1:aa", Revision: 1}, {Record: "A-1", ContentHash: "1:bb", Revision: 2}, {Record: "A-2", Revision: 3}}, slices.Collect(s.OpenAll()))

	// Two parts with a shifted border are two inputs.
	s = fold(t, quarantine("A-11", ":aa"), quarantine("A-1", "1:aa"))
	require.Equal(t, 2, s.OpenCount())
}

func TestRelease(t *testing.T) {
	base := []domain.Command{quarantine("A-1", "1:aa"), quarantine("A-1", "1:bb"), quarantine("A-2", "")}
	_, err := source.Decider.Decide(fold(t, base...), release("A-3", ""))
	requireFault(t, domain.CodeNotFound, "record", err)
	_, err = source.Decider.Decide(fold(t, base...), release("A-1", "1:cc"))
	requireFault(t, domain.CodeNotFound, "record", err)

	s := fold(t, append(base, release("A-1", "1:bb"))...)
	require.Equal(t, 2, s.OpenCount())
	require.Equal(t, "1:aa", s.OpenRecord("A-1")[0].ContentHash)
	requireReplay(t, s, release("A-1", "1:bb"), 3)
	requireReplay(t, s, quarantine("A-1", "1:bb"), 1) // met again after it was released

	s = fold(t, append(base, release("A-1", ""))...)
	require.Equal(t, 1, s.OpenCount())
	require.Empty(t, s.OpenRecord("A-1"))
	requireReplay(t, s, release("A-1", ""), 3)
	requireReplay(t, s, release("A-1", "1:aa"), 3)

	s = fold(t, append(base, release("A-1", ""), release("A-2", ""), quarantine("A-1", "1:dd"), release("A-1", ""))...)
	require.Zero(t, s.OpenCount())
	requireReplay(t, s, release("A-1", ""), 6)
}

// TestReleaseByRule takes inputs out of quarantine that a rule ignores. They are
// inputs again when they come back.
func TestReleaseByRule(t *testing.T) {
	ignore := func(record, hash string) source.ReleaseQuarantine {
		return source.ReleaseQuarantine{Source: "pg-1", Record: record, ContentHash: hash, Ignored: "tests", Version: 1, RecordedAt: now}
	}
	base := []domain.Command{define("a: 1"), quarantine("A-1", "1:aa"), quarantine("A-1", "1:bb")}
	s := fold(t, append(base, ignore("A-1", "1:aa"))...)
	require.Equal(t, 1, s.OpenCount())
	requireReplay(t, s, ignore("A-1", "1:aa"), 3)
	requireReplay(t, s, quarantine("A-1", "1:bb"), 2)

	again := fold(t, append(base, ignore("A-1", "1:aa"), quarantine("A-1", "1:aa"))...)
	require.Equal(t, 2, again.OpenCount())
	requireReplay(t, again, quarantine("A-1", "1:aa"), 4)
	settled := fold(t, append(base, ignore("A-1", ""), quarantine("A-1", "1:aa"), release("A-1", "1:aa"))...)
	require.Zero(t, settled.OpenCount())
	requireReplay(t, settled, quarantine("A-1", "1:aa"), 4) // settled: not an input again

	for field, change := range map[string]func(*source.ReleaseQuarantine){
		"settled": func(c *source.ReleaseQuarantine) { c.Ignored, c.Version = "", 0 },
		"version": func(c *source.ReleaseQuarantine) { c.Version = 2 },
		"ignored": func(c *source.ReleaseQuarantine) { c.Ignored = "a\x00" },
	} {
		c := ignore("A-1", "1:bb")
		change(&c)
		_, err := source.Decider.Decide(s, c)
		requireFault(t, domain.CodeInvalid, field, err)
	}
	both := release("A-1", "1:bb")
	both.Ignored = "tests"
	_, err := source.Decider.Decide(s, both)
	requireFault(t, domain.CodeInvalid, "settled", err)
}

func TestCloseDelivery(t *testing.T) {
	s := fold(t, define("a: 1"), closing())
	requireReplay(t, s, closing(), 1)
	later := closing() // the same bytes, when its quarantined records settle
	later.Counts = source.Counts{Read: 10, Settled: 2, Replayed: 6, Ignored: map[string]uint64{"test": 2}}
	later.Totals = []source.Total{{Currency: "GBP", Read: "10.001", Settled: "-2", Replayed: "12.001"}}
	s = fold(t, define("a: 1"), closing(), later)
	require.Equal(t, uint64(3), s.Count())
	requireReplay(t, s, &later, 2)
	events, err := source.Decider.Decide(s, closing())
	require.NoError(t, err)
	require.Len(t, events, 1, "only the newest account of a delivery is a replay")
}

func TestNothingDisappears(t *testing.T) {
	s := fold(t, define("a: 1"))
	for field, change := range map[string]func(*source.CloseDelivery){
		"source":              func(c *source.CloseDelivery) { c.Source = "PG" },
		"delivery":            func(c *source.CloseDelivery) { c.Delivery = "ab" },
		"name":                func(c *source.CloseDelivery) { c.Name = "a\x00" },
		"bytes":               func(c *source.CloseDelivery) { c.Bytes = -1 },
		"version":             func(c *source.CloseDelivery) { c.Version = 2 },
		"counts.read":         func(c *source.CloseDelivery) { c.Counts.Read++ },
		"counts.zero_value":   func(c *source.CloseDelivery) { c.Counts.ZeroValue = 6 },
		"totals[0].currency":  func(c *source.CloseDelivery) { c.Totals[0].Currency = "XXX" },
		"totals[0].read":      func(c *source.CloseDelivery) { c.Totals[0].Read = "10.002" },
		"totals[0].settled":   func(c *source.CloseDelivery) { c.Totals[0].Settled = "a lot" },
		"totals[0].refused":   func(c *source.CloseDelivery) { c.Totals[0].Refused = "1e9" },
		"totals[0].ignored":   func(c *source.CloseDelivery) { c.Totals[0].Ignored = "0." + strings.Repeat("0", 70) + "1" },
		"recorded_at":         func(c *source.CloseDelivery) { c.RecordedAt = time.Time{} },
		"counts.read ":        func(c *source.CloseDelivery) { c.Counts.Ignored["void"] = 0 },
		"counts.read  (wrap)": func(c *source.CloseDelivery) { c.Counts.Refused, c.Counts.Ignored["wrap"] = math.MaxUint64, 1 },
	} {
		command := closing()
		change(&command)
		_, err := source.Decider.Decide(s, command)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, field)
		require.Equal(t, strings.Fields(field)[0], fault.Field)
	}
}

func TestBadQuarantineNamesTheField(t *testing.T) {
	amount := money.New(5, 2)
	for field, change := range map[string]func(*source.QuarantineRecord){
		"source":       func(c *source.QuarantineRecord) { c.Source = "" },
		"record":       func(c *source.QuarantineRecord) { c.Record = "" },
		"content_hash": func(c *source.QuarantineRecord) { c.ContentHash = "\n" },
		"delivery":     func(c *source.QuarantineRecord) { c.Delivery = strings.Repeat("A", 64) },
		"offset":       func(c *source.QuarantineRecord) { c.Offset = 0 },
		"code":         func(c *source.QuarantineRecord) { c.Code = "" },
		"raw":          func(c *source.QuarantineRecord) { c.Raw = make([]byte, 600<<10) },
		"field":        func(c *source.QuarantineRecord) { c.Field = "\x01" },
		"reason":       func(c *source.QuarantineRecord) { c.Reason = strings.Repeat("a", 501) },
		"currency":     func(c *source.QuarantineRecord) { c.Amount = &amount },
		"sealed":       func(c *source.QuarantineRecord) { c.Sealed = domain.Sealed{} },
		"recorded_at":  func(c *source.QuarantineRecord) { c.RecordedAt = time.Time{} },
	} {
		command := quarantine("A-1", "1:aa")
		change(&command)
		_, err := source.Decider.Decide(source.Decider.Initial(), &command)
		var fault *domain.Error
		require.ErrorAs(t, err, &fault, field)
		require.Equal(t, field, fault.Field)
	}
	s := fold(t, quarantine("A-1", ""))
	command := release("A-1", "")
	command.Settled = domain.Ref{}
	_, err := source.Decider.Decide(s, &command)
	requireFault(t, domain.CodeInvalid, "settled", err)
	_, err = source.Decider.Decide(s, other{})
	requireFault(t, domain.CodeInvalid, "command", err)
}

type other struct{}

func (other) CommandType() string { return "Other" }

// Quarantine against a model: a set of what is open and one of what ever was.
func TestQuarantineHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := source.Decider.Initial()
		type input struct{ record, hash string }
		open, seen := map[input]bool{}, map[input]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "commands") {
			in := input{rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "record"), rapid.SampledFrom([]string{"", "1:aa", "1:bb"}).Draw(t, "hash")}
			releases := rapid.Bool().Draw(t, "release")
			var command domain.Command = quarantine(in.record, in.hash)
			if releases {
				command = release(in.record, in.hash)
			}
			events, err := source.Decider.Decide(s, command)
			s = source.Decider.Fold(s, events...)
			if !releases {
				require.NoError(t, err)
				require.Equal(t, !seen[in], len(events) == 1)
				if !seen[in] {
					seen[in], open[in] = true, true
				}
			} else {
				closed := false
				for other := range open {
					if other.record == in.record && (in.hash == "" || other.hash == in.hash) {
						delete(open, other)
						closed = true
					}
				}
				require.Equal(t, closed, len(events) == 1)
			}
			require.Equal(t, len(open), s.OpenCount())
			listed := 0
			for entry := range s.OpenAll() {
				require.True(t, open[input{entry.Record, entry.ContentHash}])
				listed++
			}
			require.Equal(t, len(open), listed)
		}
	})
}
