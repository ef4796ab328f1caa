package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/migrations"
)

// RebuildConfig says what to rebuild.
type RebuildConfig struct {
	Store    eventstore.Store
	Pool     *pgxpool.Pool
	Identity eventstore.Identity
	Model    Model
	Logger   *slog.Logger // slog.Default where nil
	// CompareOnly leaves the tables in use as they are.
	CompareOnly bool
	// Progress is told after each batch; it may be nil.
	Progress func(RebuildProgress)
}

// RebuildProgress is how far a rebuild is.
type RebuildProgress struct {
	Model    string
	Phase    string // "building", "comparing", "switching"
	Position eventstore.Position
	Target   eventstore.Position // may still move
	Events   int64
}

// The phases of a rebuild.
const (
	PhaseBuilding  = "building"
	PhaseComparing = "comparing"
	PhaseSwitching = "switching"
)

// rebuild is one under way.
type rebuild struct {
	RebuildConfig
	definition migrations.ReadModel
	held       *heldLock // while it is under way
	next       *worker
	phase      string
}

// Rebuild makes a read model anew from the start of the log beside the one in
// use, compares the two at one position, and puts the new one in the place of the
// old one. A runner may go on meanwhile, here or in another process; readers
// notice nothing. Differences are in the answer, not in the error: the new tables
// are right. Tables of another version are not compared.
//
// Where the model cannot take an event, or ctx ends, everything is left as it is.
// One rebuild of a model runs at a time; a second is CodeConflict.
func Rebuild(ctx context.Context, config RebuildConfig) (Comparison, error) {
	r := newRebuild(config)
	if err := r.open(ctx); err != nil {
		return Comparison{}, err
	}
	defer r.close()
	return r.finish(ctx)
}

func newRebuild(config RebuildConfig) *rebuild {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	return &rebuild{RebuildConfig: config, definition: config.Model.Definition(), phase: PhaseBuilding}
}

// open locks the rebuild and makes the tables beside; close is called where it
// returns nil.
func (r *rebuild) open(ctx context.Context) error {
	lock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	r.held = lock
	if err := r.begin(ctx); err != nil {
		r.close()
		return err
	}
	return nil
}

func (r *rebuild) close() { r.held.close() }

// finish builds, compares and switches, and leaves no tables beside.
func (r *rebuild) finish(ctx context.Context) (Comparison, error) {
	comparison, err := r.run(ctx)
	if err != nil || r.CompareOnly {
		err = errors.Join(err, r.discard())
	}
	return comparison, err
}

// lock keeps a second rebuild of the same model away.
func (r *rebuild) lock(ctx context.Context) (*heldLock, error) {
	l, err := lockRebuild(ctx, r.Pool, r.definition.Name, lockPatience)
	if err == nil && l == nil {
		err = &domain.Error{
			Code: domain.CodeConflict, Field: "read_model", Value: r.definition.Name, Message: "the read model is being rebuilt already",
			Remedy: "wait for it: jeongsan projections status",
		}
	}
	return l, err
}

// lockNotAvailable is Postgres' code for a lock not had within lock_timeout.
const lockNotAvailable = "55P03"

// lockPatience is how long a rebuild waits for the lock: a runner that clears up
// after an earlier one holds it for a moment.
const lockPatience = 2 * time.Second

// lockRebuild takes the lock under which a model is rebuilt; nil where somebody
// still has it after so long.
func lockRebuild(ctx context.Context, pool *pgxpool.Pool, name string, patience time.Duration) (*heldLock, error) {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	l := &heldLock{conn}
	// At least a millisecond: to Postgres 0 means to wait for ever.
	limit := max(patience.Milliseconds(), 1)
	if _, err = conn.Exec(ctx, "SELECT set_config('lock_timeout', $1, false)", strconv.FormatInt(limit, 10)); err == nil {
		_, err = conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1), 1)", "jeongsan rebuild "+name)
	}
	if err == nil {
		return l, nil
	}
	l.close()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == lockNotAvailable {
		return nil, nil
	}
	return nil, fmt.Errorf("lock the rebuild of %s: %w", name, err)
}

