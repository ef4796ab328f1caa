package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"
)

// kind is what tells outcomes apart. All amounts of the file are pounds sterling.
type kind struct{ outcome, book, typ string }

func (k kind) String() string { return strings.TrimSpace(k.outcome + " " + k.book + " " + k.typ) }

type sum struct {
	count  uint64
	amount big.Rat
}

// sums is what came of the rows, by kind.
type sums map[kind]*sum

func (s sums) add(k kind, count uint64, amount *big.Rat) {
	if s[k] == nil {
		s[k] = &sum{}
	}
	s[k].count += count
	s[k].amount.Add(&s[k].amount, amount)
}

// overseas are the countries of the file outside of Europe, and the customers who
// left it open.
var overseas = []string{
	"Australia", "Bahrain", "Brazil", "Canada", "Hong Kong", "Israel", "Japan", "Lebanon", "RSA", "Saudi Arabia", "Singapore",
	"USA", "United Arab Emirates", "Unspecified",
}

// of says what must become of a row: a line of bad debt is nobody's sale, and what
// comes to nothing settles without money.
func of(row line) (kind, *big.Rat, error) {
	pieces, ok := new(big.Rat).SetString(row.fields[quantity])
	price, priced := new(big.Rat).SetString(row.fields[unitPrice])
	if !ok || !priced {
		return kind{}, nil, fmt.Errorf("invoice %s: no number in %q or %q", row.fields[invoiceNo], row.fields[quantity], row.fields[unitPrice])
	}
	amount := pieces.Mul(pieces, price)
	k := kind{outcome: "settled", book: "europe", typ: "sale"}
	switch at := row.fields[country]; {
	case at == "United Kingdom":
		k.book = "uk"
	case slices.Contains(overseas, at):
		k.book = "world"
	}
	switch {
	case row.fields[stockCode] == "B":
		k = kind{outcome: "quarantined"}
	case amount.Sign() == 0:
		k.outcome = "zero_value"
	case amount.Sign() < 0:
		k.typ = "refund"
	}
	return k, amount, nil
}

// compare holds the sums per outcome of the file against those that verify took
// from the events of the log, and what the card supplier owes in each book against
// the balances of the log. Each must be equal, and nothing may be there besides.
func compare(out io.Writer, file, verified, balances string) error {
	_, rows, err := read(file)
	if err != nil {
		return err
	}
	fromFile, owed := sums{}, sums{}
	for _, row := range rows {
		k, amount, err := of(row)
		if err != nil {
			return err
		}
		fromFile.add(k, 1, amount)
		if k.outcome == "settled" {
			owed.add(kind{"owed by the card house", k.book, map[bool]string{true: "debits", false: "credits"}[amount.Sign() > 0]}, 0, amount.Abs(amount))
		}
	}
	fromLog, err := outcomes(verified)
	if err != nil {
		return err
	}
	if err := equal(out, fromFile, fromLog); err != nil {
		return err
	}
	held, err := receivable(balances)
	if err != nil {
		return err
	}
	return equal(out, owed, held)
}

func outcomes(path string) (sums, error) {
	var report struct {
		Outcomes []struct {
			Outcome, Book, Type, Currency, Amount string
			Count                                 uint64
		}
	}
	if err := load(path, &report); err != nil {
		return nil, err
	}
	all := sums{}
	for _, o := range report.Outcomes {
		amount, ok := new(big.Rat).SetString(o.Amount)
		if !ok || o.Currency != "GBP" {
			return nil, fmt.Errorf("%s: no amount in pounds: %q %s", path, o.Amount, o.Currency)
		}
		all.add(kind{o.Outcome, o.Book, o.Type}, o.Count, amount)
	}
	return all, nil
}

func receivable(path string) (sums, error) {
	var replayed struct {
		Balances []struct{ Book, Account, Debits, Credits string }
	}
	if err := load(path, &replayed); err != nil {
		return nil, err
	}
	all := sums{}
	for _, b := range replayed.Balances {
		if b.Account != "card-house/receivable/GBP" {
			continue
		}
		for side, text := range map[string]string{"debits": b.Debits, "credits": b.Credits} {
			amount, ok := new(big.Rat).SetString(text)
			if !ok {
				return nil, fmt.Errorf("%s: no amount: %q", path, text)
			}
			all.add(kind{"owed by the card house", b.Book, side}, 0, amount)
		}
	}
	return all, nil
}

func load(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// equal prints what the file came to, and returns every difference.
func equal(out io.Writer, file, log sums) error {
	kinds := map[kind]bool{}
	for k := range file {
		kinds[k] = true
	}
	for k := range log {
		kinds[k] = true
	}
	sorted := make([]kind, 0, len(kinds))
	for k := range kinds {
		sorted = append(sorted, k)
	}
	slices.SortFunc(sorted, func(a, b kind) int { return strings.Compare(a.String(), b.String()) })
	var differences []error
	for _, k := range sorted {
		want, found := file[k], log[k]
		switch {
		case found == nil:
			differences = append(differences, fmt.Errorf("%s: %s in the file, nothing in the log", k, want))
		case want == nil:
			differences = append(differences, fmt.Errorf("%s: nothing in the file, %s in the log", k, found))
		case want.count != found.count || want.amount.Cmp(&found.amount) != 0:
			differences = append(differences, fmt.Errorf("%s: %s in the file, %s in the log", k, want, found))
		default:
			if _, err := fmt.Fprintf(out, "  %-32s %s\n", k, want); err != nil {
				return err
			}
		}
	}
	return errors.Join(differences...)
}

func (s *sum) String() string {
	rows := ""
	if s.count > 0 {
		rows = fmt.Sprintf("%7d rows ", s.count)
	}
	digits, exact := s.amount.FloatPrec()
	if !exact {
		return rows + s.amount.String() + " GBP"
	}
	return rows + s.amount.FloatString(max(2, digits)) + " GBP"
}
