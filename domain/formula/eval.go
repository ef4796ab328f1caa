package formula

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// eval computes a node of any kind. The checker has seen to it that operands are
// of the kinds their operators want; values of names are checked as they are read.
func (n *node) eval(vars []Value) (Value, *fault) {
	switch n.kind {
	case KindNumber:
		x, err := n.number(vars)
		return Value{kind: KindNumber, number: x}, err
	case KindTruth:
		b, err := n.truth(vars)
		return TruthOf(b), err
	}
	switch n.op {
	case opName:
		v, err := n.read(vars)
		if err != nil {
			return Value{}, err
		}
		return *v, nil
	case opList:
		list := make([]Value, len(n.args))
		for i, arg := range n.args {
			v, err := arg.eval(vars)
			if err != nil {
				return Value{}, err
			}
			list[i] = v
		}
		return Value{kind: KindList, list: &list}, nil
	case opIf:
		branch, err := n.branch(vars)
		if err != nil {
			return Value{}, err
		}
		return branch.eval(vars)
	case opMin, opMax: // of dates
		best, err := n.args[0].eval(vars)
		for _, arg := range n.args[1:] {
			if err != nil {
				break
			}
			var v Value
			v, err = arg.eval(vars)
			if later := v.number.units > best.number.units; later == (n.op == opMax) {
				best = v
			}
		}
		return best, err
	default:
		return n.value, nil
	}
}

// number computes a node of KindNumber.
func (n *node) number(vars []Value) (Number, *fault) {
	switch n.op {
	case opLiteral:
		return n.value.number, nil
	case opName:
		v, err := n.read(vars)
		if err != nil {
			return Number{}, err
		}
		return v.number, n.bounded(&v.number)
	case opAdd, opSub, opMul, opQuo:
		return n.arithmetic(vars)
	case opMin, opMax:
		best, err := n.args[0].number(vars)
		if err != nil {
			return Number{}, err
		}
		for _, arg := range n.args[1:] {
			x, err := arg.number(vars)
			if err != nil {
				return Number{}, err
			}
			if c := x.Cmp(best); c < 0 && n.op == opMin || c > 0 && n.op == opMax {
				best = x
			}
		}
		return best, nil
	case opNeg:
		x, err := n.args[0].number(vars)
		return x.Neg(), err
	case opAbs:
		x, err := n.args[0].number(vars)
		return x.Abs(), err
	case opIf:
		branch, err := n.branch(vars)
		if err != nil {
			return Number{}, err
		}
		return branch.number(vars)
	case opRound, opFloor, opCeiling:
		return n.rounded(vars)
	default:
		return n.calendar(vars)
	}
}

func (n *node) arithmetic(vars []Value) (Number, *fault) {
	a, err := n.args[0].number(vars)
	if err != nil {
		return Number{}, err
	}
	b, err := n.args[1].number(vars)
	if err != nil {
		return Number{}, err
	}
	switch n.op {
	case opAdd:
		a = a.Add(b)
	case opSub:
		a = a.Sub(b)
	case opMul:
		a = a.Mul(b)
	default:
		quotient, err := a.Quo(b)
		if err != nil {
			return Number{}, inside(err, n)
		}
		a = quotient
	}
	return a, n.bounded(&a)
}

// bounded refuses a number that has grown beyond what any amount could need.
func (n *node) bounded(x *Number) *fault {
	if x.wide == nil || x.bitLen() <= maxBits {
		return nil
	}
	return &fault{code: domain.CodeOutOfRange, at: n.at, piece: n.String(), message: "the number grows too large", remedy: "use smaller numbers, or round in between"}
}

func (n *node) rounded(vars []Value) (Number, *fault) {
	x, err := n.args[0].number(vars)
	if err != nil {
		return Number{}, err
	}
	u, err := n.args[1].number(vars)
	if err != nil {
		return Number{}, err
	}
	unit, err := n.unit(u)
	if err != nil {
		return Number{}, err
	}
	a, failed := x.Round(n.mode, unit)
	if failed != nil {
		return Number{}, inside(failed, n)
	}
	return FromAmount(a), nil
}

