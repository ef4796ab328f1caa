package sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/domain/contract"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// kinds are the parties that every world has.
var kinds = map[string]party.Kind{
	"op": party.Operator, "pg": party.Supplier, "tax": party.TaxOffice, "plat": party.Platform, "house": party.Affiliate,
	"a-1": party.Affiliate, "a-2": party.Affiliate, "s-1": party.Seller, "s-2": party.Seller, "s-3": party.Seller,
}

// drawTerms draws parties, schedules and contracts, as commands and as facts.
func (w *world) drawTerms() {
	for _, id := range slices.Sorted(maps.Keys(kinds)) {
		w.facts.Kinds[id] = string(kinds[id])
		w.terms = append(w.terms, party.RegisterParty{Party: id, Kind: kinds[id]})
	}
	w.facts.Kinds[lateParty] = string(party.Seller)
	w.late = append(w.late, party.RegisterParty{Party: lateParty, Kind: party.Seller})

	w.drawCalendar()
	for i, n := 0, 1+w.random.IntN(3); i < n; i++ {
		s := &auditor.Schedule{ID: fmt.Sprintf("schedule%d", i+1)}
		for _, from := range []string{"2026-01-01", "2026-11-15"}[:1+w.random.IntN(2)] {
			draw := pick(w.random, w.drawVersion, w.drawSecond)
			s.Versions = append(s.Versions, draw(from))
			w.terms = append(w.terms, schedule.PublishSchedule{Document: document(s, len(s.Versions))})
		}
		w.facts.Schedules = append(w.facts.Schedules, s)
	}
	for i, n := 0, 1+w.random.IntN(2); i < n; i++ {
		b := &bookSpec{id: []string{"alpha", "beta"}[i], currencies: []string{"KRW", "USD", "KWD"}[:1+w.random.IntN(3)]}
		w.books = append(w.books, b)
		w.drawContracts(b)
	}
}

// calendarID is that of the calendar that every world has.
const calendarID = "kr"

func (w *world) drawCalendar() {
	d := calendar.Document{Calendar: calendarID, Version: 1, FirstYear: 2026, LastYear: 2027, Weekend: []calendar.Weekday{"saturday", "sunday"}}
	w.facts.Holidays = map[string][]string{calendarID: {"2026-12-25"}}
	for _, day := range w.random.Perm(30)[:w.random.IntN(3)] {
		w.facts.Holidays[calendarID] = append(w.facts.Holidays[calendarID], fmt.Sprintf("2026-11-%02d", day+1))
	}
	for _, on := range w.facts.Holidays[calendarID] {
		d.Holidays = append(d.Holidays, calendar.Day{On: domain.Date(on)})
	}
	w.terms = append(w.terms, calendar.PublishCalendar{Document: d})
}

func (w *world) drawContracts(b *bookSpec) {
	sign := func(late bool, c auditor.Contract) {
		c.Book, c.Schedule, c.Zone = b.id, pick(w.random, w.facts.Schedules...).ID, pick(w.random, zones...)
		c.Parties = map[string]string{"operator": "op", "gateway": "pg", "tax_office": "tax", "platform": "plat", "affiliate": "house"}
		w.drawOverrides(&c)
		w.facts.Contracts = append(w.facts.Contracts, &c)
		command := contract.SignContract{Terms: contract.Terms{
			Contract: c.ID, Book: c.Book, Schedule: c.Schedule, Zone: c.Zone, From: domain.Date(c.From), Until: domain.Date(c.Until), Priority: c.Priority,
			Parties: c.Parties, Parameters: overrides(&c), Applies: contract.Applies{Types: c.Types, Methods: c.Methods, Products: c.Products},
		}}
		if late {
			w.late = append(w.late, command)
		} else {
			w.terms = append(w.terms, command)
		}
	}
	usual := []string{"sale", "top_up", "refund", "chargeback"}
	sign(false, auditor.Contract{ID: b.id + "-all", From: "2026-01-01", Types: usual})
	if w.chance(50) {
		sign(false, auditor.Contract{ID: b.id + "-vip", From: "2026-01-01", Types: usual, Products: []string{"vip"}, Priority: w.random.IntN(2)})
	}
	if w.chance(50) {
		sign(false, auditor.Contract{ID: b.id + "-card", From: "2026-11-10", Until: pick(w.random, "2026-11-13", "2026-11-20"), Types: usual, Methods: []string{"card"}, Priority: w.random.IntN(2)})
	}
	sign(true, auditor.Contract{ID: b.id + "-late", From: "2026-01-01", Types: []string{lateType}})
}

