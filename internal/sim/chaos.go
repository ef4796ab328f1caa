package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// happens draws whether something that comes about n times in 10,000 steps of a
// storm does now.
func (s *simulation) happens(n int) bool { return s.storm > 0 && s.random.IntN(10_000) < n }

// accident draws whether something happens to the system as a whole, and lets it.
func (s *simulation) accident() (bool, error) {
	p := s.processes[s.random.IntN(len(s.processes))]
	switch {
	case p.life == nil:
		if !s.happens(3_000) && s.storm > 0 {
			return false, nil
		}
		p.skew = time.Duration(s.random.IntN(20_000)-10_000) * time.Millisecond
		s.strike("process started", "%s starts, its clock is %v off", p.name, p.skew)
		s.start(p)
	case s.happens(25):
		return true, s.kill(p)
	case !p.life.stopping && s.happens(20):
		s.strike("process stopped", "%s is told to stop", p.name)
		p.life.stopping = true
		p.life.stop()
	case s.happens(20):
		s.strike("subscriptions dropped", "all subscriptions are dropped")
		s.store.DropSubscriptions(errFault)
	case s.happens(20):
		s.strike("readers killed", "the read side is killed and starts again")
		s.readSide.kill()
		s.readSide.start()
	case len(s.held) > 0 && s.random.IntN(12) == 0:
		s.arrive(s.random.IntN(len(s.held)))
	case s.happens(100):
		d := time.Duration(s.random.IntN(4)) * pick(s.random, 17*time.Millisecond, 900*time.Millisecond, 6*time.Second)
		s.note("%v pass", d)
		<-time.After(d)
	default:
		return false, nil
	}
	return true, nil
}

// strike counts an accident and notes it.
func (s *simulation) strike(what, format string, arguments ...any) {
	s.happened.count(what)
	s.note(format, arguments...)
}

// arrive lets an append that is under way take effect.
func (s *simulation) arrive(i int) {
	o := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	s.note("arrives late: %s, %s", o.owner, o.key)
	close(o.hold)
}

// kill ends a process at once. What it had sent may still arrive; its index is what
// its disk kept.
func (s *simulation) kill(p *process) error {
	l := p.life
	left, become := s.remains(p)
	s.strike("process killed: "+left, "%s is killed, its index is %s", p.name, left)
	l.link.dead.Store(true)
	for _, o := range s.gate.list() {
		if o.owner != p.name {
			continue
		}
		v := cut
		if o.kind == appending && s.random.IntN(2) == 0 {
			v = cutLate
			s.note("but it had sent: %s", o.key)
		}
		s.gate.release(o, v)
	}
	l.stop()
	<-l.done
	s.bury(p)
	disk, err := become()
	p.disk = disk
	return err
}

// bury takes a process that has ended off the list; what it was at is done again.
func (s *simulation) bury(p *process) {
	for _, l := range p.life.lanes {
		if l.job != nil {
			s.again(l.job)
			l.job = nil
		}
	}
	p.life = nil
}

// again puts a job back, at some place.
func (s *simulation) again(j *job) {
	s.waiting = slices.Insert(s.waiting, s.random.IntN(len(s.waiting)+1), j)
}

// reap buries processes that have stopped by themselves.
func (s *simulation) reap() error {
	for _, p := range s.processes {
		if p.life == nil {
			continue
		}
		select {
		case <-p.life.done:
			if err := p.life.closing; err != nil {
				return fmt.Errorf("%s did not close: %w", p.name, err)
			}
			s.note("%s has stopped", p.name)
			s.bury(p)
		default:
		}
	}
	return nil
}

// decide draws the fate of an operation and lets it go on.
func (s *simulation) decide(o *op) error {
	v, often := pass, s.storm
	switch o.kind {
	case appending:
		often *= 3 // they are few, and what matters most
	case subscribing, receiving:
		often /= 4
	}
	if drawn := s.random.IntN(1_000) < often; !s.gate.twins(o) && drawn {
		switch o.kind {
		case appending:
			v = pick(s.random, fail, persist, late)
		case reading:
			v = pick(s.random, fail, breakOff)
		case subscribing, receiving:
			v = fail
		case answering:
			v = lose
		}
	}
	if o.kind == idling {
		if err := s.employ(o); err != nil {
			return err
		}
	}
	if v != pass {
		s.happened.count(v.String())
	}
	switch o.kind {
	case asking:
		o.call.asked = s.auditor.Position()
	case answering:
		if v == pass {
			if err := s.heard(o.call); err != nil {
				return err
			}
		}
	case appending:
		if v == late {
			s.held = append(s.held, o)
		}
	}
	s.note("%s: %s, %s", v, o.owner, o.key)
	s.gate.release(o, v)
	return nil
}

// employ hears what became of a lane's last job and gives it the next.
func (s *simulation) employ(o *op) error {
	if f := o.done; f != nil {
		o.lane.job = nil
		if err := s.closeJob(f, false); err != nil {
			return err
		}
	}
	if len(s.waiting) == 0 {
		o.job, o.done = nil, nil
		return nil
	}
	o.job, s.waiting = s.waiting[0], s.waiting[1:]
	o.lane.job = o.job
	s.note("%s, %s: %s", o.owner, o.key, o.job.name)
	return nil
}

// closeJob judges what became of a job; what was not decided is done again.
func (s *simulation) closeJob(f *finished, again bool) error {
	switch {
	case isUndecided(f.err):
		s.again(f.job)
		return nil
	case f.err != nil:
		return fmt.Errorf("%s: %w", f.job.name, f.err)
	case f.report == nil:
		return nil
	}
	r := f.report
	if r.Delivery != f.job.file.facts.Hash {
		return &domain.Error{Code: domain.CodeInternal, Field: "delivery", Value: r.Delivery, Message: "the report is about other bytes"}
	}
	c := r.Counts
	return s.auditor.Reported(r.Delivery, auditor.Counts{
		Read: c.Read, Settled: c.Settled, ZeroValue: c.ZeroValue, Replayed: c.Replayed, Quarantined: c.Quarantined, Ignored: c.Ignored, Refused: c.Refused,
	}, again)
}
