package hold_test

import (
	"testing"

	"github.com/jeongsan/jeongsan/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