// drawOverrides draws what a contract says instead of the parameters of its
// schedule, where all versions of that have them.
func (w *world) drawOverrides(c *auditor.Contract) {
	at := slices.IndexFunc(w.facts.Schedules, func(s *auditor.Schedule) bool { return s.ID == c.Schedule })
	if slices.ContainsFunc(w.facts.Schedules[at].Versions, func(v auditor.Version) bool { return !v.Second() }) {
		return
	}
	if w.chance(50) {
		c.Rate = new(w.millionths())
	}
	if w.chance(40) {
		c.Limit = map[string]int64{"KRW": 777, "USD": 12_300, "KWD": 5}
	}
}

var modes = []string{"half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"}

// drawVersion draws the rules of a schedule in one of several shapes.
func (w *world) drawVersion(from string) auditor.Version {
	v := auditor.Version{From: from, Funds: auditor.Target{Role: "gateway", Purpose: "receivable"}}
	add := func(r auditor.Rule) {
		r.ID = fmt.Sprintf("rule%d", len(v.Rules)+1)
		if !r.Rest && w.chance(50) {
			r.Mode = pick(w.random, modes...)
			if w.chance(40) {
				r.Unit = map[string]int64{"KRW": 10, "USD": 5}
			}
		}
		v.Rules = append(v.Rules, r)
	}
	percent := func() int64 {
		return pick(w.random, int64(0), 25_000, 29_000, 33_333, 100_000, 333_333, 500_000, int64(w.random.IntN(400_000)))
	}
	bounds := func(units int64) map[string]int64 {
		if w.chance(70) {
			return nil
		}
		return map[string]int64{"KRW": units, "USD": units / 2, "KWD": units}
	}
	if w.chance(70) {
		add(auditor.Rule{To: auditor.Target{Role: "gateway", Purpose: "fee"}, Millionths: percent(), Minimum: bounds(50), Maximum: bounds(3_000), Priority: 10})
	}
	if w.chance(40) {
		add(auditor.Rule{To: auditor.Target{Role: "gateway", Purpose: "fee"}, Flat: map[string]int64{"KRW": 30, "USD": 31, "KWD": 155}, Priority: pick(w.random, 5, 10)})
	}
	if w.chance(70) {
		add(auditor.Rule{To: auditor.Target{Role: "affiliate", Purpose: "payable"}, Millionths: percent(), OfRemaining: w.chance(50), Maximum: bounds(1_000), Priority: 20})
	}
	if w.chance(50) {
		add(auditor.Rule{To: auditor.Target{Role: "platform", Purpose: "payable"}, Millionths: percent(), Minimum: bounds(1), Priority: pick(w.random, 15, 30)})
	}
	if w.chance(50) {
		add(auditor.Rule{To: auditor.Target{Role: "tax_office", Purpose: "withholding"}, Millionths: 33_000, OfRemaining: true, Priority: 40})
	}
	rest := pick(w.random, "seller", "operator")
	if rest == "operator" {
		add(auditor.Rule{To: auditor.Target{Role: "seller", Purpose: "payable"}, Millionths: percent(), OfRemaining: true, Priority: 50})
	}
	add(auditor.Rule{To: auditor.Target{Role: rest, Purpose: "payable"}, Rest: true})
	return v
}
