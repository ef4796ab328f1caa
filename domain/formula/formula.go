package formula

import (
	"github.com/jeongsan/jeongsan/domain"
)

// Formula is a compiled expression: checked, its names bound to slots, what is
// constant computed. It is immutable and safe for concurrent use.
type Formula struct {
	source  string
	written *node // as written, for String and Explain
	program *node // with constants computed, for Eval
	names   []string
}

// Compile reads an expression, checks its types against the scope and that it
// gives the wanted kind; KindAny wants none in particular. What fails whatever its
// names stand for, as 1 / 0, is refused too, wherever it stands.
//
// The error is a *domain.Error with Field "formula" that names the column, what
// stands there, and the remedy: CodeInvalid, or CodeOutOfRange where a constant
// part grows too large.
func Compile(source string, scope *Scope, want Kind) (*Formula, error) {
	f, err := compile(source, scope, want)
	if err != nil {
		return nil, err.outside(source)
	}
	return f, nil
}

func compile(source string, scope *Scope, want Kind) (*Formula, *fault) {
	written, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := checker{scope: scope}
	if err := c.check(written); err != nil {
		return nil, err
	}
	if want != KindAny && written.kind != want {
		return nil, mismatch(written, want)
	}
	program, err := fold(written)
	if err != nil {
		return nil, err
	}
	return &Formula{source: source, written: written, program: program, names: c.names}, nil
}

// Source is the expression as it was given to Compile.
func (f *Formula) Source() string { return f.source }

// String is the expression in its canonical form: one space about operators, no
// needless brackets. It compiles to the same formula.
func (f *Formula) String() string { return f.written.String() }

// Kind is what the formula gives; never KindAny.
func (f *Formula) Kind() Kind { return f.written.kind }

// Names lists the names that the formula reads, each once, in the order of their
// first use. round without a unit reads MinorUnit. The slice is the caller's.
func (f *Formula) Names() []string { return append([]string(nil), f.names...) }

// Constant reports whether the formula reads no name: Eval(nil) gives its value.
func (f *Formula) Constant() bool { return len(f.names) == 0 }

// Eval computes the formula's value from the values of the names, by slot. It
// changes nothing in vars. A name that stands in a part that is not needed, as the
// other branch of an if, may be absent.
//
// The error is a *domain.Error with Field "formula" that names the column:
// CodeInvalid where a value that is needed is absent or of another kind, or a
// divisor is 0; CodeOutOfRange where a number grows too large.
func (f *Formula) Eval(vars []Value) (Value, error) {
	v, err := f.eval(vars)
	if err != nil {
		return Value{}, err.outside(f.source)
	}
	return v, nil
}

func (f *Formula) eval(vars []Value) (Value, *fault) { return f.program.eval(vars) }

// EvalNumber is Eval for formulas of KindNumber; the error of another kind is
// CodeInternal.
func (f *Formula) EvalNumber(vars []Value) (Number, error) {
	if f.program.kind != KindNumber {
		return Number{}, f.misuse(KindNumber)
	}
	n, err := f.program.number(vars)
	if err != nil {
		return Number{}, err.outside(f.source)
	}
	return n, nil
}

// EvalTruth is Eval for formulas of KindTruth; the error of another kind is
// CodeInternal.
func (f *Formula) EvalTruth(vars []Value) (bool, error) {
	if f.program.kind != KindTruth {
		return false, f.misuse(KindTruth)
	}
	b, err := f.program.truth(vars)
	if err != nil {
		return false, err.outside(f.source)
	}
	return b, nil
}

func (f *Formula) misuse(want Kind) error {
	return &domain.Error{Code: domain.CodeInternal, Field: "formula", Value: f.source, Message: "evaluated as " + want.String() + ", but it gives a " + f.Kind().String()}
}
