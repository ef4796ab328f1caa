package node

import (
	"errors"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/emptypb"
)

// batchMessage is one message of a BatchAppend call, understood but for its events.
//
//	BatchAppendReq { UUID correlation_id = 1; Options options = 2; repeated ProposedMessage proposed_messages = 3; bool is_final = 4 }
type batchMessage struct {
	id      correlation
	options *streams.BatchAppendReq_Options // nil in all but the first message of a batch
	events  [][]byte                        // each a ProposedMessage
	final   bool
}

// correlation is a batch's id with the form in which its sender wrote it.
type correlation struct {
	id     uuid.UUID
	asText bool
}

func (c correlation) wire() *shared.UUID {
	if c.asText {
		return &shared.UUID{Value: &shared.UUID_String_{String_: c.id.String()}}
	}
	most, least := idHalves(c.id[:])
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits: int64(most), LeastSignificantBits: int64(least)}}}
}

var errMalformedBatch = status.Error(codes.InvalidArgument, "a message of the batch is not one of the protocol, or has no correlation id")

// parse reads a message. What it holds points into data.
func (m *batchMessage) parse(data []byte) error {
	*m = batchMessage{events: m.events[:0]}
	identified := false
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errMalformedBatch
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(number, kind, data)
		if size < 0 {
			return errMalformedBatch
		}
		field := data[:size]
		data = data[size:]
		switch {
		case number == 4 && kind == protowire.VarintType:
			value, _ := protowire.ConsumeVarint(field)
			m.final = value != 0
		case kind != protowire.BytesType:
		case number == 1:
			value, _ := protowire.ConsumeBytes(field)
			id, err := parseUUID(value)
			if err != nil || len(value) == 0 {
				return errMalformedBatch
			}
			m.id, identified = correlation{id, value[0]>>3 == uuidFieldString}, true
		case number == 2:
			value, _ := protowire.ConsumeBytes(field)
			m.options = new(streams.BatchAppendReq_Options)
			if err := proto.Unmarshal(value, m.options); err != nil {
				return errMalformedBatch
			}
		case number == 3:
			value, _ := protowire.ConsumeBytes(field)
			m.events = append(m.events, value)
		}
	}
	if !identified {
		return errMalformedBatch
	}
	return nil
}

func parseBatchOptions(options *streams.BatchAppendReq_Options) (stream string, expected int64, err error) {
	switch want := options.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		expected, err = exactRevision(want.StreamPosition)
	case *streams.BatchAppendReq_Options_NoStream:
		expected = noStream
	case *streams.BatchAppendReq_Options_Any:
		expected = anyRevision
	case *streams.BatchAppendReq_Options_StreamExists:
		expected = streamExists
	default:
		err = errNoExpectation
	}
	if err == nil {
		stream, err = writableName(options.GetStreamIdentifier())
	}
	return stream, expected, err
}

// batchTime is how long a batch may take: what it asks for, but no longer than the
// node allows. Nothing or less is a deadline that has passed.
func batchTime(options *streams.BatchAppendReq_Options, now time.Time, longest time.Duration) time.Duration {
	switch deadline := options.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		return min(deadline.Deadline.AsDuration(), longest)
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		return min(deadline.Deadline_21_10_0.AsTime().Sub(now), longest)
	}
	return longest
}

// batchSuccess fills in the answer to a batch that is in the log.
func batchSuccess(response *streams.BatchAppendResp, answer appendAnswer) {
	success := new(streams.BatchAppendResp_Success)
	if answer.revision == noStream {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	} else {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(answer.revision)}
	}
	if answer.position == 0 {
		success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}
	} else {
		success.PositionOption = &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
			CommitPosition: answer.position, PreparePosition: answer.position}}
	}
	response.Result = &streams.BatchAppendResp_Success_{Success: success}
}

// batchFailure fills in the answer to a batch that is not. Its status holds one
// detail, which is what clients look at.
func batchFailure(response *streams.BatchAppendResp, code codes.Code, detail protoadapt.MessageV1) error {
	name := string(protoadapt.MessageV2Of(detail).ProtoReflect().Descriptor().Name())
	failure, err := status.New(code, name).WithDetails(detail)
	if err != nil {
		return err
	}
	response.Result = &streams.BatchAppendResp_Error{Error: failure.Proto()}
	return nil
}

// batchRefusal chooses the answer to a batch that was refused before it reached
// the committer.
func batchRefusal(response *streams.BatchAppendResp, limit int, err error) error {
	var tooLarge *refusal
	switch code := status.Code(err); {
	case errors.As(err, &tooLarge) && tooLarge.tooLarge:
		return batchFailure(response, codes.InvalidArgument, &shared.MaximumAppendSizeExceeded{MaxAppendSize: uint32(limit)})
	case code == codes.InvalidArgument:
		return batchFailure(response, code, &shared.BadRequest{Message: status.Convert(err).Message()})
	case code == codes.PermissionDenied:
		return batchFailure(response, code, &shared.AccessDenied{})
	}
	return batchFailure(response, codes.Unknown, &shared.Unknown{})
}

// batchAnswer chooses the answer to a batch that the committer has dealt with.
func batchAnswer(response *streams.BatchAppendResp, request *appendRequest, answer appendAnswer) error {
	switch {
	case answer.err != nil:
		return batchFailure(response, codes.Unknown, &shared.Unknown{})
	case answer.deleted:
		return batchFailure(response, codes.NotFound, &shared.StreamDeleted{StreamIdentifier: response.StreamIdentifier})
	case !answer.wrong:
		batchSuccess(response, answer)
		return nil
	}
	wrong := new(shared.WrongExpectedVersion)
	switch request.expected {
	case anyRevision:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case streamExists:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	case noStream:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	default:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(request.expected)}
	}
	if answer.revision == noStream {
		wrong.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}
	} else {
		wrong.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(answer.revision)}
	}
	return batchFailure(response, codes.AlreadyExists, wrong)
}
