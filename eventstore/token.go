package eventstore

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/domain"
)

// Token is a position that may leave the program: as the answer of a mutation,
// as atLeast of a query, as a cursor. It names the log that the position belongs
// to, so that one from before a restore is recognised.
type Token struct {
	Identity
	Position Position
}

// Token makes a token of a position of this log.
func (i Identity) Token(position Position) Token { return Token{i, position} }

const tokenVersion = 1

// String renders the token, opaque and safe in URLs: base64url of a version
// byte, the log id, and the incarnation and position as varints.
func (t Token) String() string {
	b := make([]byte, 0, 40)
	b = append(b, tokenVersion)
	b = append(b, t.LogID[:]...)
	b = binary.AppendUvarint(b, uint64(t.Incarnation))
	b = binary.AppendUvarint(b, uint64(t.Position))
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads what String wrote, and nothing else. Whether the token is of
// the log at hand is for the caller to compare.
func ParseToken(s string) (Token, error) {
	if t, ok := parseToken(s); ok && t.String() == s {
		return t, nil
	}
	return Token{}, &domain.Error{
		Code: domain.CodeInvalid, Field: "position", Value: s, Message: "not a position of a log",
		Remedy: "pass a position or cursor exactly as an earlier answer gave it",
	}
}

func parseToken(s string) (Token, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 1+len(uuid.UUID{}) || b[0] != tokenVersion {
		return Token{}, false
	}
	var t Token
	b = b[1+copy(t.LogID[:], b[1:]):]
	incarnation, n := binary.Uvarint(b)
	if n <= 0 || incarnation == 0 || incarnation > math.MaxInt32 {
		return Token{}, false
	}
	position, m := binary.Uvarint(b[n:])
	if m <= 0 || n+m != len(b) {
		return Token{}, false
	}
	t.Incarnation, t.Position = int(incarnation), Position(position)
	return t, true
}
