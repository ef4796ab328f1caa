package formula

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenText
	tokenName // also the words of the language
	tokenSign
)

// token is one word of a formula. A text's value is unescaped.
type token struct {
	kind  tokenKind
	at    int
	text  string // as written; of a name, number or sign what it is
	value string // of a text
}

// signs are the operators and brackets, the longer first.
var signs = [...]string{"==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ","}

// foreign are signs of other languages, with what to write instead.
var foreign = [...][2]string{
	{"&&", "write and"}, {"||", "write or"}, {"**", "multiply the number by itself"}, {"//", "write floor(x / y, 1)"}, {"=>", "write >="}, {"=<", "write <="}, {"<>", "write !="},
	{"=", "write == to compare"}, {"!", "write not"}, {"%", "write a percentage right behind its number, as 15%; there is no remainder"}, {"^", "multiply the number by itself"},
	{"?", "write if(condition, value, otherwise)"}, {"'", `write text in double quotes, as "card"`}, {"“", `write text in double quotes, as "card"`}, {".", "write a digit before a point, as 0.5, or a name behind it, as lines.fee"},
	{"×", "write *"}, {"÷", "write /"}, {"−", "write -"}, {"≤", "write <="}, {"≥", "write >="}, {"≠", "write !="}, {";", "write one expression"},
}

// scan reads the token at or behind byte at.
func scan(source string, at int) (token, *fault) {
	for at < len(source) && strings.IndexByte(" \t\r\n", source[at]) >= 0 {
		at++
	}
	rest := source[at:]
	switch {
	case rest == "":
		return token{kind: tokenEnd, at: at}, nil
	case letter(rest[0]):
		return scanName(rest, at)
	case digit(rest[0]):
		return scanNumber(rest, at)
	case rest[0] == '"':
		return scanText(rest, at)
	}
	for _, f := range foreign[:7] { // those that begin as a sign of ours does
		if strings.HasPrefix(rest, f[0]) {
			return token{}, invalid(at, f[0], "unknown sign", f[1])
		}
	}
	for _, s := range signs {
		if strings.HasPrefix(rest, s) {
			return token{kind: tokenSign, at: at, text: s}, nil
		}
	}
	for _, f := range foreign {
		if strings.HasPrefix(rest, f[0]) {
			return token{}, invalid(at, f[0], "unknown sign", f[1])
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return token{}, invalid(at, rest[:size], "unknown sign", "use names, numbers, text in double quotes, + - * / == != < <= > >= and brackets")
}

// scanName reads a name with its points, or a word of the language.
func scanName(rest string, at int) (token, *fault) {
	end := 0
	for end < len(rest) && (letter(rest[end]) || digit(rest[end]) || rest[end] == '.' && end+1 < len(rest) && letter(rest[end+1])) {
		end++
	}
	return token{kind: tokenName, at: at, text: rest[:end]}, nil
}

func scanNumber(rest string, at int) (token, *fault) {
	end := 0
	for end < len(rest) && digit(rest[end]) {
		end++
	}
	if end+1 < len(rest) && rest[end] == '.' && digit(rest[end+1]) {
		end++
		for end < len(rest) && digit(rest[end]) {
			end++
		}
	}
	if end < len(rest) && (letter(rest[end]) || rest[end] == '.') {
		last := end + 1
		for last < len(rest) && (letter(rest[last]) || digit(rest[last]) || rest[last] == '.') {
			last++
		}
		return token{}, invalid(at, rest[:last], "malformed number", "write digits with at most one decimal point, as 1234.5, and percentages as 15%")
	}
	if end < len(rest) && rest[end] == '%' {
		end++
	}
	return token{kind: tokenNumber, at: at, text: rest[:end]}, nil
}

func scanText(rest string, at int) (token, *fault) {
	var value strings.Builder
	for i := 1; i < len(rest); {
		c, size := utf8.DecodeRuneInString(rest[i:])
		switch {
		case c == '"':
			return token{kind: tokenText, at: at, text: rest[:i+1], value: value.String()}, nil
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			i++
			value.WriteByte(rest[i])
		case c == '\\':
			return token{}, invalid(at+i, `\`, "unknown escape", `write \" for a quote and \\ for a backslash; everything else stands for itself`)
		case unicode.IsControl(c):
			return token{}, invalid(at+i, rest[i:i+size], "a text holds a control character", "leave it out")
		default:
			value.WriteString(rest[i : i+size])
		}
		i += size
	}
	return token{}, invalid(at, rest, "the text has no end", `close it with "`)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

func digit(c byte) bool { return c >= '0' && c <= '9' }
