package rerating_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/ledger"
	"github.com/jeongsan/jeongsan/domain/money"
)

// random is a version of a schedule with tiers, a reserve that is held, and recourse
// to it.
func random(t *rapid.T, version int) string {
	percent := func(label string) int { return rapid.IntRange(0, 15).Draw(t, label) }
	return fmt.Sprintf(`{"schedule":"s","version":%d,"effective_from":"2026-01-01","funds":{"role":"pg"},
		"accumulators":[{"name":"mtd","measure":"gross","window":"calendar_month","key":["seller"],"scope":"schedule"},
			{"name":"week","measure":"1","window":{"rolling_days":7},"when":"type == \"sale\""}],
		"recourse":[{"role":"seller","from":["reserve"],"when":"type == \"chargeback\""}],
		"rules":[{"id":"fee","to":{"role":"hub"},"tiers":{"mode":"marginal","from":"mtd","steps":[{"up_to":"%d","percent":"%d"},{"percent":"%d"}]}},
		{"id":"busy","to":{"role":"hub","purpose":"busy"},"percent":"%d","when":"week > 3"},
		{"id":"kept","to":{"role":"seller","purpose":"reserve"},"percent":"%d","hold":{"days":%d}},
		{"id":"net","to":{"role":"seller"},"rest":true}]}`, version,
		rapid.IntRange(50, 500).Draw(t, "edge"), percent("first"), percent("second"), percent("busy"), percent("reserve"), rapid.IntRange(1, 20).Draw(t, "days"))
}

// step is something that a history did, as far as it can be done again elsewhere.
type step struct {
	contract, id, original, kind, amount, seller string
	on                                           domain.Date
	gone                                         bool
	place                                        int // in business order
	revision                                     int
}

// TestARerating compares a book that grew in any order under changing versions, and
// was rated again now and then, with one that had the last version from the start and
// got everything in business order: when all is released, all accounts are alike.
func TestARerating(t *testing.T) { rapid.Check(t, aRerating) }

func FuzzARerating(f *testing.F) { f.Fuzz(rapid.MakeFuzz(aRerating)) }

func aRerating(t *rapid.T) {
	h := &history{T: t, rig: newRig(t), date: "2026-05-01"}
	h.sign("c", "s")
	h.sign("d", "s")
	h.publishRandom()
	h.advance(h.date)
	for range rapid.IntRange(5, 40).Draw(t, "steps") {
		switch rapid.IntRange(0, 11).Draw(t, "step") {
		case 0, 1, 2, 3, 4:
			h.sell()
		case 5, 6:
			h.giveBack()
		case 7:
			h.restore()
		case 8:
			h.undo()
		case 9:
			h.publishRandom()
		case 10:
			h.rerateAll()
		case 11:
			for range rapid.IntRange(1, 4).Draw(t, "days") {
				h.tomorrow()
			}
		}
	}
	h.rerateAll()
	h.sums()
	other := h.again()
	for _, r := range []*rig{h.rig, other} {
		r.advanceFar()
	}
	for id := range h.state.Balances() {
		require.Equal(t, other.net(id), h.net(id), id)
	}
}

type history struct {
	*rapid.T
	*rig
	steps    []*step
	versions []string
	ratings  int
	date     domain.Date
}

func (h *history) Helper() { h.T.Helper() }

func (h *history) publishRandom() {
	text := random(h.T, len(h.versions)+1)
	h.versions = append(h.versions, text)
	h.publish(text)
}

func (h *history) day() domain.Date {
	return domain.Date(fmt.Sprintf("2026-05-%02d", rapid.IntRange(1, 31).Draw(h.T, "day")))
}

func (h *history) take(s *step) bool {
	s.id = strconv.Itoa(len(h.steps))
	s.revision = len(h.events)
	if h.settle(s.contract, s.id, s.original, s.amount, s.on, "type="+s.kind, "seller="+s.seller) != nil {
		return false // more than is left, say
	}
	h.steps = append(h.steps, s)
	return true
}

func amount(t *rapid.T) money.Amount {
	return money.New(rapid.Int64Range(1, 30000).Draw(t, "cents"), 2)
}

func (h *history) sell() {
	h.take(&step{
		contract: rapid.SampledFrom([]string{"c", "d"}).Draw(h.T, "contract"), kind: "sale", amount: amount(h.T).String(),
		seller: rapid.SampledFrom([]string{"a", "b"}).Draw(h.T, "seller"), on: h.day(),
	})
}

