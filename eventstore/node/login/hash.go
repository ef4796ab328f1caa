package login

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// hash is an argon2id hash of a password with everything needed to compute it
// again. Its text is the usual form of such hashes:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
type hash struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
	salt    []byte
	key     []byte
}

// The parameters of new hashes are those that OWASP recommends as the least: 19 MiB
// and two passes, some 20 ms of one core.
const (
	hashMemory  = 19 << 10
	hashPasses  = 2
	hashThreads = 1
	saltBytes   = 16
	keyBytes    = 32
)

// What a hash may ask for at most: a damaged file must not take all memory.
const (
	maxHashMemory = 256 << 10
	maxHashPasses = 16
	maxHashBytes  = 128
)

// newHash hashes a password with a new salt.
func newHash(password string) hash {
	h := hash{memory: hashMemory, passes: hashPasses, threads: hashThreads, salt: make([]byte, saltBytes)}
	rand.Read(h.salt) // it never fails
	h.key = h.compute(password, keyBytes)
	return h
}

func (h hash) compute(password string, length int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, uint32(length))
}

// fits reports in constant time whether the password is the hashed one.
func (h hash) fits(password string) bool {
	return subtle.ConstantTimeCompare(h.compute(password, len(h.key)), h.key) == 1
}

func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// errHash says no more: what is wrong with a hash is nobody's business.
var errHash = errors.New("not an argon2id hash that this program understands")

func parseHash(text string) (hash, error) {
	parts := strings.Split(strings.TrimPrefix(text, "$"), "$")
	if len(parts) != 5 || parts[0] != "argon2id" || parts[1] != fmt.Sprintf("v=%d", argon2.Version) {
		return hash{}, errHash
	}
	var h hash
	if n, err := fmt.Sscanf(parts[2], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); n != 3 || err != nil {
		return hash{}, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[3]); err != nil {
		return hash{}, errHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return hash{}, errHash
	}
	switch {
	case h.memory < 8*uint32(h.threads) || h.memory > maxHashMemory, h.passes < 1 || h.passes > maxHashPasses, h.threads < 1,
		len(h.salt) < 8 || len(h.salt) > maxHashBytes, len(h.key) < 16 || len(h.key) > maxHashBytes, h.String() != text:
		return hash{}, errHash
	}
	return h, nil
}
