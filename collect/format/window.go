package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain"
)

const firstWindow = 256 << 10

// Window is a sliding view of a stream that grows up to one record. It belongs
// to one goroutine.
type Window struct {
	source     io.Reader
	buf        []byte
	start, end int
	offset     uint64 // of buf[start] in the stream
	eof        bool
	records    uint64
}

// NewWindow reads from source. A UTF-8 byte order mark at the start is passed
// over; the marks of UTF-16 and UTF-32 are refused.
func NewWindow(source io.Reader) (*Window, error) {
	w := &Window{source: source, buf: make([]byte, firstWindow)}
	for w.end < 4 && !w.eof {
		if err := w.Fill(); err != nil {
			return nil, err
		}
	}
	head := w.Bytes()
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		w.Skip(3)
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return nil, Malformed("encoding", "", "the delivery is UTF-16, not UTF-8", "convert it to UTF-8")
	}
	return w, nil
}

// Bytes is what has been read and not yet skipped, valid until Fill.
func (w *Window) Bytes() []byte { return w.buf[w.start:w.end] }

// AtEnd reports whether the stream holds nothing beyond Bytes.
func (w *Window) AtEnd() bool { return w.eof }

// Skip passes over n bytes.
func (w *Window) Skip(n int) {
	w.start += n
	w.offset += uint64(n)
}

// Fill reads more; Bytes is longer afterwards, or AtEnd is true.
func (w *Window) Fill() error {
	if w.start > 0 {
		w.end = copy(w.buf, w.buf[w.start:w.end])
		w.start = 0
	}
	if w.end == len(w.buf) {
		if len(w.buf) > MaxRecordBytes {
			return w.tooLong(w.records + 1)
		}
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	empty := 0
	for w.end < len(w.buf) {
		n, err := w.source.Read(w.buf[w.end:])
		w.end += n
		switch {
		case errors.Is(err, io.EOF):
			w.eof = true
			return nil
		case err != nil:
			return err
		case n > 0:
			empty = 0
		default:
			if empty++; empty == 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// Count numbers the next record and refuses its raw bytes where they are not
// UTF-8 or too many.
func (w *Window) Count(raw []byte) (uint64, error) {
	w.records++
	if len(raw) > MaxRecordBytes {
		return 0, w.tooLong(w.records)
	}
	if !utf8.Valid(raw) {
		at := 0
		for at < len(raw) {
			r, size := utf8.DecodeRune(raw[at:])
			if r == utf8.RuneError && size <= 1 {
				break
			}
			at += size
		}
		return 0, Malformed("record", strconv.FormatUint(w.records, 10),
			fmt.Sprintf("the delivery is not UTF-8: byte %d of it", w.offset+uint64(at)+1),
			"convert it to UTF-8; files from older systems are often EUC-KR or Windows-1252")
	}
	return w.records, nil
}

// CutOff is the fault of a delivery that ends inside a record.
func (w *Window) CutOff(message string) error {
	return Malformed("record", strconv.FormatUint(w.records+1, 10), message, "the file was cut off: ask for it again, whole")
}

func (w *Window) tooLong(record uint64) *domain.Error {
	return Malformed("record", strconv.FormatUint(record, 10), fmt.Sprintf("the record is longer than %d bytes", MaxRecordBytes),
		"look for an opening quote without its closing one, or for a wrong format in the source definition")
}
