package logcopy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

const (
	metadataPrefix = "$$"
	typeTombstone  = "$streamDeleted"
	// lastRevision is the revision of a tombstone, and as the revision before which
	// a stream is truncated it says that the stream is deleted.
	lastRevision = uint64(math.MaxInt64)

	// attempts is how often something is tried before a store counts as lost, and
	// pause the time between two tries, which grows up to that many times.
	attempts = 12
	pause    = 100 * time.Millisecond
)

// metadataOf returns the user stream whose metadata a stream holds.
func metadataOf(stream domain.StreamID) (domain.StreamID, bool) {
	name, ok := strings.CutPrefix(string(stream), metadataPrefix)
	return domain.StreamID(name), ok && !eventstore.System(domain.StreamID(name))
}

func isMetadata(stream domain.StreamID) bool {
	_, ok := metadataOf(stream)
	return ok
}

// carried reports whether the events of a stream are part of a copy.
func carried(stream domain.StreamID) bool { return !eventstore.System(stream) || isMetadata(stream) }

func isTombstone(e esdb.Raw) bool { return e.Type == typeTombstone && e.Revision == lastRevision }

// same reports whether two events are the same but for what a store chooses itself.
func same(a, b esdb.Raw) bool {
	if a.Stream != b.Stream || a.Revision != b.Revision || a.Type != b.Type {
		return false
	}
	switch {
	case isTombstone(a):
		return true
	case isMetadata(a.Stream):
		return bytes.Equal(canonical(a.Data), canonical(b.Data))
	}
	return a.ID == b.ID && a.JSON == b.JSON && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Metadata, b.Metadata)
}

// canonical is a JSON document with its keys in order and without white space, and
// anything else as it is.
func canonical(data []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return data
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return data
	}
	text, err := json.Marshal(document)
	if err != nil {
		return data
	}
	return text
}

// deletion is the content of the metadata that deletes a stream.
var deletion = canonical([]byte(`{"$tb":9223372036854775807}`))

func isDeletion(e esdb.Raw) bool { return bytes.Equal(canonical(e.Data), deletion) }

// log is one of the two stores.
type log struct {
	*esdb.Store
	name   string
	logger *slog.Logger
}

// events yields the events after one of them, up to the end of the log as it is
// when the read gets there; a connection that breaks is taken up where it broke.
func (l log) events(ctx context.Context, last *esdb.Raw) iter.Seq2[esdb.Raw, error] {
	return func(yield func(esdb.Raw, error) bool) {
		var seen esdb.Raw
		for failures := 0; ; failures++ {
			var broken error
			for e, err := range l.RawAll(ctx, last) {
				if err != nil {
					broken = err
					break
				}
				if !yield(e, nil) {
					return
				}
				seen, failures = e, 0
				last = &seen
			}
			if broken == nil {
				return
			}
			if err := l.again(ctx, failures+1, broken); err != nil {
				yield(esdb.Raw{}, err)
				return
			}
		}
	}
}

// retry runs something until it succeeds, or fails in a way that will not change.
func (l log) retry(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		if err := l.again(ctx, n, err); err != nil {
			return err
		}
	}
}

// again waits before the next of some tries; it returns the error where there is
// to be none.
func (l log) again(ctx context.Context, tried int, failure error) error {
	if !eventstore.OutcomeUnknown(failure) || tried >= attempts || ctx.Err() != nil {
		return failure
	}
	l.logger.Warn("the event store does not answer; trying again", "store", l.name, "error", failure)
	timer := time.NewTimer(time.Duration(tried) * pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), failure)
	}
}

// newest returns the last readable event of a stream.
func (l log) newest(ctx context.Context, stream domain.StreamID) (event eventstore.Recorded, ok bool, err error) {
	err = l.retry(ctx, func() error {
		for e, err := range l.ReadStream(ctx, stream, eventstore.Backwards, eventstore.End, 1) {
			if err != nil {
				return err
			}
			event, ok = e, true
		}
		return nil
	})
	if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
		return eventstore.Recorded{}, false, nil
	}
	return event, ok, err
}

// last returns the last event of the whole log, the store's own included.
func (l log) last(ctx context.Context) (event esdb.Raw, ok bool, err error) {
	err = l.retry(ctx, func() (err error) {
		event, ok, err = l.RawLast(ctx)
		return err
	})
	return event, ok, err
}
