package graph

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
	"github.com/jeongsan/jeongsan/graph/generated"
	"github.com/jeongsan/jeongsan/graph/hub"
)

// Config is what the API needs and how patient it is. Times that are not given
// have the values named here.
type Config struct {
	Pool     *pgxpool.Pool       // of the read models
	Store    eventstore.Store    // the log
	Door     command.Door        // the way in for mutations
	Keys     keyring.Keys        // to open personal data
	Identity eventstore.Identity // of the log
	Logger   *slog.Logger        // slog.Default where nil
	Day      businessday.Day     // when business dates begin, to refuse those that have not

	Hosts     []string      // names that the server is known by, besides addresses and localhost
	Patience  time.Duration // how long atLeast waits: 5 s
	Timeout   time.Duration // how long a request may take, and each operation on a stream but subscriptions: 30 s
	SlowAfter time.Duration // how long a message waits for its subscriber: 30 s
	KeepAlive time.Duration // between two signs of life on a stream: 15 s
	Interval  time.Duration // between two looks for balance changes that were not announced: 1 s
	PerClient int           // streams, and subscriptions on them, that one address may hold open at once: 1000 of each
}

// Handler serves GraphQL by POST and GET, over WebSocket (graphql-transport-ws)
// and as server-sent events. It is safe for concurrent use.
type Handler struct {
	config  Config
	guard   guard
	open    *admission
	server  *handler.Server
	running context.Context // ends with Close
	stop    context.CancelFunc
	drain   context.CancelFunc // ends subscriptions
	work    sync.WaitGroup     // the hub

	mu      sync.Mutex
	closed  bool
	serving sync.WaitGroup // requests
}

// NewHandler returns a handler and starts what pushes to its subscribers. It must
// be closed.
func NewHandler(config Config) *Handler {
	config.Patience = orElse(config.Patience, 5*time.Second)
	config.Timeout = orElse(config.Timeout, 30*time.Second)
	config.SlowAfter = orElse(config.SlowAfter, 30*time.Second)
	config.KeepAlive = orElse(config.KeepAlive, 15*time.Second)
	if config.PerClient == 0 {
		config.PerClient = 1000
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	running, stop := context.WithCancel(context.Background())
	draining, drain := context.WithCancel(running)
	h := &Handler{config: config, guard: guard{config.Hosts}, open: newAdmission(config.PerClient), running: running, stop: stop, drain: drain}

	push := hub.New(hub.Config{Pool: config.Pool, Logger: config.Logger, Interval: config.Interval})
	h.work.Go(func() { push.Run(running) })

	resolver := &Resolver{
		pool: config.Pool, store: config.Store, door: config.Door, keys: config.Keys, identity: config.Identity, day: config.Day,
		hub: push, logger: config.Logger, patience: config.Patience, slowAfter: config.SlowAfter,
		timeout: config.Timeout, open: h.open, draining: draining,
	}
	server := handler.New(generated.NewExecutableSchema(generated.Config{Resolvers: resolver, Complexity: complexity()}))
	server.AddTransport(transport.SSE{KeepAlivePingInterval: config.KeepAlive})
	server.AddTransport(transport.Websocket{
		Upgrader: websocket.Upgrader{
			CheckOrigin:  func(*http.Request) bool { return true }, // the guard has checked it
			Subprotocols: []string{"graphql-transport-ws"},
		},
		InitTimeout:      10 * time.Second,
		PingPongInterval: config.KeepAlive,
	})
	server.AddTransport(transport.Options{})
	server.AddTransport(transport.GET{})
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](500))
	server.SetParserTokenLimit(mostTokens)
	server.SetErrorPresenter(resolver.present)
	server.SetRecoverFunc(resolver.recovered)
	server.AroundOperations(resolver.aroundOperation)
	server.AroundResponses(resolver.aroundResponse)
	server.Use(shape{})
	server.Use(extension.FixedComplexityLimit(mostComplexity))
	server.Use(extension.Introspection{})
	h.server = server
	return h
}

func orElse(d, usual time.Duration) time.Duration {
	if d == 0 {
		return usual
	}
	return d
}

// ServeHTTP answers one request, or serves one stream until either side ends it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		h.refuse(w, http.StatusServiceUnavailable, &domain.Error{Code: domain.CodeUnavailable, Message: "the server is shutting down", Remedy: "try again"})
		return
	}
	defer h.serving.Done()

	ctx, id := withRequestID(r.Context(), r.Header)
	ctx, client := withClient(ctx, r)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.running, cancel)()
	w.Header().Set(requestHeader, id)

	checked, status, err := h.guard.check(w, r.WithContext(ctx))
	if err != nil {
		h.refuse(w, status, err)
		return
	}
	// What these headers ask for may last. Each operation on it is limited on its
	// own, for it need not be a subscription.
	if checked.Header.Get("Upgrade") != "" || strings.Contains(checked.Header.Get("Accept"), "text/event-stream") {
		release, err := h.open.enter(client, heldStreams)
		if err != nil {
			h.refuse(w, http.StatusTooManyRequests, err)
			return
		}
		defer release()
		s := newStream(w, h.config.SlowAfter)
		defer s.close()
		h.server.ServeHTTP(s, checked)
		return
	}
	ctx, cancel = context.WithTimeout(checked.Context(), h.config.Timeout)
	defer cancel()
	h.server.ServeHTTP(w, checked.WithContext(ctx))
}

// enter counts a request in, unless the handler is closed.
func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.serving.Add(1)
	}
	return !h.closed
}

// refuse answers with an error in the form of GraphQL.
func (h *Handler) refuse(w http.ResponseWriter, status int, err error) {
	known := classify(err)
	extensions := map[string]string{"code": string(known.Code)}
	for key, value := range map[string]string{"field": known.Field, "value": known.Value, "remedy": known.Remedy} {
		if value != "" {
			extensions[key] = value
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body := map[string]any{"errors": []any{map[string]any{"message": known.Message, "extensions": extensions}}}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.config.Logger.Debug("the refusal of a request was not delivered", "error", err)
	}
}

// Drain ends the subscriptions, each with the cursor to come back with, and lets
// everything else finish. It does not wait.
func (h *Handler) Drain() { h.drain() }

// Close ends all streams and requests, waits for them, and stops the pushing. It
// is idempotent.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.serving.Wait()
	h.work.Wait()
	return nil
}
