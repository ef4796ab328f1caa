package fee

// heldApart keeps the ends of periods away from accounts that hold money until dates:
// what they took would be missing when the date comes. An entry can go either way, so
// both of its sides count. Rules may share such an account: what a transaction takes
// from it, it takes from what is held.
func (c *checker) heldApart(d *Document) {
	held := map[Target]string{} // rule by target
	for i := range d.Rules {
		if r := &d.Rules[i]; r.Hold != nil {
			for _, to := range r.targets() {
				held[to.or(PurposePayable)] = r.ID
			}
		}
	}
	if len(held) == 0 {
		return
	}
	apart := func(path string, to Target, remedy string) {
		if rule, both := held[to]; both {
			c.invalid(path+".purpose", to.Purpose, "rule "+rule+" holds money under this purpose of role "+to.Role+" until dates", remedy)
		}
	}
	for i := range d.Periods {
		for j := range d.Periods[i].Entries {
			e, path := &d.Periods[i].Entries[j], at("periods", i)+at(".entries", j)
			apart(path+".from", e.From.or(PurposePayable), "name another purpose: a period takes from money that is free")
			apart(path+".to", e.To.or(PurposePayable), "name another purpose: what a period gives is not held")
		}
	}
}
