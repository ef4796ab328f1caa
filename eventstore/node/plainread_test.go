package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
)

// whence is where a read begins: at a revision or position, or at one of the ends.
type whence struct {
	at         uint64
	start, end bool
}

// reach is what a read wants.
type reach struct {
	stream    string // "" for the whole log
	from      whence
	backwards bool
	count     uint64
	streams   []string // prefixes of streams' names, of the whole log only
	kinds     []string // prefixes of types, of the whole log only
}

func (r reach) options() *streams.ReadReq_Options {
	o := &streams.ReadReq_Options{UuidOption: structuredIDs,
		CountOption:  &streams.ReadReq_Options_Count{Count: r.count},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}}}
	if r.backwards {
		o.ReadDirection = streams.ReadReq_Options_Backwards
	}
	if r.stream != "" {
		of := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: plainStream(r.stream),
			RevisionOption: &streams.ReadReq_Options_StreamOptions_Revision{Revision: r.from.at}}
		if r.from.start {
			of.RevisionOption = &streams.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}}
		} else if r.from.end {
			of.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
		}
		o.StreamOption = &streams.ReadReq_Options_Stream{Stream: of}
		return o
	}
	all := &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Position{
		Position: &streams.ReadReq_Options_Position{CommitPosition: r.from.at, PreparePosition: r.from.at}}}
	if r.from.start {
		all.AllOption = &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}
	} else if r.from.end {
		all.AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
	}
	o.StreamOption = &streams.ReadReq_Options_All{All: all}
	filter := &streams.ReadReq_Options_FilterOptions{Window: &streams.ReadReq_Options_FilterOptions_Max{Max: 32}, CheckpointIntervalMultiplier: 1}
	switch {
	case r.streams != nil:
		filter.Filter = &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: r.streams}}
	case r.kinds != nil:
		filter.Filter = &streams.ReadReq_Options_FilterOptions_EventType{
			EventType: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: r.kinds}}
	default:
		return o
	}
	o.FilterOption = &streams.ReadReq_Options_Filter{Filter: filter}
	return o
}

func (r reach) matches(stream, kind string) bool {
	prefixes, name := r.streams, stream
	if r.kinds != nil {
		prefixes, name = r.kinds, kind
	}
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return prefixes == nil
}

// read reads to the end of the call.
func (c plainClient) read(ctx context.Context, r reach) ([]seen, ending, error) {
	return c.receive(ctx, r.stream, r.options(), false)
}

// catchUp reads a subscription until it has caught up. From is exclusive.
func (c plainClient) catchUp(ctx context.Context, r reach) ([]seen, ending, error) {
	options := r.options()
	options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return c.receive(ctx, r.stream, options, true)
}

func (c plainClient) receive(ctx context.Context, stream string, options *streams.ReadReq_Options, subscription bool) ([]seen, ending, error) {
	call, err := c.Read(ctx, &streams.ReadReq{Options: options})
	if err != nil {
		return nil, "", err
	}
	var events []seen
	for first := true; ; first = false {
		message, err := call.Recv()
		if errors.Is(err, io.EOF) && !subscription {
			return events, done, nil
		}
		if err != nil {
			var trailers metadata.MD
			if first {
				trailers = call.Trailer()
			}
			refused, err := plainRefusal(stream, 0, trailers, err)
			return events, refused.ending, err
		}
		switch content := message.GetContent().(type) {
		case *streams.ReadResp_Event:
			event, err := plainEvent(content.Event)
			if err != nil {
				return events, "", err
			}
			if subscription && first {
				return events, "", errors.New("an event before the confirmation")
			}
			events = append(events, event)
		case *streams.ReadResp_StreamNotFound_:
			if string(content.StreamNotFound.GetStreamIdentifier().GetStreamName()) != stream || !first || subscription {
				return events, "", fmt.Errorf("a misplaced %v", message)
			}
			if _, err := call.Recv(); !errors.Is(err, io.EOF) {
				return events, "", fmt.Errorf("more after not found: %w", err)
			}
			return nil, notFound, nil
		case *streams.ReadResp_Confirmation:
			if !first || !subscription {
				return events, "", errors.New("a misplaced confirmation")
			}
		case *streams.ReadResp_Checkpoint_:
			if !subscription || options.GetFilter() == nil {
				return events, "", errors.New("a misplaced checkpoint")
			}
		case *streams.ReadResp_CaughtUp_:
			if !subscription || first {
				return events, "", errors.New("a misplaced caught-up")
			}
			return events, done, nil
		default:
			return events, "", fmt.Errorf("a message nobody asked for: %v", message)
		}
	}
}

func plainEvent(message *streams.ReadResp_ReadEvent) (seen, error) {
	event := message.GetEvent()
	var id uuid.UUID
	most, least := event.GetId().GetStructured().GetMostSignificantBits(), event.GetId().GetStructured().GetLeastSignificantBits()
	for i := range 8 {
		id[i], id[8+i] = byte(most>>(56-8*i)), byte(least>>(56-8*i))
	}
	properties := event.GetMetadata()
	created, err := strconv.ParseInt(properties["created"], 10, 64)
	content := properties["content-type"]
	s := seen{
		proposal: proposal{id: id, kind: properties["type"], json: content == "application/json",
			custom: string(event.GetCustomMetadata()), data: string(event.GetData())},
		stream: string(event.GetStreamIdentifier().GetStreamName()), revision: int64(event.GetStreamRevision()),
		position: event.GetCommitPosition(), created: created,
	}
	if err != nil || len(properties) != 3 || !s.json && content != "application/octet-stream" ||
		event.GetPreparePosition() != s.position || message.GetCommitPosition() != s.position || message.GetLink() != nil {
		return s, fmt.Errorf("an event in the wrong form: %v", message)
	}
	return s, nil
}
