package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// disk is a place that can be made to run full.
type disk struct {
	dir     string
	says    string // what the system says when it is full
	mounted bool
	ballast string
	// limited prepares a process that must find the disk full; nil where it does so
	// by itself.
	limited func(*process)
}

// smallDisk mounts a file system of so many MiB in memory. Where that is not
// allowed, the processes that it starts may not write large files instead: their
// disk is full from the beginning, a little later.
func smallDisk(t *testing.T, mib int) *disk {
	t.Helper()
	directory := filepath.Dir(dataDirectory(t))
	d := &disk{dir: filepath.Join(directory, "disk")}
	require.NoError(t, os.Mkdir(d.dir, 0o755)) //nolint:gosec // searchable for the database's user
	err := mountMemory(d.dir, mib)
	if err == nil {
		d.mounted, d.says, d.ballast = true, syscall.ENOSPC.Error(), filepath.Join(d.dir, "ballast")
		t.Cleanup(func() { require.NoError(t, unmount(d.dir)) })
		return d
	}
	t.Logf("no small disk can be mounted (%v); files are limited instead", err)
	d.says = syscall.EFBIG.Error()
	d.limited = func(p *process) {
		// 8 MiB, in the blocks of 512 bytes that a shell counts in: less than a write-ahead log.
		p.cmd.Args = append([]string{"sh", "-c", `ulimit -f 16384; exec "$0" "$@"`, p.cmd.Path}, p.cmd.Args[1:]...)
		p.cmd.Path = "/bin/sh"
	}
	return d
}

// start runs the program so that it can find the disk full.
func (d *disk) start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, d.limited, args...)
}

// fill leaves no space.
func (d *disk) fill(t *testing.T) {
	t.Helper()
	if !d.mounted {
		return
	}
	f, err := os.Create(d.ballast)
	require.NoError(t, err)
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC, fmt.Sprint("filling ", d.ballast))
	require.NoError(t, f.Close())
}

// empty gives the space back.
func (d *disk) empty(t *testing.T) {
	t.Helper()
	if d.mounted {
		require.NoError(t, os.Remove(d.ballast))
	}
}
