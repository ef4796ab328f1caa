package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// RetryReport is what became of quarantined records that were sent again.
// Tried = Settled + AlreadySettled + Ignored + Remaining.
type RetryReport struct {
	Source  string `json:"source"`
	Version int    `json:"version"` // of the definition they were read with
	Tried   uint64 `json:"tried"`
	Settled uint64 `json:"settled"`
	// Awaiting is the part of Settled that waits for its original.
	Awaiting uint64 `json:"awaiting,omitempty"`
	// AlreadySettled were settled by another way since; they leave the quarantine.
	AlreadySettled uint64 `json:"already_settled"`
	// Ignored match a rule of the definition now; they leave the quarantine, and the
	// log names the rule.
	Ignored uint64 `json:"ignored"`
	// Remaining could not be settled now either.
	Remaining uint64              `json:"remaining"`
	Faults    []FaultCount        `json:"faults,omitempty"`
	Position  eventstore.Position `json:"position"`
	Seconds   float64             `json:"seconds"`
}

const retryBatch = 500

// Retry reads quarantined records of a source again with its current definition
// and settles what now can be. Errors are as of Ingest; CodeNotFound says that
// the log knows no such source. progress, where not nil, gets the count so far.
func (p *Pipeline) Retry(ctx context.Context, sourceID string, filter Filter, progress func(tried uint64)) (RetryReport, error) {
	start := time.Now()
	report := RetryReport{Source: sourceID}
	q, err := knownSource(ctx, p.config.Store, sourceID)
	if err != nil {
		return report, err
	}
	report.Version = q.state.Version()
	if p.config.Keys == nil {
		return report, &domain.Error{Code: domain.CodeUnavailable, Field: "keys", Message: "quarantined records cannot be read without the keys", Remedy: "run this where the data directory is"}
	}
	if q.definition == "" {
		return report, &domain.Error{Code: domain.CodeNotFound, Field: "source", Value: sourceID, Message: "the source has no definition", Remedy: "ingest with a definition first"}
	}
	d, err := ParseDefinition(fmt.Sprintf("source %s version %d", sourceID, report.Version), []byte(q.definition))
	if err != nil {
		return report, err
	}
	r := &retry{p: p, d: d, report: &report, mapper: newMapper(d), sender: p.sender(sourceID), known: map[string]struct{}{}, tally: newTally(&Report{})}
	filter.Raw = true
	err = r.all(ctx, q.list(ctx, p.config.Store, p.config.Keys, sourceID, filter), progress)
	report.Faults = r.tally.sortedFaults()
	report.Seconds = time.Since(start).Seconds()
	if err == nil {
		err = report.addsUp()
	}
	return report, err
}

// addsUp makes sure that every record tried has one outcome, and every one that
// remains a reason.
func (r *RetryReport) addsUp() error {
	if r.Tried == r.Settled+r.AlreadySettled+r.Ignored+r.Remaining && r.Remaining == reasonsOf(r.Faults) {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeInternal, Field: "counts", Value: fmt.Sprintf("%+v", *r), Message: "the counts of the retry do not add up", Remedy: "report this: nothing is lost",
	}
}

type retry struct {
	p      *Pipeline
	d      *Definition
	report *RetryReport
	mapper *mapper
	sender *sender
	known  map[string]struct{}
	tally  *tally
}

