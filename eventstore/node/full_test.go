package node

import (
	"context"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
)

// How a full disk fails.
const (
	spacious   int32 = iota
	refused          // nothing was written
	half             // half of it was written
	persisted        // all of it was written, and the error came all the same
	unflushed        // written, but the flush failed
	afterFlush       // flushed, and the error came all the same
	uncreated        // no new files
)

// fullDisk is a disk that runs full for files of some kind.
type fullDisk struct {
	vfs.FS
	suffix string
	how    atomic.Int32
}

func (d *fullDisk) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil || !strings.HasSuffix(path.Base(name), d.suffix) {
		return f, err
	}
	return &fullFile{f, d}, nil
}

func (d *fullDisk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if d.how.Load() == uncreated && strings.HasSuffix(name, d.suffix) {
		return nil, syscall.ENOSPC
	}
	f, err := d.FS.Create(name, category)
	return d.wrap(name, f, err)
}

func (d *fullDisk) ReuseForWrite(from, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if d.how.Load() == uncreated && strings.HasSuffix(name, d.suffix) {
		return nil, syscall.ENOSPC
	}
	f, err := d.FS.ReuseForWrite(from, name, category)
	return d.wrap(name, f, err)
}

func (d *fullDisk) Unwrap() vfs.FS { return d.FS }

type fullFile struct {
	vfs.File
	disk *fullDisk
}

func (f *fullFile) Write(b []byte) (n int, err error) {
	switch f.disk.how.Load() {
	case refused:
		return 0, syscall.ENOSPC
	case half:
		if n, err = f.File.Write(b[:len(b)/2]); err == nil {
			err = syscall.ENOSPC
		}
		return n, err
	case persisted:
		if n, err = f.File.Write(b); err == nil {
			err = syscall.ENOSPC
		}
		return n, err
	}
	return f.File.Write(b)
}

func (f *fullFile) flushed(flush func() error) error {
	switch f.disk.how.Load() {
	case unflushed:
		return syscall.ENOSPC
	case afterFlush:
		if err := flush(); err != nil {
			return err
		}
		return syscall.ENOSPC
	}
	return flush()
}

func (f *fullFile) Sync() error     { return f.flushed(f.File.Sync) }
func (f *fullFile) SyncData() error { return f.flushed(f.File.SyncData) }

func (f *fullFile) SyncTo(length int64) (whole bool, err error) {
	err = f.flushed(func() error {
		whole, err = f.File.SyncTo(length)
		return err
	})
	return whole, err
}

// TestFullDiskStopsTheNode: whichever way a write or a flush of the log fails for
// want of space, the node says so and stops; nobody is told a success and nobody
// sees the event. With space again, a restart has all that was acknowledged, has
// the append in doubt as a whole or not at all, and takes it again.
func TestFullDiskStopsTheNode(t *testing.T) {
	for name, how := range map[string]int32{
		"nothing written": refused, "half written": half, "written and reported as failed": persisted,
		"not flushed": unflushed, "flushed and reported as failed": afterFlush,
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewMem()
			full := &fullDisk{FS: disk, suffix: ".log"}
			n, err := open(Config{Dir: "log", Logger: silent}, inMemory(full))
			require.NoError(t, err)
			t.Cleanup(func() { require.ErrorIs(t, n.Close(), syscall.ENOSPC) }) // reported once more
			s := connect(t, n)
			mustAppend(t, s, "book-1", 0, events(3)...)

			full.how.Store(how)
			doubtful := events(20)
			_, err = s.Append(t.Context(), "book-1", eventstore.At(2), doubtful...)
			require.True(t, eventstore.OutcomeUnknown(err), "%v", err)
			<-n.Done()
			require.ErrorContains(t, n.Wait(), syscall.ENOSPC.Error())
			_, err = s.Append(t.Context(), "book-2", eventstore.NoStream(), events(1)...)
			require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, "no more writes")
			require.ErrorContains(t, err, syscall.ENOSPC.Error())
			require.Len(t, readAll(t, s), 3, "nobody sees what was not acknowledged")

			// While it is full a start fails too, or the first write does.
			require.NoError(t, s.Close())
			require.ErrorIs(t, n.Close(), syscall.ENOSPC)
			if again, err := open(Config{Dir: "log", Logger: silent}, inMemory(full)); err == nil {
				require.NoError(t, ignoreFull(again.Close()))
			} else {
				require.ErrorContains(t, err, "the space left on its disk")
			}

			full.how.Store(spacious)
			n2 := openNode(t, "log", inMemory(full))
			s = connect(t, n2)
			stored := len(readAll(t, s))
			require.Contains(t, []int{3, 23}, stored, "half an append")
			mustAppend(t, s, "book-1", 3, doubtful...)
			require.Len(t, readStream(t, s, "book-1"), 23)
			mustAppend(t, s, "book-1", 23, events(1)...)
		})
	}
}

