package expression

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/shopspring/decimal"

	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/domain"
)

// Expression is a compiled expression. It is immutable; evaluate it through an
// Evaluator.
type Expression struct {
	source   string
	want     Want
	fields   []string // that it reads
	program  cel.Program
	bare     bool    // nothing but a field
	constant *Result // reads no field
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.source }

// Constant returns the result of an expression that reads no field.
func (e *Expression) Constant() (Result, bool) {
	if e.constant == nil {
		return Result{}, false
	}
	return *e.constant, true
}

// Result is the value of an expression, in the part that was wanted.
type Result struct {
	Text    string
	Decimal decimal.Decimal
	Time    time.Time // UTC
	Bool    bool
}

const (
	mostRemembered    = 8192
	longestRemembered = 128
)

// Evaluator evaluates an expression record by record and remembers results of
// expressions that depend on one field. It belongs to one goroutine.
type Evaluator struct {
	*Expression
	remembered [format.List]map[string]Result // by kind of scalar
	entries    int                            // in remembered
	hits       int                            // since it was last emptied
	forgetful  bool
}

// NewEvaluator returns an evaluator; a nil expression gives a nil evaluator.
func NewEvaluator(e *Expression) *Evaluator {
	if e == nil {
		return nil
	}
	return &Evaluator{Expression: e}
}

// Eval computes the expression for a record. The error is a *domain.Error that
// names no value of the record; its Field is for the caller to fill.
func (e *Evaluator) Eval(record *format.Record) (Result, *domain.Error) {
	if e.constant != nil {
		return *e.constant, nil
	}
	if len(e.fields) != 1 {
		return e.compute(record)
	}
	value, ok := record.Field(e.fields[0])
	if e.bare {
		if !ok {
			return Result{}, missing()
		}
		if value.Kind == format.Text && e.want == Text {
			return Result{Text: value.Text}, nil
		}
	}
	if e.forgetful || !ok || !value.Scalar() || len(value.Text) > longestRemembered {
		return e.compute(record)
	}
	if result, ok := e.remembered[value.Kind][value.Text]; ok {
		e.hits++
		return result, nil
	}
	result, err := e.compute(record)
	if err == nil {
		e.remember(value, result)
	}
	return result, err
}

// remember keeps a result. Where the field hardly ever repeats, it gives up.
func (e *Evaluator) remember(value format.Value, result Result) {
	if e.entries == mostRemembered {
		e.forgetful = e.hits < mostRemembered
		clear(e.remembered[:])
		e.entries, e.hits = 0, 0
		if e.forgetful {
			return
		}
	}
	known := e.remembered[value.Kind]
	if known == nil {
		known = make(map[string]Result)
		e.remembered[value.Kind] = known
	}
	result.Text = strings.Clone(result.Text)
	known[strings.Clone(value.Text)] = result
	e.entries++
}

func missing() *domain.Error {
	return invalid("a field that the expression reads is not in the record", "test it with has(row.field), or correct the record")
}

func (e *Expression) compute(record *format.Record) (Result, *domain.Error) {
	var out ref.Val
	if e.bare {
		value, ok := record.Field(e.fields[0])
		if !ok {
			return Result{}, missing()
		}
		out = toCEL(value)
	} else {
		value, _, err := e.program.Eval(&row{record})
		if err != nil {
			return Result{}, translate(err)
		}
		out = value
	}
	return e.want.convert(out)
}

// translate drops what CEL says about values, which may be personal.
func translate(err error) *domain.Error {
	var e *domain.Error
	switch {
	case errors.As(err, &e):
		return &domain.Error{Code: e.Code, Message: e.Message, Remedy: e.Remedy}
	case strings.Contains(err.Error(), "no such key"):
		return missing()
	case strings.Contains(err.Error(), "cost limit"):
		return invalid("the expression costs too much for this record", "simplify the expression")
	}
	return invalid("the expression cannot be computed for this record", "compare the record with the definition, or widen the expression")
}

// convert takes the wanted value out of a result.
func (w Want) convert(v ref.Val) (Result, *domain.Error) {
	if e, ok := v.(*types.Err); ok {
		return Result{}, translate(e)
	}
	switch v := v.(type) {
	case types.String:
		return w.fromText(string(v))
	case number:
		switch w {
		case Decimal:
			return Result{Decimal: v.Decimal}, nil
		case Text, Plain:
			return Result{Text: v.String()}, nil
		}
	case types.Timestamp:
		if w == Time {
			return Result{Time: v.UTC()}, nil
		}
	case types.Bool:
		switch w {
		case Bool:
			return Result{Bool: bool(v)}, nil
		case Plain:
			return Result{Text: strconv.FormatBool(bool(v))}, nil
		}
	case types.Int:
		switch w {
		case Decimal:
			return Result{Decimal: decimal.NewFromInt(int64(v))}, nil
		case Text, Plain:
			return Result{Text: decimal.NewFromInt(int64(v)).String()}, nil
		}
	case types.Null:
		if w == Text || w == Plain {
			return Result{}, nil
		}
	}
	return Result{}, invalid("the expression does not give "+w.String()+" for this record", "convert the field in the expression")
}

func (w Want) fromText(s string) (Result, *domain.Error) {
	switch w {
	case Text, Plain:
		return Result{Text: s}, nil
	case Decimal:
		d, err := parseDecimal(s)
		return Result{Decimal: d}, err
	case Time:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return Result{}, invalid("the text is not an instant of RFC 3339", `write it as 2026-11-22T09:30:00+09:00, or read it with time()`)
		}
		return Result{Time: t.UTC()}, nil
	}
	return Result{}, invalid("the expression does not give "+w.String()+" for this record", "convert the field in the expression")
}
