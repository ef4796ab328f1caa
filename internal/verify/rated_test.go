package verify

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// tiered is a schedule of the second engine: an attribute, an amount that a contract
// overrides, two accumulators, a value, and rules that bound and split.
var tiered = object{
	"schedule": "tiered", "version": 1, "effective_from": "2026-01-01", "funds": object{"role": "funds"},
	"inputs":     []object{{"name": "grade", "type": "text", "default": "small"}},
	"parameters": []object{{"name": "cap", "amounts": object{"GBP": "2.50"}}},
	"accumulators": []object{
		{"name": "ytd", "measure": "gross", "key": []string{"provider", "grade"}, "window": "calendar_year"},
		{"name": "sales", "measure": "1", "window": object{"rolling_days": 3}, "scope": "schedule", "when": `type == "sale"`, "per_currency": false},
	},
	"values": []object{{"name": "third", "is": "gross / 3"}},
	"rules": []object{
		{"id": "fee", "to": object{"role": "operator"}, "percent": "30", "at_most": "cap"},
		{"id": "tax", "to": object{"role": "provider"}, "amount": "third", "rounding": object{"mode": "floor"}},
		{"id": "share", "split": object{"of": "1", "parts": []object{{"id": "a", "to": object{"role": "operator"}, "weight": "2"}, {"id": "b", "to": object{"role": "provider"}, "weight": "1"}}}},
		{"id": "charge", "to": object{"role": "operator"}, "amount": "0.10", "on": "refund"},
		{"id": "rest", "to": object{"role": "operator"}, "rest": true},
	},
}

func feeLine(exact, bound, amount string) object {
	return object{"rule": "fee", "to": "operator", "base": "10.00", "rate": "30%", "exact": exact, "bound": bound, "rounding": "half_up 0.01", "amount": amount}
}

// ratedSale is a sale of 10.00 GBP by the schedule tiered, on a day of November.
func ratedSale(id, day string, counts ...object) object {
	return sale(id).with(object{
		"contract": "c3", "contract_revision": 0, "schedule": "tiered", "schedule_revision": 0, "version": 1, "engine": 2, "uses": nil,
		"effective_on": "2026-11-" + day, "parties": object{"funds": "card@0", "operator": "arcade@0", "provider": "maker@0"},
		"postings": []object{debit("card/receivable/GBP", "10.00"), credit("arcade/payable/GBP", "6.34"), credit("maker/payable/GBP", "3.66")},
		"counts":   counts,
		"explanation": []object{
			feeLine("3", "maximum 2.4", "2.40"),
			{"rule": "tax", "to": "provider", "base": "10.00", "rate": "third", "exact": "10/3", "rounding": "floor 0.01", "amount": "3.33"},
			{"rule": "share.a", "to": "operator", "base": "1.00", "rate": "2 of 3", "exact": "2/3", "rounding": "largest 0.01", "amount": "0.67"},
			{"rule": "share.b", "to": "provider", "base": "1.00", "rate": "1 of 3", "exact": "1/3", "rounding": "largest 0.01", "amount": "0.33"},
			{"rule": "rest", "to": "operator", "base": "10.00", "rate": "rest", "exact": "3.27"},
		},
	})
}

