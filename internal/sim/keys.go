package sim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/keyring"
)

// keys seals without secrets, the same way in every run: what package keyring does
// with files and random numbers would make no run like another.
type keys struct{}

var _ keyring.Keys = keys{}

// mask gives the bytes that a subject's boxes are combined with.
func mask(subject string, data []byte) []byte {
	out := make([]byte, 0, len(data)+sha256.Size)
	for block := uint64(0); len(out) < len(data); block++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(subject), block))
		out = append(out, sum[:]...)
	}
	for i := range data {
		out[i] ^= data[i]
	}
	return out[:len(data)]
}

func (keys) Seal(_ context.Context, subject string, plaintext []byte) (domain.Sealed, error) {
	digest := hmac.New(sha256.New, []byte(subject))
	digest.Write(plaintext)
	return domain.Sealed{Subject: subject, Box: mask(subject, plaintext), Digest: digest.Sum(nil)[:16]}, nil
}

func (keys) Unseal(_ context.Context, sealed domain.Sealed) ([]byte, error) {
	return mask(sealed.Subject, sealed.Box), nil
}

func (keys) Destroy(_ context.Context, subject string) error {
	return &domain.Error{Code: domain.CodeInvalid, Field: "subject", Value: subject, Message: "the simulation erases nobody"}
}
