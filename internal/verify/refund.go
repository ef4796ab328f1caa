package verify

import (
	"strconv"
)

// checkRefund compares a settlement that gives back with what it gives back.
func (f *fold) checkRefund(e *event, b *book) error {
	n := &e.entry
	if !n.link.present {
		if n.refunded.sign() != 0 || n.restores.present {
			return e.differs(checkRefunds, "nothing refunded before and nothing restored, as no original is named", n.refunded.String()+" and "+orNothing(string(n.restores.id)))
		}
		return nil
	}
	original, err := f.original(e, b, &n.link)
	if err != nil {
		return err
	}
	before := b.refunded[n.link.revision]
	sum, ok := before.plus(n.amount)
	switch {
	case original.currency != f.currency(n.currency) || original.amount.sign()*n.amount.sign() > 0:
		return e.differs(checkRefunds, "the other sign of "+original.amount.String()+" "+f.currencies[original.currency], n.amount.String()+" "+n.currency)
	case original.reversed:
		return e.differs(checkRefunds, "an original that stands", n.link.place()+", which was reversed before")
	case !ok || sum.absolute().compare(original.amount.absolute()) > 0:
		return e.differs(checkRefunds, "refunds of at most "+original.amount.absolute().String()+" in sum", sum.absolute().String())
	case !n.first && n.refunded != before.absolute():
		return e.differs(checkRefunds, "refunds of "+before.absolute().String()+" before this one", n.refunded.String())
	}
	b.refunded[n.link.revision] = sum
	b.refunds[e.revision] = n.link.revision
	f.checked.refunds++
	return f.checkRestores(e, b)
}

// checkRestores gives back to a sale what a refund or a chargeback of it had taken
// that is given back itself. Settlements of earlier times do not name the sale.
func (f *fold) checkRestores(e *event, b *book) error {
	n := &e.entry
	if !n.restores.present {
		return nil
	}
	sale, refund := b.refunds[n.link.revision]
	_, deeper := b.sales[n.link.revision]
	if !refund || deeper || n.restores.revision != sale {
		return e.differs(checkReferences, "the sale behind the refund "+n.link.place(), n.restores.place())
	}
	original, err := f.original(e, b, &n.restores)
	if err != nil {
		return err
	}
	sum, ok := b.refunded[sale].plus(n.amount)
	if !ok || sum.sign()*original.amount.sign() > 0 {
		return e.differs(checkRefunds, "no more restored than the refunds of "+n.restores.place()+", "+b.refunded[sale].absolute().String(), n.amount.absolute().String())
	}
	if b.sales == nil {
		b.sales = map[uint64]uint64{}
	}
	b.refunded[sale], b.sales[e.revision] = sum, sale
	return nil
}

// original finds the earlier settlement that an event points at.
func (f *fold) original(e *event, b *book, l *link) (*settled, error) {
	if l.stream != e.stream.name || l.revision >= b.entries.count {
		return nil, e.differs(checkReferences, "an original earlier in "+e.stream.name, l.place())
	}
	o := b.entries.at(l.revision)
	if o.kind != kindSettlement {
		return nil, e.differs(checkReferences, "a settlement as the original", l.place()+", which is "+o.kind.noun())
	}
	if o.key != f.key(l.source, l.id) {
		return nil, e.differs(checkReferences, "an original with key "+l.source+"/"+string(l.id), l.place()+", which has another")
	}
	f.checked.references++
	return o, nil
}

func (f *fold) checkReversal(e *event, b *book) error {
	n := &e.entry
	if !n.link.present {
		return e.differs(checkReferences, "the settlement that is reversed", "none named")
	}
	original, err := f.original(e, b, &n.link)
	if err != nil {
		return err
	}
	where := n.link.place()
	switch {
	case original.reversed:
		return e.differs(checkReversals, "a settlement not reversed before", where+", which was")
	case b.refunded[n.link.revision].sign() != 0:
		return e.differs(checkReversals, "a settlement without refunds", where+" with refunds of "+b.refunded[n.link.revision].absolute().String())
	case original.currency != f.currency(n.currency) || original.amount.negated() != n.amount:
		return e.differs(checkReversals, original.amount.negated().String()+" "+f.currencies[original.currency], n.amount.String()+" "+n.currency)
	case !original.held && original.mirror != f.mirror(n.swapped()):
		return e.differs(checkReversals, "type, method, product, parties and postings of "+where+" with the sides swapped", "others: "+n.listPostings())
	}
	if original.held {
		if err := f.checkOpposite(e, b); err != nil {
			return err
		}
	} else if len(n.holds) > 0 {
		return e.differs(checkHolds, "nothing held or released, as "+where+" held nothing", n.holds[0].String())
	}
	original.reversed = true
	f.checked.reversals++
	if err := f.checkUncounted(e, b); err != nil {
		return err
	}
	return f.checkRestored(e, b)
}

// checkRestored gives back to the original what a reversed refund had taken.
func (f *fold) checkRestored(e *event, b *book) error {
	n := &e.entry
	original, refund := b.refunds[n.link.revision]
	switch {
	case refund != n.undone.present || (refund && original != n.undone.revision):
		expected := "none, as " + n.link.place() + " names none"
		if refund {
			expected = e.stream.name + "@" + strconv.FormatUint(original, 10)
		}
		found := "none"
		if n.undone.present {
			found = n.undone.place()
		}
		return e.differs(checkReferences, "the original of the reversed refund: "+expected, found)
	case !refund && n.restores.present:
		return e.differs(checkReferences, "no sale behind "+n.link.place(), n.restores.place())
	case !refund:
		return nil
	}
	if _, err := f.original(e, b, &n.undone); err != nil {
		return err
	}
	sum, ok := b.refunded[original].plus(n.amount)
	if !ok {
		return e.differs(checkRefunds, "a sum within 128 bits", "more")
	}
	b.refunded[original] = sum
	f.restore(b, n.link.revision, original)
	return f.checkTakenAgain(e, b)
}

// checkTakenAgain makes the refund stand again that a transaction had given back
// which is reversed now.
func (f *fold) checkTakenAgain(e *event, b *book) error {
	n := &e.entry
	sale, restored := b.sales[n.link.revision]
	if restored != n.restores.present || restored && sale != n.restores.revision {
		expected, found := "none", "none"
		if restored {
			expected = e.stream.name + "@" + strconv.FormatUint(sale, 10)
		}
		if n.restores.present {
			found = n.restores.place()
		}
		return e.differs(checkReferences, "the sale that the reversed one restored: "+expected, found)
	}
	if !restored {
		return nil
	}
	original, err := f.original(e, b, &n.restores)
	if err != nil {
		return err
	}
	sum, ok := b.refunded[sale].plus(n.amount)
	if !ok || original.reversed || sum.absolute().compare(original.amount.absolute()) > 0 {
		return e.differs(checkRefunds, "refunds of "+n.restores.place()+" of at most "+original.amount.absolute().String()+" in sum, which stands", sum.absolute().String())
	}
	b.refunded[sale] = sum
	if b.rated.of(n.link.revision, &f.tariff) && b.rated.of(n.undone.revision, &f.given) {
		f.unreturn(b, sale, true)
	}
	return nil
}
