package fee

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Room is memory that ratings use again, one after the other. The zero Room is ready
// to use; it grows to what the largest rating needs. It never changes a result, and
// is not safe for concurrent use.
type Room struct {
	in       Input
	once     bool // nothing is remembered
	vars     []formula.Value
	of       *Schedule // that vars were filled for
	shares   []Share
	held     []Held // that shares point to
	releases []Release
	counters []Counter
	scratch  rateText
	// known are counters by their ids, rates texts of Line.Rate that come again.
	known map[string]Counter
	rates map[string]string
	texts int // bytes that the texts of the last rating took
	// What the last hold without a calendar came to: a day has many transactions.
	last struct {
		hold   *Hold
		on, at domain.Date
	}
}

// What a Room remembers at most; then it begins anew.
const (
	mostKnown = 2048
	mostRates = 512
)

// counter finds a counter by its id.
func (m *Room) counter(id []byte, days int) (Counter, bool) {
	c, known := m.known[string(id)]
	return c, known && c.Days == days
}

// keep remembers a counter.
func (m *Room) keep(c Counter) {
	if m.once {
		return
	}
	if m.known == nil || len(m.known) >= mostKnown {
		m.known = make(map[string]Counter)
	}
	m.known[c.id] = c
}

// hold keeps what a share points to until the next rating.
func (m *Room) hold(h Held) *Held {
	if len(m.held) == cap(m.held) {
		m.held = make([]Held, 0, max(4, 2*cap(m.held))) // shares still point to the one before
	}
	m.held = append(m.held, h)
	return &m.held[len(m.held)-1]
}

// due is when what a rule holds from a date on falls due.
func (m *Room) due(h *Hold, rule string, on domain.Date, calendars func(id string) (*calendar.Calendar, error)) (domain.Date, error) {
	if m.last.hold == h && m.last.on == on {
		return m.last.at, nil
	}
	at, err := h.due(rule, on, calendars)
	if err == nil && h.Calendar == "" { // the versions of a calendar may change
		m.last.hold, m.last.on, m.last.at = h, on, at
	}
	return at, err
}

// rate is a text that was seen before without being made again.
func (m *Room) rate(text []byte) string {
	if m.once {
		return string(text)
	}
	if rate, known := m.rates[string(text)]; known {
		return rate
	}
	if m.rates == nil || len(m.rates) >= mostRates {
		m.rates = make(map[string]string)
	}
	rate := string(text)
	m.rates[rate] = rate
	return rate
}

// values is room for the slots of a schedule, as they are before anything is known
// of a transaction, but for those that variables fills for every one.
func (m *Room) values(s *Schedule) []formula.Value {
	if m.of == s {
		for _, slot := range s.program.made {
			m.vars[slot] = s.template[slot]
		}
		return m.vars
	}
	m.of, m.vars = s, append(m.vars[:0], s.template...)
	return m.vars
}

// texts are the short texts of one rating, in one piece of memory.
type texts struct{ b strings.Builder }

// leastTexts is the least that is made room for.
const leastTexts = 64

// text keeps a text.
func (t *texts) text(b []byte) string {
	from := t.b.Len()
	if t.b.Cap()-from < len(b) {
		t.b.Reset() // what was cut off it stays
		t.b.Grow(max(leastTexts, 2*len(b)))
		from = 0
	}
	t.b.Write(b)
	return t.b.String()[from:]
}

// amount keeps the text of an amount.
func (t *texts) amount(a money.Amount) string {
	var room [24]byte
	return t.text(a.Append(room[:0]))
}

// exact keeps the text of a number.
func (t *texts) exact(n formula.Number) string {
	var room [48]byte
	return t.text(n.Append(room[:0]))
}
