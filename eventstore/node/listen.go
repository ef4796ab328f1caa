package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jeongsan/jeongsan/domain"
)

// defaultListen lets the system choose a port.
const defaultListen = "127.0.0.1:0"

// listen opens the node's port. Without TLS and authentication only loopback
// addresses are allowed, unless the configuration says otherwise.
func listen(address string, anyAddress bool) (net.Listener, error) {
	if address == "" {
		address = defaultListen
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address, Err: err,
			Message: "not an address", Remedy: "write it as 127.0.0.1:2113"}
	}
	resolved, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address, Err: err,
			Message: "not an IPv4 address", Remedy: "write it as 127.0.0.1:2113"}
	}
	if !resolved.IP.IsLoopback() && !anyAddress {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address,
			Message: "the event store node has no authentication and must not be reachable from outside",
			Remedy:  "listen on 127.0.0.1, or allow any address where the network itself is protected"}
	}
	if host == "" {
		resolved.IP = net.IPv4zero
	}
	listener, err := net.ListenTCP("tcp4", resolved)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeUnavailable, Field: "listen", Value: address, Err: err,
			Message: "the port cannot be opened", Remedy: "stop what uses it or choose another, 0 for any"}
	}
	return listener, nil
}

// preface is how every HTTP/2 connection without TLS begins; no method of
// HTTP/1.1 does.
const preface = "PRI "

// sniffTimeout bounds how long a connection may stay silent at first.
const sniffTimeout = 10 * time.Second

// splitter serves gRPC and plain HTTP on one port. It looks at the first bytes of
// a connection and hands it, untouched, to one of two listeners, so that gRPC
// keeps its own transport.
type splitter struct {
	listener net.Listener
	grpc     *handover
	http     *handover

	mu       sync.Mutex
	sniffing map[net.Conn]struct{}
	closed   bool
	group    sync.WaitGroup
}

func newSplitter(listener net.Listener) *splitter {
	return &splitter{
		listener: listener,
		grpc:     newHandover(listener.Addr()), http: newHandover(listener.Addr()),
		sniffing: make(map[net.Conn]struct{}),
	}
}

// acceptPause is how long no connection is accepted where the system has no room
// for one more.
const acceptPause = 100 * time.Millisecond

// run accepts connections until close.
func (s *splitter) run() error {
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case exhausted(err):
			select {
			case <-time.After(acceptPause):
			case <-s.http.done:
			}
			continue
		case err != nil:
			return fmt.Errorf("accept a connection: %w", err)
		}
		if s.track(conn) {
			s.group.Go(func() { s.sniff(conn) })
		}
	}
}

// exhausted reports whether a connection was not accepted for want of something
// that others will give back: it is no reason to stop.
func exhausted(err error) bool {
	for _, want := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

func (s *splitter) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		discard(conn)
		return false
	}
	s.sniffing[conn] = struct{}{}
	return true
}

func (s *splitter) untrack(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sniffing, conn)
}

func (s *splitter) sniff(conn net.Conn) {
	defer s.untrack(conn)
	first := make([]byte, len(preface))
	if err := conn.SetReadDeadline(time.Now().Add(sniffTimeout)); err != nil {
		discard(conn)
		return
	}
	if _, err := io.ReadFull(conn, first); err != nil {
		discard(conn)
		return
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		discard(conn)
		return
	}
	target := s.http
	if string(first) == preface {
		target = s.grpc
	}
	target.give(&sniffed{Conn: conn, first: first})
}

// close stops accepting and drops connections that have not said anything yet.
func (s *splitter) close() error {
	s.mu.Lock()
	s.closed = true
	for conn := range s.sniffing {
		discard(conn)
	}
	s.mu.Unlock()
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	closeErr := errors.Join(s.grpc.Close(), s.http.Close())
	s.group.Wait()
	return errors.Join(err, closeErr)
}

// discard closes a connection that is of no more use; how that goes changes nothing.
func discard(conn net.Conn) { _ = conn.Close() }

// sniffed is a connection whose first bytes were read already.
type sniffed struct {
	net.Conn
	first []byte
}

func (c *sniffed) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// handover is a listener that is given its connections.
type handover struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newHandover(addr net.Addr) *handover {
	return &handover{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handover) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.done:
		discard(conn)
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return h.addr }

// health answers /health/live: 204, or the code that the query's liveCode names,
// while the node takes writes; 503 otherwise.
func health(live func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health/live", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if !live() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		code := http.StatusNoContent
		if asked, err := strconv.Atoi(r.URL.Query().Get("liveCode")); err == nil && asked >= 200 && asked <= 599 {
			code = asked
		}
		w.WriteHeader(code)
	})
	return mux
}
