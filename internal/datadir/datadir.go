package datadir

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/jeongsan/jeongsan/domain"
)

// Format is the version of the layout that this program reads and writes.
const Format = 1

const (
	versionFile = "VERSION"
	lockFile    = "LOCK"
	field       = "data"
)

// Options say who opens a directory.
type Options struct {
	// Command is the command of the program that uses the directory, as "serve".
	// It is shown to whoever finds the directory in use.
	Command string
	// Existing refuses a path where there is nothing, instead of making a directory:
	// for those who look for what is there already.
	Existing bool
}

// Dir is a data directory that this process holds. It is safe for concurrent use.
type Dir struct {
	path  string
	lock  *flock.Flock
	close func() error
}

// version is the content of the file VERSION.
type version struct {
	Format    int    `json:"format"`
	CreatedBy string `json:"created_by"`
}

// holder is the content of the file LOCK while the lock is held.
type holder struct {
	PID     int    `json:"pid"`
	Command string `json:"command,omitempty"`
}

// Open creates the directory where it does not exist and takes hold of it until
// Close. Its parent must exist. A directory that holds anything and was not made
// by this function is refused, so that a mistyped path does no harm.
//
// Errors are *domain.Error with field "data": CodeNotFound for a missing parent, and
// for a missing directory where Options.Existing asks for one,
// CodeConflict for a directory in use or of another kind or a newer format,
// CodeInvalid for a path that is no directory, CodeUnavailable where the file
// system refuses.
func Open(path string, options Options) (*Dir, error) {
	if path == "" {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: field, Message: "no data directory given", Remedy: "name one with --data"}
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: field, Value: path, Message: "not a path", Remedy: "name a directory with --data", Err: err}
	}
	d := &Dir{path: absolute}
	if err := d.create(options.Existing); err != nil {
		return nil, err
	}
	if err := d.checkContent(); err != nil {
		return nil, err
	}
	if err := d.hold(options); err != nil {
		return nil, err
	}
	d.close = sync.OnceValue(d.release)
	if err := d.begin(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// Node returns the place of the embedded event store.
func (d *Dir) Node() string { return filepath.Join(d.path, "node") }

// Index returns the place of the command door's local index.
func (d *Dir) Index() string { return filepath.Join(d.path, "index") }

// Postgres returns the place of the private Postgres server.
func (d *Dir) Postgres() string { return filepath.Join(d.path, "postgres") }

// Keys returns the place of the keys that close personal data.
func (d *Dir) Keys() string { return filepath.Join(d.path, "keys") }

// Close lets go of the directory. It is idempotent.
func (d *Dir) Close() error { return d.close() }

// mode lets nobody else read the directory. The private Postgres server of a
// process that runs as root runs under another account, which must be able to
// pass through.
func mode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

func (d *Dir) create(existing bool) error {
	if parent, err := os.Stat(filepath.Dir(d.path)); errors.Is(err, fs.ErrNotExist) {
		return &domain.Error{
			Code: domain.CodeNotFound, Field: field, Value: d.path, Message: "the parent directory does not exist",
			Remedy: "create " + filepath.Dir(d.path) + " or name another place with --data",
		}
	} else if err == nil && !parent.IsDir() {
		return d.notDirectory(filepath.Dir(d.path))
	}
	if !existing {
		if err := os.Mkdir(d.path, mode()); err != nil && !errors.Is(err, fs.ErrExist) {
			return d.refused("cannot be created", err)
		}
	}
	info, err := os.Stat(d.path)
	switch {
	case existing && errors.Is(err, fs.ErrNotExist):
		return &domain.Error{
			Code: domain.CodeNotFound, Field: field, Value: d.path, Message: "there is no ledger here",
			Remedy: "name its data directory with --data; jeongsan apply begins a new one",
		}
	case err != nil:
		return d.refused("cannot be read", err)
	case !info.IsDir():
		return d.notDirectory(d.path)
	}
	return nil
}

func (d *Dir) notDirectory(path string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: path, Message: "is not a directory", Remedy: "name a directory with --data"}
}

