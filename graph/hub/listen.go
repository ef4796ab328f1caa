package hub

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/projections/account"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// listen wakes the reader whenever the projector notifies. Notifications are a
// hint: those lost while there is no connection cost at most one interval.
func (h *Hub) listen(ctx context.Context) {
	pause := firstPause
	for {
		if h.await(ctx) {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

// await holds a connection of its own and passes notifications on until it
// fails. It reports whether it got as far as listening.
func (h *Hub) await(ctx context.Context) (listened bool) {
	conn, err := pgx.ConnectConfig(ctx, h.Pool.Config().ConnConfig)
	if err != nil {
		h.Logger.DebugContext(ctx, "no connection to listen on", "error", err)
		return false
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := conn.Close(closing); err != nil {
			h.Logger.DebugContext(ctx, "closing the connection to listen on", "error", err)
		}
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+account.Channel); err != nil {
		h.Logger.DebugContext(ctx, "cannot listen", "error", err)
		return false
	}
	h.nudge() // what was notified before is not told again
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			if ctx.Err() == nil {
				h.Logger.DebugContext(ctx, "listening ended", "error", err)
			}
			return true
		}
		h.nudge()
	}
}
