package collect

import (
	"context"
	"errors"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/source"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// batch settles one batch and gives every record its outcome.
func (r *run) batch(ctx context.Context, b *batch) error {
	if err := r.register(ctx, b); err != nil {
		return err
	}
	var asked []int
	var requests []command.Request
	for i := range b.items {
		it := &b.items[i]
		if it.ignored == "" && it.fault == nil {
			asked = append(asked, i)
			requests = append(requests, r.sender.request(it.command(r.d.policy), it.number))
		}
	}
	var replies []command.Reply
	if len(requests) > 0 {
		if err := r.p.config.Throttle.Admit(ctx, len(requests)); err != nil {
			return stopped(ctx)
		}
		var err error
		if replies, err = r.sender.send(ctx, requests); err != nil {
			return err
		}
	}
	released, err := r.answers(b, asked, replies)
	if err != nil {
		return err
	}
	if err := r.quarantine(ctx, b); err != nil {
		return err
	}
	for i := range b.items {
		if it := &b.items[i]; it.ignored != "" {
			r.tally.add(it, ignored)
			released = append(released, r.ledger.resolves(it, b.record(i), source.ReleaseQuarantine{Source: r.d.Source, Ignored: it.ignored, Version: r.report.Version})...)
		}
	}
	return r.release(ctx, released)
}

// answers counts what has settled and notes faults at the other items.
func (r *run) answers(b *batch, asked []int, replies []command.Reply) ([]source.ReleaseQuarantine, error) {
	var released []source.ReleaseQuarantine
	var position eventstore.Position
	var replay *domain.Ref
	fresh := 0
	for j, i := range asked {
		it, reply := &b.items[i], &replies[j]
		if reply.Err != nil {
			fault, err := faultOf(it.id, reply.Err)
			if err != nil {
				return nil, err
			}
			it.fault = fault
			continue
		}
		what := replayed
		if reply.Outcome == command.Applied {
			what = settled
			fresh++
			r.changed = true
			r.tally.detail(it, reply)
		} else {
			replay = &reply.Ref
		}
		position = max(position, reply.Position)
		r.tally.add(it, what)
		released = append(released, r.ledger.resolves(it, b.record(i), source.ReleaseQuarantine{Source: r.d.Source, Settled: reply.Ref})...)
	}
	if replay != nil {
		r.replayed = append(r.replayed, *replay)
	}
	r.p.config.Throttle.Acknowledged(position, fresh)
	r.reached(position)
	return released, nil
}

// faultOf returns why the ledger refused a record. A fault of the program is no
// reason to quarantine: it is returned as the error.
func faultOf(record string, err error) (*domain.Error, error) {
	var fault *domain.Error
	if errors.As(err, &fault) && fault.Code != domain.CodeInternal {
		return fault, nil
	}
	return nil, &domain.Error{
		Code: domain.CodeInternal, Field: "record", Value: record, Message: "the ledger failed on a record", Remedy: "nothing of it took effect; report this and run it again", Err: err,
	}
}

const (
	mostQuarantine      = 2000    // records in one call of the door
	mostQuarantineBytes = 4 << 20 // raw bytes in one call of the door
)

// quarantine brings the items that did not settle into the log.
func (r *run) quarantine(ctx context.Context, b *batch) error {
	var requests []command.Request
	var items []*item
	size := 0
	flush := func() error {
		replies, err := r.sender.send(ctx, requests)
		if err != nil {
			return err
		}
		for j, reply := range replies {
			if reply.Err != nil {
				return &domain.Error{Code: domain.CodeInternal, Field: "record", Value: items[j].id, Message: "a record could not be quarantined", Remedy: "report this and run it again: nothing is lost", Err: reply.Err}
			}
			r.reached(reply.Position)
			r.tally.fault(items[j].number, "", items[j].fault)
			if reply.Outcome == command.Applied {
				r.changed = true
				r.tally.add(items[j], quarantined)
			} else {
				r.report.StillQuarantined++
				r.tally.add(items[j], replayed)
			}
		}
		requests, items, size = nil, nil, 0
		return nil
	}
	for i := range b.items {
		it := &b.items[i]
		if it.fault == nil {
			continue
		}
		raw := b.alone(i)
		items, size = append(items, it), size+len(raw)
		requests = append(requests, r.sender.request(quarantineOf(r.d.Source, r.report.Delivery, it, raw), it.number))
		if len(items) == mostQuarantine || size >= mostQuarantineBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(items) == 0 {
		return nil
	}
	return flush()
}

// quarantineOf is the command that keeps an item. Its reason carries no value of
// the record, which may be personal.
func quarantineOf(sourceID, delivery string, it *item, raw []byte) source.QuarantineRecord {
	c := source.QuarantineRecord{
		Source: sourceID, Record: it.id, ContentHash: it.hash, Delivery: delivery, Offset: it.number,
		Code: it.fault.Code, Field: it.fault.Field, Reason: clip(it.fault.Message), Raw: raw,
	}
	if it.mapped {
		amount := it.amount
		c.Currency, c.Amount = it.currency, &amount
	}
	return c
}

// clip keeps a reason within what the log takes.
func clip(s string) string {
	const longest = 480
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}

func (r *run) release(ctx context.Context, releases []source.ReleaseQuarantine) error {
	if len(releases) == 0 {
		return nil
	}
	requests := make([]command.Request, len(releases))
	for i, c := range releases {
		requests[i] = r.sender.request(c, 0)
	}
	replies, err := r.sender.send(ctx, requests)
	if err != nil {
		return err
	}
	for i, reply := range replies {
		// Another run may have been faster: what it released is not there any more.
		if reply.Err != nil && domain.CodeOf(reply.Err) != domain.CodeNotFound {
			return &domain.Error{Code: domain.CodeInternal, Field: "record", Value: releases[i].Record, Message: "a record that is done with could not leave the quarantine", Remedy: "report this and run it again", Err: reply.Err}
		}
		r.reached(reply.Position)
		if reply.Err == nil && reply.Outcome == command.Applied {
			r.changed = true
			r.report.Released++
		}
	}
	return nil
}

const mostKnown = 1 << 20

// register registers the parties that a batch names for the first time in this
// run. A party that is there already, whatever its content, is fine; one that
// cannot be registered shows when its transaction is refused.
func (r *run) register(ctx context.Context, b *batch) error {
	if r.d.register == nil {
		return nil
	}
	requests := newParties(r.d, r.sender, r.known, b.items)
	if len(requests) == 0 {
		return nil
	}
	replies, err := r.sender.send(ctx, requests)
	if err != nil {
		return err
	}
	for _, reply := range replies {
		r.reached(reply.Position)
		r.changed = r.changed || reply.Err == nil && reply.Outcome == command.Applied
	}
	return nil
}

func newParties(d *Definition, s *sender, known map[string]struct{}, items []item) []command.Request {
	var requests []command.Request
	for i := range items {
		it := &items[i]
		if it.ignored != "" || it.fault != nil {
			continue
		}
		for _, role := range d.roles {
			id := it.transaction.Parties[role]
			if _, seen := known[id]; seen || id == "" {
				continue
			}
			if len(known) >= mostKnown {
				clear(known)
			}
			known[id] = struct{}{}
			requests = append(requests, s.request(party.RegisterParty{Party: id, Kind: d.register[role]}, it.number))
		}
	}
	return requests
}
