package verify

import (
	"context"
	"strconv"

	"github.com/jeongsan/jeongsan/eventstore"
)

// decodeAdjustment reads AdjustmentPosted.
func (f *fold) decodeAdjustment(e *event) error {
	n, s := &e.entry, &f.scan
	s.reset(e.data)
	err := s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			n.source, err = f.word()
		case "external_id":
			n.externalID, err = s.str()
		case "content_hash":
			n.contentHash, err = s.str()
		case "reason":
			n.reason, err = f.kept()
		case "adjusts":
			err = f.decodeLink(&n.link)
		case "occurred_at":
			n.occurredAt, err = s.instant()
		case "effective_on":
			n.effectiveOn, err = f.date()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		case "postings":
			err = s.array(func() error { return f.decodePosting(e, e.stream.book) })
		case "holds":
			err = s.array(func() error { return f.decodeHold(n) })
		case "restates":
			err = f.decodeRestatement(e)
		default:
			err = s.skip()
		}
		return err
	})
	if r := n.restates; r != nil {
		f.namedUses(&r.entry)
	}
	return err
}

// restatement is how a re-rating would have settled a transaction: an event without
// a place of its own in the log.
type restatement struct {
	event
	rerating string
	replaces uint64
}

func (f *fold) decodeRestatement(e *event) error {
	s := &f.scan
	if s.null() {
		return nil
	}
	r := &restatement{event: event{position: e.position, stream: e.stream, revision: e.revision, kind: e.kind}}
	e.entry.restates = r
	n := &r.entry
	return s.object(func(key []byte) (err error) {
		switch string(key) {
		case "rerating":
			r.rerating, err = f.kept()
		case "replaces":
			r.replaces, err = s.natural()
		case "refunded":
			n.refunded, _, err = s.decimal()
		case "contract":
			n.contract, err = f.word()
		case "contract_revision":
			n.contractAt, err = f.decodeRevision()
		case "schedule":
			n.schedule, err = f.word()
		case "schedule_revision":
			n.scheduleAt, err = f.decodeRevision()
		case "version":
			n.version, err = s.natural()
		case "engine":
			n.engine, err = s.natural()
		case "parties":
			err = f.decodeHolders(n)
		case "counts":
			err = s.array(func() (err error) {
				n.counts, err = f.decodeCount(n.counts)
				return err
			})
		case "conversions":
			err = s.array(func() error { return f.decodeConversion(n) })
		case "explanation":
			err = s.array(func() error { return f.decodeLine(n) })
		case "postings":
			err = s.array(func() error { return f.decodePosting(&r.event, e.stream.book) })
		case "holds":
			err = s.array(func() error { return f.decodeHold(n) })
		default:
			err = s.skip()
		}
		return err
	})
}

// checkAdjustment makes sure that an adjustment says why it is, and finds what it
// adjusts.
func (f *fold) checkAdjustment(e *event, b *book) error {
	n := &e.entry
	if n.reason == "" {
		return e.differs(checkAdjustments, "a reason", "none")
	}
	f.counts.Adjustments++
	f.checked.adjustments++
	if !n.link.present {
		if n.restates != nil {
			return e.differs(checkAdjustments, "the transaction that is restated", "none named")
		}
		return nil
	}
	l := &n.link
	if l.stream != e.stream.name || l.revision >= b.entries.count {
		return e.differs(checkReferences, "a transaction earlier in "+e.stream.name, l.place())
	}
	if o := b.entries.at(l.revision); !o.kind.keyed() || o.kind == kindAwaiting || o.key != f.key(l.source, l.id) {
		return e.differs(checkReferences, "a transaction with key "+l.key(), l.place()+", which has another")
	}
	f.checked.references++
	if n.restates == nil {
		return nil
	}
	return f.checkRestated(e, b)
}

