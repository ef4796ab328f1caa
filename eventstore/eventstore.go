package eventstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
)

// Position is a place in the whole log: the commit position of an event. It is
// opaque but ordered; 0 is before the first event. Positions are valid within
// one log and incarnation only.
type Position uint64

// Start is the position before the first event of the log.
const Start Position = 0

// Expected is the state a stream must be in for an append. There is no "any":
// whoever appends says what they have seen. Its zero value is invalid.
type Expected struct {
	kind     expectedKind
	revision uint64
}

type expectedKind uint8

const (
	expectInvalid expectedKind = iota
	expectNoStream
	expectRevision
)

// NoStream expects that the stream has no event yet.
func NoStream() Expected { return Expected{kind: expectNoStream} }

// At expects that the last event of the stream has this revision.
func At(revision uint64) Expected { return Expected{kind: expectRevision, revision: revision} }

// After expects the stream as it is after count events: NoStream for 0.
func After(count uint64) Expected {
	if count == 0 {
		return NoStream()
	}
	return At(count - 1)
}

// Revision returns the expected revision; ok is false where no stream is expected.
func (e Expected) Revision() (revision uint64, ok bool) {
	return e.revision, e.kind == expectRevision
}

// Valid is false for the zero value.
func (e Expected) Valid() bool { return e.kind != expectInvalid }

// Next is the revision that the first appended event will have.
func (e Expected) Next() uint64 {
	if e.kind == expectRevision {
		return e.revision + 1
	}
	return 0
}

// String is "no stream" or "revision 7".
func (e Expected) String() string {
	switch e.kind {
	case expectNoStream:
		return "no stream"
	case expectRevision:
		return fmt.Sprintf("revision %d", e.revision)
	}
	return "invalid"
}

// Proposed is an event to append. Its id must be set and deterministic: the
// store recognises a repeated append by the ids at the expected positions.
type Proposed struct {
	ID       uuid.UUID
	Type     string
	Data     []byte // JSON
	Metadata []byte // JSON
}

// Recorded is an event as the store keeps it. Data and Metadata belong to the
// receiver. Created is the store's clock and decides nothing in Jeongsan.
type Recorded struct {
	ID       uuid.UUID
	Type     string
	Stream   domain.StreamID
	Revision uint64
	Position Position
	Data     []byte
	Metadata []byte
	Created  time.Time
}

// Appended is the answer to an append: where its last event stands.
type Appended struct {
	Revision uint64
	Position Position
}

// Direction of a read.
type Direction uint8

// Directions.
const (
	Forwards Direction = iota
	Backwards
)

// End, as the start of a read backwards, is the end of the stream.
const End = ^uint64(0)

// Unlimited reads without a limit.
const Unlimited = ^uint64(0)

// Filter selects events of the whole log by prefixes of their stream names. An
// empty filter selects all but system events.
type Filter struct {
	StreamPrefixes []string
}

// Message is one step of a subscription: an event, or a checkpoint, or the note
// that the subscription has reached the end of the log.
type Message struct {
	Event *Recorded // nil for the other two kinds
	// Position is the event's; for a checkpoint the place up to which nothing
	// else matches the filter. It is 0 for CaughtUp. Positions of events and
	// checkpoints never go back within a subscription.
	Position Position
	// CaughtUp says that everything that was in the log has been delivered. It
	// comes again whenever the subscription had fallen behind.
	CaughtUp bool
}

// Subscription delivers the log in order, every matching event once. It belongs
// to one goroutine.
type Subscription interface {
	// Next waits for the next message. When ctx ends it returns an *Error that
	// wraps the context's error, and the subscription stays usable with nothing
	// lost. Any other error ends it: open a new one after the last position seen.
	Next(ctx context.Context) (Message, error)
	// Close releases the subscription. It is idempotent, and the one method that
	// any goroutine may call: a Next that waits returns CodeClosed.
	Close() error
}

