package verify

// checkOpposite compares a reversal of what held money, or took of it, with the
// settlement as it stands, sides swapped: what it held is taken from what is still
// held until the same date, and else from where it went; what it took of held money
// is held again while the date is to come, and else goes where that would have gone.
func (f *fold) checkOpposite(e *event, b *book) error {
	n := &e.entry
	past, err := f.recall(b, e.stream.name, n.link.revision)
	if err != nil {
		return err
	}
	p := &past.entry
	if n.typ != p.typ || n.method != p.method || n.product != p.product || !n.sameParties(p) {
		return e.differs(checkReversals, "type, method, product and parties of "+n.link.place(), "others")
	}
	w := &f.workings
	*w = workings{e: e, sc: &f.scene, legs: w.legs[:0], changes: w.changes[:0]}
	w.sc.b, w.sc.n = b, n
	for i := range p.postings {
		o := &p.postings[i]
		w.postTo(o.account.owner, o.account.purpose, o.account.currency, !o.credit, o.amount)
	}
	for i := range p.holds {
		h := &p.holds[i]
		amount := h.change.absolute()
		if h.change.sign() > 0 {
			if still := w.still(h); still.compare(amount) < 0 {
				rest, _ := amount.plus(still.negated()) // above zero
				w.divert(h, false, rest)
				amount = still
			}
			if amount.sign() > 0 {
				w.change(h.account, h.on, h.into, amount.negated())
			}
			continue
		}
		if h.on > b.date {
			w.change(h.account, h.on, h.into, amount)
		} else {
			w.divert(h, true, amount)
		}
	}
	if w.fault != nil {
		return w.fault
	}
	if err := w.legs.compare(e, checkReversals); err != nil {
		return err
	}
	return w.compareHolds()
}

// still is what is held of a slice, as far as it was not taken yet.
func (w *workings) still(h *hold) figure {
	sum := h.account.slice(h.on, h.into)
	for i := range w.changes {
		if c := &w.changes[i]; c.account == h.account && c.on == h.on && c.into == h.into {
			sum, _ = sum.plus(c.change) // of an account, whose sums fit
		}
	}
	return sum
}

// divert moves a part of a leg from the account of a hold to where held money goes.
func (w *workings) divert(h *hold, credit bool, amount figure) {
	w.postTo(h.account.owner, h.account.purpose, h.account.currency, credit, amount.negated())
	w.postTo(h.account.owner, h.into, h.account.currency, credit, amount)
}

// sameParties reports whether the same parties stand in the same roles.
func (n *entry) sameParties(o *entry) bool {
	if len(n.parties) != len(o.parties) {
		return false
	}
	for _, r := range o.parties {
		if n.party(r.role) != r.party {
			return false
		}
	}
	return true
}
