package eventstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
)

// IdentityStream holds the log's identity; its first event is the first of the log.
const IdentityStream domain.StreamID = "log-identity"

// LogStarted begins an incarnation of a log: the first when the log is new, the
// next after a restore or a copy to another store.
type LogStarted struct {
	LogID       uuid.UUID `json:"log_id"`
	Incarnation int       `json:"incarnation"` // from 1
}

// EventType implements domain.Event.
func (LogStarted) EventType() string { return "LogStarted.v1" }

// Identity tells logs apart. Positions, and all that is kept beside the log, are
// valid within one identity only.
type Identity struct {
	LogID       uuid.UUID
	Incarnation int
}

// String is "<log id>/<incarnation>".
func (i Identity) String() string { return fmt.Sprintf("%s/%d", i.LogID, i.Incarnation) }

const (
	identifyAttempts = 8
	identifyPause    = 50 * time.Millisecond
)

// Identify reads the identity of the log, and starts a log that has none. Any
// number of processes may do so at once: exactly one start is appended and all
// see the same identity. It retries an unknown outcome a few times and then
// returns the store's error.
func Identify(ctx context.Context, store Store) (Identity, error) {
	start := LogStarted{LogID: uuid.New(), Incarnation: 1}
	data, err := Encode(start)
	if err != nil {
		return Identity{}, err
	}
	meta, err := Meta{Actor: "system", Authenticated: "none", RecordedAt: time.Now().UTC().Truncate(time.Microsecond)}.Encode()
	if err != nil {
		return Identity{}, err
	}
	proposed := Proposed{ID: EventID(IdentityStream, "1", data), Type: start.EventType(), Data: data, Metadata: meta}
	for attempt := 1; ; attempt++ {
		identity, err := readIdentity(ctx, store)
		if CodeOf(err) == CodeStreamNotFound {
			_, err = store.Append(ctx, IdentityStream, NoStream(), proposed)
			if err == nil {
				return Identity(start), nil
			}
		}
		again := CodeOf(err) == CodeWrongExpected || OutcomeUnknown(err)
		if err == nil || !again || attempt == identifyAttempts {
			return identity, err
		}
		select {
		case <-ctx.Done():
			return Identity{}, errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(attempt) * identifyPause):
		}
	}
}

// readIdentity returns the latest incarnation.
func readIdentity(ctx context.Context, store Store) (Identity, error) {
	for r, err := range store.ReadStream(ctx, IdentityStream, Backwards, End, 1) {
		if err != nil {
			return Identity{}, err
		}
		event, err := Decode(r)
		if err != nil {
			return Identity{}, err
		}
		started, ok := event.(LogStarted)
		if !ok || started.LogID == uuid.Nil || started.Incarnation < 1 {
			return Identity{}, &domain.Error{
				Code: domain.CodeInvalid, Field: "stream", Value: string(IdentityStream), Message: "the log does not say which log it is",
				Remedy: "point at a log that Jeongsan started, or at an empty one",
			}
		}
		return Identity(started), nil
	}
	return Identity{}, &Error{Code: CodeStreamNotFound, Op: "read stream", Stream: IdentityStream}
}

// eventNamespace is the name space of event ids; it is frozen.
var eventNamespace = uuid.MustParse("6f0a3a55-2a0c-5e5e-9d6f-6a656f6e6773")

// EventID derives the id of an event from its stream, the key of the command
// that led to it, and its data. A store compares ids, not content: with the data
// in the id, a writer that decided differently is told so, and one that repeats
// itself is recognised.
func EventID(stream domain.StreamID, commandKey string, data []byte) uuid.UUID {
	hash := sha256.Sum256(data)
	name := make([]byte, 0, 192)
	name = append(name, stream...)
	name = append(name, 0)
	name = append(name, commandKey...)
	name = append(name, 0)
	name = append(name, hash[:]...)
	return uuid.NewSHA1(eventNamespace, name)
}
