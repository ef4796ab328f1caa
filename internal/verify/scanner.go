package verify

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"time"
)

// scanner walks through one JSON value without building it. What it returns as
// bytes is valid until the next event. It belongs to one goroutine.
type scanner struct {
	text  []byte
	at    int
	depth int
}

// deepest is how far values may nest; no event comes near it.
const deepest = 64

func (s *scanner) reset(text []byte) { *s = scanner{text: text} }

func (s *scanner) fail(what string) error {
	return fmt.Errorf("not the JSON expected: %s at byte %d", what, s.at)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// whole reads one object that fills the text.
func (s *scanner) whole(member func(key []byte) error) error {
	if err := s.object(member); err != nil {
		return err
	}
	if s.peek(); s.at != len(s.text) {
		return s.fail("bytes after the value")
	}
	return nil
}

// object calls member for each key, which must consume the value.
func (s *scanner) object(member func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.fail("no colon after a key")
		}
		s.at++
		return member(key)
	})
}

// array calls element before each element, which must consume it. A null is an
// empty array.
func (s *scanner) array(element func() error) error {
	if s.null() {
		return nil
	}
	return s.list('[', ']', element)
}

func (s *scanner) list(first, last byte, item func() error) error {
	if s.peek() != first {
		return s.fail("no " + string(first))
	}
	if s.depth++; s.depth > deepest {
		return s.fail("nested too deeply")
	}
	s.at++
	if s.peek() == last {
		s.at++
		s.depth--
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case last:
			s.at++
			s.depth--
			return nil
		default:
			return s.fail("no comma and no " + string(last))
		}
	}
}

// str reads a string.
func (s *scanner) str() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("no string")
	}
	start := s.at + 1
	i := s.plain(start)
	switch {
	case i == len(s.text):
		s.at = i
		return nil, s.fail("a string without end")
	case s.text[i] == '"':
		s.at = i + 1
		return s.text[start:i], nil
	case s.text[i] == '\\':
		return s.escaped(start, i)
	}
	s.at = i
	return nil, s.fail("a control character in a string")
}

// plain returns where the first quote, backslash or control character stands from
// i on, or the end of the text. It looks at eight bytes at a time: subtracting
// sets the high bit of the lowest byte that is what is looked for, and of no byte
// below it.
func (s *scanner) plain(i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	text := s.text
	for i+8 <= len(text) {
		word := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := word^('"'*ones), word^('\\'*ones)
		found := ((quote-ones)&^quote | (backslash-ones)&^backslash | (word-' '*ones)&^word) & highs
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] >= ' ' {
		i++
	}
	return i
}

// escaped reads a string that holds escapes, the first of them at i.
func (s *scanner) escaped(start, i int) ([]byte, error) {
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '"':
			var out string
			if err := json.Unmarshal(s.text[start-1:i+1], &out); err != nil {
				return nil, s.fail("a string with a wrong escape")
			}
			s.at = i + 1
			return []byte(out), nil
		}
	}
	s.at = len(s.text)
	return nil, s.fail("a string without end")
}

// null consumes a null if it is next.
func (s *scanner) null() bool {
	if s.peek() == 'n' && len(s.text)-s.at >= 4 && string(s.text[s.at:s.at+4]) == "null" {
		s.at += 4
		return true
	}
	return false
}

// word consumes a number, true, false or null and returns it as written.
func (s *scanner) word() ([]byte, error) {
	s.peek()
	start := s.at
	for s.at < len(s.text) {
		c := s.text[s.at]
		if c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != 'E' {
			break
		}
		s.at++
	}
	if start == s.at {
		return nil, s.fail("no value")
	}
	return s.text[start:s.at], nil
}

// natural reads a whole number from 0 on.
func (s *scanner) natural() (uint64, error) {
	word, err := s.word()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(word), 10, 64)
	if err != nil {
		return 0, s.fail("no whole number")
	}
	return n, nil
}

// decimal reads a decimal string.
func (s *scanner) decimal() (figure, int, error) {
	text, err := s.str()
	if err != nil {
		return figure{}, 0, err
	}
	f, decimals, ok := parseFigure(text)
	if !ok {
		return figure{}, 0, s.fail("no amount of at most " + strconv.Itoa(places) + " decimals: " + strconv.Quote(string(text)))
	}
	return f, decimals, nil
}

// instant reads a time as RFC 3339 writes it.
func (s *scanner) instant() (time.Time, error) {
	text, err := s.str()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}, s.fail("no time: " + strconv.Quote(string(text)))
	}
	return t, nil
}

// skip consumes any value and checks no more than its shape.
func (s *scanner) skip() error {
	switch s.peek() {
	case '{':
		return s.skipList('}')
	case '[':
		return s.skipList(']')
	case '"':
		_, err := s.str()
		return err
	}
	word, err := s.word()
	if err != nil {
		return err
	}
	if !json.Valid(word) {
		return s.fail("no value: " + strconv.Quote(string(word)))
	}
	return nil
}

// skipList consumes an object or an array, as list does, whatever is in it.
func (s *scanner) skipList(last byte) error {
	if s.depth++; s.depth > deepest {
		return s.fail("nested too deeply")
	}
	s.at++
	if s.peek() == last {
		s.at++
		s.depth--
		return nil
	}
	for {
		if last == '}' {
			if _, err := s.str(); err != nil {
				return err
			}
			if s.peek() != ':' {
				return s.fail("no colon after a key")
			}
			s.at++
		}
		if err := s.skip(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case last:
			s.at++
			s.depth--
			return nil
		default:
			return s.fail("no comma and no " + string(last))
		}
	}
}

// raw consumes any value and returns it as written.
func (s *scanner) raw() ([]byte, error) {
	s.peek()
	start := s.at
	if err := s.skip(); err != nil {
		return nil, err
	}
	return s.text[start:s.at], nil
}
