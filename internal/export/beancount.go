package export

import (
	"strconv"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/money"
)

// beancount is the dialect of beancount 2 and later. It compares sums to the last
// digit: without its option, half of the last digit would pass.
type beancount struct{}

func (beancount) head(b []byte, comments []string, accounts []*account) []byte {
	for _, comment := range comments {
		b = append(b, "; "...)
		b = append(b, comment...)
		b = append(b, '\n')
	}
	b = append(b, "\noption \"title\" \"Jeongsan\"\noption \"inferred_tolerance_multiplier\" \"0\"\n"...)
	first := map[money.Currency]domain.Date{}
	for _, a := range accounts {
		if on, found := first[a.currency]; !found || a.first < on {
			first[a.currency] = a.first
		}
	}
	currencies := sortedKeys(first)
	for _, currency := range currencies {
		b = append(b, "option \"operating_currency\" \""...)
		b = append(b, currency...)
		b = append(b, "\"\n"...)
	}
	b = append(b, '\n')
	for _, currency := range currencies {
		b = append(b, first[currency]...)
		b = append(b, " commodity "...)
		b = append(b, currency...)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i := 0; i < len(accounts); {
		end, opened := i+1, accounts[i].first
		for ; end < len(accounts) && accounts[end].name == accounts[i].name; end++ {
			opened = min(opened, accounts[end].first)
		}
		b = append(b, opened...)
		b = append(b, " open "...)
		b = append(b, accounts[i].name...)
		for j, separator := i, byte(' '); j < end; j, separator = j+1, ',' {
			b = append(b, separator)
			b = append(b, accounts[j].currency...)
		}
		b = append(b, '\n')
		i = end
	}
	return append(b, '\n')
}

func (beancount) opening(b []byte, on domain.Date, accounts []*account) []byte {
	b = append(b, on...)
	b = append(b, ` * "opening balances of book `...)
	b = appendQuoted(b, accounts[0].book)
	b = append(b, "\" #opening\n"...)
	for _, a := range accounts {
		b = append(appendPosting(b, a, a.opening), '\n')
	}
	return append(b, '\n')
}

func (beancount) entry(b []byte, e *Entry, accounts []*account) []byte {
	var room [2]money.Currency
	currencies := e.currencies(room[:0])
	if len(currencies) == 0 {
		currencies = append(currencies, "") // a transaction of nothing
	}
	for _, currency := range currencies {
		t := &e.Transaction
		b = append(b, t.EffectiveOn...)
		b = append(b, ` * "`...)
		b = appendQuoted(b, e.description())
		b = append(b, '"')
		b = appendLink(b, e.Ref)
		for _, other := range [...]*book.Original{e.Reverses, e.Adjusts, t.Original, t.Restores} {
			if other != nil {
				b = appendLink(b, other.Ref)
			}
		}
		b = append(b, '\n')
		b = appendMeta(b, "id", place(e.Ref))
		if t.Source != "" {
			b = appendMeta(b, "source", t.Source)
			b = appendMeta(b, "external-id", t.ExternalID)
		}
		b = appendMeta(b, "recorded", t.RecordedAt.UTC().Format(time.RFC3339Nano))
		if t.Contract != "" {
			b = appendMeta(b, "contract", t.Contract)
		}
		if t.Schedule != "" {
			b = appendMeta(b, "schedule", t.Schedule)
			b = appendMeta(b, "schedule-version", strconv.Itoa(t.Version))
		}
		if e.Closes != nil {
			b = appendMeta(b, "counter", e.Closes.Counter)
			b = appendMeta(b, "window", string(e.Closes.First)+" "+string(e.Closes.Last))
		}
		if e.Rerating != "" {
			b = appendMeta(b, "rerating", e.Rerating)
		}
		if e.Reason != "" {
			b = appendMeta(b, "reason", e.Reason)
		}
		for i := range e.Postings {
			p := &e.Postings[i]
			if p.Currency != currency {
				continue
			}
			b = append(appendPosting(b, accounts[i], signed(p.Side, p.Amount)), '\n')
			if p.Rule != "" {
				b = append(b, "    "...)
				b = appendMeta(b, "rule", p.Rule)
			}
		}
		b = append(b, '\n')
	}
	return b
}

// closing is dated the day after, as beancount looks at the start of a day.
func (beancount) closing(b []byte, on domain.Date, accounts []*account) ([]byte, error) {
	at, err := time.Parse(time.DateOnly, string(on))
	if err != nil {
		return b, &domain.Error{Code: domain.CodeMalformed, Field: "effective_on", Value: string(on), Message: "not a date", Err: err}
	}
	next := at.AddDate(0, 0, 1)
	if next.Year() > 9999 {
		return b, &domain.Error{Code: domain.CodeOutOfRange, Field: "effective_on", Value: string(on), Message: "there is no day after it on which balances could be asserted", Remedy: "leave --balances out"}
	}
	for _, a := range accounts {
		b = next.AppendFormat(b, time.DateOnly)
		b = append(b, " balance "...)
		b = append(b, a.name...)
		b = append(b, "  "...)
		b = append(appendAmount(b, a.net, a.currency), '\n')
	}
	return b, nil
}

// appendLink writes " ^book-main/17", which ties entries to each other.
func appendLink(b []byte, r domain.Ref) []byte {
	b = append(b, " ^"...)
	b = append(b, r.Stream...)
	b = append(b, '/')
	return strconv.AppendUint(b, r.Revision, 10)
}

// appendMeta writes an indented line of metadata.
func appendMeta(b []byte, key, value string) []byte {
	b = append(b, "  "...)
	b = append(b, key...)
	b = append(b, `: "`...)
	b = appendQuoted(b, value)
	return append(b, "\"\n"...)
}

// appendQuoted writes text for between double quotes. Control characters, which
// the ledger admits nowhere, would be spaces.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return b
}
