package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/export"
)

// exportFiles are the files of one export: each is written beside its place and
// moved there at the end, when all of them are whole.
type exportFiles struct {
	format  export.Format
	out     string // "" is standard output
	perBook bool
	force   bool
	stdout  io.Writer
	pending []pendingExport
	written []string
}

type pendingExport struct {
	path string
	file *renameio.PendingFile
}

// prepare decides between a file and a directory, which it makes, and refuses what
// is there already as soon as that can be known: one book's file, or the one file.
func (f *exportFiles) prepare(book string) (perBook bool, err error) {
	if f.out == "" {
		return false, nil
	}
	if !isDirectory(f.out) {
		if _, err := os.Stat(f.directory()); err != nil { // better now than after a long read
			return false, unwritableExport(f.out, err)
		}
		return false, f.free(f.out)
	}
	f.perBook = true
	if err := os.MkdirAll(f.out, 0o700); err != nil {
		return true, unwritableExport(f.out, err)
	}
	if book != "" {
		return true, f.free(f.path(book))
	}
	return true, nil
}

func (f *exportFiles) path(book string) string {
	if !f.perBook {
		return f.out
	}
	return filepath.Join(f.out, book+"."+f.format.Extension())
}

// free refuses to replace a file.
func (f *exportFiles) free(path string) error {
	if f.force {
		return nil
	}
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unwritableExport(path, err)
	}
	return &domain.Error{Code: domain.CodeConflict, Field: "out", Value: path, Message: "is there already", Remedy: "name another file, or give --force to replace it"}
}

// directory is where temporary files have the room that the export itself needs.
func (f *exportFiles) directory() string {
	switch {
	case f.out == "":
		return ""
	case f.perBook:
		return f.out
	}
	return filepath.Dir(f.out)
}

// create opens the file of a book, "" for the one file.
func (f *exportFiles) create(book string) (io.Writer, error) {
	if f.out == "" {
		return f.stdout, nil
	}
	path := f.path(book)
	if err := f.free(path); err != nil {
		return nil, err
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(f.directory()), renameio.WithPermissions(0o600))
	if err != nil {
		return nil, unwritableExport(path, err)
	}
	f.pending = append(f.pending, pendingExport{path, file})
	return file, nil
}

// finish moves the files to their places, or removes them where not all is well.
func (f *exportFiles) finish(complete bool) error {
	var faults []error
	for _, p := range f.pending {
		if !complete || len(faults) > 0 {
			faults = append(faults, p.file.Cleanup())
			continue
		}
		if err := f.free(p.path); err != nil {
			faults = append(faults, err, p.file.Cleanup())
			continue
		}
		if err := p.file.CloseAtomicallyReplace(); err != nil {
			faults = append(faults, unwritableExport(p.path, err), p.file.Cleanup())
			continue
		}
		f.written = append(f.written, p.path)
	}
	f.pending = nil
	return errors.Join(faults...)
}

// paths lists the files that were written.
func (f *exportFiles) paths() []string { return append([]string{}, f.written...) }

func unwritableExport(path string, err error) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "out", Value: path, Message: "cannot be written", Remedy: "name a file in a directory that is there and writable", Err: err}
}
