package verify

import (
	"context"
	"errors"
	"hash/maphash"
	"strconv"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/eventstore"
)

// stream is what the fold keeps of one stream.
type stream struct {
	name     string
	category string
	id       string
	length   uint64 // events so far, so the next revision
	book     *book
	source   *source
	contract []terms             // as of every revision
	calendar []daybook           // by version, from 1
	schedule []document          // by version, from 1
	recorded eventstore.Recorded // an event of it, without its content
	kind     string              // of the newest event, and who folds it
	handle   func(*fold, *event) error
}

// fold goes through the log in order and checks it. It belongs to one goroutine.
type fold struct {
	scan  scanner
	event event
	words map[string]string
	dates map[string]bool

	streams    map[string]*stream
	registered map[string]bool // parties by id
	accounts   []*account
	books      uint64
	currencies []string // by number
	seed       maphash.Seed
	keyMask    uint64 // the bits of a key's hash that count
	text       []byte
	roundings  map[string]rounding // by what lines say
	numbers    map[string]uint64   // of texts that are kept by number
	numbered   []string
	tariff     tariff   // of the entry at hand
	given      tariff   // of the one that it gives back
	packed     []byte   // room
	scene      scene    // of the entry at hand
	workings   workings // likewise
	past       event    // that was read again
	eventOf    func(stream *stream, revision uint64) (kind string, data []byte, err error)
	keyOf      func(stream string, revision uint64) (source, externalID string, err error)

	// What was lately looked up in the maps above.
	recentWords   recent[string]
	recentDates   recent[string]
	recentStreams recent[*stream]
	recentParties recent[bool]
	recentPaths   recent[*account]

	until       eventstore.Position // last position to read; 0 reads all
	logID       string
	incarnation uint64
	last        eventstore.Position
	counts      Counts
	outcomes    outcomes
	ledger      *ledger // nil where nobody asks for the state
	checked     checked
}

// checked counts how often each check of the log held.
type checked struct {
	identity, positions, revisions, types, data, recorded, balance, postings uint64
	keys, references, terms, refunds, reversals, deliveries                  uint64
	explained, returned, counted                                             uint64
	posted, converted, holds, dates, releases, closings, adjustments, awaits uint64
}

func (c *checked) of(check string) uint64 {
	return map[string]uint64{
		checkIdentity: c.identity, checkPositions: c.positions, checkRevisions: c.revisions, checkTypes: c.types, checkData: c.data,
		checkRecorded: c.recorded, checkBalance: c.balance, checkPostings: c.postings, checkKeys: c.keys, checkReferences: c.references,
		checkTerms: c.terms, checkRefunds: c.refunds, checkReversals: c.reversals, checkDeliveries: c.deliveries,
		checkExplained: c.explained, checkReturned: c.returned, checkCounted: c.counted, checkPosted: c.posted, checkConverted: c.converted,
		checkHolds: c.holds, checkDates: c.dates, checkReleases: c.releases, checkClosings: c.closings, checkAdjustments: c.adjustments, checkAwaits: c.awaits,
	}[check]
}

// Counts says how much a run has read.
type Counts struct {
	Events      uint64 `json:"events"`
	Streams     uint64 `json:"streams"`
	Books       uint64 `json:"books"`
	Settlements uint64 `json:"settlements"`
	ZeroValue   uint64 `json:"zero_value"` // settlements that moved no money
	Reversals   uint64 `json:"reversals"`
	Postings    uint64 `json:"postings"`
	Accounts    uint64 `json:"accounts"`
	Parties     uint64 `json:"parties"`
	Contracts   uint64 `json:"contracts"`
	Schedules   uint64 `json:"schedules"` // versions
	Sources     uint64 `json:"sources"`
	Deliveries  uint64 `json:"deliveries"`
	Quarantined uint64 `json:"quarantined"` // open at the end
	// What moves time in books: releases of held money, windows closed, dates reached.
	Releases      uint64 `json:"releases"`
	Closings      uint64 `json:"closings"`
	BusinessDates uint64 `json:"business_dates"`
	Adjustments   uint64 `json:"adjustments"`
	Restated      uint64 `json:"restated"`  // adjustments that restate a settlement
	Awaiting      uint64 `json:"awaiting"`  // refunds and reversals that wait at the end
	Calendars     uint64 `json:"calendars"` // versions
}

