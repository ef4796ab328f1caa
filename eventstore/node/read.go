package node

import (
	"errors"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// pageBytes and pageLines bound what one reader holds in memory.
	pageBytes = 1 << 20
	pageLines = 64
)

// readRequest is a Read call, understood.
type readRequest struct {
	stream       string // "" for the whole log
	filter       *filter
	backwards    bool
	subscription bool
	count        uint64
	from         start
	uuids        uuidForm
}

// start is where a read begins: at the start, at the end, or at a revision or position.
type start struct {
	at    uint64
	isEnd bool
	given bool // at holds
}

// Read answers every kind of reading: streams and the whole log, in both
// directions, once or as a subscription.
func (s *server) Read(req *streams.ReadReq, stream streams.Streams_ReadServer) error {
	request, err := parseReadRequest(req.GetOptions())
	if err != nil {
		return err
	}
	out := &output{stream: stream, event: rawEvent{uuidAs: request.uuids}}
	switch {
	case request.subscription:
		return s.subscribe(request, out)
	case request.stream != "":
		err = s.readStream(request, out)
	default:
		err = s.readAll(request, out)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return readStatus(err)
}

func parseReadRequest(options *streams.ReadReq_Options) (*readRequest, error) {
	r := &readRequest{backwards: options.GetReadDirection() == streams.ReadReq_Options_Backwards}
	invalid := func(text string) (*readRequest, error) { return nil, status.Error(codes.InvalidArgument, text) }
	switch target := options.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		name := target.Stream.GetStreamIdentifier().GetStreamName()
		if err := checkStreamName(name); err != nil {
			return nil, err
		}
		r.stream = string(name)
		switch at := target.Stream.GetRevisionOption().(type) {
		case *streams.ReadReq_Options_StreamOptions_Revision:
			r.from = start{at: at.Revision, given: true}
		case *streams.ReadReq_Options_StreamOptions_End:
			r.from.isEnd = true
		case nil:
			return invalid("the read does not say from which revision")
		}
	case *streams.ReadReq_Options_All:
		switch at := target.All.GetAllOption().(type) {
		case *streams.ReadReq_Options_AllOptions_Position:
			r.from = start{at: at.Position.GetCommitPosition(), given: true}
		case *streams.ReadReq_Options_AllOptions_End:
			r.from.isEnd = true
		case nil:
			return invalid("the read does not say from which position")
		}
	default:
		return invalid("the read names neither a stream nor the whole log")
	}
	switch count := options.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
		if r.count = count.Count; r.count == 0 {
			return invalid("a read of 0 events")
		}
	case *streams.ReadReq_Options_Subscription:
		r.subscription = true
	default:
		return invalid("the read is neither counted nor a subscription")
	}
	switch options.GetUuidOption().GetContent().(type) {
	case *streams.ReadReq_Options_UUIDOption_Structured:
	case *streams.ReadReq_Options_UUIDOption_String_:
		r.uuids = uuidString
	default:
		return invalid("the read does not say in which form it wants ids")
	}
	var err error
	if r.filter, err = parseFilter(options.GetFilter()); err != nil {
		return nil, err
	}
	switch {
	case r.filter != nil && r.stream != "":
		return invalid("a filter applies to reads of the whole log only")
	case r.subscription && r.backwards:
		return invalid("a subscription goes forwards only")
	case options.GetResolveLinks():
		return nil, status.Error(codes.Unimplemented, "links are not offered by this node; read without resolving them")
	}
	return r, nil
}

// readStatus gives an error of a read its status. Statuses pass unchanged.
func readStatus(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	var broken *damaged
	if errors.As(err, &broken) {
		return status.Error(codes.DataLoss, broken.Error())
	}
	return status.Error(codes.Unknown, err.Error())
}

// errEnough ends a read whose count is reached. It never leaves the package.
var errEnough = errors.New("enough events")

// output sends one call's messages.
type output struct {
	stream streams.Streams_ReadServer
	event  rawEvent
}

func (o *output) sendEvent(b *block, rec record) error {
	o.event.block, o.event.record = b, rec
	return o.stream.SendMsg(&o.event)
}

func (o *output) notFound(stream string) error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
		StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}}})
}

