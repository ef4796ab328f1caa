package node

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// typeTombstone is the type of a tombstone, a stream's last event.
const typeTombstone = "$streamDeleted"

// Delete hides a stream until somebody appends to it again.
func (s *server) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	options := req.GetOptions()
	var expected int64
	var err error
	switch want := options.GetExpectedStreamRevision().(type) {
	case *streams.DeleteReq_Options_Revision:
		expected, err = exactRevision(want.Revision)
	case *streams.DeleteReq_Options_NoStream:
		expected = noStream
	case *streams.DeleteReq_Options_Any:
		expected = anyRevision
	case *streams.DeleteReq_Options_StreamExists:
		expected = streamExists
	default:
		err = errNoExpectation
	}
	if err != nil {
		return nil, err
	}
	position, err := s.remove(ctx, opDelete, options.GetStreamIdentifier(), expected, metadataEvent(deletedMetadata))
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{
		Position: &streams.DeleteResp_Position{CommitPosition: position, PreparePosition: position}}}, nil
}

// Tombstone deletes a stream for good.
func (s *server) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	options := req.GetOptions()
	var expected int64
	var err error
	switch want := options.GetExpectedStreamRevision().(type) {
	case *streams.TombstoneReq_Options_Revision:
		expected, err = exactRevision(want.Revision)
	case *streams.TombstoneReq_Options_NoStream:
		expected = noStream
	case *streams.TombstoneReq_Options_Any:
		expected = anyRevision
	case *streams.TombstoneReq_Options_StreamExists:
		expected = streamExists
	default:
		err = errNoExpectation
	}
	if err != nil {
		return nil, err
	}
	tombstone := new(recordWriter)
	tombstone.add(uuid.New(), false, []byte(typeTombstone), nil, nil)
	position, err := s.remove(ctx, opTombstone, options.GetStreamIdentifier(), expected, tombstone)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{
		Position: &streams.TombstoneResp_Position{CommitPosition: position, PreparePosition: position}}}, nil
}

// remove deletes a stream in one of both ways and returns the position of the
// event that says so.
func (s *server) remove(ctx context.Context, how operation, id *shared.StreamIdentifier, expected int64, event *recordWriter) (position uint64, err error) {
	stream, err := writableName(id)
	if err != nil {
		return 0, err
	}
	if err := s.allow(ctx, actionDelete, stream); err != nil {
		return 0, err
	}
	if err := s.accepting(); err != nil {
		return 0, err
	}
	answers := make(chan answered, 1)
	answer, _ := s.committer.submit(ctx, &appendRequest{
		stream: stream, expected: expected, operation: how, records: event, answer: answers,
	}, answers)
	switch {
	case answer.err != nil:
		return 0, appendError(answer.err)
	case answer.deleted:
		return 0, streamDeleted(stream)
	case answer.wrong:
		return 0, wrongVersion(stream, expected, answer.revision)
	}
	return answer.position, nil
}
