package node

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// childDir, in the environment, makes the test binary a process with a node in
// that directory, which is there to be killed.
const childDir = "JEONGSAN_NODE_CHILD_DIR"

// zeroTime is the clock of models that compare no times.
var zeroTime time.Time

// runChild is the child's main. It ends when its standard input does, so that it
// does not outlive its parent.
func runChild(dir string) {
	n, err := Open(Config{Dir: dir, Logger: silent})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(n.ConnectionString())
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

type child struct {
	dir              string
	connectionString string
	command          *exec.Cmd
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childDir+"="+dir)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	c := &child{dir: dir, command: command}
	t.Cleanup(func() {
		_ = stdin.Close() // it may have been killed by the test
		_ = command.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	c.connectionString = strings.TrimSpace(line)
	require.True(t, strings.HasPrefix(c.connectionString, "esdb://"), c.connectionString)
	return c
}

func (c *child) address() string {
	return strings.TrimSuffix(strings.TrimPrefix(c.connectionString, "esdb://"), "?tls=false")
}

func (c *child) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, c.command.Process.Signal(syscall.SIGKILL))
	_, err := c.command.Process.Wait()
	require.NoError(t, err)
}

// TestKilledUnderLoadKeepsWhatItAcknowledged kills real processes while writers
// append, delete and change metadata, and while a subscription follows. After each
// kill every acknowledged call is in the log, whole, in order and once; of the calls
// in doubt each is there as a whole or not at all; nothing else is; the streams and
// the node's own check agree; and the subscription has missed and repeated nothing.
func TestKilledUnderLoadKeepsWhatItAcknowledged(t *testing.T) {
	rounds := 5
	switch {
	case os.Getenv("JEONGSAN_TORTURE") == "1":
		rounds = 200
	case os.Getenv("JEONGSAN_LONG") == "1":
		rounds = 20
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed) // of the calls; when the kill comes is up to the machine
	dir := t.TempDir()
	all := newSurvivors(8, seed)
	for round := range rounds {
		child := startChild(t, dir)
		all.outlive(t, child.address(), 50+rand.Int64N(300), func() bool {
			child.kill(t)
			return false
		})
		if round%10 == 0 {
			requireSound(t, dir, vfs.Default)
		}
	}
	n := openNode(t, dir, defaultTuning())
	all.finish(t, n.Addr())
	require.NoError(t, n.Close())
	requireSound(t, dir, vfs.Default)
}

// TestPowerCutKeepsWhatItAcknowledged takes the disk away under load and keeps of
// it what was flushed and a random part of what was not.
func TestPowerCutKeepsWhatItAcknowledged(t *testing.T) {
	rounds := uint64(8)
	if os.Getenv("JEONGSAN_LONG") == "1" {
		rounds = 60
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	filesystem := vfs.NewCrashableMem()
	all := newSurvivors(4, seed)
	for round := range rounds {
		n := openNode(t, "log", inMemory(filesystem))
		var cut *vfs.MemFS
		before := make([]int, len(all.writers))
		all.outlive(t, n.Addr(), 60, func() bool {
			// What is acknowledged from here on may be lost.
			for i, writer := range all.writers {
				before[i] = writer.answered()
			}
			cut = filesystem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(round%3) * 40, RNG: rand.New(rand.NewPCG(seed, round))})
			return true
		})
		require.NoError(t, n.Close())
		for i, writer := range all.writers {
			writer.acked = before[i]
		}
		requireSound(t, "log", cut.CrashClone(vfs.CrashCloneCfg{}))
		filesystem = cut
	}
	all.finish(t, openNode(t, "log", inMemory(filesystem)).Addr())
}
