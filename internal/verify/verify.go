package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/eventstore"
)

// Config says what to verify.
type Config struct {
	// Store is the log. It is only read.
	Store eventstore.Store
	// Pool reaches the read models. Where it is nil only the log is checked.
	Pool *pgxpool.Pool
	// Progress is called with the number of events read so far, now and then and
	// at the end, from the calling goroutine. It may be nil.
	Progress func(events uint64)
	// Wait bounds the waiting for read models that are behind the log; 0 is 10
	// seconds. One that is still behind then is a difference.
	Wait time.Duration
}

// Report says what a run has read and checked.
type Report struct {
	LogID       string              `json:"log_id"`
	Incarnation uint64              `json:"incarnation"`
	Position    eventstore.Position `json:"position"` // of the last event read
	Counts      Counts              `json:"counts"`
	// State is a hash of what the ledger says: every account with its totals and
	// every transaction, whatever the order in which they came. It is empty where
	// the log was not read to its end. See ledger.
	State string `json:"state,omitempty"`
	// Outcomes adds up the events by what came of the inputs.
	Outcomes   []Outcome   `json:"outcomes"`
	Checks     []Check     `json:"checks"`
	ReadModels []ReadModel `json:"read_models,omitempty"`
	Difference *Difference `json:"difference,omitempty"`
	Seconds    Seconds     `json:"seconds"`
	// EventsPerSecond is how fast the log was gone through, comparison included.
	EventsPerSecond uint64 `json:"events_per_second"`
}

// Seconds is how long a run took.
type Seconds time.Duration

// MarshalJSON writes seconds with three decimals.
func (s Seconds) MarshalJSON() ([]byte, error) {
	ms := time.Duration(s).Milliseconds()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

// Check says how often something was checked and held.
type Check struct {
	Name    string `json:"name"`
	Checked uint64 `json:"checked"`
}

// ReadModel says up to where a read model was compared.
type ReadModel struct {
	Name     string              `json:"name"`
	Position eventstore.Position `json:"position"`
	Rows     uint64              `json:"rows"` // compared
}

// Verify checks the log and, where a pool is given, that Postgres equals it. It
// returns the report of what was done in any case. The error is a *Difference
// where the log or a read model is not as it must be, else whatever kept the run
// from its end; nil means that everything held.
func Verify(ctx context.Context, config Config) (Report, error) {
	started := time.Now()
	f := newFold()
	f.ledger = &ledger{}
	var s *snapshot
	var err error
	if config.Pool != nil {
		s, err = takeSnapshot(ctx, config)
	}
	var state string
	if err == nil {
		err = f.read(ctx, config.Store, config.Progress, func(e *event) error { return s.fold(ctx, e) })
	}
	if err == nil {
		state = f.ledger.state(f.accounts)
		err = s.compare(ctx, f, config.Store)
	}
	if closing := s.close(ctx); err == nil {
		err = closing
	}
	err = s.excuse(ctx, config.Pool, err)
	took := time.Since(started)
	report := Report{
		LogID: f.logID, Incarnation: f.incarnation, Position: f.last, Counts: f.counts,
		State: state, Outcomes: f.outcomes.list(), Checks: f.checks(s), ReadModels: s.report(), Seconds: Seconds(took), EventsPerSecond: f.counts.Events * uint64(time.Second/time.Microsecond) / uint64(max(took.Microseconds(), 1)),
	}
	report.Difference = asDifference(err)
	return report, err
}

// checks lists what held, in the order of the names in difference.go.
func (f *fold) checks(s *snapshot) []Check {
	var list []Check
	for _, name := range checkNames {
		if n := f.checked.of(name) + s.checked(name); n > 0 {
			list = append(list, Check{Name: name, Checked: n})
		}
	}
	return list
}

// String renders the report for people, one line each.
func (r Report) String() string {
	var b strings.Builder
	c := r.Counts
	fmt.Fprintf(&b, "log %s/%d up to position %d: %d events in %d streams, %.1f s, %d events/s\n",
		r.LogID, r.Incarnation, r.Position, c.Events, c.Streams, time.Duration(r.Seconds).Seconds(), r.EventsPerSecond)
	fmt.Fprintf(&b, "%d settlements (%d of zero value) and %d reversals with %d postings on %d accounts in %d books\n", c.Settlements, c.ZeroValue, c.Reversals, c.Postings, c.Accounts, c.Books)
	fmt.Fprintf(&b, "%d parties, %d contracts, %d schedule versions, %d sources, %d deliveries, %d records in quarantine\n", c.Parties, c.Contracts, c.Schedules, c.Sources, c.Deliveries, c.Quarantined)
	if c.Calendars+c.BusinessDates+c.Adjustments+c.Awaiting+c.Releases+c.Closings > 0 {
		fmt.Fprintf(&b, "%d business dates, %d releases of held money, %d windows closed, %d adjustments (%d restate a settlement), %d waiting for their original, %d calendar versions\n",
			c.BusinessDates, c.Releases, c.Closings, c.Adjustments, c.Restated, c.Awaiting, c.Calendars)
	}
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "  %s\n", o)
	}
	for _, check := range r.Checks {
		fmt.Fprintf(&b, "  held: %-38s %12d\n", check.Name, check.Checked)
	}
	for _, m := range r.ReadModels {
		fmt.Fprintf(&b, "  equal: read model %-26s %12d rows up to position %d\n", m.Name, m.Rows, m.Position)
	}
	if r.State != "" {
		fmt.Fprintf(&b, "state %s\n", r.State)
	}
	if r.Difference != nil {
		fmt.Fprintf(&b, "%s\n", r.Difference.Error())
	} else {
		b.WriteString("no difference\n")
	}
	return b.String()
}

// checkNames lists the checks in the order of a report.
var checkNames = slices.Concat(
	[]string{checkIdentity, checkPositions, checkRevisions, checkTypes, checkData, checkRecorded},
	[]string{checkBalance, checkPostings, checkKeys, checkReferences, checkTerms, checkRefunds, checkReversals, checkExplained, checkReturned, checkCounted, checkPosted, checkConverted, checkHolds, checkDates, checkReleases, checkClosings, checkAdjustments, checkAwaits, checkDeliveries},
	[]string{checkCheckpoints, checkAccounts, checkBalances, checkEntries, checkTransactions, checkParties, checkLinks, checkCounters, checkSteps, checkWaiting, checkDaily, checkDirectory, checkAudit, checkHeld},
)