func newFold() *fold {
	return &fold{
		words:      map[string]string{},
		dates:      map[string]bool{},
		streams:    map[string]*stream{},
		registered: map[string]bool{},
		roundings:  map[string]rounding{},
		numbers:    map[string]uint64{},
		seed:       maphash.MakeSeed(),
		keyMask:    ^uint64(0),
	}
}

// progressEvery is how many events pass between two reports of progress.
const progressEvery = 10_000

// read folds the log up to its end and hands each checked event to then.
func (f *fold) read(ctx context.Context, store eventstore.Store, progress func(uint64), then func(*event) error) error {
	f.keyOf = func(stream string, revision uint64) (string, string, error) {
		return keyOf(ctx, store, stream, revision)
	}
	f.eventOf = func(stream *stream, revision uint64) (string, []byte, error) {
		return eventOf(ctx, store, stream, revision)
	}
	for recorded, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return err
		}
		if f.until != 0 && recorded.Position > f.until {
			break
		}
		e, err := f.take(&recorded)
		if err != nil {
			return err
		}
		if err := then(e); err != nil {
			return err
		}
		if progress != nil && f.counts.Events%progressEvery == 0 {
			progress(f.counts.Events)
		}
	}
	if progress != nil {
		progress(f.counts.Events)
	}
	return nil
}

// take checks one event and folds it. The event is valid until the next call.
func (f *fold) take(r *eventstore.Recorded) (*event, error) {
	s, err := f.step(r)
	if err != nil {
		return nil, err
	}
	e := &f.event
	e.position, e.stream, e.revision, e.kind, e.data = r.Position, s, r.Revision, r.Type, r.Data
	meta, err := f.decodeMeta(e, r.Metadata)
	if err := f.readable(e, err); err != nil {
		return nil, err
	}
	e.recordedAt = time.Time{}
	if err := f.dispatch(e); err != nil {
		return nil, err
	}
	switch {
	case e.recordedAt.IsZero():
		e.recordedAt = meta
	case !e.recordedAt.Equal(meta):
		return nil, e.differs(checkRecorded, "one recorded time in event and metadata", e.recordedAt.Format(time.RFC3339Nano)+" and "+meta.Format(time.RFC3339Nano))
	}
	s.length++
	f.counts.Events++
	return e, nil
}

// step checks position and revision of an event and finds its stream.
func (f *fold) step(r *eventstore.Recorded) (*stream, error) {
	name := string(r.Stream)
	if r.Position <= f.last {
		return nil, differs(checkPositions, place(name, r.Revision, r.Position), "a position above "+strconv.FormatUint(uint64(f.last), 10), strconv.FormatUint(uint64(r.Position), 10))
	}
	f.last = r.Position
	s := f.stream([]byte(name))
	if s == nil {
		category, id, _ := strings.Cut(name, "-")
		s = &stream{name: name, category: category, id: id, recorded: eventstore.Recorded{Stream: r.Stream}}
		f.streams[name] = s
		f.counts.Streams++
	}
	if r.Revision != s.length {
		return nil, differs(checkRevisions, place(name, r.Revision, r.Position), "revision "+strconv.FormatUint(s.length, 10), strconv.FormatUint(r.Revision, 10))
	}
	f.checked.positions++
	f.checked.revisions++
	if f.logID == "" && r.Type != typeLogStarted {
		return nil, differs(checkIdentity, place(name, r.Revision, r.Position), typeLogStarted+" as the first event of the log", r.Type)
	}
	return s, nil
}

