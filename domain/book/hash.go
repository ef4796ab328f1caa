package book

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// sum is an unsigned 128-bit number, added and subtracted modulo 2^128: a sum
// over accounts and counters does not depend on their order.
type sum struct{ high, low uint64 }

func (s sum) plus(o sum) sum {
	low, carry := bits.Add64(s.low, o.low, 0)
	high, _ := bits.Add64(s.high, o.high, carry)
	return sum{high, low}
}

func (s sum) minus(o sum) sum {
	low, borrow := bits.Sub64(s.low, o.low, 0)
	high, _ := bits.Sub64(s.high, o.high, borrow)
	return sum{high, low}
}

// Hash is a fingerprint of the hot half: number of events, last recorded time,
// business date, every account with its balance and what it holds back, and every
// counter, by value. Equal histories give equal hashes, in whatever groups they were
// folded and whatever was rolled back in between; a restored state has the hash of
// the one it was taken from. It costs one SHA-256 for each that has changed since it
// was last asked for.
func (s *State) Hash() [16]byte {
	for _, a := range s.stale {
		s.sum = s.sum.minus(a.part)
		a.part, a.stale = sum{}, false
		if !a.gone {
			a.part = a.fingerprint()
			s.sum = s.sum.plus(a.part)
		}
	}
	clear(s.stale)
	s.stale = s.stale[:0]
	for _, c := range s.staleCounters {
		s.sum = s.sum.minus(c.part)
		c.part, c.stale = sum{}, false
		if c.held {
			c.part = c.fingerprint()
			s.sum = s.sum.plus(c.part)
		}
	}
	clear(s.staleCounters)
	s.staleCounters = s.staleCounters[:0]
	for _, h := range s.staleSlices {
		s.sum = s.sum.minus(h.part)
		h.part, h.stale = sum{}, false
		if !h.amount.IsZero() {
			h.part = h.fingerprint()
			s.sum = s.sum.plus(h.part)
		}
	}
	clear(s.staleSlices)
	s.staleSlices = s.staleSlices[:0]

	var room [64]byte
	b := room[:40]
	binary.BigEndian.PutUint64(b[0:], s.sum.high)
	binary.BigEndian.PutUint64(b[8:], s.sum.low)
	binary.BigEndian.PutUint64(b[16:], s.count)
	if !s.recorded.IsZero() {
		binary.BigEndian.PutUint64(b[24:], uint64(s.recorded.Unix()))
		binary.BigEndian.PutUint64(b[32:], uint64(s.recorded.Nanosecond())+1)
	}
	if s.date != "" {
		b = binary.BigEndian.AppendUint64(append(b, s.date...), s.dated)
	}
	digest := sha256.Sum256(b)
	return [16]byte(digest[:16])
}

// touch notes that an account's part of the hash is out of date.
func (s *State) touch(a *account) {
	if !a.stale {
		a.stale = true
		s.stale = append(s.stale, a)
	}
}

func (a *account) fingerprint() sum {
	var room [128]byte
	b := append(room[:0], a.id...)
	b = append(b, 0)
	b = a.balance.Debits.Shorten().Append(b)
	b = append(b, 0)
	b = a.balance.Credits.Shorten().Append(b)
	return sumOf(b)
}

func sumOf(b []byte) sum {
	digest := sha256.Sum256(b)
	return sum{binary.BigEndian.Uint64(digest[:8]), binary.BigEndian.Uint64(digest[8:16])}
}
