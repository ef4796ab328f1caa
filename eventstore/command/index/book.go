package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Book is the part of the index that one book has. It belongs to one goroutine.
type Book struct {
	index      *Index
	id         string
	generation uint64
	scratch    []byte
}

// Book returns the part of a book. It is valid until the next Reset.
func (x *Index) Book(id string) *Book {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return &Book{index: x, id: id, generation: x.generation}
}

// Row is one key and value to store.
type Row struct {
	Key   []byte
	Value []byte
}

// Rows are what changed of a book. Keys of records are those of Record, of accounts
// and counters their names, of holds whatever names one. A counter or a hold without a
// value is removed.
type Rows struct{ Records, Accounts, Counters, Holds []Row }

// with runs f on the database, unless it is not the one the Book was obtained
// from. Errors of the database are ErrDamaged.
func (b *Book) with(f func(db *pebble.DB) error) error {
	b.index.mu.RLock()
	defer b.index.mu.RUnlock()
	switch {
	case b.index.db == nil:
		return errClosed
	case b.index.generation != b.generation:
		return ErrReset
	case b.index.damaged.Load():
		return ErrDamaged
	}
	if err := f(b.index.db); err != nil {
		if errors.Is(err, ErrDamaged) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

// Header returns the book's header; found is false where the index has none.
func (b *Book) Header() (header Header, found bool, err error) {
	err = b.with(func(db *pebble.DB) (err error) {
		key := b.prefix(headerTag)
		value, closer, err := db.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer closing(closer, &err)
		found = true
		header, err = decodeHeader(key, value)
		return err
	})
	return header, found, err
}

// Accounts passes every snapshot row of the book to f, in the order of account
// names. The value is valid during the call only.
func (b *Book) Accounts(f func(account string, value []byte) error) error {
	prefix := b.prefix(accountTag)
	return b.scan(prefix, func(key, value []byte) error { return f(string(key[len(prefix):]), value) })
}

// Counters is Accounts for counters.
func (b *Book) Counters(f func(counter string, value []byte) error) error {
	prefix := b.prefix(counterTag)
	return b.scan(prefix, func(key, value []byte) error { return f(string(key[len(prefix):]), value) })
}

// Holds is Accounts for what is held.
func (b *Book) Holds(f func(hold string, value []byte) error) error {
	prefix := b.prefix(holdTag)
	return b.scan(prefix, func(key, value []byte) error { return f(string(key[len(prefix):]), value) })
}

// CountKeys counts the key records of the book and checks each, up to a limit;
// whole is false where there are more.
func (b *Book) CountKeys(limit uint64) (count uint64, whole bool, err error) {
	err = b.scan(b.prefix(recordTag), func([]byte, []byte) error {
		if count++; count > limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return limit, false, nil
	}
	return count, err == nil, err
}

var errEnough = errors.New("enough")

func (b *Book) scan(prefix []byte, f func(key, value []byte) error) error {
	var stopped error
	err := b.with(func(db *pebble.DB) (err error) {
		iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
		if err != nil {
			return err
		}
		defer closing(iterator, &err)
		for iterator.First(); iterator.Valid(); iterator.Next() {
			value, err := opened(iterator.Key(), iterator.Value())
			if err != nil {
				return err
			}
			if stopped = f(iterator.Key(), value); stopped != nil {
				return nil
			}
		}
		return iterator.Error()
	})
	return errors.Join(err, stopped)
}

// Record is the key under which the record of a transaction key is stored.
// Sorting keys before Lookup makes it several times faster.
func (b *Book) Record(source, externalID string) []byte {
	return appendRecordKey(make([]byte, 0, len(b.id)+len(source)+len(externalID)+8), b.id, source, externalID)
}

// Lookup passes the value of each key that the index has to found, with the
// key's place in keys. The value is valid during the call only.
func (b *Book) Lookup(keys [][]byte, found func(i int, value []byte) error) error {
	if len(keys) == 0 {
		return nil
	}
	return b.with(func(db *pebble.DB) (err error) {
		iterator, err := db.NewIter(&pebble.IterOptions{UseL6Filters: true})
		if err != nil {
			return err
		}
		defer closing(iterator, &err)
		for i, key := range keys {
			if !iterator.SeekPrefixGE(key) {
				if err := iterator.Error(); err != nil {
					return err
				}
				continue
			}
			value, err := opened(key, iterator.Value())
			if err != nil {
				return err
			}
			if err := found(i, value); err != nil {
				return err
			}
		}
		return nil
	})
}

// Store moves the book to a header, with the rows that changed since the last one,
// atomically.
func (b *Book) Store(header Header, rows Rows) error {
	return b.with(func(db *pebble.DB) (err error) {
		batch := db.NewBatchWithSize(1 << 16)
		defer closing(batch, &err)
		for _, row := range rows.Records {
			if err := b.set(batch, row.Key, row.Value); err != nil {
				return err
			}
		}
		err = errors.Join(b.put(batch, accountTag, rows.Accounts), b.put(batch, counterTag, rows.Counters), b.put(batch, holdTag, rows.Holds))
		if err != nil {
			return err
		}
		value, err := header.encode()
		if err != nil {
			return err
		}
		if err := b.set(batch, b.prefix(headerTag), value); err != nil {
			return err
		}
		return db.Apply(batch, pebble.NoSync)
	})
}

// put stores rows of a kind, or removes those without a value.
func (b *Book) put(batch *pebble.Batch, tag byte, rows []Row) error {
	prefix := b.prefix(tag)
	for _, row := range rows {
		key := append(prefix[:len(prefix):len(prefix)], row.Key...)
		if row.Value == nil {
			if err := batch.Delete(key, nil); err != nil {
				return err
			}
		} else if err := b.set(batch, key, row.Value); err != nil {
			return err
		}
	}
	return nil
}

// set stores a value with its checksum.
func (b *Book) set(batch *pebble.Batch, key, value []byte) error {
	b.scratch = append(b.scratch[:0], value...)
	b.scratch = binary.LittleEndian.AppendUint32(b.scratch, checksum(key, value))
	return batch.Set(key, b.scratch, nil)
}

// Clear removes everything the index has of the book.
func (b *Book) Clear() error {
	return b.with(func(db *pebble.DB) (err error) {
		batch := db.NewBatch()
		defer closing(batch, &err)
		for _, tag := range []byte{recordTag, accountTag, counterTag, holdTag} {
			prefix := b.prefix(tag)
			if err := batch.DeleteRange(prefix, after(prefix), nil); err != nil {
				return err
			}
		}
		if err := batch.Delete(b.prefix(headerTag), nil); err != nil {
			return err
		}
		return db.Apply(batch, pebble.NoSync)
	})
}
