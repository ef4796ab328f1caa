package export_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/internal/export"
)

// TestSpillSortsByKeyAndKeepsOrder holds the spill against a map of strings, with
// limits from "everything in the file" to "everything in memory".
func TestSpillSortsByKeyAndKeepsOrder(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		spill := export.NewSpill[string](dir, rapid.SampledFrom([]int{0, 1, 10, 100, 1 << 20}).Draw(t, "limit"))
		defer func() { require.NoError(t, spill.Close()) }()
		want := map[string]string{}
		for i, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"2026-11-20", "2026-11-21", "2026-11-22", ""}), 0, 40).Draw(t, "keys") {
			text := fmt.Sprint(i, strings.Repeat("x", rapid.IntRange(0, 30).Draw(t, "length")), "\n")
			require.NoError(t, spill.Add(key, []byte(text)))
			want[key] += text
		}
		require.Len(t, spill.Keys(), len(want))
		require.IsIncreasing(t, append([]string{"\x00-before all"}, spill.Keys()...)[min(1, len(want)):])
		for _, key := range append(spill.Keys(), "no such key") {
			var out bytes.Buffer
			require.NoError(t, spill.CopyTo(&out, key))
			require.Equal(t, want[key], out.String())
		}
	})
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "the temporary files are gone")
}

func TestSpillNamesTheDirectoryThatIsNotThere(t *testing.T) {
	spill := export.NewSpill[string](t.TempDir()+"/nowhere", 0)
	require.ErrorContains(t, spill.Add("a", []byte("text")), "nowhere")
	require.NoError(t, spill.Close())
}
