package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// The first byte of a key.
const (
	accountTag = 'a'
	counterTag = 'c'
	headerTag  = 'h'
	holdTag    = 'd' // by account and date on which it falls due
	recordTag  = 'k'
	unusedTag  = 0 // of no row
)

// formatVersion is the version of everything in the index.
const formatVersion = 2

// longestID is the length in bytes up to which an external id is its own key.
const longestID = 96

// Header says which event of which stream the rows of a book stand at.
type Header struct {
	Identity eventstore.Identity `json:"log"`
	// Revision and EventID are those of the last event that is in.
	Revision uint64    `json:"revision"`
	EventID  uuid.UUID `json:"event_id"`
	// BusinessDate is the date that the book has come to, at the event of DateRevision;
	// both are absent where it has not come to any.
	BusinessDate domain.Date `json:"business_date,omitempty"`
	DateRevision uint64      `json:"date_revision,omitempty"`
	// Keys, Accounts, Counters and Holds count the rows.
	Keys     uint64 `json:"keys"`
	Accounts uint64 `json:"accounts"`
	Counters uint64 `json:"counters,omitempty"`
	Holds    uint64 `json:"holds,omitempty"`
	// Hash is the state's own, over the hot half.
	Hash         []byte    `json:"hash"`
	LastRecorded time.Time `json:"last_recorded"`
	Format       int       `json:"format"`
}

func (h Header) encode() ([]byte, error) {
	h.Format = formatVersion
	return json.Marshal(h)
}

func decodeHeader(key, stored []byte) (Header, error) {
	value, err := opened(key, stored)
	if err != nil {
		return Header{}, err
	}
	var h Header
	if err := json.Unmarshal(value, &h); err != nil {
		return Header{}, fmt.Errorf("%w: header: %w", ErrDamaged, err)
	}
	if h.Format != formatVersion {
		return Header{}, fmt.Errorf("%w: it is of format %d, this program writes %d", ErrDamaged, h.Format, formatVersion)
	}
	return h, nil
}

// prefix is what all keys of a kind begin with; for the header it is the key.
func (b *Book) prefix(tag byte) []byte {
	p := make([]byte, 0, len(b.id)+2)
	p = append(p, tag)
	p = append(p, b.id...)
	return append(p, 0)
}

// after is the first key that does not begin with a prefix that ends in 0.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	end[len(end)-1] = 1
	return end
}

func appendRecordKey(b []byte, book, source, externalID string) []byte {
	b = append(b, recordTag)
	b = append(b, book...)
	b = append(b, 0)
	b = append(b, source...)
	b = append(b, 0)
	if len(externalID) <= longestID {
		b = append(b, 0)
		return append(b, externalID...)
	}
	hash := sha256.Sum256([]byte(externalID))
	b = append(b, 1)
	return append(b, hash[:]...)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// opened takes the checksum off a stored value.
func opened(key, stored []byte) ([]byte, error) {
	n := len(stored) - 4
	if n < 0 || binary.LittleEndian.Uint32(stored[n:]) != checksum(key, stored[:n]) {
		return nil, fmt.Errorf("%w: wrong checksum at %q", ErrDamaged, key)
	}
	return stored[:n], nil
}