// readStream sends events of one stream.
func (s *server) readStream(r *readRequest, out *output) error {
	head, ok, err := s.visibleHead(r.stream)
	if err != nil {
		return err
	}
	if !ok {
		return out.notFound(r.stream)
	}
	left := r.count
	send := func(b *block, rec record) error {
		if err := out.sendEvent(b, rec); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	}
	switch {
	case !r.backwards && r.from.isEnd:
		return nil
	case !r.backwards:
		_, err := s.streamForwards(r.stream, r.from.at, send)
		return err
	case r.from.given:
		return s.streamBackwards(r.stream, min(r.from.at, head), send)
	case r.from.isEnd:
		return s.streamBackwards(r.stream, head, send)
	default: // backwards from the start: revision 0 only
		return s.streamBackwards(r.stream, 0, send)
	}
}

// visibleHead returns the revision of a stream's last visible event.
func (s *server) visibleHead(stream string) (revision uint64, ok bool, err error) {
	end := s.store.tail.end()
	for from := ^uint64(0); ; {
		lines, err := s.store.index(stream, from, true, 1)
		if err != nil || len(lines) == 0 {
			return 0, false, err
		}
		if lines[0].position < end {
			return lines[0].lastRevision(), true, nil
		}
		if lines[0].revision == 0 {
			return 0, false, nil
		}
		from = lines[0].revision - 1
	}
}

// streamForwards walks over the visible events of a stream from a revision on and
// returns the revision that comes next.
func (s *server) streamForwards(stream string, from uint64, visit func(*block, record) error) (next uint64, err error) {
	for {
		end := s.store.tail.end()
		lines, err := s.store.index(stream, from, false, pageLines)
		if err != nil {
			return from, err
		}
		if len(lines) == 0 || lines[0].position >= end {
			return from, nil
		}
		for _, line := range lines {
			if line.position >= end {
				return from, nil
			}
			b, err := s.store.at(line.position)
			if err != nil {
				return from, err
			}
			for records := b.walk(); ; {
				rec, ok, err := records.next()
				if err != nil {
					return from, err
				}
				if !ok {
					break
				}
				if rec.revision < from {
					continue
				}
				if err := visit(b, rec); err != nil {
					return from, err
				}
				from = rec.revision + 1
			}
		}
	}
}

// streamBackwards walks over the visible events of a stream from a revision down.
func (s *server) streamBackwards(stream string, from uint64, visit func(*block, record) error) error {
	for {
		lines, err := s.store.index(stream, from, true, pageLines)
		if err != nil || len(lines) == 0 {
			return err
		}
		for _, line := range lines {
			b, err := s.store.at(line.position)
			if err != nil {
				return err
			}
			records, err := b.all()
			if err != nil {
				return err
			}
			for i := len(records) - 1; i >= 0; i-- {
				if records[i].revision > from {
					continue
				}
				if err := visit(b, records[i]); err != nil {
					return err
				}
			}
		}
		oldest := lines[len(lines)-1].revision
		if oldest == 0 {
			return nil
		}
		from = oldest - 1
	}
}

// readAll sends events of the whole log.
func (s *server) readAll(r *readRequest, out *output) error {
	left := r.count
	send := func(b *block, rec record) error {
		if !r.filter.matches(b, &rec) {
			return nil
		}
		if err := out.sendEvent(b, rec); err != nil {
			return err
		}
		if left--; left == 0 {
			return errEnough
		}
		return nil
	}
	if r.backwards {
		before := r.from.at // 0 from the start: nothing
		if r.from.isEnd {
			before = s.store.tail.end() + 1
		}
		return s.allBackwards(before, send)
	}
	if r.from.isEnd {
		return nil
	}
	after := uint64(0)
	if r.from.given && r.from.at > 0 {
		after = r.from.at - 1 // a read includes the position that it names
	}
	for {
		blocks, behind, _ := s.store.tail.after(after, pageBytes)
		if behind {
			var err error
			if blocks, err = s.store.after(after, pageBytes); err != nil {
				return err
			}
		}
		if len(blocks) == 0 {
			return nil
		}
		for _, b := range blocks {
			if err := b.visitAfter(after, send); err != nil {
				return err
			}
			after = b.lastPosition()
		}
	}
}

// allBackwards walks over the visible events below a position, the newest first.
func (s *server) allBackwards(before uint64, visit func(*block, record) error) error {
	for before > 0 {
		blocks, err := s.store.before(before, pageBytes)
		if err != nil || len(blocks) == 0 {
			return err
		}
		for _, b := range blocks {
			records, err := b.all()
			if err != nil {
				return err
			}
			for i := len(records) - 1; i >= 0; i-- {
				if records[i].position >= before {
					continue
				}
				if err := visit(b, records[i]); err != nil {
					return err
				}
			}
		}
		before = blocks[len(blocks)-1].position
	}
	return nil
}
