package main

import (
	"strconv"
	"syscall"
)

// mountMemory mounts a file system of so many MiB in memory.
func mountMemory(dir string, mib int) error {
	return syscall.Mount("none", dir, "tmpfs", 0, "mode=0755,size="+strconv.Itoa(mib)+"m")
}

func unmount(dir string) error { return syscall.Unmount(dir, 0) }
