package node

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

var errMalformedProposal = status.Error(codes.InvalidArgument, "a proposed event is not a message of the protocol")

// parseProposed reads an AppendReq that must hold a proposed event and adds its
// record to w.
//
//	AppendReq.proposed_message = 2
func parseProposed(message []byte, w *recordWriter) error {
	number, kind, n := protowire.ConsumeTag(message)
	if n < 0 || kind != protowire.BytesType {
		return errMalformedProposal
	}
	if number != 2 {
		return status.Error(codes.InvalidArgument, "every message of an append after the first must be a proposed event")
	}
	body, m := protowire.ConsumeBytes(message[n:])
	if m < 0 || n+m != len(message) {
		return errMalformedProposal
	}
	return parseEvent(body, w)
}

// parseEvent reads a proposed event, which looks the same in an append and in a
// batch, and adds its record to w.
//
//	ProposedMessage { UUID id = 1; map<string, string> metadata = 2; bytes custom_metadata = 3; bytes data = 4 }
func parseEvent(body []byte, w *recordWriter) error {
	var event proposedEvent
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return errMalformedProposal
		}
		body = body[n:]
		if kind != protowire.BytesType || number > 4 {
			if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
				return errMalformedProposal
			}
			body = body[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return errMalformedProposal
		}
		body = body[n:]
		if err := event.set(number, value); err != nil {
			return err
		}
	}
	return event.addTo(w)
}

type proposedEvent struct {
	id             uuid.UUID
	kind, content  []byte
	custom, data   []byte
	hasKind, hasCT bool
}

func (e *proposedEvent) set(field protowire.Number, value []byte) (err error) {
	switch field {
	case 1:
		if e.id != uuid.Nil {
			return errMalformedProposal
		}
		e.id, err = parseUUID(value)
	case 2:
		err = e.setMetadata(value)
	case 3:
		e.custom = value
	case 4:
		e.data = value
	}
	return err
}

func (e *proposedEvent) setMetadata(item []byte) error {
	var key, value []byte
	for len(item) > 0 {
		number, kind, n := protowire.ConsumeTag(item)
		if n < 0 || kind != protowire.BytesType {
			return errMalformedProposal
		}
		part, m := protowire.ConsumeBytes(item[n:])
		if m < 0 {
			return errMalformedProposal
		}
		switch number {
		case 1:
			key = part
		case 2:
			value = part
		}
		item = item[n+m:]
	}
	switch string(key) {
	case keyType:
		e.kind, e.hasKind = value, true
	case keyContent:
		e.content, e.hasCT = value, true
	}
	return nil
}

func (e *proposedEvent) addTo(w *recordWriter) error {
	switch {
	case !e.hasKind || !e.hasCT:
		return &refusal{
			status: status.New(codes.InvalidArgument, "a proposed event lacks the metadata 'type' or 'content-type'"),
			md: metadata.Pairs("exception", "missing-required-metadata-property",
				"required-metadata-properties", keyType+","+keyContent),
		}
	case e.id == uuid.Nil:
		return status.Error(codes.InvalidArgument, "a proposed event has no id")
	case len(e.kind) == 0 || !utf8.Valid(e.kind):
		return status.Errorf(codes.InvalidArgument, "a proposed event's type %q is empty or not UTF-8", e.kind)
	}
	w.add(e.id, string(e.content) == contentJSON, e.kind, e.custom, e.data)
	return nil
}

// parseUUID reads UUID { oneof { Structured { int64 most = 1; int64 least = 2 } structured = 1; string string = 2 } }.
func parseUUID(message []byte) (id uuid.UUID, err error) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 || kind != protowire.BytesType {
			return uuid.Nil, errMalformedProposal
		}
		value, m := protowire.ConsumeBytes(message[n:])
		if m < 0 {
			return uuid.Nil, errMalformedProposal
		}
		message = message[n+m:]
		if id != uuid.Nil {
			return uuid.Nil, errMalformedProposal // two ids, or one in two parts: no client sends that
		}
		switch number {
		case uuidFieldStructured:
			if id, err = parseHalves(value); err != nil {
				return uuid.Nil, err
			}
		case uuidFieldString:
			if id, err = uuid.ParseBytes(value); err != nil {
				return uuid.Nil, status.Errorf(codes.InvalidArgument, "a proposed event's id %q is not a UUID", value)
			}
		}
	}
	return id, nil
}

func parseHalves(message []byte) (id uuid.UUID, err error) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 || kind != protowire.VarintType || number > 2 {
			return uuid.Nil, errMalformedProposal
		}
		half, m := protowire.ConsumeVarint(message[n:])
		if m < 0 {
			return uuid.Nil, errMalformedProposal
		}
		binary.BigEndian.PutUint64(id[(number-1)*8:], half)
		message = message[n+m:]
	}
	return id, nil
}

func formatID(id []byte) string { return uuid.UUID(id).String() }
