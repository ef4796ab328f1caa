package verify

import (
	"strconv"
	"strings"
)

// source is what the fold keeps of one source.
type source struct {
	version uint64
	open    map[string][]held // quarantined and not released, by record
	count   uint64            // of what is open
	seen    map[string]bool   // record and content hash, open or released
}

// held is one record in quarantine.
type held struct {
	contentHash, code, currency string // currency "" where it tells no amount
	amount                      figure
}

// definition is the content of SourceDefined.
type definition struct {
	source, hash, text string
	version            uint64
}

// quarantine is the content of RecordQuarantined and QuarantineReleased.
type quarantine struct {
	source, record, contentHash   string
	settledStream                 string
	settledRevision               uint64
	ignored                       string // the rule that a release names in place of a settlement
	version                       uint64 // of the definition that has the rule
	delivery, code, field, reason string
	offset                        uint64
	currency                      string
	amount                        figure
	hasAmount                     bool
	released                      []string // content hashes that a release took out
}

// delivery is the content of DeliveryIngested.
type delivery struct {
	source string
	counts map[string]uint64
	totals []map[string]figure
}

func (f *fold) sourceEvent(e *event) error {
	s := e.stream.source
	if s == nil {
		s = &source{open: map[string][]held{}, seen: map[string]bool{}}
		e.stream.source = s
		f.counts.Sources++
	}
	switch e.kind {
	case typeSourceDefined:
		return f.defined(e, s)
	case typeDeliveryIngested:
		return f.ingested(e)
	}
	return f.quarantined(e, s)
}

