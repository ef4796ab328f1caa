package restatement

import (
	"context"
	"errors"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// Config says what is rated again, and from what log.
type Config struct {
	Store eventstore.Store
	Scope rerating.Scope
	// Draft stands in place of its schedule; nil is none. Nothing can be posted of one.
	Draft *fee.Document
	// Progress is told from time to time how many of so many events were read; it may
	// be nil.
	Progress func(done, size uint64)
}

// sendAtOnce is how many corrections go through the door in one call.
const sendAtOnce = 128

// Preview computes without posting and calls each for every settlement that would
// stand otherwise, in business order; each may be nil.
func Preview(ctx context.Context, config Config, each func(*rerating.Change) error) (*rerating.Summary, error) {
	w, err := config.open(ctx, 1)
	if err != nil {
		return nil, err
	}
	return w.rate(each)
}

// Outcome is what a run came to.
type Outcome struct {
	rerating.Summary
	Posted  uint64 `json:"posted"`  // corrections, by this run
	Already uint64 `json:"already"` // that had been posted under the same key
	// Overtaken are corrections that the book refused, as the transaction has been
	// given back, reversed or restated since it was read.
	Overtaken uint64 `json:"overtaken"`
	// Meanwhile is how many events of others the book got while the run went on.
	Meanwhile uint64 `json:"meanwhile"`
}

// Run posts the corrections of a scope. each is called for every settlement that
// would stand otherwise before anything is posted; it may be nil. Where a settlement
// cannot be rated nothing is posted and the error is CodeInvalid, with the faults in
// the outcome. The outcome is complete as far as the run came, whatever the error.
func Run(ctx context.Context, config Config, door command.Door, meta eventstore.Meta, operation rerating.Operation, each func(*rerating.Change) error) (*Outcome, error) {
	if config.Draft != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "draft", Value: config.Draft.Schedule, Message: "what a draft would have made cannot be posted", Remedy: "publish it first"}
	}
	if err := operation.Check(); err != nil {
		return nil, err
	}
	w, err := config.open(ctx, 2)
	if err != nil {
		return nil, err
	}
	summary, err := w.rate(each)
	if err != nil {
		return nil, err
	}
	made := &Outcome{Summary: *summary}
	switch {
	case summary.Failed > 0:
		return made, &domain.Error{
			Code: domain.CodeInvalid, Field: "settlements", Value: strconv.FormatUint(summary.Failed, 10), Message: "some settlements cannot be rated again, so nothing is posted",
			Remedy: "publish a version that can rate them, or choose another period or contract", Err: summary.Faults[0].Err,
		}
	case summary.Changed > 0:
		err = w.post(door, meta, &operation, made)
	}
	count, countErr := w.log.count()
	if countErr == nil {
		made.Meanwhile = count - w.log.end - min(made.Posted, count-w.log.end)
	}
	return made, errors.Join(err, countErr)
}

// work is one run over a book up to its end.
type work struct {
	ctx    context.Context
	config *Config
	log    *bookLog
	terms  *rerating.Reference
	done   uint64
	size   uint64
}

// open reads the terms and finds the end of the book, which is to be rated so many
// times.
func (c *Config) open(ctx context.Context, times uint64) (*work, error) {
	if err := c.Scope.Check(); err != nil {
		return nil, err
	}
	w := &work{ctx: ctx, config: c}
	var err error
	if w.log, err = openLog(ctx, c.Store, c.Scope.Book, w.step); err != nil {
		return nil, err
	}
	if w.terms, err = readTerms(ctx, c.Store, c.Draft); err != nil {
		return nil, err
	}
	if id := c.Scope.Contract; id != "" && !w.terms.Names(c.Scope.Book, id) {
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "contract", Value: id, Message: "book " + c.Scope.Book + " has no such contract", Remedy: "check both ids, or leave the contract out"}
	}
	if c.Draft != nil && w.terms.Uses(c.Scope.Book, c.Draft.Schedule) == 0 {
		return nil, &domain.Error{
			Code: domain.CodeNotFound, Field: "schedule", Value: c.Draft.Schedule, Message: "no contract of book " + c.Scope.Book + " uses the schedule of the draft",
			Remedy: "give the draft the id of the schedule that it is to replace",
		}
	}
	w.size = times * (2 + 1) * w.log.end // read twice, and each settlement once more
	return w, nil
}

// step counts an event. Progress is not told of each.
func (w *work) step() {
	if w.done++; w.config.Progress != nil && w.done%pageEvents == 0 {
		w.config.Progress(min(w.done, w.size), w.size)
	}
}

func (w *work) rate(each func(*rerating.Change) error) (*rerating.Summary, error) {
	if each == nil {
		each = func(*rerating.Change) error { return nil }
	}
	return rerating.Rate(w.config.Scope, w.log, w.terms, each)
}

// post computes again and sends what differs.
func (w *work) post(door command.Door, meta eventstore.Meta, operation *rerating.Operation, made *Outcome) error {
	requests := make([]command.Request, 0, sendAtOnce)
	send := func() error {
		defer func() { requests = requests[:0] }()
		var faults error
		for i, reply := range door.Do(w.ctx, requests...) {
			switch {
			case reply.Err == nil && reply.Outcome == command.Replayed:
				made.Already++
			case reply.Err == nil:
				made.Posted++
			case domain.CodeOf(reply.Err) == domain.CodeConflict:
				made.Overtaken++
			case faults == nil:
				adjustment, _ := requests[i].Command.(book.PostAdjustment)
				faults = &domain.Error{
					Code: domain.CodeOf(reply.Err), Field: "adjustment", Value: adjustment.ExternalID, Message: "the run has stopped at a correction that was not taken",
					Remedy: "mend the cause, then run it again: it goes on where it stopped", Err: reply.Err,
				}
			}
		}
		return faults
	}
	_, err := w.rate(func(c *rerating.Change) error {
		request, err := operation.Command(w.config.Scope.Book, c)
		if err != nil {
			return err
		}
		requests = append(requests, command.Request{Command: request, Meta: meta})
		if len(requests) < sendAtOnce {
			return w.ctx.Err()
		}
		return send()
	})
	if err == nil && len(requests) > 0 {
		err = send()
	}
	return err
}
