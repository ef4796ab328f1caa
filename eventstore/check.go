package eventstore

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
)

// CheckAppend refuses an append that no store could take: CodeInvalid for a
// stream, expectation or event that is not one, CodeTooLarge above MaxAppendBytes.
// Every Store calls it first, so that all refuse alike.
func CheckAppend(stream domain.StreamID, expected Expected, events []Proposed) error {
	const op = "append"
	if err := checkStream(op, stream); err != nil {
		return err
	}
	if !expected.Valid() {
		return invalid(op, stream, "no expected revision; say NoStream, At or After")
	}
	if revision, ok := expected.Revision(); ok && revision > math.MaxInt64 {
		return invalid(op, stream, fmt.Sprintf("expected revision %d does not exist; revisions end at %d", revision, int64(math.MaxInt64)))
	}
	if len(events) == 0 {
		return invalid(op, stream, "no events; an append needs at least one")
	}
	size := 0
	for i := range events {
		event := &events[i]
		if event.ID == uuid.Nil {
			return invalid(op, stream, fmt.Sprintf("event %d of %d has no id; a repeated append could not be recognised", i+1, len(events)))
		}
		if event.Type == "" {
			return invalid(op, stream, fmt.Sprintf("event %d of %d has no type", i+1, len(events)))
		}
		size += event.Size()
	}
	if size > MaxAppendBytes {
		return &Error{Code: CodeTooLarge, Op: op, Stream: stream, Err: fmt.Errorf(
			"%d events of %d bytes in all, the limit is %d; append fewer at a time", len(events), size, MaxAppendBytes)}
	}
	return nil
}

// CheckRead refuses a read of a stream that has no meaning: a stream without a
// name, or a read forwards from End.
func CheckRead(stream domain.StreamID, direction Direction, from uint64) error {
	const op = "read stream"
	if stream == "" {
		return invalid(op, stream, "the stream has no name")
	}
	if direction != Backwards && from == End {
		return invalid(op, stream, "a read forwards from the end; End is a start for reads backwards")
	}
	return nil
}

// System reports whether a stream belongs to the store itself. Such streams are
// never written by Jeongsan, and reads of the whole log leave them out.
func System(stream domain.StreamID) bool { return strings.HasPrefix(string(stream), "$") }

func checkStream(op string, stream domain.StreamID) error {
	switch {
	case stream == "":
		return invalid(op, stream, "the stream has no name")
	case System(stream):
		return invalid(op, stream, "streams beginning with '$' belong to the store")
	}
	return nil
}

func invalid(op string, stream domain.StreamID, why string) error {
	return &Error{Code: CodeInvalid, Op: op, Stream: stream, Err: errors.New(why)}
}