func (n *node) unit(u Number) (money.Amount, *fault) {
	unit, finite := u.Amount()
	if !finite {
		return money.Zero, invalid(n.at, u.String(), "the rounding unit is no finite decimal of at most "+strconv.Itoa(money.MaxScale)+" digits", "give the smallest step, as 0.01")
	}
	return unit, nil
}

// calendar computes the functions of dates.
func (n *node) calendar(vars []Value) (Number, *fault) {
	v, err := n.args[0].eval(vars)
	if err != nil {
		return Number{}, err
	}
	if n.op == opDays {
		to, err := n.args[1].eval(vars)
		return Number{units: to.number.units - v.number.units}, err
	}
	y, m, d, _ := civil(v.text)
	switch n.op {
	case opYear:
		d = y
	case opMonth:
		d = m
	case opWeekday:
		d = weekday(v.number.units)
	}
	return Number{units: d}, nil
}

// truth computes a node of KindTruth.
func (n *node) truth(vars []Value) (bool, *fault) {
	switch n.op {
	case opLiteral:
		return n.value.Truth(), nil
	case opName:
		v, err := n.read(vars)
		return err == nil && v.Truth(), err
	case opOr, opAnd:
		b, err := n.args[0].truth(vars)
		if err != nil || b == (n.op == opOr) {
			return b, err
		}
		return n.args[1].truth(vars)
	case opNot:
		b, err := n.args[0].truth(vars)
		return !b, err
	case opIf:
		branch, err := n.branch(vars)
		if err != nil {
			return false, err
		}
		return branch.truth(vars)
	case opIn:
		return n.contained(vars)
	default:
		return n.comparison(vars)
	}
}

func (n *node) comparison(vars []Value) (bool, *fault) {
	var order int
	if n.args[0].kind == KindNumber {
		a, err := n.args[0].number(vars)
		if err != nil {
			return false, err
		}
		b, err := n.args[1].number(vars)
		if err != nil {
			return false, err
		}
		order = a.Cmp(b)
	} else {
		a, err := n.args[0].eval(vars)
		if err != nil {
			return false, err
		}
		b, err := n.args[1].eval(vars)
		if err != nil {
			return false, err
		}
		switch {
		case a.Equal(b):
		case a.number.units < b.number.units:
			order = -1
		default: // or texts that differ, which are not ordered
			order = 1
		}
	}
	switch n.op {
	case opEqual:
		return order == 0, nil
	case opUnequal:
		return order != 0, nil
	case opLess:
		return order < 0, nil
	case opAtMost:
		return order <= 0, nil
	case opMore:
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

func (n *node) contained(vars []Value) (bool, *fault) {
	x, err := n.args[0].eval(vars)
	if err != nil {
		return false, err
	}
	if list := n.args[1]; list.op == opList {
		for _, arg := range list.args {
			v, err := arg.eval(vars)
			if err != nil {
				return false, err
			}
			if v.Equal(x) {
				return true, nil
			}
		}
		return false, nil
	}
	list, err := n.args[1].eval(vars)
	if err != nil {
		return false, err
	}
	for i := range *list.list {
		if (*list.list)[i].Equal(x) {
			return true, nil
		}
	}
	return false, nil
}

// branch chooses the side of an if.
func (n *node) branch(vars []Value) (*node, *fault) {
	b, err := n.args[0].truth(vars)
	if b {
		return n.args[1], err
	}
	return n.args[2], err
}

// read returns the value of a name.
func (n *node) read(vars []Value) (*Value, *fault) {
	if n.slot < len(vars) && vars[n.slot].kind == n.kind {
		return &vars[n.slot], nil
	}
	name := n.name()
	if n.slot >= len(vars) || vars[n.slot].IsAbsent() {
		return nil, invalid(n.at, name, "there is no value for "+name, "send it with the transaction, or give it a default")
	}
	return nil, invalid(n.at, name, name+" is a "+vars[n.slot].kind.String()+" where a "+n.kind.String()+" is wanted", "send it as a "+n.kind.String())
}
