//go:build !linux

package bench

import (
	"os"
	"runtime"
	"time"
)

// measurable says whether CPU time and memory of processes can be read here.
const measurable = false

func settleDisk() {}

func ownCPU() time.Duration { return 0 }

func treeCPU(int) time.Duration { return 0 }

func ownMemory() int64 { return 0 }

func treeMemory(int) int64 { return 0 }

func peakMemory(int) int64 { return 0 }

func flushFile(f *os.File) error { return f.Sync() }

func filesystem(string) (name string, volatile bool) { return "unknown", false }

func kernel() string { return runtime.GOOS }
