package eventstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/domain/source"
)

// catalogue lists every version of every event type that a log may hold. A line
// is never removed: what was stored once must be readable for ever. A new event
// type is one line with current; when a version is superseded, its line becomes
// superseded with the function that lifts the old form to the new one.
var catalogue = []entry{
	current[LogStarted](),
	{name: book.TransactionSettled{}.EventType(), encode: encodeSettled, decode: decodeSettled},
	superseded("TransactionSettled.v1", liftSettledV1),
	current[book.EntryReversed](),
	superseded("EntryReversed.v1", liftReversedV1),
	current[book.HoldsReleased](),
	current[book.WindowClosed](),
	current[book.BusinessDateAdvanced](),
	current[book.AdjustmentPosted](),
	current[book.OriginalAwaited](),
	current[party.PartyRegistered](),
	current[party.PartyDetailsChanged](),
	current[contract.ContractSigned](),
	current[contract.ContractEnded](),
	current[schedule.SchedulePublished](),
	current[calendar.CalendarPublished](),
	current[source.SourceDefined](),
	current[source.RecordQuarantined](),
	current[source.QuarantineReleased](),
	current[source.DeliveryIngested](),
}

// entry is one version of an event type.
type entry struct {
	name   string
	encode func(domain.Event) ([]byte, error) // nil for a superseded version: it is read, never written
	decode func([]byte) (domain.Event, error) // yields the current version
}

// byName finds an entry of the catalogue.
var byName = func() map[string]*entry {
	m := make(map[string]*entry, len(catalogue))
	for i := range catalogue {
		m[catalogue[i].name] = &catalogue[i]
	}
	return m
}()

// EventTypes lists the names of all event types and versions that Decode
// understands, in the order of the catalogue.
func EventTypes() []string {
	names := make([]string, len(catalogue))
	for i := range catalogue {
		names[i] = catalogue[i].name
	}
	return names
}

// current describes the version of an event type that is written today.
func current[E domain.Event]() entry {
	var zero E
	return entry{
		name: zero.EventType(),
		encode: func(event domain.Event) ([]byte, error) {
			e, ok := event.(E)
			if !ok {
				return nil, errors.New("not a value of the type that the catalogue lists")
			}
			return marshal(e)
		},
		decode: func(data []byte) (domain.Event, error) {
			var e E
			if err := unmarshal(data, &e); err != nil {
				return nil, err
			}
			return e, nil
		},
	}
}

// superseded describes a version that is no longer written. Old is the struct
// of that version, kept beside this file for good, and lift its upcaster.
func superseded[Old any, New domain.Event](name string, lift func(Old) (New, error)) entry {
	return entry{name: name, decode: func(data []byte) (domain.Event, error) {
		var old Old
		if err := unmarshal(data, &old); err != nil {
			return nil, err
		}
		return lift(old)
	}}
}

// marshal is encoding/json without the escaping meant for HTML pages.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// unmarshal is encoding/json that refuses unknown keys and trailing bytes: an
// event that says more than we understand must not be folded as if it did not.
func unmarshal(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes after the event")
	}
	return nil
}
