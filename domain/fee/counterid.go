package fee

import (
	"iter"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// ParseCounter reads what Counter.ID writes. Days is not part of an id and stays 0.
// The error is CodeMalformed where the text is no id of a counter.
func ParseCounter(id string) (Counter, error) {
	scope, rest, _ := strings.Cut(id, ":")
	parts := strings.Split(rest, "/")
	if len(parts) != 5 || scope != ScopeContract && scope != ScopeSchedule {
		return Counter{}, noCounter(id, "it does not read <scope>:<owner>/<name>/<window>/<currency>/<key>")
	}
	c := Counter{Scope: scope, Owner: parts[0], Name: parts[1], Window: parts[2], Currency: money.Currency(parts[3]), Key: parts[4]}
	switch {
	case c.Owner != "" && domain.CheckID("owner", c.Owner) != nil:
		return Counter{}, noCounter(id, "its owner is no identifier")
	case c.Name == "":
		return Counter{}, noCounter(id, "its accumulator has no name")
	case c.Window != WindowLifetime && c.Window != beforeStart && c.First() == "":
		return Counter{}, noCounter(id, "it has no window")
	case c.Currency != "" && !c.Currency.Known():
		return Counter{}, noCounter(id, "its currency is unknown")
	}
	key := ""
	for name, value := range c.Keys() {
		if key != "" {
			key += ","
		}
		key += KeyPart(name, value)
	}
	if key != c.Key {
		return Counter{}, noCounter(id, "its key does not read <name>=<value>,…")
	}
	return c, nil
}

func noCounter(id, why string) error {
	return &domain.Error{Code: domain.CodeMalformed, Field: "counter", Value: id, Message: "not the id of a counter: " + why, Remedy: "use an id that an event holds"}
}

// Keys gives the names of the key with their values: parties of roles, and text
// inputs, as the transactions had them.
func (c Counter) Keys() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for rest, more := c.Key, c.Key != ""; more; {
			var part string
			part, rest, more = strings.Cut(rest, ",")
			name, value, _ := strings.Cut(part, "=")
			if !yield(name, plain(value)) {
				return
			}
		}
	}
}

// plain undoes what appendPart does to a value.
func plain(value string) string {
	if !strings.Contains(value, "%") {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '%' && i+2 < len(value) {
			if c, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				b, i = append(b, byte(c)), i+2
				continue
			}
		}
		b = append(b, value[i])
	}
	return string(b)
}

// First is the first date of the counter's window, of a rolling one its day; empty
// where the window is a lifetime.
func (c Counter) First() domain.Date {
	w := c.Window
	switch {
	case len(w) == len("2026"):
		w += "-01-01"
	case len(w) == len("2026-Q2") && w[5] == 'Q' && w[6] >= '1' && w[6] <= '4':
		month := "0" + strconv.Itoa(int(w[6]-'0')*3-2)
		w = w[:5] + month[len(month)-2:] + "-01"
	case len(w) == len("2026-05"):
		w += "-01"
	}
	date, err := domain.ParseDate("window", w)
	if err != nil {
		return ""
	}
	return date
}
