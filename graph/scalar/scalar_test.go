package scalar_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/99designs/gqlgen/graphql"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/graph/scalar"
)

func marshal(m graphql.Marshaler) string {
	var b bytes.Buffer
	m.MarshalGQL(&b)
	return b.String()
}

func TestDecimal(t *testing.T) {
	for in, want := range map[any]scalar.Decimal{
		"12.50": "12.50", "-0.001": "-0.001", json.Number("1200"): "1200", json.Number("-3"): "-3", int64(7): "7",
	} {
		got, err := scalar.UnmarshalDecimal(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, `"`+string(want)+`"`, marshal(scalar.MarshalDecimal(got)))
	}
	for _, in := range []any{"", "1,000", "1e3", "+5", ".5", "5.", "NaN", json.Number("1.5"), json.Number("1e3"), 1.5, true, nil, "99999999999999999999"} {
		_, err := scalar.UnmarshalDecimal(in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), in)
	}
}

func TestInt64(t *testing.T) {
	got, err := scalar.UnmarshalInt64(json.Number("9007199254740993"))
	require.NoError(t, err)
	require.Equal(t, "9007199254740993", marshal(scalar.MarshalInt64(got)))
	_, err = scalar.UnmarshalInt64(true)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
}

func TestTimes(t *testing.T) {
	at, err := scalar.UnmarshalDateTime("2026-03-01T18:30:00.25+09:00")
	require.NoError(t, err)
	require.Equal(t, time.UTC, at.Location())
	require.Equal(t, `"2026-03-01T09:30:00.25Z"`, marshal(scalar.MarshalDateTime(at)))
	for _, in := range []any{"2026-03-01", "2026-03-01 10:00:00Z", "2026-03-01T10:00:00", json.Number("1"), nil} {
		_, err := scalar.UnmarshalDateTime(in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), in)
	}
	day, err := scalar.UnmarshalDate("2028-02-29")
	require.NoError(t, err)
	require.Equal(t, `"2028-02-29"`, marshal(scalar.MarshalDate(day)))
	for _, in := range []any{"2026-02-29", "2026-2-3", "20260203", json.Number("1")} {
		_, err := scalar.UnmarshalDate(in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), in)
	}
}

func TestCurrencyPositionJSON(t *testing.T) {
	c, err := scalar.UnmarshalCurrency("KRW")
	require.NoError(t, err)
	require.Equal(t, `"KRW"`, marshal(scalar.MarshalCurrency(c)))
	_, err = scalar.UnmarshalCurrency("krw")
	require.Equal(t, domain.CodeUnknownCurrency, domain.CodeOf(err))
	_, err = scalar.UnmarshalCurrency(1)
	require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))

	token := eventstore.Identity{LogID: uuid.New(), Incarnation: 3}.Token(42)
	back, err := scalar.UnmarshalPosition(token.String())
	require.NoError(t, err)
	require.Equal(t, token, back)
	require.Equal(t, `"`+token.String()+`"`, marshal(scalar.MarshalPosition(token)))
	for _, in := range []any{"x", 5, nil} {
		_, err := scalar.UnmarshalPosition(in)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err))
	}

	require.Equal(t, `{"a": 1.50}`, marshal(scalar.MarshalJSON(json.RawMessage(`{"a": 1.50}`))), "passed through as it is")
	require.Equal(t, `null`, marshal(scalar.MarshalJSON(nil)))
	require.Equal(t, `null`, marshal(scalar.MarshalJSON(json.RawMessage(`{`))), "an answer stays JSON")
	raw, err := scalar.UnmarshalJSON(map[string]any{"a": json.Number("1.50")})
	require.NoError(t, err)
	require.Equal(t, `{"a":1.50}`, string(raw))
}
