package eventstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
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
	Incarnation int       `json:"incarnation"` // 1 at first, then above the last one: see NextIncarnation
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

// incarnationEpoch is from when on seconds number incarnations: 31 bits, all that a
// token has room for, last until 2094.
var incarnationEpoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Identify reads the identity of the log, and starts a log that has none. Any
// number of processes may do so at once: exactly one start is appended and all
// see the same identity. It retries an unknown outcome a few times and then
// returns the store's error.
func Identify(ctx context.Context, store Store) (Identity, error) {
	first := Identity{LogID: uuid.New(), Incarnation: 1}
	proposed, err := first.proposed()
	if err != nil {
		return Identity{}, err
	}
	return insist(ctx, func() (Identity, error) {
		identity, _, err := readIdentity(ctx, store)
		if CodeOf(err) == CodeStreamNotFound {
			_, err = store.Append(ctx, IdentityStream, NoStream(), proposed)
			identity = first
		}
		return identity, err
	})
}

// NextIncarnation begins the next incarnation of a log that was restored or copied
// to another store, and returns it: positions are others from now on, and whatever
// is kept beside the log notices. A log without an identity gives
// CodeStreamNotFound. It retries an unknown outcome a few times, and begins no
// second incarnation by that.
//
// The number is that of the seconds since 2026 where that is above the last one.
// Two logs that were restored from one backup, one after the other, would else be
// the same incarnation and hold different events.
func NextIncarnation(ctx context.Context, store Store) (Identity, error) {
	var revision uint64
	next, err := insist(ctx, func() (identity Identity, err error) {
		identity, revision, err = readIdentity(ctx, store)
		return identity, err
	})
	if err != nil {
		return Identity{}, err
	}
	next.Incarnation = max(next.Incarnation+1, int(time.Since(incarnationEpoch)/time.Second))
	proposed, err := next.proposed()
	if err != nil {
		return Identity{}, err
	}
	return insist(ctx, func() (Identity, error) {
		_, err := store.Append(ctx, IdentityStream, At(revision), proposed)
		return next, err
	})
}

// insist repeats what fails in a way that may pass.
func insist(ctx context.Context, try func() (Identity, error)) (Identity, error) {
	for attempt := 1; ; attempt++ {
		identity, err := try()
		if err == nil {
			return identity, nil
		}
		again := CodeOf(err) == CodeWrongExpected || OutcomeUnknown(err)
		if !again || attempt == identifyAttempts {
			return Identity{}, err
		}
		select {
		case <-ctx.Done():
			return Identity{}, errors.Join(ctx.Err(), err)
		case <-time.After(time.Duration(attempt) * identifyPause):
		}
	}
}

// proposed is the event that begins an incarnation. Its id follows from the
// identity, so that it is recognised when it is appended again.
func (i Identity) proposed() (Proposed, error) {
	start := LogStarted(i)
	data, err := Encode(start)
	if err != nil {
		return Proposed{}, err
	}
	meta, err := Meta{Actor: "system", Authenticated: "none", RecordedAt: time.Now().UTC().Truncate(time.Microsecond)}.Encode()
	if err != nil {
		return Proposed{}, err
	}
	id := EventID(IdentityStream, strconv.Itoa(i.Incarnation), data)
	return Proposed{ID: id, Type: start.EventType(), Data: data, Metadata: meta}, nil
}

// readIdentity returns the latest incarnation, and the revision of its event.
func readIdentity(ctx context.Context, store Store) (Identity, uint64, error) {
	for r, err := range store.ReadStream(ctx, IdentityStream, Backwards, End, 1) {
		if err != nil {
			return Identity{}, 0, err
		}
		event, err := Decode(r)
		if err != nil {
			return Identity{}, 0, err
		}
		started, ok := event.(LogStarted)
		if !ok || started.LogID == uuid.Nil || started.Incarnation < 1 {
			return Identity{}, 0, &domain.Error{
				Code: domain.CodeInvalid, Field: "stream", Value: string(IdentityStream), Message: "the log does not say which log it is",
				Remedy: "point at a log that Jeongsan started, or at an empty one",
			}
		}
		return Identity(started), r.Revision, nil
	}
	return Identity{}, 0, &Error{Code: CodeStreamNotFound, Op: "read stream", Stream: IdentityStream}
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
