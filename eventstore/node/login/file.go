package login

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"github.com/jeongsan/jeongsan/domain"
)

// fileFormat is the version of the file's layout.
const fileFormat = 1

// Path returns the place of the users in a node's directory.
func Path(dir string) string { return filepath.Join(dir, "users.json") }

// content is the file.
type content struct {
	Format int       `json:"format"`
	Users  []account `json:"users"`
}

// Read reads the users in a node's directory. It gives a *domain.Error with
// CodeNotFound where the node never had any.
func Read(dir string) (*Users, error) {
	raw, err := os.ReadFile(Path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "users", Value: Path(dir), Message: "this event store has no users",
			Remedy: "start it once with TLS: jeongsan node --tls-cert … --tls-key …"}
	}
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeUnavailable, Field: "users", Value: Path(dir), Message: "cannot be read", Err: err,
			Remedy: "run as the user that owns the directory"}
	}
	return parse(Path(dir), raw)
}

func parse(path string, raw []byte) (*Users, error) {
	damaged := func(err error) (*Users, error) {
		return nil, &domain.Error{Code: domain.CodeMalformed, Field: "users", Value: path, Message: "is damaged", Err: err,
			Remedy: "restore the file, or remove it and start the node with TLS to begin with new users"}
	}
	var c content
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return damaged(err)
	}
	if c.Format != fileFormat {
		return damaged(fmt.Errorf("format %d, this program knows %d", c.Format, fileFormat))
	}
	u := &Users{}
	for _, a := range c.Users {
		if u.find(a.Name) != nil {
			return damaged(fmt.Errorf("user %q stands there twice", a.Name))
		}
		if err := checkUser(a.User); err != nil {
			return damaged(err)
		}
		var err error
		if a.hash, err = parseHash(a.Hash); err != nil {
			return damaged(fmt.Errorf("user %q: %w", a.Name, err))
		}
		u.accounts = append(u.accounts, a)
	}
	return u, nil
}

// write replaces the file as a whole; it is on disk when write returns.
func (u *Users) write(dir string) error {
	raw, err := json.MarshalIndent(content{Format: fileFormat, Users: u.accounts}, "", "  ")
	if err == nil {
		err = renameio.WriteFile(Path(dir), append(raw, '\n'), 0o600, renameio.IgnoreUmask())
	}
	if err != nil {
		return &domain.Error{Code: domain.CodeUnavailable, Field: "users", Value: Path(dir), Message: "cannot be written", Err: err,
			Remedy: "check the directory's permissions and the space left on its disk"}
	}
	return nil
}

// Edit changes the users in a node's directory, also beside a running node, which
// sees the change at the next call. Edits of several processes take turns; if
// change gives an error, nothing is changed.
func Edit(dir string, change func(*Users) error) error {
	return locked(dir, func() error {
		u, err := Read(dir)
		if err != nil {
			return err
		}
		if err := change(u); err != nil {
			return err
		}
		return u.write(dir)
	})
}

// Create writes the first users of a node where it has none: one in $admins and one
// in $ops. It reports whether it did.
func Create(dir, adminPassword, opsPassword string) (created bool, err error) {
	err = locked(dir, func() error {
		_, err := os.Stat(Path(dir))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		u := &Users{}
		if err := errors.Join(
			u.Add(User{Name: AdminUser, Groups: []string{Admins}}, adminPassword),
			u.Add(User{Name: OpsUser, Groups: []string{Ops}}, opsPassword)); err != nil {
			return err
		}
		created = true
		return u.write(dir)
	})
	return created && err == nil, err
}

// Exist reports whether the node ever had users.
func Exist(dir string) bool {
	_, err := os.Stat(Path(dir))
	return !errors.Is(err, fs.ErrNotExist)
}

// locked runs f while no other process edits.
func locked(dir string, f func() error) error {
	lock := flock.New(Path(dir)+".lock", flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return &domain.Error{Code: domain.CodeUnavailable, Field: "users", Value: Path(dir), Message: "cannot be locked", Err: err,
			Remedy: "name the directory of an existing event store, and run as the user that owns it"}
	}
	return errors.Join(f(), lock.Close())
}
