package bench

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestUsage: work of this process shows in its CPU time.
func TestUsage(t *testing.T) {
	before := currentUsage(0)
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		_ = newLoad(1, idsSerial, 10, 8)
	}
	used := currentUsage(0).since(before)
	require.Positive(t, used.own)
	require.Zero(t, used.other)
	require.Positive(t, currentMemory(os.Getpid()).own)
	require.Positive(t, treeCPU(os.Getpid()))

	child := exec.Command("sleep", "60")
	require.NoError(t, child.Start())
	defer func() {
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
	}()
	require.True(t, slices.ContainsFunc(tree(os.Getpid()), func(p process) bool { return p.pid == child.Process.Pid }))
}
