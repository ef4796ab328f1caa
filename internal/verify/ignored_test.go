package verify

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/internal/testkit"
)

func releasedByRule(record string, version int) object {
	return object{"source": "pg", "record": record, "content_hash": "1:" + record, "ignored": "test", "version": version}
}

// A rule may take an input out of quarantine, which may come again without the rule.
func TestReleasedByARule(t *testing.T) {
	s, pool := busy(t), testkit.Database(t)
	s.add("source-pg", typeReleased, releasedByRule("B-2", 1))
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err, report.String())
	quarantined := report.Counts.Quarantined
	s.add("source-pg", typeQuarantined, quarantinedRecord("B-2"))
	project(t, s, pool)
	report, err = Verify(t.Context(), Config{Store: s.store, Pool: pool})
	require.NoError(t, err, report.String())
	require.Equal(t, quarantined+1, report.Counts.Quarantined)

	for name, event := range map[string]object{
		"of no version":    releasedByRule("B-2", 0),
		"of a later one":   releasedByRule("B-2", 2),
		"and a settlement": releasedByRule("B-2", 1).with(object{"settled": object{"stream": "book-main", "revision": 8}}),
		"of nothing held":  releasedByRule("B-9", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.sound()
			s.add("source-pg", typeReleased, event)
			_, err := Verify(t.Context(), Config{Store: s.store})
			require.Equal(t, checkReferences, find(t, err).Check)
		})
	}
}
