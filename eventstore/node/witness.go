package node

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	pebblerecord "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// witnessName is a file that says how far the log has been on disk. Two kinds of
// damage look to Pebble like a write that a crash has cut short, and it forgets
// what follows without a word: in the list of its tables, the manifest, and at the
// end of the write-ahead log. A log that has less than its witness saw is not opened.
// The witness is renewed with each table that is written and when the log is
// closed in order. For what came after it see checkWALs.
const witnessName = "WITNESS"

// witness is what is on disk at least.
type witness struct {
	manifest string
	entries  int    // of the manifest
	end      uint64 // position of the log's last event
}

func (w witness) String() string {
	text := fmt.Sprintf("%s %d %d", w.manifest, w.entries, w.end)
	return fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

// parseWitness returns the zero witness for what none has written.
func parseWitness(content string) (w witness, ok bool) {
	var sum uint32
	if _, err := fmt.Sscanf(content, "%s %d %d %x\n", &w.manifest, &w.entries, &w.end, &sum); err != nil || w.String() != content {
		return witness{}, false
	}
	return w, true
}

// readManifest counts the entries of the manifest in use that can be read.
func (s *store) readManifest() (w witness, err error) {
	found, err := pebble.Peek(s.dir, s.files)
	if err != nil || !found.Exists {
		return witness{}, err
	}
	w.manifest = s.files.PathBase(found.ManifestFilename)
	f, err := s.files.Open(s.files.PathJoin(s.dir, w.manifest))
	if err != nil {
		return witness{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for entries := pebblerecord.NewReader(f, 0); ; w.entries++ {
		entry, err := entries.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, entry)
		}
		if errors.Is(err, io.EOF) || pebblerecord.IsInvalidRecord(err) {
			return w, nil
		}
		if err != nil {
			return witness{}, err
		}
	}
}

// checkManifest compares the manifest with what the witness saw. It must be called
// before Pebble opens the log, which changes it.
func (s *store) checkManifest() error {
	content, err := s.readWitness()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new log, or one that was restored
	}
	if err != nil {
		return err
	}
	want, ok := parseWitness(content)
	if !ok {
		return &damagedLog{"the file " + witnessName + " cannot be read"}
	}
	s.witness = want
	found, err := s.readManifest()
	if err != nil {
		return err
	}
	// Another manifest is a later one: the witness follows it.
	if found.manifest == want.manifest && found.entries < want.entries {
		return &damagedLog{fmt.Sprintf("of at least %d entries in %s only %d can be read: tables are forgotten", want.entries, found.manifest, found.entries)}
	}
	return nil
}

// checkEnd compares the log's end with what the witness saw.
func (s *store) checkEnd(end uint64) error {
	if end < s.witness.end {
		return &damagedLog{fmt.Sprintf("it ends at position %d and has reached to %d: what follows is lost", end, s.witness.end)}
	}
	return nil
}

// damagedLog is an error about the log as a whole.
type damagedLog struct{ reason string }

func (d *damagedLog) Error() string { return "damaged log: " + d.reason }

func (s *store) readWitness() (_ string, err error) {
	f, err := s.files.Open(s.files.PathJoin(s.dir, witnessName))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err := io.ReadAll(f)
	return string(content), err
}

// writeWitness renews the witness. While the log is open the manifest's newest entry
// may not be on disk yet and is not counted.
func (s *store) writeWitness(open bool) error {
	w, err := s.readManifest()
	if err != nil {
		return err
	}
	w.end = s.tail.end()
	if open {
		w.entries = max(w.entries-1, 0)
	}
	path := s.files.PathJoin(s.dir, witnessName)
	f, err := s.files.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, w.String())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.files.Rename(path+".new", path); err != nil {
		return err
	}
	return s.syncDirectory()
}

func (s *store) syncDirectory() error {
	d, err := s.files.OpenDir(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keepWitness renews the witness after each flush to a table, until quit.
func (s *store) keepWitness(logger pebble.Logger) {
	for {
		select {
		case <-s.flushed:
			if err := s.writeWitness(true); err != nil {
				logger.Errorf("%s cannot be written: %v", witnessName, err)
			}
		case <-s.quit:
			return
		}
	}
}
