package command

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
)

func (r *rig) check(dir string) ([]CheckedBook, error) {
	r.t.Helper()
	return CheckIndex(r.t.Context(), CheckConfig{Store: r.store, Identity: r.id, IndexDir: dir, Logger: quiet})
}

func TestCheckedIndexAgreesWithTheLog(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	r.history(dir)
	hash := r.fold().Hash()
	want := CheckedBook{Book: "main", Revision: 401, Keys: 402, Accounts: uint64(accounts(r.fold())), State: hex.EncodeToString(hash[:])}
	checked, err := r.check(dir)
	require.NoError(t, err)
	require.Equal(t, []CheckedBook{want}, checked)

	// What another process writes afterwards is not in, which is no fault.
	l := r.open("")
	applied(t, do(l, sales(1_000, 1_003)...)...)
	want.Behind = 3
	checked, err = r.check(dir)
	require.NoError(t, err)
	require.Equal(t, []CheckedBook{want}, checked)
}

func TestCheckRefuses(t *testing.T) {
	r, _ := memoryRig(t)
	none := filepath.Join(t.TempDir(), "none")
	_, err := r.check(none)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), "%v", err)
	require.NoDirExists(t, none)
	empty := t.TempDir()
	_, err = r.check(empty)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), "%v", err)

	dir := t.TempDir()
	r.open(dir)
	_, err = r.check(dir)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
	require.ErrorContains(t, err, "in use")
}

// TestCheckNamesTheDifference plants what no checksum sees, each fault alone. The
// check leaves it as it is: nothing is mended behind the operator's back.
func TestCheckNamesTheDifference(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	r.history(dir)
	key := func(id string) book.Key { return book.Key{Source: "pg-1", ExternalID: id} }
	known := book.KeyRecord{Revision: 5, ContentHash: "1:ab", Kind: book.KindSettlement, Currency: "KRW", Amount: money.New(1, 0)}
	for name, test := range map[string]struct {
		spoil func(t *testing.T, x *index.Index, header *index.Header) (records, accounts []index.Row)
		says  string
	}{
		"a key with another record": {func(t *testing.T, x *index.Index, _ *index.Header) ([]index.Row, []index.Row) {
			return []index.Row{recordRow(t, x, key("S-000005"), known)}, nil
		}, "key pg-1/S-000005"},
		"a key too many": {func(t *testing.T, x *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			header.Keys++
			return []index.Row{recordRow(t, x, key("S-000005x"), known)}, nil
		}, `S-000005x`},
		"another log": {func(_ *testing.T, _ *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			header.Identity.LogID = uuid.New()
			return nil, nil
		}, "book main: log"},
		"another event": {func(_ *testing.T, _ *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			header.EventID = uuid.New()
			return nil, nil
		}, "event at revision 401"},
		"ahead of the log": {func(_ *testing.T, _ *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			header.Revision += 5
			header.Hash = hashOf(r.fold(), header.Revision+1, header.LastRecorded)
			return nil, nil
		}, "at most 402 events"},
		"behind what it holds": {func(_ *testing.T, _ *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			header.Revision -= 100
			return nil, nil
		}, "as a whole"},
		"another balance, with a hash that fits it": {func(_ *testing.T, _ *index.Index, header *index.Header) ([]index.Row, []index.Row) {
			state := r.fold()
			balance := state.Balance("studio/payable/KRW")
			balance.Debits, balance.Credits = money.New(1, 0), money.New(2, 0)
			spoiled := book.Restore(book.Snapshot{Count: state.Count(), Recorded: state.Recorded(), Balances: func(yield func(ledger.AccountID, ledger.Balance) bool) {
				for id, b := range state.Balances() {
					if id == "studio/payable/KRW" {
						b = balance
					}
					if !yield(id, b) {
						return
					}
				}
			}})
			hash := spoiled.Hash()
			header.Hash = hash[:]
			return nil, []index.Row{{Key: []byte("studio/payable/KRW"), Value: appendBalance(nil, balance)}}
		}, "account studio/payable/KRW"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			x, err := index.Open(index.Config{Dir: copied, Identity: r.id, Logger: quiet})
			require.NoError(t, err)
			b := x.Book("main")
			header, _, err := b.Header()
			require.NoError(t, err)
			records, accounts := test.spoil(t, x, &header)
			require.NoError(t, b.Store(header, index.Rows{Records: records, Accounts: accounts}))
			require.NoError(t, x.Close())
			for range 2 {
				_, err = r.check(copied)
				require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, test.says)
			}
		})
	}
	t.Run("a key is missing", func(t *testing.T) {
		// An index of a book that settled one sale less, with the header of this one.
		copied, other := t.TempDir(), t.TempDir()
		require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
		x, err := index.Open(index.Config{Dir: copied, Identity: r.id, Logger: quiet})
		require.NoError(t, err)
		b := x.Book("main")
		header, _, err := b.Header()
		require.NoError(t, err)
		missing := b.Record("pg-1", "S-000399")
		var records, rows []index.Row
		require.NoError(t, b.Records(func(key, value []byte) error {
			if string(key) != string(missing) {
				records = append(records, index.Row{Key: append([]byte(nil), key...), Value: append([]byte(nil), value...)})
			}
			return nil
		}))
		require.NoError(t, b.Accounts(func(account string, value []byte) error {
			rows = append(rows, index.Row{Key: []byte(account), Value: append([]byte(nil), value...)})
			return nil
		}))
		require.NoError(t, x.Close())
		x, err = index.Open(index.Config{Dir: other, Identity: r.id, Logger: quiet})
		require.NoError(t, err)
		header.Keys--
		require.NoError(t, x.Book("main").Store(header, index.Rows{Records: records, Accounts: rows}))
		require.NoError(t, x.Close())
		_, err = r.check(other)
		require.ErrorContains(t, err, "key pg-1/S-000399")
		require.ErrorContains(t, err, "found none")
	})
	t.Run("a damaged file", func(t *testing.T) {
		copied := t.TempDir()
		require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
		files, err := filepath.Glob(filepath.Join(copied, "MANIFEST-*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			require.NoError(t, os.WriteFile(file, []byte("nonsense"), 0o600))
		}
		_, err = r.check(copied)
		require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "damaged")
	})
}

func accounts(state *book.State) (n int) {
	for range state.Balances() {
		n++
	}
	return n
}

func recordRow(t *testing.T, x *index.Index, key book.Key, record book.KeyRecord) index.Row {
	t.Helper()
	value, err := record.AppendBinary(nil)
	require.NoError(t, err)
	return index.Row{Key: x.Book("main").Record(key.Source, key.ExternalID), Value: value}
}

// hashOf is the hash of a state with another number of events.
func hashOf(state *book.State, count uint64, recorded time.Time) []byte {
	hash := book.Restore(book.Snapshot{Count: count, Recorded: recorded, Balances: state.Balances()}).Hash()
	return hash[:]
}
