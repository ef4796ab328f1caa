package intake

import (
	"errors"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

const (
	path            = "/v1/deliveries"
	partDefinition  = "definition"
	partData        = "data"
	mostDefinition  = 256 << 10
	contentTypeLine = "application/x-ndjson"
)

// line is one line of an answer.
type line struct {
	Progress *collect.Progress `json:"progress,omitempty"`
	Report   *collect.Report   `json:"report,omitempty"`
	Error    *failure          `json:"error,omitempty"`
}

// failure is an error on the wire: the first fault, and all where there are more.
type failure struct {
	domain.Error
	Errors []*domain.Error `json:"errors,omitempty"`
}

// failureOf renders an error, nil for none. What is no *domain.Error tells the
// outside nothing but that it is internal.
func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	all := flatten(err, nil)
	if len(all) == 0 {
		all = []*domain.Error{{Code: domain.CodeInternal, Message: "a fault of the program", Remedy: "see the log of the server"}}
	}
	f := &failure{Error: *all[0]}
	if len(all) > 1 {
		f.Errors = all
	}
	return f
}

// flatten collects the outermost domain errors of a tree. Causes are told in the
// message, as they do not travel.
func flatten(err error, into []*domain.Error) []*domain.Error {
	var many interface{ Unwrap() []error }
	if e, ok := err.(*domain.Error); ok { //nolint:errorlint // the tree is walked by hand
		told := *e
		if e.Err != nil {
			told.Message, told.Err = e.Message+": "+e.Err.Error(), nil
		}
		return append(into, &told)
	}
	if errors.As(err, &many) {
		for _, one := range many.Unwrap() {
			into = flatten(one, into)
		}
		return into
	}
	if cause := errors.Unwrap(err); cause != nil {
		return flatten(cause, into)
	}
	return into
}

// err makes the error again.
func (f *failure) err() error {
	if f == nil {
		return nil
	}
	if len(f.Errors) > 1 {
		return yamldoc.Faults(f.Errors)
	}
	e := f.Error
	return &e
}
