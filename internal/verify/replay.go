package verify

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

// Until is the point at which a replay stops. The zero Until is the end of the log.
type Until struct {
	// Position, where not zero, is the last position that counts.
	Position eventstore.Position
	// Time, where not zero, leaves out what was recorded later.
	Time time.Time
}

// Balance is what an account came to. Amounts are decimal strings with as many
// decimals as its postings had; both are totals, never signed.
type Balance struct {
	Book     string `json:"book"`
	Account  string `json:"account"` // <owner>/<purpose>/<currency>
	Owner    string `json:"owner"`
	Purpose  string `json:"purpose"`
	Currency string `json:"currency"`
	Debits   string `json:"debits"`
	Credits  string `json:"credits"`
	Entries  uint64 `json:"entries"` // postings on the account
}

// State is the ledger as it was at one point.
type State struct {
	Position eventstore.Position `json:"position"` // of the last event that counts
	Events   uint64              `json:"events"`
	Balances []Balance           `json:"balances"` // by book, then account
}

// Replay folds the log up to a point and returns the balances as they were. It
// applies the checks of the log on the way and so returns a *Difference where
// the log is not sound up to there.
//
// By time, all that was recorded up to and including the instant counts. Times
// ascend within a book only, so the whole log is read.
func Replay(ctx context.Context, store eventstore.Store, until Until) (State, error) {
	f := newFold()
	f.until = until.Position
	var state State
	var totals totals
	err := f.read(ctx, store, nil, func(e *event) error {
		if !until.Time.IsZero() && e.recordedAt.After(until.Time) {
			return nil
		}
		state.Position = e.position
		state.Events++
		if e.stream.book == nil {
			return nil
		}
		return totals.add(e)
	})
	if err != nil {
		return State{}, err
	}
	state.Balances = make([]Balance, 0, len(totals))
	for i, total := range totals {
		if total.postings == 0 {
			continue
		}
		a := f.accounts[i]
		state.Balances = append(state.Balances, Balance{
			Book: a.book, Account: a.path, Owner: a.owner, Purpose: a.purpose, Currency: a.currency,
			Debits: total.debits.format(a.decimals), Credits: total.credits.format(a.decimals), Entries: total.postings,
		})
	}
	slices.SortFunc(state.Balances, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(a.Book, b.Book), cmp.Compare(a.Account, b.Account))
	})
	return state, nil
}

// total is what the postings on one account come to.
type total struct {
	debits, credits figure
	postings        uint64
	last            eventstore.Position
	chain           uint64 // hash over all postings in order; see accountModel
}

// totals is indexed by the number of the account.
type totals []total

// of returns the total of an account, growing the list where it is new.
func (t *totals) of(a *account) *total {
	for len(*t) <= a.number {
		*t = append(*t, total{})
	}
	return &(*t)[a.number]
}

// add books the postings of an event.
func (t *totals) add(e *event) error {
	for _, p := range e.entry.postings {
		if err := t.of(p.account).add(p, e); err != nil {
			return err
		}
	}
	return nil
}

func (t *total) add(p posting, e *event) error {
	side, ok := &t.debits, false
	if p.credit {
		side = &t.credits
	}
	if *side, ok = side.plus(p.amount); !ok {
		return e.differs(checkBalances, "a balance within 128 bits on "+p.account.path, "more")
	}
	t.postings++
	t.last = e.position
	return nil
}