func ratOf(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

// ratedRefund gives a part of S-1 back.
func ratedRefund(id, amount, refunded string, fee, tax object, count object) object {
	positive := amount[1:]
	rest := ratOf(positive)
	for _, line := range []object{fee, tax} {
		rest.Sub(rest, ratOf(line["exact"].(string)))
	}
	rest.Add(rest, ratOf("0.10"))
	whole := new(big.Rat).Add(rest, ratOf(fee["exact"].(string)))
	back := ratedSale(id, "23", count).with(object{
		"type": "refund", "amount": amount, "original": object{"source": "pg", "external_id": "S-1", "stream": "book-second", "revision": 0},
		"postings": []object{
			credit("card/receivable/GBP", positive), debit("arcade/payable/GBP", whole.FloatString(2)), credit("arcade/payable/GBP", "0.10"),
			debit("maker/payable/GBP", tax["exact"].(string)),
		},
		"explanation": []object{fee, tax, {"rule": "charge", "to": "operator", "base": positive, "rate": "0.10", "exact": "-0.1", "rounding": "half_up 0.01", "amount": "0.10"},
			{"rule": "rest", "to": "operator", "base": positive, "rate": "rest", "exact": rest.FloatString(2)}},
	})
	if refunded != "" {
		back["refunded"] = refunded
	}
	return back
}

func back(rule, base, ratio, exact, rounding string) object {
	to := "operator"
	if rule == "tax" {
		to = "provider"
	}
	return object{"rule": rule, "to": to, "base": base, "rate": "pro_rata " + ratio, "exact": exact, "rounding": rounding}
}

const (
	ytdCounter  = "contract:c3/ytd/2026/GBP/provider=maker,grade=small"
	salesOf22nd = "schedule:tiered/sales/2026-11-22//"
	salesOf23rd = "schedule:tiered/sales/2026-11-23//"
)

func ytd(before, after string) object {
	return object{"counter": ytdCounter, "before": before, "after": after}
}

func sales(counter, before, after string) object {
	return object{"counter": counter, "days": 3, "before": before, "after": after}
}

// Some of what rated appends.
var (
	firstSale  = ratedSale("S-1", "22", ytd("0.00", "10.00"), sales(salesOf22nd, "0", "1"))
	secondSale = ratedSale("S-2", "23", ytd("10.00", "20.00"), sales(salesOf23rd, "1", "2"))
	halfBack   = ratedRefund("R-1", "-4.00", "", back("fee", "2.40", "4.00/10.00", "0.96", "half_up 0.01"), back("tax", "3.33", "4.00/10.00", "1.33", "floor 0.01"), ytd("20.00", "16.00"))
	allBack    = ratedRefund("R-2", "-6.00", "4.00", back("fee", "2.40", "10.00/10.00 - 0.96", "1.44", "half_up 0.01"), back("tax", "3.33", "10.00/10.00 - 1.33", "2", "floor 0.01"), ytd("16.00", "10.00"))
	unsold     = object{
		"source": "pg", "external_id": "X-9", "content_hash": "1:x", "type": "sale", "method": "card", "product": "skin",
		"reverses": object{"source": "pg", "external_id": "S-2", "stream": "book-second", "revision": 1}, "reason": "sent by mistake",
		"parties":     object{"funds": "card@0", "operator": "arcade@0", "provider": "maker@0"},
		"occurred_at": "2026-11-23T18:00:00Z", "effective_on": "2026-11-23", "currency": "GBP", "amount": "-10.00",
		"postings": []object{credit("card/receivable/GBP", "10.00"), debit("arcade/payable/GBP", "6.34"), debit("maker/payable/GBP", "3.66")},
		"counts":   []object{ytd("10.00", "0.00"), sales(salesOf23rd, "2", "1")},
	}
)

// ratedScript begins a log with the schedule and a contract that overrides its cap.
func ratedScript(t testing.TB) *script {
	s := newScript(t)
	s.tier()
	return s
}

// tier adds the schedule, its contract and a party that nothing else concerns.
func (s *script) tier() {
	s.add("party-maker", typePartyRegistered, object{"party": "maker", "kind": "provider", "country": "KR"})
	s.add("schedule-tiered", typeSchedulePublished, tiered)
	s.add("contract-c3", typeContractSigned, contract1.with(object{
		"contract": "c3", "book": "second", "schedule": "tiered", "parameters": object{"cap.GBP": "2.40"},
	}))
}

func (s *script) second(events ...object) {
	for _, event := range events {
		kind := typeTransactionSettled
		if event["reverses"] != nil {
			kind = typeEntryReversed
		}
		s.add("book-second", kind, event)
	}
}

func TestSoundRating(t *testing.T) {
	s := ratedScript(t)
	s.second(firstSale, secondSale, halfBack, allBack, unsold)
	report, err := Verify(t.Context(), Config{Store: s.store})
	require.NoError(t, err)
	held := map[string]uint64{}
	for _, check := range report.Checks {
		held[check.Name] = check.Checked
	}
	require.EqualValues(t, 8, held[checkCounted])
	require.EqualValues(t, 4, held[checkReturned])
	require.Positive(t, held[checkExplained])
}

// Days of a rolling window are kept for a while: a reversal takes back what is kept,
// and looks back upon nothing else.
func TestDaysOfARollingWindowPass(t *testing.T) {
	year := func(before, after string) object { return ytd(before, after) }
	december := func(id, day string) object {
		return ratedSale(id, "", year("10.00", "20.00"), sales("schedule:tiered/sales/2026-12-"+day+"//", "0", "1")).with(object{"effective_on": "2026-12-" + day})
	}
	for day, kept := range map[string][]object{
		"25": {year("20.00", "10.00"), sales(salesOf23rd, "2", "1")},
		"26": {year("20.00", "10.00"), sales(salesOf23rd, "1", "0")}, // the 22nd has passed
		"27": {year("20.00", "10.00")},
	} {
		s := ratedScript(t)
		s.second(firstSale, secondSale, halfBack, allBack, december("S-3", day), unsold.with(object{"counts": kept}))
		_, err := Verify(t.Context(), Config{Store: s.store})
		require.NoError(t, err, day)
	}
}

func line0(of object, changes object) object {
	lines := append([]object{}, of["explanation"].([]object)...)
	lines[0] = lines[0].with(changes)
	return of.with(object{"explanation": lines})
}

func counting(of object, counts ...object) object { return of.with(object{"counts": counts}) }

// Each fault is planted after what was sound, and must be named.
func TestRatingFaults(t *testing.T) {
	threeSold := []object{firstSale, secondSale}
	for name, test := range map[string]struct {
		before []object
		fault  object
		check  string
		says   []string
	}{
		"wrong before":               {threeSold[:1], counting(secondSale, ytd("9.00", "19.00"), sales(salesOf23rd, "1", "2")), checkCounted, []string{"book-second@1", "from 10 to 20", "from 9 to 19"}},
		"wrong after":                {threeSold[:1], counting(secondSale, ytd("10.00", "20.01"), sales(salesOf23rd, "1", "2")), checkCounted, []string{"from 10 to 20", "to 20.01"}},
		"count without its window":   {nil, counting(firstSale, ytd("0", "10").with(object{"counter": "contract:c3/ytd//GBP/provider=maker,grade=small"}), sales(salesOf22nd, "0", "1")), checkCounted, []string{"ytd/2026/GBP", "ytd//GBP"}},
		"count of another window":    {nil, counting(firstSale, ytd("0", "10"), sales(salesOf23rd, "0", "1")), checkCounted, []string{salesOf22nd, salesOf23rd}},
		"count of another key":       {nil, counting(firstSale, ytd("0", "10").with(object{"counter": "contract:c3/ytd/2026/GBP/provider=arcade,grade=small"}), sales(salesOf22nd, "0", "1")), checkCounted, []string{"provider=arcade"}},
		"count left out":             {nil, counting(firstSale, ytd("0", "10")), checkCounted, []string{salesOf22nd, "nothing of it"}},
		"count of nothing":           {nil, counting(firstSale, ytd("0", "10"), sales(salesOf22nd, "0", "1"), ytd("10", "11")), checkCounted, []string{"no further count"}},
		"count that does not count":  {threeSold, counting(halfBack, ytd("20", "16"), sales(salesOf23rd, "2", "3")), checkCounted, []string{"from 2 to 2", "from 2 to 3"}},
		"rolling window too wide":    {threeSold[:1], counting(secondSale, ytd("10", "20"), sales(salesOf23rd, "0", "1")), checkCounted, []string{"from 1 to 2"}},
		"attribute without its key":  {nil, firstSale.with(object{"attributes": object{"grade": "large"}}), checkCounted, []string{"grade=large"}},
		"refund counted as a sale":   {threeSold, counting(halfBack, ytd("20.00", "24.00")), checkCounted, []string{"to 16"}},
		"count by the first engine":  {nil, firstSale.with(object{"engine": 1}), checkCounted, []string{"no count by engine 1"}},
		"amount not of its exact":    {nil, line0(firstSale, object{"exact": "3.1", "bound": nil, "amount": "2.40"}), checkExplained, []string{"line fee to come to 3.1 rounded half_up 0.01", "2.4"}},
		"rounded another way":        {nil, line0(firstSale, object{"exact": "2.405", "bound": nil, "amount": "2.40"}), checkExplained, []string{"2.405 rounded half_up"}},
		"rounded by an unknown mode": {nil, line0(firstSale, object{"exact": "2.405", "bound": nil, "rounding": "upwards 0.01"}), checkExplained, []string{"upwards"}},
		"exact that is no number":    {nil, line0(firstSale, object{"exact": "2.4x", "bound": nil}), checkExplained, []string{"2.4x"}},
		"fraction rounded wrongly":   {nil, line0(firstSale, object{"exact": "7/3", "bound": nil, "amount": "2.34"}), checkExplained, []string{"7/3", "2.34"}},
		"bound of the schedule":      {nil, line0(firstSale, object{"bound": "maximum 2.5", "amount": "2.50"}), checkExplained, []string{"maximum 2.5", "it is 12/5"}},
		"bound that does not bind":   {nil, line0(firstSale, object{"exact": "2.3"}), checkExplained, []string{"instead of 2.3"}},
		"bound of no rule":           {nil, line0(firstSale, object{"bound": "minimum 2.4"}), checkExplained, []string{"minimum 2.4"}},
		"bound of no kind":           {nil, line0(firstSale, object{"bound": "middle"}), checkExplained, []string{"middle"}},
		"part of a split moved":      {nil, moved(firstSale), checkExplained, []string{"share.a", "sum to it"}},
		"refund of too much":         {threeSold, line0(halfBack, object{"exact": "0.97"}), checkExplained, []string{"pro_rata 4.00/10.00", "0.97"}},
		"refund of more than was":    {threeSold, line0(halfBack, object{"base": "8.40", "exact": "3.36"}), checkReturned, []string{"line fee", "at most 2.4", "3.36"}},
		"refunds of more than was": {append(threeSold, halfBack), line0(allBack, object{"base": "3.60", "exact": "2.16"}), checkReturned,
			[]string{"at most 2.4", "3.12"}},
		"refund of no line":              {threeSold, line0(halfBack, object{"rule": "other"}), checkReturned, []string{"line other", "at most 0"}},
		"refund kept, and given":         {threeSold, line0(halfBack, object{"rate": "kept"}), checkExplained, []string{"kept"}},
		"refund on full, of a part":      {threeSold, line0(halfBack, object{"rate": "on_full"}), checkExplained, []string{"on_full"}},
		"refund of another version":      {threeSold, halfBack.with(object{"version": 2}), checkTerms, []string{"version 1", "version 2"}},
		"refund by another engine":       {threeSold, halfBack.with(object{"engine": 3}), checkTerms, []string{"engine 2", "engine 3"}},
		"refund of another contract":     {threeSold, halfBack.with(object{"contract": "c1"}), checkTerms, []string{"c1"}},
		"refunded before told wrongly":   {append(threeSold, halfBack), allBack.with(object{"refunded": "3.00"}), checkRefunds, []string{"refunds of 4 before", "found 3"}},
		"refunded before told of a sale": {threeSold[:1], secondSale.with(object{"refunded": "1.00"}), checkRefunds, []string{"no original"}},
		"reversal that keeps a count":    {append(threeSold, halfBack, allBack), counting(unsold, sales(salesOf23rd, "2", "1")), checkCounted, []string{ytdCounter}},
		"reversal that counts up":        {append(threeSold, halfBack, allBack), counting(unsold, ytd("10.00", "20.00"), sales(salesOf23rd, "2", "1")), checkCounted, []string{"from 10 to 0", "to 20"}},
		"reversal that counts more":      {append(threeSold, halfBack, allBack), counting(unsold, ytd("10.00", "0.00"), sales(salesOf23rd, "2", "1"), ytd("0", "1")), checkCounted, []string{"no further count"}},
		"reversal that forgets a day":    {append(threeSold, halfBack, allBack), counting(unsold, ytd("10.00", "0.00")), checkCounted, []string{salesOf23rd, "nothing of it"}},
		"party without a revision":       {nil, firstSale.with(object{"parties": object{"funds": "card@", "operator": "arcade@0", "provider": "maker@0"}}), checkReferences, []string{"revision of party card"}},
		"party of a later revision":      {nil, firstSale.with(object{"parties": object{"funds": "card@3", "operator": "arcade@0", "provider": "maker@0"}}), checkReferences, []string{"party-card@3"}},
		"party without an at":            {nil, firstSale.with(object{"parties": object{"funds": "card"}}), checkData, []string{"card"}},
		"no revision of the contract":    {nil, firstSale.with(object{"contract_revision": nil}), checkReferences, []string{`revision of contract "c3"`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := ratedScript(t)
			s.second(test.before...)
			s.second(test.fault)
			_, err := Verify(t.Context(), Config{Store: s.store})
			d := find(t, err)
			require.Equal(t, test.check, d.Check, d.Error())
			for _, word := range test.says {
				require.Contains(t, d.Error(), word)
			}
			require.Contains(t, checkNames, d.Check)
		})
	}
}

// moved gives a penny of the first part of a split to the second.
func moved(of object) object {
	lines := append([]object{}, of["explanation"].([]object)...)
	lines[2], lines[3] = lines[2].with(object{"amount": "0.66"}), lines[3].with(object{"amount": "0.34"})
	return of.with(object{"explanation": lines})
}
