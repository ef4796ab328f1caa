package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/jeongsan/jeongsan/collect/format"
)

// mostBatchBytes bounds the raw bytes of a batch.
const mostBatchBytes = 8 << 20

// batch is a run of records of one delivery, in order.
type batch struct {
	items  []item
	raw    []byte // of all items
	ends   []int  // of each item in raw
	header []byte
	bytes  int64 // of the delivery, as delivered, read by the end of the batch
}

func (b *batch) reset() {
	clear(b.items)
	b.items, b.raw, b.ends = b.items[:0], b.raw[:0], b.ends[:0]
}

func (b *batch) add(it item, raw []byte) {
	b.items = append(b.items, it)
	b.raw = append(b.raw, raw...)
	b.ends = append(b.ends, len(b.raw))
}

// record returns the raw bytes of an item.
func (b *batch) record(i int) []byte {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.raw[from:b.ends[i]]
}

// alone returns the raw bytes of an item as a delivery of its own.
func (b *batch) alone(i int) []byte {
	record := b.record(i)
	out := make([]byte, 0, len(b.header)+len(record)+1)
	out = append(append(out, b.header...), record...)
	return append(out, '\n')
}

// feed decodes and maps a delivery ahead of its consumer. Two batches exist at
// most beside the one being settled.
type feed struct {
	batches chan *batch
	free    chan *batch
	done    chan struct{}
	// Set before batches is closed:
	err  error
	hash string // of the delivery as it was read this time
}

func newFeed(ctx context.Context, d *Definition, delivery *Delivery, size int) *feed {
	f := &feed{batches: make(chan *batch, 1), free: make(chan *batch, 3), done: make(chan struct{})}
	go func() {
		defer close(f.done)
		defer close(f.batches)
		f.err = f.produce(ctx, d, delivery, size)
	}()
	return f
}

func (f *feed) produce(ctx context.Context, d *Definition, delivery *Delivery, size int) error {
	digest := sha256.New()
	o, err := d.open(delivery, digest)
	if err != nil {
		return err
	}
	m := newMapper(d)
	b := &batch{header: o.Header()}
	for {
		record, err := o.Next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if !end {
			if err := b.take(m, record); err != nil {
				return err
			}
		}
		if len(b.items) == size || len(b.raw) >= mostBatchBytes || end && len(b.items) > 0 {
			b.bytes = o.bytes.n.Load()
			select {
			case f.batches <- b:
			case <-ctx.Done():
				return stopped(ctx)
			}
			b = f.another(o.Header())
		}
		if end {
			err := o.rest(digest)
			f.hash = hex.EncodeToString(digest.Sum(nil))
			return err
		}
	}
}

func (b *batch) take(m *mapper, record *format.Record) error {
	it, err := m.next(record)
	if err != nil {
		return err
	}
	b.add(it, record.Raw)
	return nil
}

func (f *feed) another(header []byte) *batch {
	select {
	case b := <-f.free:
		b.reset()
		return b
	default:
		return &batch{header: header}
	}
}

// next returns the next batch, nil at the end.
func (f *feed) next(ctx context.Context) (*batch, error) {
	select {
	case b, ok := <-f.batches:
		if !ok {
			return nil, f.err
		}
		return b, nil
	case <-ctx.Done():
		return nil, stopped(ctx)
	}
}

// recycle gives a batch back; nothing of it may be used afterwards.
func (f *feed) recycle(b *batch) {
	select {
	case f.free <- b:
	default:
	}
}

// wait returns when the producer has ended; its context must have ended first,
// or all batches been taken.
func (f *feed) wait() { <-f.done }