// clearUnfinished removes the tables that a rebuild has left which was killed.
func clearUnfinished(ctx context.Context, pool *pgxpool.Pool, model Model) error {
	definition := model.Definition()
	r := &rebuild{RebuildConfig: RebuildConfig{Pool: pool, Model: model}, definition: definition}
	var left bool
	err := pool.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL OR to_regnamespace($2) IS NOT NULL", definition.Next(), r.old()).Scan(&left)
	if err != nil {
		return fmt.Errorf("look for the leftovers of a rebuild of %s: %w", definition.Name, err)
	}
	if !left {
		return nil
	}
	lock, err := lockRebuild(ctx, pool, definition.Name, 0)
	if err != nil || lock == nil { // one is under way
		return err
	}
	defer lock.close()
	return errors.Join(r.discard(), drop(ctx, pool, r.old()))
}

// begin makes the tables beside, empty, after what an earlier try has left.
func (r *rebuild) begin(ctx context.Context) error {
	identity, err := readIdentity(ctx, r.Pool)
	if err != nil {
		return err
	}
	if identity != r.Identity && identity != (eventstore.Identity{}) {
		return &domain.Error{
			Code: domain.CodeConflict, Field: "log", Value: identity.String(), Message: "the read models are of another log than the one connected, " + r.Identity.String(),
			Remedy: "connect the log and the database that belong together, or start the projections once: they begin anew",
		}
	}
	err = pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		for _, schema := range []string{r.definition.Next(), r.old()} {
			if err := drop(ctx, tx, schema); err != nil {
				return err
			}
		}
		return migrations.Create(ctx, tx, r.definition, r.definition.Next())
	})
	if err != nil {
		return err
	}
	all, err := readCheckpoints(ctx, r.Pool)
	if err != nil {
		return err
	}
	r.next = newWorker(r.Pool, r.Model, all[r.definition.Next()])
	r.next.aside = true
	return nil
}

func (r *rebuild) old() string { return r.definition.Name + "_old" }

func drop(ctx context.Context, to execer, schema string) error {
	if _, err := to.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE"); err != nil {
		return fmt.Errorf("drop the tables of %s: %w", schema, err)
	}
	return nil
}

type execer interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

// discard removes the tables beside. It runs also when the context has ended.
func (r *rebuild) discard() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanUpPatience)
	defer cancel()
	return pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM jeongsan.checkpoints WHERE read_model = $1", r.definition.Next()); err != nil {
			return fmt.Errorf("remove the checkpoint of %s: %w", r.definition.Next(), err)
		}
		return drop(ctx, tx, r.definition.Next())
	})
}

// closeEnough is how many events may be left for the step that makes the
// projector wait.
const closeEnough = batchEvents

func (r *rebuild) run(ctx context.Context) (Comparison, error) {
	comparison := Comparison{Model: r.definition.Name}
	live, err := r.live(ctx, r.Pool)
	if err != nil {
		return comparison, err
	}
	comparable := live.Version == r.definition.Version
	if comparable {
		if comparison, err = r.compareAtOnePosition(ctx); err != nil {
			return comparison, err
		}
	}
	if r.CompareOnly {
		if !comparable {
			err = &domain.Error{
				Code: domain.CodeConflict, Field: "read_model", Value: r.definition.Name,
				Message: fmt.Sprintf("its tables are of version %d and this program makes version %d: they cannot be compared", live.Version, r.definition.Version),
				Remedy:  "rebuild without comparing only",
			}
		}
		return comparison, err
	}
	if live.Parked != nil || !comparable {
		// The tables in use are not going on: the new ones go to the end of the log.
		end, err := r.Store.LastPosition(ctx)
		if err != nil {
			return comparison, err
		}
		if err := r.buildTo(ctx, end); err != nil {
			return comparison, err
		}
	}
	r.phase = PhaseSwitching
	if err := r.standing(ctx, r.exchange); err != nil {
		return comparison, err
	}
	comparison.Switched, comparison.Position, comparison.Events = true, r.next.status.Position, r.next.status.Events
	return comparison, drop(ctx, r.Pool, r.old())
}

