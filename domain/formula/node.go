package formula

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain/money"
)

type op uint8

const (
	opLiteral op = iota
	opName
	opList
	opOr
	opAnd
	opNot
	opEqual
	opUnequal
	opLess
	opAtMost
	opMore
	opAtLeast
	opIn
	opAdd
	opSub
	opMul
	opQuo
	opNeg
	opIf
	opMin
	opMax
	opAbs
	opRound
	opFloor
	opCeiling
	opDays
	opYear
	opMonth
	opDay
	opWeekday
)

// How tightly an operator binds its operands; brackets bind tightest.
const (
	bindOr = iota + 1
	bindAnd
	bindNot
	bindCompare
	bindSum
	bindProduct
	bindSign
	bindTight
)

// infix are the operators between two operands.
var infix = [...]struct {
	word string
	op   op
	bind int
}{
	{"or", opOr, bindOr},
	{"and", opAnd, bindAnd},
	{"==", opEqual, bindCompare},
	{"!=", opUnequal, bindCompare},
	{"<", opLess, bindCompare},
	{"<=", opAtMost, bindCompare},
	{">", opMore, bindCompare},
	{">=", opAtLeast, bindCompare},
	{"in", opIn, bindCompare},
	{"+", opAdd, bindSum},
	{"-", opSub, bindSum},
	{"*", opMul, bindProduct},
	{"/", opQuo, bindProduct},
}

// functions are what is written with its arguments in brackets.
var functions = [...]struct {
	word        string
	op          op
	least, most int // arguments
	usage       string
}{
	{"if", opIf, 3, longestSource, "if(condition, value, otherwise), with further conditions and values before otherwise"},
	{"min", opMin, 2, longestSource, "min(a, b)"},
	{"max", opMax, 2, longestSource, "max(a, b)"},
	{"abs", opAbs, 1, 1, "abs(x)"},
	{"round", opRound, 1, 2, "round(x, half_up) or round(x, half_up, 0.01)"}, // beside the mode
	{"floor", opFloor, 2, 2, "floor(x, 1)"},
	{"ceiling", opCeiling, 2, 2, "ceiling(x, 1)"},
	{"days", opDays, 2, 2, "days(from, to)"},
	{"year", opYear, 1, 1, "year(on)"},
	{"month", opMonth, 1, 1, "month(on)"},
	{"day", opDay, 1, 1, "day(on)"},
	{"weekday", opWeekday, 1, 1, "weekday(on)"},
	{"date", opLiteral, 1, 1, `date("2026-01-01")`},
}

// node is one part of an expression. Nodes are immutable once compiled.
type node struct {
	op    op
	kind  Kind
	mode  money.Mode // of opRound, opFloor and opCeiling
	slot  int        // of opName
	at    int        // byte of the source: the operator, otherwise the beginning
	args  []*node
	value Value  // of opLiteral
	text  string // of opLiteral and opName: as written
}

// binds says how tightly the node holds together what it is written with.
func (n *node) binds() int {
	switch n.op {
	case opLiteral: // what was computed may be negative or a fraction
		switch {
		case n.kind != KindNumber:
		case strings.Contains(n.text, "/"):
			return bindProduct
		case n.text[0] == '-':
			return bindSum
		}
		return bindTight
	case opNot:
		if n.args[0].op == opIn {
			return bindCompare
		}
		return bindNot
	case opNeg:
		return bindSign
	}
	for i := range infix {
		if infix[i].op == n.op {
			return infix[i].bind
		}
	}
	return bindTight
}

// String writes the node in canonical form.
func (n *node) String() string { return string(printer{}.node(nil, n, 0)) }

// printer writes nodes: as a formula that can be compiled or, where plain is set,
// for people, with the values of vars behind their names.
type printer struct {
	plain bool
	vars  []Value
}

// node writes n for a place that binds as tightly as bind.
func (p printer) node(b []byte, n *node, bind int) []byte {
	if n.binds() < bind {
		b = append(b, '(')
		return append(p.node(b, n, 0), ')')
	}
	switch n.op {
	case opLiteral:
		if p.plain && n.kind == KindDate {
			return append(b, n.value.text...)
		}
		return append(b, n.text...)
	case opName:
		b = append(b, n.name()...)
		if v, err := n.read(p.vars); p.plain && err == nil {
			b = printer{plain: true}.node(append(b, ' '), literal(n, *v), bindTight)
		}
		return b
	case opList:
		return append(p.list(append(b, '['), n.args), ']')
	case opNot:
		if in := n.args[0]; in.op == opIn {
			return p.infix(b, in, " not in ", bindCompare)
		}
		return p.node(append(b, "not "...), n.args[0], bindNot)
	case opNeg:
		return p.node(append(b, '-'), n.args[0], bindSign)
	}
	for i := range infix {
		if infix[i].op == n.op {
			return p.infix(b, n, " "+infix[i].word+" ", infix[i].bind)
		}
	}
	return p.call(b, n)
}

// infix writes operands to the left without brackets where they bind as tightly;
// comparisons do not chain.
func (p printer) infix(b []byte, n *node, sign string, bind int) []byte {
	left := bind
	if bind == bindCompare {
		left++
	}
	b = append(p.node(b, n.args[0], left), sign...)
	return p.node(b, n.args[1], bind+1)
}

func (p printer) call(b []byte, n *node) []byte {
	for i := range functions {
		if functions[i].op == n.op {
			b = append(b, functions[i].word...)
		}
	}
	b = append(b, '(')
	if n.op == opRound {
		b = append(append(p.node(b, n.args[0], 0), ", "...), n.mode.String()...)
		if unit := n.args[1]; !unit.implied() || p.plain {
			b = p.node(append(b, ", "...), unit, 0)
		}
		return append(b, ')')
	}
	for n.op == opIf && n.args[2].op == opIf { // as one of several conditions
		b = append(p.list(b, n.args[:2]), ", "...)
		n = n.args[2]
	}
	return append(p.list(b, n.args), ')')
}

func (p printer) list(b []byte, nodes []*node) []byte {
	for i, n := range nodes {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = p.node(b, n, 0)
	}
	return b
}

// name is what an opName stands for.
func (n *node) name() string {
	if n.implied() {
		return MinorUnit
	}
	return n.text
}

// implied reports whether the node is the unit of a round that names none.
func (n *node) implied() bool { return n.op == opName && n.text == "" }
