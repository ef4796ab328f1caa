package eventstore

import (
	"fmt"

	"github.com/jeongsan/jeongsan/domain"
)

// Encode renders an event as the JSON that is stored. Equal events give equal
// bytes, on which event ids rest. An event that the catalogue does not list, or
// lists as superseded, is refused with CodeInternal.
func Encode(event domain.Event) ([]byte, error) {
	e := byName[event.EventType()]
	if e == nil || e.encode == nil {
		return nil, &domain.Error{
			Code: domain.CodeInternal, Field: "event", Value: event.EventType(),
			Message: "the catalogue of events does not write this type", Remedy: "add the type to the catalogue of package eventstore",
		}
	}
	data, err := e.encode(event)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInternal, Field: "event", Value: event.EventType(), Message: "the event cannot be encoded", Err: err}
	}
	return data, nil
}

// Decode returns the event that a record holds, as a value (never a pointer) of
// the current version of its type: superseded versions are lifted. A type that
// the catalogue does not list, an unknown key, or bytes that are not the JSON of
// the type are errors of CodeInvalid and CodeMalformed; nothing is guessed.
func Decode(r Recorded) (domain.Event, error) {
	e := byName[r.Type]
	if e == nil {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "type", Value: r.Type,
			Message: fmt.Sprintf("%s@%d is of a type that this program does not know", r.Stream, r.Revision),
			Remedy:  "run the version of Jeongsan that wrote it, or a later one",
		}
	}
	event, err := e.decode(r.Data)
	if err != nil {
		return nil, undecodable(r, "data", err)
	}
	return event, nil
}

func undecodable(r Recorded, field string, err error) error {
	return &domain.Error{
		Code: domain.CodeMalformed, Field: field, Value: r.Type,
		Message: fmt.Sprintf("%s@%d cannot be decoded", r.Stream, r.Revision), Err: err,
	}
}
