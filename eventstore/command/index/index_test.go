package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var identity = eventstore.Identity{LogID: uuid.MustParse("0190a6a0-0000-7000-8000-000000000001"), Incarnation: 1}

func open(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(Config{Dir: dir, Identity: identity, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func header(revision uint64) Header {
	return Header{Identity: identity, Revision: revision, EventID: uuid.New(), Keys: 3, Accounts: 2, Hash: []byte{1, 2}, LastRecorded: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)}
}

func row(key, value string) Row { return Row{Key: []byte(key), Value: []byte(value)} }

func lookup(t *testing.T, b *Book, ids ...string) map[string]string {
	t.Helper()
	var keys [][]byte
	for _, id := range ids {
		keys = append(keys, b.Record("pg-1", id))
	}
	got := map[string]string{}
	require.NoError(t, b.Lookup(keys, func(i int, value []byte) error {
		got[ids[i]] = string(value)
		return nil
	}))
	return got
}

func TestBooksAreKeptApart(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	long := strings.Repeat("정", 200)
	for _, id := range []string{"a", "a-b", "ab"} {
		b := x.Book(id)
		_, found, err := b.Header()
		require.NoError(t, err)
		require.False(t, found)
		require.NoError(t, b.Store(header(7), Rows{
			Records:  []Row{{b.Record("pg-1", "K"), []byte(id)}, {b.Record("pg-1", long), []byte("long " + id)}, {b.Record("pg-1", ""), nil}},
			Accounts: []Row{row("x/payable/KRW", "1"+id), row("y/payable/KRW", "2"+id)},
			Counters: []Row{row("contract:c/ytd/2026/KRW/", "3"+id), row("contract:c/ytd/2025/KRW/", "4"+id)},
			Holds:    []Row{row("x/reserve/KRW\x002026-01-01\x00payable", "5"+id), row("x/reserve/KRW\x002026-01-02\x00payable", "6"+id)},
		}))
		require.NoError(t, b.Store(header(7), Rows{Holds: []Row{{Key: []byte("x/reserve/KRW\x002026-01-01\x00payable")}}}))
		require.NoError(t, b.Store(header(7), Rows{Counters: []Row{{Key: []byte("contract:c/ytd/2025/KRW/")}, {Key: []byte("never there")}}}))
	}
	require.NoError(t, x.Close())
	x = open(t, dir)
	for _, id := range []string{"a", "a-b", "ab"} {
		b := x.Book(id)
		got, found, err := b.Header()
		require.NoError(t, err)
		require.True(t, found)
		require.EqualValues(t, 7, got.Revision)
		require.Equal(t, header(7).LastRecorded, got.LastRecorded)
		require.Equal(t, map[string]string{"K": id, long: "long " + id, "": ""}, lookup(t, b, "K", "", "missing", long, long+"x"))
		accounts := map[string]string{}
		require.NoError(t, b.Accounts(func(account string, value []byte) error {
			accounts[account] = string(value)
			return nil
		}))
		require.Equal(t, map[string]string{"x/payable/KRW": "1" + id, "y/payable/KRW": "2" + id}, accounts)
		counters := map[string]string{}
		require.NoError(t, b.Counters(func(counter string, value []byte) error {
			counters[counter] = string(value)
			return nil
		}))
		require.Equal(t, map[string]string{"contract:c/ytd/2026/KRW/": "3" + id}, counters, "a counter without a value is gone")
		holds := map[string]string{}
		require.NoError(t, b.Holds(func(hold string, value []byte) error {
			holds[hold] = string(value)
			return nil
		}))
		require.Equal(t, map[string]string{"x/reserve/KRW\x002026-01-02\x00payable": "6" + id}, holds, "nor is what is not held any more")
		count, whole, err := b.CountKeys(10)
		require.NoError(t, err)
		require.True(t, whole)
		require.EqualValues(t, 3, count)
		_, whole, err = b.CountKeys(2)
		require.NoError(t, err)
		require.False(t, whole)
	}
	require.NoError(t, x.Book("a").Clear())
	_, found, err := x.Book("a").Header()
	require.NoError(t, err)
	require.False(t, found)
	require.Empty(t, lookup(t, x.Book("a"), "K", long))
	require.NoError(t, x.Book("a").Holds(func(hold string, _ []byte) error { return errors.New(hold) }))
	require.Len(t, lookup(t, x.Book("ab"), "K", long), 2)
	require.Len(t, lookup(t, x.Book("a-b"), "K", long), 2)
}

func TestWrongChecksumIsDamage(t *testing.T) {
	x := open(t, t.TempDir())
	b := x.Book("main")
	key := b.Record("pg-1", "K")
	require.NoError(t, b.Store(header(1), Rows{Records: []Row{{key, []byte("value")}}, Accounts: []Row{row("x", "1")}, Counters: []Row{row("c", "1"), {Key: []byte("d")}}}))
	require.NoError(t, x.db.Set(key, []byte("valuE1234"), pebble.NoSync))
	require.ErrorIs(t, b.Lookup([][]byte{key}, func(int, []byte) error { return nil }), ErrDamaged)
	_, _, err := b.CountKeys(9)
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, x.db.Set(b.prefix(headerTag), []byte("no"), pebble.NoSync))
	_, _, err = b.Header()
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, x.db.Set(append(b.prefix(accountTag), 'x'), nil, pebble.NoSync))
	require.ErrorIs(t, b.Accounts(func(string, []byte) error { return nil }), ErrDamaged)

	x.damaged.Store(true) // as Pebble's background work reports it
	require.ErrorIs(t, b.Clear(), ErrDamaged)
	require.NoError(t, x.Reset(errors.New("planted")))
	require.ErrorIs(t, b.Clear(), ErrReset)
	_, found, err := x.Book("main").Header()
	require.NoError(t, err)
	require.False(t, found)
}

