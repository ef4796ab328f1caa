package keyring

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

func open(t *testing.T, dir string) *Keyring {
	t.Helper()
	k, err := Open(dir)
	require.NoError(t, err)
	return k
}

func TestSealAndUnseal(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "keys")
	k := open(t, dir)
	secret := []byte(`{"name":"Kim"}`)
	one, err := k.Seal(ctx, "party-kim", secret)
	require.NoError(t, err)
	two, err := k.Seal(ctx, "party-kim", secret)
	require.NoError(t, err)
	other, err := k.Seal(ctx, "party-lee", secret)
	require.NoError(t, err)

	require.Equal(t, "party-kim", one.Subject)
	require.NotContains(t, string(one.Box), "Kim")
	require.NotEqual(t, one.Box, two.Box, "a box tells nothing about its content")
	require.Equal(t, one.Digest, two.Digest, "a digest tells equal contents")
	require.NotEqual(t, one.Digest, other.Digest, "but not across subjects")

	for name, ring := range map[string]*Keyring{"same": k, "opened again": open(t, dir)} {
		for _, sealed := range []domain.Sealed{one, two, other} {
			plain, err := ring.Unseal(ctx, sealed)
			require.NoError(t, err, name)
			require.Equal(t, secret, plain)
		}
		again, err := ring.Seal(ctx, "party-kim", secret)
		require.NoError(t, err)
		require.Equal(t, one.Digest, again.Digest)
	}
	empty, err := k.Seal(ctx, "source-pg-1", nil)
	require.NoError(t, err)
	plain, err := k.Unseal(ctx, empty)
	require.NoError(t, err)
	require.Empty(t, plain)
}

func TestFilesAreClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	_, err := open(t, dir).Seal(t.Context(), "party-kim", []byte("x"))
	require.NoError(t, err)
	for path, mode := range map[string]os.FileMode{"": 0o700, "subjects": 0o700, "master.key": 0o600, "subjects/party-kim.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "subjects"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file stays")

	require.NoError(t, os.Chmod(filepath.Join(dir, "master.key"), 0o644))
	_, err = Open(dir)
	require.ErrorContains(t, err, "may be read by others")
}

func TestDestroyedKeysAreGoneForAll(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "keys")
	here, there := open(t, dir), open(t, dir)
	sealed, err := here.Seal(ctx, "party-kim", []byte("Kim"))
	require.NoError(t, err)
	_, err = there.Unseal(ctx, sealed)
	require.NoError(t, err)
	path := filepath.Join(dir, "subjects", "party-kim.key")
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	inode, err := os.Open(path)
	require.NoError(t, err)
	defer inode.Close()

	require.NoError(t, here.Destroy(ctx, "party-kim"))
	require.NoError(t, here.Destroy(ctx, "party-kim"))
	require.NoError(t, here.Destroy(ctx, "party-never-seen"))

	for name, ring := range map[string]*Keyring{"here": here, "there, cached": there, "opened later": open(t, dir)} {
		_, err = ring.Unseal(ctx, sealed)
		require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), name)
		require.ErrorContains(t, err, "erased")
		for _, subject := range []string{"party-kim", "party-never-seen"} {
			_, err = ring.Seal(ctx, subject, []byte("Kim"))
			require.ErrorContains(t, err, "erased", name)
		}
		_, err = ring.Seal(ctx, "party-lee", []byte("Lee"))
		require.NoError(t, err, "others are untouched")
	}
	left := make([]byte, len(before))
	_, err = inode.ReadAt(left, 0)
	require.NoError(t, err)
	require.Equal(t, make([]byte, len(before)), left, "the old bytes are overwritten")
}

func TestConcurrentCreationGivesOneKey(t *testing.T) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "keys")
	rings := []*Keyring{open(t, dir), open(t, dir), open(t, dir)}
	var wg sync.WaitGroup
	boxes := make([]domain.Sealed, 60)
	for i := range boxes {
		wg.Go(func() {
			var err error
			boxes[i], err = rings[i%3].Seal(ctx, fmt.Sprintf("party-%d", i/12), []byte("same"))
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	fresh := open(t, dir)
	for i, box := range boxes {
		_, err := fresh.Unseal(ctx, box)
		require.NoError(t, err)
		require.Equal(t, boxes[i/12*12].Digest, box.Digest)
	}
}

func TestConcurrentOpenGivesOneMaster(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	var wg sync.WaitGroup
	rings := make([]*Keyring, 8)
	for i := range rings {
		wg.Go(func() {
			var err error
			rings[i], err = Open(dir)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	sealed, err := rings[0].Seal(t.Context(), "party-kim", []byte("x"))
	require.NoError(t, err)
	for _, ring := range rings {
		_, err := ring.Unseal(t.Context(), sealed)
		require.NoError(t, err)
	}
}

func TestFaults(t *testing.T) {
	ctx, parent := t.Context(), t.TempDir()
	dir := filepath.Join(parent, "keys")
	k := open(t, dir)
	sealed, err := k.Seal(ctx, "party-kim", []byte("Kim"))
	require.NoError(t, err)
	path := filepath.Join(dir, "subjects", "party-kim.key")
	content, err := os.ReadFile(path)
	require.NoError(t, err)

	for _, subject := range []string{"", "kim", "party-", "-kim", "party-../x", "party-a/b", "Party-kim"} {
		_, err := k.Seal(ctx, subject, nil)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), subject)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(k.Destroy(ctx, subject)), subject)
	}
	_, err = k.Unseal(ctx, domain.Sealed{Subject: "party-lee", Box: sealed.Box})
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
	require.NotContains(t, err.Error(), "erased", "never having had a key is not being erased")
	_, err = k.Seal(ctx, "party-lee", []byte("Lee"))
	require.NoError(t, err)
	_, err = k.Unseal(ctx, domain.Sealed{Subject: "party-lee", Box: sealed.Box})
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	_, err = k.Unseal(ctx, domain.Sealed{Subject: "party-kim", Box: sealed.Box[:8]})
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))

	// A file under another name, a flipped byte, a file cut off.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "subjects", "party-moved.key"), content, 0o600))
	_, err = k.Seal(ctx, "party-moved", nil)
	require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
	flipped := bytes.Clone(content)
	flipped[len(flipped)/2] ^= 1
	for _, bad := range [][]byte{flipped, content[:len(content)/2], nil} {
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		_, err = open(t, dir).Unseal(ctx, sealed)
		require.Error(t, err)
	}

	// A lost or foreign master key is never silently replaced.
	master := filepath.Join(dir, "master.key")
	require.NoError(t, os.WriteFile(master, []byte("{}"), 0o600))
	_, err = Open(dir)
	require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
	require.NoError(t, os.Remove(master))
	_, err = Open(dir)
	require.ErrorContains(t, err, "master key is missing")

	_, err = Open(filepath.Join(parent, "no", "keys"))
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = k.Seal(canceled, "party-kim", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkSeal(b *testing.B) {
	k, err := Open(filepath.Join(b.TempDir(), "keys"))
	require.NoError(b, err)
	raw := bytes.Repeat([]byte("x"), 200)
	for b.Loop() {
		if _, err := k.Seal(b.Context(), "source-pg-1", raw); err != nil {
			b.Fatal(err)
		}
	}
}
