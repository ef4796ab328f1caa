package node

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// TestReadersShareMemory lets many readers at once take blocks from disk, of sizes
// far apart, into memory that others have used before: each gets what was written.
func TestReadersShareMemory(t *testing.T) {
	tune := inMemory(vfs.NewMem())
	tune.tailBytes = 1
	s := connect(t, openNode(t, "log", tune))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // not for secrets
	written, all := map[domain.StreamID][][]byte{}, [][]byte(nil)
	for i := range 150 {
		stream := domain.Stream("book", fmt.Sprint(i%5))
		batch := events(1 + random.IntN(4))
		for j := range batch {
			batch[j].Data = fmt.Appendf(nil, `{"i":%d,"j":%d,"fill":"%s"}`, i, j, bytes.Repeat([]byte{byte('a' + i%26)}, 1<<random.IntN(17)))
			all = append(all, batch[j].Data)
		}
		mustAppend(t, s, stream, uint64(len(written[stream])), batch...)
		for _, e := range batch {
			written[stream] = append(written[stream], e.Data)
		}
	}
	// A difference is an error and not a failure: readers are goroutines.
	same := func(what string, n int, want [][]byte, got eventstore.Recorded) error {
		if n >= len(want) || !bytes.Equal(want[n], got.Data) {
			return fmt.Errorf("%s: event %d differs", what, n)
		}
		return nil
	}
	readWhole := func() error {
		n := 0
		for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
			if err == nil {
				err = same("the log", n, all, e)
			}
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}
	readOne := func(stream domain.StreamID, direction eventstore.Direction, from uint64) error {
		n := int(from)
		for e, err := range s.ReadStream(t.Context(), stream, direction, from, 40) {
			if err == nil {
				err = same(string(stream), n, written[stream], e)
			}
			if err != nil {
				return err
			}
			if n++; direction == eventstore.Backwards {
				n -= 2
			}
		}
		return nil
	}
	failed := make(chan error, 12)
	var readers sync.WaitGroup
	for reader := range cap(failed) {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(3, uint64(reader))) //nolint:gosec // not for secrets
			for range 8 {
				stream := domain.Stream("book", fmt.Sprint(random.IntN(5)))
				direction := []eventstore.Direction{eventstore.Forwards, eventstore.Backwards}[random.IntN(2)]
				err := readOne(stream, direction, uint64(random.IntN(len(written[stream]))))
				if err == nil && reader%6 == 0 {
					err = readWhole()
				}
				if err != nil {
					failed <- err
					return
				}
			}
		})
	}
	readers.Wait()
	close(failed)
	for err := range failed {
		require.NoError(t, err)
	}
}
