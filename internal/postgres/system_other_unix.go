//go:build unix && !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attributes makes a child run as its owner. These systems have no signal for
// the death of a parent: an orphan is found and stopped at the next start.
func (o owner) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: o.credential(), Setpgid: true}
}

// isPostmaster reports whether a process is a Postgres server over the data directory.
func isPostmaster(pid int, data string) bool {
	arguments, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(arguments), "postgres") && strings.Contains(string(arguments), data)
}
