package bench

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// measurable says whether CPU time and memory of processes can be read here.
const measurable = true

// tick is the unit of CPU time in /proc, the same on every machine of today.
const tick = 10 * time.Millisecond

// settleDisk waits until the machine has written out what its programs wrote before.
func settleDisk() { syscall.Sync() }

func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// process is a line of /proc/<pid>/stat.
type process struct {
	pid, parent int
	cpu         time.Duration // its own, and that of its children that have ended
}

func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil { // it has ended
		return process{}, false
	}
	// The second field is a name in parentheses, which may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const parent, utime, end = 1, 11, 15 // of utime, stime, cutime and cstime
	if len(fields) < end {
		return process{}, false
	}
	p := process{pid: pid}
	if p.parent, err = strconv.Atoi(fields[parent]); err != nil {
		return process{}, false
	}
	for _, field := range fields[utime:end] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return process{}, false
		}
		p.cpu += time.Duration(n) * tick
	}
	return p, true
}

// tree lists a process and its children.
func tree(pid int) []process {
	parent, ok := readProcess(pid)
	if pid == 0 || !ok {
		return nil
	}
	all := []process{parent}
	for _, id := range children(pid) {
		if p, ok := readProcess(id); ok && p.parent == pid {
			all = append(all, p)
		}
	}
	return all
}

// children lists the children of a process; where the kernel does not say, the
// processes of the machine, among which they are.
func children(pid int) (ids []int) {
	process := filepath.Join("/proc", strconv.Itoa(pid))
	tasks, err := filepath.Glob(filepath.Join(process, "task", "*", "children"))
	if err == nil && len(tasks) > 0 {
		for _, task := range tasks {
			text, err := os.ReadFile(task)
			if err != nil {
				continue // the thread has ended
			}
			for field := range strings.FieldsSeq(string(text)) {
				if id, err := strconv.Atoi(field); err == nil {
					ids = append(ids, id)
				}
			}
		}
		return ids
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if id, err := strconv.Atoi(entry.Name()); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func treeCPU(pid int) (total time.Duration) {
	for _, p := range tree(pid) {
		total += p.cpu
	}
	return total
}

func ownMemory() int64 {
	private, shared := residentOf(os.Getpid())
	return private + shared
}

func treeMemory(pid int) (total int64) {
	var shared int64
	for _, p := range tree(pid) {
		own, of := residentOf(p.pid)
		total += own
		shared = max(shared, of)
	}
	return total + shared
}

// residentOf returns the resident memory of a process in bytes, that which it
// shares with others (files and shared memory) apart.
func residentOf(pid int) (private, shared int64) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			private += kilobytes << 10
		case "RssFile", "RssShmem":
			shared += kilobytes << 10
		}
	}
	return private, shared
}

// peakMemory is the highest that a process has held resident since it began, in bytes.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}

// flushFile brings what was written to a file to disk, as Pebble and Postgres do.
func flushFile(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// filesystems are those that tell something about a measurement, by their numbers.
var filesystems = map[int64]string{
	0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x794c7630: "overlay", 0x01021994: "tmpfs", 0x2fc12fc1: "zfs",
}

// filesystem names what a directory lies on; volatile is true where nothing there
// is ever flushed.
func filesystem(dir string) (name string, volatile bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "unknown", false
	}
	name, known := filesystems[int64(s.Type)] //nolint:unconvert // not int64 on every architecture
	if !known {
		name = "unknown"
	}
	return name, name == "tmpfs"
}

// kernel is the version of the system.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return ""
	}
	return "Linux " + strings.TrimSpace(string(text))
}
