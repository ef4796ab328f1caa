package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// Config says where a node keeps its log and where it listens.
type Config struct {
	// Dir is the directory of the log. It is created if missing and locked while
	// the node is open.
	Dir string
	// Listen is an address with a port, by default 127.0.0.1 with any port.
	Listen string
	// TLS makes the node secure: connections are encrypted and callers need a user
	// and a password. Without it every caller is an administrator.
	TLS *TLS
	// Insecure allows Listen to be other than loopback without TLS. Nothing protects
	// the node then but the network around it.
	Insecure bool
	// AdminPassword and OpsPassword are those of the first users, admin and ops,
	// where a node with TLS has none yet; otherwise they are not looked at. Where they
	// are empty the users get the password that everybody knows, on loopback only.
	AdminPassword, OpsPassword string
	// MaxAppendBytes is the limit of one append, as clients count: data, metadata and
	// twice the characters of the type of all its events. 0 stands for 1 MiB; the
	// highest is 16 MiB.
	MaxAppendBytes int
	// MaxAppendEventBytes is the limit of one event; 0 for none but that of the append.
	MaxAppendEventBytes int
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the node's metrics; nil for none.
	Registerer prometheus.Registerer
	// Gatherer is what GET /metrics shows; nil for no such page.
	Gatherer prometheus.Gatherer
}

const (
	// maxMessageBytes is the largest message a client may send, as in EventStoreDB.
	maxMessageBytes = 16<<20 - 10_000
	// maxHeaderBytes bounds the headers of a call.
	maxHeaderBytes = 64 << 10
	// drainTimeout bounds how long Close waits for calls under way. Appends take
	// milliseconds; a reader that does not read may be cut off.
	drainTimeout = 3 * time.Second
	// keepaliveInterval and keepaliveTimeout are those of the clients.
	keepaliveInterval = 10 * time.Second
	keepaliveTimeout  = 10 * time.Second
	// maxCalls bounds the calls of one connection, and with them their buffers.
	maxCalls = 1000
	// callWorkers carry out calls on stacks that have grown already, which a short
	// call would else pay for anew. Calls beyond them get goroutines of their own.
	callWorkers = 64
	// wireBuffer is the size of gRPC's buffers per connection.
	wireBuffer = 128 << 10
)

// tuning holds what tests vary.
type tuning struct {
	filesystem vfs.FS
	tailBytes  int
	batch      time.Duration // see limits
}

func defaultTuning() tuning { return tuning{filesystem: vfs.Default, tailBytes: 16 << 20} }

// Node is a running node. Its methods are safe for concurrent use.
type Node struct {
	logger     *slog.Logger
	store      *store
	committer  *committer
	splitter   *splitter
	grpc       *grpc.Server
	http       *http.Server
	server     *server
	unregister func()
	group      sync.WaitGroup

	certificates *certificates // nil without TLS

	closeOnce sync.Once
	closeErr  error
	closed    chan struct{} // Close has ended

	doneOnce sync.Once
	done     chan struct{} // the node takes no more writes
	mu       sync.Mutex
	cause    error // why done, nil after Close
}

// server carries out the calls of the Streams service.
type server struct {
	streams.UnimplementedStreamsServer
	store     *store
	committer *committer
	metrics   *metrics
	limits    limits
	users     *login.Checker // nil without TLS: everybody is an administrator
	logger    *slog.Logger
	drain     chan struct{} // closed when the node goes down
}

func (s *server) draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}

// accepting refuses appends of a node that is going down or has failed.
func (s *server) accepting() error {
	if s.draining() {
		return errShutdown
	}
	if err := s.committer.failureOr(nil); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	return nil
}

// Open opens the log and serves it. An error is a *domain.Error that names what
// is wrong: a directory in use, damaged, not writable or of a newer format, an
// address that is taken or not loopback.
func Open(config Config) (*Node, error) { return open(config, defaultTuning()) }

