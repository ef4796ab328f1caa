package ndjson

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/collect/format"
)

const (
	deepest       = 32
	longestNumber = 64
	mostMembers   = 1000
)

// parser is a strict JSON parser. Texts of one record share one string.
type parser struct {
	s       string
	i       int
	fault   string
	scratch []byte
}

// object parses a line that is one JSON object and appends its members. fault
// says what is wrong, without values.
func (p *parser) object(raw []byte, names []string, values []format.Value) ([]string, []format.Value, string) {
	p.s, p.i, p.fault = string(raw), 0, ""
	p.space()
	if p.peek() != '{' {
		return names, values, "the line is not a JSON object"
	}
	names, values = p.members(names, values, 1)
	p.space()
	if p.fault == "" && p.i < len(p.s) {
		p.fault = "the line goes on after its JSON object"
	}
	return names, values, p.fault
}

func (p *parser) fail(message string) {
	if p.fault == "" {
		p.fault = message
	}
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) expect(c byte) bool {
	p.space()
	if p.peek() == c && p.i < len(p.s) {
		p.i++
		return true
	}
	p.fail("not valid JSON: '" + string(rune(c)) + "' expected")
	return false
}

func (p *parser) members(names []string, values []format.Value, depth int) ([]string, []format.Value) {
	p.i++ // {
	p.space()
	if p.peek() == '}' {
		p.i++
		return names, values
	}
	for p.fault == "" {
		p.space()
		if p.peek() != '"' {
			p.fail("not valid JSON: a name in quotes expected")
			break
		}
		name := p.text()
		for _, earlier := range names {
			if earlier == name {
				p.fail("a name is given twice in one object")
			}
		}
		if !p.expect(':') {
			break
		}
		if len(names) == mostMembers {
			p.fail("an object has more than 1000 names")
			break
		}
		names, values = append(names, name), append(values, p.value(depth))
		p.space()
		if p.peek() == '}' {
			p.i++
			break
		}
		if !p.expect(',') {
			break
		}
	}
	return names, values
}

func (p *parser) value(depth int) format.Value {
	p.space()
	if depth > deepest {
		p.fail("the JSON is nested too deeply")
		return format.Value{Kind: format.Null}
	}
	switch c := p.peek(); {
	case c == '"':
		return format.Value{Kind: format.Text, Text: p.text()}
	case c == '{':
		names, values := p.members(nil, nil, depth+1)
		return format.Value{Kind: format.Object, Names: names, Items: values}
	case c == '[':
		return p.list(depth)
	case c == '-' || c >= '0' && c <= '9':
		return format.Value{Kind: format.Number, Text: p.number()}
	case strings.HasPrefix(p.s[p.i:], "true"):
		return p.word(format.Bool, "true")
	case strings.HasPrefix(p.s[p.i:], "false"):
		return p.word(format.Bool, "false")
	case strings.HasPrefix(p.s[p.i:], "null"):
		return p.word(format.Null, "null")
	}
	p.fail("not valid JSON: a value expected")
	return format.Value{Kind: format.Null}
}

func (p *parser) word(kind format.Kind, word string) format.Value {
	p.i += len(word)
	if kind == format.Null {
		return format.Value{Kind: kind}
	}
	return format.Value{Kind: kind, Text: word}
}

func (p *parser) list(depth int) format.Value {
	v := format.Value{Kind: format.List}
	p.i++ // [
	p.space()
	if p.peek() == ']' {
		p.i++
		return v
	}
	for p.fault == "" {
		v.Items = append(v.Items, p.value(depth+1))
		p.space()
		if p.peek() == ']' {
			p.i++
			break
		}
		if !p.expect(',') {
			break
		}
	}
	return v
}

// number scans RFC 8259's grammar and returns the digits as written.
func (p *parser) number() string {
	start := p.i
	if p.peek() == '-' {
		p.i++
	}
	if p.peek() == '0' {
		p.i++
	} else if !p.digits() {
		return ""
	}
	if p.peek() == '.' {
		p.i++
		if !p.digits() {
			return ""
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.i++
		if c := p.peek(); c == '+' || c == '-' {
			p.i++
		}
		if !p.digits() {
			return ""
		}
	}
	if p.i-start > longestNumber {
		p.fail("a number is longer than 64 characters")
	}
	return p.s[start:p.i]
}

func (p *parser) digits() bool {
	from := p.i
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.i++
	}
	if p.i == from {
		p.fail("not valid JSON: a digit expected")
		return false
	}
	return true
}

// text parses a string whose opening quote stands at p.i.
func (p *parser) text() string {
	p.i++
	start := p.i
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1]
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			p.fail("not valid JSON: a control character stands in a text")
			return ""
		}
	}
	p.fail("not valid JSON: a text has no closing quote")
	return ""
}

func (p *parser) escaped(start int) string {
	p.scratch = append(p.scratch[:0], p.s[start:p.i]...)
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return string(p.scratch)
		case c < 0x20:
			p.fail("not valid JSON: a control character stands in a text")
			return ""
		case c != '\\':
			p.scratch = append(p.scratch, c)
			p.i++
		default:
			p.i++
			if !p.escape() {
				p.fail("not valid JSON: a broken escape stands in a text")
				return ""
			}
		}
	}
	p.fail("not valid JSON: a text has no closing quote")
	return ""
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape appends the character of an escape whose backslash was passed.
func (p *parser) escape() bool {
	c := p.peek()
	p.i++
	if plain, ok := escapes[c]; ok {
		p.scratch = append(p.scratch, plain)
		return true
	}
	if c != 'u' {
		return false
	}
	r, ok := p.hex()
	if !ok {
		return false
	}
	if utf16.IsSurrogate(r) {
		if !strings.HasPrefix(p.s[min(p.i, len(p.s)):], `\u`) {
			return false
		}
		p.i += 2
		low, ok := p.hex()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return false
		}
	}
	p.scratch = utf8.AppendRune(p.scratch, r)
	return true
}

func (p *parser) hex() (rune, bool) {
	if p.i+4 > len(p.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[p.i : p.i+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.i += 4
	return r, true
}
