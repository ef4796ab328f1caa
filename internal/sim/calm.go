package sim

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

// mostPasses is how often everything is sent again before it must change nothing.
const mostPasses = 6

// calm ends the storm: everything under way arrives, all processes stop, and a new
// one sends everything again until nothing changes. Then the auditor says whether
// this is what the end must be.
func (s *simulation) calm() error {
	if err := s.settleDown(); err != nil {
		return err
	}
	s.note("all is calm")
	p := s.processes[s.random.IntN(len(s.processes))]
	if s.random.IntN(2) == 0 {
		p.disk = newDisk()
	}
	ctx := context.Background()
	local, err := s.open(ctx, s.store, p, p.disk)
	if err != nil {
		return err
	}
	err = s.sendAll(ctx, &auditedDoor{Door: local, sim: s})
	if err := errors.Join(err, local.Close()); err != nil {
		return err
	}
	if err := s.auditor.Finished(); err != nil {
		return err
	}
	return s.compare(ctx)
}

// settleDown stops what runs.
func (s *simulation) settleDown() error {
	for len(s.held) > 0 {
		s.arrive(0)
	}
	s.gate.unlock()
	s.readSide.kill()
	for _, p := range s.processes {
		if p.life == nil {
			continue
		}
		p.life.stop()
		<-p.life.done
		if err := p.life.closing; err != nil {
			return fmt.Errorf("%s did not close: %w", p.name, err)
		}
		p.life = nil
	}
	s.readSide.faults = false
	s.readSide.start()
	return s.follow()
}

// sendAll sends everything again and again, until a pass adds nothing to the log.
func (s *simulation) sendAll(ctx context.Context, door command.Door) error {
	pipeline := s.pipeline(door, s.store)
	jobs := s.world.everything()
	for pass := 1; ; pass++ {
		before := s.known
		var finished []*finished
		for _, j := range jobs {
			f := s.perform(ctx, pipeline, door, j)
			if err := s.follow(); err != nil {
				return err
			}
			if f.err != nil {
				return fmt.Errorf("in calm, %s: %w", j.name, f.err)
			}
			if j.kind == retryQuarantine {
				if err := s.auditor.Tidy(j.source.id); err != nil {
					return err
				}
			}
			finished = append(finished, f)
		}
		s.note("pass %d: %d events are new", pass, s.known-before)
		for _, f := range finished {
			if err := s.closeJob(f, s.known == before); err != nil {
				return err
			}
		}
		if s.known == before {
			return nil
		}
		if pass == mostPasses {
			return fmt.Errorf("what was sent %d times still adds events", pass)
		}
	}
}

// everything is each job once, the retries last.
func (w *world) everything() []*job {
	var jobs []*job
	for _, c := range w.late {
		jobs = append(jobs, &job{kind: applyLate, name: c.CommandType(), late: c})
	}
	for _, to := range w.facts.Advances {
		jobs = append(jobs, advancing(to))
	}
	for i, call := range w.direct {
		jobs = append(jobs, &job{kind: sendCommands, name: fmt.Sprintf("call %d", i+1), inputs: call})
	}
	for _, f := range w.files {
		jobs = append(jobs, &job{kind: ingestFile, name: "ingest " + f.name, file: f})
	}
	for _, s := range w.sources {
		jobs = append(jobs, &job{kind: retryQuarantine, name: "retry " + s.id, source: s})
	}
	return jobs
}

// compare waits for the read models and compares them.
func (s *simulation) compare(ctx context.Context) error {
	last, err := s.store.LastPosition(ctx)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if err := s.readSide.Await(bounded, last); err != nil {
		return errors.Join(fmt.Errorf("the read models do not reach the end of the log: %w", err), s.readSide.err())
	}
	s.readSide.kill()
	for _, m := range s.readSide.models {
		if err := s.auditor.Projected(m.name, m.tables.Rows()); err != nil {
			return err
		}
	}
	return s.readSide.err()
}

// end leaves nothing running, whatever the run came to.
func (s *simulation) end() error {
	s.gate.unlock()
	for _, p := range s.processes {
		if p.life != nil {
			p.life.link.dead.Store(true)
			p.life.stop()
			<-p.life.done
		}
	}
	if s.readSide.stop != nil {
		s.readSide.kill()
	}
	return s.store.Close()
}

// auditedDoor shows the auditor every answer at once; it is the driver's own.
type auditedDoor struct {
	command.Door
	sim *simulation
}

// Do implements command.Door.
func (d *auditedDoor) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	c := &call{asked: d.sim.auditor.Position(), requests: requests}
	c.replies = d.Door.Do(ctx, requests...)
	err := d.sim.follow()
	if err == nil {
		err = d.sim.heard(c)
	}
	if err != nil {
		for i := range c.replies {
			c.replies[i] = command.Reply{Err: &domain.Error{Code: domain.CodeInternal, Message: "the auditor objects", Err: err}}
		}
	}
	return c.replies
}
