package export

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// assignRules tells each posting which rule gave it. Lines and their postings
// stand in the same order; a line of nothing has none, and one that takes held
// money may have several, of which the sum is the line's. What conversions pay
// follows in the other currency, each with a sum of nothing.
func (e *Entry) assignRules(lines []fee.Line, conversions []fee.Converted) {
	own := 0 // postings in the currency of the transaction
	for own < len(e.Postings) && e.Postings[own].Currency == e.Transaction.Currency {
		own++
	}
	at := 1 // the first posting is the funds', whatever its owner and amount
	for i := range lines {
		line := &lines[i]
		if line.Amount.IsZero() {
			continue
		}
		to := e.Transaction.Parties.Party(line.To)
		converted := slices.ContainsFunc(conversions, func(c fee.Converted) bool { return c.Rule == line.Rule })
		for j := at; j < own; j++ {
			if n := e.run(j, own, line.Amount.Abs(), func(p *Posting) bool { return converted || p.Owner == to }); n > 0 {
				e.mark(j, n, line.Rule)
				at = j + n
				break
			}
		}
	}
	at = own
	for i := range conversions {
		n := e.balanced(at)
		e.mark(at, n, conversions[i].Rule)
		at += n
	}
}

// run is how many postings from the first on, all on one side and of the owner that
// is meant, come to an amount; 0 where they do not.
func (e *Entry) run(first, end int, amount money.Amount, meant func(*Posting) bool) int {
	var sum money.Amount
	for i := first; i < end; i++ {
		p := &e.Postings[i]
		if p.Side != e.Postings[first].Side || !meant(p) {
			return 0
		}
		var err error
		if sum, err = sum.Add(p.Amount); err != nil || sum.Cmp(amount) > 0 {
			return 0
		}
		if sum.Cmp(amount) == 0 {
			return i + 1 - first
		}
	}
	return 0
}

// balanced is how many postings from the first on come to nothing; all of them
// where they never do.
func (e *Entry) balanced(first int) int {
	var net money.Amount
	for i := first; i < len(e.Postings); i++ {
		var err error
		if net, err = net.Add(signed(e.Postings[i].Side, e.Postings[i].Amount)); err != nil {
			break
		}
		if net.IsZero() {
			return i + 1 - first
		}
	}
	return len(e.Postings) - first
}

func (e *Entry) mark(first, n int, rule string) {
	for i := first; i < first+n; i++ {
		e.Postings[i].Rule = rule
	}
}

// assignPeriods tells each posting of a closing which entry of which period gave
// it: "<period>.<entry>". Each line that is not of nothing has a debit and a credit,
// in whatever order.
func (e *Entry) assignPeriods(periods []book.PeriodLines) {
	at := 0
	for i := range periods {
		for j := range periods[i].Lines {
			l := &periods[i].Lines[j]
			amount := l.Line.Amount.Abs()
			if amount.IsZero() {
				continue
			}
			meant := func(p *Posting, account ledger.AccountID) bool {
				return p.Account == account && p.Amount.Cmp(amount) == 0
			}
			for k := at; k+1 < len(e.Postings); k++ {
				p, q := &e.Postings[k], &e.Postings[k+1]
				if meant(p, l.From) && meant(q, l.To) || meant(p, l.To) && meant(q, l.From) {
					e.mark(k, 2, periods[i].Period+"."+l.Line.Rule)
					at = k + 2
					break
				}
			}
		}
	}
}
