package index

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// healthy lets Pebble compact until damage is found. A compaction that meets it fails
// and would be begun again at once, for ever, while nobody uses the index; whoever
// uses it next is told of the damage and empties it.
type healthy struct {
	pebble.CompactionScheduler
	damaged *atomic.Bool
}

// compactions is the scheduler of an index: one compaction at a time, so that each
// that ends lets the next one begin, and no clock is needed.
func compactions(damaged *atomic.Bool) healthy {
	return healthy{pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest(), damaged}
}

// Register implements pebble.CompactionScheduler.
func (h healthy) Register(goroutines int, db pebble.DBForCompaction) {
	h.CompactionScheduler.Register(goroutines, allowed{db, h.damaged})
}

type allowed struct {
	pebble.DBForCompaction
	damaged *atomic.Bool
}

// GetAllowedWithoutPermission implements pebble.DBForCompaction.
func (a allowed) GetAllowedWithoutPermission() int {
	if a.damaged.Load() {
		return 0
	}
	return a.DBForCompaction.GetAllowedWithoutPermission()
}
