package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/verify"
	"github.com/jeongsan/jeongsan/projections"
)

// ledgerToRead is the one that end-to-end has filled, or one filled now.
func (b *bench) ledgerToRead(ctx context.Context) (*ledger, error) {
	if b.filled != nil {
		return b.filled, nil
	}
	l, err := b.open(ctx, b.now, Need{Projections: true, HTTP: true}, b.load())
	if err != nil {
		return nil, err
	}
	b.filled = l // from here on closed in any case
	b.say("%s: settling %d first", b.now, b.config.Settlements)
	return l, l.during(ctx, func(ctx context.Context) error {
		position, err := l.feed(ctx, 0, b.config.Settlements, 1, l.Throttle)
		if err != nil {
			return err
		}
		return l.Runner.Await(ctx, position)
	})
}

// release closes the ledger that is kept for reading.
func (b *bench) release() error {
	if b.filled == nil {
		return nil
	}
	l := b.filled
	b.filled = nil
	return b.discard(l)
}

// verify folds the log with the independent implementation, alone and with the
// comparison of every read model.
func (b *bench) verify(ctx context.Context, r *result) error {
	l, err := b.ledgerToRead(ctx)
	if err != nil {
		return err
	}
	var folded, compared verify.Report
	b.say("verify: the log alone")
	fold, err := b.measure(0, func() error {
		return l.during(ctx, func(ctx context.Context) (err error) {
			folded, err = verify.Verify(ctx, verify.Config{Store: l.Store})
			return err
		})
	})
	if err != nil {
		return err
	}
	if c := folded.Counts; c.Postings != 5*c.Settlements {
		return fmt.Errorf("the %d settlements have %d postings, not five each", c.Settlements, c.Postings)
	}
	b.say("verify: the log and every read model")
	started := time.Now()
	err = l.during(ctx, func(ctx context.Context) (err error) {
		compared, err = verify.Verify(ctx, verify.Config{Store: l.Store, Pool: l.Pool})
		return err
	})
	if err != nil {
		return err
	}
	r.add("fold_events_per_second", rate(int(folded.Counts.Events), fold.took), "/s")
	r.used(fold.used, int(folded.Counts.Events), false)
	r.add("compared_events_per_second", rate(int(compared.Counts.Events), time.Since(started)), "/s")
	return nil
}

// rebuild makes every read model anew from the log, as the command does, compares
// each with the one in use and puts it in its place.
func (b *bench) rebuild(ctx context.Context, r *result) error {
	l, err := b.ledgerToRead(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var built time.Duration // until the last one was built
	b.say("rebuild: %d settlements", b.config.Settlements)
	started := time.Now()
	m, err := b.measure(postmaster(l.Postgres), func() error {
		comparisons, err := projections.RebuildAll(ctx, projections.RebuildConfig{
			Store: l.Store, Pool: l.Pool, Identity: l.Identity, Logger: b.config.Logger,
			Progress: func(p projections.RebuildProgress) {
				mu.Lock()
				defer mu.Unlock()
				if p.Phase == projections.PhaseBuilding {
					built = time.Since(started)
				}
			},
		}, projections.Models())
		for i := range comparisons {
			if err == nil && !comparisons[i].Equal() {
				err = &domain.Error{Code: domain.CodeConflict, Field: "read_model", Value: comparisons[i].Model, Message: "differs from what was rebuilt"}
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	n := b.config.Settlements
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.used(m.used, n, true)
	r.add("building", built.Seconds(), "s")
	r.add("comparing_and_switching", (m.took - built).Seconds(), "s")
	return nil
}

// manyReaders is how many read at once where nothing else is asked.
const manyReaders = 16

// query reads balances over GraphQL: by one caller, then by many.
func (b *bench) query(ctx context.Context, r *result) error {
	l, err := b.ledgerToRead(ctx)
	if err != nil {
		return err
	}
	var next atomic.Uint64
	read := func(callers int, during time.Duration) (*sample, error) {
		body := func(buffer []byte) []byte { return l.load.balance(buffer, next.Add(1), uint64(b.config.Settlements)) }
		return l.ask(ctx, callers, during, body, `"amount":"`)
	}
	if _, err := read(manyReaders, b.config.Duration/10); err != nil { // connections and plans are made
		return err
	}
	b.say("query: one caller for %s", b.config.Duration/2)
	one, err := read(1, b.config.Duration/2)
	if err != nil {
		return err
	}
	callers := b.callers(manyReaders)
	b.say("query: %d callers for %s", callers, b.config.Duration/2)
	var many *sample
	m, err := b.measure(postmaster(l.Postgres), func() (err error) {
		many, err = read(callers, b.config.Duration/2)
		return err
	})
	if err != nil {
		return err
	}
	r.percentiles("balance", one)
	r.add("callers", float64(callers), "")
	r.add("balances_per_second", rate(many.total, m.took), "/s")
	r.percentiles("balance_many", many)
	return nil
}

// pair measures the same load over a thousand accounts and over another number.
func (b *bench) pair(ctx context.Context, r *result, name string, accounts int) error {
	const usual = 1000
	rates := map[int]float64{}
	for _, number := range []int{usual, accounts} {
		side := &result{}
		if err := b.side(ctx, side, number); err != nil {
			return err
		}
		for _, f := range side.Figures {
			switch f.Name {
			case perSecond:
				rates[number] = f.Value
			case "durable_to_visible_p50", "durable_to_visible_p99", "durable_to_visible_max", "cpu_own", "cpu_postgres", "bytes_postgres":
			default:
				continue
			}
			prefix := "thousand_"
			if number == accounts {
				prefix = name + "_"
			}
			r.add(prefix+f.Name, f.Value, f.Unit)
		}
	}
	if rates[usual] == 0 {
		return errors.New("nothing was settled")
	}
	r.add(name+"_by_thousand", rates[accounts]/rates[usual], "")
	return nil
}

func (b *bench) side(ctx context.Context, r *result, accounts int) (err error) {
	l, err := b.open(ctx, b.now, Need{Projections: true}, b.loadOver(accounts))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	b.say("%s: over %d accounts", b.now, accounts)
	return b.fill(ctx, l, r, (b.config.Settlements+1)/2)
}

func (b *bench) hot(ctx context.Context, r *result) error { return b.pair(ctx, r, "one", 1) }

// wideAccounts is what wide is about. A run too short to touch so many takes fewer.
const wideAccounts = 50_000

func (b *bench) wide(ctx context.Context, r *result) error {
	accounts := min(wideAccounts, b.config.Settlements/2)
	name := "wide"
	if accounts < wideAccounts {
		name = "short_of_wide" // which no bound is about
	}
	r.add("accounts", float64(accounts), "")
	return b.pair(ctx, r, name, accounts)
}

const balanceQuery = `{"query":"query Balance($account: String!) { balance(book: \"` + bookID + `\", account: $account) { debits credits amount side position } }","variables":{"account":"`

// balance appends the j-th request for the balance of a provider that one of n
// transactions names.
func (l *load) balance(b []byte, j, n uint64) []byte {
	i := l.random(j, 2) % n
	b = append(append(b, balanceQuery...), choose(l.providers, l.random(i, 0))...)
	return append(append(b, "/payable/"...), string(currency)+`"}}`...)
}
