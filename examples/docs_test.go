package examples_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

// TestWhatTheManualShows holds the YAML of docs/schedules.md to the files that it
// quotes, and runs what is a schedule of its own.
func TestWhatTheManualShows(t *testing.T) {
	manual, err := os.ReadFile("../docs/schedules.md")
	require.NoError(t, err)
	quoted, whole := 0, 0
	for i, part := range strings.Split(string(manual), "```yaml\n") {
		if i == 0 {
			continue
		}
		block, _, closed := strings.Cut(part, "```\n")
		require.True(t, closed)
		if file, excerpt, quotes := strings.Cut(strings.TrimPrefix(block, "# examples/"), "\n"); quotes && strings.HasPrefix(block, "# examples/") {
			quoted++
			text, err := os.ReadFile(filepath.FromSlash(file))
			require.NoError(t, err)
			require.Contains(t, string(text), excerpt, "the manual quotes %s otherwise", file)
			continue
		}
		whole++
		var document fee.Document
		require.NoError(t, yamldoc.Decode("docs/schedules.md", []byte(block), &document).Err())
		results, err := fee.RunCases(document)
		require.NoError(t, err)
		require.NotEmpty(t, results)
		for _, result := range results {
			require.Empty(t, result.Differences, result.Name)
		}
	}
	require.Greater(t, quoted, 9)
	require.Positive(t, whole)
}

// TestEveryLinkOfTheManualLeadsSomewhere looks for the files that it names.
func TestEveryLinkOfTheManualLeadsSomewhere(t *testing.T) {
	manual, err := os.ReadFile("../docs/schedules.md")
	require.NoError(t, err)
	for _, part := range strings.Split(string(manual), "](")[1:] {
		target, _, _ := strings.Cut(part, ")")
		if target, _, _ = strings.Cut(target, "#"); target != "" {
			_, err := os.Stat(filepath.Join("..", "docs", filepath.FromSlash(target)))
			require.NoError(t, err)
		}
	}
	// And no schedule is left out of it.
	for id := range shelf(t) {
		require.Contains(t, string(manual), "/"+id, "the manual does not name %s", id)
	}
}
