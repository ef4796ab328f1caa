package collect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/source"
)

func zip(t testing.TB, data string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(data))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestBrokenDeliveriesAreRefusedWhole(t *testing.T) {
	whole := rows(sale("a", "1.00"), sale("b", "2.00"), sale("c", "3.00"))
	packed := zip(t, whole)
	damaged := []byte(packed)
	damaged[len(damaged)-6] ^= 0xff // in the checksum
	for name, c := range map[string]struct {
		data, message string
		records       uint64
	}{
		"cut off in the middle":     {whole[:len(whole)-10], "the last line has no end", 3},
		"cut off in quotes":         {whole + `"d`, "ends inside a quoted field", 4},
		"gzip cut off":              {packed[:len(packed)-12], "the compressed delivery is cut off", 0},
		"gzip damaged":              {string(damaged), "the compressed delivery is damaged", 0},
		"gzip header only":          {packed[:5], "the compressed delivery is cut off", 0},
		"rubbish after gzip":        {packed + "rubbish beyond the end", "the compressed delivery is damaged", 0},
		"wrong encoding":            {shopHeader + strings.Replace(sale("a", "1.00"), "mina", "\xb9\xcc\xb3\xaa", 1) + "\n", "not UTF-8", 1},
		"columns missing":           {"id,at\na,b\n", "the header lacks columns", 0},
		"empty":                     {"", "the delivery is empty", 0},
		"encoding wrong at the end": {whole + "\xff\n", "not UTF-8", 4},
	} {
		t.Run(name, func(t *testing.T) {
			l, d := openShop(t)
			report, err := l.ingest(d, c.data)
			require.ErrorContains(t, err, c.message)
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err))
			require.Empty(t, l.stream("book-shop"), "nothing settles")
			require.Empty(t, l.quarantine("shop", collect.Filter{}))
			require.Equal(t, report.Counts.Read, report.Counts.Refused)
			if c.records > 0 {
				require.Equal(t, c.records, report.Counts.Refused)
			}
			events := l.stream("source-shop")
			closed := events[len(events)-1].(source.DeliveryIngested)
			require.Equal(t, report.Counts, closed.Counts, "the refusal is in the log")
			require.Len(t, closed.Delivery, 64)

			before := l.events()
			again, err := l.ingest(d, c.data)
			require.Error(t, err)
			require.Equal(t, report.Delivery, again.Delivery)
			require.Equal(t, before, l.events(), "refused again, it is not noted again")
		})
	}
}

func TestGzipIsTransparent(t *testing.T) {
	l, d := openShop(t)
	whole := rows(sale("a", "1.00"), sale("b", "2.00"))
	half := strings.Index(whole, "b,")
	report := l.must(d, zip(t, whole[:half])+zip(t, whole[half:])) // members follow each other
	require.EqualValues(t, 2, report.Counts.Settled)
	before := len(l.stream("book-shop"))
	require.EqualValues(t, 2, l.must(d, whole).Counts.Replayed)
	require.Len(t, l.stream("book-shop"), before)
}

func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	_, err := collect.OpenFile(filepath.Join(dir, "none.csv"), "")
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err))
	_, err = collect.OpenFile(dir, "")
	require.ErrorContains(t, err, "this is a directory")

	path := filepath.Join(dir, "a\x01b.csv")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	d, err := collect.OpenFile(path, "")
	require.NoError(t, err)
	require.Equal(t, "a_b.csv", d.Name)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())

	spool := t.TempDir()
	_, err = collect.Spool("big", strings.NewReader("12345"), spool, 4)
	require.Equal(t, domain.CodeOutOfRange, domain.CodeOf(err))
	d, err = collect.Spool("fits", strings.NewReader("1234"), spool, 4)
	require.NoError(t, err)
	require.EqualValues(t, 4, d.Size)
	require.NoError(t, d.Close())
	left, err := os.ReadDir(spool)
	require.NoError(t, err)
	require.Empty(t, left, "temporary files are removed")
	_, err = collect.Spool("x", strings.NewReader("1"), filepath.Join(dir, "none"), 0)
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err))
}

