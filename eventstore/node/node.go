package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// Config says where a node keeps its log and where it listens.
type Config struct {
	// Dir is the directory of the log. It is created if missing and locked while
	// the node is open.
	Dir string
	// Listen is an IPv4 address with a port, by default 127.0.0.1 with any port.
	Listen string
	// AnyAddress allows Listen to be other than loopback. Nothing protects the
	// node then but the network around it.
	AnyAddress bool
	// Logger is required.
	Logger *slog.Logger
	// Registerer receives the node's metrics; nil for none.
	Registerer prometheus.Registerer
}

const (
	// maxMessageBytes is the largest message a client may send.
	maxMessageBytes = 16 << 20
	// drainTimeout bounds how long Close waits for calls under way. Appends take
	// milliseconds; a reader that does not read may be cut off.
	drainTimeout = 3 * time.Second
	// keepaliveInterval and keepaliveTimeout are those of the clients.
	keepaliveInterval = 10 * time.Second
	keepaliveTimeout  = 10 * time.Second
	// maxCalls bounds the calls of one connection, and with them their buffers.
	maxCalls = 1000
	// wireBuffer is the size of gRPC's buffers per connection.
	wireBuffer = 128 << 10
)

// tuning holds what tests vary.
type tuning struct {
	filesystem vfs.FS
	tailBytes  int
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
	listener, err := listen(config.Listen, config.AnyAddress)
	if err != nil {
		return nil, err
	}
	n := &Node{logger: config.Logger, closed: make(chan struct{}), done: make(chan struct{})}
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
	n.server = &server{store: n.store, committer: n.committer, metrics: metrics, drain: make(chan struct{})}
	n.serve(listener)
	n.logger.Info("event store node is open", "dir", config.Dir, "address", n.Addr(), "end", n.store.tail.end())
	return n, nil
}

func (n *Node) serve(listener net.Listener) {
	n.splitter = newSplitter(listener)
	n.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.WaitForHandlers(true), // they read from Pebble, which is closed next
		grpc.MaxConcurrentStreams(maxCalls),
		grpc.ReadBufferSize(wireBuffer),
		grpc.WriteBufferSize(wireBuffer),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveInterval / 4, PermitWithoutStream: true}),
	)
	streams.RegisterStreamsServer(n.grpc, n.server)
	serverfeatures.RegisterServerFeaturesServer(n.grpc, features{})
	n.http = &http.Server{
		Handler:           health(func() bool { return n.server.accepting() == nil }),
		ReadHeaderTimeout: sniffTimeout,
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

// ConnectionString is what a client on the same machine connects with.
func (n *Node) ConnectionString() string {
	address, ok := n.splitter.listener.Addr().(*net.TCPAddr)
	if ok && address.IP.IsUnspecified() {
		return fmt.Sprintf("esdb://127.0.0.1:%d?tls=false", address.Port)
	}
	return "esdb://" + n.Addr() + "?tls=false"
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
		n.closeErr = n.splitter.close()
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
