package node

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"time"
)

const (
	// metadataPrefix before a stream's name names the stream of its metadata.
	metadataPrefix = "$$"
	// typeMetadata is the type of the events there.
	typeMetadata = "$metadata"
	// neverVisible, as the revision before which a stream is truncated, says that
	// the stream is deleted and may be made again.
	neverVisible = uint64(math.MaxInt64)
)

// streamMetadata is what the node itself obeys of a stream's metadata. Its zero
// value is that of a stream without any.
type streamMetadata struct {
	maxCount       uint64        // 0 for no limit
	maxAge         time.Duration // 0 for no limit
	truncateBefore uint64        // the first visible revision
	acl            *accessList   // nil where there is none
}

// accessList holds the roles that may do something. A nil list leaves the answer
// to the defaults, an empty one shuts everybody out.
type accessList struct {
	read, write, delete, metaRead, metaWrite []string
}

// softDeleted reports whether the stream is deleted, but not for good.
func (m streamMetadata) softDeleted() bool { return m.truncateBefore == neverVisible }

// isMetadataStream reports whether a name is that of a stream of metadata.
func isMetadataStream(stream string) bool { return strings.HasPrefix(stream, metadataPrefix) }

// parseMetadata reads the newest event of a stream of metadata. What is not a
// JSON object, or holds an access list that is none, counts as no metadata; of
// the limits only positive integers count.
func parseMetadata(rec record) streamMetadata {
	if !rec.json {
		return streamMetadata{}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(rec.data, &fields); err != nil {
		return streamMetadata{}
	}
	var m streamMetadata
	if raw, ok := fields["$acl"]; ok && !bytes.Equal(raw, []byte("null")) {
		if m.acl, ok = parseAccessList(raw); !ok {
			return streamMetadata{}
		}
	}
	m.maxCount, _ = positive(fields["$maxCount"])
	if seconds, ok := positive(fields["$maxAge"]); ok {
		m.maxAge = time.Duration(min(seconds, uint64(math.MaxInt64/time.Second))) * time.Second
	}
	m.truncateBefore, _ = positive(fields["$tb"])
	return m
}

// positive reads an integer from 1 to the largest revision.
func positive(raw json.RawMessage) (uint64, bool) {
	var n int64
	if len(raw) == 0 || json.Unmarshal(raw, &n) != nil || n <= 0 {
		return 0, false
	}
	return uint64(n), true
}

func parseAccessList(raw json.RawMessage) (*accessList, bool) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, false
	}
	list := new(accessList)
	for key, roles := range map[string]*[]string{"$r": &list.read, "$w": &list.write, "$d": &list.delete, "$mr": &list.metaRead, "$mw": &list.metaWrite} {
		var ok bool
		if *roles, ok = parseRoles(fields[key]); !ok {
			return nil, false
		}
	}
	return list, true
}

// parseRoles reads one role or a list of them; nothing gives nil.
func parseRoles(raw json.RawMessage) ([]string, bool) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, true
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, true
	}
	roles := []string{}
	err := json.Unmarshal(raw, &roles)
	return roles, err == nil
}

// metadata returns the metadata of a stream, as the newest flushed event of its
// metadata stream has it.
func (s *store) metadata(stream string) (streamMetadata, error) {
	return s.metadataAt(stream, s.tail.end())
}

// metadataAt is metadata when the log ended at a position. Metadata streams have
// no metadata that could be written: all but their newest event is hidden.
func (s *store) metadataAt(stream string, end uint64) (streamMetadata, error) {
	if isMetadataStream(stream) {
		return streamMetadata{maxCount: 1}, nil
	}
	rec, ok, err := s.newestRecord(metadataPrefix+stream, end)
	if err != nil || !ok {
		return streamMetadata{}, err
	}
	return parseMetadata(rec), nil
}

const (
	// settingsStream holds what applies to all streams: its newest event counts.
	settingsStream = "$settings"
	// The access lists there, for streams that have none of their own.
	settingUserStreams   = "$userStreamAcl"
	settingSystemStreams = "$systemStreamAcl"
)

// settings returns the default access lists for user streams and for system
// streams, nil where the node's own defaults hold. Settings that are no JSON
// object, or hold a list that is none, count as none at all.
func (s *store) settings() (users, system *accessList, err error) {
	end := s.tail.end()
	rec, ok, err := s.newestRecord(settingsStream, end)
	if err != nil || !ok || !rec.json {
		return nil, nil, err
	}
	if metadata, err := s.metadataAt(settingsStream, end); err != nil || metadata.softDeleted() {
		return nil, nil, err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(rec.data, &fields) != nil {
		return nil, nil, nil
	}
	for key, list := range map[string]**accessList{settingUserStreams: &users, settingSystemStreams: &system} {
		if raw, given := fields[key]; given && !bytes.Equal(raw, []byte("null")) {
			if *list, ok = parseAccessList(raw); !ok {
				return nil, nil, nil
			}
		}
	}
	return users, system, nil
}

// newestRecord returns the last event of a stream when the log ended at a
// position; ok is false where there was none, or the stream was deleted for good.
func (s *store) newestRecord(stream string, end uint64) (rec record, ok bool, err error) {
	line, ok, err := s.newestLine(stream, end)
	if err != nil || !ok || line.lastRevision() == tombstoneRevision {
		return record{}, false, err
	}
	b, err := s.at(line.position)
	if err != nil {
		return record{}, false, err
	}
	records, err := b.all()
	if err != nil {
		return record{}, false, err
	}
	return records[len(records)-1], true, nil
}
