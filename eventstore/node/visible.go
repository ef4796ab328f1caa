package node

import (
	"math"
	"strings"
	"time"
)

// tombstoneRevision is the revision of a tombstone, the last one a stream can have.
const tombstoneRevision = uint64(math.MaxInt64)

// visible is what readers may see of one stream at one moment.
type visible struct {
	end        uint64 // the last position of the log at that moment
	exists     bool   // false also where the stream is deleted, but not for good
	tombstoned bool
	first      uint64 // the lowest visible revision, where the stream exists
	next       uint64 // the revision of the next event
}

// empty reports whether there is nothing to see.
func (v visible) empty() bool { return !v.exists || v.first >= v.next }

// contains reports whether a revision may be seen.
func (v visible) contains(revision uint64) bool {
	return v.exists && v.first <= revision && revision < v.next
}

// beginsAfter reports whether none of the first count revisions from one on may
// be seen because the stream begins later, or has nothing to see any more.
func (v visible) beginsAfter(revision, count uint64) bool {
	return v.first > revision && (v.empty() || v.first-revision >= count)
}

// visible looks at a stream: how far it reaches at this moment, and what its
// metadata leaves of it. Age is counted from now.
func (s *store) visible(stream string, now time.Time) (visible, error) {
	v := visible{end: s.tail.end()}
	line, ok, err := s.newestLine(stream, v.end)
	if err != nil {
		return v, err
	}
	if v.tombstoned, err = s.tombstoned(stream, line, ok, v.end); err != nil || v.tombstoned || !ok {
		return v, err
	}
	v.next = line.lastRevision() + 1
	metadata, err := s.metadataAt(stream, v.end)
	if err != nil || metadata.softDeleted() {
		return v, err
	}
	v.exists, v.first = true, metadata.truncateBefore
	if metadata.maxCount > 0 && metadata.maxCount < v.next {
		v.first = max(v.first, v.next-metadata.maxCount)
	}
	if metadata.maxAge > 0 && !v.empty() {
		v.first, err = s.firstSince(stream, v.first, v.next, ticks(now.Add(-metadata.maxAge)))
	}
	return v, err
}

// tombstoned reports whether a stream, whose newest line is given, or the one
// whose metadata it holds, is deleted for good.
func (s *store) tombstoned(stream string, line entry, ok bool, end uint64) (bool, error) {
	if ok && line.lastRevision() == tombstoneRevision {
		return true, nil
	}
	original, isMetadata := strings.CutPrefix(stream, metadataPrefix)
	if !isMetadata || original == "" {
		return false, nil
	}
	line, ok, err := s.newestLine(original, end)
	if err != nil {
		return false, err
	}
	return s.tombstoned(original, line, ok, end)
}

// newestLine returns a stream's last line of the index when the log ended at a
// position. The index may hold newer ones, which are not flushed yet.
func (s *store) newestLine(stream string, end uint64) (line entry, ok bool, err error) {
	for limit, from := 1, ^uint64(0); ; limit = pageLines {
		lines, err := s.index(stream, from, true, limit)
		if err != nil {
			return entry{}, false, err
		}
		for _, line := range lines {
			if line.position < end {
				return line, true, nil
			}
		}
		if len(lines) < limit || lines[len(lines)-1].revision == 0 {
			return entry{}, false, nil
		}
		from = lines[len(lines)-1].revision - 1
	}
}

// firstSince returns the lowest revision, from first to below next, whose event is
// not older than a time in ticks, or next. It bisects, because what has expired may
// be long: where the clock was set back, some events around the border may be
// hidden a little early or late.
func (s *store) firstSince(stream string, first, next uint64, since int64) (uint64, error) {
	low, high := first, next
	for probe := low; low < high; probe = low + (high-low)/2 {
		lines, err := s.index(stream, probe, false, 1)
		if err != nil {
			return 0, err
		}
		if len(lines) == 0 {
			return low, nil
		}
		b, err := s.at(lines[0].position)
		if err != nil {
			return 0, err
		}
		if b.created >= since {
			high = max(low, min(probe, b.revision))
		} else {
			low = b.lastRevision() + 1
		}
	}
	return low, nil
}

// ticks is a time as the log holds it: units of 100 ns since 1970, UTC.
func ticks(t time.Time) int64 { return t.UnixNano() / 100 }