// checkContent refuses a directory that carries no VERSION and yet holds
// something. It looks before the lock file is put there.
func (d *Dir) checkContent() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return d.refused("cannot be read", err)
	}
	foreign := ""
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == versionFile:
			return nil
		case name == lockFile || strings.HasPrefix(name, "."+versionFile):
			// Left by a first start that was interrupted.
		case foreign == "":
			foreign = name
		}
	}
	if foreign != "" {
		return &domain.Error{
			Code: domain.CodeConflict, Field: field, Value: d.path, Message: "holds " + strconv.Quote(foreign) + " and is not a data directory of jeongsan",
			Remedy: "name an empty or a new directory with --data",
		}
	}
	return nil
}

func (d *Dir) hold(options Options) error {
	path := filepath.Join(d.path, lockFile)
	d.lock = flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := d.lock.TryLock()
	if err != nil {
		return d.refused("cannot be written", err)
	}
	if !locked {
		return d.inUse(path)
	}
	content, err := json.Marshal(holder{PID: os.Getpid(), Command: options.Command})
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		return errors.Join(d.refused("cannot be written", err), d.lock.Close())
	}
	return nil
}

func (d *Dir) inUse(path string) error {
	who := "another process"
	var h holder
	if content, err := os.ReadFile(path); err == nil && json.Unmarshal(content, &h) == nil && h.PID > 0 {
		who = "process " + strconv.Itoa(h.PID)
		if h.Command != "" {
			who += " (" + h.Command + ")"
		}
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: field, Value: d.path, Message: "the data directory is in use by " + who,
		Remedy: "stop that process, send to it (ingest --server URL), or name another directory with --data",
	}
}

// begin checks the format of a directory, or gives a new one its VERSION.
func (d *Dir) begin() error {
	path := filepath.Join(d.path, versionFile)
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = d.putVersion(path)
	case err == nil:
		err = d.checkFormat(path, content)
	default:
		err = d.refused("cannot be read", err)
	}
	if err != nil {
		return err
	}
	return d.passable()
}

// putVersion writes the file so that it is whole or absent after a crash.
func (d *Dir) putVersion(path string) error {
	content, err := json.Marshal(version{Format: Format, CreatedBy: program()})
	if err == nil {
		err = renameio.WriteFile(path, append(content, '\n'), 0o600)
	}
	if err == nil {
		err = syncDirectory(d.path)
	}
	if err != nil {
		return d.refused("cannot be written", err)
	}
	return nil
}

func (d *Dir) checkFormat(path string, content []byte) error {
	var v version
	if err := json.Unmarshal(content, &v); err != nil || v.Format < 1 {
		return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: path, Message: "the version of the data directory is damaged", Remedy: "restore the file from a backup", Err: err}
	}
	if v.Format > Format {
		return &domain.Error{
			Code: domain.CodeConflict, Field: field, Value: d.path,
			Message: "the data directory has format " + strconv.Itoa(v.Format) + " (created by " + v.CreatedBy + "), and this program reads up to " + strconv.Itoa(Format),
			Remedy:  "use a program at least as new as the one that wrote it",
		}
	}
	return nil
}

// passable adds the right to pass through, not to read, where mode asks for it
// and the directory was made by someone else, as a temporary one.
func (d *Dir) passable() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return d.refused("cannot be read", err)
	}
	if want := mode() & 0o011; info.Mode().Perm()&want != want {
		if err := os.Chmod(d.path, info.Mode().Perm()|want); err != nil {
			return d.refused("cannot be made passable for the private Postgres server", err)
		}
	}
	return nil
}

// release empties the lock file before it unlocks it, so that a stale name is
// never shown.
func (d *Dir) release() error {
	err := os.Truncate(filepath.Join(d.path, lockFile), 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the whole directory was removed while it was held
	}
	if err := errors.Join(err, d.lock.Close()); err != nil {
		return d.refused("cannot be let go", err)
	}
	return nil
}

func (d *Dir) refused(what string, err error) error {
	remedy := "check the path and the file system"
	switch {
	case errors.Is(err, syscall.EROFS):
		remedy = "the file system is read-only: name a writable place with --data"
	case errors.Is(err, fs.ErrPermission):
		remedy = "run as the user that owns it, or name a writable place with --data"
	}
	return &domain.Error{Code: domain.CodeUnavailable, Field: field, Value: d.path, Message: "the data directory " + what, Remedy: remedy, Err: err}
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

func program() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "jeongsan " + info.Main.Version
	}
	return "jeongsan"
}
