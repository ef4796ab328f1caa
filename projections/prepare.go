package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/migrations"
)

// prepare makes a worker for every model over tables that belong to the log.
// Models whose tables are of another version are marked parked, without a
// reason, until they are rebuilt.
func (r *Runner) prepare(ctx context.Context) ([]*worker, error) {
	reset, err := bind(ctx, r.config.Pool, r.config.Identity, r.config.Models)
	if err != nil {
		return nil, err
	}
	if reset {
		r.logger.Warn("the read models were of another log, or of this one before it was restored; they start again from nothing",
			"log", r.config.Identity.String())
	}
	all, err := readCheckpoints(ctx, r.config.Pool)
	if err != nil {
		return nil, err
	}
	workers := make([]*worker, 0, len(r.config.Models))
	for _, model := range r.config.Models {
		definition := model.Definition()
		if err := clearUnfinished(ctx, r.config.Pool, model); err != nil {
			return nil, err
		}
		status, there := all[definition.Name]
		if !there {
			return nil, &domain.Error{
				Code: domain.CodeUnavailable, Field: "read_model", Value: definition.Name, Message: "the read model has no tables yet",
				Remedy: "run: jeongsan migrate",
			}
		}
		w := newWorker(r.config.Pool, model, status)
		outdated := status.Version != definition.Version
		w.parked = outdated || status.Parked != nil && r.parked[definition.Name] == status.Generation
		if outdated {
			w.status.Parked = nil
		}
		workers = append(workers, w)
	}
	return workers, nil
}

// bind sees that the read models belong to a log: where they belong to another,
// all of them are emptied and bound to this one.
func bind(ctx context.Context, pool *pgxpool.Pool, identity eventstore.Identity, models []Model) (reset bool, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "LOCK TABLE jeongsan.log IN SHARE ROW EXCLUSIVE MODE"); err != nil {
			return fmt.Errorf("lock which log the read models follow: %w", err)
		}
		bound, err := readIdentity(ctx, tx)
		if err != nil || bound == identity {
			return err
		}
		if bound != (eventstore.Identity{}) {
			reset = true
			if err := empty(ctx, tx, models); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO jeongsan.log (log_id, incarnation) VALUES ($1, $2)
			ON CONFLICT (one) DO UPDATE SET log_id = excluded.log_id, incarnation = excluded.incarnation`, identity.LogID, identity.Incarnation)
		if err != nil {
			return fmt.Errorf("note which log the read models follow: %w", err)
		}
		return nil
	})
	return reset, err
}

// empty makes all tables anew.
func empty(ctx context.Context, tx pgx.Tx, models []Model) error {
	for _, model := range models {
		definition := model.Definition()
		for _, schema := range []string{definition.Name, definition.Next()} {
			if err := drop(ctx, tx, schema); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM jeongsan.checkpoints WHERE read_model = $1", definition.Next()); err != nil {
			return fmt.Errorf("remove the checkpoint of %s: %w", definition.Next(), err)
		}
		if err := migrations.Create(ctx, tx, definition, definition.Name); err != nil {
			return err
		}
	}
	return nil
}

// rebuildOutdated rebuilds models whose tables are of another version beside the
// others that go on, and says on the channel when one is done.
func (r *Runner) rebuildOutdated(ctx context.Context, group *errgroup.Group, workers []*worker) <-chan struct{} {
	done := make(chan struct{}, len(workers))
	for _, w := range workers {
		if !w.parked || w.status.Parked != nil {
			continue
		}
		group.Go(func() error {
			config := RebuildConfig{Store: r.config.Store, Pool: r.config.Pool, Identity: r.config.Identity, Model: w.model, Logger: r.logger}
			for {
				r.logger.Info("the tables of a read model are of another version; rebuilding", "read_model", w.status.Name,
					"from", w.status.Version, "to", w.model.Definition().Version)
				_, err := Rebuild(ctx, config)
				if err == nil {
					done <- struct{}{}
					return nil
				}
				if ctx.Err() == nil {
					r.logger.Error("the rebuild failed and is tried again", "read_model", w.status.Name, "error", err)
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(longestPause):
				}
			}
		})
	}
	return done
}

func outdatedError(w *worker) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "read_model", Value: w.status.Name,
		Message: "the read model is being rebuilt for this version of Jeongsan", Remedy: "wait until it is done: jeongsan projections status",
	}
}
