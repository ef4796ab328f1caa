package eventstore

import (
	"math"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

func TestTokens(t *testing.T) {
	identity := Identity{LogID: uuid.New(), Incarnation: 3}
	for _, position := range []Position{Start, 1, 127, 128, math.MaxInt64, math.MaxUint64} {
		token := identity.Token(position)
		parsed, err := ParseToken(token.String())
		require.NoError(t, err)
		require.Equal(t, token, parsed)
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, token.String())
	}
	good := identity.Token(77).String()
	for name, bad := range map[string]string{
		"empty": "", "a number": "77", "cut off": good[:len(good)-2], "longer": good + "AA", "padding": good + "=",
		"other version": "Ag" + good[2:], "other bits at the end": identity.Token(0).String() + "B",
		"no incarnation": Token{Identity: Identity{LogID: uuid.New()}, Position: 1}.String(),
	} {
		_, err := ParseToken(bad)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), name)
	}
}

func TestEventIDs(t *testing.T) {
	id := EventID("book-main", "pg-1/A", []byte("{}"))
	require.Equal(t, id, EventID("book-main", "pg-1/A", []byte("{}")))
	require.EqualValues(t, 5, id.Version())
	require.NotEqual(t, id, EventID("book-other", "pg-1/A", []byte("{}")))
	require.NotEqual(t, id, EventID("book-main", "pg-1/B", []byte("{}")))
	require.NotEqual(t, id, EventID("book-main", "pg-1/A", []byte("{ }")))
	require.Equal(t, uuid.MustParse("0e96730d-79e6-5387-8c36-a781b199ce55"), EventID("book-main", "pg-1/A", []byte("{}")), "the derivation of ids is frozen")
}
