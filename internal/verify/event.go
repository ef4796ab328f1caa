package verify

import (
	"slices"
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

// The event types this package knows. A type that is not here is a difference:
// nothing can be vouched for that is not understood.
const (
	typeLogStarted         = "LogStarted.v1"
	typeTransactionSettled = "TransactionSettled.v2"
	typeSettledV1          = "TransactionSettled.v1"
	typeEntryReversed      = "EntryReversed.v2"
	typeReversedV1         = "EntryReversed.v1"
	typeHoldsReleased      = "HoldsReleased.v1"
	typeWindowClosed       = "WindowClosed.v1"
	typeDateAdvanced       = "BusinessDateAdvanced.v1"
	typeAdjustmentPosted   = "AdjustmentPosted.v1"
	typeOriginalAwaited    = "OriginalAwaited.v1"
	typeCalendarPublished  = "CalendarPublished.v1"
	typePartyRegistered    = "PartyRegistered.v1"
	typePartyChanged       = "PartyDetailsChanged.v1"
	typeContractSigned     = "ContractSigned.v1"
	typeContractEnded      = "ContractEnded.v1"
	typeSchedulePublished  = "SchedulePublished.v1"
	typeSourceDefined      = "SourceDefined.v1"
	typeQuarantined        = "RecordQuarantined.v1"
	typeReleased           = "QuarantineReleased.v1"
	typeDeliveryIngested   = "DeliveryIngested.v1"
)

// event is one event of the log as every part of a run sees it. It is reused:
// what is kept of it must be copied, save for strings.
type event struct {
	position   eventstore.Position
	stream     *stream
	revision   uint64
	kind       string
	recordedAt time.Time // zero where the event carries none
	actor      string    // of the metadata
	data       []byte

	entry      entry      // of a book
	party      party      // of a party
	terms      terms      // of ContractSigned; id and until also of ContractEnded
	document   document   // of a schedule
	daybook    daybook    // of a calendar
	definition definition // of SourceDefined
	quarantine quarantine // of RecordQuarantined and QuarantineReleased
	delivery   delivery   // of DeliveryIngested
}

// posting is one leg of an entry.
type posting struct {
	account  *account
	credit   bool
	amount   figure
	decimals int
}

// entryKind says what an event of a book is.
type entryKind uint8

const (
	kindSettlement entryKind = iota
	kindReversal
	kindAdjustment
	kindAwaiting
	// What moves time in a book has no key.
	kindRelease
	kindClosing
	kindAdvance
)

var kinds = map[string]entryKind{
	typeTransactionSettled: kindSettlement, typeSettledV1: kindSettlement, typeEntryReversed: kindReversal, typeReversedV1: kindReversal,
	typeAdjustmentPosted: kindAdjustment, typeOriginalAwaited: kindAwaiting,
	typeHoldsReleased: kindRelease, typeWindowClosed: kindClosing, typeDateAdvanced: kindAdvance,
}

// keyed reports whether events of the kind have a key that a source gave.
func (k entryKind) keyed() bool { return k < kindRelease }

// transaction reports whether events of the kind are transactions: what a source or a
// person has sent, and what was posted.
func (n *entry) transaction() bool { return n.kind <= kindAdjustment }

// String is the kind as read models name it.
func (k entryKind) String() string {
	return [...]string{"settlement", "reversal", "adjustment", "awaiting", "release", "closing", "business date"}[k]
}

// noun is the kind with its article.
func (k entryKind) noun() string {
	switch k {
	case kindAdjustment:
		return "an adjustment"
	case kindAwaiting:
		return "what waits"
	}
	return "a " + k.String()
}

// entry is the content of an event of a book, of whatever kind and version.
type entry struct {
	kind                  entryKind
	first                 bool // of version 1: revisions stand in uses, and nothing is counted
	source                string
	contentHash           []byte
	externalID            []byte
	typ, method, product  string
	occurredAt            time.Time
	effectiveOn, currency string
	amount                figure
	contract, schedule    string
	version, engine       uint64
	link                  link   // what a settlement refunds, a reversal reverses, an adjustment adjusts
	undone                link   // of a reversal: what the reversed one had refunded
	restores              link   // the sale behind a refund that is given back, or behind one that stands again
	awaited               link   // the event that waits for this settlement; it has no key
	refunded              figure // of the original, before this one
	contractAt            recordedRevision
	scheduleAt            recordedRevision
	parties               []role
	undated               string // a party whose revision is not recorded, else empty
	uses                  []use
	attributes            []attribute
	postings              []posting
	counts                []count
	lines                 []line
	holds                 []hold
	conversions           []conversion
	calendars             []use
	reason                string       // of a reversal or an adjustment
	step                  step         // of what moves time
	closing               *closing     // of WindowClosed
	transfers             []transfer   // likewise, one for each line
	restates              *restatement // of an adjustment that a re-rating has posted
	waiting               *waiting     // of OriginalAwaited
	sent, asked           link         // likewise: the keys within what waits
	named                 []string     // see headers; empty until asked for

	// See write and swapped.
	said, mirrored []byte
	sortedParties  []role
	sortedPostings []posting
}

// link points at an earlier entry of the book, by key and by event.
type link struct {
	present  bool
	source   string
	id       []byte
	stream   string
	revision uint64
}

func (l *link) place() string { return l.stream + "@" + strconv.FormatUint(l.revision, 10) }

type role struct{ role, party string }

// use is one event of reference data that a settlement says it used.
type use struct {
	name     string
	stream   *stream // nil where it has no event yet
	revision uint64
}

// attribute is what a source said of a transaction beside its fixed facts.
type attribute struct{ name, value string }

func (n *entry) reset(kind entryKind, first bool) {
	*n = entry{
		kind: kind, first: first, parties: n.parties[:0], uses: n.uses[:0], postings: n.postings[:0], named: n.named[:0],
		attributes: n.attributes[:0], counts: n.counts[:0], lines: n.lines[:0], holds: n.holds[:0], conversions: n.conversions[:0],
		calendars: n.calendars[:0], transfers: n.transfers[:0],
		said: n.said[:0], mirrored: n.mirrored[:0], sortedParties: n.sortedParties[:0], sortedPostings: n.sortedPostings[:0],
	}
}

// headers lists the parties of a transaction's header: those it names and the owners
// of accounts it posts to, sorted, each once.
func (n *entry) headers() []string {
	if len(n.named) > 0 {
		return n.named
	}
	for _, r := range n.parties {
		n.named = append(n.named, r.party)
	}
	for _, p := range n.postings {
		n.named = append(n.named, p.account.owner)
	}
	slices.Sort(n.named)
	n.named = slices.Compact(n.named)
	return n.named
}

// decodeEntry reads a settlement or a reversal. Unknown members are passed over.
func (f *fold) decodeEntry(e *event, b *book) error {
	n, s := &e.entry, &f.scan
	defer f.namedUses(n)
	original := &n.link
	if n.kind == kindReversal {
		original = &n.undone
	}
	s.reset(e.data)
	return s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			n.source, err = f.word()
		case "external_id":
			n.externalID, err = s.str()
		case "type":
			n.typ, err = f.word()
		case "method":
			n.method, err = f.word()
		case "product":
			n.product, err = f.word()
		case "currency":
			n.currency, err = f.word()
		case "contract":
			n.contract, err = f.word()
		case "schedule":
			n.schedule, err = f.word()
		case "version":
			n.version, err = s.natural()
		case "engine":
			n.engine, err = s.natural()
		case "amount":
			n.amount, _, err = s.decimal()
		case "occurred_at":
			n.occurredAt, err = s.instant()
		case "effective_on":
			n.effectiveOn, err = f.date()
		case "recorded_at":
			e.recordedAt, err = s.instant()
		case "parties":
			if n.first {
				n.parties, err = f.roles(n.parties)
			} else {
				err = f.decodeHolders(n)
			}
		case "uses":
			err = f.decodeUses(n)
		case "contract_revision":
			n.contractAt, err = f.decodeRevision()
		case "schedule_revision":
			n.scheduleAt, err = f.decodeRevision()
		case "refunded":
			n.refunded, _, err = s.decimal()
		case "attributes":
			n.attributes, err = f.decodeTexts(n.attributes)
		case "counts":
			err = s.array(func() (err error) {
				n.counts, err = f.decodeCount(n.counts)
				return err
			})
		case "explanation":
			err = s.array(func() error { return f.decodeLine(n) })
		case "postings":
			err = s.array(func() error { return f.decodePosting(e, b) })
		case "original":
			err = f.decodeLink(original)
		case "reverses":
			err = f.decodeLink(&n.link)
		case "restores":
			err = f.decodeLink(&n.restores)
		case "awaited":
			err = f.decodeLink(&n.awaited)
		case "content_hash":
			n.contentHash, err = s.str()
		case "reason":
			n.reason, err = f.kept()
		case "holds":
			err = s.array(func() error { return f.decodeHold(n) })
		case "conversions":
			err = s.array(func() error { return f.decodeConversion(n) })
		case "calendars":
			err = f.decodeCalendars(n)
		default:
			err = s.skip()
		}
		return err
	})
}

