package expression

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/jeongsan/jeongsan/collect/format"
	"github.com/jeongsan/jeongsan/domain"
)

const (
	longest   = 4096 // characters of an expression
	costLimit = 200_000
)

// Language compiles the expressions of one source. Compile everything before
// the first evaluation; afterwards it is safe for concurrent use.
type Language struct {
	env     *cel.Env
	columns []string // nil where rows have any fields
	layouts map[[2]string]*layout
}

// NewLanguage declares row. With columns, every field is a text and only these
// exist; with nil, rows have any fields, whose types show at run time.
func NewLanguage(columns []string) (*Language, error) {
	l := &Language{columns: columns, layouts: map[[2]string]*layout{}}
	field := cel.DynType
	if columns != nil {
		field = cel.StringType
	}
	options := []cel.EnvOption{
		cel.Variable("row", cel.MapType(cel.StringType, field)),
		cel.Types(decimalType),
		cel.OptionalTypes(),
		cel.ClearMacros(),
		cel.Macros(cel.HasMacro),
		cel.ParserExpressionSizeLimit(longest),
		cel.ParserRecursionLimit(64),
	}
	env, err := cel.NewEnv(slices.Concat(options, l.functions(), texts())...)
	if err != nil {
		return nil, fmt.Errorf("the expression language: %w", err)
	}
	l.env = env
	return l, nil
}

// Want is the type that an expression must have.
type Want uint8

// The wanted types. Where a Decimal or a Time is wanted, a text is read as one:
// the digits of a decimal, an instant of RFC 3339. Where a Plain value is wanted, a
// decimal gives its digits, and a truth "true" or "false", as text.
const (
	Text Want = iota
	Decimal
	Time
	Bool
	Plain
)

func (w Want) String() string {
	return [...]string{"a text", "a decimal", "a time", "true or false", "a text, a decimal, or true or false"}[w]
}

func (w Want) allows(t *cel.Type) bool {
	switch {
	case t.IsExactType(types.DynType):
		return true
	case w == Bool:
		return t.IsExactType(types.BoolType)
	case t.IsExactType(types.StringType):
		return true
	case w == Plain && t.IsExactType(types.BoolType):
		return true
	case w == Decimal || w == Plain:
		return t.IsExactType(decimalType) || t.IsExactType(types.IntType)
	case w == Time:
		return t.IsExactType(types.TimestampType)
	}
	return false
}

// Compile checks an expression. It returns every fault found, each with the
// place within the expression in its message; none is a success.
func (l *Language) Compile(source string, want Want) (*Expression, []*domain.Error) {
	checked, issues := l.env.Compile(source)
	if issues.Err() != nil {
		var faults []*domain.Error
		for _, e := range issues.Errors() {
			fault := located(max(e.Location.Line(), 1), max(e.Location.Column(), 0)+1, explain(e.Message))
			if strings.Contains(e.Message, "double") {
				fault.Remedy = floatRemedy
			}
			faults = append(faults, fault)
		}
		return nil, append(faults, l.fieldFaults(source)...)
	}
	c := checker{language: l, info: checked.NativeRep().SourceInfo()}
	for id, t := range checked.NativeRep().TypeMap() {
		if t.Kind() == types.DoubleKind {
			c.fault(id, "floating point is not allowed", floatRemedy)
		}
	}
	c.walk(checked.NativeRep().Expr())
	if t := checked.OutputType(); !want.allows(t) {
		c.fault(checked.NativeRep().Expr().ID(), fmt.Sprintf("the expression gives %s where %s is wanted", t, want), "convert it, as decimal(row.amount)")
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	program, err := l.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, []*domain.Error{invalid(err.Error(), "")}
	}
	e := &Expression{source: source, want: want, fields: c.fields, program: program}
	if root := checked.NativeRep().Expr(); len(c.fields) == 1 && isField(root) {
		e.bare = true
	}
	if len(c.fields) == 0 {
		result, fault := e.compute(&format.Record{})
		if fault != nil {
			return nil, []*domain.Error{fault}
		}
		e.constant = &result
	}
	return e, nil
}

