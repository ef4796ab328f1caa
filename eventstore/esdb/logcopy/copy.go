package logcopy

import (
	"context"
	"iter"
	"log/slog"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

// Phase is a part of the work.
type Phase string

// Phases, in their order.
const (
	Comparing Phase = "comparing" // with what the target holds already
	Copying   Phase = "copying"
	Proving   Phase = "proving"
)

// Progress says how far a phase is.
type Progress struct {
	Phase Phase
	// Events and Bytes of data and metadata that the phase has dealt with.
	Events, Bytes uint64
	// Done of Size positions of the source have been passed.
	Done, Size uint64
}

// Options of a copy.
type Options struct {
	// Progress is called after each event or append, from one goroutine. It must be
	// quick; nil for none.
	Progress func(Progress)
	// Logger is required.
	Logger *slog.Logger
}

// Report says what a copy did.
type Report struct {
	// Present is how many events the target held from an interrupted copy.
	Present uint64 `json:"present"`
	// Copied is how many events were written, and Bytes their data and metadata.
	Copied uint64 `json:"copied"`
	Bytes  uint64 `json:"bytes"`
	// Grown says that the source went on after the point where the copy ended: the
	// target is not complete and no incarnation was begun.
	Grown bool `json:"grown,omitempty"`
	// Incarnation is the one that the target began; 0 where the log is not Jeongsan's
	// or the source has grown.
	Incarnation int   `json:"incarnation,omitempty"`
	Proof       Proof `json:"proof"`
}

// Copy carries what the source holds when it begins over to the target, which must
// be empty or hold the beginning of the same log; then it proves the copy and, where
// the source has not grown meanwhile, begins a new incarnation of the log.
//
// Errors are *domain.Error for stores that do not fit together (CodeConflict: a
// target with other events, a source without some), and *eventstore.Error for
// stores that fail. A copy that was interrupted is continued by calling it again.
// A proof with differences is a result, not an error.
func Copy(ctx context.Context, from, to *esdb.Store, options Options) (Report, error) {
	c, err := newCarrier(ctx, from, to, options)
	if err != nil {
		return Report{}, err
	}
	finished, err := c.compare(ctx)
	if err != nil {
		return c.report, err
	}
	if err := c.carry(ctx, finished); err != nil {
		return c.report, err
	}
	if c.report.Proof, err = c.prove(ctx); err != nil || !c.report.Proof.Equal() {
		return c.report, err
	}
	if c.report.Grown, err = c.grown(ctx); err != nil || c.report.Grown {
		return c.report, err
	}
	c.report.Incarnation, err = c.incarnate(ctx, finished)
	return c.report, err
}

// Verify proves a copy that was made, and writes nothing. The target may have gone
// on since as a log of its own.
func Verify(ctx context.Context, from, to *esdb.Store, options Options) (Proof, error) {
	c, err := newCarrier(ctx, from, to, options)
	if err != nil {
		return Proof{}, err
	}
	return c.prove(ctx)
}

// carrier is one copy at work.
type carrier struct {
	source, target log
	progress       func(Progress)
	end            *esdb.Raw // the last event of the source when the copy began; nil where it is empty
	identity       uint64    // number of identity events in the source
	reached        *esdb.Raw // the last event of the source that the target holds
	report         Report
}

func newCarrier(ctx context.Context, from, to *esdb.Store, options Options) (*carrier, error) {
	c := &carrier{
		source: log{from, "source", options.Logger}, target: log{to, "target", options.Logger}, progress: options.Progress,
	}
	if c.progress == nil {
		c.progress = func(Progress) {}
	}
	// Both are asked before anything is read, so that what is wrong shows at once.
	if _, _, err := c.target.last(ctx); err != nil {
		return nil, &StoreError{Target: true, Err: err}
	}
	end, ok, err := c.source.last(ctx)
	if err != nil {
		return nil, &StoreError{Err: err}
	}
	if ok {
		c.end = &end
	}
	started, ok, err := c.source.newest(ctx, eventstore.IdentityStream)
	if err != nil {
		return nil, err
	}
	if ok {
		c.identity = started.Revision + 1
	}
	return c, nil
}

// StoreError is an error of one of the two stores before anything was done.
type StoreError struct {
	Target bool // else the source
	Err    error
}

// Error names the store and the cause.
func (e *StoreError) Error() string {
	if e.Target {
		return "target: " + e.Err.Error()
	}
	return "source: " + e.Err.Error()
}

// Unwrap returns the store's own error.
func (e *StoreError) Unwrap() error { return e.Err }

// wanted yields the events of the source that are carried, after one of them, up to
// the end where the copy began. leftOut is told of the others; nil for nobody.
func (c *carrier) wanted(ctx context.Context, last *esdb.Raw, leftOut func(esdb.Raw)) iter.Seq2[esdb.Raw, error] {
	return func(yield func(esdb.Raw, error) bool) {
		if c.end == nil {
			return
		}
		for e, err := range c.source.events(ctx, last) {
			if err == nil && c.end.Before(e) {
				return
			}
			if err == nil && !carried(e.Stream) {
				if leftOut != nil {
					leftOut(e)
				}
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// held yields the events of the target that came from a copy. finished is set where
// the target has begun an incarnation of its own, which ends them.
func (c *carrier) held(ctx context.Context, finished *bool) iter.Seq2[esdb.Raw, error] {
	return func(yield func(esdb.Raw, error) bool) {
		for e, err := range c.target.events(ctx, nil) {
			if err == nil && c.identity > 0 && e.Stream == eventstore.IdentityStream && e.Revision >= c.identity {
				*finished = true
				return
			}
			if err == nil && !carried(e.Stream) {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// compare walks over both logs up to the end of what the target holds. Anything
// there that is not the beginning of the source's log is refused.
func (c *carrier) compare(ctx context.Context) (finished bool, err error) {
	next, stop := iter.Pull2(c.wanted(ctx, nil, nil))
	defer stop()
	var s, reached esdb.Raw
	bytes, pending := uint64(0), false
	for t, err := range c.held(ctx, &finished) {
		if err != nil {
			return false, err
		}
		if !pending {
			if s, err, pending = next(); err != nil {
				return false, err
			}
			if !pending {
				return false, foreign(t, "where the source has ended")
			}
		}
		if t.Stream == s.Stream && t.Revision < s.Revision && isMetadata(t.Stream) {
			continue // a filling for metadata that the source has no longer
		}
		if !same(s, t) {
			return false, foreign(t, "where the source has "+describe(s))
		}
		pending = false
		reached = s
		c.reached = &reached
		c.report.Present++
		bytes += uint64(len(s.Data) + len(s.Metadata))
		c.progress(Progress{Phase: Comparing, Events: c.report.Present, Bytes: bytes, Done: uint64(s.Position), Size: uint64(c.end.Position)})
	}
	return finished, nil
}

// carry writes what the target lacks.
func (c *carrier) carry(ctx context.Context, finished bool) error {
	w := writer{target: c.target, written: func(events []esdb.Raw) {
		for i := range events {
			c.report.Bytes += uint64(len(events[i].Data) + len(events[i].Metadata))
		}
		c.report.Copied += uint64(len(events))
		c.progress(Progress{
			Phase: Copying, Events: c.report.Copied, Bytes: c.report.Bytes,
			Done: uint64(events[len(events)-1].Position), Size: uint64(c.end.Position),
		})
	}}
	for e, err := range c.wanted(ctx, c.reached, nil) {
		if err != nil {
			return err
		}
		if finished {
			return &domain.Error{
				Code: domain.CodeConflict, Field: "to", Value: describe(e),
				Message: "the copy was finished and the target has begun its own incarnation of the log, but the source has gone on since",
				Remedy:  "copy into an empty store, after whatever writes to the source has stopped",
			}
		}
		if err := w.put(ctx, e); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// grown reports whether the source has events to carry behind the end of the copy.
func (c *carrier) grown(ctx context.Context) (bool, error) {
	for e, err := range c.source.events(ctx, c.end) {
		if err != nil {
			return false, err
		}
		if carried(e.Stream) {
			return true, nil
		}
	}
	return false, nil
}

// incarnate begins the next incarnation of a log of Jeongsan's in the target, and
// returns its number; 0 for other logs.
func (c *carrier) incarnate(ctx context.Context, finished bool) (int, error) {
	if c.identity == 0 {
		return 0, nil
	}
	begin := eventstore.NextIncarnation
	if finished {
		begin = eventstore.Identify
	}
	identity, err := begin(ctx, c.target)
	return identity.Incarnation, err
}

func foreign(t esdb.Raw, why string) error {
	return &domain.Error{
		Code: domain.CodeConflict, Field: "to", Value: describe(t),
		Message: "the target holds this event " + why + ", so it is no beginning of the same log",
		Remedy:  "copy into an empty store",
	}
}
