package main

import (
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// heldFor is how many days the reserve is kept back.
const heldFor = 180

// exempt are lines without value added tax.
var exempt = map[string]bool{"CRUK": true, "BANK CHARGES": true, "AMAZONFEE": true}

// postage are lines that pay no commission, but a share of the postage.
var postage = map[string]bool{"POST": true, "DOT": true, "C2": true}

// newVAT is when the tax of the United Kingdom rose from 17.5 to 20 per cent.
var newVAT = time.Date(2011, 1, 4, 0, 0, 0, 0, time.UTC)

// deal follows the rows of the file, which are in order of time, through the terms of
// examples/online-retail-negotiated-terms.yaml, and sums up what each side of an
// account gets.
type deal struct {
	turnover sums
	volume   map[string]*big.Rat // of a provider's month in a book
	held     map[slice]*big.Rat
}

// slice is what a provider has in reserve in a book until a date.
type slice struct{ book, provider, until string }

// negotiated holds the turnover of tax, card fees, postage, commission and reserve in
// each book against the balances of a log whose books have come to a date.
func negotiated(out io.Writer, file, balances, date string) error {
	_, rows, err := read(file)
	if err != nil {
		return err
	}
	d := deal{turnover: sums{}, volume: map[string]*big.Rat{}, held: map[slice]*big.Rat{}}
	for _, row := range rows {
		if err := d.settle(row); err != nil {
			return err
		}
	}
	for s, left := range d.held {
		if s.until <= date {
			d.add("reserve", s.book, "debits", left)
		} else {
			d.add("reserve", s.book, "still held", left)
		}
	}
	found, err := turnover(balances)
	if err != nil {
		return err
	}
	return equal(out, d.turnover, found)
}

// settle adds a row. A negative one is the mirror image of its opposite.
func (d *deal) settle(row line) error {
	k, amount, err := of(row)
	if err != nil || k.outcome != "settled" {
		return err
	}
	at, err := time.Parse(time.DateTime, row.fields[invoiceDate])
	if err != nil {
		return fmt.Errorf("invoice %s: %w", row.fields[invoiceNo], err)
	}
	code, back, side := row.fields[stockCode], amount.Sign() < 0, "credits"
	if back {
		side = "debits"
	}
	gross := new(big.Rat).SetFrac(pennies(amount.Abs(amount), false), big.NewInt(100)) // what is finer is not rated
	supply := gross
	switch {
	case k.book == "world" || exempt[code]:
	case at.Before(newVAT):
		supply = share(gross, 1000, 1175)
	default:
		supply = share(gross, 100, 120)
	}
	d.add("tax", k.book, side, new(big.Rat).Sub(gross, supply))

	fee := share(gross, 14, 1000)
	if highest := big.NewRat(25, 1); fee.Cmp(highest) > 0 {
		fee = highest
	}
	d.add("card fees", k.book, side, fee)
	if gross.Cmp(big.NewRat(1000, 1)) >= 0 {
		d.add("card fees", k.book, side, big.NewRat(5, 2))
	}

	provider := "provider-other"
	if len(code) >= 2 && strings.Trim(code[:2], "0123456789") == "" {
		provider = "provider-" + code[:2]
	}
	volume := have(d.volume, k.book+" "+provider+" "+at.Format("2006-01"))
	if postage[code] {
		d.add("postage", k.book, side, share(gross, 2, 100))
	} else {
		after := new(big.Rat).Add(volume, gross)
		exact := after.Sub(commission(after), commission(volume))
		d.add("commission", k.book, side, share(exact, 1, 1))
	}
	if back {
		volume.Sub(volume, gross)
	} else {
		volume.Add(volume, gross)
	}

	reserve := share(supply, 10, 100)
	held := have(d.held, slice{k.book, provider, at.AddDate(0, 0, heldFor).Format(time.DateOnly)})
	switch {
	case !back:
		held.Add(held, reserve)
	case reserve.Cmp(held) > 0: // the rest comes out of what the provider may have already
		reserve.Set(held)
		fallthrough
	default:
		held.Sub(held, reserve)
	}
	d.add("reserve", k.book, side, reserve)
	return nil
}

func (d *deal) add(what, book, side string, amount *big.Rat) {
	d.turnover.turn(what, book, side, amount)
}

// turn adds to a side; an account that nothing was posted to on a side has none.
func (s sums) turn(what, book, side string, amount *big.Rat) {
	if amount.Sign() != 0 {
		s.add(kind{what, book, side}, 0, amount)
	}
}

// commission of a month's volume: 12, 10 and 8 per cent.
func commission(volume *big.Rat) *big.Rat {
	sum := new(big.Rat)
	for _, step := range []struct{ upTo, more int64 }{{0, 12}, {1_000, -2}, {10_000, -2}} {
		above := new(big.Rat).Sub(volume, big.NewRat(step.upTo, 1))
		if step.upTo == 0 || above.Sign() > 0 { // the first goes below nothing, too
			sum.Add(sum, above.Mul(above, big.NewRat(step.more, 100)))
		}
	}
	return sum
}

// share is a fraction of an amount, rounded half up to the penny.
func share(amount *big.Rat, part, of int64) *big.Rat {
	exact := new(big.Rat).Mul(amount, big.NewRat(part, of))
	return new(big.Rat).SetFrac(pennies(exact, true), big.NewInt(100))
}

// pennies of an amount that is not negative: to the nearest, or whole ones.
func pennies(amount *big.Rat, nearest bool) *big.Int {
	n := new(big.Rat).Mul(amount, big.NewRat(100, 1))
	if nearest {
		n.Add(n, big.NewRat(1, 2))
	}
	return new(big.Int).Quo(n.Num(), n.Denom())
}

// have finds an amount that can be added to.
func have[K comparable](amounts map[K]*big.Rat, of K) *big.Rat {
	if amounts[of] == nil {
		amounts[of] = new(big.Rat)
	}
	return amounts[of]
}

// turnover reads what both sides of the accounts of the deal have from balances.
func turnover(path string) (sums, error) {
	var replayed struct {
		Balances []struct{ Book, Account, Debits, Credits string }
	}
	if err := load(path, &replayed); err != nil {
		return nil, err
	}
	accounts := map[string]string{
		"tax-office/payable/GBP": "tax", "card-house/fee/GBP": "card fees",
		"gift-platform/postage/GBP": "postage", "gift-platform/payable/GBP": "commission",
	}
	all := sums{}
	for _, b := range replayed.Balances {
		what := accounts[b.Account]
		if strings.HasSuffix(b.Account, "/reserve/GBP") {
			what = "reserve"
		}
		if what == "" {
			continue
		}
		debits, ok := new(big.Rat).SetString(b.Debits)
		credits, fine := new(big.Rat).SetString(b.Credits)
		if !ok || !fine {
			return nil, fmt.Errorf("%s: no amounts: %q, %q", path, b.Debits, b.Credits)
		}
		all.turn(what, b.Book, "debits", debits)
		all.turn(what, b.Book, "credits", credits)
		if what == "reserve" {
			all.turn(what, b.Book, "still held", credits.Sub(credits, debits))
		}
	}
	return all, nil
}