// one of the steps of a kind, or nil.
func (h *history) one(kinds ...string) *step {
	var found []*step
	for _, s := range h.steps {
		if !s.gone && slices.Contains(kinds, s.kind) {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return rapid.SampledFrom(found).Draw(h.T, "of")
}

func (h *history) giveBack() {
	of := h.one("sale")
	if of == nil {
		return
	}
	back := amount(h.T)
	if full, err := money.Parse(of.amount); err == nil && rapid.Bool().Draw(h.T, "full") {
		back = full
	}
	h.take(&step{
		contract: of.contract, original: of.id, kind: rapid.SampledFrom([]string{"refund", "chargeback"}).Draw(h.T, "kind"),
		amount: back.Neg().String(), seller: of.seller, on: h.day(),
	})
}

func (h *history) restore() {
	of := h.one("chargeback")
	if of == nil {
		return
	}
	value, err := money.Parse(of.amount)
	require.NoError(h.T, err)
	h.take(&step{contract: of.contract, original: of.id, kind: "won", amount: value.Neg().String(), seller: of.seller, on: h.day()})
}

func (h *history) undo() {
	of := h.one("sale", "refund", "chargeback")
	if of == nil || slices.ContainsFunc(h.steps, func(s *step) bool { return !s.gone && s.original == of.id }) {
		return // what stands on it could not be settled again
	}
	if h.reverse("x"+of.id+"-"+strconv.Itoa(len(h.events)), of.id) == nil {
		of.gone = true
	}
}

func (h *history) tomorrow() {
	h.date = after(h.T, h.date)
	h.advance(h.date)
}

func (h *history) rerateAll() {
	h.ratings++
	id := "op-" + strconv.Itoa(h.ratings)
	h.rerate(id, whole())
	require.Zero(h.T, h.rerate(id+"-again", whole()), "a second run posts nothing")
}

// sums checks of every restatement that it is what was posted for the transaction.
func (h *history) sums() {
	type sum struct {
		net   map[ledger.AccountID]int64
		holds map[string]int64
	}
	posted := map[uint64]*sum{}
	add := func(s *sum, sign int64, postings []ledger.Posting, holds []book.Hold) {
		for _, p := range postings {
			cents := p.Amount.In("USD").Units() * sign
			if p.Side == ledger.Debit {
				cents = -cents
			}
			s.net[p.Account] += cents
		}
		for _, held := range holds {
			s.holds[fmt.Sprint(held.Account, held.Into, held.On)] += held.Change.In("USD").Units() * sign
		}
	}
	for revision, event := range h.events {
		switch e := event.(type) {
		case book.TransactionSettled:
			s := &sum{map[ledger.AccountID]int64{}, map[string]int64{}}
			add(s, 1, e.Postings, e.Holds)
			posted[uint64(revision)] = s
		case book.AdjustmentPosted:
			s := posted[e.Adjusts.Revision]
			add(s, 1, e.Postings, e.Holds)
			add(s, -1, e.Restates.Postings, e.Restates.Holds)
			for id, cents := range s.net {
				require.Zero(h.T, cents, "%s of %s", id, e.ExternalID)
			}
			for held, cents := range s.holds {
				require.Zero(h.T, cents, "%s of %s", held, e.ExternalID)
			}
			add(s, 1, e.Restates.Postings, e.Restates.Holds)
		}
	}
}

// again settles what was not reversed in business order, by the last version alone.
func (h *history) again() *rig {
	last := map[string]int{}
	byID := map[string]*step{}
	var order []*step
	for _, s := range h.steps {
		byID[s.id] = s
		s.place, _ = strconv.Atoi(string(s.on[8:]))
		if s.original != "" {
			sale := byID[s.original]
			s.place = max(s.place, sale.place)
			if s.kind == "won" {
				sale = byID[sale.original]
			}
			s.place = max(s.place, last[sale.id])
			last[sale.id] = s.place
		}
		if !s.gone {
			order = append(order, s)
		}
	}
	slices.SortFunc(order, func(a, b *step) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.revision, b.revision))
	})
	other := newRig(h.T)
	other.sign("c", "s")
	other.sign("d", "s")
	for _, text := range h.versions {
		other.publish(text)
	}
	for _, s := range order {
		require.NoError(h.T, other.settle(s.contract, s.id, s.original, s.amount, s.on, "type="+s.kind, "seller="+s.seller), s.id)
	}
	return other
}

func after(t tester, date domain.Date) domain.Date {
	t.Helper()
	for month, days := range map[string]int{"2026-05": 31, "2026-06": 30, "2026-07": 31} {
		if string(date[:7]) != month {
			continue
		}
		day, err := strconv.Atoi(string(date[8:]))
		require.NoError(t, err)
		if day < days {
			return domain.Date(fmt.Sprintf("%s-%02d", month, day+1))
		}
		number, err := strconv.Atoi(month[5:])
		require.NoError(t, err)
		return domain.Date(fmt.Sprintf("2026-%02d-01", number+1))
	}
	require.Fail(t, "no such month", date)
	return ""
}

// advanceFar releases everything.
func (r *rig) advanceFar() {
	if r.state.BusinessDate() == "" {
		r.advance("2026-07-31")
		return
	}
	for r.state.BusinessDate() < "2026-07-31" {
		r.advance(after(r.t, r.state.BusinessDate()))
	}
}

func (r *rig) net(id ledger.AccountID) string {
	net, err := r.state.Balance(id).NetOn(ledger.Credit)
	require.NoError(r.t, err)
	return net.In("USD").String()
}
