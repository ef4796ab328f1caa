package export

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// Spill sorts texts by a key of few values, such as the day, and keeps the order
// in which they came within a key. Texts wait in memory up to a limit and then go
// to a temporary file, each key's together: what stays in memory is one extent per
// key and filling of the limit. It belongs to one goroutine.
type Spill[K cmp.Ordered] struct {
	dir     string
	limit   int
	waiting int // bytes
	groups  map[K]*group
	file    *os.File
	size    int64
}

// group is what came under one key: extents of the file, then what still waits.
type group struct {
	extents []extent
	pending []byte
}

type extent struct{ at, length int64 }

// NewSpill makes an empty Spill that writes to a temporary file in a directory
// (empty: the system's) when more than limit bytes wait.
func NewSpill[K cmp.Ordered](dir string, limit int) *Spill[K] {
	return &Spill[K]{dir: dir, limit: limit, groups: make(map[K]*group)}
}

// Add appends a text, which it copies, under a key.
func (s *Spill[K]) Add(key K, text []byte) error {
	g := s.groups[key]
	if g == nil {
		g = new(group)
		s.groups[key] = g
	}
	before := cap(g.pending)
	g.pending = append(g.pending, text...)
	s.waiting += cap(g.pending) - before
	if s.waiting <= s.limit {
		return nil
	}
	return s.flush()
}

// flush moves what waits to the file.
func (s *Spill[K]) flush() error {
	if s.file == nil {
		file, err := os.CreateTemp(s.dir, ".jeongsan-export-*")
		if err != nil {
			return unwritable(cmp.Or(s.dir, os.TempDir()), err)
		}
		s.file = file
	}
	w := bufio.NewWriterSize(s.file, 256<<10)
	for _, key := range s.Keys() {
		g := s.groups[key]
		if len(g.pending) == 0 {
			continue
		}
		n, err := w.Write(g.pending)
		if err != nil {
			return unwritable(s.file.Name(), err)
		}
		g.extents = append(g.extents, extent{s.size, int64(n)})
		s.size += int64(n)
		g.pending = nil
	}
	s.waiting = 0
	if err := w.Flush(); err != nil {
		return unwritable(s.file.Name(), err)
	}
	return nil
}

func unwritable(path string, err error) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "temporary file", Value: path, Message: "cannot be written", Remedy: "make room, or set TMPDIR to another directory", Err: err}
}

// Keys returns the keys in order.
func (s *Spill[K]) Keys() []K { return slices.Sorted(maps.Keys(s.groups)) }

// CopyTo writes all texts of a key in the order in which they came.
func (s *Spill[K]) CopyTo(w io.Writer, key K) error {
	g := s.groups[key]
	if g == nil {
		return nil
	}
	for _, e := range g.extents {
		if _, err := io.Copy(w, io.NewSectionReader(s.file, e.at, e.length)); err != nil {
			return err
		}
	}
	_, err := w.Write(g.pending)
	return err
}

// Close removes the temporary file.
func (s *Spill[K]) Close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
