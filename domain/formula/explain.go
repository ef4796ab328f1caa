package formula

import (
	"slices"
	"strings"
)

// What an explanation may say at most.
const (
	mostSteps          = 8
	longestExplanation = 4000 // bytes
)

// Explain writes the formula with the values put in behind the names, then each
// step of the computation down to the result:
//
//	gross 11000 / 1.1 = 10000
//	max(0, min(fee 319.3, cap 50000 - used 49900)) = max(0, min(319.3, 100)) = max(0, 100) = 100
//
// A condition has "is" in place of "=". Only the branch of an if that applies is
// computed, and what stands right of and and or only where it decides. It never
// fails: where the formula has no result, the reason stands at the end behind a
// colon. Many steps, and long ones, are left out as "…".
func (f *Formula) Explain(vars []Value) string {
	equals := " = "
	if f.Kind() == KindTruth {
		equals = " is "
	}
	steps := string(printer{vars: vars, plain: true}.node(nil, f.written, 0))
	result, failed := f.eval(vars)
	end := equals + result.show()
	switch {
	case failed != nil:
		end = ": " + failed.message + " at " + place(f.source, failed.at)
	case f.written.op == opName || steps == result.show():
		return shorten(steps)
	}
	last := ""
	taken := 0
	for n := reduce(substitute(f.written, vars)); n != nil; n = reduce(n) {
		if n.op == opLiteral && n.value.Equal(result) {
			break
		}
		step := string(printer{plain: true}.node(nil, n, 0))
		if step == last {
			break
		}
		if taken++; taken > mostSteps || len(steps)+len(step) > longestExplanation {
			steps += equals + "…"
			break
		}
		steps, last = steps+equals+step, step
	}
	return shorten(steps) + end
}

// shorten cuts what a long text has brought in.
func shorten(s string) string {
	if len(s) <= longestExplanation+len(" is …") {
		return s
	}
	return strings.ToValidUTF8(s[:longestExplanation], "") + "…"
}

// literal stands for a value at the place of n.
func literal(n *node, v Value) *node {
	return &node{op: opLiteral, kind: n.kind, at: n.at, value: v, text: v.show()}
}

// substitute puts values in the place of names; a name without one stays.
func substitute(n *node, vars []Value) *node {
	if n.op == opName {
		if v, err := n.read(vars); err == nil {
			return literal(n, *v)
		}
		return n
	}
	copied := *n
	copied.args = make([]*node, len(n.args))
	for i, arg := range n.args {
		copied.args[i] = substitute(arg, vars)
	}
	if n.op == opList { // without steps of its own
		if v, err := copied.eval(nil); err == nil {
			return literal(n, v)
		}
	}
	return &copied
}

// reduce takes one step in every part that has all its values; nil where it fails.
func reduce(n *node) *node {
	if n.op == opLiteral || n.op == opName {
		return n
	}
	chooses := n.op == opIf || n.op == opAnd || n.op == opOr // by its first part
	copied := *n
	copied.args = slices.Clone(n.args)
	ready := true
	for i, arg := range n.args {
		if arg.op == opLiteral || chooses && i > 0 {
			continue
		}
		ready = false
		if copied.args[i] = reduce(arg); copied.args[i] == nil {
			return nil
		}
	}
	if chooses {
		if copied.args[0].op != opLiteral {
			return &copied
		}
		return copied.chosen()
	}
	if !ready {
		return &copied
	}
	v, err := n.eval(nil)
	if err != nil {
		return nil
	}
	return literal(n, v)
}

// chosen is what an if, and, or or comes down to once its first part is known.
func (n *node) chosen() *node {
	first := n.args[0].value.Truth()
	switch {
	case n.op == opIf && !first:
		return n.args[2]
	case n.op != opIf && first == (n.op == opOr):
		return n.args[0]
	}
	return n.args[1]
}

// show is the value as an explanation writes it: dates without their function.
func (v Value) show() string {
	if v.kind == KindDate {
		return v.text
	}
	return v.String()
}
