package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections/readmodel"
)

// errFenced says that the checkpoint is not where it was left: another projector
// or a rebuild has moved it, or replaced the tables.
var errFenced = errors.New("the checkpoint was moved by another projector or a rebuild")

// worker feeds one copy of one read model: the one in use, or one being rebuilt
// aside. It belongs to one goroutine at a time.
type worker struct {
	pool       *pgxpool.Pool
	model      readmodel.Model
	categories []string
	projector  readmodel.Projector
	aside      bool        // the tables are of a rebuild under way, which a crash ends anyway
	status     ModelStatus // as this worker left it; Name is also the schema's
	parked     bool        // in this run; a parked mark from before is tried again
}

func newWorker(pool *pgxpool.Pool, model readmodel.Model, status ModelStatus) *worker {
	return &worker{pool: pool, model: model, categories: model.Categories(), projector: model.Projector(status.Name), status: status}
}

// apply brings the copy up to a position with the events before it, of all
// streams. Where an event cannot be taken, everything before it is committed, the
// model is parked and nil returned. Other errors are errFenced, or those of a
// Postgres that is out of reach: then nothing of the last transaction is in.
func (w *worker) apply(ctx context.Context, events []readmodel.Event, position eventstore.Position) error {
	if w.parked || position <= w.status.Position {
		return nil
	}
	return w.advance(ctx, w.choose(events), position)
}

// choose returns the events after the checkpoint that concern the model, without
// a copy where all do.
func (w *worker) choose(events []readmodel.Event) []readmodel.Event {
	other := slices.IndexFunc(events, func(e readmodel.Event) bool { return !w.concerns(&e) })
	if other < 0 {
		return events
	}
	mine := slices.Clone(events[:other])
	for i := other + 1; i < len(events); i++ {
		if w.concerns(&events[i]) {
			mine = append(mine, events[i])
		}
	}
	return mine
}

func (w *worker) concerns(e *readmodel.Event) bool {
	return e.Position > w.status.Position && (w.categories == nil || slices.Contains(w.categories, e.Category()))
}

// advance commits events and the position; where that fails for the sake of an
// event, it halves them until it knows which.
func (w *worker) advance(ctx context.Context, events []readmodel.Event, position eventstore.Position) error {
	err := w.commit(ctx, events, position)
	if err == nil {
		return nil
	}
	w.projector.Forget()
	if !eventAtFault(err) || len(events) == 0 {
		return err
	}
	if len(events) == 1 {
		return w.park(ctx, &events[0], err)
	}
	half := len(events) / 2
	if err := w.advance(ctx, events[:half], events[half-1].Position); err != nil || w.parked {
		return err
	}
	return w.advance(ctx, events[half:], position)
}

// commit is the one transaction: fence, rows, commit.
func (w *worker) commit(ctx context.Context, events []readmodel.Event, position eventstore.Position) error {
	for i := range events {
		if events[i].Err != nil {
			return &faultError{events[i].Err}
		}
	}
	err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if w.aside {
			// The commit that puts the tables in use is flushed, and with it these.
			if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
				return err
			}
		}
		if err := w.fence(ctx, tx, int64(len(events)), position); err != nil {
			return err
		}
		if len(events) == 0 {
			return nil
		}
		err := w.project(ctx, tx, events)
		if err != nil && ctx.Err() == nil && !tx.Conn().IsClosed() && !ofTheServer(err) {
			// The connection works and the server is well: it is the event.
			return &faultError{err}
		}
		return err
	})
	if err != nil {
		return err
	}
	w.status.Position = position
	w.status.Events += int64(len(events))
	w.status.Parked = nil
	return nil
}

// project hands events to the read model. One whose code panics has failed like any
// other: it must not take the process and the other read models with it.
func (w *worker) project(ctx context.Context, tx pgx.Tx, events []readmodel.Event) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("the read model's code panics: %v\n%s", fault, debug.Stack())
		}
	}()
	return w.projector.Project(ctx, tx, events)
}

// fence moves the checkpoint if it is where this worker left it. Its row stays
// locked until the transaction ends.
func (w *worker) fence(ctx context.Context, tx pgx.Tx, events int64, position eventstore.Position) error {
	tag, err := tx.Exec(ctx, `
		UPDATE jeongsan.checkpoints SET position = $4, events = events + $5, updated_at = now(),
			parked_position = NULL, parked_stream = NULL, parked_revision = NULL, parked_reason = NULL, parked_at = NULL
		WHERE read_model = $1 AND generation = $2 AND position = $3`,
		w.status.Name, w.status.Generation, int64(w.status.Position), int64(position), events)
	if err != nil {
		return fmt.Errorf("move the checkpoint of %s: %w", w.status.Name, err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%s: %w", w.status.Name, errFenced)
	}
	return nil
}

// park notes the event that the model cannot take.
func (w *worker) park(ctx context.Context, event *readmodel.Event, cause error) error {
	parked := Parked{
		Position: event.Position, Ref: domain.Ref{Stream: event.Stream, Revision: event.Revision},
		Reason: reasonOf(cause), At: time.Now().UTC(),
	}
	tag, err := w.pool.Exec(ctx, `
		UPDATE jeongsan.checkpoints SET updated_at = now(), parked_position = $4, parked_stream = $5,
			parked_revision = $6, parked_reason = $7, parked_at = $8
		WHERE read_model = $1 AND generation = $2 AND position = $3`,
		w.status.Name, w.status.Generation, int64(w.status.Position),
		int64(parked.Position), string(parked.Ref.Stream), int64(parked.Ref.Revision), parked.Reason, parked.At)
	if err != nil {
		return fmt.Errorf("park %s: %w", w.status.Name, err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%s: %w", w.status.Name, errFenced)
	}
	w.parked, w.status.Parked = true, &parked
	return nil
}

// faultError is a failure for which an event, or the tables, are to blame.
type faultError struct{ err error }

func (e *faultError) Error() string { return e.err.Error() }
func (e *faultError) Unwrap() error { return e.err }

func eventAtFault(err error) bool {
	var fault *faultError
	return errors.As(err, &fault)
}

// ofTheServer reports whether an error is one that the server gives for its own
// state and that passes: no connections, shutdown, disk full, deadlock, and such.
func ofTheServer(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) < 2 {
		return false
	}
	switch pg.Code[:2] {
	case "08", "40", "53", "55", "57", "58":
		return true
	}
	// A server that is a replica now, or read-only for want of disk.
	return pg.Code == "25006"
}
