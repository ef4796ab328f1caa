package node

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// model says what a node must answer. It is written from the description of the
// protocol, holds everything in one list, and shares no code with the node: where
// both agree, two readings of the rules do.
type model struct {
	now     time.Time
	log     []*written
	streams map[string][]*written
}

// written is an event of the log. Nothing is ever taken away.
type written struct {
	proposal
	stream   string
	revision int64
	at       time.Time
	position uint64 // 0 until the node has said it
	// remembered events were appended without a revision: their ids are known for
	// ever. Those of others may have been forgotten.
	remembered bool
	// byNode events were made up by the node: their ids are its own, and of their
	// JSON only the meaning is known.
	byNode bool
}

// step is something that a node may do with a write: its answer, and what it does
// to the log.
type step struct {
	answer outcome
	last   *written        // whose position the answer gives; nil for none
	fresh  func() *written // writes, and returns the event whose position is answered; nil where nothing is written
}

func newModel(now time.Time) *model {
	return &model{now: now, streams: make(map[string][]*written)}
}

// last is the highest revision that was ever given out in a stream.
func (m *model) last(stream string) int64 {
	if events := m.streams[stream]; len(events) > 0 {
		return events[len(events)-1].revision
	}
	return -1
}

// tombstoned streams are gone for good, and their metadata with them.
func (m *model) tombstoned(stream string) bool {
	base, _ := strings.CutPrefix(stream, "$$")
	return m.last(stream) == lastRevision || m.last(base) == lastRevision
}

// hiding is what a stream's metadata hides.
type hiding struct {
	count, before int64 // 0 for none
	age           time.Duration
	fields        map[string]any
}

