package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// This file says in plain words what a node answers, so that a model can predict
// it and a history can be written down. It shares no code with the node.

// What a writer may expect of a stream, beside a revision.
const (
	expectNothing = int64(-1) // no stream
	expectAny     = int64(-2)
	expectExists  = int64(-4)
)

// lastRevision is the revision of a tombstone.
const lastRevision = int64(1<<63 - 1)

// ending is what becomes of a call.
type ending string

const (
	done     ending = "success"
	wrong    ending = "wrong expected version"
	gone     ending = "stream deleted"
	notFound ending = "stream not found"
)

// outcome is the answer to a write. The revision is that of the last event, -1 for
// none; where the ending is wrong, the stream's. The position is 0 where the
// answer gives none.
type outcome struct {
	ending   ending
	revision int64
	position uint64
}

// proposal is an event to be written.
type proposal struct {
	id           uuid.UUID
	kind         string
	json         bool
	custom, data string
}

// seen is an event as a reader got it.
type seen struct {
	proposal
	stream   string
	revision int64
	position uint64
	created  int64 // 100 ns since 1970
}

// plainClient speaks to a node and checks the form of its answers.
type plainClient struct{ streams.StreamsClient }

var structuredIDs = &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}}

func plainID(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
}

func plainStream(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}

func (p proposal) wire() (id *shared.UUID, properties map[string]string, custom, data []byte) {
	content := "application/octet-stream"
	if p.json {
		content = "application/json"
	}
	return plainID(p.id), map[string]string{"type": p.kind, "content-type": content}, []byte(p.custom), []byte(p.data)
}

func (c plainClient) append(ctx context.Context, stream string, expected int64, events ...proposal) (outcome, error) {
	var trailers metadata.MD
	call, err := c.Append(ctx, grpc.Trailer(&trailers))
	if err != nil {
		return outcome{}, err
	}
	options := &streams.AppendReq_Options{StreamIdentifier: plainStream(stream)}
	switch expected {
	case expectNothing:
		options.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	case expectAny:
		options.ExpectedStreamRevision = &streams.AppendReq_Options_Any{Any: &shared.Empty{}}
	case expectExists:
		options.ExpectedStreamRevision = &streams.AppendReq_Options_StreamExists{StreamExists: &shared.Empty{}}
	default:
		options.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected)}
	}
	messages := []*streams.AppendReq{{Content: &streams.AppendReq_Options_{Options: options}}}
	for _, event := range events {
		id, properties, custom, data := event.wire()
		messages = append(messages, &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
			Id: id, Metadata: properties, CustomMetadata: custom, Data: data}}})
	}
	for _, message := range messages {
		if err := call.Send(message); err != nil {
			break // the reason comes with the answer
		}
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return plainRefusal(stream, expected, trailers, err)
	}
	if refusal := answer.GetWrongExpectedVersion(); refusal != nil {
		echoed := int64(refusal.GetExpectedRevision())
		switch {
		case refusal.GetExpectedNoStream() != nil:
			echoed = expectNothing
		case refusal.GetExpectedAny() != nil:
			echoed = expectAny
		case refusal.GetExpectedStreamExists() != nil:
			echoed = expectExists
		}
		if echoed != expected {
			return outcome{}, fmt.Errorf("expected %d, and %d was echoed", expected, echoed)
		}
		current := int64(refusal.GetCurrentRevision())
		if refusal.GetCurrentNoStream() != nil {
			current = expectNothing
		}
		return outcome{ending: wrong, revision: current}, nil
	}
	success := answer.GetSuccess()
	o := outcome{done, int64(success.GetCurrentRevision()), success.GetPosition().GetCommitPosition()}
	if success.GetNoStream() != nil {
		o.revision = expectNothing
	}
	if success.GetPosition().GetPreparePosition() != o.position || (o.position == 0) != (success.GetNoPosition() != nil) {
		return o, fmt.Errorf("a position that contradicts itself: %v", success)
	}
	return o, nil
}

// batch is append by way of BatchAppend, in chunks of a size.
func (c plainClient) batch(ctx context.Context, chunk int, stream string, expected int64, events ...proposal) (outcome, error) {
	call, err := c.BatchAppend(ctx)
	if err != nil {
		return outcome{}, err
	}
	options := &streams.BatchAppendReq_Options{StreamIdentifier: plainStream(stream),
		DeadlineOption: &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Minute)}}
	switch expected {
	case expectNothing:
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	case expectAny:
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	case expectExists:
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamExists{StreamExists: &emptypb.Empty{}}
	default:
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: uint64(expected)}
	}
	correlation := plainID(uuid.New())
	request := &streams.BatchAppendReq{CorrelationId: correlation, Options: options}
	send := func() {
		if err == nil {
			err = call.Send(request)
		}
		request = &streams.BatchAppendReq{CorrelationId: correlation}
	}
	for i, event := range events {
		id, properties, custom, data := event.wire()
		request.ProposedMessages = append(request.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{
			Id: id, Metadata: properties, CustomMetadata: custom, Data: data})
		if len(request.ProposedMessages) == chunk && i < len(events)-1 {
			send()
		}
	}
	request.IsFinal = true
	send()
	answer, recvErr := call.Recv()
	if recvErr != nil {
		return outcome{}, recvErr
	}
	if err = errors.Join(err, call.CloseSend()); err != nil {
		return outcome{}, err
	}
	if _, err := call.Recv(); !errors.Is(err, io.EOF) {
		return outcome{}, fmt.Errorf("a second answer, or no end: %w", err)
	}
	if answer.GetCorrelationId().GetString_() != correlation.GetString_() || string(answer.GetStreamIdentifier().GetStreamName()) != stream {
		return outcome{}, fmt.Errorf("the answer is of another batch: %v", answer)
	}
	return plainBatchAnswer(expected, answer)
}

