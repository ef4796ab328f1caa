package formula

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
)

// checker gives every node its kind and every name its slot.
type checker struct {
	scope *Scope
	names []string
}

func (c *checker) check(n *node) *fault {
	for _, arg := range n.args {
		if err := c.check(arg); err != nil {
			return err
		}
	}
	switch n.op {
	case opLiteral:
		n.kind = n.value.kind
	case opName:
		return c.name(n)
	case opList:
		n.kind = KindList
		return c.alike(n.args)
	case opOr, opAnd, opNot:
		n.kind = KindTruth
		return c.all(n.args, KindTruth)
	case opEqual, opUnequal:
		n.kind = KindTruth
		if n.args[0].kind == KindList {
			return invalid(n.at, n.args[0].String(), "lists cannot be compared", "ask whether a value is in one, as x in list")
		}
		return c.alike(n.args)
	case opLess, opAtMost, opMore, opAtLeast:
		n.kind = KindTruth
		return c.ordered(n.args)
	case opIn:
		n.kind = KindTruth
		return c.in(n)
	case opIf:
		n.kind = n.args[1].kind
		if err := c.all(n.args[:1], KindTruth); err != nil {
			return err
		}
		return c.alike(n.args[1:])
	case opMin, opMax:
		n.kind = n.args[0].kind
		return c.ordered(n.args)
	case opDays, opYear, opMonth, opDay, opWeekday:
		n.kind = KindNumber
		return c.all(n.args, KindDate)
	default:
		n.kind = KindNumber
		return c.all(n.args, KindNumber)
	}
	return nil
}

func (c *checker) name(n *node) *fault {
	name := n.name()
	slot, kind, known := c.scope.Lookup(name)
	if !known {
		remedy := "use a name that is declared before; text stands in double quotes, as \"" + name + "\""
		if near := nearest(name, c.scope.names); near != "" {
			remedy = "did you mean " + near + "?"
		}
		return invalid(n.at, name, "unknown name", remedy)
	}
	n.slot, n.kind = slot, kind
	if !slices.Contains(c.names, name) {
		c.names = append(c.names, name)
	}
	return nil
}

// all wants one kind of every node.
func (c *checker) all(nodes []*node, want Kind) *fault {
	for _, n := range nodes {
		if n.kind != want {
			return mismatch(n, want)
		}
	}
	return nil
}

// alike wants the kind of the first node of every other.
func (c *checker) alike(nodes []*node) *fault {
	if len(nodes) == 0 {
		return nil
	}
	if first := nodes[0]; first.op == opLiteral { // blame the literal rather than the name
		for _, n := range nodes[1:] {
			if n.kind != first.kind && n.op != opLiteral {
				return mismatch(first, n.kind)
			}
		}
	}
	return c.all(nodes[1:], nodes[0].kind)
}

// ordered wants numbers or dates.
func (c *checker) ordered(nodes []*node) *fault {
	if err := c.alike(nodes); err != nil {
		return err
	}
	if first := nodes[0]; first.kind != KindNumber && first.kind != KindDate {
		return invalid(first.at, first.String(), "a "+first.kind.String()+" has no order", "compare it with == or !=, or ask whether it is in a list")
	}
	return nil
}

// in wants a list, of the left side's kind where its elements are known.
func (c *checker) in(n *node) *fault {
	left, list := n.args[0], n.args[1]
	if list.kind != KindList {
		return mismatch(list, KindList)
	}
	if left.kind == KindList {
		return invalid(left.at, left.String(), "a list is in no list", "ask for one value")
	}
	if list.op == opList {
		return c.all(list.args, left.kind)
	}
	return nil
}

// mismatch says that a node is of another kind than its place wants.
func mismatch(n *node, want Kind) *fault {
	remedy := "write " + example(want) + " here"
	switch {
	case want == KindTruth && n.kind == KindNumber:
		remedy = "compare it, as " + n.String() + " > 0"
	case want == KindTruth && n.kind == KindText:
		remedy = "compare it, as type == \"sale\""
	case want == KindNumber && n.kind == KindTruth:
		remedy = "choose a number by it, as if(condition, 1, 0)"
	case n.op == opLiteral && n.kind == KindText && want == KindNumber && numeral(n.value.text):
		remedy = "write it without quotes"
	case n.op == opLiteral && n.kind == KindText && want == KindDate && !DateOf(domain.Date(n.value.text)).IsAbsent():
		remedy = "write date(" + n.text + ")"
	case n.op == opLiteral && n.kind == KindNumber && want == KindText:
		remedy = "write it in quotes, as \"" + n.text + "\""
	}
	return invalid(n.at, n.String(), "this is a "+n.kind.String()+" where a "+want.String()+" is wanted", remedy)
}

func numeral(s string) bool {
	_, err := ParseNumber(s)
	return err == nil
}

func example(k Kind) string {
	switch k {
	case KindNumber:
		return "a number, as 12.5"
	case KindText:
		return "a text, as \"card\""
	case KindTruth:
		return "a condition, as x > 0"
	case KindDate:
		return "a date, as date(\"2026-01-01\")"
	default:
		return "a list, as [\"a\", \"b\"]"
	}
}

// fold computes what needs no name, once. It changes no node.
func fold(n *node) (*node, *fault) {
	constant, changed := n.op != opName, false
	args := n.args
	for i, arg := range n.args {
		folded, err := fold(arg)
		if err != nil {
			return nil, err
		}
		if folded != arg {
			if !changed {
				args, changed = slices.Clone(n.args), true
			}
			args[i] = folded
		}
		constant = constant && folded.op == opLiteral
	}
	if changed {
		copied := *n
		copied.args = args
		n = &copied
	}
	switch {
	case n.op == opLiteral:
		return n, nil
	case !constant && n.op == opIf && args[0].op == opLiteral:
		return n.chosen(), nil
	case !constant:
		return n, hopeless(n)
	}
	v, err := n.eval(nil)
	if err != nil {
		return nil, err
	}
	return &node{op: opLiteral, kind: n.kind, at: n.at, value: v, text: v.String()}, nil
}

// hopeless refuses what fails whatever its names stand for.
func hopeless(n *node) *fault {
	if len(n.args) != 2 || n.args[1].op != opLiteral {
		return nil
	}
	by := n.args[1].value.number
	switch n.op {
	case opQuo:
		if _, err := (Number{}).Quo(by); err != nil {
			return inside(err, n)
		}
	case opRound, opFloor, opCeiling:
		unit, err := n.unit(by)
		if err == nil && unit.Sign() <= 0 {
			_, failed := (Number{}).Round(n.mode, unit)
			err = inside(failed, n)
		}
		return err
	}
	return nil
}
