package index

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/domain"
)

// Inspect opens the index in the folder as it lies there, to look at it: nothing
// is created, emptied or mended, and whatever is damaged stays so and is
// ErrDamaged. CodeConflict says that another process uses the folder, CodeNotFound
// that there is no index in it.
func Inspect(config Config) (*Index, error) {
	missing := func(err error) error {
		return &domain.Error{Code: domain.CodeNotFound, Field: "index", Value: config.Dir, Message: "there is no local index", Remedy: "it is built when the next command for a book is taken", Err: err}
	}
	if config.FS == nil {
		config.FS = vfs.Default
	}
	if _, err := config.FS.Stat(config.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil, missing(err)
	}
	lock, err := pebble.LockDirectory(config.Dir, config.FS)
	if err != nil {
		return nil, &domain.Error{
			Code: domain.CodeConflict, Field: "index", Value: config.Dir, Message: "the local index is in use by another process, or its folder is not writable",
			Remedy: "stop the other process", Err: err,
		}
	}
	there, err := pebble.Peek(config.Dir, config.FS)
	if err == nil && !there.Exists {
		return nil, errors.Join(missing(nil), lock.Close())
	}
	x := &Index{config: config, lock: lock, looking: true}
	if err == nil {
		err = x.open()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrDamaged, err), lock.Close())
	}
	return x, nil
}

// Books lists the books that have a header, sorted.
func (x *Index) Books() (ids []string, err error) {
	b := x.Book("")
	err = b.with(func(db *pebble.DB) (err error) {
		iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{headerTag}, UpperBound: []byte{headerTag + 1}})
		if err != nil {
			return err
		}
		defer closing(iterator, &err)
		for iterator.First(); iterator.Valid(); iterator.Next() {
			key := iterator.Key()
			if len(key) < 2 || key[len(key)-1] != 0 {
				return fmt.Errorf("%w: a header has the key %q", ErrDamaged, key)
			}
			ids = append(ids, string(key[1:len(key)-1]))
		}
		return iterator.Error()
	})
	return ids, err
}

// Records passes every key record of the book to f, sorted by key, as Record gives
// them. Both are valid during the call only.
func (b *Book) Records(f func(key, value []byte) error) error {
	return b.scan(b.prefix(recordTag), f)
}
