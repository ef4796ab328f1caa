package verify

// leg is what an entry must post to one side of one account in sum.
type leg struct {
	owner, purpose, currency string
	credit                   bool
	amount                   figure
}

// legs are all of an entry. They say nothing of the order of postings, nor of how
// many there are on one side of one account.
type legs []leg

// add takes an amount to a side of an account; ok is false where it does not fit.
func (l *legs) add(owner, purpose, currency string, credit bool, amount figure) (ok bool) {
	for i := range *l {
		if one := &(*l)[i]; one.credit == credit && one.purpose == purpose && one.owner == owner && one.currency == currency {
			one.amount, ok = one.amount.plus(amount)
			return ok
		}
	}
	*l = append(*l, leg{owner, purpose, currency, credit, amount})
	return true
}

// compare compares the postings of an entry with what they must be. It uses the legs
// up.
func (l *legs) compare(e *event, check string) error {
	n := &e.entry
	for i := range n.postings {
		p := &n.postings[i]
		if !l.add(p.account.owner, p.account.purpose, p.account.currency, p.credit, p.amount.negated()) {
			return e.differs(check, "a sum within 128 bits on "+p.account.path, "more")
		}
	}
	for i := range *l {
		one := &(*l)[i]
		if one.amount.sign() == 0 {
			continue
		}
		side, path := "debit", one.owner+"/"+one.purpose+"/"+one.currency
		if one.credit {
			side = "credit"
		}
		found := n.posted(path, one.credit)
		want, _ := found.plus(one.amount) // both are of this entry, whose sums fit
		return e.differs(check, side+" of "+want.String()+" on "+path, found.String())
	}
	return nil
}

// posted sums one side of an account in an entry.
func (n *entry) posted(path string, credit bool) (sum figure) {
	for i := range n.postings {
		if p := &n.postings[i]; p.credit == credit && p.account.path == path {
			sum, _ = sum.plus(p.amount) // checked where entries balance
		}
	}
	return sum
}
