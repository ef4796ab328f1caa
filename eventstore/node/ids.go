package node

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// rememberedIDs bounds the number of recent ids in memory.
	rememberedIDs = 1 << 17
	// sameIDs bounds how many events with one id, in other streams, are looked at.
	sameIDs = 64
)

// place is where an event stands.
type place struct {
	revision uint64
	position uint64
}

// recentIDs remembers the ids of recent events whatever they were appended with,
// in two generations. It follows the log only when it is asked for: where all
// appends name a revision it stays empty.
type recentIDs struct {
	young, old map[eventKey]place
	upTo       uint64 // the position of the last record that was looked at
}

// eventKey is an event of a stream: ids are compared within streams only.
type eventKey struct {
	id     [16]byte
	stream string
}

// follow takes in what has been added to the log, and then the blocks of a group
// under way. What has left the tail meanwhile is passed over.
func (r *recentIDs) follow(t *tail, group []*block) {
	blocks, behind, _ := t.after(r.upTo, t.limit)
	if behind {
		r.upTo = t.start()
		blocks, _, _ = t.after(r.upTo, t.limit)
	}
	for _, b := range blocks {
		r.take(b)
	}
	for _, b := range group {
		r.take(b)
	}
}

func (r *recentIDs) take(b *block) {
	if b.lastPosition() <= r.upTo {
		return
	}
	r.upTo = b.lastPosition()
	for records := b.walk(); ; {
		// Blocks of the tail were made in this process: there is nothing to fail.
		rec, ok, err := records.next()
		if err != nil || !ok {
			return
		}
		key := eventKey{[16]byte(rec.id), b.stream}
		if _, known := r.find(key); known {
			continue // the first one counts
		}
		if r.young == nil || len(r.young) >= rememberedIDs/2 {
			r.old, r.young = r.young, make(map[eventKey]place)
		}
		r.young[key] = place{rec.revision, rec.position}
	}
}

func (r *recentIDs) find(key eventKey) (place, bool) {
	found, ok := r.young[key]
	if !ok {
		found, ok = r.old[key]
	}
	return found, ok
}

// indexIDs adds the ids of a block to the batch. Only appends that expect no
// revision pay for this: the others are recognised by where they stand.
func (g *group) indexIDs(b *block) error {
	for records := b.walk(); ; {
		rec, ok, err := records.next()
		if err == nil && ok {
			err = g.batch.Set(idKey(rec.id, rec.position), nil, nil)
		}
		if err != nil {
			g.committer.fail(err)
		}
		if err != nil || !ok {
			return err
		}
	}
}

// idFinder looks for events of one stream by their ids, among the recent ones and
// on disk.
type idFinder struct {
	committer *committer
	stream    string
	block     *block // the one found last, where the next is likely to be
}

// find returns the first event of the stream that has an id.
func (f *idFinder) find(id []byte) (place, bool, error) {
	recent, known := f.committer.recent.find(eventKey{[16]byte(id), f.stream})
	positions, err := f.committer.store.positionsOf(id)
	if err != nil {
		return place{}, false, err
	}
	for _, position := range positions {
		if known && position >= recent.position {
			break
		}
		rec, err := f.at(position)
		if err != nil {
			return place{}, false, err
		}
		if !bytes.Equal(rec.id, id) {
			return place{}, false, &damaged{position, "the index of ids leads to another event"}
		}
		if f.block.stream == f.stream {
			return place{rec.revision, position}, true, nil
		}
	}
	return recent, known, nil
}

// at reads the record at a position and keeps its block.
func (f *idFinder) at(position uint64) (record, error) {
	if f.block == nil || position < f.block.position || position >= f.block.end() {
		blocks, err := f.committer.store.scan(position, true, nil, func(*block) bool { return false })
		if err != nil {
			return record{}, err
		}
		if len(blocks) == 0 || position >= blocks[0].end() {
			return record{}, &damaged{position, "the index of ids leads beyond the log"}
		}
		f.block = blocks[0]
	}
	for records := f.block.walk(); ; {
		rec, ok, err := records.next()
		switch {
		case err != nil:
			return record{}, err
		case !ok:
			return record{}, &damaged{position, "the index of ids leads to no event"}
		case rec.position == position:
			return rec, nil
		}
	}
}

// positionsOf returns where events with an id stand, as far as they were appended
// without an exact revision, in order; at most sameIDs.
func (s *store) positionsOf(id []byte) (positions []uint64, err error) {
	prefix := idKey(id, 0)[:1+16]
	upper := append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, 9)...)
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("index of ids: %w", err)
	}
	for valid := iter.First(); valid && len(positions) < sameIDs; valid = iter.Next() {
		key := iter.Key()
		if len(key) != len(prefix)+8 {
			continue // a check of the log reports it
		}
		positions = append(positions, binary.BigEndian.Uint64(key[len(prefix):]))
	}
	if err := iter.Close(); err != nil {
		return nil, fmt.Errorf("index of ids: %w", err)
	}
	return positions, nil
}
