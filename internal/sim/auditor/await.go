package auditor

import (
	"encoding/json"
	"fmt"
	"time"
)

// waits is a refund or a reversal that came before its original.
type waits struct {
	input    *Input
	awaits   record
	book     string
	ref      Ref
	position uint64
}

// original names what an input gives back of, takes back or adjusts.
func (in *Input) original() (record, bool) {
	switch {
	case in.Reverses != nil:
		return record{in.Reverses[0], in.Reverses[1]}, true
	case in.Adjusts != nil:
		return record{in.Adjusts[0], in.Adjusts[1]}, true
	case in.Tx.Original != "":
		return record{in.Source, in.Tx.Original}, true
	}
	return record{}, false
}

func (in *Input) name() record { return record{in.Source, in.Record} }

// awaits judges an event that says that something waits.
func (a *Auditor) awaits(id string, e Event) ([]string, error) {
	var event struct {
		entry
		Awaits struct {
			Source     string `json:"source"`
			ExternalID string `json:"external_id"`
		} `json:"awaits"`
		Refund, Reversal json.RawMessage
		RecordedAt       time.Time `json:"recorded_at"`
	}
	if err := json.Unmarshal(e.Data, &event); err != nil {
		return nil, err
	}
	event.entry.RecordedAt = event.RecordedAt
	b, in, err := a.opened(id, &event.entry)
	if err != nil {
		return nil, err
	}
	if why := a.mayNotWait(in); why != "" {
		return nil, fmt.Errorf("it may not wait: %s", why)
	}
	original, _ := in.original()
	if original != (record{event.Awaits.Source, event.Awaits.ExternalID}) || (in.Reverses != nil) != (event.Reversal != nil) || (event.Refund != nil) == (event.Reversal != nil) {
		return nil, fmt.Errorf("it must wait for %v", original)
	}
	w := &waits{input: in, awaits: original, book: id, ref: Ref{e.Stream, e.Revision}, position: e.Position}
	a.waiting[in.name()], a.awaited[original] = w, w
	b.recorded, b.next = event.RecordedAt, nil
	ids := []string{"book:" + id, "source:" + in.Source, "transaction:" + in.Source + "/" + in.Record, "transaction:" + original.source + "/" + original.id}
	if in.Reverses == nil {
		for _, party := range in.Tx.Parties {
			ids = append(ids, "party:"+party)
		}
	}
	return ids, nil
}

// mayNotWait says why an input cannot wait for its original as things stand.
func (a *Auditor) mayNotWait(in *Input) string {
	original, names := in.original()
	switch own := in.name(); {
	case !in.Await || !names || in.Adjusts != nil:
		return "nobody lets it"
	case a.keys[own] != nil:
		return "it has settled"
	case a.waiting[own] != nil:
		return "it waits already"
	case a.awaited[own] != nil:
		return "another one waits for it"
	case a.keys[original] != nil:
		return "its original is there"
	case a.waiting[original] != nil:
		return "its original waits itself"
	case a.awaited[original] != nil:
		return "another one waits for the same"
	case own == original:
		return "it names itself"
	}
	return ""
}

// comes notes that what something waits for is there: if this can be carried out, it
// must be next.
func (a *Auditor) comes(b *book, s *settled, event *entry) error {
	w := a.awaited[s.input.name()]
	delete(a.awaited, s.input.name())
	switch {
	case w == nil && event.Awaited == nil:
		return nil
	case w == nil || event.Awaited == nil || *event.Awaited != w.ref:
		return fmt.Errorf("for it waits %+v, not %v", w, event.Awaited)
	}
	if a.couldSettle(w.input) != "" {
		b.next = w.input
	}
	return nil
}

// rests reports whether an input waits for an original that is not there yet.
func (a *Auditor) rests(in *Input) bool {
	w := a.waiting[in.name()]
	return w != nil && w.input == in && a.keys[in.name()] == nil && a.keys[w.awaits] == nil
}

// awaitingRows is what waits, as the read model lists it.
func (a *Auditor) awaitingRows(must tables) {
	for own, w := range a.waiting {
		if a.keys[own] != nil {
			continue
		}
		kind := "refund"
		if w.input.Reverses != nil {
			kind = "reversal"
		}
		must.add("awaiting", w.book, own.source, own.id, kind, w.awaits.source, w.awaits.id, number(w.position))
	}
}
