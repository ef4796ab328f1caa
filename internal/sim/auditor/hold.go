package auditor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// slice is what an account holds back until a date, for a purpose.
type slice struct{ account, into, on string }

// holding is a change of a slice, in minor units.
type holding struct {
	slice
	change int64
}

// compare orders slices as they fall due.
func (h slice) compare(o slice) int {
	return cmp.Or(cmp.Compare(h.on, o.on), cmp.Compare(h.account, o.account), cmp.Compare(h.into, o.into))
}

// goesTo is the account that the money moves into.
func (h slice) goesTo() string {
	owner, _, _ := strings.Cut(h.account, "/")
	return owner + "/" + h.into + "/" + currencyOf(h.account)
}

func currencyOf(account string) string { return account[strings.LastIndexByte(account, '/')+1:] }

// movement is what one entry posts and changes of what is held.
type movement struct {
	book  *book
	legs  []leg
	holds []holding
}

func (m *movement) post(account string, debit bool, units int64) {
	if units != 0 {
		m.legs = append(m.legs, leg{account, debit, units})
	}
}

func (m *movement) change(h slice, units int64) {
	i := slices.IndexFunc(m.holds, func(o holding) bool { return o.slice == h })
	switch {
	case units == 0:
	case i < 0:
		m.holds = append(m.holds, holding{h, units})
	case m.holds[i].change+units == 0:
		m.holds = slices.Delete(m.holds, i, i+1)
	default:
		m.holds[i].change += units
	}
}

// there is what a slice holds as the entry leaves it so far.
func (m *movement) there(h slice) int64 {
	units := m.book.held[h].units
	for _, o := range m.holds {
		if o.slice == h {
			units += o.change
		}
	}
	return units
}

// hold credits an account until a date.
func (m *movement) hold(h slice, units int64) {
	m.post(h.account, false, units)
	m.change(h, units)
}

// take debits what a slice holds, and returns what this does not cover.
func (m *movement) take(h slice, units int64) int64 {
	taken := min(units, m.there(h))
	m.post(h.account, true, taken)
	m.change(h, -taken)
	return units - taken
}

// takeEarliest is take from all slices that an account had before the entry, what
// falls due first before the rest, with one posting.
func (m *movement) takeEarliest(account string, units int64) int64 {
	rest := units
	for _, h := range m.book.slices(func(h slice) bool { return h.account == account }) {
		taken := min(rest, m.there(h))
		m.change(h, -taken)
		rest -= taken
	}
	m.post(account, true, units-rest)
	return rest
}

// slices are those of a book that are chosen, as they fall due.
func (b *book) slices(chosen func(slice) bool) (list []slice) {
	for h, state := range b.held {
		if state.units != 0 && chosen(h) {
			list = append(list, h)
		}
	}
	slices.SortFunc(list, slice.compare)
	return list
}

// stock is what a slice holds, and the position of what changed it last.
type stock struct {
	units    int64
	position uint64
}

// keep takes over what an entry changes of what is held. An account that only
// holds has as much as that.
func (b *book) keep(holds []holding, position uint64) error {
	for _, h := range holds {
		state := stock{b.held[h.slice].units + h.change, position}
		if state.units < 0 {
			return fmt.Errorf("the account %s holds %d until %s, and more is taken", h.account, state.units-h.change, h.on)
		}
		if b.held[h.slice] = state; state.units == 0 {
			delete(b.held, h.slice)
		}
	}
	for _, h := range holds {
		acc, sum := b.accounts[h.account], int64(0)
		for other, state := range b.held {
			if other.account == h.account {
				sum += state.units
			}
		}
		if balance := acc.credits - acc.debits; sum != balance && !acc.adjusted {
			return fmt.Errorf("the account %s holds %d of a balance of %d", h.account, sum, balance)
		}
	}
	return nil
}

// sayHolds compares what an event says of holds.
func sayHolds(is []struct{ Account, Into, On, Change string }, must []holding) error {
	for i, h := range must {
		if i >= len(is) || is[i].Account != h.account || is[i].Into != h.into || is[i].On != h.on || is[i].Change != Decimal(h.change, currencyOf(h.account)) {
			return fmt.Errorf("hold %d must be %v, of %+v", i, h, is)
		}
	}
	if len(is) != len(must) {
		return fmt.Errorf("there are %d holds and must be %d: %+v", len(is), len(must), is)
	}
	return nil
}

// opposite is the entry of a settlement with sides swapped: what it held and is held
// no more comes from where it went, and what it took of what was held is held again
// while the date is to come.
func (m *movement) opposite(target *settled) {
	left := slices.Clone(target.holds)
	for _, l := range target.legs {
		rest, debit := l.amount, !l.debit
		for i := range left {
			h := &left[i]
			part := min(rest, max(h.change, -h.change))
			if h.account != l.account || part == 0 || (h.change > 0) != debit {
				continue
			}
			rest -= part
			switch {
			case debit:
				h.change -= part
				m.post(h.goesTo(), true, m.take(h.slice, part))
			case h.on > m.book.date:
				h.change += part
				m.hold(h.slice, part)
			default:
				h.change += part
				m.post(h.goesTo(), false, part)
			}
		}
		m.post(l.account, debit, rest)
	}
}

func (a *Auditor) holdRows(must tables) {
	for _, b := range a.books {
		for h, state := range b.held {
			must.add("slices", b.id, h.account, h.into, h.on, short(state.units, currencyOf(h.account)), number(state.position))
		}
		for _, s := range b.steps {
			for _, h := range s.holds {
				must.add("releases", number(s.position), b.id, h.account, h.into, h.on, short(-h.change, currencyOf(h.account)), s.date, stamp(s.recorded))
			}
		}
		if b.date != "" {
			must.add("dates", b.id, b.date, number(b.days[len(b.days)-1].position))
		}
	}
}
