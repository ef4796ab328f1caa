package export

import (
	"strconv"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/money"
)

// dialect is how a family of accounting programs writes things down. All methods
// append to b and return it; debits are positive. An entry has one commodity.
type dialect interface {
	// head begins a file: comments, commodities and accounts. Accounts are sorted by
	// name and commodity; one name may come with several commodities.
	head(b []byte, comments []string, accounts []*account) []byte
	// opening writes an entry with the opening balances of accounts of one book in
	// one currency.
	opening(b []byte, on domain.Date, accounts []*account) []byte
	// entry writes one event. accounts are those of its postings.
	entry(b []byte, e *Entry, accounts []*account) []byte
	// closing asserts the balances of accounts at the end of a day; nothing was booked later.
	closing(b []byte, on domain.Date, accounts []*account) ([]byte, error)
}

// journal is the dialect that hledger and ledger both read. Its files are ASCII, so
// that they can be read under any locale, and no comment can be taken for a tag.
type journal struct{}

func (journal) head(b []byte, comments []string, accounts []*account) []byte {
	for _, comment := range comments {
		b = append(b, "; "...)
		b = appendPlain(b, comment)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for _, currency := range commodities(accounts) {
		b = append(b, "commodity "...)
		b = append(b, currency...)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, a := range accounts {
		if i == 0 || accounts[i-1].name != a.name {
			b = append(b, "account "...)
			b = append(b, a.name...)
			b = append(b, '\n')
		}
	}
	return append(b, '\n')
}

func (journal) opening(b []byte, on domain.Date, accounts []*account) []byte {
	b = append(b, on...)
	b = append(b, " * (opening) opening balances of book "...)
	b = appendPlain(b, accounts[0].book)
	b = append(b, '\n')
	for _, a := range accounts {
		b = append(appendPosting(b, a, a.opening), '\n')
	}
	return append(b, '\n')
}

func (journal) entry(b []byte, e *Entry, accounts []*account) []byte {
	var room [2]money.Currency
	currencies := e.currencies(room[:0])
	if len(currencies) == 0 {
		currencies = append(currencies, "") // a transaction of nothing
	}
	for _, currency := range currencies {
		t := &e.Transaction
		b = append(b, t.EffectiveOn...)
		b = append(b, " * ("...)
		b = appendPlain(b, string(e.Stream))
		b = append(b, '@')
		b = strconv.AppendUint(b, e.Revision, 10)
		b = append(b, ") "...)
		b = appendPlain(b, e.description())
		b = append(b, '\n')
		if t.Contract != "" {
			b = append(b, "    ; contract "...)
			b = appendPlain(b, t.Contract)
			b = append(b, ", "...)
		}
		if t.Schedule != "" {
			if t.Contract == "" {
				b = append(b, "    ; "...)
			}
			b = append(b, "schedule "...)
			b = appendPlain(b, t.Schedule)
			b = append(b, ", version "...)
			b = strconv.AppendInt(b, int64(t.Version), 10)
			b = append(b, '\n')
		}
		if e.Rerating != "" {
			b = append(b, "    ; rerating "...)
			b = appendPlain(b, e.Rerating)
			b = append(b, '\n')
		}
		if e.Reason != "" {
			b = append(b, "    ; reason "...)
			b = appendPlain(b, e.Reason)
			b = append(b, '\n')
		}
		for i := range e.Postings {
			p := &e.Postings[i]
			if p.Currency != currency {
				continue
			}
			b = appendPosting(b, accounts[i], signed(p.Side, p.Amount))
			if p.Rule != "" {
				b = append(b, "  ; rule "...)
				b = appendPlain(b, p.Rule)
			}
			b = append(b, '\n')
		}
		b = append(b, '\n')
	}
	return b
}

func (journal) closing(b []byte, on domain.Date, accounts []*account) ([]byte, error) {
	for _, currency := range commodities(accounts) {
		b = append(b, on...)
		b = append(b, " * (closing) balances in "...)
		b = append(b, currency...)
		b = append(b, '\n')
		for _, a := range accounts {
			if a.currency != currency {
				continue
			}
			b = appendPosting(b, a, money.Zero)
			b = append(b, " = "...)
			b = appendAmount(b, a.net, currency)
			b = append(b, '\n')
		}
		b = append(b, '\n')
	}
	return b, nil
}

// description says in one line what an entry is, and which event it is about.
func (e *Entry) description() string {
	t := &e.Transaction
	key := t.Source + "/" + t.ExternalID
	text := t.Type + " " + key
	switch {
	case e.Kind == KindRelease:
		return "release of what was held until " + string(t.EffectiveOn)
	case e.Closes != nil:
		return "closing of " + e.Closes.Counter + " from " + string(e.Closes.First) + " to " + string(e.Closes.Last)
	case e.Kind == KindAdjustment && e.Adjusts == nil:
		return "adjustment " + key
	case e.Kind == KindAdjustment:
		return "adjustment " + key + " of " + place(e.Adjusts.Ref)
	case e.Reverses != nil:
		return "reversal " + key + " of " + place(e.Reverses.Ref)
	case t.Original != nil:
		return text + " of " + place(t.Original.Ref)
	}
	return text
}

// place names an event: "book-main@17".
func place(r domain.Ref) string {
	return string(r.Stream) + "@" + strconv.FormatUint(r.Revision, 10)
}

// appendPosting writes an indented leg without the end of its line.
func appendPosting(b []byte, a *account, amount money.Amount) []byte {
	b = append(b, "    "...)
	b = append(b, a.name...)
	b = append(b, "  "...)
	return appendAmount(b, amount, a.currency)
}

// appendAmount writes "-12.50 USD".
func appendAmount(b []byte, amount money.Amount, currency money.Currency) []byte {
	b = amount.In(currency).Append(b)
	b = append(b, ' ')
	return append(b, currency...)
}

// commodities lists the currencies of sorted accounts, in order.
func commodities(accounts []*account) []money.Currency {
	seen := map[money.Currency]bool{}
	for _, a := range accounts {
		seen[a.currency] = true
	}
	return sortedKeys(seen)
}

// appendPlain writes text of any kind within a line of a journal: letters, digits,
// single spaces and - _ . / @ , + # as they are, every other byte as in a URL, %3A
// for a colon. None of it can begin a comment, a tag, a date or another field.
func appendPlain(b []byte, text string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '/', c == '@', c == ',', c == '+', c == '#',
			c == ' ' && i > 0 && i < len(text)-1 && text[i-1] != ' ':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