// fieldFaults looks for wrong fields in an expression whose types do not fit.
func (l *Language) fieldFaults(source string) []*domain.Error {
	parsed, issues := l.env.Parse(source)
	if issues.Err() != nil {
		return nil
	}
	c := checker{language: l, info: parsed.NativeRep().SourceInfo()}
	c.walk(parsed.NativeRep().Expr())
	return c.faults
}

const floatRemedy = `money takes exact decimals: write decimal("1.5")`

func located(line, column int, message string) *domain.Error {
	return invalid(fmt.Sprintf("%s (line %d, column %d of the expression)", message, line, column), "")
}

// explain adds to the checker's message what people usually meant.
func explain(message string) string {
	if name, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, _, _ = strings.Cut(name, "'")
		if strings.Contains(message, "no such macro") || slices.Contains([]string{"all", "exists", "exists_one", "map", "filter"}, name) {
			return message + ": loops are not part of the language"
		}
		return fmt.Sprintf("unknown name '%s': fields are written row.%s, texts in quotes as \"%s\"", name, name, name)
	}
	return message
}

// checker walks a checked expression and finds the fields it reads.
type checker struct {
	language *Language
	info     *ast.SourceInfo
	fields   []string
	faults   []*domain.Error
}

func (c *checker) fault(id int64, message, remedy string) {
	at := c.info.GetStartLocation(id)
	f := located(max(at.Line(), 1), max(at.Column(), 0)+1, message)
	f.Remedy = remedy
	c.faults = append(c.faults, f)
}

func (c *checker) walk(e ast.Expr) {
	if operand, name, ok := fieldOf(e); ok {
		c.field(operand.ID(), name)
		return
	}
	switch e.Kind() {
	case ast.IdentKind:
		if e.AsIdent() == "row" {
			c.fault(e.ID(), "row stands alone or with a computed name", `name the field, as row.amount or row["unit price"]`)
		}
	case ast.SelectKind:
		c.walk(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			c.walk(call.Target())
		}
		for _, arg := range call.Args() {
			c.walk(arg)
		}
		if call.FunctionName() == "time" {
			c.layout(e.ID(), call.Args())
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			c.walk(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			c.walk(entry.AsMapEntry().Key())
			c.walk(entry.AsMapEntry().Value())
		}
	case ast.LiteralKind:
	default:
		c.fault(e.ID(), "this construct is not part of the language", "")
	}
}

func (c *checker) field(id int64, name string) {
	if c.language.columns != nil && !slices.Contains(c.language.columns, name) {
		c.fault(id, fmt.Sprintf("row has no column %q", name), "use one of "+strings.Join(c.language.columns, ", ")+", or add it to format.csv.columns")
		return
	}
	if !slices.Contains(c.fields, name) {
		c.fields = append(c.fields, name)
	}
}

// layout checks the constants of time().
func (c *checker) layout(id int64, args []ast.Expr) {
	constants := [2]string{}
	for i, arg := range args[1:] {
		text, ok := literal(arg)
		if !ok {
			c.fault(arg.ID(), "layout and zone of time() must be constant texts", "")
			return
		}
		constants[i] = text
	}
	reader, err := newLayout(constants[0], constants[1])
	if err != nil {
		c.fault(id, err.Message, err.Remedy)
		return
	}
	c.language.layouts[constants] = reader
}

// fieldOf recognises row.name, row["name"], row.?name and row[?"name"], and
// returns the mention of row with the name.
func fieldOf(e ast.Expr) (operand ast.Expr, name string, ok bool) {
	switch e.Kind() {
	case ast.SelectKind:
		operand = e.AsSelect().Operand()
		return operand, e.AsSelect().FieldName(), isRow(operand)
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			name, ok = literal(call.Args()[1])
			return call.Args()[0], name, ok && isRow(call.Args()[0])
		}
	}
	return nil, "", false
}

// isField reports whether the expression is nothing but row.name or row["name"].
func isField(e ast.Expr) bool {
	if _, _, ok := fieldOf(e); !ok {
		return false
	}
	if e.Kind() == ast.SelectKind {
		return !e.AsSelect().IsTestOnly()
	}
	return e.AsCall().FunctionName() == operators.Index
}

func isRow(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "row" }

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
