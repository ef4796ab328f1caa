package graph

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// stream is the connection of a subscription. A peer that stops reading is cut
// off when one write takes too long, so that nothing waits for it for ever; it
// may come back with its cursor. Writes of messages and of keep-alives, which
// come from two goroutines, are kept apart.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // for one write

	mu     sync.Mutex
	closed bool
}

var errStreamClosed = errors.New("the stream is closed")

func newStream(w http.ResponseWriter, timeout time.Duration) *stream {
	return &stream{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
}

// Write writes within the time limit.
func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errStreamClosed
	}
	if err := s.limit(); err != nil {
		return 0, err
	}
	return s.ResponseWriter.Write(b)
}

// Flush sends what was written, within the time limit. A connection that is gone
// shows at the next write and by the end of the request's context.
func (s *stream) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.limit() != nil {
		return
	}
	if s.control.Flush() != nil {
		s.closed = true
	}
}

func (s *stream) limit() error {
	err := s.control.SetWriteDeadline(time.Now().Add(s.timeout))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // a recorder in a test
	}
	return err
}

// Hijack hands the connection over to WebSocket, whose messages are bounded as
// the bodies of other requests are.
func (s *stream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := s.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &frames{Conn: &timedConn{conn, s.timeout}, most: longestBody}, buffered, nil
}

// close ends the stream: the server takes the connection back.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// timedConn limits the time of each write.
type timedConn struct {
	net.Conn
	timeout time.Duration
}

func (c *timedConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
