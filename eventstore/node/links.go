package node

import (
	"bytes"
	"context"
	"errors"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// typeLink is the type of an event whose data, revision@stream, names another.
const typeLink = "$>"

// linkResolver finds the events that links lead to, for one call. It remembers the
// last block: neighbouring links mostly lead to neighbouring events.
type linkResolver struct {
	server  *server
	ctx     context.Context // the call's, for its caller's rights
	block   *block
	records []record
}

// resolve turns an event that is a link into the pair of link and target. Where
// the target cannot be read, because it is missing, deleted, hidden by metadata or
// not for the caller to see, the link stands alone.
func (l *linkResolver) resolve(e *rawEvent) error {
	e.link.block = nil
	if string(e.event.record.kind) != typeLink {
		return nil
	}
	e.link.block, e.link.record = e.event.block, e.event.record
	e.event.block = nil
	revision, stream, ok := parseLink(e.link.record.data)
	if !ok {
		return nil
	}
	if err := l.server.allow(l.ctx, actionRead, stream); err != nil {
		if status.Code(err) == codes.PermissionDenied {
			return nil
		}
		return err
	}
	v, err := l.server.store.visible(stream, l.server.committer.now())
	if err != nil || !v.contains(revision) {
		return err
	}
	if err := l.load(stream, revision); err != nil {
		return err
	}
	if at := revision - l.block.revision; at < uint64(len(l.records)) {
		e.event.block, e.event.record = l.block, l.records[at]
	}
	return nil
}

// load brings the block that holds a visible revision.
func (l *linkResolver) load(stream string, revision uint64) error {
	if l.block != nil && l.block.stream == stream && l.block.revision <= revision && revision <= l.block.lastRevision() {
		return nil
	}
	lines, err := l.server.store.index(stream, revision, false, 1)
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		return l.server.store.indexError(stream, errors.New("it ends too early"))
	}
	b, err := l.server.store.blockOf(stream, lines[0], nil)
	if err != nil {
		return err
	}
	if l.records, err = b.all(); err != nil {
		return err
	}
	l.block = b
	return nil
}

// parseLink reads the data of a link.
func parseLink(data []byte) (revision uint64, stream string, ok bool) {
	number, name, found := bytes.Cut(data, []byte("@"))
	if !found || checkStreamName(name) != nil {
		return 0, "", false
	}
	signed, err := strconv.ParseInt(string(number), 10, 64)
	return uint64(signed), string(name), err == nil && signed >= 0
}