func plainBatchAnswer(expected int64, answer *streams.BatchAppendResp) (outcome, error) {
	if success := answer.GetSuccess(); success != nil {
		o := outcome{done, int64(success.GetCurrentRevision()), success.GetPosition().GetCommitPosition()}
		if success.GetNoStream() != nil {
			o.revision = expectNothing
		}
		if success.GetPosition().GetPreparePosition() != o.position || (o.position == 0) != (success.GetNoPosition() != nil) {
			return o, fmt.Errorf("a position that contradicts itself: %v", success)
		}
		return o, nil
	}
	failure := answer.GetError()
	if len(failure.GetDetails()) != 1 {
		return outcome{}, fmt.Errorf("an error without its one detail: %v", failure)
	}
	detail, err := failure.GetDetails()[0].UnmarshalNew()
	if err != nil {
		return outcome{}, err
	}
	switch detail := detail.(type) {
	case *shared.WrongExpectedVersion:
		echoed := int64(detail.GetExpectedStreamPosition())
		switch {
		case detail.GetExpectedNoStream() != nil:
			echoed = expectNothing
		case detail.GetExpectedAny() != nil:
			echoed = expectAny
		case detail.GetExpectedStreamExists() != nil:
			echoed = expectExists
		}
		current := int64(detail.GetCurrentStreamRevision())
		if detail.GetCurrentNoStream() != nil {
			current = expectNothing
		}
		if echoed != expected || failure.GetCode() != int32(codes.AlreadyExists) {
			return outcome{}, fmt.Errorf("expected %d, answered %v", expected, failure)
		}
		return outcome{ending: wrong, revision: current}, nil
	case *shared.StreamDeleted:
		if failure.GetCode() != int32(codes.NotFound) {
			return outcome{}, fmt.Errorf("answered %v", failure)
		}
		return outcome{ending: gone}, nil
	}
	return outcome{}, fmt.Errorf("the batch failed: %v", failure)
}

// plainRefusal reads an error with the trailers that belong to it. What is no
// refusal of the protocol stays an error.
func plainRefusal(stream string, expected int64, trailers metadata.MD, err error) (outcome, error) {
	one := func(key string) string {
		if values := trailers.Get(key); len(values) == 1 {
			return values[0]
		}
		return ""
	}
	if status.Code(err) != codes.FailedPrecondition || one("stream-name") != stream {
		return outcome{}, err
	}
	switch one("exception") {
	case "stream-deleted":
		return outcome{ending: gone}, nil
	case "wrong-expected-version":
		actual, parseErr := strconv.ParseInt(one("actual-version"), 10, 64)
		if parseErr != nil || one("expected-version") != strconv.FormatInt(expected, 10) {
			return outcome{}, fmt.Errorf("trailers %v with %w", trailers, err)
		}
		return outcome{ending: wrong, revision: actual}, nil
	}
	return outcome{}, err
}

func (c plainClient) delete(ctx context.Context, stream string, expected int64) (outcome, error) {
	options := &streams.DeleteReq_Options{StreamIdentifier: plainStream(stream)}
	switch expected {
	case expectNothing:
		options.ExpectedStreamRevision = &streams.DeleteReq_Options_NoStream{NoStream: &shared.Empty{}}
	case expectAny:
		options.ExpectedStreamRevision = &streams.DeleteReq_Options_Any{Any: &shared.Empty{}}
	case expectExists:
		options.ExpectedStreamRevision = &streams.DeleteReq_Options_StreamExists{StreamExists: &shared.Empty{}}
	default:
		options.ExpectedStreamRevision = &streams.DeleteReq_Options_Revision{Revision: uint64(expected)}
	}
	var trailers metadata.MD
	answer, err := c.Delete(ctx, &streams.DeleteReq{Options: options}, grpc.Trailer(&trailers))
	if err != nil {
		return plainRefusal(stream, expected, trailers, err)
	}
	return outcome{done, 0, answer.GetPosition().GetCommitPosition()}, nil
}

func (c plainClient) tombstone(ctx context.Context, stream string, expected int64) (outcome, error) {
	options := &streams.TombstoneReq_Options{StreamIdentifier: plainStream(stream)}
	switch expected {
	case expectNothing:
		options.ExpectedStreamRevision = &streams.TombstoneReq_Options_NoStream{NoStream: &shared.Empty{}}
	case expectAny:
		options.ExpectedStreamRevision = &streams.TombstoneReq_Options_Any{Any: &shared.Empty{}}
	case expectExists:
		options.ExpectedStreamRevision = &streams.TombstoneReq_Options_StreamExists{StreamExists: &shared.Empty{}}
	default:
		options.ExpectedStreamRevision = &streams.TombstoneReq_Options_Revision{Revision: uint64(expected)}
	}
	var trailers metadata.MD
	answer, err := c.Tombstone(ctx, &streams.TombstoneReq{Options: options}, grpc.Trailer(&trailers))
	if err != nil {
		return plainRefusal(stream, expected, trailers, err)
	}
	return outcome{done, 0, answer.GetPosition().GetCommitPosition()}, nil
}
