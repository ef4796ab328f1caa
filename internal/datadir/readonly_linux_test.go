package datadir

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

// asOrdinaryUser runs a function on a thread without the file rights of root.
func asOrdinaryUser(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); errno == 0 {
			f()
		}
	}()
	<-done
}

func TestReadOnlyPlaces(t *testing.T) {
	dir, err := os.MkdirTemp("", "datadir")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	old := filepath.Join(dir, "old")
	d, err := Open(old, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	for path, mode := range map[string]os.FileMode{
		filepath.Join(old, lockFile): 0o444, filepath.Join(old, versionFile): 0o444, old: 0o555, dir: 0o555,
	} {
		require.NoError(t, os.Chmod(path, mode))
	}
	t.Cleanup(func() {
		require.NoError(t, os.Chmod(dir, 0o700))
		require.NoError(t, os.Chmod(old, 0o700))
	})
	ran := false
	asOrdinaryUser(t, func() {
		ran = true
		_, err := Open(filepath.Join(dir, "new"), Options{})
		if domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("new directory under a read-only one: %v", err)
		}
		_, err = Open(old, Options{})
		if domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("read-only data directory: %v", err)
		}
	})
	require.True(t, ran)
}
