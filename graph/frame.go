package graph

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/gorilla/websocket"
)

// frames reads the bytes of a WebSocket client and looks at the headers of its
// frames on the way. Where a message is about to become longer than the limit,
// the reader is given a closing frame (1009, message too big) in its place, as if
// the client had sent it, and then the end: the server answers it with the same
// code and closes, and nothing of the message is ever held.
//
// The WebSocket library has such a limit, and the GraphQL transport above it does
// not let it be set. frames belongs to the one goroutine that reads.
type frames struct {
	net.Conn
	most int64 // bytes of one message

	header  []byte // of the frame that comes next, as far as it has come
	pending []byte // read, checked, and not yet taken
	payload int64  // of the frame under way, still to come
	message int64  // of the message under way, in the frames so far
	over    bool
}

const (
	finalFrame    = 0x80
	controlFrame  = 0x08
	continuation  = 0x00
	opcodeOf      = 0x0f
	lengthOf      = 0x7f
	shortLength   = 126 // a length of two bytes follows
	longLength    = 127 // of eight
	maskKeyLength = 4
)

// Read implements io.Reader.
func (f *frames) Read(b []byte) (int, error) {
	for len(b) > 0 && len(f.pending) == 0 && f.payload == 0 {
		if f.over {
			return 0, io.EOF
		}
		if err := f.readHeader(); err != nil {
			return 0, err
		}
	}
	if len(f.pending) > 0 {
		n := copy(b, f.pending)
		f.pending = f.pending[n:]
		return n, nil
	}
	n, err := f.Conn.Read(b[:min(int64(len(b)), f.payload)])
	f.payload -= int64(n)
	return n, err
}

// readHeader reads the header of the next frame and judges it. A deadline may
// pass in the middle of it: what has come is kept.
func (f *frames) readHeader() error {
	for {
		want, length := measureFrame(f.header)
		if missing := want - len(f.header); missing > 0 {
			var more [14]byte
			n, err := f.Conn.Read(more[:missing])
			if f.header = append(f.header, more[:n]...); err != nil {
				return err
			}
			continue
		}
		f.pending, f.header = f.header, nil
		first := f.pending[0]
		if first&controlFrame != 0 {
			f.payload = max(length, 0) // at most 125 bytes, or the library refuses it
			return nil
		}
		if first&opcodeOf != continuation {
			f.message = 0
		}
		// Compared without adding: a length may be near the largest there is.
		if length < 0 || length > f.most-f.message {
			f.over, f.pending = true, closingFrame()
			return nil
		}
		f.message += length
		f.payload = length
		return nil
	}
}

// measureFrame returns how long a header is and the length of the payload, as far
// as its bytes tell. A payload of more than 63 bits is negative.
func measureFrame(header []byte) (want int, length int64) {
	if len(header) < 2 {
		return 2, 0
	}
	want = 2
	if header[1]&finalFrame != 0 { // masked, as all frames of clients must be
		want += maskKeyLength
	}
	switch length = int64(header[1] & lengthOf); length {
	case shortLength:
		want += 2
		if len(header) >= want {
			length = int64(binary.BigEndian.Uint16(header[2:]))
		}
	case longLength:
		want += 8
		if len(header) >= want {
			length = int64(binary.BigEndian.Uint64(header[2:])) //nolint:gosec // negative where too long: refused
		}
	}
	return want, length
}

// closingFrame is a frame as a client would send it, under the mask 0.
func closingFrame() []byte {
	reason := websocket.FormatCloseMessage(websocket.CloseMessageTooBig, "")
	frame := []byte{finalFrame | websocket.CloseMessage, finalFrame | byte(len(reason)), 0, 0, 0, 0}
	return append(frame, reason...)
}
