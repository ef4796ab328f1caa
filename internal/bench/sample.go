package bench

import (
	"cmp"
	"slices"
	"time"
)

// sample is a set of durations, each with a weight.
type sample struct {
	items  []weighed
	total  int
	sorted bool
}

type weighed struct {
	took   time.Duration
	weight int
}

func (s *sample) add(took time.Duration, weight int) {
	s.items = append(s.items, weighed{took, weight})
	s.total += weight
	s.sorted = false
}

// join adds all of another sample.
func (s *sample) join(other *sample) {
	s.items = append(s.items, other.items...)
	s.total += other.total
	s.sorted = false
}

// at returns the least duration that at least a share of the weight does not
// exceed: 0.5 is the median, 1 the longest. It is 0 for an empty sample.
func (s *sample) at(share float64) time.Duration {
	if !s.sorted {
		slices.SortFunc(s.items, func(a, b weighed) int { return cmp.Compare(a.took, b.took) })
		s.sorted = true
	}
	want, seen := share*float64(s.total), 0
	for _, item := range s.items {
		if seen += item.weight; float64(seen) >= want {
			return item.took
		}
	}
	return 0
}

// rate is per second, 0 where no time passed.
func rate(n int, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(n) / took.Seconds()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