func (m *model) hiding(stream string) hiding {
	events := m.streams["$$"+stream]
	if len(events) == 0 {
		return hiding{}
	}
	newest := events[len(events)-1]
	var fields map[string]any
	if !newest.json || json.Unmarshal([]byte(newest.data), &fields) != nil {
		return hiding{}
	}
	integer := func(key string) int64 {
		// A number's text is looked at again: a float would lose the largest ones.
		var exact map[string]json.RawMessage
		if json.Unmarshal([]byte(newest.data), &exact) != nil {
			return 0
		}
		n, err := strconv.ParseInt(string(exact[key]), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	const centuries = 1 << 33 // more seconds than a duration can say
	return hiding{count: integer("$maxCount"), before: integer("$tb"),
		age: time.Duration(min(integer("$maxAge"), centuries)) * time.Second, fields: fields}
}

func (m *model) softDeleted(stream string) bool { return m.hiding(stream).before == lastRevision }

// visible returns the events of a stream that a reader may see, in order.
func (m *model) visible(stream string) []*written {
	hidden := m.hiding(stream)
	if strings.HasPrefix(stream, "$$") {
		hidden.count = 1
	}
	lowest := hidden.before
	if hidden.count > 0 {
		lowest = max(lowest, m.last(stream)-hidden.count+1)
	}
	events := m.streams[stream]
	for len(events) > 0 && (events[0].revision < lowest || hidden.age > 0 && m.now.Sub(events[0].at) > hidden.age) {
		events = events[1:]
	}
	return events
}

func (m *model) readable(event *written) bool {
	for _, other := range m.visible(event.stream) {
		if other == event {
			return true
		}
	}
	return false
}

// append lists what a node may do with an append. There is more than one choice
// only where ids may have been forgotten.
func (m *model) append(stream string, expected int64, events []proposal) []step {
	write := step{answer: outcome{done, m.last(stream) + int64(len(events)), 0},
		fresh: func() *written { return m.write(stream, expected, events) }}
	if len(events) == 0 {
		write.fresh = nil
	}
	decided, certain := m.decide(stream, expected)
	if decided == gone {
		return []step{{answer: outcome{ending: gone}}}
	}
	refusal := step{answer: outcome{ending: wrong, revision: m.last(stream)}}
	switch {
	case certain && decided == wrong:
		return []step{refusal}
	case len(events) == 0 && expected >= expectNothing && expected < m.last(stream):
		return []step{refusal} // there is nothing to be repeated, and nothing re-creates no stream
	case expected == expectAny || expected == expectExists:
		return m.byID(stream, events, write, refusal)
	case expected < m.last(stream) && len(events) > 0:
		same, whole := 0, m.streams[stream][expected+1:]
		for same < len(events) && same < len(whole) && whole[same].id == events[same].id {
			same++
		}
		switch {
		case same == len(events):
			return []step{m.repeated(whole[same-1])}
		case same > 0:
			return []step{refusal}
		}
	}
	if decided == wrong {
		return []step{refusal}
	}
	return []step{write}
}

// decide carries out the table of expectations for ids that nobody knows. What is
// certain holds whatever the ids are.
func (m *model) decide(stream string, expected int64) (v ending, certain bool) {
	last := m.last(stream)
	switch {
	case m.tombstoned(stream):
		return gone, true
	case expected == expectExists && m.softDeleted(stream):
		return gone, true
	case expected == expectExists && last == -1 && len(m.streams["$$"+stream]) == 0:
		return wrong, true
	case expected == expectExists || expected == expectAny || expected == last:
		return done, false
	case expected > last:
		return wrong, true
	case expected == expectNothing && m.softDeleted(stream):
		return done, false
	}
	return wrong, false
}

// byID looks each id up among those of the stream. The first occurrence counts,
// unless it may have been forgotten.
func (m *model) byID(stream string, events []proposal, write, refusal step) []step {
	if len(events) == 0 {
		return []step{write}
	}
	lookUp := func(id uuid.UUID) (candidates []*written, sure bool) {
		for _, event := range m.streams[stream] {
			if event.id == id && !event.byNode {
				candidates = append(candidates, event)
				if event.remembered {
					return candidates, true
				}
			}
		}
		return candidates, false
	}
	var steps []step
	first, sure := lookUp(events[0].id)
	if !sure {
		steps = append(steps, write)
	}
	if len(first) == 0 {
		return steps
	}
	allKnown, allSure := true, true
	last := first
	for _, event := range events[1:] {
		last, sure = lookUp(event.id)
		allKnown, allSure = allKnown && len(last) > 0, allSure && sure
	}
	if !allKnown || !allSure {
		steps = append(steps, refusal)
	}
	if allKnown {
		for _, event := range last {
			steps = append(steps, m.repeated(event))
		}
	}
	return steps
}

func (m *model) repeated(event *written) step {
	s := step{answer: outcome{done, event.revision, 0}}
	if m.readable(event) {
		s.last = event
	}
	return s
}

// write appends events and whatever follows from them, and returns the last of them.
func (m *model) write(stream string, expected int64, events []proposal) *written {
	deleted := m.softDeleted(stream)
	base, isMetadata := strings.CutPrefix(stream, "$$")
	baseDeleted := isMetadata && m.softDeleted(base)
	kept := m.hiding(stream).fields
	first := m.last(stream) + 1
	var last *written
	for _, event := range events {
		last = m.put(stream, event)
		last.remembered = expected == expectAny || expected == expectExists
	}
	if deleted {
		m.putMetadata(stream, kept, first)
	}
	if baseDeleted {
		var fields map[string]any
		if json.Unmarshal([]byte(last.data), &fields) == nil {
			m.putMetadata(base, fields, m.last(base)+1)
		}
	}
	return last
}

func (m *model) put(stream string, event proposal) *written {
	w := &written{proposal: event, stream: stream, revision: m.last(stream) + 1, at: m.now}
	m.log = append(m.log, w)
	m.streams[stream] = append(m.streams[stream], w)
	return w
}

// putMetadata is the node's own: fields, and the stream cut off before a revision.
func (m *model) putMetadata(stream string, fields map[string]any, before int64) *written {
	changed := map[string]any{"$tb": before}
	for key, value := range fields {
		if key != "$tb" {
			changed[key] = value
		}
	}
	data, err := json.Marshal(changed)
	if err != nil {
		panic(err) // they came out of JSON
	}
	w := m.put("$$"+stream, proposal{kind: "$metadata", json: true, data: string(data)})
	w.byNode = true
	return w
}

// delete says what becomes of a soft delete.
func (m *model) delete(stream string, expected int64) step {
	v, _ := m.decide(stream, expected)
	switch {
	case v == gone:
		return step{answer: outcome{ending: gone}}
	case v == wrong || m.last(stream) == -1 && len(m.streams["$$"+stream]) == 0:
		return step{answer: outcome{ending: wrong, revision: m.last(stream)}}
	}
	return step{answer: outcome{ending: done}, fresh: func() *written { return m.putMetadata(stream, nil, lastRevision) }}
}

// tombstone says what becomes of a delete for good.
func (m *model) tombstone(stream string, expected int64) step {
	switch v, _ := m.decide(stream, expected); v {
	case gone:
		return step{answer: outcome{ending: gone}}
	case wrong:
		return step{answer: outcome{ending: wrong, revision: m.last(stream)}}
	}
	return step{answer: outcome{ending: done}, fresh: func() *written {
		w := m.put(stream, proposal{kind: "$streamDeleted"})
		w.revision, w.byNode = lastRevision, true
		return w
	}}
}

// read says what a read sees.
func (m *model) read(r reach) ([]*written, ending) {
	events := m.log
	if r.stream != "" {
		switch {
		case m.tombstoned(r.stream):
			return nil, gone
		case m.last(r.stream) == -1 || m.softDeleted(r.stream):
			return nil, notFound
		}
		events = m.visible(r.stream)
	}
	var found []*written
	for i := range events {
		event := events[i]
		if r.backwards {
			event = events[len(events)-1-i]
		}
		if uint64(len(found)) < r.count && m.within(r, event) && r.matches(event.stream, event.kind) {
			found = append(found, event)
		}
	}
	return found, done
}

// within reports whether an event lies on the way of a read.
func (m *model) within(r reach, event *written) bool {
	switch {
	case r.from.start:
		return !r.backwards || r.stream != "" && event.revision == 0
	case r.from.end:
		return r.backwards
	case r.stream != "" && r.backwards:
		return event.revision <= int64(r.from.at)
	case r.stream != "":
		return event.revision >= int64(r.from.at)
	case r.backwards:
		return event.position < r.from.at
	}
	return event.position >= r.from.at
}

// catchUp says what a subscription sees before it has caught up.
func (m *model) catchUp(r reach) ([]*written, ending) {
	events := m.log
	if r.stream != "" {
		if m.tombstoned(r.stream) {
			return nil, gone
		}
		events = m.visible(r.stream)
	}
	var found []*written
	for _, event := range events {
		at := event.position
		if r.stream != "" {
			at = uint64(event.revision)
		}
		if (r.from.start || !r.from.end && at > r.from.at) && r.matches(event.stream, event.kind) {
			found = append(found, event)
		}
	}
	return found, done
}
