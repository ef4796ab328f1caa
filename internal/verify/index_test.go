package verify

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Entries are found by key as a map would find them, whatever collides.
func TestEntriesAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s entries
		want := map[uint64][]uint64{}
		// High and low bits that often coincide, as both are looked at apart.
		keys := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.Uint64Range(0, 3).Draw(t, "high")<<60 | rapid.Uint64Range(0, 40).Draw(t, "middle")<<20 | rapid.Uint64Range(0, 70).Draw(t, "low")
		}), 0, 400).Draw(t, "keys")
		for i, key := range keys {
			s.add(settled{key: key, currency: uint32(i)})
			want[key] = append(want[key], uint64(i))
		}
		for _, key := range append(keys, 1<<50, 0) {
			var found []uint64
			require.NoError(t, s.find(key, func(revision uint64) error { found = append(found, revision); return nil }))
			slices.Sort(found)
			require.Equal(t, want[key], found)
		}
		for i := range keys {
			require.EqualValues(t, i, s.at(uint64(i)).currency)
		}
	})
}

func TestEntriesBeyondOneChunk(t *testing.T) {
	var s entries
	const n = 3*chunkEntries + 7
	for i := range uint64(n) {
		s.add(settled{key: i * 0x9E3779B97F4A7C15})
	}
	var bytes uintptr
	for _, chunk := range s.chunks {
		bytes += uintptr(cap(chunk)) * unsafe.Sizeof(settled{})
	}
	bytes += uintptr(cap(s.places)) * unsafe.Sizeof(uint64(0))
	require.LessOrEqual(t, bytes-2*chunkEntries*unsafe.Sizeof(settled{}), 62*uintptr(n), "beside the first chunk, which grew, and the last, which is not full")

	for i := range uint64(n) {
		var found []uint64
		require.NoError(t, s.find(i*0x9E3779B97F4A7C15, func(revision uint64) error { found = append(found, revision); return nil }))
		require.Equal(t, []uint64{i}, found)
	}
}

// recent may forget but never confuse.
func TestRecentNeverConfuses(t *testing.T) {
	var r recent[string]
	_, ok := r.get([]byte("x"), 0)
	require.False(t, ok)
	for i := range 10_000 {
		text, salt := fmt.Sprint("affiliate-", i%3000, "/payable/GBP"), uint64(i%3)
		r.put(text, salt, fmt.Sprint(text, salt))
		for _, probe := range []string{text, "", "a", "abcd", "abcdefgh", fmt.Sprint("affiliate-", i, "/payable/GBP")} {
			if got, ok := r.get([]byte(probe), salt); ok {
				require.Equal(t, fmt.Sprint(probe, salt), got)
			}
		}
		got, ok := r.get([]byte(text), salt)
		require.True(t, ok && got == fmt.Sprint(text, salt))
	}
}

// That keys have one hash must not pass for a key settled twice, nor hide one that was.
func TestCollidingKeysChangeNothing(t *testing.T) {
	read := func(s *script) (*fold, error) {
		f := newFold()
		f.keyMask = 3 << 62 // four hashes for all keys
		return f, f.read(t.Context(), s.store, nil, func(*event) error { return nil })
	}
	s := newScript(t)
	s.sound()
	f, err := read(s)
	require.NoError(t, err)
	require.EqualValues(t, 9, f.checked.keys)

	s.add("book-main", typeTransactionSettled, later("A-2"))
	_, err = read(s)
	d := find(t, err)
	require.Equal(t, checkKeys, d.Check)
	require.Contains(t, d.Error(), "settled first in book-main@1")
}
