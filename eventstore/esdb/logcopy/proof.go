package logcopy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// String is the hash in hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Stream is what one side of a copy holds of a stream: the number of its events and
// a hash that chains them in order, over revision, id, type, content type, data and
// metadata of each. Of a stream's metadata only the newest counts, as it does for
// every reader. The zero value is a stream that is not there.
type Stream struct {
	Events uint64 `json:"events"`
	Hash   Hash   `json:"sha256"`
}

// Side is what one side of a copy holds altogether.
type Side struct {
	Streams int    `json:"streams"`
	Events  uint64 `json:"events"`
	Bytes   uint64 `json:"bytes"` // of data and metadata
	// Hash is over the names, counts and hashes of all streams, in the order of their names.
	Hash Hash `json:"sha256"`
	// Order is over stream and revision of every event in the order of the log.
	Order Hash `json:"order_sha256"`
}

// Compared is a stream on both sides.
type Compared struct {
	Stream domain.StreamID `json:"stream"`
	Source Stream          `json:"source"`
	Target Stream          `json:"target"`
}

// Equal reports whether both sides hold the same.
func (c Compared) Equal() bool { return c.Source == c.Target }

// Proof compares both sides of a copy.
type Proof struct {
	Source Side `json:"source"`
	Target Side `json:"target"`
	// Streams holds every stream, by name.
	Streams []Compared `json:"-"`
	// LeftOut is how many events of the store's own streams the source has beside.
	LeftOut uint64 `json:"left_out"`
	// Settings says that the source has access rules for all streams, which are the
	// store's own and left out like the rest.
	Settings bool `json:"settings,omitempty"`
}

// Equal reports whether the target holds what the source held, in the same order.
func (p Proof) Equal() bool {
	return p.Source == p.Target && !slices.ContainsFunc(p.Streams, func(c Compared) bool { return !c.Equal() })
}

// Differences returns the streams that are not equal, by name.
func (p Proof) Differences() []Compared {
	var found []Compared
	for _, c := range p.Streams {
		if !c.Equal() {
			found = append(found, c)
		}
	}
	return found
}

// prove reads both logs afresh, at the same time, and compares them.
func (c *carrier) prove(ctx context.Context) (Proof, error) {
	var proof Proof
	var source, target tally
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return source.read(c.wanted(ctx, nil, func(e esdb.Raw) {
			proof.LeftOut++
			switch e.Stream {
			case "$settings", "$$$settings", "$$$all":
				proof.Settings = true
			}
		}), func(e esdb.Raw) {
			c.progress(Progress{Phase: Proving, Events: source.Events, Bytes: source.Bytes, Done: uint64(e.Position), Size: uint64(c.end.Position)})
		})
	})
	both.Go(func() error {
		var finished bool
		return target.read(c.held(ctx, &finished), func(esdb.Raw) {})
	})
	if err := both.Wait(); err != nil {
		return Proof{}, err
	}
	for name, s := range source.streams {
		proof.Streams = append(proof.Streams, Compared{name, s, target.streams[name]})
	}
	for name, t := range target.streams {
		if _, known := source.streams[name]; !known {
			proof.Streams = append(proof.Streams, Compared{name, Stream{}, t})
		}
	}
	slices.SortFunc(proof.Streams, func(a, b Compared) int { return cmp.Compare(a.Stream, b.Stream) })
	proof.Source, proof.Target = source.Side, target.Side
	for _, s := range proof.Streams {
		proof.Source.count(s.Stream, s.Source)
		proof.Target.count(s.Stream, s.Target)
	}
	return proof, nil
}

// count adds a stream to the side's hash.
func (s *Side) count(name domain.StreamID, stream Stream) {
	if stream == (Stream{}) {
		return
	}
	s.Streams++
	line := appendText(append([]byte(nil), s.Hash[:]...), []byte(name))
	line = binary.BigEndian.AppendUint64(line, stream.Events)
	s.Hash = sha256.Sum256(append(line, stream.Hash[:]...))
}

// tally adds up one side. It takes some 150 bytes of memory per stream.
type tally struct {
	Side
	streams map[domain.StreamID]Stream
	buffer  []byte
}

func (t *tally) read(events iter.Seq2[esdb.Raw, error], each func(esdb.Raw)) error {
	t.streams = make(map[domain.StreamID]Stream)
	for e, err := range events {
		if err != nil {
			return err
		}
		t.add(e)
		each(e)
	}
	return nil
}

func (t *tally) add(e esdb.Raw) {
	stream, known := t.streams[e.Stream]
	metadata, tombstone := isMetadata(e.Stream), isTombstone(e)
	// What a store chooses itself, or keeps for nobody to see, is left out.
	b := t.buffer[:0]
	if !metadata {
		b = append(b, stream.Hash[:]...)
	}
	b = binary.BigEndian.AppendUint64(b, e.Revision)
	b = appendText(b, []byte(e.Type))
	switch {
	case tombstone:
	case metadata:
		b = appendText(b, canonical(e.Data))
	default:
		b = append(b, e.ID[:]...)
		b = append(b, 0)
		if e.JSON {
			b[len(b)-1] = 1
		}
		b = appendText(b, e.Data)
		b = appendText(b, e.Metadata)
	}
	t.buffer = b
	stream.Hash = sha256.Sum256(b)
	if !metadata || !known {
		stream.Events++
		t.Events++
	}
	t.streams[e.Stream] = stream
	if metadata {
		return
	}
	t.Bytes += uint64(len(e.Data) + len(e.Metadata))
	b = append(t.buffer[:0], t.Order[:]...)
	b = appendText(b, []byte(e.Stream))
	t.buffer = binary.BigEndian.AppendUint64(b, e.Revision)
	t.Order = sha256.Sum256(t.buffer)
}

// appendText appends a text after its length, so that parts cannot run together.
func appendText(b, text []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(text))), text...)
}
