//go:build !unix

package postgres

import (
	"errors"
	"os"
	"syscall"
)

// supported is false: the private server needs Unix sockets and signals. Connect works.
const supported = false

const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

func ownerOf(path string) (uid, gid int, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, 0, err
	}
	return 0, 0, errors.ErrUnsupported
}

func signal(int, syscall.Signal) error           { return errors.ErrUnsupported }
func alive(int) bool                             { return false }
func isPostmaster(int, string) bool              { return false }
func (o owner) attributes() *syscall.SysProcAttr { return nil }
