package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBarEndsWhereverTheWorkStopped finishes bars that are not full.
func TestBarEndsWhereverTheWorkStopped(t *testing.T) {
	for name, test := range map[string]struct{ size, done int64 }{
		"nothing done": {100, 0}, "some done": {100, 40}, "all done": {100, 100}, "unknown size": {0, 0}, "unknown size, some done": {0, 40},
	} {
		t.Run(name, func(t *testing.T) {
			p := &program{stderr: new(bytes.Buffer)}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				b := p.newBar("work", test.size)
				b.set(test.done, 1)
				b.finish()
			}()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Fatal("the bar does not end")
			}
		})
	}
}

// TestIngestIntoNothing names a server that is not there.
func TestIngestIntoNothing(t *testing.T) {
	delivery := file(t, "till.csv", sales(0, 1))
	code, _, stderr := jeongsan(t, "ingest", "--source", "testdata/source.yaml", delivery, "--server", "http://127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "check that it runs")
}

// TestApplyIntoNothing gives up at the first command that nobody takes.
func TestApplyIntoNothing(t *testing.T) {
	code, _, stderr := jeongsan(t, "apply", "testdata/terms.yaml", "--server", "http://127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Equal(t, 1, strings.Count(stderr, "cannot be reached"), stderr)
}
