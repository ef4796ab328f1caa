package collect

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

// Throttle holds back settlements while too many are not visible yet. It is safe
// for concurrent use: all ingests of a process share one.
type Throttle interface {
	// Admit waits until n more settlements may be sent. Its only error is the
	// context's.
	Admit(ctx context.Context, n int) error
	// Acknowledged says that n settlements are durable up to a position; they
	// count as not visible until the read models have reached it.
	Acknowledged(position eventstore.Position, n int)
}

// Unlimited is the throttle that never waits.
type Unlimited struct{}

// Admit implements Throttle.
func (Unlimited) Admit(ctx context.Context, _ int) error { return ctx.Err() }

// Acknowledged implements Throttle.
func (Unlimited) Acknowledged(eventstore.Position, int) {}

// Visibility is how far the read models have come; a projections runner is one.
type Visibility interface {
	// Visible is the position up to which everything can be seen.
	Visible() eventstore.Position
	// Await waits until the position is visible, or for the context to end.
	Await(ctx context.Context, position eventstore.Position) error
}

// DefaultCredit is how many settlements may be on their way to the read models.
const DefaultCredit = 20_000

// creditPatience is how long read models may stand still before intake stops
// waiting for them: the write side works while Postgres is down.
const creditPatience = 5 * time.Second

// Credit is a Throttle that lets at most a number of settlements be invisible.
// While the read models stand still for longer than its patience, it does not
// hold back at all; it does so again once they move.
type Credit struct {
	visibility Visibility
	limit      int
	patience   time.Duration
	logger     *slog.Logger

	mu       sync.Mutex
	waiting  []acknowledged // in order of position
	total    int            // settlements in waiting
	ignoring eventstore.Position
	blind    bool // the read models stood still at the position ignoring
}

type acknowledged struct {
	position eventstore.Position
	n        int
}

// NewCredit returns a throttle with a limit, DefaultCredit where it is 0, and a
// patience, 5 s where it is 0.
func NewCredit(visibility Visibility, limit int, patience time.Duration, logger *slog.Logger) *Credit {
	if limit <= 0 {
		limit = DefaultCredit
	}
	if patience <= 0 {
		patience = creditPatience
	}
	return &Credit{visibility: visibility, limit: limit, patience: patience, logger: logger}
}

// Acknowledged implements Throttle.
func (c *Credit) Acknowledged(position eventstore.Position, n int) {
	if n <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += n
	if last := len(c.waiting) - 1; last >= 0 && c.waiting[last].position >= position {
		c.waiting[last].n += n // a moment late for these, which is harmless
		return
	}
	c.waiting = append(c.waiting, acknowledged{position, n})
}

// Admit implements Throttle. More than the limit at once is admitted alone.
func (c *Credit) Admit(ctx context.Context, n int) error {
	for {
		target, wait := c.room(n)
		if !wait {
			return ctx.Err()
		}
		before := c.visibility.Visible()
		bounded, cancel := context.WithTimeout(ctx, c.patience)
		err := c.visibility.Await(bounded, target)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.stoodStill(before, err)
		}
	}
}

// room forgets what has become visible and returns the position to wait for, if
// there is not yet room for n more.
func (c *Credit) room(n int) (eventstore.Position, bool) {
	visible := c.visibility.Visible()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blind && visible > c.ignoring {
		c.blind = false
		c.logger.Info("read models move again: intake is throttled by them")
	}
	seen := 0
	for seen < len(c.waiting) && c.waiting[seen].position <= visible {
		c.total -= c.waiting[seen].n
		seen++
	}
	c.waiting = c.waiting[seen:]
	if c.blind {
		return 0, false
	}
	over := c.total + n - c.limit
	for _, a := range c.waiting {
		if over <= 0 {
			break
		}
		if over -= a.n; over <= 0 {
			return a.position, true
		}
	}
	if over > 0 && len(c.waiting) > 0 {
		return c.waiting[len(c.waiting)-1].position, true
	}
	return 0, false
}

// stoodStill stops holding back where nothing has become visible since before.
func (c *Credit) stoodStill(before eventstore.Position, err error) {
	visible := c.visibility.Visible()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blind || visible > before {
		return
	}
	c.blind, c.ignoring = true, visible
	if errors.Is(err, context.DeadlineExceeded) {
		c.logger.Warn("read models stand still: intake goes on without waiting for them", "visible", visible)
	} else {
		c.logger.Warn("read models are unavailable: intake goes on without waiting for them", "error", err)
	}
}

var (
	_ Throttle = Unlimited{}
	_ Throttle = (*Credit)(nil)
)
