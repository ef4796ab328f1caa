package verify

import (
	"errors"
	"fmt"

	"github.com/jeongsan/jeongsan/eventstore"
)

// The checks by name, as a Difference and a Report name them.
const (
	checkIdentity     = "log identity"
	checkPositions    = "positions ascend"
	checkRevisions    = "revisions without gaps"
	checkTypes        = "event types known"
	checkData         = "events readable"
	checkRecorded     = "recorded time never decreases"
	checkBalance      = "entries balance"
	checkPostings     = "postings sound"
	checkKeys         = "keys settled once"
	checkReferences   = "references resolve"
	checkTerms        = "contract and schedule in force"
	checkRefunds      = "refunds within the original"
	checkReversals    = "reversals mirror the original"
	checkExplained    = "lines follow from what explains them"
	checkReturned     = "lines give back what they took at most"
	checkCounted      = "accumulators equal a recount"
	checkPosted       = "postings follow from the lines"
	checkConverted    = "conversions follow from their rates"
	checkHolds        = "held money follows from the schedule"
	checkDates        = "business dates in order"
	checkReleases     = "held money released in full, on its date"
	checkClosings     = "windows closed once, as their periods say"
	checkAdjustments  = "adjustments add up"
	checkAwaits       = "what waits is carried out as it was sent"
	checkDeliveries   = "delivery counts add up"
	checkCheckpoints  = "read models up to date"
	checkAccounts     = "accounts equal the log"
	checkBalances     = "balances equal the log"
	checkEntries      = "entries equal the log"
	checkTransactions = "transactions equal the log"
	checkParties      = "transactions of parties equal the log"
	checkLinks        = "links equal the log"
	checkCounters     = "counters equal the log"
	checkSteps        = "releases and closings equal the log"
	checkWaiting      = "what waits equals the log"
	checkHeld         = "held money equals the log"
	checkDaily        = "daily totals equal the log"
	checkDirectory    = "directory equals the log"
	checkAudit        = "audit index equals the log"
)

// Difference is the first fault that a run has found.
type Difference struct {
	Check    string `json:"check"`
	Where    string `json:"where"` // an event of the log, or a row of a table
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// Error is one line that names all four.
func (d *Difference) Error() string {
	return fmt.Sprintf("difference in %q at %s: expected %s, found %s", d.Check, d.Where, d.Expected, d.Found)
}

func differs(check, where, expected, found string) error {
	return &Difference{Check: check, Where: where, Expected: expected, Found: found}
}

// place names an event for people: stream@revision and the position.
func place(stream string, revision uint64, position eventstore.Position) string {
	return fmt.Sprintf("%s@%d (position %d)", stream, revision, position)
}

func (e *event) place() string { return place(e.stream.name, e.revision, e.position) }

func (e *event) differs(check, expected, found string) error {
	return differs(check, e.place(), expected, found)
}

func asDifference(err error) *Difference {
	var d *Difference
	if errors.As(err, &d) {
		return d
	}
	return nil
}
