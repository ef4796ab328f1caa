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
	own      time.Duration // CPU time of this process, user and system
	postgres time.Duration // of the Postgres server, all its processes
}

func (u usage) since(before usage) usage {
	return usage{u.own - before.own, u.postgres - before.postgres}
}

// memory is what processes hold resident, in bytes.
type memory struct {
	own      int64
	postgres int64 // private memory of all its processes, and the shared once
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

func currentUsage(postmaster int) usage {
	return usage{own: ownCPU(), postgres: treeCPU(postmaster)}
}

func currentMemory(postmaster int) memory {
	return memory{own: ownMemory(), postgres: treeMemory(postmaster)}
}

// memoryEvery is rare enough to cost next to nothing, and often enough to see the
// peaks of a run of seconds.
const memoryEvery = 500 * time.Millisecond

// watchMemory samples memory until the function it returns is called, which
// gives the highest of each.
func watchMemory(postmaster int) (peak func() memory) {
	ctx, cancel := context.WithCancel(context.Background())
	highest := currentMemory(postmaster)
	var sampling sync.WaitGroup
	sampling.Go(func() {
		tick := time.NewTicker(memoryEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				now := currentMemory(postmaster)
				highest.own, highest.postgres = max(highest.own, now.own), max(highest.postgres, now.postgres)
			}
		}
	})
	return func() memory {
		cancel()
		sampling.Wait()
		return highest
	}
}
