package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// leadLock is the key of the advisory lock that the working runner holds.
const leadLock int64 = 0x6a736e70726f6a01

// heldLock is an advisory lock, held by a connection of its own.
type heldLock struct{ conn *pgx.Conn }

// takeLead waits until this runner is the one that works. Until then it makes
// known how far the other one is.
func (r *Runner) takeLead(ctx context.Context) (*heldLock, error) {
	conn, err := pgx.ConnectConfig(ctx, r.config.Pool.Config().ConnConfig.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	l := &heldLock{conn}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for standing := false; ; {
		var taken bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", leadLock).Scan(&taken); err != nil {
			l.close()
			return nil, fmt.Errorf("ask for the lead: %w", err)
		}
		if taken {
			if standing {
				r.logger.Info("the other projector has gone; taking over")
			}
			return l, nil
		}
		if !standing {
			standing = true
			r.logger.Info("another projector works on this database; standing by")
		}
		if err := r.watch(ctx, conn); err != nil {
			l.close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			l.close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// watch makes known how far the read models are while another runner works.
func (r *Runner) watch(ctx context.Context, conn *pgx.Conn) error {
	identity, err := readIdentity(ctx, conn)
	if err != nil || identity != r.config.Identity {
		return err
	}
	all, err := readCheckpoints(ctx, conn)
	if err != nil {
		return err
	}
	var visible eventstore.Position
	var health error
	first := true
	for _, model := range r.config.Models {
		s := all[model.Definition().Name]
		if s.Parked != nil {
			health = s.parkedError()
			continue
		}
		if first || s.Position < visible {
			visible, first = s.Position, false
		}
	}
	r.set(visible, health)
	return nil
}

// check reports whether the lead still stands.
func (l *heldLock) check(ctx context.Context) error {
	var held bool
	err := l.conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
		AND ((classid::bigint << 32) | objid::bigint) = $1 AND objsubid = 1)`, leadLock).Scan(&held)
	if err == nil && !held {
		err = errors.New("the lock is gone")
	}
	if err != nil {
		return &domain.Error{Code: domain.CodeUnavailable, Message: "the lead among the projectors was lost", Err: err}
	}
	return nil
}

// close gives the lock up. It would go with the connection too, but only when
// the server has noticed.
func (l *heldLock) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// A connection that is broken already has nothing to give back.
	_, _ = l.conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	_ = l.conn.Close(ctx)
}
