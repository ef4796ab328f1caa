package yamldoc

import (
	"fmt"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// Faults are all the faults of a document in the order of their lines. Each is a
// *domain.Error with CodeInvalid whose Field is "file:line:column path".
type Faults []*domain.Error

// Error renders one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = render(fault)
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As and domain.CodeOf the single faults.
func (f Faults) Unwrap() []error {
	out := make([]error, len(f))
	for i, fault := range f {
		out[i] = fault
	}
	return out
}

// render puts the place first, as compilers do.
func render(e *domain.Error) string {
	s := e.Field + ": " + e.Message
	if e.Value != "" {
		s += fmt.Sprintf(" (%q)", e.Value)
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}
