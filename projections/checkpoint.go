package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// ModelStatus is how far a read model is.
type ModelStatus struct {
	Name       string
	Version    int   // of its tables
	Generation int64 // how often they have been replaced, from 1
	Position   eventstore.Position
	Events     int64 // of its streams that are in
	Parked     *Parked
	UpdatedAt  time.Time
	// Rebuilding is how far a rebuild aside is, or nil.
	Rebuilding *eventstore.Position
}

// Parked says which event a read model cannot take, and why.
type Parked struct {
	Position eventstore.Position
	Ref      domain.Ref
	Reason   string
	At       time.Time
}

const nextSuffix = "_next"

// Status reads the state of all read models, in the order of Models.
func Status(ctx context.Context, pool *pgxpool.Pool) ([]ModelStatus, error) {
	all, err := readCheckpoints(ctx, pool)
	if err != nil {
		return nil, err
	}
	var status []ModelStatus
	for _, model := range Models() {
		name := model.Definition().Name
		s, there := all[name]
		if !there {
			continue
		}
		if next, rebuilding := all[name+nextSuffix]; rebuilding {
			s.Rebuilding = &next.Position
		}
		status = append(status, s)
	}
	return status, nil
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

const checkpointColumns = `read_model, version, generation, position, events, updated_at,
	parked_position, parked_stream, parked_revision, parked_reason, parked_at`

func readCheckpoints(ctx context.Context, q querier) (map[string]ModelStatus, error) {
	rows, err := q.Query(ctx, "SELECT "+checkpointColumns+" FROM jeongsan.checkpoints")
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	all := make(map[string]ModelStatus, len(list))
	for _, s := range list {
		all[s.Name] = s
	}
	return all, nil
}

func scanCheckpoint(row pgx.CollectableRow) (s ModelStatus, err error) {
	var position, revision *int64
	var stream, reason *string
	var at *time.Time
	err = row.Scan(&s.Name, &s.Version, &s.Generation, &s.Position, &s.Events, &s.UpdatedAt, &position, &stream, &revision, &reason, &at)
	if err == nil && position != nil && stream != nil && revision != nil && reason != nil && at != nil {
		s.Parked = &Parked{
			Position: eventstore.Position(*position), Ref: domain.Ref{Stream: domain.StreamID(*stream), Revision: uint64(*revision)},
			Reason: *reason, At: *at,
		}
	}
	return s, err
}

const (
	firstPoll = 3 * time.Millisecond
	lastPoll  = 150 * time.Millisecond
)

// AwaitCheckpoint waits until the named read models (all of them where none is
// named) hold everything up to a token, for processes other than the runner's. It
// asks Postgres again and again, at growing intervals, and holds no connection in
// between. It ends with ctx: then, or where a read model is parked before the
// token, the error is CodeUnavailable. A token of another log or incarnation is
// CodeConflict.
func AwaitCheckpoint(ctx context.Context, pool *pgxpool.Pool, token eventstore.Token, models ...string) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := firstPoll; ; pause = min(pause*3/2, lastPoll) {
		select {
		case <-ctx.Done():
			return notYet(token, ctx.Err())
		case <-timer.C:
		}
		reached, err := reached(ctx, pool, token, models)
		if err != nil && ctx.Err() != nil {
			return notYet(token, ctx.Err())
		}
		if err != nil || reached {
			return err
		}
		timer.Reset(pause)
	}
}

func notYet(token eventstore.Token, err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "position", Value: token.String(), Message: "the read models are not yet there", Err: err,
		Remedy: "ask again in a moment",
	}
}

// reached looks once.
func reached(ctx context.Context, pool *pgxpool.Pool, token eventstore.Token, models []string) (bool, error) {
	identity, err := readIdentity(ctx, pool)
	if err != nil {
		return false, err
	}
	if identity == (eventstore.Identity{}) {
		return false, nil // the projector has not started yet
	}
	if identity != token.Identity {
		return false, &domain.Error{
			Code: domain.CodeConflict, Field: "position", Value: token.String(), Message: "the position belongs to another log, or to this one before it was restored",
			Remedy: "read without it and go on from the position of the answer",
		}
	}
	all, err := readCheckpoints(ctx, pool)
	if err != nil {
		return false, err
	}
	if len(models) == 0 {
		for _, model := range Models() {
			models = append(models, model.Definition().Name)
		}
	}
	for _, name := range models {
		s, there := all[name]
		if !there {
			return false, &domain.Error{Code: domain.CodeNotFound, Field: "read_model", Value: name, Message: "no such read model"}
		}
		if s.Position >= token.Position {
			continue
		}
		if s.Parked != nil && s.Parked.Position <= token.Position {
			return false, s.parkedError()
		}
		return false, nil
	}
	return true, nil
}

func (s ModelStatus) parkedError() error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "read_model", Value: s.Name,
		Message: fmt.Sprintf("the read model is parked at %s@%d: %s", s.Parked.Ref.Stream, s.Parked.Ref.Revision, s.Parked.Reason),
		Remedy:  "remove the cause and restart, or run: jeongsan projections rebuild " + s.Name,
	}
}

// readIdentity returns which log the read models follow; the zero Identity where
// none is noted yet.
func readIdentity(ctx context.Context, q querier) (eventstore.Identity, error) {
	rows, err := q.Query(ctx, "SELECT log_id, incarnation FROM jeongsan.log")
	if err != nil {
		return eventstore.Identity{}, fmt.Errorf("read which log the read models follow: %w", err)
	}
	identity, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (i eventstore.Identity, err error) {
		return i, row.Scan(&i.LogID, &i.Incarnation)
	})
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return eventstore.Identity{}, fmt.Errorf("read which log the read models follow: %w", err)
	}
	return identity, nil
}

// longestReason keeps a reason readable in a table of status.
const longestReason = 1000

func reasonOf(err error) string {
	reason := err.Error()
	if len(reason) > longestReason {
		reason = strings.ToValidUTF8(reason[:longestReason], "") + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(reason, "�"), "\x00", "�")
}
