package verify

import (
	"bytes"
	"math/big"
	"time"
)

// checkPeriods works out again what the periods of a window come to: what they look
// at, their lines, between which accounts these move, and what is carried.
func (f *fold) checkPeriods(e *event, b *book, by applied, a *accumulator) error {
	n := &e.entry
	c := n.closing
	sc := &f.scene
	*sc = scene{b: b, n: n, terms: by.terms, working: sc.working[:0]}
	if err := f.checkKeyOf(e, by.program, a); err != nil {
		return err
	}
	for i := range c.read {
		r := &c.read[i]
		if r.before != r.after || r.before != *b.counter(r.counter) {
			return e.differs(checkClosings, "counter "+string(r.counter)+" at "+b.counter(r.counter).String(), r.String())
		}
	}
	periods := by.program.closedBy(a.name)
	if len(periods) != len(c.periods) {
		return e.differs(checkClosings, number(len(periods))+" periods of accumulator "+a.name, number(len(c.periods)))
	}
	w := &f.workings
	w.legs = w.legs[:0]
	whole := n.lines
	var carried []count
	for i, p := range periods {
		said := &c.periods[i]
		if said.id != p.id {
			return e.differs(checkClosings, "period "+p.id, "period "+said.id)
		}
		own := *by.program
		own.values, own.bounds, own.onRefund = p.values, p.bounds, nil
		sc.p, n.lines = &own, whole[said.from:said.to]
		err := f.checkPeriod(e, sc, p, n.transfers[said.from:said.to])
		if err == nil {
			carried, err = sc.carry(carried, p, a)
		}
		n.lines = whole
		if err != nil {
			return e.worked(err, "period "+p.id)
		}
	}
	for i := range max(len(carried), len(n.counts)) {
		switch {
		case i >= len(n.counts):
			return e.differs(checkClosings, carried[i].String(), "nothing of it")
		case i >= len(carried):
			return e.differs(checkClosings, "nothing further carried", n.counts[i].String())
		case !carried[i].same(&n.counts[i]):
			return e.differs(checkClosings, carried[i].String(), n.counts[i].String())
		}
	}
	return w.legs.compare(e, checkClosings)
}

// worked turns what cannot be worked out into a difference.
func (e *event) worked(err error, what string) error {
	if asDifference(err) != nil {
		return err
	}
	return e.differs(checkClosings, what+" to be worked out", err.Error())
}

// checkKeyOf takes parties and attributes from the key of the counter.
func (f *fold) checkKeyOf(e *event, p *program, a *accumulator) error {
	n := &e.entry
	for _, part := range keyOfCounter(partsOf(n.closing.counter).key) {
		input := false
		for i := range p.inputs {
			input = input || p.inputs[i].name == part.name
		}
		if input {
			n.attributes = append(n.attributes, part)
		} else if n.party(part.name) != part.value {
			return e.differs(checkClosings, "party "+orEmpty(part.value)+" in role "+part.name, orEmpty(n.party(part.name)))
		}
	}
	for i := range n.parties {
		if r := &n.parties[i]; !f.isRegistered(r.party) {
			return e.differs(checkReferences, "a party registered before as "+r.role, r.party)
		}
	}
	day, err := time.Parse(time.DateOnly, n.effectiveOn)
	if err != nil {
		return err
	}
	f.scene.p = p
	counter, err := f.scene.counter(a, day)
	if err != nil || string(counter) != n.closing.counter {
		return e.differs(checkClosings, "counter "+string(counter), n.closing.counter)
	}
	return nil
}

// checkPeriod compares the lines of one period with its entries.
func (f *fold) checkPeriod(e *event, sc *scene, p *period, transfers []transfer) error {
	n := &e.entry
	sc.upTo = 0
	matches := true
	var err error
	if p.when != nil {
		if matches, err = p.when.truth(sc.name); err != nil {
			return err
		}
	}
	at := 0
	for i := range p.entries {
		one := &p.entries[i]
		applies := matches
		sc.upTo = at
		if applies && one.when != nil {
			if applies, err = one.when.truth(sc.name); err != nil {
				return err
			}
		}
		if !applies {
			continue
		}
		if at >= len(n.lines) || n.lines[at].rule != one.id {
			return e.differs(checkClosings, "a line of entry "+one.id+" of period "+p.id, "none")
		}
		if err := f.checkTransfer(e, sc, one, &n.lines[at], &transfers[at]); err != nil {
			return err
		}
		at++
	}
	if at < len(n.lines) {
		return e.differs(checkClosings, "no further line of period "+p.id, "one of entry "+n.lines[at].rule)
	}
	return f.checkLines(e, sc)
}

