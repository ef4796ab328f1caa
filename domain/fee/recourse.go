package fee

import (
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/formula"
)

// Recourse says which held money of a role pays first what a transaction takes from
// its payable account, as a refund or a chargeback does: that under the purposes
// From, in this order, and of each the money that falls due first, which was held
// the longest. The rest is for the account itself. Of several for a role the first
// that matches holds.
type Recourse struct {
	Role string   `json:"role" yaml:"role"`
	From []string `json:"from" yaml:"from"`
	// When is a truth formula over the transaction; always where empty.
	When string `json:"when,omitempty" yaml:"when,omitempty"`
}

// recourse is a compiled Recourse.
type recourse struct {
	*Recourse
	when *expr // nil: always
}

// mostRecourse bounds the list, and the purposes of one.
const mostRecourse = 16

// recourses compiles what pays first.
func (b *builder) recourses() {
	for i := range b.document.Recourse {
		path := at("recourse", i) + ".when"
		when := b.expr(path, b.document.Recourse[i].When, formula.KindTruth)
		b.without(when, "changes from rule to rule", slotRemaining, slotTaken)
		b.without(when, "is known to `keep` under `refund` only", slotLine)
		b.program.recourses = append(b.program.recourses, recourse{Recourse: &b.document.Recourse[i], when: when})
	}
}

// recourse notes at every share that takes from a payable account what pays first.
func (r *run) recourse() error {
	for i := range r.program.recourses {
		c := &r.program.recourses[i]
		if r.taken(c, false) {
			matches := c.when == nil
			if !matches {
				var err error
				if matches, err = r.truth(c.when); err != nil {
					return err
				}
			}
			r.trace.recourse(r, c, matches)
			if matches {
				r.taken(c, true)
			}
		}
	}
	return nil
}

// taken reports whether any share takes from the role's payable account for which
// nothing pays first yet, and where note says so, notes that this does.
func (r *run) taken(c *recourse, note bool) bool {
	found := false
	visit := func(shares []Share) {
		for i := range shares {
			share := &shares[i]
			from := share.To
			if share.Hold != nil {
				from = share.Hold.Into // once it is held no more
			}
			if from.Role != c.Role || from.Purpose != PurposePayable || share.From != nil || share.Amount.IsZero() || share.Opposite == (r.in.Amount.Sign() < 0) {
				continue
			}
			if found = true; note {
				share.From = c.From
			}
		}
	}
	visit(r.result.Shares)
	for i := range r.result.Conversions {
		visit(r.result.Conversions[i].Shares)
	}
	return found
}

// recourse checks all of a document's recourse but its formulas.
func (c *checker) recourse(d *Document) {
	c.most("recourse", len(d.Recourse), mostRecourse)
	for i := range d.Recourse {
		r, path := &d.Recourse[i], at("recourse", i)
		c.err(path+".role", domain.CheckName("role", r.Role))
		if !d.owes(r.Role) {
			c.invalid(path+".role", r.Role, "no rule posts to this role's payable account, so nothing is taken from it", "name the role whose money a refund takes back")
		}
		if len(r.From) == 0 {
			c.invalid(path+".from", "", "it is not said what pays first", "list purposes of held money, as [reserve]")
		}
		c.most(path+".from", len(r.From), mostRecourse)
		for j, purpose := range r.From {
			path := path + at(".from", j)
			c.err(path, domain.CheckName("purpose", purpose))
			switch {
			case purpose == PurposePayable:
				c.invalid(path, purpose, "the payable account pays what held money does not", "leave it out")
			case slices.Contains(r.From[:j], purpose):
				c.invalid(path, purpose, "the purpose is listed twice", "leave out one")
			}
		}
		if slices.ContainsFunc(d.Recourse[:i], func(o Recourse) bool { return o.Role == r.Role && o.When == "" }) {
			c.invalid(path, r.Role, "an earlier one for this role always holds", "move the one without a condition behind it")
		}
	}
}

// owes reports whether a rule posts to the payable account of a role, at once or
// when it is released.
func (d *Document) owes(role string) bool {
	for i := range d.Rules {
		r := &d.Rules[i]
		for _, to := range r.targets() {
			if to.Role == role && (to.or(PurposePayable).Purpose == PurposePayable || r.Hold != nil && r.Hold.into() == PurposePayable) {
				return true
			}
		}
	}
	return false
}
