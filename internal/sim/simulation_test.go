package sim

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// How many seeds run where nobody says otherwise, and with JEONGSAN_LONG=1.
const (
	someSeeds = 150
	manySeeds = 2_000
)

var seedFlag = flag.String("sim.seed", "", "run this seed alone")

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // a seed is short and leaves nothing behind
	goleak.VerifyTestMain(m)
}

// simulate runs a seed in a bubble of its own.
func simulate(t *testing.T, options Options) (result Result) {
	t.Helper()
	synctest.Test(t, func(*testing.T) { result = Run(options) })
	return result
}

// setting is the number that the environment gives, or another.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// explain says what is wrong with a seed, and how to see it again.
func explain(seed uint64, r Result) string {
	trace := r.Trace[max(0, len(r.Trace)-40):]
	return fmt.Sprintf(`seed %d is not as it must be, after %d steps and %d events:

%v

The last of what happened:
%s

Repeat it with either of
  go test ./internal/sim -run TestSimulation -sim.seed=%d
  JEONGSAN_SIM_SEED=%d go test ./internal/sim -run TestSimulation`, seed, r.Steps, r.Events, r.Err, strings.Join(trace, "\n"), seed, seed)
}

// TestSimulation runs seeds from 1 on: 150 of them, 2,000 with JEONGSAN_LONG=1, or
// as many as JEONGSAN_SIM_SEEDS says. One seed alone is given by -sim.seed or
// JEONGSAN_SIM_SEED.
func TestSimulation(t *testing.T) {
	first, count := uint64(1), uint64(someSeeds)
	if os.Getenv("JEONGSAN_LONG") == "1" {
		count = manySeeds
	}
	count = setting(t, "JEONGSAN_SIM_SEEDS", count)
	if *seedFlag != "" {
		t.Setenv("JEONGSAN_SIM_SEED", *seedFlag)
	}
	if os.Getenv("JEONGSAN_SIM_SEED") != "" {
		r := simulate(t, Options{Seed: setting(t, "JEONGSAN_SIM_SEED", 0)})
		t.Logf("%d steps, %d events, %v", r.Steps, r.Events, r.Happened)
		if r.Err != nil {
			t.Fatal(explain(setting(t, "JEONGSAN_SIM_SEED", 0), r))
		}
		return
	}
	var failures atomic.Int32
	var mu sync.Mutex
	happened := map[string]int{}
	t.Run("seed", func(t *testing.T) {
		for seed := first; seed < first+count; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				if failures.Load() >= 3 {
					t.Skip("three seeds have failed, which is enough to begin with")
				}
				r := simulate(t, Options{Seed: seed})
				if r.Err != nil {
					failures.Add(1)
					t.Fatal(explain(seed, r))
				}
				mu.Lock()
				defer mu.Unlock()
				for what, n := range r.Happened {
					happened[what] += n
				}
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(happened)) {
		t.Logf("%8d  %s", happened[what], what)
	}
	if count >= someSeeds && !t.Failed() {
		for _, what := range everything {
			require.NotZero(t, happened[what], "%q has not happened in %d seeds: what is not drawn is not tested", what, count)
		}
	}
}

// everything is what must come about in any run of 150 seeds.
var everything = []string{
	"TransactionSettled.v2", "EntryReversed.v2", "PartyRegistered.v1", "ContractSigned.v1", "SchedulePublished.v1",
	"HoldsReleased.v1", "WindowClosed.v1", "BusinessDateAdvanced.v1", "CalendarPublished.v1", "OriginalAwaited.v1", "AdjustmentPosted.v1",
	"SourceDefined.v1", "RecordQuarantined.v1", "QuarantineReleased.v1", "DeliveryIngested.v1",
	"refused: missing_contract", "refused: unknown_party", "refused: missing_original", "refused: exceeds_original", "refused: conflict",
	"refused: too_precise", "refused: unknown_currency", "refused: unavailable",
	"rated by the second engine", "refunded as the sale was rated", "refunded without what is kept", "refunded on full alone", "capped over a window",
	"crossed an edge", "counted over days", "counted with an attribute", "charged for a refund", "split", "parameters overridden",
	"converted", "a window was opened", "an entry of a window went the other way",
	"held", "taken of what was held", "held until a business day", "restored", "came when something waited", "a refund waited", "a reversal waited",
	"fail", "persist", "late", "break off", "lose",
	"process killed: kept", "process killed: gone", "process killed: damaged", "process killed: stale", "process killed: that of another copy of the log", "process stopped",
	"subscriptions dropped", "readers killed", "crash before a commit", "read model parked",
	"book: an append was lost", "book: an append was unknown", "source: an append was lost", "source: an append was unknown",
}

// TestRepeatable: the same seed is the same run, to the last byte of the log.
func TestRepeatable(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			one, two := simulate(t, Options{Seed: seed, Whole: true}), simulate(t, Options{Seed: seed, Whole: true})
			for i := range min(len(one.Trace), len(two.Trace)) {
				require.Equal(t, one.Trace[i], two.Trace[i], "the runs part at line %d, after\n%s", i, strings.Join(one.Trace[max(0, i-20):i], "\n"))
			}
			require.Equal(t, one.Hash, two.Hash)
		})
	}
}

// TestSeedsDiffer: a hash that says nothing would make every run repeatable.
func TestSeedsDiffer(t *testing.T) {
	require.NotEqual(t, simulate(t, Options{Seed: 1}).Hash, simulate(t, Options{Seed: 2}).Hash)
}

// FuzzSimulation lets the fuzzer choose seeds.
func FuzzSimulation(f *testing.F) {
	for seed := range uint64(3) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		if r := simulate(t, Options{Seed: seed}); r.Err != nil {
			t.Fatal(explain(seed, r))
		}
	})
}
