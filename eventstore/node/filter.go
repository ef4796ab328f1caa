package node

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// filter selects records of the whole log. A nil filter selects all.
type filter struct {
	byType   bool
	prefixes [][]byte
	regex    *regexp.Regexp
	// interval is the number of records looked at between two checkpoints.
	interval int
}

const defaultWindow = 32

// parseFilter reads filter options; nil options give a nil filter.
func parseFilter(options *streams.ReadReq_Options_FilterOptions) (*filter, error) {
	if options == nil {
		return nil, nil
	}
	f := &filter{}
	var expression *streams.ReadReq_Options_FilterOptions_Expression
	switch kind := options.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		expression = kind.StreamIdentifier
	case *streams.ReadReq_Options_FilterOptions_EventType:
		expression, f.byType = kind.EventType, true
	default:
		return nil, status.Error(codes.InvalidArgument, "the filter says neither stream nor event type")
	}
	if pattern := expression.GetRegex(); pattern != "" {
		regex, err := regexp.Compile(pattern)
		if err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "the filter's regular expression: %v", err)
		}
		f.regex = regex
	} else {
		for _, prefix := range expression.GetPrefix() {
			f.prefixes = append(f.prefixes, []byte(prefix))
		}
		if len(f.prefixes) == 0 {
			return nil, status.Error(codes.InvalidArgument, "the filter has neither a regular expression nor a prefix")
		}
	}
	window := uint64(defaultWindow)
	switch w := options.GetWindow().(type) {
	case *streams.ReadReq_Options_FilterOptions_Max:
		window = uint64(w.Max)
	case *streams.ReadReq_Options_FilterOptions_Count:
	default:
		return nil, status.Error(codes.InvalidArgument, "the filter has no window")
	}
	if window == 0 || options.GetCheckpointIntervalMultiplier() == 0 {
		return nil, status.Error(codes.InvalidArgument, "the filter's window and checkpoint interval must be above 0")
	}
	// Both factors have 32 bits, so the product fits.
	f.interval = int(min(window*uint64(options.GetCheckpointIntervalMultiplier()), 1<<31))
	return f, nil
}

// selection is what a read of the whole log takes of one block.
type selection uint8

const (
	selectNone selection = iota
	selectAll
	selectByType // what filter.matches takes
)

// ofBlock decides about a block as far as its stream tells.
func (f *filter) ofBlock(b *block) selection {
	switch {
	case leftOut(b.stream):
		return selectNone
	case f == nil:
		return selectAll
	case f.byType:
		return selectByType
	case f.matches(b.raw[blockFixed:b.first]):
		return selectAll
	default:
		return selectNone
	}
}

// matches decides about the type of an event, or the name of a stream.
func (f *filter) matches(subject []byte) bool {
	if f.regex != nil {
		return f.regex.Match(subject)
	}
	for _, prefix := range f.prefixes {
		if bytes.HasPrefix(subject, prefix) {
			return true
		}
	}
	return false
}

// leftOut reports whether a stream is the store's own book-keeping, which readers
// of the whole log never see: a log that was copied from a cluster may hold it.
func leftOut(stream string) bool {
	if stream == "" || stream[0] != '$' {
		return false
	}
	if stream == "$epoch-information" {
		return true
	}
	group, found := strings.CutPrefix(stream, "$persistentsubscription-$all::")
	return found && (strings.HasSuffix(group, "-checkpoint") || strings.HasSuffix(group, "-parked"))
}
