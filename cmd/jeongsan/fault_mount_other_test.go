//go:build !linux

package main

import "errors"

// mountMemory mounts nothing here: files are limited instead.
func mountMemory(string, int) error { return errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }
