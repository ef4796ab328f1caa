package node

import (
	"bytes"
	"fmt"
)

// verdict is what a request comes to.
type verdict uint8

const (
	verdictWrite    verdict = iota // carry it out
	verdictWrong                   // the stream is not where the request expects it
	verdictDeleted                 // the stream is deleted
	verdictRepeated                // an append whose events are all there already
	verdictWait                    // ask again when the group is on disk
)

// decision is a verdict; revision and position belong to verdictRepeated and are
// those of the append's last event. The position is 0 where it cannot be read any more.
type decision struct {
	verdict  verdict
	revision int64
	position uint64
}

// decide is EventStoreDB's table of expected revisions, in its order. Deletions and
// tombstones follow it too, but as they have no ids of their own they are never
// repetitions.
func (g *group) decide(r *appendRequest, s streamState) (decision, error) {
	if s.tombstoned() {
		return decision{verdict: verdictDeleted}, nil
	}
	if s.last == noStream && (r.expected == streamExists || r.operation == opDelete) {
		// A stream that only has metadata exists, and may be deleted.
		metadata, err := g.committer.state(metadataPrefix + r.stream)
		if err != nil {
			return decision{}, err
		}
		if metadata.last == noStream {
			return decision{verdict: verdictWrong}, nil
		}
	}
	repeatable := r.operation == opAppend && r.records.count > 0
	switch {
	case r.expected == streamExists && s.deleted:
		return decision{verdict: verdictDeleted}, nil
	case r.expected == anyRevision || r.expected == streamExists:
		if !repeatable {
			return decision{}, nil
		}
		return g.decideByID(r, s)
	case r.expected < s.last:
		return g.decideByPosition(r, s, repeatable)
	case r.expected > s.last:
		return decision{verdict: verdictWrong}, nil
	}
	return decision{}, nil
}

// decideByID is for appends that expect no revision: they are repetitions where
// all their ids are known in the stream, wherever they stand there.
func (g *group) decideByID(r *appendRequest, s streamState) (decision, error) {
	var last place
	first := true
	g.committer.recent.follow(g.committer.store.tail, g.blocks)
	finder := idFinder{committer: g.committer, stream: r.stream}
	for id := range r.records.ids {
		found, ok, err := finder.find(id)
		switch {
		case err != nil:
			return decision{}, err
		case !ok && first:
			return decision{}, nil
		case !ok:
			return decision{verdict: verdictWrong}, nil
		}
		first, last = false, found
	}
	return g.repeated(r, s, int64(last.revision), last.position)
}

// decideByPosition is for appends that expect a revision which the stream has
// passed: they are repetitions where their events stand behind that revision.
func (g *group) decideByPosition(r *appendRequest, s streamState, repeatable bool) (decision, error) {
	recreates := r.expected == noStream && s.deleted
	end := r.expected + int64(r.records.count)
	switch {
	case !repeatable && recreates && r.records.count > 0:
		return decision{}, nil
	case !repeatable || end > s.last && !recreates:
		return decision{verdict: verdictWrong}, nil
	case s.group == g.number:
		return decision{verdict: verdictWait}, nil
	}
	matched, position, err := g.committer.match(r, s.last)
	switch {
	case err != nil:
		return decision{}, err
	case matched == r.records.count:
		return g.repeated(r, s, end, position)
	case matched == 0 && recreates:
		return decision{}, nil
	}
	return decision{verdict: verdictWrong}, nil
}

// repeated answers a repetition. What the group changes may hide its events.
func (g *group) repeated(r *appendRequest, s streamState, revision int64, position uint64) (decision, error) {
	if s.group == g.number {
		return decision{verdict: verdictWait}, nil
	}
	seen, err := g.committer.store.visible(r.stream, g.committer.now())
	if err != nil {
		return decision{}, err
	}
	if !seen.contains(uint64(revision)) {
		position = 0
	}
	return decision{verdictRepeated, revision, position}, nil
}

// match compares a request's ids with those in the stream from the expected
// revision on, up to the stream's last. It returns how many are the same before
// the first that is not, and the position of the last of them.
func (c *committer) match(request *appendRequest, last int64) (matched int, position uint64, err error) {
	revision := uint64(request.expected + 1)
	var records cursor
	more := false
	for id := range request.records.ids {
		if int64(revision) > last {
			break
		}
		var found record
		if more {
			if found, more, err = records.next(); err != nil {
				return 0, 0, err
			}
		}
		if !more {
			if records, found, err = c.walkFrom(request.stream, revision); err != nil {
				return 0, 0, err
			}
			more = true
		}
		if !bytes.Equal(found.id, id) {
			break
		}
		position = found.position
		revision++
		matched++
	}
	return matched, position, nil
}

// walkFrom returns the record of a stream at a revision, and what follows in its block.
func (c *committer) walkFrom(stream string, revision uint64) (records cursor, found record, err error) {
	lines, err := c.store.index(stream, revision, false, 1)
	if err != nil {
		return cursor{}, record{}, err
	}
	if len(lines) == 0 {
		return cursor{}, record{}, fmt.Errorf("revision %d of stream %q is not in the index", revision, stream)
	}
	b, err := c.store.at(lines[0].position)
	if err != nil {
		return cursor{}, record{}, err
	}
	for records = b.walk(); ; {
		found, more, err := records.next()
		switch {
		case err != nil:
			return cursor{}, record{}, err
		case !more:
			return cursor{}, record{}, &damaged{b.position, fmt.Sprintf("the block lacks revision %d", revision)}
		case found.revision == revision:
			return records, found, nil
		}
	}
}
