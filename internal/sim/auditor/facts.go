package auditor

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule says how an amount is shared out.
type Schedule struct {
	ID       string
	Versions []Version // the first is number 1; by date
}

// Version is one version of a schedule.
type Version struct {
	From  string // date
	Funds Target
	Rules []Rule
	// Language is 2 where the second engine is needed, and what follows is used.
	Language     int
	Accumulators []Accumulator
	Recourse     []Recourse
	Periods      []Period
	Rate         int64            // of the parameter rate, in millionths
	Limit        map[string]int64 // of the parameter limit
}

// Target is an account by the role of its owner.
type Target struct{ Role, Purpose string }

// Rule gives one party its part. Amounts are in minor units, by currency.
type Rule struct {
	ID       string
	To       Target
	Priority int
	// Exactly one of the three: a part in millionths, fixed amounts, what is left.
	Millionths  int64
	Flat        map[string]int64
	Rest        bool
	OfRemaining bool
	Minimum     map[string]int64
	Maximum     map[string]int64
	Mode        string
	Unit        map[string]int64
	// Of the second language. Tiers, Split and ByRate stand in the place of
	// Millionths.
	When     *Condition
	Group    string
	OfNet    bool // of the gross without a tenth on top
	ByRate   bool // the parameter rate
	Tiers    *Tiers
	Split    *Split
	Cap      *Cap
	Refund   string
	Keep     int64 // millionths that are kept of a full return
	OnRefund bool
	Hold     *Hold
	Convert  *Convert
}

// Contract applies a schedule in a book.
type Contract struct {
	ID, Book, Schedule, Zone string
	From, Until              string // dates; Until is exclusive and may be empty
	Priority                 int
	Parties                  map[string]string
	Types, Methods, Products []string
	// What it says instead of its schedule's parameters.
	Rate  *int64
	Limit map[string]int64
}

// Transaction is what an input means.
type Transaction struct {
	Book, Type, Method, Product string
	Parties                     map[string]string
	At                          time.Time
	Currency                    string
	Amount                      int64 // minor units, signed
	Original                    string
	Grade                       string // an attribute
	Returns                     bool   // it gives back of a refund
}

// Input is one thing that was sent: a record of a file or a command.
type Input struct {
	Source, Record, Hash string
	// Raw is the record as it must lie in quarantine; empty for a command.
	Raw string
	// Ignored is the rule by which it is left out.
	Ignored string
	// Faulty inputs can never settle. Code, where given, is why.
	Faulty bool
	Code   string
	Tx     Transaction
	// Reverses is set for a reversal: the source and record that it takes back.
	Reverses *[2]string
	// Legs are set for an adjustment, with its date On and perhaps the source and
	// record that it Adjusts.
	Legs    []Leg
	On      string
	Adjusts *[2]string
	// Await lets a refund or a reversal wait for what it names.
	Await bool
}

// Delivery is a file.
type Delivery struct {
	Hash   string // SHA-256, hex
	Source string
	Inputs []*Input
	// Broken deliveries are refused whole.
	Broken bool
}

// Exponents gives the decimals of the currencies that the world uses.
var Exponents = map[string]int{"KRW": 0, "USD": 2, "KWD": 3}

// Decimal writes minor units with all decimals of the currency.
func Decimal(units int64, currency string) string {
	sign := ""
	if units < 0 {
		sign, units = "-", -units
	}
	places := Exponents[currency]
	digits := strconv.FormatInt(units, 10)
	if places == 0 {
		return sign + digits
	}
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// short writes minor units without zeros at the end.
func short(units int64, currency string) string {
	s := Decimal(units, currency)
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Hash is the content hash of a record of texts, scheme 1.
func Hash(fields map[string]string) string {
	var b []byte
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text(name)
		b = append(b, 't')
		text(fields[name])
	}
	sum := sha256.Sum256(b)
	return "1:" + hex.EncodeToString(sum[:16])
}

// Nameless is the identity of the n-th record with these bytes in a file, from 1,
// where it has no id.
func Nameless(raw string, n int) string {
	sum := sha256.Sum256([]byte(raw))
	return "raw:" + hex.EncodeToString(sum[:16]) + "/" + strconv.Itoa(n)
}

// on is the date of an instant in a zone.
func on(at time.Time, zone string) string {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return "no zone " + zone
	}
	return at.In(location).Format(time.DateOnly)
}

// selectors counts what narrows a contract down.
func (c *Contract) selectors() (n int) {
	for _, list := range [][]string{c.Types, c.Methods, c.Products} {
		if len(list) > 0 {
			n++
		}
	}
	return n
}

func (c *Contract) covers(t *Transaction) bool {
	has := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	date := on(t.At, c.Zone)
	return c.Book == t.Book && has(c.Types, t.Type) && has(c.Methods, t.Method) && has(c.Products, t.Product) &&
		c.From <= date && (c.Until == "" || date < c.Until)
}

// contractFor is the contract that a transaction falls under, nil where none.
func (a *Auditor) contractFor(t *Transaction) *Contract {
	var best *Contract
	for _, c := range a.contracts {
		if !c.covers(t) {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(c.Priority, best.Priority), cmp.Compare(c.selectors(), best.selectors()), cmp.Compare(best.ID, c.ID)) > 0 {
			best = c
		}
	}
	return best
}

// versionFor is the number of the version of a schedule on a date, 0 for none.
func (s *Schedule) versionFor(date string) int {
	number := 0
	for i, v := range s.Versions {
		if v.From <= date {
			number = i + 1
		}
	}
	return number
}

// parties are those of the contract and, before them, of the transaction.
func (c *Contract) parties(t *Transaction) map[string]string {
	all := maps.Clone(c.Parties)
	maps.Copy(all, t.Parties)
	return all
}
