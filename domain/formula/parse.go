package formula

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// What a formula may cost at most, whoever wrote it.
const (
	longestSource = 2000 // bytes
	deepest       = 100  // operands within operands
	maxBits       = 512  // of the numerator and of the denominator of a number
)

// parser reads by binding power: every operator takes the operands that bind more
// tightly than it does.
type parser struct {
	source string
	token  token // the next one
	next   int   // the byte behind it
	depth  int
}

func parse(source string) (*node, *fault) {
	switch {
	case len(source) > longestSource:
		return nil, invalid(longestSource, strconv.Itoa(len(source))+" bytes", "the formula is too long", "write at most "+strconv.Itoa(longestSource)+" bytes; name intermediate results")
	case !utf8.ValidString(source):
		return nil, invalid(len(source)-len(strings.ToValidUTF8(source, "")), "", "the formula is not UTF-8", "save the file as UTF-8")
	}
	p := parser{source: source}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return nil, invalid(0, "", "the formula is empty", "write an expression, as gross * 15%")
	}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.trailing()
	}
	return n, nil
}

func (p *parser) advance() *fault {
	t, err := scan(p.source, p.next)
	if err != nil {
		return err
	}
	p.token, p.next = t, t.at+len(t.text)
	return nil
}

// take steps over a sign or word where it is the next token.
func (p *parser) take(word string) (bool, *fault) {
	if !p.at(word) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) at(word string) bool {
	return (p.token.kind == tokenSign || p.token.kind == tokenName) && p.token.text == word
}