func (f *fold) decodeLink(l *link) error {
	if f.scan.null() {
		return nil
	}
	l.present = true
	return f.scan.object(func(key []byte) (err error) {
		switch string(key) {
		case "source":
			l.source, err = f.word()
		case "external_id":
			l.id, err = f.scan.str()
		case "stream":
			l.stream, err = f.word()
		case "revision":
			l.revision, err = f.scan.natural()
		default:
			err = f.scan.skip()
		}
		return err
	})
}

func (f *fold) decodeUses(n *entry) error {
	if f.scan.null() {
		return nil
	}
	return f.scan.object(func(key []byte) error {
		u := use{stream: f.stream(key)}
		if u.stream != nil {
			u.name = u.stream.name
		} else {
			u.name = string(key)
		}
		var err error
		u.revision, err = f.scan.natural()
		n.uses = append(n.uses, u)
		return err
	})
}

func (f *fold) roles(into []role) ([]role, error) {
	if f.scan.null() {
		return into, nil
	}
	err := f.scan.object(func(key []byte) error {
		r := role{role: f.intern(key)}
		var err error
		r.party, err = f.word()
		into = append(into, r)
		return err
	})
	return into, err
}

func (f *fold) decodePosting(e *event, b *book) error {
	var p posting
	var path []byte
	sides := 0
	s := &f.scan
	err := s.object(func(key []byte) (err error) {
		switch string(key) {
		case "account":
			path, err = s.str()
		case "debit", "credit":
			if s.null() {
				return nil
			}
			sides++
			p.credit = string(key) == "credit"
			p.amount, p.decimals, err = s.decimal()
		default:
			err = s.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if sides != 1 {
		return e.differs(checkPostings, "one of debit and credit on account "+string(path), strconv.Itoa(sides)+" of them")
	}
	if p.account, err = f.account(e, b, path); err != nil {
		return err
	}
	e.entry.postings = append(e.entry.postings, p)
	return nil
}

// word reads a string that occurs often.
func (f *fold) word() (string, error) {
	text, err := f.scan.str()
	if err != nil {
		return "", err
	}
	return f.intern(text), nil
}

// date reads a calendar date.
func (f *fold) date() (string, error) {
	text, err := f.scan.str()
	if err != nil {
		return "", err
	}
	if known, ok := f.recentDates.get(text, 0); ok {
		return known, nil
	}
	date := f.intern(text)
	if !f.dates[date] {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			return "", f.scan.fail("no date: " + strconv.Quote(date))
		}
		f.dates[date] = true
	}
	f.recentDates.put(date, 0, date)
	return date, nil
}

// intern returns one string for all equal texts, so that frequent ones cost nothing.
func (f *fold) intern(text []byte) string {
	if known, ok := f.recentWords.get(text, 0); ok {
		return known
	}
	word, ok := f.words[string(text)]
	if !ok {
		word = string(text)
		f.words[word] = word
	}
	f.recentWords.put(word, 0, word)
	return word
}

// decodeMeta reads the metadata: who recorded the event, and when.
func (f *fold) decodeMeta(e *event, metadata []byte) (recordedAt time.Time, err error) {
	s := &f.scan
	s.reset(metadata)
	e.actor = ""
	err = s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "actor":
			e.actor, err = f.word()
		case "recorded_at":
			recordedAt, err = s.instant()
		default:
			err = s.skip()
		}
		return err
	})
	return recordedAt, err
}
