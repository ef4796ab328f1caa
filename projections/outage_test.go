//go:build unix

package projections

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/testkit"
	"github.com/jeongsan/jeongsan/migrations"
)

// The Postgres server is killed, again and again, while the log grows.
func TestRunnerSurvivesPostgresKilledUnderLoad(t *testing.T) {
	server, dir := testkit.Server(t)
	require.NoError(t, migrations.Up(context.Background(), server.DSN()))
	pool := testkit.Pool(t, server.DSN())
	h := newHistory(t, 41, nil)
	r := h.runner(pool)
	stop := start(t, r)
	await(t, r, h.last)
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT, syscall.SIGKILL} {
		h.grow(80)
		text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		pid, err := strconv.Atoi(first)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, s))
		h.grow(80)
		await(t, r, h.last)
	}
	stop()
	requireSame(t, reference(t, h), dump(t, pool))
}
