package bench

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLoad: the same seed gives the same transactions on every run, each with an
// id of its own; another seed gives others.
func TestLoad(t *testing.T) {
	for _, ids := range []string{idsSerial, idsUUID} {
		one, again, other := newLoad(7, ids, 100, 8), newLoad(7, ids, 100, 8), newLoad(8, ids, 100, 8)
		seen, hashes := map[string]bool{}, map[string]bool{}
		differ := 0
		for i := range uint64(5000) {
			c := one.command(i)
			require.Equal(t, c, again.command(i))
			if c.Transaction.Amount != other.command(i).Transaction.Amount {
				differ++
			}
			require.False(t, seen[c.Transaction.ExternalID], "an id is given twice: %s", c.Transaction.ExternalID)
			seen[c.Transaction.ExternalID], hashes[c.Transaction.ContentHash] = true, true
			require.Len(t, c.Transaction.ExternalID, len(one.externalID(0)), "events are patched in place")
			require.Positive(t, c.Transaction.Amount.Sign())
		}
		require.Len(t, hashes, 5000)
		require.Greater(t, differ, 4000)
	}
	require.Equal(t, "HG2026-0000000042", newLoad(1, idsSerial, 1, 8).externalID(42))
	id, err := uuid.Parse(newLoad(1, idsUUID, 1, 8).externalID(42))
	require.NoError(t, err)
	require.EqualValues(t, 4, id.Version())
}

// TestLoadSpreads: a load touches every account that it is over, and no other.
func TestLoadSpreads(t *testing.T) {
	touched := func(accounts int) int {
		l, seen := newLoad(1, idsSerial, accounts, 8), map[string]bool{}
		for i := range uint64(20_000) {
			parties := l.command(i).Transaction.Parties
			seen[parties["provider"]], seen[parties["affiliate"]] = true, true
		}
		return len(seen)
	}
	require.Equal(t, 2, touched(1))
	require.Equal(t, 1000, touched(1000))
}

// TestRequestsAreJSON: what goes to the server is JSON that names the transaction.
func TestRequestsAreJSON(t *testing.T) {
	l := newLoad(1, idsSerial, 10, 8)
	var body struct {
		Query     string
		Variables struct {
			Input   struct{ ExternalID, Amount string }
			Account string
		}
	}
	require.NoError(t, json.Unmarshal(l.mutation(nil, 3), &body))
	require.Equal(t, l.externalID(3), body.Variables.Input.ExternalID)
	require.Equal(t, l.amount(3).String(), body.Variables.Input.Amount)
	require.NoError(t, json.Unmarshal(l.balance(nil, 5, 100), &body))
	require.Contains(t, l.providers, body.Variables.Account[:len("studio-00000")])
	_, err := collect.ParseDefinition("bench.yaml", []byte(definition))
	require.NoError(t, err)
}

// TestGroup: events made of recorded ones differ in id and external id only.
func TestGroup(t *testing.T) {
	b := &bench{config: Config{Accounts: 10, Products: 8, Seed: 1, IDs: idsSerial}}
	var recorded []eventstore.Proposed
	for i := range uint64(3) {
		settled := book.TransactionSettled{Key: b.load().command(i).Transaction.Key, Type: "sale", Currency: currency, Amount: b.load().amount(i)}
		data, err := eventstore.Encode(settled)
		require.NoError(t, err)
		recorded = append(recorded, eventstore.Proposed{ID: uuid.New(), Type: settled.EventType(), Data: data})
	}
	ids := map[uuid.UUID]bool{}
	for i, e := range b.group(recorded, nil, 0, 10) {
		event, err := eventstore.Decode(eventstore.Recorded{Type: e.Type, Data: e.Data})
		require.NoError(t, err)
		want := book.TransactionSettled{Key: b.load().command(uint64(i)).Transaction.Key, Type: "sale", Currency: currency, Amount: b.load().amount(uint64(i % 3))}
		require.Equal(t, want.Key, event.(book.TransactionSettled).Key)
		require.Equal(t, want.Amount, event.(book.TransactionSettled).Amount)
		require.False(t, ids[e.ID], "an event id is given twice")
		ids[e.ID] = true
	}
}