// checkTransfer works out what an entry comes to exactly, and where it moves.
func (f *fold) checkTransfer(e *event, sc *scene, one *periodEntry, l *line, t *transfer) error {
	exact, err := one.exact(sc)
	if err != nil {
		return err
	}
	if exact != nil {
		if said, ok := ratioOf(string(l.exact)); !ok || said.Cmp(exact) != 0 {
			return e.differs(checkClosings, "entry "+one.id+" to come to "+exact.RatString()+" exactly", string(l.exact))
		}
	}
	zero := l.amount.sign() == 0
	if t.opposite != (!zero && l.negative(false)) {
		return e.differs(checkClosings, "entry "+one.id+" to move as its sign says", string(l.exact))
	}
	side := t.opposite // whether it is credited
	for _, end := range []struct {
		of   target
		said string
	}{{one.from, t.from}, {one.to, t.to}} {
		owner, path := sc.n.party(end.of.role), ""
		if owner != "" {
			path = owner + "/" + end.of.purpose + "/" + sc.n.currency
		}
		if path != end.said || path == "" && !zero {
			return e.differs(checkClosings, "entry "+one.id+" between "+end.of.role+"'s account "+orEmpty(path)+" and another", orEmpty(end.said))
		}
		if !zero && !f.workings.legs.add(owner, end.of.purpose, sc.n.currency, side, l.amount) {
			return e.differs(checkClosings, "a sum within 128 bits", "more on "+path)
		}
		side = !side
	}
	return nil
}

// carry works out what a period carries into the next windows. Where that is not
// nothing the next window of the accumulator that ends is open as well.
func (sc *scene) carry(counts []count, p *period, a *accumulator) ([]count, error) {
	day, err := time.Parse(time.DateOnly, sc.n.effectiveOn)
	if err != nil {
		return nil, err
	}
	sc.upTo = len(sc.n.lines)
	if p.when != nil {
		if matches, err := p.when.truth(sc.name); err != nil || !matches {
			return counts, err
		}
	}
	next := day.AddDate(0, 0, 1)
	opens, itself := false, false
	for i := range p.carry {
		of := sc.p.accumulator(p.carry[i].accumulator)
		if of == nil {
			return nil, wrong("nothing is called " + p.carry[i].accumulator)
		}
		exact, err := sc.number(p.carry[i].is)
		if err != nil {
			return nil, err
		}
		amount, ok := figureOf(shortened(exact, sc.n.currency))
		if !ok {
			return nil, wrong("a sum beyond 128 bits")
		}
		if counts, err = sc.carryInto(counts, of, next, amount, amount.sign() != 0); err != nil {
			return nil, err
		}
		opens = opens || amount.sign() != 0
		itself = itself || of.name == a.name && amount.sign() != 0
	}
	if !opens || itself {
		return counts, nil
	}
	return sc.carryInto(counts, a, next, figure{}, true)
}

// carryInto adds what is carried into one counter, which may open its window. What
// does neither is not told.
func (sc *scene) carryInto(counts []count, a *accumulator, next time.Time, amount figure, opens bool) ([]count, error) {
	var c count
	var err error
	if c.counter, err = sc.counter(a, next); err != nil {
		return nil, err
	}
	if opens && sc.goesOn(next) {
		c.closes = sc.p.closes(a, next)
	}
	c.before = *sc.b.counter(c.counter)
	known := ""
	for i := range counts {
		if bytes.Equal(counts[i].counter, c.counter) {
			c.before = counts[i].after
			if counts[i].closes != "" {
				known = counts[i].closes
			}
		}
	}
	if amount.sign() == 0 && (c.closes == "" || c.closes == known) {
		return counts, nil
	}
	var ok bool
	if c.after, ok = c.before.plus(amount); !ok {
		return nil, wrong("a sum beyond 128 bits")
	}
	return append(counts, c), nil
}

// goesOn reports whether the contract is in force on a day; an accumulator that
// contracts share always goes on.
func (sc *scene) goesOn(day time.Time) bool {
	return sc.terms.until == "" || day.Format(time.DateOnly) < sc.terms.until
}

// shortened rounds to four decimals beyond the minor unit.
func shortened(exact *big.Rat, currency string) *big.Rat {
	return (&accumulator{}).measured(exact, currency)
}
