package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// Check reports what is wrong with the address and the certificate, before anything
// is opened. Open does the same.
func (c Config) Check() error {
	_, err := c.checkListen()
	if err == nil && c.TLS != nil {
		_, err = loadCertificates(*c.TLS, slog.New(slog.DiscardHandler))
	}
	return err
}

// checkListen refuses what must not be served: an address that others can reach,
// without TLS and without having said so.
func (c Config) checkListen() (*net.TCPAddr, error) {
	address := c.Listen
	if address == "" {
		address = defaultListen
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address, Err: err,
			Message: "not an address", Remedy: "write it as 127.0.0.1:2113"}
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address, Err: err,
			Message: "not an address of this machine", Remedy: "write it as 127.0.0.1:2113, 0.0.0.0:2113 or [::1]:2113"}
	}
	if host == "" {
		resolved.IP = net.IPv4zero
	}
	switch {
	case c.TLS != nil && c.Insecure:
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "insecure", Message: "contradicts a certificate",
			Remedy: "leave --insecure out, or the certificate"}
	case c.TLS == nil && !c.Insecure && !resolved.IP.IsLoopback():
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "listen", Value: address,
			Message: "without TLS the event store node asks nobody for a password and stays on loopback",
			Remedy:  "make a certificate with jeongsan node certs and give --tls-cert and --tls-key, listen on 127.0.0.1, or say --insecure where the network itself is protected"}
	}
	return resolved, nil
}

// listen opens the node's port.
func listen(address *net.TCPAddr) (net.Listener, error) {
	network := "tcp" // :: takes IPv4 as well
	if address.IP.To4() != nil {
		network = "tcp4" // 0.0.0.0 takes nothing else
	}
	listener, err := net.ListenTCP(network, address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeUnavailable, Field: "listen", Value: address.String(), Err: err,
			Message: "the port cannot be opened", Remedy: "stop what uses it or choose another, 0 for any"}
	}
	return listener, nil
}

// preface is how every HTTP/2 connection begins; no method of HTTP/1.1 does.
const preface = "PRI "

// sniffTimeout bounds how long a connection may stay silent at first.
const sniffTimeout = 10 * time.Second

// splitter serves gRPC and plain HTTP on one port. It looks at the first bytes of
// a connection, after TLS where there is TLS, and hands it, untouched, to one of two
// listeners, so that gRPC keeps its own transport.
type splitter struct {
	listener net.Listener
	tls      *tls.Config // nil without TLS; set before run
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
	inner, first, err := s.begin(conn)
	if err != nil {
		discard(conn) // whoever said nothing, or nothing that makes sense, gets no answer
		return
	}
	target := s.http
	if string(first) == preface {
		target = s.grpc
	}
	target.give(&sniffed{Conn: inner, first: first})
}

// begin shakes hands where there is TLS and reads the first bytes.
func (s *splitter) begin(conn net.Conn) (_ net.Conn, first []byte, err error) {
	if err := conn.SetDeadline(time.Now().Add(sniffTimeout)); err != nil {
		return nil, nil, err
	}
	if s.tls != nil {
		encrypted := tls.Server(conn, s.tls)
		if err := encrypted.HandshakeContext(context.Background()); err != nil {
			return nil, nil, err
		}
		conn = encrypted
	}
	first = make([]byte, len(preface))
	if _, err := io.ReadFull(conn, first); err != nil {
		return nil, nil, err
	}
	return conn, first, conn.SetDeadline(time.Time{})
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
func health(live func() bool) *http.ServeMux {
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