func TestProgressAndWarnings(t *testing.T) {
	l, d := openShop(t)
	data := strings.ReplaceAll(rows(sale("a", "1.00")), "sent\n", "sent,extra\n")
	data = strings.ReplaceAll(data, ",s1\n", ",s1,?\n")
	var seen []collect.Progress
	report, err := l.pipeline.Ingest(context.Background(), d, delivery(data), func(p collect.Progress) { seen = append(seen, p) })
	require.NoError(t, err)
	require.Len(t, report.Warnings, 1)
	require.Contains(t, report.Warnings[0], `"extra"`)
	require.Equal(t, collect.PhaseCheck, seen[0].Phase)
	last := seen[len(seen)-1]
	require.Equal(t, collect.PhaseSettle, last.Phase)
	require.EqualValues(t, len(data), last.Bytes)
	require.EqualValues(t, len(data), last.Total)
	require.EqualValues(t, 1, last.Records)
	require.Positive(t, report.Rate())
	require.NotZero(t, report.Position)
}

func TestContentHash(t *testing.T) {
	for a, b := range map[string]string{"1.50": "15e-1", "0": "-0.00", "1e2": "100", "-1.10e+1": "-11", "0.001": "1E-3", "10": "1e1"} {
		require.Equal(t, collect.CanonicalNumber(a), collect.CanonicalNumber(b), "%s %s", a, b)
	}
	for a, b := range map[string]string{"1": "-1", "1e2": "1e3", "0.1": "0.01", "12": "21"} {
		require.NotEqual(t, collect.CanonicalNumber(a), collect.CanonicalNumber(b), "%s %s", a, b)
	}
	// Frozen: what hashed once must hash so for ever.
	l, d := openShop(t)
	l.must(d, rows(sale("a", "1.00")))
	require.Equal(t, "1:66d1753ddee2f5225f358b47888e1486", l.settlements("shop")["a"].ContentHash)

	l.applyFile("../examples/demo/terms.yaml")
	market := example(t, "demo/market.yaml")
	line := `{"id":"k1","kind":"sale","seller":"seller-jeju","approved_at":"2026-11-22T10:00:00+09:00","payment":{"amount":12000,"currency":"KRW","method":"card"}}`
	l.must(market, line+"\n")
	require.Equal(t, "1:adbc2f80b64a0e8a5005552013db2c3c", l.settlements("hangang")["k1"].ContentHash)
	// The order of members and the way a number is written do not count.
	report := l.must(market, `{"payment":{"method":"card","currency":"KRW","amount":1.20e4},"approved_at":"2026-11-22T10:00:00+09:00","id":"k1","seller":"seller-jeju","kind":"sale"}`)
	require.EqualValues(t, 1, report.Counts.Replayed)
	require.Zero(t, report.StillQuarantined)
	report = l.must(market, `{"payment":{"method":"card","currency":"KRW","amount":12000,"x":null},"approved_at":"2026-11-22T10:00:00+09:00","id":"k1","seller":"seller-jeju","kind":"sale"}`)
	require.Equal(t, domain.CodeConflict, report.Faults[0].Code)
}

// changing is a file that somebody writes to while it is read.
type changing struct {
	reads int
	data  [2]string
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	if off == 0 {
		c.reads++
	}
	return strings.NewReader(c.data[min(c.reads-1, 1)]).ReadAt(p, off)
}

func TestFileThatChangesWhileItIsRead(t *testing.T) {
	l, d := openShop(t)
	first, second := rows(sale("a", "1.00")), rows(sale("a", "2.00"))
	_, err := l.pipeline.Ingest(context.Background(), d, collect.NewDelivery("x", &changing{data: [2]string{first, second}}, int64(len(first))), nil)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err))
	require.ErrorContains(t, err, "the file changed while it was read")
}
