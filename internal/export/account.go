package export

import (
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// Accounting programs know five kinds of account. What stands on an account of
// ours is what a party owes (receivable) or is owed (everything else); a rounding
// difference and the middle of a conversion belong to nobody. The kind changes no
// balance.
const (
	rootAssets      = "Assets"
	rootLiabilities = "Liabilities"
	rootEquity      = "Equity"
)

func root(purpose string) string {
	switch purpose {
	case "receivable":
		return rootAssets
	case "rounding", "fx":
		return rootEquity
	}
	return rootLiabilities
}

// AccountName is the account of an accounting program for one of ours:
// "Liabilities:<book>:<owner>:<purpose>", each part as Part writes it. The
// currency is left to the commodity. Different accounts have different names.
func AccountName(book, owner, purpose string) string {
	b := make([]byte, 0, 64)
	b = append(b, root(purpose)...)
	for _, part := range [...]string{book, owner, purpose} {
		b = appendPart(append(b, ':'), part)
	}
	return string(b)
}

// Part writes an identifier in the form that every accounting program takes for a
// part of an account: a capital letter, then letters, digits and dashes. The first
// letter becomes a capital; later capitals stand for what is not allowed: D for
// '.', U for '_', H and two hexadecimal digits for any other byte. What does not
// begin with a lower-case letter has XN in front. So "9lives.top_up" is
// "XN9livesDtopUup", and no two identifiers are written alike.
func Part(id string) string { return string(appendPart(make([]byte, 0, len(id)+8), id)) }

func appendPart(b []byte, id string) []byte {
	const hex = "0123456789abcdef"
	if id == "" || id[0] < 'a' || id[0] > 'z' {
		b = append(b, "XN"...)
	} else {
		b = append(b, id[0]-'a'+'A')
		id = id[1:]
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
			b = append(b, c)
		case c == '.':
			b = append(b, 'D')
		case c == '_':
			b = append(b, 'U')
		default:
			b = append(b, 'H', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// account is one bucket as an accounting program sees it: a name and a commodity.
type account struct {
	book, name string
	currency   money.Currency
	opening    money.Amount // net of what was booked before the selection, debits positive
	net        money.Amount // net with what the file holds
	first      domain.Date  // when it appears in the file; "" while it does not
}

// add books an amount on a side, of an entry in the file or before it.
func (a *account) add(side ledger.Side, amount money.Amount, before bool) (err error) {
	change := signed(side, amount)
	if before {
		if a.opening, err = a.opening.Add(change); err != nil {
			return err
		}
	}
	a.net, err = a.net.Add(change)
	return err
}

// seen notes a date on which the account appears in the file.
func (a *account) seen(on domain.Date) {
	if a.first == "" || on < a.first {
		a.first = on
	}
}

// signed gives a posting's amount the sign that accounting programs expect.
func signed(side ledger.Side, amount money.Amount) money.Amount {
	if side == ledger.Credit {
		return amount.Neg()
	}
	return amount
}

// byName orders accounts by name, then commodity.
func byName(a, b *account) int {
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return strings.Compare(string(a.currency), string(b.currency))
}
