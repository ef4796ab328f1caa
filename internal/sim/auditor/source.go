package auditor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// source is a feed as the log tells of it.
type source struct {
	version int
	open    map[input]quarantined
	seen    map[input]bool
}

type quarantined struct {
	in       *Input
	code     string
	position uint64
}

// sourceEvent judges an event of a source's stream.
func (a *Auditor) sourceEvent(id string, e Event) ([]string, error) {
	var event struct {
		Source      string
		Version     int
		Record      string
		ContentHash string `json:"content_hash"`
		Delivery    string
		Offset      int
		Code        string
		Raw         struct {
			Subject string
			Box     []byte
		}
		Settled struct {
			Stream   string
			Revision uint64
		}
		Counts Counts
	}
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, err
	}
	if event.Source != id {
		return nil, fmt.Errorf("it is of the source %q", event.Source)
	}
	s := a.sources[id]
	if s == nil {
		s = &source{open: map[input]quarantined{}, seen: map[input]bool{}}
		a.sources[id] = s
	}
	ids := []string{"source:" + id}
	if event.Record != "" && !strings.HasPrefix(event.Record, "raw:") {
		ids = append(ids, "transaction:"+id+"/"+event.Record)
	}
	key := input{id, event.Record, event.ContentHash}
	switch e.Type {
	case "SourceDefined.v1":
		if s.version++; event.Version != s.version {
			return nil, fmt.Errorf("version %d is due", s.version)
		}
	case "RecordQuarantined.v1":
		if err := a.quarantine(s, key, event.Code, e.Position); err != nil {
			return nil, err
		}
		d := a.deliveries[event.Delivery]
		if d == nil || event.Offset < 1 || event.Offset > len(d.Inputs) || input.of(key, d.Inputs[event.Offset-1]) != nil {
			return nil, fmt.Errorf("that delivery has no such record at %d", event.Offset)
		}
		raw, err := a.unseal(event.Raw.Subject, event.Raw.Box)
		if err != nil {
			return nil, err
		}
		if must := d.Inputs[event.Offset-1].Raw; string(raw) != must {
			return nil, fmt.Errorf("its raw bytes are %q and must be %q", raw, must)
		}
	case "QuarantineReleased.v1":
		if _, open := s.open[key]; !open {
			return nil, fmt.Errorf("it is not in quarantine")
		}
		settled := a.keys[record{id, event.Record}]
		waits := a.waiting[record{id, event.Record}]
		switch {
		case settled != nil && settled.input.Hash == event.ContentHash && settled.ref == Ref(event.Settled):
			ids = append(ids, "book:"+settled.book)
		case waits != nil && waits.input.Hash == event.ContentHash && waits.ref == Ref(event.Settled):
			ids = append(ids, "book:"+waits.book)
		default:
			return nil, fmt.Errorf("it has not settled there, and does not wait there")
		}
		delete(s.open, key)
	case "DeliveryIngested.v1":
		d := a.deliveries[event.Delivery]
		if d == nil || d.Source != id {
			return nil, fmt.Errorf("nobody sent this delivery")
		}
		if err := event.Counts.fit(d); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// of reports, as an error, that an input is not the one of a key.
func (key input) of(in *Input) error {
	if key != (input{in.Source, in.Record, in.Hash}) {
		return fmt.Errorf("%v is not %v", key, in)
	}
	return nil
}

// quarantine takes an input that could not be settled, if there may be a reason.
func (a *Auditor) quarantine(s *source, key input, code string, position uint64) error {
	in := a.inputs[key]
	switch {
	case in == nil:
		return fmt.Errorf("nobody sent this")
	case in.Ignored != "":
		return fmt.Errorf("the rule %q ignores it", in.Ignored)
	case s.seen[key]:
		return fmt.Errorf("it was in quarantine before")
	}
	if why := a.mayRefuse(in, code); why != "" {
		return fmt.Errorf("%s", why)
	}
	s.seen[key] = true
	s.open[key] = quarantined{in, code, position}
	return nil
}

// mayRefuse says why an input may not be refused with a code; empty where it may.
func (a *Auditor) mayRefuse(in *Input, code string) string {
	if in.Faulty {
		if in.Code == "" || in.Code == code {
			return ""
		}
		return "it must be refused as " + in.Code
	}
	_, refund := in.original()
	several := len(a.contents[record{in.Source, in.Record}]) > 1
	allowed := map[string]bool{
		// Late contracts and parties: whoever is refused has asked before they came.
		"missing_contract": in.Reverses == nil && in.Legs == nil, "unknown_party": in.Reverses == nil,
		"missing_original": refund, "exceeds_original": refund && in.Legs == nil, "invalid": in.Tx.Returns, "conflict": refund || several || a.rolls(in),
	}
	if !allowed[code] {
		return "it may not be refused as " + code
	}
	return ""
}

// rolls reports whether an input may fall under a schedule that looks back upon
// days, which a late one finds forgotten.
func (a *Auditor) rolls(in *Input) bool {
	c := a.contractFor(&in.Tx)
	return c != nil && slices.ContainsFunc(a.schedules[c.Schedule].Versions, func(v Version) bool {
		return slices.ContainsFunc(v.Accumulators, func(acc Accumulator) bool { return acc.Days > 0 })
	})
}

// Counts are those of a report or of the log.
type Counts struct {
	Read        uint64            `json:"read"`
	Settled     uint64            `json:"settled"`
	ZeroValue   uint64            `json:"zero_value"`
	Replayed    uint64            `json:"replayed"`
	Quarantined uint64            `json:"quarantined"`
	Ignored     map[string]uint64 `json:"ignored"`
	Refused     uint64            `json:"refused"`
}

// fit compares counts with the delivery: nothing that arrives disappears.
func (c Counts) fit(d *Delivery) error {
	sum := c.Settled + c.Replayed + c.Quarantined + c.Refused
	for _, n := range c.Ignored {
		sum += n
	}
	if sum != c.Read {
		return fmt.Errorf("the counts do not add up: %+v", c)
	}
	if d.Broken {
		if c.Refused != c.Read {
			return fmt.Errorf("a broken delivery must be refused whole: %+v", c)
		}
		return nil
	}
	ignored := map[string]uint64{}
	for _, in := range d.Inputs {
		if in.Ignored != "" {
			ignored[in.Ignored]++
		}
	}
	if c.Read != uint64(len(d.Inputs)) || c.Refused != 0 || c.ZeroValue > c.Settled {
		return fmt.Errorf("the delivery has %d records: %+v", len(d.Inputs), c)
	}
	for rule := range c.Ignored {
		ignored[rule] += 0
	}
	for rule, n := range ignored {
		if c.Ignored[rule] != n {
			return fmt.Errorf("the rule %q ignores %d: %+v", rule, n, c)
		}
	}
	return nil
}

// Reported judges what a finished run of a delivery said. again says that all of
// it had been through before: then nothing may be new.
func (a *Auditor) Reported(hash string, c Counts, again bool) error {
	d := a.deliveries[hash]
	if d == nil {
		return fmt.Errorf("a report about a delivery that nobody sent: %s", hash)
	}
	if err := c.fit(d); err != nil {
		return fmt.Errorf("report of delivery %.8s: %w", hash, err)
	}
	if again && (c.Settled != 0 || c.Quarantined != 0) {
		return fmt.Errorf("delivery %.8s was through before, and still something was new: %+v", hash, c)
	}
	// Two writers that decide alike, at the same recorded time, write one event, and
	// both may say that they settled it: reports do not add up across runs.
	settled, quarantined := uint64(0), uint64(0)
	for _, in := range d.Inputs {
		key := input{in.Source, in.Record, in.Hash}
		s, w := a.keys[in.name()], a.waiting[in.name()]
		if s != nil && s.input == a.inputs[key] || w != nil && w.input == a.inputs[key] {
			settled++
		}
		if src := a.sources[in.Source]; src != nil && src.seen[key] {
			quarantined++
		}
	}
	if c.Settled > settled || c.Quarantined > quarantined {
		return fmt.Errorf("delivery %.8s: a report tells of %d settled and %d quarantined, of its records the log has %d and %d", hash, c.Settled, c.Quarantined, settled, quarantined)
	}
	return nil
}