// standing brings the new tables up to those in use and calls do while these stand
// still, in the transaction that holds their checkpoint.
func (r *rebuild) standing(ctx context.Context, do func(ctx context.Context, tx pgx.Tx, live ModelStatus) error) error {
	for {
		// Most of the way without holding anybody up.
		live, err := r.live(ctx, r.Pool)
		if err != nil {
			return err
		}
		before := r.next.status.Events
		if err := r.buildTo(ctx, live.Position); err != nil {
			return err
		}
		if r.next.status.Events-before <= closeEnough {
			break
		}
	}
	return pgx.BeginFunc(ctx, r.Pool, func(tx pgx.Tx) error {
		live, err := r.live(ctx, tx, "FOR UPDATE")
		if err != nil {
			return err
		}
		if err := r.buildTo(ctx, live.Position); err != nil {
			return err
		}
		return do(ctx, tx, live)
	})
}

// live reads the checkpoint of the tables in use.
func (r *rebuild) live(ctx context.Context, q querier, lock ...string) (ModelStatus, error) {
	rows, err := q.Query(ctx, "SELECT "+checkpointColumns+" FROM jeongsan.checkpoints WHERE read_model = $1 "+strings.Join(lock, " "), r.definition.Name)
	if err != nil {
		return ModelStatus{}, fmt.Errorf("read the checkpoint of %s: %w", r.definition.Name, err)
	}
	status, err := pgx.CollectExactlyOneRow(rows, scanCheckpoint)
	if err != nil {
		return ModelStatus{}, fmt.Errorf("read the checkpoint of %s: %w", r.definition.Name, err)
	}
	return status, nil
}

// buildTo projects the log up to a position.
func (r *rebuild) buildTo(ctx context.Context, target eventstore.Position) error {
	if r.next.parked {
		return r.next.status.parkedError()
	}
	if err := build(ctx, []*rebuild{r}, target); err != nil {
		return err
	}
	if r.next.parked {
		return r.next.status.parkedError()
	}
	return nil
}

func ours(stream domain.StreamID) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(string(stream), prefix) {
			return true
		}
	}
	return false
}

// apply hands a batch to the new tables. One that cannot be taken parks them.
func (r *rebuild) apply(ctx context.Context, b batch, target eventstore.Position) error {
	if r.next.parked {
		return nil
	}
	if err := r.next.apply(ctx, b.events, b.position); err != nil {
		return err
	}
	if r.Progress != nil && !r.next.parked {
		r.Progress(RebuildProgress{Model: r.definition.Name, Phase: r.phase, Position: b.position, Target: target, Events: r.next.status.Events})
	}
	return nil
}

// exchange puts the new tables in the place of those in use: two schemas get
// other names, and the checkpoint the position of the new one.
func (r *rebuild) exchange(ctx context.Context, tx pgx.Tx, live ModelStatus) error {
	if r.next.status.Position < live.Position {
		return fmt.Errorf("the rebuilt %s is at %d and the one in use at %d", r.definition.Name, r.next.status.Position, live.Position)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf("ALTER SCHEMA %s RENAME TO %s; ALTER SCHEMA %s RENAME TO %s",
		pgx.Identifier{r.definition.Name}.Sanitize(), pgx.Identifier{r.old()}.Sanitize(),
		pgx.Identifier{r.definition.Next()}.Sanitize(), pgx.Identifier{r.definition.Name}.Sanitize()))
	if err != nil {
		return fmt.Errorf("switch the tables of %s: %w", r.definition.Name, err)
	}
	_, err = tx.Exec(ctx, `
		UPDATE jeongsan.checkpoints SET version = $2, generation = generation + 1, position = $3, events = $4, updated_at = now(),
			parked_position = NULL, parked_stream = NULL, parked_revision = NULL, parked_reason = NULL, parked_at = NULL
		WHERE read_model = $1`, r.definition.Name, r.definition.Version, int64(r.next.status.Position), r.next.status.Events)
	if err != nil {
		return fmt.Errorf("move the checkpoint of %s: %w", r.definition.Name, err)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM jeongsan.checkpoints WHERE read_model = $1", r.definition.Next()); err != nil {
		return fmt.Errorf("remove the checkpoint of %s: %w", r.definition.Next(), err)
	}
	return nil
}