// checkRestated makes sure that a restatement stands for what stood before: that one
// and the difference posted are what it says, its lines follow from what they say,
// and it names the terms that the transaction has to have.
func (f *fold) checkRestated(e *event, b *book) error {
	n, r := &e.entry, e.entry.restates
	o := b.entries.at(n.link.revision)
	standing, again := b.restated[n.link.revision]
	if !again {
		standing = n.link.revision
	}
	refunded := b.refunded[n.link.revision].absolute()
	switch {
	case o.kind != kindSettlement:
		return e.differs(checkAdjustments, "a settlement that is restated", n.link.place()+", which is "+o.kind.noun())
	case o.reversed:
		return e.differs(checkAdjustments, "a settlement that stands", n.link.place()+", which was reversed before")
	case r.rerating == "":
		return e.differs(checkAdjustments, "the re-rating that restates", "none named")
	case r.replaces != standing:
		return e.differs(checkAdjustments, "what stands since revision "+strconv.FormatUint(standing, 10)+" replaced", "that of revision "+strconv.FormatUint(r.replaces, 10))
	case r.entry.refunded != refunded:
		return e.differs(checkAdjustments, "refunds of "+refunded.String()+" before", r.entry.refunded.String())
	}
	past, err := f.recall(b, e.stream.name, n.link.revision)
	if err != nil {
		return err
	}
	var sum legs
	for _, side := range []struct {
		postings []posting
		less     bool
	}{{past.entry.postings, false}, {n.postings, false}, {r.entry.postings, true}} {
		for i := range side.postings {
			p := &side.postings[i]
			amount := p.amount
			if p.credit == side.less {
				amount = amount.negated()
			}
			if !sum.add(p.account.owner, p.account.purpose, p.account.currency, true, amount) {
				return e.differs(checkAdjustments, "a sum within 128 bits on "+p.account.path, "more")
			}
		}
	}
	for i := range sum {
		if l := &sum[i]; l.amount.sign() != 0 {
			return e.differs(checkAdjustments, "what stood before, with the difference posted, to come to what is restated on "+l.owner+"/"+l.purpose+"/"+l.currency, l.amount.String()+" more on its credit side")
		}
	}
	for i := range r.entry.holds {
		if h := &r.entry.holds[i]; b.accounts[string(h.path)] == nil || h.change.sign() == 0 || h.on == "" || h.into == "" {
			return e.differs(checkHolds, "a hold on an account that was posted to", h.String())
		}
	}
	if err := f.checkStanding(e, b, past); err != nil {
		return err
	}
	if b.restated == nil {
		b.restated = map[uint64]uint64{}
	}
	b.restated[n.link.revision] = e.revision
	past.entry.write()
	o.mirror, o.held = f.mirror(past.entry.said), len(r.entry.holds) > 0
	f.counts.Restated++
	return nil
}

// checkStanding checks the terms and the lines of a restatement, as those of the
// transaction that it restates, and keeps them for what rests on it.
func (f *fold) checkStanding(e *event, b *book, past *event) error {
	r, p := &e.entry.restates.entry, &past.entry
	p.contract, p.contractAt, p.schedule, p.scheduleAt, p.version, p.engine = r.contract, r.contractAt, r.schedule, r.scheduleAt, r.version, r.engine
	p.parties, p.uses, p.undated, p.lines, p.counts, p.conversions, p.postings, p.holds = r.parties, r.uses, r.undated, r.lines, r.counts, r.conversions, r.postings, r.holds
	past.position, past.stream, past.revision = e.position, e.stream, e.revision
	by, err := f.checkTermsOf(past, b)
	if err != nil {
		return err
	}
	sc := &f.scene
	*sc = scene{b: b, n: p, p: by.program, terms: by.terms, working: sc.working[:0], told: p.counts, restated: true}
	if sc.as = f.ratedAs(past, b); sc.as {
		sc.original, sc.given = b.entries.at(p.link.revision), &f.given
	}
	if err := f.checkLines(past, sc); err != nil {
		return err
	}
	if r.engine < secondEngine {
		return nil
	}
	if err := f.checkShared(past, sc); err != nil {
		return err
	}
	sc.upTo = len(p.lines)
	f.keepAgain(e.entry.link.revision, past, sc)
	return nil
}

// recall reads a settlement of a book again, as it stands: as the last re-rating has
// restated it. It is valid until the next call.
func (f *fold) recall(b *book, stream string, revision uint64) (*event, error) {
	past := &f.past
	*past = event{stream: f.streams[stream], revision: revision, entry: past.entry}
	kind, data, err := f.eventOf(past.stream, revision)
	if err != nil {
		return nil, err
	}
	past.kind, past.data = kind, data
	past.entry.reset(kindSettlement, kind == typeSettledV1)
	if err := f.readable(past, f.decodeEntry(past, b)); err != nil {
		return nil, err
	}
	if at, again := b.restated[revision]; again {
		restated := event{stream: past.stream, revision: at}
		if restated.kind, restated.data, err = f.eventOf(past.stream, at); err != nil {
			return nil, err
		}
		if err := f.readable(&restated, f.decodeAdjustment(&restated)); err != nil {
			return nil, err
		}
		r := &restated.entry.restates.entry
		past.entry.postings, past.entry.holds, past.entry.parties = r.postings, r.holds, r.parties
	}
	return past, f.known(past, b)
}

// eventOf reads one event of a stream from the log.
func eventOf(ctx context.Context, store eventstore.Store, of *stream, revision uint64) (kind string, data []byte, err error) {
	for recorded, err := range store.ReadStream(ctx, of.recorded.Stream, eventstore.Forwards, revision, 1) {
		if err != nil {
			return "", nil, err
		}
		return recorded.Type, recorded.Data, nil
	}
	return "", nil, gone(of.name, revision)
}