func (r *retry) all(ctx context.Context, entries func(func(Entry, error) bool), progress func(uint64)) error {
	var chunk []Entry
	size := 0
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		err := r.chunk(ctx, chunk)
		chunk, size = chunk[:0], 0
		if progress != nil {
			progress(r.report.Tried)
		}
		return err
	}
	for entry, err := range entries {
		if err != nil {
			return err
		}
		chunk, size = append(chunk, entry), size+len(entry.Raw)
		if len(chunk) == retryBatch || size >= mostQuarantineBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (r *retry) chunk(ctx context.Context, entries []Entry) error {
	items := make([]item, len(entries))
	for i := range entries {
		items[i] = r.read(&entries[i])
	}
	if r.d.register != nil {
		if _, err := r.sender.send(ctx, newParties(r.d, r.sender, r.known, items)); err != nil {
			return err
		}
	}
	var asked []int
	var requests []command.Request
	for i := range items {
		it := &items[i]
		if it.ignored != "" || it.fault != nil {
			continue
		}
		request := r.sender.request(it.command(r.d.policy), it.number)
		request.Meta.Delivery = entries[i].Delivery
		asked, requests = append(asked, i), append(requests, request)
	}
	if err := r.p.config.Throttle.Admit(ctx, len(requests)); err != nil {
		return stopped(ctx)
	}
	replies, err := r.sender.send(ctx, requests)
	if err != nil {
		return err
	}
	releases, err := r.answers(entries, items, asked, replies)
	if err != nil {
		return err
	}
	for i := range items {
		r.report.Tried++
		switch {
		case items[i].ignored != "":
			r.report.Ignored++
			releases = append(releases, r.releaseOf(&entries[i], source.ReleaseQuarantine{Ignored: items[i].ignored, Version: r.report.Version}))
		case items[i].fault != nil:
			r.report.Remaining++
			r.tally.fault(entries[i].Offset, entries[i].Delivery, items[i].fault)
		}
	}
	return r.release(ctx, releases)
}

// read decodes and maps an entry with the current definition.
func (r *retry) read(entry *Entry) item {
	it := item{number: entry.Offset, id: entry.Record}
	if entry.Erased {
		it.fault = &domain.Error{Code: domain.CodeNotFound, Field: "raw", Message: "the record was erased with the key of its source"}
		return it
	}
	reader, err := r.d.format.Open(strings.NewReader(entry.Raw))
	if err == nil {
		record, nextErr := reader.Next()
		if nextErr == nil {
			id := entry.Record
			if _, nameless := rawKey(id); nameless {
				id = ""
			}
			it = r.mapper.again(record, id)
			it.number = entry.Offset
			return it
		}
		err = nextErr
	}
	var fault *domain.Error
	if errors.Is(err, io.EOF) || !errors.As(err, &fault) {
		fault = &domain.Error{Code: domain.CodeMalformed, Message: "the record cannot be read with the current definition", Remedy: "compare the definition's format with the raw record"}
	}
	it.fault = fault
	return it
}

func (r *retry) answers(entries []Entry, items []item, asked []int, replies []command.Reply) ([]command.Request, error) {
	var releases []command.Request
	var position eventstore.Position
	fresh := 0
	for j, i := range asked {
		reply := &replies[j]
		if reply.Err != nil {
			fault, err := faultOf(items[i].id, reply.Err)
			if err != nil {
				return nil, err
			}
			items[i].fault = fault
			continue
		}
		if reply.Outcome == command.Applied {
			r.report.Settled++
			fresh++
			if reply.Awaiting {
				r.report.Awaiting++
			}
		} else {
			r.report.AlreadySettled++
		}
		position = max(position, reply.Position)
		releases = append(releases, r.releaseOf(&entries[i], source.ReleaseQuarantine{Settled: reply.Ref}))
	}
	r.p.config.Throttle.Acknowledged(position, fresh)
	r.report.Position = max(r.report.Position, position)
	return releases, nil
}

// releaseOf is the request to note what became of an entry.
func (r *retry) releaseOf(entry *Entry, release source.ReleaseQuarantine) command.Request {
	release.Source, release.Record, release.ContentHash = r.d.Source, entry.Record, entry.hash
	request := r.sender.request(release, entry.Offset)
	request.Meta.Delivery = entry.Delivery
	return request
}

func (r *retry) release(ctx context.Context, requests []command.Request) error {
	replies, err := r.sender.send(ctx, requests)
	if err != nil {
		return err
	}
	for _, reply := range replies {
		// Another retry may have been faster: what it released is not there any more.
		if reply.Err != nil && domain.CodeOf(reply.Err) != domain.CodeNotFound {
			return reply.Err
		}
		r.report.Position = max(r.report.Position, reply.Position)
	}
	return nil
}
