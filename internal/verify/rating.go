package verify

import (
	"math/big"
	"strconv"
	"strings"
)

// secondEngine is the version of the rating engine from which on schedules have
// formulas, accumulators, and refunds that are rated as their original.
const secondEngine = 2

// ratedAs reports whether a settlement gives back one whose terms it has to have:
// those of engine 2 are refunded as they were rated, not as is in force today. The
// terms of the original are then in f.given.
func (f *fold) ratedAs(e *event, b *book) bool {
	n := &e.entry
	return n.link.present && n.link.stream == e.stream.name && b.rated.of(n.link.revision, &f.given)
}

// checkRated checks how a settlement was rated: its lines, what refunds of one sale
// give back in all, and what it counts.
func (f *fold) checkRated(e *event, b *book, by applied) error {
	n := &e.entry
	sc := &f.scene
	*sc = scene{b: b, n: n, p: by.program, terms: by.terms, working: sc.working[:0]}
	if sc.as = f.ratedAs(e, b); sc.as {
		sc.original, sc.given = b.entries.at(n.link.revision), &f.given
		if err := f.checkSameTerms(e); err != nil {
			return err
		}
	}
	if err := f.checkLines(e, sc); err != nil {
		return err
	}
	if n.engine < secondEngine {
		if len(n.counts) > 0 {
			return e.differs(checkCounted, "no count by engine "+strconv.FormatUint(n.engine, 10), n.counts[0].String())
		}
		return nil
	}
	sc.upTo = len(n.lines)
	if err := f.recount(e, sc); err != nil {
		return err
	}
	f.keep(e, sc)
	if sc.as {
		if err := f.checkReturned(e, b); err != nil {
			return err
		}
	}
	return f.checkPosted(e, sc)
}

// checkSameTerms compares the terms of a refund with those of its original.
func (f *fold) checkSameTerms(e *event) error {
	n, o := &e.entry, &f.given
	tell := func(contract, schedule string, contractAt, version, engine uint64) string {
		return "contract " + contract + "@" + strconv.FormatUint(contractAt, 10) + " with version " + strconv.FormatUint(version, 10) + " of schedule " + schedule + " by engine " + strconv.FormatUint(engine, 10)
	}
	contract, schedule := f.numbered[o.contract], f.numbered[o.schedule]
	if n.contract == contract && n.contractAt.revision == o.contractAt && n.schedule == schedule && n.version == o.version && n.engine == o.engine {
		return nil
	}
	return e.differs(checkTerms, tell(contract, schedule, o.contractAt, o.version, o.engine)+", as "+n.link.place(), tell(n.contract, n.schedule, n.contractAt.revision, n.version, n.engine))
}

// keep remembers what later events are held to.
func (f *fold) keep(e *event, sc *scene) {
	n, t := &e.entry, &f.tariff
	*t = tariff{
		contract: f.number([]byte(n.contract)), schedule: f.number([]byte(n.schedule)), contractAt: n.contractAt.revision,
		scheduleAt: n.scheduleAt.revision, version: n.version, engine: n.engine, charges: t.charges[:0], added: t.added[:0],
	}
	if sc.p.names() {
		t.method, t.product, t.attributes, t.on = n.method, n.product, n.attributes, n.effectiveOn
	}
	t.charge(f, n, sc)
	for i := range n.counts {
		c := &n.counts[i]
		added, _ := c.added() // it was added before, so it fits
		if added.sign() == 0 {
			continue
		}
		t.added = append(t.added, addition{f.number(c.counter), c.days, added})
	}
	f.packed = sc.b.rated.add(e.revision, t, f.packed)
}

// charge notes what the lines of an entry charged, or gave back.
func (t *tariff) charge(f *fold, n *entry, sc *scene) {
	for i := range n.lines {
		l := &n.lines[i]
		t.charges = append(t.charges, charge{f.number([]byte(l.rule)), l.amount, sc.as && l.returns()})
	}
}

// keepAgain remembers how a settlement was restated: what later events are held to
// but for what it has counted, which stays as it was.
func (f *fold) keepAgain(revision uint64, past *event, sc *scene) {
	n, t := &past.entry, &f.tariff
	t.added = t.added[:0]
	sc.b.rated.of(revision, t)
	*t = tariff{
		contract: f.number([]byte(n.contract)), schedule: f.number([]byte(n.schedule)), contractAt: n.contractAt.revision, scheduleAt: n.scheduleAt.revision,
		version: n.version, engine: n.engine, charges: t.charges[:0], added: t.added, method: n.method, product: n.product, attributes: n.attributes, on: n.effectiveOn,
	}
	t.charge(f, n, sc)
	f.packed = sc.b.rated.restate(revision, t, f.packed)
}

// checkReturned makes sure that no line gives back more than it took, in all
// refunds of one sale together. What is worked out anew, as the rest, is not held
// to that: it also gives back what other lines keep.
func (f *fold) checkReturned(e *event, b *book) error {
	n := &e.entry
	_, restated := b.restated[n.link.revision] // what was given back before rests on how it stood then
	exact := !restated && !b.unbound[n.link.revision]
	returned := b.returned[n.link.revision]
	if returned == nil {
		returned = map[uint64]figure{}
		if b.returned == nil {
			b.returned = map[uint64]map[uint64]figure{}
		}
		b.returned[n.link.revision] = returned
	}
	for _, back := range f.tariff.charges {
		if !back.returns {
			continue
		}
		took := f.given.took(back.rule)
		sum, ok := returned[back.rule].plus(back.amount)
		if !ok || exact && sum.compare(took) > 0 {
			return e.differs(checkReturned, "line "+f.numbered[back.rule]+" to give back at most "+took.String()+" of "+n.link.place(), sum.String())
		}
		returned[back.rule] = sum
		f.checked.returned++
	}
	if n.restores.present {
		f.unreturn(b, n.restores.revision, false)
		if original := b.entries.at(n.link.revision); original.amount != n.amount.negated() {
			b.loose(n.restores.revision)
		}
	}
	return nil
}

