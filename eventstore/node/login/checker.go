package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrRefused is the answer to every wrong pair of name and password, whatever is
// wrong with it.
var ErrRefused = errors.New("user or password is wrong")

// maxHashing bounds the hashes computed at once, and with them the memory that
// strangers can make a node use.
const maxHashing = 2

// Checker checks names and passwords against the users in a node's directory. It
// is safe for concurrent use.
type Checker struct {
	dir     string
	logger  *slog.Logger
	key     [32]byte // of the digests, for this process only
	hashing chan struct{}
	unknown hash // computed where there is no user
	current atomic.Pointer[snapshot]

	mu      sync.Mutex  // held while reading the file
	failed  fs.FileInfo // the file that was complained about
	missing bool        // its absence was complained about
}

// snapshot is the file as it was read.
type snapshot struct {
	info  fs.FileInfo
	users map[string]*known
}

// known is a user and the digest of the password that was right. A user has one
// password, so one digest is enough.
type known struct {
	account
	digest atomic.Pointer[[sha256.Size]byte]
}

// NewChecker reads the users in a node's directory.
func NewChecker(dir string, logger *slog.Logger) (*Checker, error) {
	c := &Checker{dir: dir, logger: logger, hashing: make(chan struct{}, maxHashing), unknown: newHash("")}
	rand.Read(c.key[:]) // it never fails
	users, err := Read(dir)
	if err != nil {
		return nil, err
	}
	c.publish(users, nil) // the first check reads it again and notes which file it was
	return c, nil
}

func (c *Checker) publish(users *Users, info fs.FileInfo) *snapshot {
	s := &snapshot{info: info, users: make(map[string]*known, len(users.accounts))}
	for _, a := range users.accounts {
		s.users[a.Name] = &known{account: a}
	}
	c.current.Store(s)
	return s
}

// Check returns the user of a right pair and ErrRefused for a wrong one. Any other
// error is that of ctx, which ended while the check waited for its turn.
func (c *Checker) Check(ctx context.Context, name, password string) (User, error) {
	users := c.users()
	user := users.users[name]
	digest := c.digest(name, password)
	if user.proven(digest) {
		return user.User, nil
	}
	select {
	case c.hashing <- struct{}{}:
		defer func() { <-c.hashing }()
	case <-ctx.Done():
		return User{}, ctx.Err()
	}
	if user.proven(digest) { // by a call that waited as well
		return user.User, nil
	}
	if len(password) > maxPassword {
		password = "" // it is wrong, and need not be hashed
	}
	if user == nil {
		c.unknown.fits(password)
		return User{}, ErrRefused
	}
	if right := user.hash.fits(password); !right || user.Disabled {
		return User{}, ErrRefused
	}
	user.digest.Store(&digest)
	return user.User, nil
}

// proven reports whether the pair was found right before.
func (k *known) proven(digest [sha256.Size]byte) bool {
	if k == nil {
		return false
	}
	proven := k.digest.Load()
	return proven != nil && hmac.Equal(proven[:], digest[:])
}

func (c *Checker) digest(name, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write([]byte(name))
	mac.Write([]byte{0}) // no name holds it
	mac.Write([]byte(password))
	mac.Sum(sum[:0])
	return sum
}

// users returns the file's users, read again where it has changed. Where it cannot
// be read those before it stay.
func (c *Checker) users() *snapshot {
	info, err := os.Stat(Path(c.dir))
	if current := c.current.Load(); err == nil && same(info, current.info) {
		return current
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	current := c.current.Load()
	if err == nil && (same(info, current.info) || same(info, c.failed)) || err != nil && c.missing {
		return current
	}
	users, err := Read(c.dir)
	if err != nil {
		c.missing, c.failed = info == nil, info
		c.logger.Error("event store node: the users have changed and cannot be read, those before stay", "error", err)
		return current
	}
	c.missing, c.failed = false, nil
	if current.info != nil {
		c.logger.Info("event store node: users were read again", "users", len(users.accounts))
	}
	return c.publish(users, info)
}

// same reports whether a file is still the one it was.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Knowing returns the names of enabled users whose password is this one. It takes
// the time of one hash for each user.
func (c *Checker) Knowing(password string) (names []string) {
	for name, user := range c.users().users {
		if !user.Disabled && user.hash.fits(password) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
