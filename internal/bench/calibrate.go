package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/eventstore"
)

const flushBytes = 4096

// flushTime is how long flushes are measured.
func (b *bench) flushTime() time.Duration { return min(time.Second, b.config.Duration) }

// flush measures how long it takes to write 4 KiB and bring them to disk.
func (b *bench) flush(_ context.Context, r *result) error {
	s, err := flushes(b.config.Dir, b.flushTime())
	if err != nil {
		return err
	}
	r.add("flushes_per_second", rate(s.total, b.flushTime()), "/s")
	r.percentiles("flush", s)
	return nil
}

// flushes writes and flushes for a while in a file of its own.
func flushes(dir string, during time.Duration) (_ *sample, err error) {
	f, err := os.CreateTemp(dir, "flush-")
	if err != nil {
		return nil, fmt.Errorf("measure a flush: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, flushBytes)
	s := &sample{}
	for end := time.Now().Add(during); time.Now().Before(end); {
		started := time.Now()
		binary.LittleEndian.PutUint64(page, uint64(started.UnixNano()))
		_, err := f.Write(page)
		if err = errors.Join(err, flushFile(f)); err != nil {
			return nil, fmt.Errorf("measure a flush: %w", err)
		}
		s.add(time.Since(started), 1)
	}
	return s, nil
}

// groupEvents is how many events the book writer puts into one append.
const groupEvents = 500

// templates is how many settlements are made by the product itself, as events to
// append without it.
const templates = 10_000

// recordedEvents settles some transactions on a scratch ledger and reads what the
// log then holds of them. It does so once in a run.
func (b *bench) recordedEvents(ctx context.Context) (_ []eventstore.Proposed, err error) {
	if b.events != nil {
		return b.events, nil
	}
	l, err := b.open(ctx, "events", Need{}, b.load())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	n := min(templates, b.config.Settlements)
	if _, err := l.feed(ctx, 0, n, 1, collect.Unlimited{}); err != nil {
		return nil, err
	}
	for e, err := range l.Store.ReadStream(ctx, domain.Stream(book.Category, bookID), eventstore.Forwards, 0, uint64(n)) {
		if err != nil {
			return nil, err
		}
		b.events = append(b.events, eventstore.Proposed{ID: e.ID, Type: e.Type, Data: slices.Clone(e.Data), Metadata: slices.Clone(e.Metadata)})
	}
	if len(b.events) != n {
		return nil, fmt.Errorf("the log holds %d of %d settlements", len(b.events), n)
	}
	return b.events, nil
}

// group makes the events of transactions from..from+n out of recorded ones: each
// has an id and an external id of its own, and the rest of one of the recorded.
func (b *bench) group(events []eventstore.Proposed, into []eventstore.Proposed, from, n int) []eventstore.Proposed {
	l := b.load()
	for i := from; i < from+n; i++ {
		e := events[i%len(events)]
		e.Data = slices.Clone(e.Data)
		if was, is := l.externalID(uint64(i%len(events))), l.externalID(uint64(i)); was != is {
			// It is the second value of the event, and every form is of one length.
			copy(e.Data[len(`{"source":"`+sourceID+`","external_id":"`):], is)
			binary.BigEndian.PutUint64(e.ID[8:], l.random(uint64(i), 3))
			binary.BigEndian.PutUint32(e.ID[:4], uint32(i))
		}
		into = append(into, e)
	}
	return into
}

// pebble writes the bytes of real events to Pebble as plainly as can be: one
// value per group of 500, synced, in one goroutine.
func (b *bench) pebble(ctx context.Context, r *result) error {
	events, err := b.recordedEvents(ctx)
	if err != nil {
		return err
	}
	n := b.config.Settlements
	b.say("storage: %d events in groups of %d", n, groupEvents)
	var group []eventstore.Proposed
	bytes := 0
	var m measured
	err = b.inPebble(func(set func([]byte) error) (err error) {
		var value []byte
		m, err = b.measure(0, func() error {
			for from := 0; from < n; from += groupEvents {
				group = b.group(events, group[:0], from, min(groupEvents, n-from))
				value = value[:0]
				for _, e := range group {
					value = binary.AppendUvarint(value, uint64(len(e.Data)))
					value = append(append(value, e.Data...), e.Metadata...)
				}
				bytes += len(value)
				if err := errors.Join(set(value), ctx.Err()); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.add("bytes_given", float64(bytes)/float64(n), "B/settlement")
	r.used(m.used, n, false)
	return nil
}

// inPebble opens a Pebble of its own, removed afterwards. set writes and flushes a
// value under a key that counts up.
func (b *bench) inPebble(do func(set func(value []byte) error) error) (err error) {
	dir, err := b.directory("pebble")
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove(dir)) }()
	db, err := pebble.Open(filepath.Join(dir, "db"), &pebble.Options{
		FormatMajorVersion: pebble.FormatNewest, CacheSize: 96 << 20, MemTableSize: 16 << 20, MemTableStopWritesThreshold: 3, Logger: quiet{},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	next := uint64(0)
	return do(func(value []byte) error {
		next++
		return db.Set(binary.BigEndian.AppendUint64(nil, next), value, pebble.Sync)
	})
}

// quiet keeps Pebble's messages out of the results.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// bare appends events that are rated and encoded already, in groups of 500 with
// one in flight, and lets the product's runner make its rows of them.
func (b *bench) bare(ctx context.Context, r *result) (err error) {
	events, err := b.recordedEvents(ctx)
	if err != nil {
		return err
	}
	l, err := b.open(ctx, "bare", Need{Projections: true}, b.load())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.discard(l)) }()
	n := b.config.Settlements
	b.say("bare: %d events through append, subscription and rows", n)
	stop := l.tap.start(l.Runner)
	m, err := b.measure(postmaster(l.Postgres), func() error {
		return l.during(ctx, func(ctx context.Context) error { return b.appendAll(ctx, l, events, n) })
	})
	stop()
	if err != nil {
		return err
	}
	r.add("settlements_per_second", rate(n, m.took), "/s")
	r.percentiles("durable_to_visible", l.tap.spread())
	r.used(m.used, n, true)
	return nil
}

func (b *bench) appendAll(ctx context.Context, l *ledger, events []eventstore.Proposed, n int) error {
	stream := domain.Stream(book.Category, bookID)
	var position eventstore.Position
	groups := make(chan []eventstore.Proposed, 1)
	go func() { // the next group is made while one is in flight
		defer close(groups)
		for from := 0; from < n; from += groupEvents {
			select {
			case groups <- b.group(events, nil, from, min(groupEvents, n-from)):
			case <-ctx.Done():
				return
			}
		}
	}()
	count := uint64(0)
	for group := range groups {
		if err := l.Throttle.Admit(ctx, len(group)); err != nil {
			return err
		}
		appended, err := l.Store.Append(ctx, stream, eventstore.After(count), group...)
		if err != nil {
			return err
		}
		count += uint64(len(group))
		position = appended.Position
		l.Throttle.Acknowledged(position, len(group))
	}
	return l.Runner.Await(ctx, position)
}
