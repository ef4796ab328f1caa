package command

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command/index"
	"github.com/jeongsan/jeongsan/eventstore/memory"
)

// history writes a book through a door with an index in dir and closes it.
func (r *rig) history(dir string) []domain.Command {
	l := r.open(dir)
	seed(r.t, l)
	commands := append(sales(0, 400), refund("Q", "S-000007", 2_000), reversal("R", "S-000008"))
	applied(r.t, do(l, commands...)...)
	require.NoError(r.t, l.Close())
	return commands
}

// intact checks that a door with the index in dir knows the whole history: every
// key is a replay, the oldest sale can be refunded, and refunds and reversals are
// remembered.
func (r *rig) intact(dir string, commands []domain.Command) {
	r.t.Helper()
	l := r.open(dir)
	replayed(r.t, do(l, commands...)...)
	refused(r.t, domain.CodeExceedsOriginal, do(l, refund("Q-more", "S-000007", 8_001))...)
	refused(r.t, domain.CodeConflict, do(l, reversal("R-again", "S-000008"))...)
	probe := fmt.Sprintf("probe-%d", rand.Uint64())
	applied(r.t, do(l, sale(probe), refund("Q-"+probe, "S-000000", 1))...)
	hash := r.fold().Hash()
	header := r.header(l)
	require.Equal(r.t, hash[:], header.Hash)
	require.EqualValues(r.t, r.fold().Count(), header.Keys)
	_, err := r.check(dir)
	require.NoError(r.t, err)
}

func TestDeletedIndexIsRebuilt(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	commands := r.history(dir)
	require.NoError(t, os.RemoveAll(dir))
	r.intact(dir, commands)
}

// TestDamagedIndexIsRebuilt flips bits and cuts files short, wherever they are:
// whatever the index looks like, no key may be settled again.
func TestDamagedIndexIsRebuilt(t *testing.T) {
	r, _ := memoryRig(t)
	original := t.TempDir()
	commands := r.history(original)
	var files []string
	require.NoError(t, filepath.WalkDir(original, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != "LOCK" {
			files = append(files, path)
		}
		return err
	}))
	require.NotEmpty(t, files)
	random := rand.New(rand.NewPCG(7, 7))
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		name := filepath.Base(file)
		faults := map[string][]byte{"missing": nil, "empty": {}, "cut in half": content[:len(content)/2]}
		for i := range 2 {
			if len(content) == 0 {
				break
			}
			flipped := bytes.Clone(content)
			flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
			faults[fmt.Sprintf("bit flipped %d", i)] = flipped
		}
		for fault, damaged := range faults {
			t.Run(name+" "+fault, func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.CopyFS(dir, os.DirFS(original)))
				if fault == "missing" {
					require.NoError(t, os.Remove(filepath.Join(dir, name)))
				} else {
					require.NoError(t, os.WriteFile(filepath.Join(dir, name), damaged, 0o600))
				}
				r := *r
				r.t = t
				r.intact(dir, commands)
			})
		}
	}
}

// TestIndexDamagedWhileInUse: the writer finds out by reading, and goes on.
func TestIndexDamagedWhileInUse(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	commands := r.history(dir)
	l := r.open(dir)
	replayed(t, do(l, commands[:10]...)...)
	require.NoError(t, l.index.Reset(index.ErrDamaged), "another book's writer found damage")
	replayed(t, do(l, commands...)...)
	applied(t, do(l, sale("new"))...)
	require.NoError(t, l.Close())
	r.intact(dir, commands)
}

func TestIndexOfAnotherLogIsRebuilt(t *testing.T) {
	here, _ := memoryRig(t)
	there, _ := memoryRig(t)
	dir := t.TempDir()
	here.history(dir)
	l := there.open(dir)
	seed(t, l)
	applied(t, do(l, sales(0, 5)...)...)
	require.NoError(t, l.Close())
	there.once(ids(sales(0, 5))...)

	// The same log after a restore: another incarnation.
	other := *there
	other.id.Incarnation++
	l = other.open(dir)
	replayed(t, do(l, sales(0, 5)...)...)
}

