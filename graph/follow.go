package graph

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/hub"
)

// follow answers balanceChanged: a stream of changes that ends with ctx, or with
// an error that tells the cursor to come back with.
func (r *Resolver) follow(ctx context.Context, party string, after *eventstore.Token) (<-chan *generated.BalanceChange, error) {
	if err := domain.CheckID("party", party); err != nil {
		return nil, err
	}
	from := eventstore.Start
	if after != nil {
		if err := r.own("after", *after); err != nil {
			return nil, err
		}
		from = after.Position
	}
	if err := r.await(ctx, nil, accountModel); err != nil {
		return nil, err
	}
	follower := r.hub.Follow(party, from)
	changes := make(chan *generated.BalanceChange)
	end := endingOf(ctx)
	go func() {
		defer close(changes)
		defer follower.Close()
		pushing, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(r.draining, stop)()
		delivered, err := r.push(pushing, follower, changes)
		if ctx.Err() != nil {
			return
		}
		if r.draining.Err() != nil {
			err = shuttingDown()
		}
		end.set(&endOfStream{r.token(delivered), err})
	}()
	return changes, nil
}

// push hands on what the hub has for a follower until one of them ends. It
// returns the cursor of the last message handed on, and why it ended.
func (r *Resolver) push(ctx context.Context, follower *hub.Follower, changes chan<- *generated.BalanceChange) (eventstore.Position, error) {
	patience := time.NewTimer(r.slowAfter)
	defer patience.Stop()
	delivered := follower.Cursor()
	for {
		update, err := follower.Next(ctx)
		if errors.Is(err, hub.ErrSlow) {
			return delivered, slow()
		}
		if err != nil {
			return delivered, err
		}
		patience.Reset(r.slowAfter)
		select {
		case changes <- &generated.BalanceChange{Cursor: r.token(update.Cursor), Balances: r.balanceList(update.Balances)}:
			delivered = update.Cursor
		case <-ctx.Done():
			return delivered, ctx.Err()
		case <-patience.C:
			return delivered, slow()
		}
	}
}

func shuttingDown() error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "balanceChanged", Message: "the server is shutting down",
		Remedy: "subscribe again with after set to the cursor given here",
	}
}

func slow() error {
	return &domain.Error{
		Code: codeSlowSubscriber, Field: "balanceChanged", Message: "the subscriber does not keep up",
		Remedy: "subscribe again with after set to the cursor given here, or to that of the last message seen",
	}
}

// ending is how a subscription came to its end, told in one last message.
type ending struct {
	mu  sync.Mutex
	err error
}

func (e *ending) set(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

// take returns the error once.
func (e *ending) take() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.err
	e.err = nil
	return err
}

type endingKey struct{}

func endingOf(ctx context.Context) *ending { return ctx.Value(endingKey{}).(*ending) }

// aroundOperation lets a client have so many subscriptions, and gives each a place
// to tell how it ended. Any other operation is limited in time, whatever transport
// it came by.
func (r *Resolver) aroundOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
		timed, cancel := context.WithTimeout(ctx, r.timeout)
		return until(next(timed), cancel)
	}
	release, err := r.open.enter(clientOf(ctx), heldSubscriptions)
	if err != nil {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{r.present(ctx, err)}})
	}
	context.AfterFunc(ctx, release) // whoever goes away asks for no last answer
	return until(next(context.WithValue(r.withLoaders(ctx), endingKey{}, &ending{})), release)
}

// until calls done after the last answer.
func until(answers graphql.ResponseHandler, done func()) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		answer := answers(ctx)
		if answer == nil {
			done()
		}
		return answer
	}
}

// aroundResponse gives each answer its loaders, and lets a subscription that
// has ended with an error tell it.
func (r *Resolver) aroundResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if response := next(r.withLoaders(ctx)); response != nil {
		return response
	}
	if end, ok := ctx.Value(endingKey{}).(*ending); ok {
		if err := end.take(); err != nil {
			return &graphql.Response{Errors: gqlerror.List{r.present(ctx, err)}}
		}
	}
	return nil
}
