package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
)

const bank = `calendar: bank
version: 1
first_year: 2026
last_year: 2026
weekend: [saturday, sunday]
holidays:
  - { on: 2026-12-25, name: Christmas }
  - { on: 2026-01-01 }
`

func TestCalendars(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	first := file(t, "bank.yaml", bank)
	require.Contains(t, succeed(t, "calendar", "list", "--data", t.TempDir()), "no calendar is published")
	require.Contains(t, succeed(t, "calendar", "validate", first), "calendar bank version 1, of 2026: 2 holidays")
	faulty := file(t, "faulty.yaml", strings.Replace(bank, "2026-12-25", "2027-12-25", 1)+"holiday: []\n")
	code, out, _ := jeongsan(t, "calendar", "validate", first, faulty)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "faulty.yaml:7:11 holidays[0].on: the date is outside of the years")
	require.Contains(t, out, "holiday: unknown key")

	// A schedule that names it waits for it.
	held := file(t, "held.yaml", `schedule: held
version: 1
effective_from: 2026-01-01
funds: { role: card }
rules:
  - { id: reserve, to: { role: seller, purpose: reserve }, percent: 20, hold: { business_days: 2, calendar: bank } }
  - { id: rest, to: { role: seller }, rest: true }
`)
	for _, dry := range [][]string{{"--dry-run"}, nil} {
		code, _, errs := jeongsan(t, append([]string{"schedule", "publish", held, "--data", data}, dry...)...)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, "rules[0].hold.calendar")
		require.Contains(t, errs, "jeongsan calendar publish")
	}

	require.Contains(t, succeed(t, "calendar", "publish", first, "--dry-run", "--data", data), "would be published")
	require.Contains(t, succeed(t, "calendar", "publish", first, "--data", data), ", published")
	require.Contains(t, succeed(t, "calendar", "publish", first, "--data", data), ", already so")
	require.Contains(t, succeed(t, "schedule", "publish", held, "--data", data), "published")
	changed := file(t, "changed.yaml", strings.Replace(bank, "Christmas", "Easter", 1))
	code, _, errs := jeongsan(t, "calendar", "publish", changed, "--dry-run", "--data", data)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "never changes")
	second := file(t, "second.yaml", strings.NewReplacer("version: 1", "version: 2", "last_year: 2026", "last_year: 2027").Replace(bank))
	require.Contains(t, succeed(t, "calendar", "publish", second, "--data", data), "version 2, of 2026 to 2027")
	require.Equal(t, "calendar bank version 2, of 2026 to 2027: 2 holidays\n", succeed(t, "calendar", "list", "--data", data))

	shown := succeed(t, "calendar", "show", "bank@1", "--data", data)
	require.Contains(t, shown, "version 1, of 2026: 2 holidays, published ")
	require.Regexp(t, `(?s)weekend   saturday, sunday.*holiday   2026-01-01.*holiday   2026-12-25  Christmas`, shown)
	require.NotContains(t, succeed(t, "calendar", "show", "bank", "--year", "2027", "--data", data), "Christmas")
	var document calendar.Document
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "calendar", "show", "bank", "--data", data, "--json")), &document))
	require.Equal(t, 2, document.Version)
	_, _, errs = jeongsan(t, "calendar", "show", "bank", "--year", "2028", "--data", data)
	require.Contains(t, errs, `covers 2026 to 2027 only (year = "2028")`)
	for name, says := range map[string]string{"bank@3": "its newest is 2", "other": "no such calendar", "B!": "ID@VERSION", "bank@0": "count from 1"} {
		code, _, errs := jeongsan(t, "calendar", "show", name, "--data", data)
		require.NotZero(t, code)
		require.Contains(t, errs, says)
	}
}

func TestAdvance(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	require.Contains(t, succeed(t, "apply", "testdata/held.yaml", "--data", data), "8 applied")
	require.Contains(t, succeed(t, "apply", "testdata/held.yaml", "--data", data), "8 already so")
	require.Equal(t, "book shop has come to 2026-05-01: 1 date, 1 event\n", succeed(t, "advance", "--book", "shop", "--date", "2026-05-01", "--data", data))
	require.Equal(t, "book shop has come to 2026-05-04: 3 dates, 3 events\n", succeed(t, "advance", "--book", "shop", "--date", "2026-05-04", "--data", data))
	require.Equal(t, "book shop has come to 2026-05-04 before\n", succeed(t, "advance", "--book", "shop", "--date", "2026-05-04", "--data", data))
	tomorrow := time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly)
	for _, bad := range []struct {
		args []string
		says string
	}{
		{[]string{"--book", "other"}, "no contract names this book"},
		{[]string{"--book", "No"}, "book"},
		{nil, "book"},
		{[]string{"--book", "shop", "--date", "2026-02-30"}, "not a date"},
		{[]string{"--book", "shop", "--date", tomorrow}, "--ahead"},
		{[]string{"--book", "shop", "--business-zone", "Mars"}, "no such time zone"},
		{[]string{"--book", "shop", "--business-day-starts", "6"}, "write it as 06:00"},
	} {
		code, _, errs := jeongsan(t, append([]string{"advance", "--data", data}, bad.args...)...)
		require.NotZero(t, code, bad)
		require.Contains(t, errs, bad.says)
	}
	var done advanced
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "advance", "--book", "shop", "--date", "2026-05-05", "--data", data, "--json")), &done))
	require.Equal(t, []any{"shop", domain.Date("2026-05-05"), 1, 1}, []any{done.Book, done.Date, done.Dates, done.Events})
	require.NotZero(t, done.Position)
}