// TestIndexAheadOfTheLogIsRebuilt: the log was restored from an older copy, and
// perhaps went another way from there.
func TestIndexAheadOfTheLogIsRebuilt(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	commands := r.history(dir)
	for name, length := range map[string]int{"shorter": 250, "empty book": 0} {
		for _, diverged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, diverged %v", name, diverged), func(t *testing.T) {
				copied := t.TempDir()
				require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
				older := &rig{t: t, store: r.truncated(length), keys: r.keys, id: r.id}
				if diverged {
					l := older.open("")
					applied(t, do(l, sales(5_000, 6_500)...)...)
					require.NoError(t, l.Close())
				}
				l := older.open(copied)
				replies := do(l, commands[:400]...)
				replayed(t, replies[:length]...)
				applied(t, replies[length:]...)
				applied(t, do(l, refund("Q-oldest", "S-000000", 10_000))...)
				refused(t, domain.CodeExceedsOriginal, do(l, refund("Q-again", "S-000000", 1))...)
				hash := older.fold().Hash()
				require.Equal(t, hash[:], older.header(l).Hash)
				_, err := older.check(copied)
				require.NoError(t, err)
			})
		}
	}
}

// truncated copies the log, the book only up to a number of events.
func (r *rig) truncated(length int) eventstore.Store {
	store := memory.New()
	r.t.Cleanup(func() { require.NoError(r.t, store.Close()) })
	for record, err := range r.store.ReadAll(r.t.Context(), eventstore.Start) {
		require.NoError(r.t, err)
		if record.Stream == "book-main" && record.Revision >= uint64(length) {
			continue
		}
		_, err := store.Append(r.t.Context(), record.Stream, eventstore.After(record.Revision),
			eventstore.Proposed{ID: record.ID, Type: record.Type, Data: record.Data, Metadata: record.Metadata})
		require.NoError(r.t, err)
	}
	return store
}

func TestIndexThatContradictsItselfIsRebuilt(t *testing.T) {
	r, _ := memoryRig(t)
	dir := t.TempDir()
	commands := r.history(dir)
	for name, spoil := range map[string]func(*index.Header){
		"other hash":     func(h *index.Header) { h.Hash = make([]byte, 16) },
		"other accounts": func(h *index.Header) { h.Accounts++ },
		"other keys":     func(h *index.Header) { h.Keys++ },
		"other event":    func(h *index.Header) { h.EventID = uuid.New() },
		"other log":      func(h *index.Header) { h.Identity.LogID = uuid.New() },
		"ahead":          func(h *index.Header) { h.Revision = 1 << 40 },
		"behind":         func(h *index.Header) { h.Revision = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			x, err := index.Open(index.Config{Dir: copied, Identity: r.id, Logger: quiet})
			require.NoError(t, err)
			b := x.Book("main")
			header, found, err := b.Header()
			require.NoError(t, err)
			require.True(t, found)
			spoil(&header)
			require.NoError(t, b.Store(header, index.Rows{}))
			require.NoError(t, x.Close())
			r := *r
			r.t = t
			r.intact(copied, commands)
		})
	}
}

func TestIndexInUseIsRefused(t *testing.T) {
	r, _ := memoryRig(t)
	l := r.open("")
	_, err := Open(t.Context(), Config{Store: r.store, Identity: r.id, Keys: r.keys, IndexDir: l.config.IndexDir, Logger: quiet})
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
	require.ErrorContains(t, err, l.config.IndexDir)
}

// TestIndexFollowsInSteps: memory is bounded, and what lies between two steps is
// known all the same.
func TestIndexFollowsInSteps(t *testing.T) {
	r, _ := memoryRig(t)
	var logged bytes.Buffer
	dir := t.TempDir()
	l, err := Open(t.Context(), Config{Store: r.store, Identity: r.id, Keys: r.keys, IndexDir: dir, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	require.NoError(t, err)
	seed(t, l)
	const count = flushEvents + 3_000
	applied(t, do(l, sales(0, count)...)...)
	w := l.books["main"]
	replayed(t, do(l, append(sales(0, 5), sales(count-5, count)...)...)...)

	// What a crash leaves behind: files as they are while the door is open.
	crashed := t.TempDir()
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
	require.NoError(t, l.Close())
	require.EqualValues(t, count, w.stored.Keys)
	require.Empty(t, logged.String(), "nothing was rebuilt")
	for _, dir := range []string{dir, crashed} {
		l = r.open(dir)
		replayed(t, do(l, sales(0, count)...)...)
		hash := r.fold().Hash()
		require.Equal(t, hash[:], r.header(l).Hash)
	}
}
