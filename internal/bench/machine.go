package bench

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// usage is what processes have used so far, or between two moments.
type usage struct {
	own   time.Duration // CPU time of this process, user and system
	other time.Duration // of a process beside it, with its children: the Postgres server, or the node
}

func (u usage) since(before usage) usage {
	return usage{u.own - before.own, u.other - before.other}
}

// memory is what processes hold resident, in bytes.
type memory struct {
	own   int64
	other int64 // private memory of another and its children, and what they share once
}

// postmaster returns the process id of the private Postgres server over a
// directory, 0 where there is none.
func postmaster(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		return 0
	}
	return pid
}

func currentUsage(pid int) usage {
	return usage{own: ownCPU(), other: treeCPU(pid)}
}

func currentMemory(pid int) memory {
	return memory{own: ownMemory(), other: treeMemory(pid)}
}

// memoryEvery is rare enough to cost next to nothing, and often enough to see the
// peaks of a run of seconds.
const memoryEvery = 500 * time.Millisecond

// watchMemory samples memory until the function it returns is called, which
// gives the highest of each.
func watchMemory(pid int) (peak func() memory) {
	ctx, cancel := context.WithCancel(context.Background())
	highest := currentMemory(pid)
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(memoryEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				now := currentMemory(pid)
				highest.own, highest.other = max(highest.own, now.own), max(highest.other, now.other)
			}
		}
	})
	return func() memory {
		cancel()
		sampling.Wait()
		return highest
	}
}