func TestOtherLogAndFormatAreEmptied(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	other := header(1)
	other.Identity.Incarnation = 2
	require.NoError(t, x.Book("a").Store(other, Rows{}))
	require.NoError(t, x.Book("b").Store(header(1), Rows{}))
	require.NoError(t, x.Close())
	x = open(t, dir)
	_, found, err := x.Book("b").Header()
	require.NoError(t, err)
	require.False(t, found)

	b := x.Book("c")
	value := []byte(`{"format":99}`)
	batch := x.db.NewBatch()
	require.NoError(t, b.set(batch, b.prefix(headerTag), value))
	require.NoError(t, batch.Commit(pebble.NoSync))
	_, _, err = b.Header()
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, x.Close())
	x = open(t, dir)
	_, found, err = x.Book("c").Header()
	require.NoError(t, err)
	require.False(t, found)
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	_, err := Open(x.config)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
	require.NoError(t, x.Close())
	require.NoError(t, x.Close())
	require.ErrorIs(t, x.Book("a").Clear(), errClosed)
	require.ErrorIs(t, x.Reset(nil), errClosed)
	open(t, dir)
}

func TestUnusableFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Open(Config{Dir: filepath.Join(file, "index"), Identity: identity, Logger: slog.New(slog.DiscardHandler)})
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
}

// BenchmarkLookup: 500 sorted keys a time, none of them there.
func BenchmarkLookup(b *testing.B) {
	for _, order := range []string{"ascending", "scattered"} {
		b.Run(order, func(b *testing.B) {
			x := open(b, b.TempDir())
			k := x.Book("main")
			id := func(i int) string {
				if order == "ascending" {
					return fmt.Sprintf("%012d", i)
				}
				return fmt.Sprintf("%016x", uint64(i)*0x9e3779b97f4a7c15)
			}
			const held = 500_000
			value := make([]byte, 30)
			for from := 0; from < held; from += 20_000 {
				var rows []Row
				for i := range 20_000 {
					rows = append(rows, Row{k.Record("pg-1", id(from+i)), value})
				}
				require.NoError(b, k.Store(header(1), Rows{Records: rows}))
			}
			next := held
			b.ResetTimer()
			for b.Loop() {
				keys := make([][]byte, 500)
				for i := range keys {
					keys[i] = k.Record("pg-1", id(next))
					next++
				}
				slices.SortFunc(keys, bytes.Compare)
				require.NoError(b, k.Lookup(keys, func(int, []byte) error { return errors.New("found") }))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*500), "ns/key")
		})
	}
}
