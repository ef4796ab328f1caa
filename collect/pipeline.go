package collect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
)

// Config is what a pipeline works with. Door and Store are required.
type Config struct {
	Door  command.Door
	Store eventstore.Store // to read what a source has in quarantine
	// Keys unseal quarantined records; only Retry needs them.
	Keys keyring.Keys
	// Throttle is Unlimited where nil.
	Throttle Throttle
	Logger   *slog.Logger
	// Meta goes into the metadata of every event; Actor is "source:<id>" and
	// Authenticated "none" where empty.
	Meta eventstore.Meta
	// Batch is how many records settle together, 2000 where 0.
	Batch int
	// Patience is how long a door that does not answer definitely is asked again,
	// 2 minutes where 0.
	Patience time.Duration
	// Jitter gives a pause before a door is asked again, from a half of its argument
	// to all of it; at random where nil.
	Jitter func(time.Duration) time.Duration
}

const (
	defaultBatch    = 2000
	defaultPatience = 2 * time.Minute
)

// Pipeline settles deliveries. It is safe for concurrent use.
type Pipeline struct {
	config Config
}

// NewPipeline returns a pipeline.
func NewPipeline(c Config) *Pipeline {
	if c.Throttle == nil {
		c.Throttle = Unlimited{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Batch <= 0 {
		c.Batch = defaultBatch
	}
	if c.Patience <= 0 {
		c.Patience = defaultPatience
	}
	if c.Jitter == nil {
		c.Jitter = func(pause time.Duration) time.Duration { return pause/2 + rand.N(pause/2+1) }
	}
	if c.Meta.Authenticated == "" {
		c.Meta.Authenticated = "none"
	}
	return &Pipeline{config: c}
}

// Ingest reads a delivery of a source and gives every record its outcome. The
// report is filled as far as it came, also beside an error:
//
//   - CodeMalformed: the delivery is broken and was refused whole; nothing of it
//     settled.
//   - CodeUnavailable, CodeOutcomeUnknown: stopped on the way; run it again.
//   - CodeInternal: a fault of the program, counts that do not add up included.
//
// progress, where not nil, is called from the calling goroutine.
func (p *Pipeline) Ingest(ctx context.Context, d *Definition, delivery *Delivery, progress func(Progress)) (Report, error) {
	start := time.Now()
	if progress == nil {
		progress = func(Progress) {}
	}
	report := Report{Source: d.Source, Name: delivery.Name, Bytes: delivery.Size}
	r := &run{
		p: p, d: d, delivery: delivery, report: &report, tally: newTally(&report), sender: p.sender(d.Source),
		known: map[string]struct{}{}, logger: p.config.Logger.With("source", d.Source, "delivery", delivery.Name),
		progress: func(phase string, bytes int64, records uint64) {
			progress(Progress{Phase: phase, Bytes: bytes, Total: delivery.Size, Records: records, Elapsed: time.Since(start)})
		},
	}
	err := r.ingest(ctx)
	report.Seconds = time.Since(start).Seconds()
	return report, err
}

// run is one ingest.
type run struct {
	p        *Pipeline
	d        *Definition
	delivery *Delivery
	report   *Report
	tally    *tally
	sender   *sender
	ledger   *quarantineState
	known    map[string]struct{} // parties registered by this run
	changed  bool                // something took effect
	replayed []domain.Ref        // what the last replay of each batch was first
	logger   *slog.Logger
	progress func(phase string, bytes int64, records uint64)
}

func (r *run) ingest(ctx context.Context) error {
	found, err := r.d.check(ctx, r.delivery, func(bytes int64, records uint64) { r.progress(PhaseCheck, bytes, records) })
	r.report.Delivery, r.report.Warnings = found.hash, found.warnings
	r.sender.meta.Delivery = found.hash
	if err != nil && domain.CodeOf(err) != domain.CodeMalformed {
		return err
	}
	for _, warning := range found.warnings {
		r.logger.Warn(warning)
	}
	refusal := err
	if err := r.begin(ctx); err != nil {
		return errors.Join(refusal, err)
	}
	if refusal != nil {
		return r.refuse(ctx, found, refusal)
	}
	if err := r.settle(ctx); err != nil {
		// The counts stand as they are: they say how far it came.
		return errors.Join(err, r.tally.close(r.report.Counts.Read))
	}
	if err := r.tally.close(found.records); err != nil {
		return err
	}
	if !r.changed && !r.sender.uncertain {
		if unfinished, err := r.unfinished(ctx); err != nil || !unfinished {
			return err
		}
	}
	return r.close(ctx)
}

// unfinished reports whether an earlier run of the same delivery was stopped after
// its last settlement and before it noted the delivery. Another delivery of the
// same records leaves no trace.
func (r *run) unfinished(ctx context.Context) (bool, error) {
	if _, noted := r.ledger.noted[r.report.Delivery]; noted {
		return false, nil
	}
	for _, ref := range slices.Backward(r.replayed) {
		for recorded, err := range r.p.config.Store.ReadStream(ctx, ref.Stream, eventstore.Forwards, ref.Revision, 1) {
			if err != nil {
				return false, unreadableLog(ctx, r.d.Source, err)
			}
			meta, err := eventstore.DecodeMeta(recorded)
			if err != nil || meta.Delivery == r.report.Delivery {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// begin defines the source and learns what it has in quarantine.
func (r *run) begin(ctx context.Context) error {
	state, err := readQuarantine(ctx, r.p.config.Store, r.d.Source)
	if err != nil {
		return err
	}
	if err := r.d.keepsIdentity(state); err != nil {
		return err
	}
	if _, err := r.sender.one(ctx, source.DefineSource{Source: r.d.Source, Definition: r.d.Text}); err != nil {
		return err
	}
	if state.definition != r.d.Text {
		if state, err = readQuarantine(ctx, r.p.config.Store, r.d.Source); err != nil {
			return err
		}
	}
	r.ledger, r.report.Version = state, state.state.Version()
	return nil
}

// keepsIdentity refuses a definition that knows records by another identity than
// the one under which records of the source have settled: sent again, they would
// settle a second time.
func (d *Definition) keepsIdentity(known *quarantineState) error {
	if !known.settled || known.definition == d.Text {
		return nil
	}
	before, err := ParseDefinition(fmt.Sprintf("source %s version %d", d.Source, known.state.Version()), []byte(known.definition))
	if err != nil {
		return err
	}
	if before.identity.text == d.identity.text {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "identity", Value: d.identity.text,
		Message: "records of the source have settled under " + before.identity.text + "; sent again, they would settle twice",
		Remedy:  "keep the identity, or declare a source with another id for records that are new",
	}
}

// refuse counts all records of a broken delivery as refused and notes it.
func (r *run) refuse(ctx context.Context, found checked, refusal error) error {
	r.report.Counts = source.Counts{Read: found.records, Refused: found.records}
	r.report.Unmapped = found.records
	r.logger.Warn("delivery refused", "records", found.records, "error", refusal)
	return errors.Join(refusal, r.close(ctx))
}

// close notes the delivery in the log.
func (r *run) close(ctx context.Context) error {
	reply, err := r.sender.one(ctx, source.CloseDelivery{
		Source: r.d.Source, Delivery: r.report.Delivery, Name: r.report.Name, Bytes: r.report.Bytes,
		Version: r.report.Version, Counts: r.report.Counts, Totals: r.report.Totals,
	})
	r.reached(reply.Position)
	return err
}

func (r *run) reached(position eventstore.Position) {
	r.report.Position = max(r.report.Position, position)
}

// settle reads the delivery again: one goroutine decodes and maps ahead, this
// one settles batch by batch, in order.
func (r *run) settle(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	feed := newFeed(ctx, r.d, r.delivery, r.p.config.Batch)
	defer feed.wait()
	defer cancel()
	for {
		b, err := feed.next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			return r.unchanged(feed.hash)
		}
		if err := r.batch(ctx, b); err != nil {
			return err
		}
		r.progress(PhaseSettle, b.bytes, r.report.Counts.Read)
		feed.recycle(b)
	}
}

// unchanged makes sure that what settled is what was checked.
func (r *run) unchanged(hash string) error {
	if hash == r.report.Delivery {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "delivery", Value: r.delivery.Name, Message: "the file changed while it was read",
		Remedy: "ingest it again once nobody writes to it: what has settled is recognised",
	}
}