// Store is the log. Implementations are safe for concurrent use.
//
// Every method returns errors as *Error. An error of Append with an unknown
// outcome (CodeUnavailable, CodeTimeout, CodeUnknown: see OutcomeUnknown) may
// have taken effect: repeat the identical append until the answer is definite.
// An append is bounded in time even where its context is not. One that was under
// way when the store was closed answers CodeCanceled; CodeClosed is definite.
type Store interface {
	// Append adds all events to one stream, atomically and in order, and returns
	// after they are durable. Repeating an append whose events are already there
	// succeeds and adds nothing. CodeWrongExpected says that the stream is not as
	// expected; CodeTooLarge that the events exceed MaxAppendBytes. At least one
	// event is required. A stream that somebody deleted takes NoStream beside its last
	// revision, and goes on after that; one deleted for good answers CodeStreamDeleted.
	Append(ctx context.Context, stream domain.StreamID, expected Expected, events ...Proposed) (Appended, error)

	// ReadStream yields events of a stream from a revision on, that one included,
	// at most limit of them. Forwards from beyond the last event yields nothing;
	// backwards from there starts at the last. A stream that does not exist, or was
	// deleted, yields CodeStreamNotFound, one deleted for good CodeStreamDeleted; the
	// whole log keeps the events of both. An error is the last thing yielded.
	ReadStream(ctx context.Context, stream domain.StreamID, direction Direction, from, limit uint64) iter.Seq2[Recorded, error]

	// ReadAll yields the events of the whole log after a position (that one
	// excluded), in order, without system events, up to the end of the log as it
	// is when the read gets there.
	ReadAll(ctx context.Context, after Position) iter.Seq2[Recorded, error]

	// LastPosition returns the position of the last event of the log that is not a
	// system event, Start where there is none.
	LastPosition(ctx context.Context) (Position, error)

	// Subscribe follows the log after a position, that one excluded. The context
	// bounds the opening, not the life of the subscription: that ends with Close.
	// A position that lies beyond the end was taken from another log and may be
	// refused with CodeInvalid.
	Subscribe(ctx context.Context, filter Filter, after Position) (Subscription, error)

	// Close ends subscriptions and releases connections. It is idempotent; every
	// method afterwards answers CodeClosed.
	Close() error
}

// MaxAppendBytes is EventStoreDB's limit for one append: data, metadata and two
// bytes per character of the type, summed over its events.
const MaxAppendBytes = 1 << 20

// Size is what an event counts towards MaxAppendBytes.
func (p Proposed) Size() int { return len(p.Data) + len(p.Metadata) + 2*len(p.Type) }

// Code classifies an error of a store.
type Code string

// The codes of Error.
const (
	CodeWrongExpected   Code = "wrong_expected_revision"
	CodeStreamNotFound  Code = "stream_not_found"
	CodeStreamDeleted   Code = "stream_deleted"
	CodeTooLarge        Code = "too_large"
	CodeInvalid         Code = "invalid"
	CodeDenied          Code = "denied"
	CodeUnauthenticated Code = "unauthenticated"
	CodeUnsupported     Code = "unsupported"
	CodeUnavailable     Code = "unavailable"
	CodeTimeout         Code = "timeout"
	CodeCanceled        Code = "canceled"
	CodeClosed          Code = "closed"
	CodeDamaged         Code = "damaged"
	CodeUnknown         Code = "unknown"
)

// Error is the one error type of every store.
type Error struct {
	Code   Code
	Op     string // "append", "read stream", …
	Stream domain.StreamID
	Err    error
}

// Error renders op, stream, code and cause.
func (e *Error) Error() string {
	s := "event store: " + e.Op
	if e.Stream != "" {
		s += " " + string(e.Stream)
	}
	s += ": " + string(e.Code)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in the chain, "" where there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// OutcomeUnknown reports whether a failed append may have taken effect.
func OutcomeUnknown(err error) bool {
	switch CodeOf(err) {
	case CodeUnavailable, CodeTimeout, CodeCanceled, CodeUnknown:
		return true
	}
	return false
}
