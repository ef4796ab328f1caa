package collect

import "context"

// Measure maps a delivery without a ledger: what the ledger would be asked for
// counts as settled, faults as quarantined.
func (d *Definition) Measure(ctx context.Context, delivery *Delivery) (Report, error) {
	report := Report{}
	t := newTally(&report)
	found, err := d.check(ctx, delivery, func(int64, uint64) {})
	if err != nil {
		return report, err
	}
	f := newFeed(ctx, d, delivery, defaultBatch)
	defer f.wait()
	for {
		b, err := f.next(ctx)
		if err != nil {
			return report, err
		}
		if b == nil {
			return report, t.close(found.records)
		}
		for i := range b.items {
			it := &b.items[i]
			switch {
			case it.ignored != "":
				t.add(it, ignored)
			case it.fault != nil:
				t.fault(it.number, "", it.fault)
				t.add(it, quarantined)
			default:
				t.add(it, settled)
			}
		}
		f.recycle(b)
	}
}

var CanonicalNumber = canonicalNumber
