package businessday

import "time"

// Clock is what a Scheduler knows of time. It is safe for concurrent use.
type Clock interface {
	// Now is the time of day that business dates are read from.
	Now() time.Time
	// Timer sends once after a duration has passed, by a clock that is never set;
	// stop releases it.
	Timer(d time.Duration) (c <-chan time.Time, stop func())
}

// system is the clock of the machine.
type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) Timer(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
