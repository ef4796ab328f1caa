package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
)

// owner is the account that the server's files belong to and that it runs as.
type owner struct {
	uid, gid int
	// switched says that it is not ours: we are root and the child gives that up.
	switched bool
}

// nobody is the number used where the machine has no account for Postgres.
const nobody = 65534

// ownerFor says whom the server over a data directory runs as.
func ownerFor(data string) (owner, error) {
	ours := owner{uid: os.Geteuid(), gid: os.Getegid()}
	uid, gid, err := ownerOf(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if ours.uid == 0 {
			return account(), nil
		}
		return ours, nil
	case err != nil:
		return owner{}, fmt.Errorf("look at the data directory of Postgres: %w", err)
	case uid == ours.uid && uid != 0:
		return ours, nil
	case ours.uid == 0 && uid != 0:
		return owner{uid, gid, true}, nil
	}
	return owner{}, &domain.Error{
		Code: domain.CodeUnavailable, Field: "data", Value: data,
		Message: fmt.Sprintf("the data directory of Postgres belongs to user %d and we run as user %d", uid, ours.uid),
		Remedy:  "run as the user who made it, or as root, or choose another --data",
	}
}

// account is the account "postgres" where there is one, else nobody.
func account() owner {
	if a, err := user.Lookup("postgres"); err == nil {
		uid, uidErr := strconv.Atoi(a.Uid)
		gid, gidErr := strconv.Atoi(a.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return owner{uid, gid, true}
		}
	}
	return owner{nobody, nobody, true}
}

// give makes the owner the owner of a path.
func (o owner) give(path string) error {
	if !o.switched {
		return nil
	}
	if err := os.Chown(path, o.uid, o.gid); err != nil {
		return fmt.Errorf("give %s to user %d: %w", path, o.uid, err)
	}
	return nil
}

// canEnter refuses a path that the owner could not reach because it may not
// enter one of the directories above it.
func (o owner) canEnter(path string) error {
	if !o.switched {
		return nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("look at a directory above the data of Postgres: %w", err)
		}
		uid, gid, err := ownerOf(dir)
		if err != nil {
			return fmt.Errorf("look at a directory above the data of Postgres: %w", err)
		}
		var bit fs.FileMode = 0o001
		switch {
		case uid == o.uid:
			bit = 0o100
		case gid == o.gid:
			bit = 0o010
		}
		if info.Mode().Perm()&bit == 0 {
			return &domain.Error{
				Code: domain.CodeUnavailable, Field: "data", Value: path,
				Message: fmt.Sprintf("Postgres may not run as root, it would run as user %d, and that user may not enter %s", o.uid, dir),
				Remedy:  "choose --data elsewhere, allow it with chmod o+x " + dir + ", or run as an ordinary user",
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}