func (f *fold) defined(e *event, src *source) error {
	d, s := &e.definition, &f.scan
	*d = definition{}
	s.reset(e.data)
	err := s.whole(func(key []byte) (err error) {
		var text []byte
		switch string(key) {
		case "source":
			d.source, err = f.word()
		case "version":
			d.version, err = s.natural()
		case "hash":
			d.hash, err = f.word()
		case "definition":
			text, err = s.str()
			d.text = string(text)
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
	if err := f.readable(e, err); err != nil {
		return err
	}
	if src.version++; d.version != src.version {
		return e.differs(checkReferences, "version "+strconv.FormatUint(src.version, 10)+" of the definition", strconv.FormatUint(d.version, 10))
	}
	return f.named(e, "source", d.source)
}

func (f *fold) quarantined(e *event, src *source) error {
	q, s := &e.quarantine, &f.scan
	*q = quarantine{}
	s.reset(e.data)
	err := s.whole(func(key []byte) (err error) {
		var text []byte
		switch string(key) {
		case "source":
			q.source, err = f.word()
		case "record":
			text, err = s.str()
			q.record = string(text)
		case "content_hash":
			text, err = s.str()
			q.contentHash = string(text)
		case "delivery":
			q.delivery, err = f.word()
		case "offset":
			q.offset, err = s.natural()
		case "code":
			q.code, err = f.word()
		case "field":
			q.field, err = f.word()
		case "reason":
			text, err = s.str()
			q.reason = string(text)
		case "currency":
			q.currency, err = f.word()
		case "amount":
			if q.hasAmount = !s.null(); q.hasAmount {
				q.amount, _, err = s.decimal()
			}
		case "settled":
			err = f.decodeSettledRef(q)
		case "ignored":
			q.ignored, err = f.word()
		case "version":
			q.version, err = s.natural()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
	if err := f.readable(e, err); err != nil {
		return err
	}
	if err := f.named(e, "source", q.source); err != nil {
		return err
	}
	if e.kind == typeQuarantined {
		key := q.contentHash + "\x00" + q.record
		if src.seen[key] {
			return e.differs(checkKeys, "input "+strconv.Quote(q.record)+" quarantined once", "it again, with the same content")
		}
		src.seen[key] = true
		h := held{contentHash: q.contentHash, code: q.code}
		if q.hasAmount {
			h.currency, h.amount = q.currency, q.amount
		}
		src.open[q.record] = append(src.open[q.record], h)
		src.count++
		f.counts.Quarantined++
		return f.outcomes.quarantine(e, e.stream.id, &h)
	}
	if q.ignored != "" && (q.settledStream != "" || q.version == 0 || q.version > src.version) {
		return e.differs(checkReferences, "a rule of a definition of the source, and no settlement", "rule "+q.ignored+" of version "+strconv.FormatUint(q.version, 10))
	}
	if q.ignored == "" && (!strings.HasPrefix(q.settledStream, "book-") || q.settledRevision >= f.length(q.settledStream)) {
		return e.differs(checkReferences, "a settlement earlier in the log", q.settledStream+"@"+strconv.FormatUint(q.settledRevision, 10))
	}
	if f.release(e.stream, q); q.released == nil {
		return e.differs(checkReferences, "an input in quarantine", strconv.Quote(q.record)+", which is not")
	}
	f.counts.Quarantined -= uint64(len(q.released))
	if q.ignored != "" { // what a rule took may come again
		for _, hash := range q.released {
			delete(src.seen, hash+"\x00"+q.record)
		}
	}
	f.checked.references++
	return nil
}

func (f *fold) decodeSettledRef(q *quarantine) error {
	return f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "stream":
			q.settledStream, err = f.word()
		case "revision":
			q.settledRevision, err = f.scan.natural()
		default:
			err = f.scan.skip()
		}
		return err
	})
}

// release takes an input out of quarantine, whatever its content where the
// release names none.
func (f *fold) release(s *stream, q *quarantine) {
	src := s.source
	var left []held
	for _, h := range src.open[q.record] {
		if q.contentHash != "" && q.contentHash != h.contentHash {
			left = append(left, h)
		} else {
			q.released = append(q.released, h.contentHash)
			f.outcomes.release(s.id, &h)
		}
	}
	src.count -= uint64(len(q.released))
	if src.open[q.record] = left; left == nil {
		delete(src.open, q.record)
	}
}

// ingested checks that nothing which arrived has disappeared.
func (f *fold) ingested(e *event) error {
	if err := f.readable(e, f.decodeDelivery(e)); err != nil {
		return err
	}
	d := &e.delivery
	if err := f.named(e, "source", d.source); err != nil {
		return err
	}
	c := d.counts
	if sum := c["settled"] + c["replayed"] + c["quarantined"] + c["ignored"] + c["refused"]; sum != c["read"] {
		return e.differs(checkDeliveries, strconv.FormatUint(c["read"], 10)+" records, as read", strconv.FormatUint(sum, 10)+" settled, replayed, quarantined, ignored or refused")
	}
	if c["zero_value"] > c["settled"] {
		return e.differs(checkDeliveries, "at most "+strconv.FormatUint(c["settled"], 10)+" of zero value", strconv.FormatUint(c["zero_value"], 10))
	}
	for _, total := range d.totals {
		var sum figure
		for _, outcome := range []string{"settled", "replayed", "quarantined", "ignored", "refused"} {
			var ok bool
			if sum, ok = sum.plus(total[outcome]); !ok {
				return e.differs(checkDeliveries, "a total within 128 bits", "more")
			}
		}
		if sum != total["read"] {
			return e.differs(checkDeliveries, "a total of "+total["read"].String()+", as read", sum.String()+" over all outcomes")
		}
	}
	f.counts.Deliveries++
	f.checked.deliveries++
	return nil
}

func (f *fold) decodeDelivery(e *event) error {
	d, s := &e.delivery, &f.scan
	*d = delivery{counts: map[string]uint64{}}
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			d.source, err = f.word()
		case "counts":
			err = f.decodeCounts(d)
		case "totals":
			err = s.array(func() error { return f.decodeTotal(d) })
		case "recorded_at":
			e.recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) decodeCounts(d *delivery) error {
	s := &f.scan
	return s.object(func(key []byte) (err error) {
		name := f.intern(key)
		if name != "ignored" {
			d.counts[name], err = s.natural()
			return err
		}
		if s.null() {
			return nil
		}
		return s.object(func([]byte) error {
			n, err := s.natural()
			d.counts["ignored"] += n
			return err
		})
	})
}

func (f *fold) decodeTotal(d *delivery) error {
	total := map[string]figure{}
	d.totals = append(d.totals, total)
	s := &f.scan
	return s.object(func(key []byte) (err error) {
		if string(key) == "currency" {
			return s.skip()
		}
		total[f.intern(key)], _, err = s.decimal()
		return err
	})
}
