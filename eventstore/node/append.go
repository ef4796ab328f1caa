package node

import (
	"errors"
	"io"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
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

func (b *appendBuffers) recycle() {
	if cap(b.writer.records) <= keepBytes && cap(b.frame.data) <= keepBytes {
		b.writer.reset()
		appendBufferPool.Put(b)
	}
}

// Append takes one append: its options, then its events, then the answer once
// they are on disk.
func (s *server) Append(stream streams.Streams_AppendServer) error {
	if err := s.accepting(); err != nil {
		return err
	}
	options, err := receiveOptions(stream)
	if err != nil {
		return err
	}
	buffers := appendBufferPool.Get().(*appendBuffers)
	target, expected, err := parseAppendOptions(options)
	if err == nil {
		err = s.allow(stream.Context(), actionWrite, target)
	}
	if err == nil {
		err = s.receiveEvents(stream, buffers)
	}
	if err != nil {
		err = refuseAppend(stream, &buffers.frame, err)
		buffers.recycle()
		return err
	}
	answers := make(chan answered, 1)
	answer, abandoned := s.committer.submit(stream.Context(), &appendRequest{
		stream: target, expected: expected, records: &buffers.writer, answer: answers,
	}, answers)
	if !abandoned {
		buffers.recycle()
	}
	switch {
	case answer.err != nil:
		return appendError(answer.err)
	case answer.deleted:
		return streamDeleted(target)
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
	switch want := options.GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		expected, err = exactRevision(want.Revision)
	case *streams.AppendReq_Options_NoStream:
		expected = noStream
	case *streams.AppendReq_Options_Any:
		expected = anyRevision
	case *streams.AppendReq_Options_StreamExists:
		expected = streamExists
	default:
		err = errNoExpectation
	}
	if err == nil {
		stream, err = writableName(options.GetStreamIdentifier())
	}
	return stream, expected, err
}

var errNoExpectation = status.Error(codes.InvalidArgument, "the request names no expected revision")

func exactRevision(revision uint64) (int64, error) {
	if revision > math.MaxInt64 {
		return 0, status.Errorf(codes.InvalidArgument, "expected revision %d is beyond the last possible one", revision)
	}
	return int64(revision), nil
}

// writableName returns the name of a stream that may be written to. It leaves room
// for the name of the stream's metadata.
func writableName(id *shared.StreamIdentifier) (string, error) {
	const longest = maxStreamName - len(metadataPrefix)
	name := id.GetStreamName()
	switch {
	case string(name) == metadataPrefix:
		return "", status.Error(codes.InvalidArgument, "a metadata stream must name the stream that it is about")
	case len(name) > longest && !isMetadataStream(string(name)):
		return "", status.Errorf(codes.InvalidArgument, "a stream's name of %d bytes is too long, the limit is %d", len(name), longest)
	}
	return string(name), checkStreamName(name)
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

func (s *server) receiveEvents(stream streams.Streams_AppendServer, buffers *appendBuffers) error {
	for {
		err := stream.RecvMsg(&buffers.frame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		size := buffers.writer.size
		if err := parseProposed(buffers.frame.data, &buffers.writer); err != nil {
			return err
		}
		if err := s.limits.check(&buffers.writer, size); err != nil {
			return err
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
	return refusal
}

// appendError maps what the commit loop says to a status.
func appendError(err error) error {
	if errors.Is(err, errTimeout) {
		return status.Error(codes.Aborted, "Operation timed out: the append was not on disk within its deadline; it may still get there")
	}
	if isDamaged(err) {
		return status.Error(codes.DataLoss, err.Error())
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
	wrong := new(streams.AppendResp_WrongExpectedVersion)
	switch expected {
	case anyRevision:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: &shared.Empty{}}
	case streamExists:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: &shared.Empty{}}
	case noStream:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}
	default:
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected)}
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
