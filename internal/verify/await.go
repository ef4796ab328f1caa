package verify

import (
	"strconv"
	"time"
)

// waiting is a refund or a reversal that came before its original.
type waiting struct {
	source, id, hash string
	reversal         bool
	typ, currency    string // of a refund
	amount           figure // likewise
	reason           string // of a reversal
	awaits           string // source and external id of the original
	occurredAt       time.Time
	done             bool
}

func (f *fold) decodeAwaited(e *event) error {
	n, s := &e.entry, &f.scan
	w := &waiting{}
	n.waiting = w
	kinds := 0
	s.reset(e.data)
	err := s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			n.source, err = f.word()
		case "external_id":
			n.externalID, err = s.str()
		case "content_hash":
			n.contentHash, err = s.str()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		case "awaits":
			err = f.decodeLink(&n.link)
		case "refund":
			if s.null() {
				return nil
			}
			kinds++
			err = s.object(func(key []byte) error {
				if string(key) != "transaction" {
					return s.skip()
				}
				return f.decodeWaitingRefund(n)
			})
		case "reversal":
			if s.null() {
				return nil
			}
			kinds, w.reversal = kinds+1, true
			err = f.decodeWaitingReversal(n)
		default:
			err = s.skip()
		}
		return err
	})
	if err == nil && kinds != 1 {
		err = s.fail("not one of refund and reversal")
	}
	w.source, w.id, w.hash = n.source, string(n.externalID), string(n.contentHash)
	w.awaits = n.link.source + "\x00" + string(n.link.id)
	return err
}

// decodeWaitingRefund reads the transaction that waits. It must be that of the
// event's own key, and name the original that it waits for.
func (f *fold) decodeWaitingRefund(n *entry) error {
	w, s := n.waiting, &f.scan
	return s.object(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			n.sent.source, err = f.word()
		case "external_id":
			n.sent.id, err = s.str()
		case "original_id":
			n.asked.id, err = s.str()
		case "type":
			w.typ, err = f.word()
		case "currency":
			w.currency, err = f.word()
		case "amount":
			w.amount, _, err = s.decimal()
		case "parties":
			n.parties, err = f.roles(n.parties)
		case "occurred_at":
			w.occurredAt, err = s.instant()
		default:
			err = s.skip()
		}
		n.asked.source = n.sent.source
		return err
	})
}

func (f *fold) decodeWaitingReversal(n *entry) error {
	s := &f.scan
	return s.object(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			n.sent.source, err = f.word()
		case "external_id":
			n.sent.id, err = s.str()
		case "target":
			err = f.decodeLink(&n.asked)
		case "reason":
			n.waiting.reason, err = f.kept()
		case "occurred_at":
			n.waiting.occurredAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
}

// sameKey reports whether two links name one transaction.
func (l *link) sameKey(source string, id []byte) bool {
	return l.source == source && string(l.id) == string(id)
}

// checkAwaited makes sure that what waits has a reason to: its original is not there,
// and nothing else waits for it.
func (f *fold) checkAwaited(e *event, b *book) error {
	n := &e.entry
	w := n.waiting
	switch {
	case n.source == "" || len(n.externalID) == 0 || n.link.source == "" || len(n.link.id) == 0:
		return e.differs(checkData, "a key, and that of the original", "not both")
	case !n.sent.sameKey(n.source, n.externalID) || !n.asked.sameKey(n.link.source, n.link.id):
		return e.differs(checkAwaits, "what waits to be "+n.key()+" for "+n.link.key(), n.sent.key()+" for "+n.asked.key())
	}
	err := b.entries.find(f.key(n.link.source, n.link.id), func(revision uint64) error {
		source, id, err := f.keyOf(e.stream.name, revision)
		if err == nil && n.link.sameKey(source, []byte(id)) {
			err = e.differs(checkAwaits, "an original that is not there", n.link.key()+" at "+e.stream.name+"@"+strconv.FormatUint(revision, 10))
		}
		return err
	})
	if err != nil {
		return err
	}
	if at, ok := b.awaited[w.awaits]; ok {
		return e.differs(checkAwaits, "one that waits for "+n.link.key(), "another since "+e.stream.name+"@"+strconv.FormatUint(at, 10))
	}
	if at, ok := b.awaited[n.source+"\x00"+string(n.externalID)]; ok {
		return e.differs(checkAwaits, "nothing that waits for "+n.key()+", which waits itself", e.stream.name+"@"+strconv.FormatUint(at, 10))
	}
	if b.awaited == nil {
		b.awaited, b.waiting = map[string]uint64{}, map[uint64]*waiting{}
	}
	b.awaited[w.awaits], b.waiting[e.revision] = e.revision, w
	n.currency, n.typ, n.amount = w.currency, w.typ, w.amount
	f.counts.Awaiting++
	f.checked.awaits++
	return nil
}

// checkCarriedOut makes sure that an entry with the key of what waits is that: as it
// was sent, for the original that it waited for, and once.
func (f *fold) checkCarriedOut(e *event, b *book, revision uint64) error {
	n, w := &e.entry, b.waiting[revision]
	where := e.stream.name + "@" + strconv.FormatUint(revision, 10)
	same := w.awaits == n.link.source+"\x00"+string(n.link.id) && w.hash == string(n.contentHash)
	switch n.kind {
	case kindSettlement:
		same = same && !w.reversal && w.typ == n.typ && w.currency == n.currency && w.amount == n.amount
	case kindReversal:
		same = same && w.reversal && w.reason == n.reason
	default:
		same = false
	}
	switch {
	case w.done:
		return e.differs(checkKeys, "key "+n.key()+" once in book "+b.id, "it again, which has waited since "+where+" and was carried out before")
	case !same:
		return e.differs(checkAwaits, "what has waited since "+where+", as it was sent", n.kind.String()+" "+n.key()+" of "+n.amount.String()+" "+n.currency+" for "+n.link.key())
	}
	w.done = true
	f.counts.Awaiting--
	f.checked.awaits++
	return f.outcomes.carriedOut(e, w)
}

// checkWaited compares what a settlement says of what waits for it.
func (f *fold) checkWaited(e *event, b *book) error {
	n := &e.entry
	if len(b.awaited) == 0 && !n.awaited.present {
		return nil
	}
	key := n.source + "\x00" + string(n.externalID)
	at, waits := b.awaited[key]
	expected, found := "nothing that waits for "+n.key(), "nothing"
	if waits {
		expected = e.stream.name + "@" + strconv.FormatUint(at, 10) + ", which waits for " + n.key()
	}
	if n.awaited.present {
		found = n.awaited.place()
	}
	if waits != n.awaited.present || waits && (n.awaited.stream != e.stream.name || n.awaited.revision != at) {
		return e.differs(checkAwaits, expected, found)
	}
	delete(b.awaited, key)
	return nil
}

func (l *link) key() string { return l.source + "/" + string(l.id) }
