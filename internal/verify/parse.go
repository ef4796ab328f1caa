package verify

import (
	"math/big"
	"strconv"
	"strings"
)

// parser reads the text of a formula from the front.
type parser struct {
	text  string
	at    int
	token string // the next one; "" at the end
	depth int
}

// deepestFormula is how far parentheses may nest.
const deepestFormula = 200

// parseFormula reads a formula.
func parseFormula(text string) (formula, error) {
	p := &parser{text: text}
	if err := p.next(); err != nil {
		return nil, err
	}
	f, err := p.either()
	if err == nil && p.token != "" {
		err = p.fail("nothing follows here")
	}
	return f, err
}

func (p *parser) fail(what string) error {
	return wrong(what + " at byte " + strconv.Itoa(p.at) + " of the formula " + strconv.Quote(p.text))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c)
}

// next goes on to the next token: a string with its quotes, a number, a word with
// dots, or an operator.
func (p *parser) next() error {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	rest := p.text[p.at:]
	end := 0
	switch {
	case rest == "":
	case rest[0] == '"':
		for end = 1; end < len(rest) && rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
			}
		}
		if end++; end > len(rest) {
			return p.fail("a text without end")
		}
	case isDigit(rest[0]):
		for end < len(rest) && (isDigit(rest[end]) || rest[end] == '.') {
			end++
		}
	case isWord(rest[0]):
		for end < len(rest) && (isWord(rest[end]) || rest[end] == '.') {
			end++
		}
	default:
		end = 1
		if len(rest) > 1 && rest[1] == '=' && strings.IndexByte("=!<>", rest[0]) >= 0 {
			end = 2
		}
	}
	p.token = rest[:end]
	p.at += end
	return nil
}

// takes goes on if the next token is one of these, and says which it was.
func (p *parser) takes(tokens ...string) (string, bool, error) {
	for _, token := range tokens {
		if p.token == token {
			return token, true, p.next()
		}
	}
	return "", false, nil
}

func (p *parser) needs(token string) error {
	_, ok, err := p.takes(token)
	if err == nil && !ok {
		err = p.fail(token + " is missing")
	}
	return err
}

// chain reads operands of one level with operators between them.
func (p *parser) chain(operand func() (formula, error), join func(operator string, a, b formula) formula, operators ...string) (formula, error) {
	a, err := operand()
	for err == nil {
		operator, ok, failed := p.takes(operators...)
		if failed != nil || !ok {
			return a, failed
		}
		var b formula
		if b, err = operand(); err == nil {
			a = join(operator, a, b)
		}
	}
	return nil, err
}

func (p *parser) either() (formula, error) {
	return p.chain(p.all, func(_ string, a, b formula) formula { return junction(true, a, b) }, "or")
}

func (p *parser) all() (formula, error) {
	return p.chain(p.not, func(_ string, a, b formula) formula { return junction(false, a, b) }, "and")
}

func (p *parser) not() (formula, error) {
	_, ok, err := p.takes("not")
	if err != nil {
		return nil, err
	}
	if !ok {
		return p.compared()
	}
	if p.depth++; p.depth > deepestFormula {
		return nil, p.fail("nested too deeply")
	}
	f, err := p.not()
	p.depth--
	if err != nil {
		return nil, err
	}
	return negation(f), nil
}

func (p *parser) compared() (formula, error) {
	a, err := p.sum()
	if err != nil {
		return nil, err
	}
	operator, ok, err := p.takes("==", "!=", "<", "<=", ">", ">=", "in")
	not := false
	if err == nil && !ok && p.token == "not" {
		if err = p.next(); err == nil {
			not = true
			operator, ok = "in", true
			err = p.needs("in")
		}
	}
	if err != nil || !ok {
		return a, err
	}
	b, err := p.sum()
	switch {
	case err != nil:
		return nil, err
	case operator != "in":
		return comparison(operator, a, b), nil
	case not:
		return negation(within(a, b)), nil
	}
	return within(a, b), nil
}

func (p *parser) sum() (formula, error) { return p.chain(p.product, arithmetic, "+", "-") }

func (p *parser) product() (formula, error) { return p.chain(p.signed, arithmetic, "*", "/") }

func (p *parser) signed() (formula, error) {
	_, ok, err := p.takes("-")
	if err != nil {
		return nil, err
	}
	if !ok {
		return p.operand()
	}
	if p.depth++; p.depth > deepestFormula {
		return nil, p.fail("nested too deeply")
	}
	f, err := p.signed()
	p.depth--
	if err != nil {
		return nil, err
	}
	return opposite(f), nil
}

// operand reads a literal, a name, a call, a list or what stands in parentheses.
func (p *parser) operand() (formula, error) {
	token := p.token
	if token == "" {
		return nil, p.fail("the formula ends too early")
	}
	if p.depth++; p.depth > deepestFormula {
		return nil, p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	switch {
	case token == "(":
		f, err := p.either()
		if err == nil {
			err = p.needs(")")
		}
		return f, err
	case token == "[":
		items, err := p.items("]")
		return listing(items), err
	case token[0] == '"':
		text, err := strconv.Unquote(token)
		if err != nil {
			return nil, p.fail("not a text: " + token)
		}
		return constant(textOf(text)), nil
	case isDigit(token[0]):
		return p.literal(token)
	case token == "true" || token == "false":
		return constant(truthOf(token == "true")), nil
	case !isWord(token[0]) || token == "and" || token == "or" || token == "in":
		return nil, p.fail(strconv.Quote(token) + " is out of place")
	}
	if _, call, err := p.takes("("); err != nil {
		return nil, err
	} else if call {
		return p.call(token)
	}
	return func(of names) (worth, error) { return of(token) }, nil
}

// literal reads a number, and per cent where a sign follows at once.
func (p *parser) literal(token string) (formula, error) {
	ratio, ok := new(big.Rat).SetString(token)
	if !ok || strings.HasSuffix(token, ".") {
		return nil, p.fail("not a number: " + token)
	}
	_, percent, err := p.takes("%")
	if percent {
		ratio.Quo(ratio, big.NewRat(100, 1))
	}
	return constant(numberOf(ratio)), err
}

func constant(w worth) formula { return func(names) (worth, error) { return w, nil } }

func (p *parser) call(name string) (formula, error) {
	args, err := p.items(")")
	if err != nil {
		return nil, err
	}
	function, ok := functions[name]
	if !ok {
		return nil, p.fail("no function " + name)
	}
	if len(args) < function.least || len(args) > function.most || name == "if" && len(args)%2 == 0 {
		return nil, p.fail(name + " takes another number of arguments than " + strconv.Itoa(len(args)))
	}
	return function.make(args), nil
}

// items reads formulas with commas between them up to the closing token.
func (p *parser) items(closing string) (items []formula, err error) {
	if _, none, err := p.takes(closing); none || err != nil {
		return nil, err
	}
	for {
		item, err := p.either()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		_, more, err := p.takes(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return items, p.needs(closing)
		}
	}
}