func open(config Config, tune tuning) (_ *Node, err error) {
	if config.Logger == nil {
		return nil, errors.New("node: Config.Logger is nil")
	}
	address, err := config.checkListen()
	if err != nil {
		return nil, err
	}
	limits, err := config.checkLimits()
	if err != nil {
		return nil, err
	}
	if tune.batch > 0 {
		limits.batch = tune.batch
	}
	n := &Node{logger: config.Logger, closed: make(chan struct{}), done: make(chan struct{})}
	if config.TLS != nil {
		if n.certificates, err = loadCertificates(*config.TLS, config.Logger); err != nil {
			return nil, err
		}
	}
	listener, err := listen(address)
	if err != nil {
		return nil, err
	}
	metrics := newMetrics()
	// The logger may be called while the store opens, before there is a committer.
	failures := make(chan error, 1)
	fatal := func(err error) {
		select {
		case failures <- err:
		default: // one failure is enough
		}
	}
	var mu sync.Mutex
	n.store, err = openStore(config.Dir, tune.tailBytes, tune.filesystem, pebbleLogger{
		logger: config.Logger,
		fatal:  func(err error) { mu.Lock(); defer mu.Unlock(); fatal(err) },
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	users, err := config.openUsers(address)
	if err != nil {
		return nil, errors.Join(err, n.store.close(), listener.Close())
	}
	if err := bootstrap(n.store); err != nil {
		return nil, errors.Join(err, n.store.close(), listener.Close())
	}
	n.committer = newCommitter(n.store, metrics)
	mu.Lock()
	fatal = n.committer.fail
	mu.Unlock()
	select {
	case err := <-failures:
		n.committer.fail(err)
	default:
	}
	if n.unregister, err = metrics.register(config.Registerer); err != nil {
		return nil, errors.Join(fmt.Errorf("node: register metrics: %w", err), n.store.close(), listener.Close())
	}
	n.server = &server{store: n.store, committer: n.committer, metrics: metrics, limits: limits, users: users, logger: config.Logger, drain: make(chan struct{})}
	metrics.watch(n.store)
	n.serve(listener, config.Gatherer)
	n.logger.Info("event store node is open", "dir", config.Dir, "address", n.Addr(), "tls", config.TLS != nil, "end", n.store.tail.end())
	return n, nil
}

func (n *Node) serve(listener net.Listener, gatherer prometheus.Gatherer) {
	n.splitter = newSplitter(listener)
	if n.certificates != nil {
		n.splitter.tls = n.certificates.config()
	}
	n.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(newCodec()),
		grpc.UnaryInterceptor(n.server.unary),
		grpc.StreamInterceptor(n.server.stream),
		grpc.UnknownServiceHandler(unknownMethod), // behind the interceptor: wrong credentials come first
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.WaitForHandlers(true), // they read from Pebble, which is closed next
		grpc.NumStreamWorkers(callWorkers),
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.ReadBufferSize(wireBuffer),
		grpc.WriteBufferSize(wireBuffer),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveInterval / 4, PermitWithoutStream: true}),
	)
	streams.RegisterStreamsServer(n.grpc, n.server)
	serverfeatures.RegisterServerFeaturesServer(n.grpc, features{})
	gossip.RegisterGossipServer(n.grpc, &gossiper{instance: uuid.New(), addr: listener.Addr()})
	pages := health(func() bool { return n.server.accepting() == nil })
	n.server.admin(pages, gatherer)
	n.http = &http.Server{
		Handler:           pages,
		ReadHeaderTimeout: sniffTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(n.logger.Handler(), slog.LevelDebug),
	}
	n.group.Go(n.committer.run)
	n.group.Go(func() { n.report("gRPC", n.grpc.Serve(n.splitter.grpc)) })
	n.group.Go(func() { n.report("HTTP", n.http.Serve(n.splitter.http)) })
	n.group.Go(func() { n.report("listener", n.splitter.run()) })
	n.group.Go(n.watch)
}

// report ends the node where one of its servers ends by itself.
func (n *Node) report(what string, err error) {
	if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) || n.server.draining() {
		return
	}
	n.committer.fail(fmt.Errorf("%s: %w", what, err))
}

// watch passes a failure of the committer on to Done.
func (n *Node) watch() {
	select {
	case <-n.committer.failed:
		n.logger.Error("event store node takes no more writes", "error", n.committer.failure)
		n.finish(n.committer.failure)
	case <-n.server.drain:
	}
}

func (n *Node) finish(cause error) {
	n.doneOnce.Do(func() {
		n.mu.Lock()
		n.cause = cause
		n.mu.Unlock()
		close(n.done)
	})
}

// Addr is where the node listens, as host:port.
func (n *Node) Addr() string { return n.splitter.listener.Addr().String() }

// ConnectionString is what a client on the same machine connects with. With TLS
// it names the authority that clients must trust, where that is known, and no user:
// add one as esdb://user:password@….
func (n *Node) ConnectionString() string {
	host, port, err := net.SplitHostPort(n.Addr())
	if err != nil { // it is the address of a listener
		return "esdb://" + n.Addr()
	}
	candidates := []string{host}
	switch ip := net.ParseIP(host); {
	case ip.IsUnspecified():
		candidates = []string{"127.0.0.1", "localhost"}
	case ip.IsLoopback() && ip.To4() == nil:
		candidates = []string{"localhost", host} // the Go client cannot read ::1
	case ip.IsLoopback():
		candidates = append(candidates, "localhost")
	}
	if n.certificates == nil {
		return "esdb://" + net.JoinHostPort(candidates[0], port) + "?tls=false"
	}
	connection := "esdb://" + net.JoinHostPort(n.certificates.host(candidates...), port)
	if ca := n.certificates.caFile(); ca != "" {
		connection += "?tlsCAFile=" + strings.ReplaceAll(url.QueryEscape(ca), "%2F", "/")
	}
	return connection
}

// Done is closed when the node takes no more writes: after Close, or when it has
// failed. A failed node still answers reads of what is durable, until Close.
func (n *Node) Done() <-chan struct{} { return n.done }

// Wait blocks until Done and returns why: nil after Close.
func (n *Node) Wait() error {
	<-n.done
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cause
}

// Close drains the node: no new appends, subscriptions end, calls under way are
// answered, and the log is closed. It is idempotent and returns after the end of
// every goroutine.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		defer close(n.closed)
		close(n.server.drain)
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			n.grpc.GracefulStop()
		}()
		deadline := time.NewTimer(drainTimeout)
		defer deadline.Stop()
		select {
		case <-drained:
		case <-deadline.C:
			n.logger.Warn("event store node: calls did not end in time and are cut off", "timeout", drainTimeout)
			n.grpc.Stop()
			<-drained
		}
		n.closeErr = n.splitter.close() // not before: who asks for its health is told until the end
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		n.closeErr = errors.Join(n.closeErr, n.http.Shutdown(ctx))
		n.committer.shutdown()
		n.group.Wait()
		n.unregister()
		n.closeErr = errors.Join(n.closeErr, n.store.close())
		n.finish(nil)
		n.logger.Info("event store node is closed", "end", n.store.tail.end())
	})
	<-n.closed
	return n.closeErr
}
