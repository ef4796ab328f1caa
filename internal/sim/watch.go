package sim

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// sayings are what of the language of schedules shows in events, and by which text.
var sayings = []struct{ what, text string }{
	{"rated by the second engine", `"engine":2`}, {"refunded as the sale was rated", `"rate":"pro_rata `}, {"refunded without what is kept", `"rate":"kept"`},
	{"refunded on full alone", `"rate":"on_full"`}, {"capped over a window", `"bound":"maximum `}, {"crossed an edge", `"rate":"marginal `},
	{"counted over days", `"days":`}, {"counted with an attribute", `grade=small","before"`}, {"charged for a refund", `"exact":"-`},
	{"split", `"rounding":"largest `}, {"parameters overridden", `"parameters":{"limit.KRW"`},
	{"held", `"into":"payable","on":"2026-`}, {"taken of what was held", `"change":"-`}, {"held until a business day", `"calendars":{`},
	{"a window was opened", `"closes":"`}, {"an entry of a window went the other way", `"opposite":true`},
	{"converted", `"conversions":[`}, {"a window began after its contract", `"periods":[],"postings":[]`}, {"restored", `"restores":{`}, {"came when something waited", `"awaited":{`}, {"a refund waited", `"refund":{`}, {"a reversal waited", `"reversal":{`},
}

// follow shows the auditor what is new in the log.
func (s *simulation) follow() error {
	for r, err := range s.store.ReadAll(context.Background(), eventstore.Position(s.auditor.Position())) {
		if err != nil {
			return err
		}
		s.known++
		s.happened.count(r.Type)
		for _, said := range sayings {
			if bytes.Contains(r.Data, []byte(said.text)) {
				s.happened.count(said.what)
			}
		}
		fmt.Fprintf(s.hash, "%d %s %s\n", r.Position, r.ID, r.Data)
		err := s.auditor.Take(auditor.Event{Stream: string(r.Stream), Revision: r.Revision, Position: uint64(r.Position), Type: r.Type, Data: r.Data, Metadata: r.Metadata})
		if err != nil {
			return err
		}
	}
	s.result.Events = s.known
	return s.readSide.err()
}

// heard shows the auditor what a caller was answered.
func (s *simulation) heard(c *call) error {
	for i := range c.replies {
		if s.options.Answer != nil {
			s.options.Answer(c.requests[i].Command, &c.replies[i])
		}
		reply := c.replies[i]
		answer := auditor.Answer{Asked: c.asked, Ref: auditor.Ref{Stream: string(reply.Ref.Stream), Revision: reply.Ref.Revision}, Position: uint64(reply.Position), Replayed: reply.Outcome == command.Replayed, Awaiting: reply.Awaiting}
		switch sent := c.requests[i].Command.(type) {
		case book.SettleTransaction:
			answer.Source, answer.Record, answer.Hash = sent.Transaction.Source, sent.Transaction.ExternalID, sent.Transaction.ContentHash
		case book.ReverseEntry:
			answer.Source, answer.Record, answer.Hash = sent.Source, sent.ExternalID, sent.ContentHash
		case book.PostAdjustment:
			answer.Source, answer.Record, answer.Hash = sent.Source, sent.ExternalID, sent.ContentHash
		}
		if code := domain.CodeOf(reply.Err); code == domain.CodeInternal {
			return fmt.Errorf("the door failed on %+v: %w", c.requests[i].Command, reply.Err)
		} else if reply.Err != nil {
			answer.Refused = string(code)
			s.happened.count("refused: " + string(code))
		}
		if isUndecided(reply.Err) {
			continue
		}
		if to, advances := c.requests[i].Command.(book.AdvanceBusinessDate); advances {
			if err := s.auditor.Advanced(auditor.Advance{Book: to.Book, Date: string(to.Date)}, answer); err != nil {
				return err
			}
			continue
		}
		if answer.Source == "" {
			if err := s.auditor.Acknowledged(answer); err != nil {
				return fmt.Errorf("%+v: %w", c.requests[i].Command, err)
			}
			continue
		}
		if err := s.auditor.Answered(answer); err != nil {
			return err
		}
	}
	return nil
}

// note writes a line of the trace.
func (s *simulation) note(format string, arguments ...any) {
	line := fmt.Sprintf("%5d  ", s.gate.now()) + fmt.Sprintf(format, arguments...)
	fmt.Fprintln(s.hash, line)
	s.result.Trace = append(s.result.Trace, line)
	if len(s.result.Trace) > 2*traceLines && !s.options.Whole {
		s.result.Trace = append(s.result.Trace[:0], s.result.Trace[traceLines:]...)
	}
}

// tally counts what happens. It is safe for concurrent use, and hears of appends
// as the product's own metrics do.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

var _ command.Observer = (*tally)(nil)

func (t *tally) count(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[what]++
}

// Appended implements command.Observer.
func (t *tally) Appended(string, int, time.Duration) {}

// Retried implements command.Observer.
func (t *tally) Retried(category, cause string) { t.count(category + ": an append was " + cause) }
