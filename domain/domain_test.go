package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "7", "studio-7", "a.b_c-d", strings.Repeat("a", 64)} {
		require.NoError(t, domain.CheckID("party", id), id)
	}
	for _, id := range []string{"", "-a", "a-", ".a", "a_", "A", "a b", "a/b", "é", "a\x00", strings.Repeat("a", 65)} {
		err := domain.CheckID("party", id)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), id)
		require.ErrorContains(t, err, "(party")
		require.ErrorContains(t, err, "use 1 to 64")
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"sale", "top_up", "a", "x2", strings.Repeat("a", 64)} {
		require.NoError(t, domain.CheckName("type", name), name)
	}
	for _, name := range []string{"", "Sale", "2x", "_a", "a-b", "a.b", "a b", strings.Repeat("a", 65)} {
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(domain.CheckName("type", name)), name)
	}
}

func TestCheckText(t *testing.T) {
	for _, text := range []string{"", "plain", "정산", "\ufffd", strings.Repeat("a", 20)} {
		require.NoError(t, domain.CheckText("method", text, 20), text)
	}
	for _, text := range []string{"a\nb", "\x00", "\x7f", "\u0085", "a\xff", strings.Repeat("a", 21), "정산정산정산정"} {
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(domain.CheckText("method", text, 20)), "%q", text)
	}
}

func TestError(t *testing.T) {
	cause := errors.New("cause")
	err := &domain.Error{Code: domain.CodeConflict, Field: "party", Value: "studio-7", Message: "registered with other content", Remedy: "use another id", Err: cause}
	require.EqualError(t, err, `registered with other content (party = "studio-7"): cause; use another id`)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, &domain.Error{Message: "m", Field: "f"}, "m (f)")
	require.EqualError(t, &domain.Error{Message: "m", Value: "unnamed"}, "m")
	long := (&domain.Error{Message: "m", Field: "f", Value: strings.Repeat("정", 200)}).Error()
	require.Less(t, len(long), 140)
	require.True(t, strings.HasSuffix(long, `정…")`), long)

	require.Equal(t, domain.CodeConflict, domain.CodeOf(fmt.Errorf("around: %w", err)))
	require.Equal(t, domain.CodeInternal, domain.CodeOf(cause))
	require.Empty(t, domain.CodeOf(nil))
}

func TestDates(t *testing.T) {
	seoul := time.FixedZone("KST", 9*3600)
	require.Equal(t, domain.Date("2026-11-23"), domain.DateOf(time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC), seoul))
	require.Equal(t, domain.Date("2026-11-22"), domain.DateOf(time.Date(2026, 11, 22, 14, 59, 59, 0, time.UTC), seoul))
	date, err := domain.ParseDate("from", "2024-02-29")
	require.NoError(t, err)
	require.Equal(t, domain.Date("2024-02-29"), date)
	for _, bad := range []string{"", "2026-02-29", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "26-01-01", "0000-01-01"} {
		_, err := domain.ParseDate("from", bad)
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), bad)
		require.ErrorContains(t, err, "from")
	}
}

func TestStamp(t *testing.T) {
	at := time.Date(2026, 11, 22, 18, 0, 0, 1999, time.FixedZone("KST", 9*3600))
	require.Equal(t, time.Date(2026, 11, 22, 9, 0, 0, 1000, time.UTC), domain.Stamp(at))
}

func TestStream(t *testing.T) {
	category, id := domain.Stream("book", "eu-1").Split()
	require.Equal(t, []string{"book", "eu-1"}, []string{category, id})
}
