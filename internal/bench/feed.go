package bench

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// batchSize is how many settlements go to the door in one call: collect's.
const batchSize = 2000

// deliveryHash stands for the hash of the file that the input came from.
const deliveryHash = "5f2a1c0de4b7f3e9a8d6c5b4a3928170ffeeddccbbaa99887766554433221100"

// feed brings transactions from..from+n to the door as collect does: each caller
// makes the next batch while the one before settles, and the throttle holds all
// back. It returns the position reached. A refused transaction is an error.
func (l *ledger) feed(ctx context.Context, from, n, callers int, throttle collect.Throttle) (eventstore.Position, error) {
	var next, reached atomic.Uint64
	group, ctx := errgroup.WithContext(ctx)
	for range callers {
		batches, free := make(chan []command.Request, 1), make(chan []command.Request, 3)
		group.Go(func() error {
			defer close(batches)
			for {
				first := int(next.Add(batchSize)) - batchSize
				if first >= n {
					return nil
				}
				var batch []command.Request
				select {
				case batch = <-free:
				default:
				}
				batch = l.requests(batch[:0], from+first, min(batchSize, n-first))
				select {
				case batches <- batch:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		group.Go(func() error {
			for batch := range batches {
				position, err := l.settle(ctx, batch, throttle)
				if err != nil {
					return err
				}
				raise(&reached, uint64(position))
				select {
				case free <- batch:
				default:
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return eventstore.Position(reached.Load()), err
}

func raise(to *atomic.Uint64, n uint64) {
	for {
		old := to.Load()
		if old >= n || to.CompareAndSwap(old, n) {
			return
		}
	}
}

// requests makes the mapped input of n transactions.
func (l *ledger) requests(into []command.Request, from, n int) []command.Request {
	for i := from; i < from+n; i++ {
		into = append(into, command.Request{
			Command: l.load.command(uint64(i)),
			Meta:    eventstore.Meta{Actor: "source:" + sourceID, Authenticated: "none", Delivery: deliveryHash, Offset: uint64(i) + 1},
		})
	}
	return into
}

// settle carries out one batch.
func (l *ledger) settle(ctx context.Context, batch []command.Request, throttle collect.Throttle) (eventstore.Position, error) {
	if err := throttle.Admit(ctx, len(batch)); err != nil {
		return 0, err
	}
	var position eventstore.Position
	for i, reply := range l.Door.Do(ctx, batch...) {
		if reply.Err != nil {
			return 0, reply.Err
		}
		if reply.Outcome != command.Applied {
			return 0, &domain.Error{Code: domain.CodeInternal, Field: "transaction", Value: batch[i].Command.CommandType(), Message: "was " + string(reply.Outcome) + " in a ledger that had not seen it"}
		}
		position = max(position, reply.Position)
	}
	throttle.Acknowledged(position, len(batch))
	return position, nil
}
