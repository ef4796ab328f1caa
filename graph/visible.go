package graph

import (
	"context"
	"sync"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections"
)

// Names of the read models, as the runner knows them.
const (
	accountModel     = "account"
	transactionModel = "transaction"
	dailyModel       = "daily"
	directoryModel   = "directory"
	auditModel       = "audit"
	holdModel        = "hold"
)

var allModels = []string{accountModel, transactionModel, dailyModel, directoryModel, auditModel, holdModel}

// horizon is what one answer must at least show: the latest position that its
// fields have asked for, that its mutations have reached, or that an object in it
// stands for. Fields below them read other read models, which may be behind.
type horizon struct {
	mu      sync.Mutex
	wanted  eventstore.Position
	reached map[string]eventstore.Position // by read model
}

func (h *horizon) want(position eventstore.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = max(h.wanted, position)
}

func (h *horizon) reach(position eventstore.Position, models []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reached == nil {
		h.reached = map[string]eventstore.Position{}
	}
	for _, model := range models {
		h.reached[model] = max(h.reached[model], position)
	}
}

// missing returns the position to wait for before a read model is read, Start
// where there is none.
func (h *horizon) missing(model string) eventstore.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reached[model] >= h.wanted {
		return eventstore.Start
	}
	return h.wanted
}

// also waits until a read model that a field reads shows what the answer must.
func (r *Resolver) also(ctx context.Context, model string) error {
	position := loadersOf(ctx).missing(model)
	if position == eventstore.Start {
		return nil
	}
	at := r.token(position)
	return r.await(ctx, &at, model)
}

// await waits until the read models have reached a position that the caller has
// been told, at most as long as the server's patience. Without one it returns as
// soon as they are known to be of this log: those of another are being rebuilt,
// and until then nothing is answered from them.
func (r *Resolver) await(ctx context.Context, atLeast *eventstore.Token, models ...string) error {
	at := r.token(eventstore.Start)
	if atLeast != nil {
		at = *atLeast
		if err := r.own("atLeast", at); err != nil {
			return err
		}
		loadersOf(ctx).want(at.Position)
	} else if r.follows.Load() {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	err := projections.AwaitCheckpoint(waiting, r.pool, at, models...)
	switch {
	case err == nil:
		r.follows.Store(true)
		loadersOf(ctx).reach(at.Position, models)
	case ctx.Err() != nil:
		return ctx.Err()
	case domain.CodeOf(err) == domain.CodeConflict || waiting.Err() != nil && atLeast == nil:
		return &domain.Error{
			Code: domain.CodeUnavailable, Field: "projections", Message: "the read models do not follow this log yet",
			Remedy: "see that a process with the role project runs, and ask again",
		}
	case waiting.Err() != nil:
		return notYetVisible(at)
	}
	return err
}

func notYetVisible(at eventstore.Token) error {
	return &domain.Error{
		Code: codeNotYetVisible, Field: "atLeast", Value: at.String(), Message: "the position was not reached in time",
		Remedy: "ask again; if it stays behind, see the field projections",
	}
}

// own refuses a token of another log, or of another incarnation of this one.
func (r *Resolver) own(field string, token eventstore.Token) error {
	if token.Identity == r.identity {
		return nil
	}
	return &domain.Error{
		Code: codeResync, Field: field, Value: token.String(), Message: "the position is of another log or of one before a restore",
		Remedy: "read everything again from the beginning and go on from the positions of the new answers",
	}
}

// token makes a position ready to leave the program.
func (r *Resolver) token(position eventstore.Position) eventstore.Token {
	return r.identity.Token(position)
}

// awaitLog checks that the log itself has got to a position that the caller has
// been told. It has, unless the store that answers lags behind.
func (r *Resolver) awaitLog(ctx context.Context, atLeast *eventstore.Token) error {
	if atLeast == nil {
		return nil
	}
	if err := r.own("atLeast", *atLeast); err != nil {
		return err
	}
	last, err := r.store.LastPosition(ctx)
	if err == nil && last < atLeast.Position {
		err = notYetVisible(*atLeast)
	}
	return err
}
