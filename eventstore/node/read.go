package node

import (
	"errors"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// firstPage is the number of events among which EventStoreDB looks for the first
// visible one before it tells a client, that asked for it, where a stream begins.
const firstPage = 32

// Read answers every kind of reading: streams and the whole log, in both
// directions, once or as a subscription.
func (s *server) Read(req *streams.ReadReq, stream streams.Streams_ReadServer) error {
	request, err := parseReadRequest(req.GetOptions())
	if err != nil {
		return err
	}
	if err := s.allow(stream.Context(), actionRead, request.target()); err != nil {
		return err
	}
	out := &output{stream: stream, event: rawEvent{uuidAs: request.uuids}, counts: s.metrics}
	if request.resolveLinks {
		out.links = &linkResolver{server: s, ctx: stream.Context()}
	}
	switch {
	case request.subscription:
		err = s.subscribe(request, out)
	case request.stream != "":
		err = s.readStream(request, out)
	default:
		err = s.readAll(request, out)
	}
	return readStatus(err)
}

// readStatus gives an error of a read its status. Statuses pass unchanged.
func readStatus(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if isDamaged(err) {
		return status.Error(codes.DataLoss, err.Error())
	}
	return status.FromContextError(err).Err()
}

// errEnough ends a walk over events before its end. It never leaves the package.
var errEnough = errors.New("enough events")

// output sends one call's messages.
type output struct {
	stream streams.Streams_ReadServer
	event  rawEvent
	links  *linkResolver // nil where links are not to be resolved
	counts *metrics
}

// sendEvent sends a record, or what it leads to if it is a link.
func (o *output) sendEvent(b *block, rec record) error {
	o.event.event.block, o.event.event.record = b, rec
	if o.links != nil {
		if err := o.links.resolve(&o.event); err != nil {
			return err
		}
	}
	o.counts.sent(&rec)
	return o.stream.SendMsg(&o.event)
}

func (o *output) notFound(stream string) error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
		StreamNotFound: &streams.ReadResp_StreamNotFound{
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)}}}})
}

func (o *output) firstRevision(revision uint64) error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_FirstStreamPosition{FirstStreamPosition: revision}})
}

func (o *output) lastRevision(revision uint64) error {
	return o.stream.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: revision}})
}

// readStream sends events of one stream, as it stands when the read begins.
func (s *server) readStream(r *readRequest, out *output) error {
	v, err := s.store.visible(r.stream, s.committer.now())
	switch {
	case err != nil:
		return err
	case v.tombstoned:
		return streamDeleted(r.stream)
	case !v.exists:
		return out.notFound(r.stream)
	case r.from.isEnd && !r.backwards:
		return status.Error(codes.Unknown, "a stream cannot be read forwards from its end") // as EventStoreDB
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
	if r.backwards {
		from := r.from.at // 0 from the start: the first event only
		if r.from.isEnd {
			from = v.next
		}
		err = s.store.backwards(r.stream, min(from, v.next-1), v.first, r.count, send)
	} else {
		if r.bounds && v.beginsAfter(r.from.at, min(r.count, firstPage)) {
			if err := out.firstRevision(v.first); err != nil {
				return err
			}
		}
		err = s.store.forwards(r.stream, max(r.from.at, v.first), v.end, r.count, send)
	}
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if r.bounds {
		return out.lastRevision(v.next - 1)
	}
	return nil
}

// readAll sends events of the whole log.
func (s *server) readAll(r *readRequest, out *output) error {
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
	var err error
	switch {
	case r.backwards && r.from.isEnd:
		err = s.allBackwards(s.store.tail.end()+1, r.filter, out, send)
	case r.backwards:
		err = s.allBackwards(r.from.at, r.filter, out, send) // 0 from the start: nothing
	case !r.from.isEnd:
		// A read includes the position that it names; no event has position 0.
		err = s.allForwards(max(r.from.at, 1)-1, r.filter, out, send)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// allForwards walks over the selected events after a position.
func (s *server) allForwards(after uint64, f *filter, out *output, visit func(*block, record) error) error {
	pages := newLogPages(s.store, after)
	defer pages.close()
	for {
		page, err := pages.next()
		if err != nil || len(page.blocks) == 0 {
			return err
		}
		if err := out.stream.Context().Err(); err != nil {
			return err // nothing is sent where nothing matches
		}
		for _, b := range page.blocks {
			selected := f.ofBlock(b)
			if selected == selectNone {
				continue
			}
			if err := b.visitAfter(after, func(b *block, rec record) error {
				if selected == selectByType && !f.matches(rec.kind) {
					return nil
				}
				return visit(b, rec)
			}); err != nil {
				return err
			}
		}
	}
}

// allBackwards walks over the selected visible events below a position, the
// newest first.
func (s *server) allBackwards(before uint64, f *filter, out *output, visit func(*block, record) error) error {
	for before > 0 {
		blocks, err := s.store.before(before, pageBytes)
		if err != nil || len(blocks) == 0 {
			return err
		}
		if err := out.stream.Context().Err(); err != nil {
			return err
		}
		for _, b := range blocks {
			selected := f.ofBlock(b)
			if selected == selectNone {
				continue
			}
			records, err := b.all()
			if err != nil {
				return err
			}
			for i := len(records) - 1; i >= 0; i-- {
				if records[i].position >= before || selected == selectByType && !f.matches(records[i].kind) {
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
