package graph

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/hub"
)

// Resolver holds what the resolvers of all areas need. It is safe for concurrent use.
type Resolver struct {
	pool      *pgxpool.Pool
	store     eventstore.Store
	door      command.Door
	keys      keyring.Keys
	identity  eventstore.Identity
	hub       *hub.Hub
	logger    *slog.Logger
	patience  time.Duration   // how long a query waits for its position
	slowAfter time.Duration   // how long a message may wait for a subscriber
	day       businessday.Day // when business dates begin
	timeout   time.Duration   // how long an operation may take that is no subscription
	open      *admission      // what clients hold open
	follows   atomic.Bool     // the read models are known to be of this log
	draining  context.Context // ends when subscriptions must
}

var _ generated.ResolverRoot = (*Resolver)(nil)
