package node

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
)

// A backup is a tar archive: the files of a consistent copy of the log, and at the
// end a manifest that names them all with their checksums. One without a manifest
// is the beginning of a backup.
const (
	// backupManifestName is the last file of the archive.
	backupManifestName = "manifest.json"
	// backupFormat is the version of the archive.
	backupFormat = 1
	// checkpointPrefix begins the names of the folders, in the log's directory, that
	// hold a copy while it is sent.
	checkpointPrefix = "backup-"
	// maxManifestBytes bounds what is read of a manifest.
	maxManifestBytes = 64 << 20
)

// BackupManifest says what a backup holds.
type BackupManifest struct {
	Format  int          `json:"format"`
	Program string       `json:"program"` // the version that made it
	Created time.Time    `json:"created"`
	End     uint64       `json:"end"` // position of the log's last event that was durable when it was begun
	Files   []BackupFile `json:"files"`
}

// BackupFile is one file of a backup.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Bytes is the size of all files.
func (m BackupManifest) Bytes() int64 {
	var total int64
	for _, f := range m.Files {
		total += f.Size
	}
	return total
}

// Backup writes a backup of a stopped node's log to w. sized, which may be nil, is
// told the number of bytes that are about to come, but for a little of the
// archive's own. An error is CodeNotFound where there is no log and CodeConflict
// where a node uses it.
func Backup(ctx context.Context, dir string, w io.Writer, sized func(bytes int64), logger *slog.Logger) (err error) {
	s, err := openExisting(dir, options{files: vfs.Default, logger: quiet(logger), tail: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c, err := s.checkpoint()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.remove()) }()
	if sized != nil {
		sized(c.manifest.Bytes())
	}
	return c.write(ctx, w)
}

// checkpoint is a consistent copy of the log's files. Tables are links and take no
// room as long as the log keeps them itself.
type checkpoint struct {
	store    *store
	dir      string
	manifest BackupManifest // without checksums
}

// errBackupUnderWay refuses a second backup at the same time.
var errBackupUnderWay = &domain.Error{
	Code: domain.CodeConflict, Field: "backup", Message: "another backup of this node is under way", Remedy: "wait until it has ended",
}

// checkpoint makes a copy. Whoever gets one must remove it.
func (s *store) checkpoint() (_ *checkpoint, err error) {
	if !s.backup.TryLock() {
		return nil, errBackupUnderWay
	}
	c := &checkpoint{
		store: s, dir: s.files.PathJoin(s.dir, checkpointPrefix+uuid.NewString()),
		manifest: BackupManifest{Format: backupFormat, Program: program(), Created: time.Now().UTC().Truncate(time.Millisecond), End: s.tail.end()},
	}
	defer func() {
		if err != nil {
			err = errors.Join(directoryError(s.dir, "cannot be copied", err), c.remove())
		}
	}()
	s.writing.Lock()
	err = s.db.Checkpoint(c.dir)
	s.writing.Unlock()
	if err != nil {
		return nil, err
	}
	names, err := s.files.List(c.dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		info, err := s.files.Stat(s.files.PathJoin(c.dir, name))
		if err != nil {
			return nil, err
		}
		c.manifest.Files = append(c.manifest.Files, BackupFile{Name: name, Size: info.Size()})
	}
	return c, nil
}

func (c *checkpoint) remove() error {
	defer c.store.backup.Unlock()
	return c.store.files.RemoveAll(c.dir)
}

// removeCheckpoints removes what a process that was killed left of its backups.
func (s *store) removeCheckpoints() error {
	names, err := s.files.List(s.dir)
	if err != nil {
		return directoryError(s.dir, "cannot be read", err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, checkpointPrefix) {
			if err := s.files.RemoveAll(s.files.PathJoin(s.dir, name)); err != nil {
				return directoryError(s.dir, "holds an old backup that cannot be removed", err)
			}
		}
	}
	return nil
}

// write sends the archive. It ends early when ctx does.
func (c *checkpoint) write(ctx context.Context, w io.Writer) error {
	archive := tar.NewWriter(w)
	sums := slices.Clone(c.manifest.Files)
	for i := range sums {
		sum, err := c.writeFile(ctx, archive, sums[i])
		if err != nil {
			return fmt.Errorf("backup of %s: %w", sums[i].Name, err)
		}
		sums[i].SHA256 = sum
	}
	manifest := c.manifest
	manifest.Files = sums
	content, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(c.header(backupManifestName, int64(len(content)))); err != nil {
		return err
	}
	if _, err := archive.Write(content); err != nil {
		return err
	}
	return archive.Close()
}

func (c *checkpoint) header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: c.manifest.Created, Format: tar.FormatPAX}
}

func (c *checkpoint) writeFile(ctx context.Context, archive *tar.Writer, file BackupFile) (sum string, err error) {
	if err := archive.WriteHeader(c.header(file.Name, file.Size)); err != nil {
		return "", err
	}
	f, err := c.store.files.Open(c.store.files.PathJoin(c.dir, file.Name), vfs.SequentialReadsOption)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(archive, hash), contextReader{ctx, io.LimitReader(f, file.Size)}); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// contextReader fails when its context ends.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// quiet is Pebble's logger for a log that is opened for a moment.
func quiet(logger *slog.Logger) pebble.Logger {
	return pebbleLogger{logger: logger, fatal: func(err error) { logger.Error("event store", "error", err) }}
}
