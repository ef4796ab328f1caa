package verify

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/eventstore"
)

// defaultWait is how long read models may take to reach the end of the log.
const defaultWait = 10 * time.Second

// pollEvery is the pause between two looks at the checkpoints.
const pollEvery = 100 * time.Millisecond

// expectation is what one read model must hold. It is fed the log up to the
// model's checkpoint and no further, so models may be at different places.
type expectation interface {
	// name is the read model's, as its checkpoint says.
	name() string
	// fold takes one event; it may compare rows on the way.
	fold(ctx context.Context, e *event) error
	// compare compares what is left once the log was read.
	compare(ctx context.Context, r *rereader) error
	// counted gives the number of rows compared, per check.
	counted() map[string]uint64
}

// models lists how each read model is expected to be.
var models = []func(s *snapshot) expectation{
	func(s *snapshot) expectation { return newAccountModel(s) },
	func(s *snapshot) expectation { return newTransactionModel(s) },
	func(s *snapshot) expectation { return newDailyModel(s) },
	func(s *snapshot) expectation { return newDirectoryModel(s) },
	func(s *snapshot) expectation { return newAuditModel(s) },
	func(s *snapshot) expectation { return newHoldModel(s) },
}

// snapshot is Postgres at one instant: all tables and checkpoints are read in
// one transaction. Its methods also serve a nil snapshot, which holds nothing.
type snapshot struct {
	tx          pgx.Tx
	models      []*model
	target      eventstore.Position // the end of the log when the run began
	logID       string
	incarnation uint64
	generations int64 // of all read models, summed: one more for each that is replaced
}

// model is one read model with its checkpoint.
type model struct {
	expectation
	position eventstore.Position
	behind   uint64 // events up to target that it does not hold
	missed   string // the first of them
}

