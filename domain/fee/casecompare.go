package fee

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
	"github.com/jeongsan/jeongsan/domain/money"
)

// compare holds the result of a transaction against what the case expects. explained
// are the schedule's values.
func (r *caseRun) compare(in Input, result Result, explained []Shown, counted *counters) {
	lines := make(map[string]money.Amount, len(result.Lines))
	exact := make(map[string]string, len(result.Lines))
	for i, line := range result.Lines {
		lines[line.Rule] = signed(result.Shares[i], in.Amount)
		exact[line.Rule] = line.Exact
	}
	r.amounts("lines", r.Expect.Lines, lines, in.Currency, "no line")
	r.exact(exact)
	r.absent(lines)
	r.values(explained)
	r.amounts("postings", r.Expect.Postings, r.postings(in, result), in.Currency, "nothing posted")
	r.held(r.shares(result))
	after := make(map[string]money.Amount, len(r.document.Accumulators))
	for _, a := range r.document.Accumulators {
		after[a.Name] = r.Before[a.Name]
	}
	for _, count := range result.Counts {
		after[counted.ids[count.Counter]] = count.After
	}
	r.amounts("after", r.Expect.After, after, in.Currency, "nothing counted")
}

// signed is the amount of a share, negative where the account pays it.
func signed(share Share, amount money.Amount) money.Amount {
	if share.Opposite != (amount.Sign() < 0) {
		return share.Amount.Neg()
	}
	return share.Amount
}

func (r *caseRun) amounts(list string, expected, found map[string]money.Amount, currency money.Currency, none string) {
	for _, name := range sortedNames(expected) {
		got, ok := found[name]
		switch {
		case !ok:
			r.differ(list+"."+name, expected[name].Format(currency), none)
		case got.Cmp(expected[name]) != 0:
			r.differ(list+"."+name, expected[name].Format(currency), got.Format(currency))
		}
	}
}

func (r *caseRun) exact(found map[string]string) {
	for _, name := range sortedNames(r.Expect.Exact) {
		got, applied := found[name]
		if !applied {
			got = "no line"
		}
		if !sameValue(got, r.Expect.Exact[name]) {
			r.differ("exact."+name, r.Expect.Exact[name], got)
		}
	}
}

func (r *caseRun) absent(lines map[string]money.Amount) {
	for i, name := range r.Expect.Absent {
		if amount, found := lines[name]; found {
			r.differ("absent["+strconv.Itoa(i)+"]", "no line of "+name, amount.String())
		}
	}
}

func (r *caseRun) values(shown []Shown) {
	for _, name := range sortedNames(r.Expect.Values) {
		at := slices.IndexFunc(shown, func(s Shown) bool { return s.Name == name })
		if at < 0 {
			r.differ("values."+name, r.Expect.Values[name], "no value")
		} else if !sameValue(shown[at].Value, r.Expect.Values[name]) {
			r.differ("values."+name, r.Expect.Values[name], shown[at].Value)
		}
	}
}

// sameValue compares a value as an explanation shows it with one that a person
// wrote: numbers by value, texts with or without their quotes.
func sameValue(shown, written string) bool {
	if n, err := formula.ParseNumber(shown); err == nil {
		m, err := formula.ParseNumber(written)
		return err == nil && n.Cmp(m) == 0
	}
	return shown == written || shown == formula.TextOf(written).String()
}

// sums are what accounts get in all: under "<role>/<purpose>" in the currency of
// the transaction, and under "<role>/<purpose>/<currency>" in any.
type sums map[string]money.Amount

func (s sums) add(to Target, amount money.Amount, currency, of money.Currency) error {
	keys := []string{to.Role + "/" + to.Purpose + "/" + string(currency)}
	if currency == of {
		keys = append(keys, to.Role+"/"+to.Purpose)
	}
	for _, key := range keys {
		sum, err := s[key].Add(amount)
		if err != nil {
			return err
		}
		s[key] = sum
	}
	return nil
}

// postings sums up what a transaction posts.
func (r *caseRun) postings(in Input, result Result) sums {
	posted := sums{}
	post := func(share Share, currency money.Currency) {
		if err := posted.add(share.To, signed(share, in.Amount), currency, in.Currency); err != nil {
			r.fault("expect.postings", err)
		}
	}
	post(Share{To: r.schedule.Funds(), Amount: result.Gross, Opposite: true}, in.Currency)
	for _, share := range result.Shares {
		post(share, in.Currency)
	}
	for _, converted := range result.Conversions {
		for _, share := range converted.Shares {
			post(share, converted.To)
		}
	}
	return posted
}

// shares finds what becomes of the amount of a line in the end: its share, or that
// which it is converted to.
func (r *caseRun) shares(result Result) map[string]Share {
	shares := make(map[string]Share, len(result.Lines))
	for i, line := range result.Lines {
		shares[line.Rule] = result.Shares[i]
	}
	for _, converted := range result.Conversions {
		if len(converted.Shares) > 0 {
			shares[converted.Rule] = converted.Shares[0]
		}
	}
	return shares
}