// categories gives, by category of stream and event type, who folds an event.
var categories = map[string]map[string]func(*fold, *event) error{
	"log": {typeLogStarted: (*fold).logEvent},
	"book": {
		typeTransactionSettled: (*fold).bookEvent,
		typeSettledV1:          (*fold).bookEvent,
		typeEntryReversed:      (*fold).bookEvent,
		typeReversedV1:         (*fold).bookEvent,
		typeHoldsReleased:      (*fold).bookEvent,
		typeWindowClosed:       (*fold).bookEvent,
		typeDateAdvanced:       (*fold).bookEvent,
		typeAdjustmentPosted:   (*fold).bookEvent,
		typeOriginalAwaited:    (*fold).bookEvent,
	},
	"party": {
		typePartyRegistered: (*fold).partyEvent,
		typePartyChanged:    (*fold).partyEvent,
	},
	"contract": {
		typeContractSigned: (*fold).contractEvent,
		typeContractEnded:  (*fold).contractEvent,
	},
	"schedule": {typeSchedulePublished: (*fold).scheduleEvent},
	"calendar": {typeCalendarPublished: (*fold).calendarEvent},
	"source": {
		typeSourceDefined:    (*fold).sourceEvent,
		typeQuarantined:      (*fold).sourceEvent,
		typeReleased:         (*fold).sourceEvent,
		typeDeliveryIngested: (*fold).sourceEvent,
	},
}

func (f *fold) dispatch(e *event) error {
	if s := e.stream; s.kind != e.kind {
		handle, ok := categories[s.category][e.kind]
		if !ok {
			return e.differs(checkTypes, "an event type known in streams of category "+strconv.Quote(s.category), e.kind)
		}
		s.kind, s.handle = e.kind, handle
	}
	f.checked.types++
	return e.stream.handle(f, e)
}

// logEvent checks the identity of the log: started once, continued by higher
// incarnations of the same log.
func (f *fold) logEvent(e *event) error {
	var id string
	var incarnation uint64
	s := &f.scan
	s.reset(e.data)
	err := s.whole(func(key []byte) (err error) {
		switch string(key) {
		case "log_id":
			id, err = f.word()
		case "incarnation":
			incarnation, err = s.natural()
		default:
			err = s.skip()
		}
		return err
	})
	if err := f.readable(e, err); err != nil {
		return err
	}
	switch {
	case e.stream.name != "log-identity":
		return e.differs(checkIdentity, "stream log-identity", e.stream.name)
	case f.logID == "" && (id == "" || f.counts.Events != 0):
		return e.differs(checkIdentity, "a log id in the first event of the log", strconv.Quote(id)+" in event "+strconv.FormatUint(f.counts.Events+1, 10))
	case f.logID != "" && f.logID != id:
		return e.differs(checkIdentity, "log id "+f.logID, id)
	case incarnation <= f.incarnation:
		return e.differs(checkIdentity, "an incarnation above "+strconv.FormatUint(f.incarnation, 10), strconv.FormatUint(incarnation, 10))
	}
	f.logID, f.incarnation = id, incarnation
	f.checked.identity++
	return nil
}

// readable turns a fault of decoding into a difference.
func (f *fold) readable(e *event, err error) error {
	var d *Difference
	switch {
	case err == nil:
		f.checked.data++
		return nil
	case errors.As(err, &d):
		return err
	}
	return e.differs(checkData, "a readable "+e.kind, err.Error())
}

// named checks that an event stands in the stream of what it is about.
func (f *fold) named(e *event, what, id string) error {
	if id == e.stream.id && id != "" {
		return nil
	}
	return e.differs(checkReferences, what+" "+strconv.Quote(e.stream.id)+", as the stream says", strconv.Quote(id))
}

// stream finds a stream by its name, nil where it has no event yet.
func (f *fold) stream(name []byte) *stream {
	if s, ok := f.recentStreams.get(name, 0); ok {
		return s
	}
	s, ok := f.streams[string(name)]
	if !ok {
		return nil
	}
	f.recentStreams.put(s.name, 0, s)
	return s
}

// length returns how many events a stream had before the current one.
func (f *fold) length(name string) uint64 {
	if s, ok := f.streams[name]; ok {
		return s.length
	}
	return 0
}

// isRegistered reports whether a party of that id was registered before.
func (f *fold) isRegistered(party string) bool {
	if known, ok := f.recentParties.get([]byte(party), 0); ok {
		return known
	}
	if !f.registered[party] {
		return false
	}
	f.recentParties.put(party, 0, true)
	return true
}
