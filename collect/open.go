package collect

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/domain"
)

// maxUnpacked bounds what a compressed delivery may unpack to.
const maxUnpacked = 256 << 30

// counted counts the bytes that pass and keeps the error of the source itself,
// to tell a disk that fails from a file that is damaged.
type counted struct {
	from io.Reader
	n    atomic.Int64
	err  error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// opened is a delivery being read.
type opened struct {
	format.Reader
	bytes *counted
}

// open begins to read a delivery; gzip is recognised by its first bytes. tap sees
// the bytes as delivered.
func (d *Definition) open(delivery *Delivery, tap io.Writer) (*opened, error) {
	o := &opened{bytes: &counted{from: delivery.Bytes()}}
	buffered := bufio.NewReaderSize(io.TeeReader(o.bytes, tap), 64<<10)
	var source io.Reader = buffered
	magic, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return o, o.explain(err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return o, o.explain(err)
		}
		source = &bounded{from: unpacked, left: maxUnpacked}
	}
	reader, err := d.format.Open(source)
	if err != nil {
		return o, o.explain(err)
	}
	o.Reader = reader
	return o, nil
}

// Next implements format.Reader.
func (o *opened) Next() (*format.Record, error) {
	record, err := o.Reader.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		err = o.explain(err)
	}
	return record, err
}

// explain makes a *domain.Error of what reading came to.
func (o *opened) explain(err error) error {
	var e *domain.Error
	switch {
	case o.bytes.err != nil:
		return &domain.Error{Code: domain.CodeUnavailable, Field: "delivery", Message: "the delivery cannot be read", Remedy: "check the disk and run it again", Err: o.bytes.err}
	case errors.As(err, &e):
		return e
	case errors.Is(err, io.ErrUnexpectedEOF):
		return format.Malformed("gzip", "", "the compressed delivery is cut off", "ask for the file again, whole")
	}
	return format.Malformed("gzip", err.Error(), "the compressed delivery is damaged", "ask for the file again")
}

type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, format.Malformed("gzip", "", fmt.Sprintf("the delivery unpacks to more than %d bytes", int64(maxUnpacked)), "split the file")
	}
	return n, err
}

// checked is what the first reading of a delivery found.
type checked struct {
	hash     string // SHA-256 of the bytes as delivered, hex
	records  uint64
	warnings []string
}

// checkEvery is how many records pass between looks at the context.
const checkEvery = 4096

// check reads the whole delivery once, without settling anything: its hash, and
// whether its structure is whole. CodeMalformed says that the delivery is to be
// refused; checked is filled as far as it was read.
func (d *Definition) check(ctx context.Context, delivery *Delivery, progress func(bytes int64, records uint64)) (checked, error) {
	digest := sha256.New()
	found := checked{}
	o, err := d.open(delivery, digest)
	if err == nil {
		found.warnings = o.Warnings()
		found.records, err = o.count(ctx, progress)
	}
	if err != nil && domain.CodeOf(err) != domain.CodeMalformed {
		return found, err
	}
	if restErr := o.rest(digest); restErr != nil {
		return found, restErr
	}
	found.hash = hex.EncodeToString(digest.Sum(nil))
	return found, err
}

// count reads all records. A broken one counts too.
func (o *opened) count(ctx context.Context, progress func(int64, uint64)) (uint64, error) {
	for n := uint64(0); ; n++ {
		if n%checkEvery == 0 {
			if ctx.Err() != nil {
				return n, stopped(ctx)
			}
			progress(o.bytes.n.Load(), n)
		}
		if _, err := o.Next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n + 1, err
		}
	}
}

// rest hashes what a broken delivery has beyond the place where reading ended.
func (o *opened) rest(digest hash.Hash) error {
	if _, err := io.Copy(digest, o.bytes); err != nil {
		return o.explain(err)
	}
	return nil
}

func stopped(ctx context.Context) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "ingest", Message: "stopped before the end", Remedy: "run it again: what has settled is recognised and the rest goes on", Err: context.Cause(ctx)}
}
