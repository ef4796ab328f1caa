package verify

import (
	"strings"
)

// workings is what an entry must post and hold, worked out from its lines and from
// where the schedule sends them.
type workings struct {
	e       *event
	sc      *scene
	own     bool // the side of the funds: credit
	shared  bool // legs are sums of owners, on the credit side
	legs    legs
	changes []hold // what becomes of slices, each once
	fault   error
}

// checkPosted compares the postings of a settlement, and what it holds, with what
// its lines ask for.
func (f *fold) checkPosted(e *event, sc *scene) error {
	n := &e.entry
	if sc.p.routes == nil {
		return nil
	}
	w := &f.workings
	*w = workings{e: e, sc: sc, own: n.amount.sign() < 0, legs: w.legs[:0], changes: w.changes[:0]}
	if err := f.post(e, sc, w); err != nil {
		return err
	}
	if err := w.legs.compare(e, checkPosted); err != nil {
		return err
	}
	f.checked.posted++
	return w.compareHolds()
}

// checkShared compares the postings of a restatement with what its lines ask for, per
// owner and currency: the money that a line gives or takes may have been held, or
// released since, and lie in any of the owner's accounts.
func (f *fold) checkShared(e *event, sc *scene) error {
	n := &e.entry
	if sc.p.routes == nil {
		return nil
	}
	w := &f.workings
	*w = workings{e: e, sc: sc, own: n.amount.sign() < 0, legs: w.legs[:0], changes: w.changes[:0], shared: true}
	if err := f.post(e, sc, w); err != nil {
		return err
	}
	for i := range n.postings {
		p := &n.postings[i]
		w.postTo(p.account.owner, p.account.purpose, p.account.currency, !p.credit, p.amount)
	}
	for i := range w.legs {
		if l := &w.legs[i]; l.amount.sign() != 0 {
			return e.differs(checkPosted, "restated postings of "+l.owner+" in "+l.currency+" that come to what the lines give", l.amount.String()+" less on the credit side")
		}
	}
	return w.fault
}

// post works out the legs of a settlement, and what it holds.
func (f *fold) post(e *event, sc *scene, w *workings) error {
	n := &e.entry
	if n.amount.sign() != 0 {
		w.post(sc.p.funds, n.currency, w.own, n.amount.absolute())
	}
	conversions := n.conversions
	for i := range n.lines {
		l := &n.lines[i]
		r := sc.p.routes[l.rule]
		if l.rule == ruleDifference && string(l.rate) == rateSubMinor {
			r = &route{to: sc.p.difference}
		}
		if r == nil || r.to.role != l.to {
			return e.differs(checkPosted, "line "+l.rule+" to be one of schedule "+n.schedule+", for the role that it names", "another, for "+l.to)
		}
		signed := l.amount
		if l.negative(r.onRefund) {
			signed = signed.negated()
		}
		if r.exchange == nil || r.exchange.to == n.currency {
			w.share(r.to, n.currency, signed, w.keep(r, signed))
			continue
		}
		if len(conversions) == 0 || conversions[0].rule != l.rule {
			return e.differs(checkConverted, "a conversion of line "+l.rule+" into "+r.exchange.to, "none")
		}
		c := &conversions[0]
		conversions = conversions[1:]
		if err := f.checkConversion(e, sc, i, r.exchange, c, signed); err != nil {
			return err
		}
		w.share(r.exchange.via, n.currency, signed, nil)
	}
	for i := range n.conversions { // after all lines, as held money may pay for both
		if c := &n.conversions[i]; sc.p.routes[c.rule] != nil && sc.p.routes[c.rule].exchange != nil {
			w.converted(sc.p.routes[c.rule], c)
		}
	}
	if w.fault == nil && len(conversions) > 0 {
		return e.differs(checkConverted, "no further conversion", "one of line "+conversions[0].rule)
	}
	return w.fault
}

// converted posts what a conversion pays in the other currency.
func (w *workings) converted(r *route, c *conversion) {
	w.share(r.to, c.to, c.result, w.keep(r, c.result))
	if r.exchange.spreadTo != nil {
		w.share(*r.exchange.spreadTo, c.to, c.spread, nil)
	}
	w.share(r.exchange.via, c.to, c.value.negated(), nil)
}

// negative reports whether the amount of a line stands on the side of the funds: by
// the sign of its exact result, or of the bound that took its place. A bound without
// a number is an amount of the schedule, which is never negative. Bounds of a charge
// for refunding tell what is charged, and its exact result the opposite.
func (l *line) negative(onRefund bool) bool {
	if l.bound == "" {
		return len(l.exact) > 0 && l.exact[0] == '-'
	}
	_, value, _ := strings.Cut(l.bound, " ")
	return strings.HasPrefix(value, "-") != onRefund
}

// kept is until when, and into which purpose, a share is held.
type kept struct {
	on, into string
	fresh    bool // it belongs to a sale, and is held whatever the date
}

// keep works out until when the shares of a rule are held: what gives back looks for
// the money where its sale held it.
func (w *workings) keep(r *route, share figure) *kept {
	if r.hold == nil || w.shared || share.sign() == 0 || w.fault != nil {
		return nil
	}
	n := w.sc.n
	date := n.effectiveOn
	if w.sc.as && (w.sc.returnsRefund() || !r.onRefund) {
		date = w.sc.given.on
	}
	var by *daybook
	if r.hold.calendar != "" {
		by = n.daybook(r.hold.calendar)
	}
	on, err := r.hold.due(date, by)
	if err != nil {
		w.fault = w.e.differs(checkHolds, "a date until which a share is held", err.Error())
		return nil
	}
	return &kept{on: on, into: r.hold.into, fresh: !n.link.present && !w.own}
}

