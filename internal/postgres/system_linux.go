package postgres

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes makes a child run as its owner and end when the thread that starts
// it ends.
func (o owner) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: o.credential(), Pdeathsig: fastShutdown, Setpgid: true}
}

// isPostmaster reports whether a process is a Postgres server over the data directory.
func isPostmaster(pid int, data string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	name, err := os.ReadFile(filepath.Join(proc, "comm"))
	if err != nil || !strings.HasPrefix(string(name), "postgres") && !strings.HasPrefix(string(name), "postmaster") {
		return false
	}
	// A postmaster works in its data directory.
	if dir, err := os.Stat(filepath.Join(proc, "cwd")); err == nil {
		if info, err := os.Stat(data); err == nil {
			return os.SameFile(dir, info)
		}
	}
	arguments, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	return err == nil && strings.Contains(string(arguments), data)
}