// TestFullDiskBetweenLogs: the write-ahead log fails while it goes on to its next
// file, once before every append of a history that fills several.
func TestFullDiskBetweenLogs(t *testing.T) {
	for name, how := range map[string]int32{
		"nothing written": refused, "half written": half, "written and reported as failed": persisted,
		"not flushed": unflushed, "flushed and reported as failed": afterFlush, "not created": uncreated,
	} {
		t.Run(name, func(t *testing.T) {
			most := uint64(9)
			if os.Getenv("JEONGSAN_LONG") == "1" {
				most = 24
			}
			large := strings.Repeat("x", 90<<10)
			for failing := range most {
				full := &fullDisk{FS: vfs.NewMem(), suffix: ".log"}
				n, err := open(Config{Dir: "log", Logger: silent}, inMemory(full))
				require.NoError(t, err)
				s := connect(t, n)
				append1 := func(count uint64) error {
					event := events(1)
					event[0].Data = []byte(`{"text":"` + large + `"}`)
					_, err := s.Append(t.Context(), "book-1", eventstore.After(count), event...)
					return err
				}
				acknowledged := uint64(0)
				for acknowledged < failing {
					require.NoError(t, append1(acknowledged))
					acknowledged++
				}
				full.how.Store(how)
				for err == nil && acknowledged < 4*most { // a log that is not full takes more
					if err = append1(acknowledged); err == nil {
						acknowledged++
					}
				}
				require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
				require.ErrorContains(t, n.Wait(), syscall.ENOSPC.Error())
				require.Len(t, readStream(t, s, "book-1"), int(acknowledged))
				require.NoError(t, s.Close())
				require.ErrorIs(t, n.Close(), syscall.ENOSPC)

				full.how.Store(spacious)
				s = connect(t, openNode(t, "log", inMemory(full)))
				require.Contains(t, []uint64{acknowledged, acknowledged + 1}, uint64(len(readStream(t, s, "book-1"))))
			}
		})
	}
}

func ignoreFull(err error) error {
	if err != nil && strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return nil
	}
	return err
}

// TestFullDiskInTheBackground: the log takes appends, but its tables can no longer
// be written. The node stops before its memory is full, instead of coming to a halt
// without a word, and keeps what it acknowledged.
func TestFullDiskInTheBackground(t *testing.T) {
	disk := vfs.NewMem()
	full := &fullDisk{FS: disk, suffix: ".sst"}
	n, err := open(Config{Dir: "log", Logger: silent}, inMemory(full))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ignoreFull(n.Close())) })
	s := connect(t, n)
	full.how.Store(refused)
	large := strings.Repeat("x", 900<<10)
	patience, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	count := uint64(0)
	for ; ; count++ {
		require.Less(t, count, uint64(100), "it should have noticed by now")
		event := events(1)
		event[0].Data = []byte(`{"text":"` + large + `"}`)
		if _, err = s.Append(patience, "book-1", eventstore.After(count), event...); err != nil {
			break
		}
	}
	require.NoError(t, patience.Err(), "appends came to a halt")
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
	require.Positive(t, count)
	<-n.Done()
	require.ErrorContains(t, n.Wait(), "the disk of the log takes no more")
	require.ErrorContains(t, n.Wait(), syscall.ENOSPC.Error())
	require.NoError(t, s.Close())
	full.how.Store(spacious)
	require.NoError(t, ignoreFull(n.Close()))

	s = connect(t, openNode(t, "log", inMemory(full)))
	stored := uint64(len(readStream(t, s, "book-1")))
	require.GreaterOrEqual(t, stored, count)
	require.LessOrEqual(t, stored, count+1)
}