// held holds what is kept back, and what pays first, against the case.
func (r *caseRun) held(shares map[string]Share) {
	for _, rule := range sortedNames(r.Expect.Releases) {
		found := "nothing held"
		if hold := shares[rule].Hold; hold != nil {
			found = string(hold.On)
		}
		if expected := string(r.Expect.Releases[rule]); found != expected {
			r.differ("releases."+rule, expected, found)
		}
	}
	for _, rule := range sortedNames(r.Expect.Recourse) {
		if expected, found := r.Expect.Recourse[rule], shares[rule].From; !slices.Equal(expected, found) {
			r.differ("recourse."+rule, purposes(expected), purposes(found))
		}
	}
}

func purposes(from []string) string {
	if len(from) == 0 {
		return "the account itself"
	}
	return strings.Join(from, ", ")
}

// checkNames finds what a case names and its schedule does not have, and what
// does not belong together.
func (r *caseRun) checkNames() {
	switch {
	case (r.Transaction == nil) == (r.Period == nil):
		r.fault("transaction", caseFault(r.Name, "a case has either a transaction or a period", "write one of the two"))
		return
	case r.Transaction == nil && r.RefundOf != nil:
		r.fault("refund_of", caseFault("", "only a transaction gives a sale back", "leave it out"))
	case r.Transaction != nil:
		r.checkSigns("", r.Transaction, r.RefundOf)
	}
	accumulators := map[string]bool{}
	for _, a := range r.document.Accumulators {
		accumulators[a.Name] = true
	}
	lines, values := r.document.lineNames(), r.document.Values
	if r.Period != nil {
		at := slices.IndexFunc(r.document.Periods, func(p Period) bool { return p.ID == r.Period.ID })
		if at < 0 {
			r.fault("period.id", caseFault(r.Period.ID, "the schedule has no period of this id", "write one of its ids"))
			return
		}
		lines, values = map[string]bool{}, r.document.Periods[at].Values
		for _, entry := range r.document.Periods[at].Entries {
			lines[entry.ID] = true
		}
	}
	names := map[string]bool{}
	for _, v := range values {
		names[v.Name] = true
	}
	inputs := map[string]bool{}
	for _, a := range r.document.Inputs {
		inputs[a.Name] = true
	}
	if r.Transaction != nil {
		known(r, "transaction.attributes", r.Transaction.Attributes, inputs, "input")
	}
	known(r, "before", r.Before, accumulators, "accumulator")
	for sale, path := r.RefundOf, "refund_of"; sale != nil; sale, path = sale.RefundOf, path+".refund_of" {
		known(r, path+".transaction.attributes", sale.Transaction.Attributes, inputs, "input")
		known(r, path+".before", sale.Before, accumulators, "accumulator")
	}
	known(r, "expect.lines", r.Expect.Lines, lines, "rule")
	known(r, "expect.exact", r.Expect.Exact, lines, "rule")
	known(r, "expect.releases", r.Expect.Releases, lines, "rule")
	known(r, "expect.recourse", r.Expect.Recourse, lines, "rule")
	known(r, "expect.values", r.Expect.Values, names, "value")
	known(r, "expect.after", r.Expect.After, accumulators, "accumulator")
	for i, name := range r.Expect.Absent {
		if !lines[name] {
			r.fault("expect.absent["+strconv.Itoa(i)+"]", unknownName(name, "rule", lines))
		}
	}
}

// checkSigns finds refunds with the sign of what they give back.
func (r *caseRun) checkSigns(path string, t *CaseTransaction, of *CaseSale) {
	for of != nil {
		if of.Transaction.Amount.Sign()*t.Amount.Sign() > 0 {
			r.fault(path+"transaction.amount", caseFault(t.Amount.String(), "a refund has the other sign than its sale", "write it with the other sign"))
		}
		t, of, path = &of.Transaction, of.RefundOf, path+"refund_of."
	}
}

// lineNames lists what lines of transactions can be called.
func (d *Document) lineNames() map[string]bool {
	names := map[string]bool{RuleRoundingDifference: d.RoundingDifference != nil}
	for i := range d.Rules {
		r := &d.Rules[i]
		if r.Split == nil {
			names[r.ID] = true
			continue
		}
		for _, part := range r.Split.Parts {
			names[r.ID+"."+part.ID] = true
		}
	}
	return names
}

// known notes the names of a list that are not among those that exist.
func known[V any](r *caseRun, list string, given map[string]V, exist map[string]bool, what string) {
	for _, name := range sortedNames(given) {
		if !exist[name] {
			r.fault(list+"."+name, unknownName(name, what, exist))
		}
	}
}

func unknownName(name, what string, exist map[string]bool) error {
	var names []string
	for _, n := range sortedNames(exist) {
		if exist[n] {
			names = append(names, n)
		}
	}
	remedy := "leave it out"
	if len(names) > 0 {
		remedy = "use one of " + strings.Join(names, ", ")
	}
	return caseFault(name, "the schedule has no "+what+" of this name", remedy)
}

func caseFault(value, message, remedy string) error {
	return &domain.Error{Code: domain.CodeInvalid, Value: value, Message: message, Remedy: remedy}
}
