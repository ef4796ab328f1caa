package fee

import (
	"iter"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Counter names one sum of an accumulator: whose, of which window. A book keeps
// one number for each ID and adds Count.After - Count.Before to it.
type Counter struct {
	Name  string // of the accumulator
	Scope string // ScopeContract or ScopeSchedule
	Owner string // id of the contract or schedule
	// Key is "role=party,input=value" in the order of the accumulator's key; empty
	// where it has none.
	Key string
	// Window is "2026-05-01", "2026-05", "2026-Q2", "2026", "lifetime", or the first
	// date of a window that begins on the anniversary of a date. Of a rolling window
	// it is the day of the transaction.
	Window string
	// Currency is empty where the accumulator is not per currency.
	Currency money.Currency
	// Days is how many day buckets a rolling window sums, the last being Window; 0
	// for all others.
	Days int

	id string // what ID gives, where it was made before
}

// ID is the stable text that events, snapshots and Count.Counter hold:
// "contract:<id>/<name>/<window>/<currency>/<key>", of a rolling window that of
// the day's own bucket. Currency and key are left empty where they do not apply.
func (c Counter) ID() string {
	if c.id != "" {
		return c.id
	}
	return c.of(c.Window)
}

// Buckets gives the ids whose numbers Input.Before sums: its own, or one for every
// day of a rolling window, the earliest first.
func (c Counter) Buckets() iter.Seq[string] {
	return func(yield func(string) bool) {
		if c.Days == 0 {
			yield(c.ID())
			return
		}
		for back := c.Days - 1; back >= 0; back-- {
			day, err := calendar.AddDays(domain.Date(c.Window), -back)
			if err == nil && !yield(c.of(string(day))) { // no day lies before the year 1
				return
			}
		}
	}
}

// of is the id of the counter of another window.
func (c Counter) of(window string) string {
	var room [192]byte
	return string(append(c.appendTo(room[:0], window), c.Key...))
}

// appendTo appends an id up to its key.
func (c *Counter) appendTo(b []byte, window string) []byte {
	b = append(b, c.Scope...)
	b = append(b, ':')
	b = append(b, c.Owner...)
	b = append(b, '/')
	b = append(b, c.Name...)
	b = append(b, '/')
	b = append(b, window...)
	b = append(b, '/')
	b = append(b, c.Currency...)
	return append(b, '/')
}

// KeyPart is one "name=value" of a counter's key, as Counter.Key writes it.
func KeyPart(name, value string) string { return string(appendPart(nil, name, value)) }

// appendPart appends one "name=value" of a counter's key. What separates the parts
// of an ID, and control characters, are written as %2F.
func appendPart(b []byte, name, value string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(append(b, name...), '=')
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c == '%' || c == '/' || c == ',' || c == '=' || c == 0x7f {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}
