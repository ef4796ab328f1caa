package node

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// readRequest is a Read call, understood.
type readRequest struct {
	stream       string // "" for the whole log
	filter       *filter
	backwards    bool
	subscription bool
	resolveLinks bool
	// bounds are to be told: where the stream begins and ends.
	bounds bool
	count  uint64
	from   start
	uuids  uuidForm
}

// start is where a read begins: at the start, at the end, or at a revision or position.
type start struct {
	at    uint64
	isEnd bool
	given bool // at holds
}

// target is what the caller must be allowed to read.
func (r *readRequest) target() string {
	if r.stream == "" {
		return allStream
	}
	return r.stream
}

func invalidRead(text string) error { return status.Error(codes.InvalidArgument, text) }

// parseReadRequest refuses what contradicts itself.
func parseReadRequest(options *streams.ReadReq_Options) (*readRequest, error) {
	r := &readRequest{
		resolveLinks: options.GetResolveLinks(),
		bounds:       options.GetControlOption().GetCompatibility() >= 1,
	}
	switch direction := options.GetReadDirection(); direction {
	case streams.ReadReq_Options_Forwards:
	case streams.ReadReq_Options_Backwards:
		r.backwards = true
	default:
		return nil, status.Errorf(codes.InvalidArgument, "the direction %d of the read is unknown", direction)
	}
	switch count := options.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
		if r.count = count.Count; r.count == 0 {
			return nil, invalidRead("a read of 0 events")
		}
	case *streams.ReadReq_Options_Subscription:
		r.subscription = true
	default:
		return nil, invalidRead("the read is neither counted nor a subscription")
	}
	switch options.GetUuidOption().GetContent().(type) {
	case *streams.ReadReq_Options_UUIDOption_Structured:
	case *streams.ReadReq_Options_UUIDOption_String_:
		r.uuids = uuidString
	default:
		return nil, invalidRead("the read does not say in which form it wants ids")
	}
	if err := r.parseTarget(options); err != nil {
		return nil, err
	}
	var err error
	if r.filter, err = parseFilter(options.GetFilter()); err != nil {
		return nil, err
	}
	switch {
	case r.filter != nil && r.stream != "":
		return nil, invalidRead("a filter applies to reads of the whole log only")
	case r.subscription && r.backwards:
		return nil, invalidRead("a subscription goes forwards only")
	}
	return r, nil
}

func (r *readRequest) parseTarget(options *streams.ReadReq_Options) error {
	switch target := options.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		return r.parseStream(target.Stream)
	case *streams.ReadReq_Options_All:
		return r.parseAll(target.All)
	default:
		return invalidRead("the read names neither a stream nor the whole log")
	}
}

func (r *readRequest) parseStream(options *streams.ReadReq_Options_StreamOptions) error {
	name := options.GetStreamIdentifier().GetStreamName()
	if err := checkStreamName(name); err != nil {
		return err
	}
	r.stream = string(name)
	switch at := options.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		if at.Revision == math.MaxUint64 && r.subscription {
			r.from.isEnd = true // the clients' number for the end
			break
		}
		r.from = start{at: at.Revision, given: true}
	case *streams.ReadReq_Options_StreamOptions_Start:
	case *streams.ReadReq_Options_StreamOptions_End:
		r.from.isEnd = true
	default:
		return invalidRead("the read does not say from which revision")
	}
	return nil
}

func (r *readRequest) parseAll(options *streams.ReadReq_Options_AllOptions) error {
	switch at := options.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		commit, prepare := at.Position.GetCommitPosition(), at.Position.GetPreparePosition()
		switch {
		case commit == math.MaxUint64 && prepare == math.MaxUint64:
			r.from.isEnd = true // the clients' number for the end
		case prepare <= commit && commit <= math.MaxInt64:
			r.from = start{at: commit, given: true}
		default:
			code := codes.Unknown // as EventStoreDB answers reads
			if r.subscription {
				code = codes.InvalidArgument
			}
			return status.Errorf(code, "no event can have the position %d/%d", commit, prepare)
		}
	case *streams.ReadReq_Options_AllOptions_Start:
	case *streams.ReadReq_Options_AllOptions_End:
		r.from.isEnd = true
	default:
		return invalidRead("the read does not say from which position")
	}
	return nil
}
