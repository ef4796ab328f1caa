package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodwill = `id: a-1
book: shop
reason: goodwill, ticket 4711
effective_on: 2026-05-04
legs:
  - { account: shop/payable/USD, debit: 30 }
  - { account: mina/reserve/USD, credit: 10.00, hold_until: 2026-06-01, into: payable }
  - { account: mina/payable/USD, credit: "20" }
`

// An adjustment is seen before it is posted, posted once, and explained; what it holds
// is released in its time, and that is explained too.
func TestAdjust(t *testing.T) {
	needsPostgres(t)
	data := dataDirectory(t)
	flags := func(args ...string) []string { return append(args, "--data", data) }
	succeed(t, flags("apply", "testdata/held.yaml")...)
	succeed(t, flags("advance", "--book", "shop", "--date", "2026-05-01")...)
	correction := file(t, "goodwill.yaml", goodwill)

	out := succeed(t, flags("adjust", correction, "--preview")...)
	require.Contains(t, out, "would post")
	require.Regexp(t, `mina/reserve/USD +0.00 +10.00 +0.00 +10.00 +new: nothing was posted`, out)
	require.Regexp(t, `shop/payable/USD +0.00 +-30.00 +0.00 +0.00`, out)
	require.Contains(t, out, "mina/reserve/USD holds 10.00 until 2026-06-01, for payable")

	require.Contains(t, succeed(t, flags("adjust", correction)...), "adjustment a-1 is posted, event book-shop@1")
	require.Contains(t, succeed(t, flags("adjust", correction)...), "was posted before")
	require.Contains(t, succeed(t, flags("adjust", correction, "--preview")...), "nothing would be posted again")
	code, _, errs := jeongsan(t, flags("adjust", correction, "--reason", "other")...)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "a-1")

	// The opposite by flags takes what is held first, as the preview says.
	back := []string{"adjust", "--book", "shop", "--id", "a-2", "--reason", "taken back", "--on", "2026-05-05", "--of", "desk/a-1",
		"--debit", "mina/reserve/USD=4", "--debit", "mina/payable/USD=20", "--credit", "shop/payable/USD=24"}
	var preview adjustmentPreview
	require.NoError(t, json.Unmarshal([]byte(succeed(t, flags(append(back, "--preview", "--json")...)...)), &preview))
	require.False(t, preview.Posted)
	require.Len(t, preview.Holds, 1)
	require.Equal(t, "-4.00", preview.Holds[0].Change.Format("USD"))
	held := map[string]string{}
	for _, a := range preview.Accounts {
		held[string(a.Account)] = a.HeldBefore.Format("USD") + " → " + a.HeldAfter.Format("USD")
	}
	require.Equal(t, "10.00 → 6.00", held["mina/reserve/USD"])
	succeed(t, flags(back...)...)

	out = succeed(t, flags("explain", "desk", "a-2")...)
	for _, want := range []string{"adjustment a-2 of source desk", "reason: taken back", "of desk a-1", "taken, first of what was held until 2026-06-01", "gives up 4.00 of what it held"} {
		require.Contains(t, out, want)
	}

	succeed(t, flags("advance", "--book", "shop", "--date", "2026-06-01", "--ahead")...)
	// Behind the adjustments come the dates, and before the last of them the release.
	var shown struct {
		Moves []struct{ Account, Why string }
	}
	out = ""
	for revision := 3; revision < 40 && !strings.Contains(out, "release on business date"); revision++ {
		_, out, _ = jeongsan(t, flags("explain", fmt.Sprintf("shop@%d", revision))...)
		if strings.Contains(out, "release on business date") {
			require.NoError(t, json.Unmarshal([]byte(succeed(t, flags("explain", fmt.Sprintf("shop@%d", revision), "--json")...)), &shown))
		}
	}
	require.Contains(t, out, "release on business date 2026-06-01")
	require.Contains(t, out, "mina/reserve/USD gives up 6.00")
	require.Len(t, shown.Moves, 2)
	require.Contains(t, shown.Moves[0].Why, "fell due")
	succeed(t, flags("verify")...)
}

// Every fault of a file is named with its line, and of flags by their names.
func TestAdjustRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	faulty := file(t, "faulty.yaml", strings.NewReplacer("debit: 30", "debit: 30, credit: 1", "mina/payable/USD", "mina", "2026-05-04", "4 May").Replace(goodwill))
	code, _, errs := jeongsan(t, "adjust", faulty, "--data", data)
	require.Equal(t, exitUsage, code)
	for _, want := range []string{"not a date", "faulty.yaml:4:15 effective_on", "exactly one of debit and credit", "6:5 legs[0]", "8:16 legs[2].account"} {
		require.Contains(t, errs, want)
	}
	for says, args := range map[string][]string{
		"needs an id":       {"--book", "shop"},
		"not a leg":         {"--id", "x", "--debit", "shop/payable/USD"},
		"not a transaction": {"--id", "x", "--of", "till"},
		"not an amount":     {"--id", "x", "--debit", "shop/payable/USD=many"},
		"not an instant":    {"--id", "x", "--at", "noon"},
	} {
		code, _, errs := jeongsan(t, append([]string{"adjust", "--data", data}, args...)...)
		require.Equal(t, exitUsage, code, says)
		require.Contains(t, errs, says)
	}
	code, _, errs = jeongsan(t, "explain", "shop@x", "--data", data)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "not a place in a book")
}