func takeSnapshot(ctx context.Context, config Config) (*snapshot, error) {
	target, err := config.Store.LastPosition(ctx)
	if err != nil {
		return nil, err
	}
	if err := awaitCheckpoints(ctx, config, target); err != nil {
		return nil, err
	}
	tx, err := config.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	s := &snapshot{tx: tx, target: target}
	if err := s.readCheckpoints(ctx); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// awaitCheckpoints returns when every checkpoint has reached the target, or when
// the time is up: what is still behind is then found by the comparison.
func awaitCheckpoints(ctx context.Context, config Config, target eventstore.Position) error {
	wait := config.Wait
	if wait == 0 {
		wait = defaultWait
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	again := time.NewTicker(pollEvery)
	defer again.Stop()
	for {
		var reached bool
		err := config.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE position >= $1) >= $2 OR bool_or(parked_position IS NOT NULL)
			FROM jeongsan.checkpoints WHERE read_model = ANY($3)`, int64(target), len(models), modelNames()).Scan(&reached)
		if err != nil {
			return err
		}
		if reached {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return nil
		case <-again.C:
		}
	}
}

func modelNames() []string {
	names := make([]string, len(models))
	for i, open := range models {
		names[i] = open(nil).name()
	}
	return names
}

type checkpoint struct {
	position int64
	parked   string
}

func (s *snapshot) readCheckpoints(ctx context.Context) error {
	var incarnation int64
	err := s.tx.QueryRow(ctx, `SELECT log_id::text, incarnation FROM jeongsan.log`).Scan(&s.logID, &incarnation)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	s.incarnation = uint64(incarnation)
	if s.generations, err = generations(ctx, s.tx); err != nil {
		return err
	}
	rows, err := s.tx.Query(ctx, `SELECT read_model, position, coalesce(parked_stream || '@' || parked_revision || ': ' || parked_reason, '') FROM jeongsan.checkpoints`)
	if err != nil {
		return err
	}
	checkpoints := map[string]checkpoint{}
	var name string
	var c checkpoint
	_, err = pgx.ForEachRow(rows, []any{&name, &c.position, &c.parked}, func() error {
		checkpoints[name] = c
		return nil
	})
	if err != nil {
		return err
	}
	for _, open := range models {
		m := &model{expectation: open(s)}
		c, ok := checkpoints[m.name()]
		switch where := "jeongsan.checkpoints " + m.name(); {
		case !ok:
			return differs(checkCheckpoints, where, "a checkpoint", "none: the read model was never built")
		case c.parked != "":
			return differs(checkCheckpoints, where, "a read model that follows the log", "parked at "+c.parked)
		}
		m.position = eventstore.Position(c.position)
		s.models = append(s.models, m)
	}
	return nil
}

// generations sums how often the tables of the read models were replaced.
func generations(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (sum int64, err error) {
	err = q.QueryRow(ctx, `SELECT coalesce(sum(generation), 0)::bigint FROM jeongsan.checkpoints WHERE read_model = ANY($1)`, modelNames()).Scan(&sum)
	return sum, err
}

// ErrReplaced says that nothing was found out: verify again.
var ErrReplaced = errors.New("a rebuild put new tables in the place of those that were being compared; verify again")

// excuse looks whether tables were replaced while they were read, as names then
// lead to others in the middle of the transaction: what was found in them is no
// difference then.
func (s *snapshot) excuse(ctx context.Context, pool *pgxpool.Pool, found error) error {
	if s == nil || found == nil || ctx.Err() != nil {
		return found
	}
	now, err := generations(ctx, pool)
	if err == nil && now != s.generations {
		return ErrReplaced
	}
	return found
}

// fold hands an event to every model that must hold it.
func (s *snapshot) fold(ctx context.Context, e *event) error {
	if s == nil {
		return nil
	}
	for _, m := range s.models {
		switch {
		case e.position <= m.position:
			if err := m.fold(ctx, e); err != nil {
				return err
			}
		case e.position <= s.target:
			if m.behind++; m.behind == 1 {
				m.missed = e.place()
			}
		}
	}
	return nil
}

// compare compares what each model holds besides what was compared on the way.
func (s *snapshot) compare(ctx context.Context, f *fold, store eventstore.Store) error {
	if s == nil {
		return nil
	}
	if f.counts.Events > 0 && (s.logID != f.logID || s.incarnation != f.incarnation) {
		return differs(checkCheckpoints, "jeongsan.log", identity(f.logID, f.incarnation), identity(s.logID, s.incarnation))
	}
	for _, m := range s.models {
		if m.behind > 0 {
			return differs(checkCheckpoints, "jeongsan.checkpoints "+m.name(), "every event up to position "+strconv.FormatUint(uint64(s.target), 10),
				strconv.FormatUint(m.behind, 10)+" events behind, the first is "+m.missed)
		}
		if err := m.compare(ctx, &rereader{store: store, until: m.position, accounts: f.accounts}); err != nil {
			return err
		}
	}
	return nil
}

func identity(id string, incarnation uint64) string {
	if id == "" {
		return "no log"
	}
	return "log " + id + "/" + strconv.FormatUint(incarnation, 10)
}

func (s *snapshot) checked(name string) uint64 {
	if s == nil {
		return 0
	}
	if name == checkCheckpoints {
		return uint64(len(s.models))
	}
	var n uint64
	for _, m := range s.models {
		n += m.counted()[name]
	}
	return n
}

func (s *snapshot) report() []ReadModel {
	if s == nil {
		return nil
	}
	list := make([]ReadModel, len(s.models))
	for i, m := range s.models {
		list[i] = ReadModel{Name: m.name(), Position: m.position}
		for _, n := range m.counted() {
			list[i].Rows += n
		}
	}
	return list
}

// close gives the connection back; nothing was written.
func (s *snapshot) close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	err := s.tx.Rollback(context.WithoutCancel(ctx))
	if errors.Is(err, pgx.ErrTxClosed) {
		return nil
	}
	return err
}

// rereader reads the log again where a difference must be named.
type rereader struct {
	store    eventstore.Store
	until    eventstore.Position
	accounts []*account
}

func (r *rereader) read(ctx context.Context, then func(*event) error) error {
	if r.until == 0 {
		return nil
	}
	f := newFold()
	f.until = r.until
	return f.read(ctx, r.store, nil, then)
}