// returnsRefund reports whether the entry gives back what gave back itself.
func (sc *scene) returnsRefund() bool {
	_, refund := sc.b.refunds[sc.n.link.revision]
	return refund
}

// daybook finds the version of a calendar that an entry has looked at.
func (n *entry) daybook(id string) *daybook {
	for i := range n.calendars {
		if u := &n.calendars[i]; u.stream != nil && u.stream.id == id && u.revision < uint64(len(u.stream.calendar)) {
			return &u.stream.calendar[u.revision]
		}
	}
	return nil
}

// post adds to a side of an account that a role names.
func (w *workings) post(to target, currency string, credit bool, amount figure) {
	owner := w.sc.n.party(to.role)
	if owner == "" && w.fault == nil {
		w.fault = w.e.differs(checkPosted, "a party in role "+to.role, "none")
	}
	w.postTo(owner, to.purpose, currency, credit, amount)
}

func (w *workings) postTo(owner, purpose, currency string, credit bool, amount figure) {
	if amount.sign() == 0 {
		return
	}
	if w.shared {
		if !credit {
			amount = amount.negated()
		}
		purpose, credit = "", true
	}
	if !w.legs.add(owner, purpose, currency, credit, amount) && w.fault == nil {
		w.fault = w.e.differs(checkPosted, "a sum within 128 bits", "more in "+currency)
	}
}

// share posts a signed share, held back or from what is held where that is asked.
func (w *workings) share(to target, currency string, signed figure, k *kept) {
	amount := signed.absolute()
	credit := w.own == (signed.sign() < 0) // a positive share stands opposite to the funds
	if amount.sign() == 0 || w.fault != nil {
		return
	}
	switch {
	case w.shared:
		w.post(to, currency, credit, amount)
	case !credit:
		w.take(to, currency, amount, k)
	case k == nil:
		w.post(to, currency, true, amount)
	case k.fresh || k.on > w.sc.b.date:
		w.post(to, currency, true, amount)
		w.change(w.account(to, currency), k.on, k.into, amount)
	default:
		w.post(target{to.role, k.into}, currency, true, amount)
	}
}

// take debits a share: first from the slice that it was held in, then from what the
// schedule lets pay first, and else from the account that it was released into, of
// which again what is held pays first.
func (w *workings) take(to target, currency string, amount figure, k *kept) {
	if k != nil {
		amount = w.drain(to, currency, amount, k.on, k.into)
		to.purpose = k.into
	}
	if to.purpose == purposePayable && amount.sign() > 0 {
		for _, purpose := range w.from(to.role) {
			amount = w.drainAll(target{to.role, purpose}, currency, amount)
		}
	}
	w.post(to, currency, false, w.drainAll(to, currency, amount))
}

// drainAll takes of all that an account holds, what falls due first before the rest,
// and returns what is left to take.
func (w *workings) drainAll(from target, currency string, amount figure) figure {
	a := w.account(from, currency)
	if a == nil {
		return amount
	}
	for i := range a.slices {
		amount = w.drain(from, currency, amount, a.slices[i].on, a.slices[i].into)
	}
	return amount
}

// drain takes of one slice what it still has, and returns what is left to take.
func (w *workings) drain(from target, currency string, amount figure, on, into string) figure {
	a := w.account(from, currency)
	if a == nil {
		return amount
	}
	part := w.still(&hold{account: a, on: on, into: into})
	if part.compare(amount) > 0 {
		part = amount
	}
	if part.sign() <= 0 {
		return amount
	}
	w.post(from, currency, false, part)
	w.change(a, on, into, part.negated())
	left, _ := amount.plus(part.negated()) // not below zero
	return left
}

func (w *workings) account(of target, currency string) *account {
	return w.sc.b.accounts[w.sc.n.party(of.role)+"/"+of.purpose+"/"+currency]
}

// from lists the purposes that pay first for a role: by the first recourse whose
// condition holds.
func (w *workings) from(role string) []string {
	for i := range w.sc.p.recourse {
		r := &w.sc.p.recourse[i]
		if r.role != role {
			continue
		}
		if r.when == nil {
			return r.from
		}
		w.sc.upTo = len(w.sc.n.lines)
		holds, err := r.when.truth(w.sc.name)
		if err != nil && w.fault == nil {
			w.fault = w.e.differs(checkPosted, "what pays first for "+role+" to be worked out", err.Error())
		}
		if holds {
			return r.from
		}
	}
	return nil
}

// change notes what becomes of a slice.
func (w *workings) change(a *account, on, into string, amount figure) {
	for i := range w.changes {
		if c := &w.changes[i]; c.account == a && c.on == on && c.into == into {
			c.change, _ = c.change.plus(amount) // of one entry, whose sums fit
			return
		}
	}
	w.changes = append(w.changes, hold{account: a, on: on, into: into, change: amount})
}

// compareHolds compares what the entry says of held money with the changes worked
// out. It uses these up.
func (w *workings) compareHolds() error {
	n := &w.e.entry
	for i := range n.holds {
		h := &n.holds[i]
		w.change(h.account, h.on, h.into, h.change.negated())
	}
	for i := range w.changes {
		c := &w.changes[i]
		if c.change.sign() == 0 {
			continue
		}
		found := figure{}
		for j := range n.holds {
			if h := &n.holds[j]; h.account == c.account && h.on == c.on && h.into == c.into {
				found, _ = found.plus(h.change)
			}
		}
		want, _ := found.plus(c.change)
		path := "an account that was never posted to"
		if c.account != nil {
			path = c.account.path
		}
		return w.e.differs(checkHolds, want.String()+" held on "+path+" until "+c.on+" into "+c.into, found.String())
	}
	return nil
}
