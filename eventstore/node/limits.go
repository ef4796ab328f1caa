package node

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/jeongsan/jeongsan/domain"
)

const (
	// defaultAppendBytes and largestAppendBytes are EventStoreDB's default limit of
	// one append and the highest that it can be set to.
	defaultAppendBytes = 1 << 20
	largestAppendBytes = 16 << 20
	// batchTimeout is how long a batch may take, from its first message to its answer,
	// where it does not ask for less.
	batchTimeout = 2 * time.Second
)

// limits bound what one append may be. The zero value stands for the defaults.
type limits struct {
	appendBytes int           // of all its events, as eventSize counts
	eventBytes  int           // of one event; 0 for no limit of its own
	batch       time.Duration // see batchTimeout
}

// checkLimits completes the limits of a node.
func (c Config) checkLimits() (limits, error) {
	if c.MaxAppendBytes < 0 || c.MaxAppendBytes > largestAppendBytes {
		return limits{}, &domain.Error{
			Code: domain.CodeInvalid, Field: "max_append_bytes", Value: strconv.Itoa(c.MaxAppendBytes),
			Message: fmt.Sprintf("the limit of one append must be between 1 and %d bytes", largestAppendBytes),
			Remedy:  fmt.Sprintf("leave it out for the default of %d bytes", defaultAppendBytes),
		}
	}
	if c.MaxAppendEventBytes < 0 {
		return limits{}, &domain.Error{
			Code: domain.CodeInvalid, Field: "max_append_event_bytes", Value: strconv.Itoa(c.MaxAppendEventBytes),
			Message: "the limit of one event must not be negative",
			Remedy:  "leave it out for no limit but that of the append",
		}
	}
	return limits{appendBytes: c.MaxAppendBytes, eventBytes: c.MaxAppendEventBytes}.completed(), nil
}

func (l limits) completed() limits {
	if l.appendBytes == 0 {
		l.appendBytes = defaultAppendBytes
	}
	if l.batch == 0 {
		l.batch = batchTimeout
	}
	return l
}

// check refuses what an append has collected if it is too large. size was its size
// before the newest event, whose record w ends with.
func (l limits) check(w *recordWriter, size int) error {
	if event := w.size - size; l.eventBytes > 0 && event > l.eventBytes {
		rec, err := w.newest()
		if err != nil {
			return err
		}
		id := formatID(rec.id)
		return &refusal{
			status: status.Newf(codes.InvalidArgument, "event %s has %d bytes and exceeds the limit of %d", id, event, l.eventBytes),
			md: metadata.Pairs("exception", "maximum-append-event-size-exceeded",
				"event-id", id, "proposed-append-event-size", strconv.Itoa(event), "maximum-append-event-size", strconv.Itoa(l.eventBytes)),
		}
	}
	if w.size > l.appendBytes {
		return &refusal{
			status:   status.Newf(codes.InvalidArgument, "the append exceeds the limit of %d bytes", l.appendBytes),
			md:       metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(l.appendBytes)),
			tooLarge: true,
		}
	}
	return nil
}
