package testkit

import (
	"fmt"
	"os"
	"testing"
)

// RequireVariable names the environment variable that turns skipped suites into
// failures when it is "all".
const RequireVariable = "JEONGSAN_REQUIRE"

// Skip skips a test that needs what this machine does not have, loudly, or fails
// it where everything is required.
func Skip(t testing.TB, suite, reason string) {
	t.Helper()
	if os.Getenv(RequireVariable) == "all" {
		t.Fatalf("%s cannot run, and %s=all allows no skipping: %s", suite, RequireVariable, reason)
	}
	fmt.Fprintf(os.Stderr, "\n*** SKIPPED: %s (%s): %s\n\n", suite, t.Name(), reason)
	t.Skipf("%s: %s", suite, reason)
}
