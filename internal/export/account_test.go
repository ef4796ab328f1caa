package export_test

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/internal/export"
)

func TestAccountName(t *testing.T) {
	for _, c := range []struct{ book, owner, purpose, want string }{
		{"main", "studio-7", "payable", "Liabilities:Main:Studio-7:Payable"},
		{"main", "card.pay", "receivable", "Assets:Main:CardDpay:Receivable"},
		{"1st_shop", "9lives", "top_up", "Liabilities:XN1stUshop:XN9lives:TopUup"},
		{"main", "shop", "rounding", "Equity:Main:Shop:Rounding"},
		{"main", "xn9", "fx", "Equity:Main:Xn9:Fx"},
		{"a", "Ä/", "p", "Liabilities:A:XNHc3H84H2f:P"},
	} {
		require.Equal(t, c.want, export.AccountName(c.book, c.owner, c.purpose))
	}
}

// partPattern is what beancount 2 takes for a part, with a letter in front.
var partPattern = regexp.MustCompile(`^[A-Z][A-Za-z0-9-]*$`)

// TestPartsCanBeReadBack proves that no two identifiers are written alike.
func TestPartsCanBeReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,9}[a-z0-9]`), rapid.StringMatching(`[xnNX9.-]{0,5}`), rapid.String()).Draw(t, "id")
		written := export.Part(id)
		require.Regexp(t, partPattern, written)
		require.Equal(t, id, unpart(t, written))
	})
}

// unpart reads a part of an account's name back.
func unpart(t *rapid.T, written string) string {
	var b strings.Builder
	rest, found := strings.CutPrefix(written, "XN")
	if !found {
		b.WriteString(strings.ToLower(written[:1]))
		rest = written[1:]
	}
	for len(rest) > 0 {
		switch rest[0] {
		case 'D':
			b.WriteByte('.')
		case 'U':
			b.WriteByte('_')
		case 'H':
			raw, err := hex.DecodeString(rest[1:3])
			require.NoError(t, err)
			b.Write(raw)
			rest = rest[2:]
		default:
			b.WriteByte(rest[0])
		}
		rest = rest[1:]
	}
	return b.String()
}
