package node

import (
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/eventstore"
)

var errDisk = errors.New("the disk says no")

// walSync injects errDisk into every flush of the write-ahead log.
func walSync() *errorfs.Toggle {
	toggle := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		flush := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if flush && strings.HasSuffix(op.Path, ".log") {
			return errDisk
		}
		return nil
	})}
	return toggle
}

func TestFailedFlushStopsAllWriting(t *testing.T) {
	disk, fault := vfs.NewMem(), walSync()
	n, err := open(Config{Dir: "log", Logger: silent}, inMemory(errorfs.Wrap(disk, fault)))
	require.NoError(t, err)
	// Closing reports the failed flush once more.
	t.Cleanup(func() { require.ErrorIs(t, n.Close(), errDisk) })
	s := connect(t, n)
	kept := events(3)
	durable := mustAppend(t, s, "book-1", 0, kept...)
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, durable.Position)
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Close()) }()
	message, err := sub.Next(t.Context())
	require.NoError(t, err)
	require.True(t, message.CaughtUp)

	fault.On()
	lost := events(2)
	_, err = s.Append(t.Context(), "book-1", eventstore.At(2), lost...)
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
	require.True(t, eventstore.OutcomeUnknown(err))
	<-n.Done()
	require.ErrorContains(t, n.Wait(), errDisk.Error())
	require.Equal(t, http.StatusServiceUnavailable, healthStatus(t, n, ""))

	// The disk recovers, the node does not: nobody knows what is on it.
	fault.Off()
	for range 3 {
		_, err = s.Append(t.Context(), "book-1", eventstore.At(2), lost...)
		require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "no more writes")
	}
	// What was not flushed is seen by nobody.
	require.Len(t, readStream(t, s, "book-1"), 3)
	require.Len(t, readAll(t, s), 3)
	last, err := s.LastPosition(t.Context())
	require.NoError(t, err)
	require.Equal(t, durable.Position, last)
	require.NoError(t, s.Close())
	require.ErrorIs(t, n.Close(), errDisk)

	// A restart settles it: the repeated append succeeds either way.
	s = connect(t, openNode(t, "log", inMemory(disk)))
	mustAppend(t, s, "book-1", 3, lost...)
	stored := readStream(t, s, "book-1")
	require.Len(t, stored, 5)
	require.Equal(t, kept[0].ID, stored[0].ID)
	require.Equal(t, lost[1].ID, stored[4].ID)
}

// damage changes one byte of a block on disk, past Pebble's own checksums, the way
// a fault of memory or of the program would.
func damage(t *testing.T, filesystem vfs.FS, position uint64, offset int) {
	t.Helper()
	db, err := pebble.Open("log", &pebble.Options{FS: filesystem, Logger: pebbleLogger{logger: silent}})
	require.NoError(t, err)
	value, closer, err := db.Get(blockKey(position))
	require.NoError(t, err)
	broken := append([]byte(nil), value...)
	require.NoError(t, closer.Close())
	broken[offset] ^= 1
	require.NoError(t, db.Set(blockKey(position), broken, pebble.Sync))
	require.NoError(t, db.Close())
}

func TestDamagedRecordIsReported(t *testing.T) {
	filesystem := vfs.NewMem()
	n := openNode(t, "log", inMemory(filesystem))
	s := connect(t, n)
	mustAppend(t, s, "book-1", 0, events(2)...)
	broken := events(3)
	mustAppend(t, s, "book-1", 2, broken...)
	mustAppend(t, s, "book-1", 5, events(1)...)
	stored := readStream(t, s, "book-1")
	require.NoError(t, s.Close())
	require.NoError(t, n.Close())

	// The middle event of the middle append, in its data.
	block := blockOf(t, filesystem, uint64(stored[3].Position))
	damage(t, filesystem, block, int(uint64(stored[3].Position)-block)+recordFixed+30)

	n = openNode(t, "log", inMemory(filesystem))
	s = connect(t, n)
	requireDamaged := func(err error) {
		t.Helper()
		require.Equal(t, eventstore.CodeDamaged, eventstore.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "position "+strconv.FormatUint(uint64(stored[3].Position), 10))
	}
	var got []eventstore.Recorded
	var last error
	for event, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 0, eventstore.Unlimited) {
		if last = err; err == nil {
			got = append(got, event)
		}
	}
	requireDamaged(last)
	require.Equal(t, stored[:3], got, "what comes before is served, nothing after is")

	got, last = nil, nil
	for event, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if last = err; err == nil {
			got = append(got, event)
		}
	}
	requireDamaged(last)
	require.Equal(t, stored[:3], got)

	for _, err := range s.ReadStream(t.Context(), "book-1", eventstore.Backwards, 4, 1) {
		requireDamaged(err)
	}
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{}, eventstore.Start)
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Close()) }()
	for seen := 0; ; {
		message, err := sub.Next(t.Context())
		if err != nil {
			requireDamaged(err)
			require.Equal(t, 3, seen)
			break
		}
		if message.Event != nil {
			seen++
		}
	}
	// Whether an append is a repetition cannot be told from a damaged record.
	_, err = s.Append(t.Context(), "book-1", eventstore.At(1), broken...)
	requireDamaged(err)
	// The events behind it can still be reached, and the stream goes on.
	for event, err := range s.ReadStream(t.Context(), "book-1", eventstore.Forwards, 5, eventstore.Unlimited) {
		require.NoError(t, err)
		require.Equal(t, stored[5], event)
	}
	mustAppend(t, s, "book-1", 6, events(1)...)
}

func TestDamagedLastBlockIsReportedAtOpen(t *testing.T) {
	filesystem := vfs.NewMem()
	n := openNode(t, "log", inMemory(filesystem))
	s := connect(t, n)
	appended := mustAppend(t, s, "book-1", 0, events(1)...)
	require.NoError(t, s.Close())
	require.NoError(t, n.Close())
	block := blockOf(t, filesystem, uint64(appended.Position))
	damage(t, filesystem, block, 20)
	_, err := open(Config{Dir: "log", Logger: silent}, inMemory(filesystem))
	require.ErrorContains(t, err, "damaged record at position "+strconv.FormatUint(block, 10))
}

// blockOf finds the block that holds a position.
func blockOf(t *testing.T, filesystem vfs.FS, position uint64) uint64 {
	t.Helper()
	db, err := pebble.Open("log", &pebble.Options{FS: filesystem, Logger: pebbleLogger{logger: silent}})
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	iter, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixBlock}, UpperBound: []byte{prefixBlock + 1}})
	require.NoError(t, err)
	defer func() { require.NoError(t, iter.Close()) }()
	require.True(t, iter.SeekLT(blockKey(position)))
	return binary.BigEndian.Uint64(iter.Key()[1:])
}

// crowded is a listener that has no room for a connection at first.
type crowded struct {
	net.Listener
	refusals int
}

func (c *crowded) Accept() (net.Conn, error) {
	if c.refusals--; c.refusals >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return c.Listener.Accept()
}

func TestRunningOutOfFilesPasses(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	s := newSplitter(&crowded{listener, 3})
	ended := make(chan error, 1)
	go func() { ended <- s.run() }()
	client, err := net.Dial("tcp4", listener.Addr().String())
	require.NoError(t, err)
	_, err = client.Write([]byte("GET /"))
	require.NoError(t, err)
	conn, err := s.http.Accept()
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, client.Close())
	require.NoError(t, s.close())
	require.NoError(t, <-ended)
}