// unreturn takes off what a sale's lines have given back what is taken again by a
// transaction that gives back a refund of it, whose tariffs are in f.tariff and
// f.given; or adds it once more, where that is reversed.
func (f *fold) unreturn(b *book, sale uint64, again bool) {
	returned := b.returned[sale]
	for _, back := range f.tariff.charges {
		if !back.returns || !f.given.returned(back.rule) {
			continue
		}
		amount := back.amount
		if !again {
			amount = amount.negated()
		}
		if sum, ok := returned[back.rule]; ok {
			returned[back.rule], _ = sum.plus(amount) // of one sale, whose sums fit
		}
	}
}

// returned reports whether a line gave back a part of what an original had charged.
func (t *tariff) returned(rule uint64) bool {
	for _, c := range t.charges {
		if c.rule == rule && c.returns {
			return true
		}
	}
	return false
}

// loose notes that what the lines of a sale give back in all is not bounded by what
// they took to the last unit: a part of a refund was given back, and was rounded.
func (b *book) loose(sale uint64) {
	if b.unbound == nil {
		b.unbound = map[uint64]bool{}
	}
	b.unbound[sale] = true
}

// took is what a line charged, nothing where there was none.
func (t *tariff) took(rule uint64) (sum figure) {
	for _, c := range t.charges {
		if c.rule == rule {
			sum, _ = sum.plus(c.amount) // of one entry, whose sums fit
		}
	}
	return sum
}

// restore takes back what a refund, reversed now, had given back of its original.
func (f *fold) restore(b *book, refund, original uint64) {
	returned := b.returned[original]
	if returned == nil || !b.rated.of(refund, &f.tariff) {
		return
	}
	for _, back := range f.tariff.charges {
		if sum, ok := returned[back.rule]; ok && back.returns {
			returned[back.rule], _ = sum.plus(back.amount.negated()) // it was added, so it fits
		}
	}
}

// checkUncounted makes sure that a reversal takes back from every counter what the
// reversed settlement had added, and nothing else. Days of a rolling window that no
// transaction can look back upon any more are left out.
func (f *fold) checkUncounted(e *event, b *book) error {
	n := &e.entry
	f.tariff.added = f.tariff.added[:0]
	b.rated.of(n.link.revision, &f.tariff)
	at := 0
	for _, was := range f.tariff.added {
		want := count{counter: []byte(f.numbered[was.counter]), days: was.days}
		kept, err := b.standing(&want)
		if err != nil {
			return e.differs(checkCounted, "a counter of a day", err.Error())
		}
		if !kept {
			continue
		}
		want.after, _ = want.before.plus(was.amount.negated()) // it was added, so it fits
		if at < len(n.counts) && n.counts[at].same(&want) {
			at++
			continue
		}
		found := "nothing of it"
		if at < len(n.counts) {
			found = n.counts[at].String()
		}
		return e.differs(checkCounted, want.String(), found)
	}
	if at < len(n.counts) {
		return e.differs(checkCounted, "no further count, as "+n.link.place()+" has none", n.counts[at].String())
	}
	return f.counted(e, b)
}

const (
	boundMinimum = "minimum"
	boundMaximum = "maximum"
)

// least is the greatest minimum of the rule of line i, nil where it has none.
func (sc *scene) least(l *line, i int) (*big.Rat, error) {
	limits := sc.p.bounds[l.rule] // there are some, as one was applied
	var least *big.Rat
	if amount, ok := limits.minimum[sc.n.currency]; ok {
		least = amount.ratio()
	}
	if limits.atLeast == nil {
		return least, nil
	}
	sc.upTo = i
	formula, err := sc.number(limits.atLeast)
	if err == nil && (least == nil || formula.Cmp(least) > 0) {
		least = formula
	}
	return least, err
}

// boundOf gives what has taken the place of the exact result of line i: an amount
// of the schedule in the currency, or the value of a formula, which the line tells
// too. It is nil where the schedule has no such bound.
func (sc *scene) boundOf(l *line, i int) (*big.Rat, error) {
	which, told, valued := strings.Cut(l.bound, " ")
	if sc.p == nil || sc.p.bounds[l.rule] == nil {
		return nil, nil
	}
	limits := sc.p.bounds[l.rule]
	amounts, formula := limits.minimum, limits.atLeast
	if which == boundMaximum {
		amounts, formula = limits.maximum, limits.atMost
	} else if which != boundMinimum {
		return nil, nil
	}
	if !valued {
		if amount, ok := amounts[sc.n.currency]; ok {
			return amount.ratio(), nil
		}
		return nil, nil
	}
	if formula == nil {
		return nil, nil
	}
	sc.upTo = i
	bound, err := sc.number(formula)
	if err != nil {
		return nil, err
	}
	if said, ok := ratioOf(told); !ok || said.Cmp(bound) != 0 {
		return nil, wrong("it is " + bound.RatString())
	}
	return bound, nil
}
