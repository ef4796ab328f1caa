package auditor

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Event is a recorded event as the log gives it.
type Event struct {
	Stream         string
	Revision       uint64
	Position       uint64
	Type           string
	Data, Metadata []byte
}

// World is what there is to know beforehand.
type World struct {
	Schedules  []*Schedule
	Contracts  []*Contract
	Inputs     []*Input
	Deliveries []*Delivery
	Advances   []Advance
	// Holidays are the days without business of each calendar, beside weekends.
	Holidays map[string][]string
	// Kinds gives the kind of every party that may be registered.
	Kinds map[string]string
	// Unseal opens an envelope of the log.
	Unseal func(subject string, box []byte) ([]byte, error)
}

// input names one content of one record.
type input struct{ source, record, hash string }

// record names a record, whatever its content.
type record struct{ source, id string }

// Auditor follows one log. It belongs to one goroutine.
type Auditor struct {
	schedules  map[string]*Schedule
	contracts  []*Contract
	kinds      map[string]string
	unseal     func(subject string, box []byte) ([]byte, error)
	inputs     map[input]*Input
	contents   map[record][]*Input
	deliveries map[string]*Delivery
	advances   []Advance
	holidays   map[string][]string

	position   uint64
	counts     map[string]uint64 // events by stream
	registered map[string]uint64 // party → position
	signed     map[string]uint64 // contract → position
	published  map[string]int    // schedule → versions
	books      map[string]*book
	keys       map[record]*settled
	waiting    map[record]*waits // by their own keys; for good
	awaited    map[record]*waits // by the keys of the originals; until those come
	sources    map[string]*source
	events     [][]string // rows of the audit read model

	firsts map[input]Ref // answers
}

// Ref is an event.
type Ref struct {
	Stream   string
	Revision uint64
}

// New returns an auditor of an empty log.
func New(w World) *Auditor {
	a := &Auditor{
		schedules: map[string]*Schedule{}, contracts: w.Contracts, kinds: w.Kinds, unseal: w.Unseal,
		inputs: map[input]*Input{}, contents: map[record][]*Input{}, deliveries: map[string]*Delivery{}, advances: w.Advances, holidays: w.Holidays,
		counts: map[string]uint64{}, registered: map[string]uint64{}, signed: map[string]uint64{}, published: map[string]int{},
		books: map[string]*book{}, keys: map[record]*settled{}, waiting: map[record]*waits{}, awaited: map[record]*waits{}, sources: map[string]*source{},
		firsts: map[input]Ref{},
	}
	for _, s := range w.Schedules {
		a.schedules[s.ID] = s
	}
	for _, in := range w.Inputs {
		key := input{in.Source, in.Record, in.Hash}
		if a.inputs[key] == nil {
			a.inputs[key] = in
			name := record{in.Source, in.Record}
			a.contents[name] = append(a.contents[name], in)
		}
	}
	for _, d := range w.Deliveries {
		a.deliveries[d.Hash] = d
	}
	return a
}

// Position is that of the last event taken.
func (a *Auditor) Position() uint64 { return a.position }

// meta is the metadata of an event.
type meta struct {
	Actor      string    `json:"actor"`
	Delivery   string    `json:"delivery"`
	RecordedAt time.Time `json:"recorded_at"`
}

// Take judges the next event of the log.
func (a *Auditor) Take(e Event) error {
	if err := a.take(e); err != nil {
		return fmt.Errorf("%s@%d, %s: %w\n  %s", e.Stream, e.Revision, e.Type, err, e.Data)
	}
	return nil
}

func (a *Auditor) take(e Event) error {
	if e.Position <= a.position {
		return fmt.Errorf("position %d follows %d", e.Position, a.position)
	}
	if e.Revision != a.counts[e.Stream] {
		return fmt.Errorf("revision %d stands where %d is due", e.Revision, a.counts[e.Stream])
	}
	var m meta
	if err := json.Unmarshal(e.Metadata, &m); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	var common struct {
		RecordedAt time.Time `json:"recorded_at"`
	}
	if err := json.Unmarshal(e.Data, &common); err != nil {
		return err
	}
	category, id, _ := strings.Cut(e.Stream, "-")
	if category != "log" && !common.RecordedAt.Equal(m.RecordedAt) {
		return fmt.Errorf("the event was recorded at %v, its metadata says %v", common.RecordedAt, m.RecordedAt)
	}
	var ids []string
	var err error
	switch e.Type {
	case "LogStarted.v1":
	case "TransactionSettled.v2":
		ids, err = a.settle(id, e)
	case "EntryReversed.v2":
		ids, err = a.reverse(id, e)
	case "OriginalAwaited.v1":
		ids, err = a.awaits(id, e)
	case "AdjustmentPosted.v1":
		ids, err = a.adjust(id, e)
	case "HoldsReleased.v1", "WindowClosed.v1", "BusinessDateAdvanced.v1":
		ids, err = a.date(id, e)
	case "CalendarPublished.v1":
		if a.holidays[id] == nil || e.Revision != 0 {
			return fmt.Errorf("nobody published this version")
		}
		ids = []string{"calendar:" + id}
	case "PartyRegistered.v1":
		ids, err = a.register(id, e)
	case "ContractSigned.v1":
		ids, err = a.sign(id, e)
	case "SchedulePublished.v1":
		ids, err = a.publish(id)
	case "SourceDefined.v1", "RecordQuarantined.v1", "QuarantineReleased.v1", "DeliveryIngested.v1":
		ids, err = a.sourceEvent(id, e)
	default:
		err = fmt.Errorf("nobody asked for it")
	}
	if err != nil {
		return err
	}
	a.position = e.Position
	a.counts[e.Stream]++
	if category != "log" {
		a.events = append(a.events, eventRow(e, m, ids))
	}
	return nil
}

func (a *Auditor) register(id string, e Event) ([]string, error) {
	var event struct{ Party, Kind string }
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, err
	}
	if event.Party != id || a.kinds[id] == "" || event.Kind != a.kinds[id] || e.Revision != 0 {
		return nil, fmt.Errorf("the party %q was to be registered as %q", id, a.kinds[id])
	}
	a.registered[id] = e.Position
	return []string{"party:" + id}, nil
}

func (a *Auditor) sign(id string, e Event) ([]string, error) {
	for _, c := range a.contracts {
		if c.ID == id && e.Revision == 0 {
			a.signed[id] = e.Position
			ids := []string{"contract:" + id, "book:" + c.Book, "schedule:" + c.Schedule}
			for _, party := range c.Parties {
				ids = append(ids, "party:"+party)
			}
			return ids, nil
		}
	}
	return nil, fmt.Errorf("nobody signed this contract, or it was signed before")
}

func (a *Auditor) publish(id string) ([]string, error) {
	s := a.schedules[id]
	a.published[id]++
	if s == nil || a.published[id] > len(s.Versions) {
		return nil, fmt.Errorf("nobody published this version")
	}
	return []string{"schedule:" + id}, nil
}