// expression reads operands and the operators that bind at least as tightly as
// least.
func (p *parser) expression(least int) (*node, *fault) {
	if p.depth++; p.depth > deepest {
		return nil, invalid(p.token.at, p.token.text, "too deeply nested", "name intermediate results")
	}
	defer func() { p.depth-- }()
	left, err := p.operand(least)
	if err != nil {
		return nil, err
	}
	for {
		operator, bind, at := p.operator()
		if operator == opLiteral || bind < least {
			return left, nil
		}
		negated := p.at("not")
		if negated {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if !p.at("in") {
				return nil, invalid(at, "not", "not stands where an operator is wanted", "write and not, or not in")
			}
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.expression(bind + 1)
		if err != nil {
			return nil, err
		}
		left = &node{op: operator, at: at, args: []*node{left, right}}
		if negated {
			left = &node{op: opNot, at: at, args: []*node{left}}
		}
		if bind != bindCompare {
			continue
		}
		if _, again, _ := p.operator(); again == bindCompare {
			return nil, invalid(p.token.at, p.token.text, "comparisons do not chain", "join two of them, as 0 < x and x < 10")
		}
	}
}

// operator tells the operator that the next token is; opLiteral where it is none.
func (p *parser) operator() (op, int, int) {
	if p.at("not") {
		return opIn, bindCompare, p.token.at
	}
	for i := range infix {
		if p.at(infix[i].word) {
			return infix[i].op, infix[i].bind, p.token.at
		}
	}
	return opLiteral, 0, 0
}

// operand reads what stands before, between and behind infix operators.
func (p *parser) operand(least int) (*node, *fault) {
	t := p.token
	switch {
	case t.kind == tokenNumber:
		return p.numeral()
	case t.kind == tokenText:
		return &node{op: opLiteral, at: t.at, text: t.text, value: TextOf(t.value)}, p.advance()
	case t.kind == tokenName:
		return p.word(least)
	case p.at("-"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		arg, err := p.expression(bindSign)
		return &node{op: opNeg, at: t.at, args: []*node{arg}}, err
	case p.at("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return n, p.closing(")", t)
	case p.at("["):
		args, err := p.arguments("]", nil)
		return &node{op: opList, at: t.at, args: args}, err
	}
	return nil, p.unexpected("a value is missing")
}

func (p *parser) numeral() (*node, *fault) {
	t := p.token
	digits, percent := strings.CutSuffix(t.text, "%")
	n, err := ParseNumber(digits)
	if err == nil && percent {
		n, err = n.Quo(FromInt(100))
	}
	if err != nil || n.bitLen() > maxBits {
		return nil, invalid(t.at, t.text, "the number is too long", "write fewer digits")
	}
	return &node{op: opLiteral, at: t.at, text: t.text, value: NumberOf(n)}, p.advance()
}

// word reads what begins with a name.
func (p *parser) word(least int) (*node, *fault) {
	t := p.token
	if t.text == "not" && least > bindNot {
		return nil, invalid(t.at, t.text, "not stands behind an operator that binds more tightly", "put brackets around it, as a == (not b)")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	switch t.text {
	case "true", "false":
		return &node{op: opLiteral, at: t.at, text: t.text, value: TruthOf(t.text == "true")}, nil
	case "not":
		arg, err := p.expression(bindNot)
		return &node{op: opNot, at: t.at, args: []*node{arg}}, err
	}
	switch {
	case reserved(t.text) && t.text != "if":
		p.token = t
		return nil, p.unexpected("a value is missing")
	case p.at("("):
		return p.call(t)
	case t.text == "if":
		return nil, invalid(t.at, t.text, "if wants brackets", "write if(condition, value, otherwise)")
	}
	return &node{op: opName, at: t.at, text: t.text}, nil
}

// call reads the arguments of a function.
func (p *parser) call(t token) (*node, *fault) {
	i := 0
	for i < len(functions) && functions[i].word != t.text {
		i++
	}
	if i == len(functions) {
		words := make([]string, len(functions))
		for i := range functions {
			words[i] = functions[i].word
		}
		remedy := "use one of " + strings.Join(words, ", ")
		if near := nearest(t.text, words); near != "" {
			remedy = "did you mean " + near + "?"
		}
		return nil, invalid(t.at, t.text, "unknown function", remedy)
	}
	f := &functions[i]
	n := &node{op: f.op, at: t.at}
	var err *fault
	if f.op == opRound {
		n.args, err = p.arguments(")", &n.mode)
	} else {
		n.args, err = p.arguments(")", nil)
	}
	switch {
	case err != nil:
		return nil, err
	case len(n.args) < f.least || len(n.args) > f.most:
		return nil, invalid(t.at, t.text, "wrong number of arguments: "+strconv.Itoa(len(n.args)), "write "+f.usage)
	case f.op == opIf && len(n.args)%2 == 0:
		return nil, invalid(t.at, t.text, "if has no value for the case that no condition holds", "write "+f.usage)
	case f.op == opIf:
		return nested(n), nil
	case f.op == opLiteral:
		return dateLiteral(n)
	case f.op == opFloor:
		n.mode = money.Floor
	case f.op == opCeiling:
		n.mode = money.Ceiling
	case f.op == opRound && len(n.args) == 1:
		n.args = append(n.args, &node{op: opName, at: t.at})
	}
	return n, nil
}

// nested turns an if of several conditions into ifs of one, each in the last place
// of the one before it.
func nested(n *node) *node {
	for len(n.args) > 3 {
		last := len(n.args) - 3
		inner := &node{op: opIf, at: n.args[last].at, args: slices.Clone(n.args[last:])}
		n.args = append(n.args[:last], inner)
	}
	return n
}

func dateLiteral(n *node) (*node, *fault) {
	arg := n.args[0]
	if arg.op == opLiteral {
		n.value = DateOf(domain.Date(arg.value.Text()))
	}
	if n.value.IsAbsent() {
		return nil, invalid(arg.at, arg.text, "not a date", `write it as date("2026-11-22")`)
	}
	n.text, n.args = n.value.String(), nil
	return n, nil
}

// arguments reads expressions between commas up to the closing bracket; the next
// token is the opening one. Where mode is set, the second is the word of a mode.
func (p *parser) arguments(closing string, mode *money.Mode) ([]*node, *fault) {
	opening := p.token
	if err := p.advance(); err != nil {
		return nil, err
	}
	var args []*node
	if done, err := p.take(closing); done || err != nil {
		return nil, err
	}
	for {
		arg, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if mode != nil && len(args) == 1 {
			if err := p.mode(mode); err != nil {
				return nil, err
			}
		}
		comma, err := p.take(",")
		if err != nil {
			return nil, err
		}
		if !comma {
			return args, p.closing(closing, opening)
		}
	}
}

// mode reads ", half_up" behind the first argument of round.
func (p *parser) mode(mode *money.Mode) *fault {
	comma, err := p.take(",")
	if err != nil {
		return err
	}
	if !comma {
		return invalid(p.token.at, p.token.text, "round wants a mode", "write it behind a comma, as round(x, half_up)")
	}
	m, parsed := money.ParseMode(p.token.text)
	if parsed != nil || p.token.kind != tokenName {
		return invalid(p.token.at, p.token.text, "unknown rounding mode", "use one of half_up, half_even, half_down, up, down, ceiling, floor")
	}
	*mode = m
	return p.advance()
}

func (p *parser) closing(bracket string, opening token) *fault {
	done, err := p.take(bracket)
	if err != nil || done {
		return err
	}
	return p.unexpected("the bracket at " + place(p.source, opening.at) + " is not closed")
}

func (p *parser) unexpected(message string) *fault {
	if p.token.kind == tokenEnd {
		return invalid(p.token.at, "", message, "the formula ends here: complete it")
	}
	return invalid(p.token.at, p.token.text, message, "correct what stands here")
}

// trailing says what is wrong with a token behind a complete expression.
func (p *parser) trailing() *fault {
	remedy := "put an operator before it, as + or and"
	switch {
	case p.at(","):
		remedy = "write numbers without separators, as 1000000"
	case p.at(")") || p.at("]"):
		remedy = "take the bracket away, or open it before"
	}
	return invalid(p.token.at, p.token.text, "the formula does not end here", remedy)
}
