package fee

import "github.com/jeongsan/jeongsan/domain"

// WindowOf names the window that a date lies in, as Counter.Window does, with its
// first and its last date. Both are empty where the window never ends.
func (a *Accumulator) WindowOf(on domain.Date) (name string, first, last domain.Date) {
	w := a.windows()
	first, next := w.span(on)
	if next != "" {
		last = dateOf(next, -1)
	}
	return w.on(on), first, last
}

// PerSchedule reports whether all contracts of a schedule share the accumulator's sums.
func (a *Accumulator) PerSchedule() bool { return a.perSchedule() }
