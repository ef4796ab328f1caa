package rerating

import (
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// sums are the counters of a re-rating, by fee.Counter's ID. Nothing is dropped of
// rolling windows: a transaction of any date finds every day.
type sums map[string]money.Amount

func (s sums) add(made []fee.Count) error {
	for i := range made {
		delta, err := made[i].After.Sub(made[i].Before)
		if err != nil {
			return err
		}
		if delta.IsZero() {
			continue
		}
		if s[made[i].Counter], err = s[made[i].Counter].Add(delta); err != nil {
			return err
		}
	}
	return nil
}

// before is fee.Input.Before.
func (s sums) before(c fee.Counter) (total money.Amount, err error) {
	for id := range c.Buckets() {
		if total, err = total.Add(s[id]); err != nil {
			return total, err
		}
	}
	return total, nil
}

// open counts everything before the period as it stands.
func (s sums) open(scope *Scope, survey *survey, log Log) error {
	if !survey.before {
		return nil
	}
	// Restatements of what lies before the period stand for it, wherever they are.
	instead := map[uint64]bool{}
	revision := uint64(0)
	for event, err := range log.All() {
		if err != nil {
			return err
		}
		var made []fee.Count
		switch e := event.(type) {
		case book.TransactionSettled:
			_, restated := survey.restated[revision]
			switch {
			case e.EffectiveOn >= scope.From || survey.reversed[revision]:
			case restated:
				instead[revision] = true
			default:
				made = e.Counts
			}
		case book.AdjustmentPosted:
			if e.Restates != nil && e.Adjusts != nil && instead[e.Adjusts.Revision] && survey.restated[e.Adjusts.Revision] == revision {
				made = e.Restates.Counts
			}
		case book.WindowClosed:
			if e.BusinessDate < scope.From {
				made = e.Counts
			}
		}
		if err := s.add(made); err != nil {
			return err
		}
		revision++
	}
	return nil
}

// recorded answers with what a transaction found when it was settled, and with the
// sums where it did not look.
func (s sums) recorded(was func(fee.Counter) (money.Amount, error)) func(fee.Counter) (money.Amount, error) {
	return func(c fee.Counter) (money.Amount, error) {
		before, err := was(c)
		if domain.CodeOf(err) == domain.CodeNotFound {
			return s.before(c)
		}
		return before, err
	}
}
