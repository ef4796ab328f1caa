package collect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/jeongsan/jeongsan/domain"
)

// Delivery is what a source sent: one file. It is read more than once and never
// held in memory. Close it after use.
type Delivery struct {
	// Name is the base name of the file, for people.
	Name string
	// Size in bytes, as delivered.
	Size int64

	data  io.ReaderAt
	close func() error
}

// NewDelivery makes a delivery of anything that can be read at an offset.
func NewDelivery(name string, data io.ReaderAt, size int64) *Delivery {
	return &Delivery{Name: plainName(name), Size: size, data: data, close: func() error { return nil }}
}

// OpenFile opens a file as a delivery. "-" is standard input; what cannot be read
// twice (standard input, a pipe) is copied to a temporary file in dir first, the
// system's own where dir is empty.
func OpenFile(path, dir string) (*Delivery, error) {
	if path == "-" {
		return Spool("stdin", os.Stdin, dir, 0)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, errors.Join(unreadable(path, err), file.Close())
	case info.IsDir():
		return nil, errors.Join(&domain.Error{Code: domain.CodeInvalid, Field: "file", Value: path, Message: "this is a directory, not a file", Remedy: "name the files in it"}, file.Close())
	case !info.Mode().IsRegular():
		d, err := Spool(filepath.Base(path), file, dir, 0)
		return d, errors.Join(err, file.Close())
	}
	d := NewDelivery(filepath.Base(path), file, info.Size())
	d.close = file.Close
	return d, nil
}

// Spool copies a stream to a temporary file in dir, which is gone after Close. More
// than limit bytes are refused with CodeOutOfRange; 0 is no limit.
func Spool(name string, from io.Reader, dir string, limit int64) (*Delivery, error) {
	file, err := os.CreateTemp(dir, "jeongsan-delivery-*")
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeUnavailable, Field: "temporary file", Value: dir, Message: "the delivery cannot be buffered on disk", Remedy: "make the directory writable, or set TMPDIR", Err: err}
	}
	discard := func() error { return errors.Join(file.Close(), os.Remove(file.Name())) }
	// Where the system lets an open file be removed, nothing is left behind
	// whatever becomes of the process; elsewhere it is removed when closed.
	if os.Remove(file.Name()) == nil {
		discard = file.Close
	}
	if limit > 0 {
		from = io.LimitReader(from, limit+1)
	}
	size, err := io.Copy(file, from)
	if err != nil {
		return nil, errors.Join(&domain.Error{Code: domain.CodeUnavailable, Field: "delivery", Value: name, Message: "the delivery could not be received whole", Remedy: "send it again", Err: err}, discard())
	}
	if limit > 0 && size > limit {
		return nil, errors.Join(tooLarge(limit), discard())
	}
	d := NewDelivery(name, file, size)
	d.close = discard
	return d, nil
}

func tooLarge(limit int64) *domain.Error {
	return &domain.Error{Code: domain.CodeOutOfRange, Field: "delivery", Message: fmt.Sprintf("the delivery is larger than %d bytes", limit), Remedy: "split the file, between units where records are counted within them"}
}

// Close releases the delivery. It is idempotent.
func (d *Delivery) Close() error {
	release := d.close
	d.close = func() error { return nil }
	return release()
}

// Bytes reads the delivery from its start, as delivered.
func (d *Delivery) Bytes() io.Reader { return io.NewSectionReader(d.data, 0, d.Size) }

func unreadable(path string, err error) *domain.Error {
	code, remedy := domain.CodeUnavailable, "check the file and its permissions"
	if errors.Is(err, fs.ErrNotExist) {
		code, remedy = domain.CodeNotFound, "check the path"
	}
	return &domain.Error{Code: code, Field: "file", Value: path, Message: "the file cannot be read", Remedy: remedy, Err: err}
}

// plainName keeps what the log takes as a name.
func plainName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	const longest = 200
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	return name
}
