package node

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// maxAppendBytes is EventStoreDB's default limit of one append.
	maxAppendBytes = 1 << 20
	// maxDrainBytes is how much of an append that is refused anyway is still read,
	// so that its sender gets the reason and not a broken pipe.
	maxDrainBytes = 64 << 20
	// keepBytes bounds the buffers that are kept for the next append.
	keepBytes = 2 << 20
)

// appendBuffers are what one append call needs, reused between calls.
type appendBuffers struct {
	frame  frame
	writer recordWriter
}

var appendBufferPool = sync.Pool{New: func() any { return new(appendBuffers) }}

// Append takes one append: its options, then its events, then the answer once
// they are on disk.
func (s *server) Append(stream streams.Streams_AppendServer) error {
	if err := s.accepting(); err != nil {
		return err
	}
	buffers := appendBufferPool.Get().(*appendBuffers)
	defer func() {
		if cap(buffers.writer.records) <= keepBytes && cap(buffers.frame.data) <= keepBytes {
			buffers.writer.reset()
			appendBufferPool.Put(buffers)
		}
	}()
	options, err := receiveOptions(stream)
	if err != nil {
		return err
	}
	target, expected, err := parseAppendOptions(options)
	if err == nil {
		err = receiveEvents(stream, buffers)
	}
	if err != nil {
		return refuseAppend(stream, &buffers.frame, err)
	}
	answer := s.committer.submit(stream.Context(), &appendRequest{
		stream: target, expected: expected, records: &buffers.writer, answer: make(chan appendAnswer, 1),
	})
	if answer.err != nil {
		return appendError(answer.err)
	}
	return stream.SendAndClose(appendResponse(expected, answer))
}

func receiveOptions(stream streams.Streams_AppendServer) (*streams.AppendReq_Options, error) {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, status.Error(codes.InvalidArgument, "the append has no options")
	}
	if err != nil {
		return nil, err
	}
	options := first.GetOptions()
	if options == nil {
		return nil, status.Error(codes.InvalidArgument, "the first message of an append must be its options")
	}
	return options, nil
}

func parseAppendOptions(options *streams.AppendReq_Options) (stream string, expected int64, err error) {
	name := options.GetStreamIdentifier().GetStreamName()
	if err := checkStreamName(name); err != nil {
		return "", 0, err
	}
	if name[0] == '$' {
		return "", 0, status.Errorf(codes.Unimplemented, "stream %q: system streams and stream metadata are not offered by this node", name)
	}
	switch want := options.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_NoStream:
		return string(name), noStream, nil
	case *streams.AppendReq_Options_Revision:
		if want.Revision > math.MaxInt64 {
			return "", 0, status.Errorf(codes.InvalidArgument, "expected revision %d is beyond the last possible one", want.Revision)
		}
		return string(name), int64(want.Revision), nil
	case nil:
		return "", 0, status.Error(codes.InvalidArgument, "the append names no expected revision")
	default:
		return "", 0, status.Error(codes.Unimplemented,
			"the expected revisions 'any' and 'stream exists' are not offered by this node; append with an exact revision or 'no stream'")
	}
}

func checkStreamName(name []byte) error {
	switch {
	case len(name) == 0:
		return status.Error(codes.InvalidArgument, "the stream has no name")
	case len(name) > maxStreamName:
		return status.Errorf(codes.InvalidArgument, "a stream's name of %d bytes is too long, the limit is %d", len(name), maxStreamName)
	case !utf8.Valid(name):
		return status.Errorf(codes.InvalidArgument, "the stream's name %q is not UTF-8", name)
	}
	return nil
}

// appendRefusal is a refusal with the trailers that clients look for.
type appendRefusal struct {
	status   *status.Status
	trailers metadata.MD
}

func (r *appendRefusal) Error() string { return r.status.Message() }

func (r *appendRefusal) GRPCStatus() *status.Status { return r.status }

func receiveEvents(stream streams.Streams_AppendServer, buffers *appendBuffers) error {
	for {
		err := stream.RecvMsg(&buffers.frame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := parseProposed(buffers.frame.data, &buffers.writer); err != nil {
			return err
		}
		if buffers.writer.size > maxAppendBytes {
			return &appendRefusal{
				status.Newf(codes.InvalidArgument, "the append exceeds the limit of %d bytes", maxAppendBytes),
				metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(maxAppendBytes)),
			}
		}
	}
}

// refuseAppend reads the rest of a refused append before it answers: a sender
// that is cut off never sees the reason.
func refuseAppend(stream streams.Streams_AppendServer, f *frame, refusal error) error {
	for drained := 0; drained < maxDrainBytes; drained += len(f.data) {
		if err := stream.RecvMsg(f); err != nil {
			break // the end, or the sender has gone: the refusal stands in both cases
		}
	}
	var withTrailers *appendRefusal
	if errors.As(refusal, &withTrailers) {
		stream.SetTrailer(withTrailers.trailers)
		return withTrailers.status.Err()
	}
	return refusal
}

var errMalformedProposal = status.Error(codes.InvalidArgument, "a proposed event is not a message of the protocol")

// parseProposed reads an AppendReq that must hold a proposed event and adds its
// record to w.
//
//	AppendReq.proposed_message = 2
//	ProposedMessage { UUID id = 1; map<string, string> metadata = 2; bytes custom_metadata = 3; bytes data = 4 }
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
		return &appendRefusal{
			status.New(codes.InvalidArgument, "a proposed event lacks the metadata 'type' or 'content-type'"),
			metadata.Pairs("exception", "missing-required-metadata-property",
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

// appendError maps what the commit loop says to a status.
func appendError(err error) error {
	var broken *damaged
	if errors.As(err, &broken) {
		return status.Error(codes.DataLoss, broken.Error())
	}
	if st := status.FromContextError(err); st.Code() != codes.Unknown {
		return st.Err()
	}
	return status.Error(codes.Unavailable, err.Error())
}

func appendResponse(expected int64, answer appendAnswer) *streams.AppendResp {
	if answer.wrong {
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrongExpected(expected, answer.revision)}}
	}
	success := &streams.AppendResp_Success{}
	if answer.revision == noStream {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	} else {
		success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(answer.revision)}
	}
	if answer.position == 0 {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	} else {
		success.PositionOption = &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{
			CommitPosition: answer.position, PreparePosition: answer.position}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

// wrongExpected echoes what was expected and says what was found, in today's
// fields and in those of clients before 21.
func wrongExpected(expected, current int64) *streams.AppendResp_WrongExpectedVersion {
	wrong := &streams.AppendResp_WrongExpectedVersion{
		ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected)},
	}
	if expected == noStream {
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	} else {
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
	}
	if current == noStream {
		wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
		wrong.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: &shared.Empty{}}
	} else {
		wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(current)}
		wrong.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(current)}
	}
	return wrong
}
