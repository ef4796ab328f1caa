package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/jeongsan/jeongsan/domain"
)

// Keys seals and unseals data under the key of a subject. Implementations are
// safe for concurrent use. Errors are *domain.Error.
type Keys interface {
	// Seal encrypts plaintext under the subject's key, which it creates where the
	// subject has none. The key is durable before Seal returns. A subject whose
	// key was destroyed gets CodeNotFound: what is erased does not come back.
	Seal(ctx context.Context, subject string, plaintext []byte) (domain.Sealed, error)
	// Unseal returns the plaintext. CodeNotFound says that the key was destroyed
	// ("erased") or never was here; CodeInvalid that the box was not sealed by it.
	Unseal(ctx context.Context, sealed domain.Sealed) ([]byte, error)
	// Destroy erases the subject: nothing sealed under its key can be read again.
	// It is idempotent, and holds also for a subject that has no key yet.
	Destroy(ctx context.Context, subject string) error
}

// digestSize is the length of a digest in bytes: equal digests of different
// plaintexts do not happen.
const digestSize = 16

// mostCached bounds the keys held in memory; beyond it all are dropped and read
// again as they are needed.
const mostCached = 8192

// Keyring is Keys in a directory that several processes may share.
type Keyring struct {
	subjects string
	master   tink.AEAD

	mu    sync.Mutex
	cache map[string]*key
}

// Open opens the key ring in dir, creating both where they are missing. The
// parent of dir must exist.
func Open(dir string) (*Keyring, error) {
	subjects := filepath.Join(dir, "subjects")
	for _, d := range []string{dir, subjects} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, unusable(d, "the folder of keys cannot be created", err)
		}
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return nil, unusable(dir, "the folder of keys cannot be flushed to disk", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, unusable(dir, "the folder of keys cannot be flushed to disk", err)
	}
	master, err := openMaster(filepath.Join(dir, "master.key"), subjects)
	if err != nil {
		return nil, err
	}
	return &Keyring{subjects: subjects, master: master, cache: map[string]*key{}}, nil
}

// Seal implements Keys.
func (k *Keyring) Seal(ctx context.Context, subject string, plaintext []byte) (domain.Sealed, error) {
	key, err := k.key(ctx, subject, true)
	if err != nil {
		return domain.Sealed{}, err
	}
	box, err := key.aead.Encrypt(plaintext, []byte(subject))
	if err != nil {
		return domain.Sealed{}, fault(subject, "the data cannot be sealed", err)
	}
	digest, err := key.prf.ComputePrimaryPRF(plaintext, digestSize)
	if err != nil {
		return domain.Sealed{}, fault(subject, "the data cannot be digested", err)
	}
	return domain.Sealed{Subject: subject, Box: box, Digest: digest}, nil
}

// Unseal implements Keys.
func (k *Keyring) Unseal(ctx context.Context, sealed domain.Sealed) ([]byte, error) {
	key, err := k.key(ctx, sealed.Subject, false)
	if err != nil {
		return nil, err
	}
	plaintext, err := key.aead.Decrypt(sealed.Box, []byte(sealed.Subject))
	if err != nil {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "sealed", Value: sealed.Subject, Message: "the data was not sealed under this key",
			Remedy: "use the folder of keys that belongs to this log", Err: err,
		}
	}
	return plaintext, nil
}

// Destroy implements Keys.
func (k *Keyring) Destroy(ctx context.Context, subject string) error {
	path, err := k.path(ctx, subject)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.cache, subject)
	if err := erase(path); err != nil {
		return unusable(path, "the key cannot be destroyed", err)
	}
	return nil
}

// key returns the subject's key as it is on disk now.
func (k *Keyring) key(ctx context.Context, subject string, create bool) (*key, error) {
	path, err := k.path(ctx, subject)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, &domain.Error{
				Code: domain.CodeNotFound, Field: "subject", Value: subject, Message: "there is no key for the data",
				Remedy: "use the folder of keys that belongs to this log, or restore the key from a backup",
			}
		}
		if err := createKey(path, subject, k.master); err != nil {
			return nil, unusable(path, "a key cannot be created", err)
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, unusable(path, "a key cannot be read", err)
	}
	held := k.cache[subject]
	if held == nil || !held.same(info) {
		if held, err = loadKey(path, subject, k.master); err != nil {
			return nil, err
		}
		if len(k.cache) >= mostCached {
			clear(k.cache)
		}
		k.cache[subject] = held
	}
	if create && !held.durable {
		// Another process may have linked the file and not yet flushed the folder.
		if err := syncDir(k.subjects); err != nil {
			return nil, unusable(path, "a key cannot be flushed to disk", err)
		}
		held.durable = true
	}
	return held, nil
}

// path is the subject's file. A subject is the name of a stream.
func (k *Keyring) path(ctx context.Context, subject string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &domain.Error{Code: domain.CodeUnavailable, Field: "subject", Value: subject, Message: "canceled", Err: err}
	}
	category, id, found := strings.Cut(subject, "-")
	err := domain.CheckID("subject", category)
	if err == nil {
		err = domain.CheckID("subject", id)
	}
	if err != nil || !found {
		return "", &domain.Error{
			Code: domain.CodeInvalid, Field: "subject", Value: subject, Message: "not a subject of a key", Remedy: "use party-<id> or source-<id>",
		}
	}
	return filepath.Join(k.subjects, subject+".key"), nil
}

func unusable(path, message string, err error) error {
	return &domain.Error{
		Code: domain.CodeUnavailable, Field: "keys", Value: path, Message: message,
		Remedy: "make the folder of keys writable for this user, with space left", Err: err,
	}
}

func fault(subject, message string, err error) error {
	return &domain.Error{Code: domain.CodeInternal, Field: "subject", Value: subject, Message: message, Err: err}
}
