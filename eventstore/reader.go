package eventstore

import (
	"bytes"
	"unicode/utf8"

	"github.com/jeongsan/jeongsan/domain/money"
)

// reader takes JSON apart from the front. Once it meets anything else than it
// was told to expect it is bad and yields zeros.
type reader struct {
	data []byte
	at   int
	bad  bool
	// Where strings come from: parts of whole, which is a copy of data, or texts.
	whole string
	texts *texts
}

// texts remembers strings that come again and again. The zero value is ready.
type texts struct{ known map[string]string }

// mostTexts bounds the memory of texts; beyond it, they are forgotten.
const mostTexts = 1 << 16

func (t *texts) of(b []byte) string {
	if s, ok := t.known[string(b)]; ok {
		return s
	}
	if t.known == nil || len(t.known) >= mostTexts {
		t.known = make(map[string]string)
	}
	s := string(b)
	t.known[s] = s
	return s
}

// has takes a literal, if that is what comes next.
func (r *reader) has(literal string) bool {
	end := r.at + len(literal)
	if r.bad || end > len(r.data) || string(r.data[r.at:end]) != literal {
		return false
	}
	r.at = end
	return true
}

func (r *reader) literal(literal string) {
	if !r.has(literal) {
		r.bad = true
	}
}

// The kinds of byte within a string.
const (
	plain   = iota
	special // ends the string, or is an escape or a control character
	wide    // of a character beyond ASCII
)

var kinds = func() (kinds [256]uint8) {
	for c := range kinds {
		switch {
		case c < ' ' || c == '"' || c == '\\':
			kinds[c] = special
		case c >= utf8.RuneSelf:
			kinds[c] = wide
		}
	}
	return kinds
}()

// span takes a string without escapes and returns where it stands.
func (r *reader) span() (from, to int) {
	r.literal(`"`)
	if r.bad {
		return 0, 0
	}
	from, to = r.at, r.at
	var seen uint8
	for ; to < len(r.data); to++ {
		kind := kinds[r.data[to]]
		if kind == special {
			break
		}
		seen |= kind
	}
	if to == len(r.data) || r.data[to] != '"' || seen&wide != 0 && !utf8.Valid(r.data[from:to]) {
		r.bad = true
		return 0, 0
	}
	r.at = to + 1
	return from, to
}

func (r *reader) string() string { return r.text(r.span()) }

func (r *reader) text(from, to int) string {
	if r.texts != nil {
		return r.texts.of(r.data[from:to])
	}
	return r.whole[from:to]
}

// rare takes a string that hardly comes again and is copied.
func (r *reader) rare() string {
	from, to := r.span()
	return string(r.data[from:to])
}

// optional takes a key and its string; what was written is never empty.
func (r *reader) optional(key string) string {
	if !r.has(key) {
		return ""
	}
	return r.string()
}

// timeInto takes a string that a value reads itself.
func (r *reader) timeInto(t interface{ UnmarshalText([]byte) error }) {
	from, to := r.span()
	if !r.bad && t.UnmarshalText(r.data[from:to]) != nil {
		r.bad = true
	}
}

func (r *reader) amount() money.Amount {
	from, to := r.span()
	if r.bad {
		return money.Zero
	}
	a, ok := money.ParseText(r.data[from:to])
	r.bad = !ok
	return a
}

// number takes a whole number as encoding/json writes it.
func (r *reader) number() uint64 {
	from := r.at
	for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
		r.at++
	}
	n, ok := wholeNumber(r.data[from:r.at])
	r.bad = r.bad || !ok
	return n
}

// wholeNumber reads up to 18 digits that do not begin with a needless zero.
func wholeNumber(digits []byte) (n uint64, ok bool) {
	if len(digits) == 0 || len(digits) > 18 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func (r *reader) int() int { return int(r.number()) }

func readSlice[T any](r *reader, room int, one func(*reader) T) []T {
	if r.has(`null`) {
		return nil
	}
	items := make([]T, 0, room)
	readEach(r, `[`, `]`, func(r *reader) { items = append(items, one(r)) })
	if r.bad {
		return nil
	}
	return items
}

// sorted takes an object whose keys stand in order, each once, as they are
// written. value is told where the key stands and takes its value.
func (r *reader) sorted(value func(from, to int)) {
	var last []byte
	readEach(r, `{`, `}`, func(r *reader) {
		from, to := r.span()
		key := r.data[from:to]
		if last != nil && bytes.Compare(last, key) >= 0 {
			r.bad = true
		}
		last = key
		r.literal(`:`)
		value(from, to)
	})
}

// readEach takes what stands between two brackets, parted by commas.
func readEach(r *reader, open, shut string, one func(*reader)) {
	r.literal(open)
	if r.has(shut) {
		return
	}
	for !r.bad {
		one(r)
		if r.has(shut) {
			return
		}
		r.literal(`,`)
	}
}