// TestRivalBalances: the yardstick's rows are those of a ledger that balances.
func TestRivalBalances(t *testing.T) {
	r := newRows(newLoad(1, idsSerial, 50, 8))
	r.fill(100, 500)
	var debits, credits int64
	for i := range r.accounts {
		debits, credits = debits+r.debits[i], credits+r.credits[i]
		require.False(t, i > 0 && r.accounts[i-1] >= r.accounts[i], "accounts are not in order")
	}
	require.Positive(t, debits)
	require.Equal(t, debits, credits)
}

// TestSample: a percentile of weighted durations is that of as many single ones.
func TestSample(t *testing.T) {
	require.Zero(t, (&sample{}).at(0.5))
	rapid.Check(t, func(t *rapid.T) {
		weighted, single := &sample{}, &sample{}
		for range rapid.IntRange(1, 20).Draw(t, "items") {
			took := time.Duration(rapid.IntRange(0, 50).Draw(t, "took"))
			weight := rapid.IntRange(1, 9).Draw(t, "weight")
			weighted.add(took, weight)
			for range weight {
				single.add(took, 1)
			}
		}
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		require.Equal(t, single.at(share), weighted.at(share))
		if single.total%2 == 1 {
			below := 0
			for _, item := range single.items {
				if item.took < single.at(0.5) {
					below++
				}
			}
			require.LessOrEqual(t, below, single.total/2)
		}
	})
}

// TestRatios: quotients are of figures of the same run, bounds hold both ways, and
// what was not measured is not judged.
func TestRatios(t *testing.T) {
	report := &Report{Results: []Result{
		{Name: "end-to-end", Figures: []Figure{{perSecond, 6000, "/s"}, {"bytes_both_stores", 2000, ""}, {"cpu", 100, ""}}},
		{Name: "yardstick", Figures: []Figure{{perSecond, 10_000, "/s"}, {"cpu", 40, ""}}},
	}}
	report.Ratios = ratiosOf(report)
	got := map[string]Ratio{}
	for _, r := range report.Ratios {
		got[r.Name] = r
		require.False(t, math.IsNaN(r.Value) || math.IsInf(r.Value, 0))
	}
	require.Len(t, got, 4)
	require.InDelta(t, 0.6, got["end to end ÷ yardstick"].Value, 1e-9)
	require.True(t, got["end to end ÷ yardstick"].Passed)
	require.False(t, got["end to end"].Passed)
	require.True(t, got["both stores"].Passed, "at most")
	require.False(t, report.Passed())
	require.True(t, (&Report{}).Passed())
}

// TestBounds: every bound is on something that a scenario can give.
func TestBounds(t *testing.T) {
	known := map[string]bool{}
	for _, s := range append(append([]scenario{}, calibration...), scenarios...) {
		require.False(t, known[s.name], "two scenarios are called %s", s.name)
		known[s.name] = true
	}
	for _, b := range bounds {
		require.True(t, known[b.of], "%s: no scenario %s", b.name, b.of)
		require.True(t, b.by == "" || known[b.by], "%s: no scenario %s", b.name, b.by)
	}
}

func TestRunRefuses(t *testing.T) {
	good := Config{Dir: t.TempDir(), Settlements: 100, Accounts: 1, Products: 1, Duration: time.Second}
	for name, change := range map[string]func(*Config){
		"settlements": func(c *Config) { c.Settlements = 1 },
		"accounts":    func(c *Config) { c.Accounts = 0 },
		"duration":    func(c *Config) { c.Duration = 0 },
		"ids":         func(c *Config) { c.IDs = "random" },
	} {
		bad := good
		change(&bad)
		report, err := Run(context.Background(), bad, "flush")
		require.ErrorContains(t, err, name)
		require.Nil(t, report)
	}
	_, err := Run(context.Background(), good, "warp")
	require.ErrorContains(t, err, "no such scenario")
}

// TestFlush: the disk is measured with files of its own, which are gone afterwards.
func TestFlush(t *testing.T) {
	config := Config{Dir: t.TempDir(), Settlements: 100, Accounts: 1, Products: 1, Duration: 50 * time.Millisecond}
	report, err := Run(context.Background(), config, "flush")
	require.NoError(t, err)
	p50, found := report.find("flush", "flush_p50")
	require.True(t, found)
	require.Positive(t, p50)
	left, err := os.ReadDir(config.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDirectorySize(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "1.sst"), make([]byte, 100), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "2.log"), make([]byte, 11), 0o600))
	total, wal, err := directorySize(dir)
	require.NoError(t, err)
	require.EqualValues(t, 111, total)
	require.EqualValues(t, 11, wal)
}
