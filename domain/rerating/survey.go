package rerating

import (
	"cmp"
	"slices"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/book"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/money"
)

// How a visit treats its event.
const (
	rates   uint8 = iota // rate again, and count
	follows              // rate again as the refund of what is rated, but do not count
	counts               // count as it stands
	carries              // the end of a window: count what it carried
	closes               // the end of a window: compute it again, behind all of its last day
)

// visit is a place in business order.
type visit struct {
	revision uint64
	on       uint32 // packed date
	how      uint8
}

func byRevision(v visit, revision uint64) int { return cmp.Compare(v.revision, revision) }

// pack keeps the order of dates of four-digit years.
func pack(on domain.Date) uint32 {
	var n uint32
	for i := range len(on) {
		if c := on[i]; c >= '0' && c <= '9' {
			n = n*10 + uint32(c-'0')
		}
	}
	return n
}

// survey learns from one reading of the book what is to be visited, and what
// became of it later.
type survey struct {
	scope  *Scope
	visits []visit // by revision, until they are sorted

	reversed map[uint64]bool
	restated map[uint64]uint64 // settlement → its last restatement
	byHand   map[uint64]bool
	// corrected lists the adjustments of closings.
	corrected map[uint64][]uint64
	ends      []visit                 // what closings carried
	refunded  map[uint64]money.Amount // of what is visited: given back of it in all
	refunds   map[uint64]int          // of what is visited: refunds that stand and are visited
	last      map[uint64]uint32       // of sales that are visited: the place of the last that was about it

	businessDate domain.Date
	before       bool // something lies before the period that was counted
}

func newSurvey(scope *Scope) *survey {
	return &survey{
		scope: scope, reversed: map[uint64]bool{}, restated: map[uint64]uint64{}, byHand: map[uint64]bool{},
		corrected: map[uint64][]uint64{}, refunded: map[uint64]money.Amount{}, refunds: map[uint64]int{}, last: map[uint64]uint32{},
	}
}

// add takes in the event at a revision; revisions come in order, without gaps.
func (s *survey) add(revision uint64, event domain.Event) error {
	switch e := event.(type) {
	case book.TransactionSettled:
		return s.settled(revision, &e)
	case book.EntryReversed:
		return s.taken(&e)
	case book.AdjustmentPosted:
		if closing, is := corrects(&e); is {
			s.corrected[closing] = append(s.corrected[closing], revision)
		}
		switch {
		case e.Adjusts == nil:
		case e.Restates != nil:
			s.restated[e.Adjusts.Revision] = revision
		default:
			s.byHand[e.Adjusts.Revision] = true
		}
	case book.WindowClosed:
		s.closed(revision, &e)
	case book.BusinessDateAdvanced:
		s.businessDate = e.To
	}
	return nil
}

func (s *survey) settled(revision uint64, e *book.TransactionSettled) error {
	inside := s.scope.contains(e.EffectiveOn)
	if e.EffectiveOn < s.scope.From && len(e.Counts) > 0 {
		s.before = true
	}
	v := visit{revision, pack(e.EffectiveOn), counts}
	if e.Original != nil {
		from, ratedAgain := s.rated(e.Original.Revision)
		if ratedAgain {
			v.how = follows
			sale := from.revision
			if e.Restores != nil {
				sale = e.Restores.Revision
			}
			v.on = max(v.on, from.on, s.last[sale])
			s.last[sale] = v.on
			s.refunds[from.revision]++
		}
		if err := s.giveBack(e.Original.Revision, e.Amount.Abs()); err != nil {
			return err
		}
	}
	if e.Restores != nil {
		if err := s.giveBack(e.Restores.Revision, e.Amount.Abs().Neg()); err != nil {
			return err
		}
	}
	mine := s.scope.Contract == "" || e.Contract == s.scope.Contract
	switch {
	case inside && (mine || v.how == follows):
		v.how = rates
	case v.how == follows:
	case !inside || !shared(e.Counts):
		return nil
	}
	s.visits = append(s.visits, v)
	return nil
}

// taken notes a reversal: the transaction and it are as if they had never been.
func (s *survey) taken(e *book.EntryReversed) error {
	s.reversed[e.Reverses.Revision] = true
	if e.Original != nil {
		if _, ratedAgain := s.rated(e.Original.Revision); ratedAgain {
			s.refunds[e.Original.Revision]--
		}
		if err := s.giveBack(e.Original.Revision, e.Amount.Abs().Neg()); err != nil {
			return err
		}
	}
	if e.Restores != nil {
		return s.giveBack(e.Restores.Revision, e.Amount.Abs())
	}
	return nil
}

// giveBack keeps what is given back of a transaction that is rated again.
func (s *survey) giveBack(revision uint64, amount money.Amount) error {
	if _, ratedAgain := s.rated(revision); !ratedAgain {
		return nil
	}
	sum, err := s.refunded[revision].Add(amount)
	s.refunded[revision] = sum
	return err
}

// rated finds the visit of a transaction that is rated again. Visits are by revision
// while the book is surveyed.
func (s *survey) rated(revision uint64) (visit, bool) {
	at, found := slices.BinarySearchFunc(s.visits, revision, byRevision)
	if !found || s.visits[at].how > follows {
		return visit{}, false
	}
	return s.visits[at], true
}

// shared reports whether a transaction of another contract counts in a sum that is
// not its contract's alone.
func shared(made []fee.Count) bool {
	return slices.ContainsFunc(made, func(c fee.Count) bool {
		counter, err := fee.ParseCounter(c.Counter)
		return err != nil || counter.Scope != fee.ScopeContract
	})
}

// order sorts the visits by date and then by revision, without what was reversed; the
// ends of windows come last on their day.
func (s *survey) order() {
	s.visits, s.ends = append(s.visits, s.ends...), nil
	s.visits = slices.DeleteFunc(s.visits, func(v visit) bool { return s.reversed[v.revision] })
	slices.SortFunc(s.visits, func(a, b visit) int {
		return cmp.Or(cmp.Compare(a.on, b.on), cmp.Compare(max(a.how, carries), max(b.how, carries)), cmp.Compare(a.revision, b.revision))
	})
	clear(s.last)
}
