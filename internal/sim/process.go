package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

// indexDir is where every process has its index, each on a disk of its own.
const indexDir = "/index"

// process is a simulated process that writes: a door with its index, and lanes
// that carry out jobs. It lives several lives.
type process struct {
	name string
	disk *vfs.MemFS
	skew time.Duration // of its clock
	life *life         // nil while it is down
	born int           // lives so far
}

// life is one run of a process, from its start to its end.
type life struct {
	sim     *simulation
	process *process
	link    *link
	ctx     context.Context // ends when it is told to stop
	stop    context.CancelFunc
	done    chan struct{}
	before  *vfs.MemFS // the disk as it was when the life began

	lanes    []*lane
	closing  error // of a door that closed by itself; read after done
	stopping bool  // the driver's
}

// lane carries out one job after another.
type lane struct {
	life   *life
	number int
	job    *job // the driver's: what it is at
}

func (l *lane) name() string { return fmt.Sprintf("lane %d", l.number) }

// finished is what became of a job.
type finished struct {
	job    *job
	report *collect.Report
	err    error
}

// start begins a life. Opening the door parks at the gate like everything else.
func (s *simulation) start(p *process) {
	p.born++
	l := &life{sim: s, process: p, link: &link{Store: s.store, gate: s.gate, owner: p.name, tamper: s.options.Tamper}, done: make(chan struct{})}
	l.ctx, l.stop = context.WithCancel(context.Background())
	for i := range s.lanes {
		l.lanes = append(l.lanes, &lane{life: l, number: i + 1})
	}
	l.before = copied(p.disk, rand.New(rand.NewPCG(s.options.Seed, uint64(p.born))))
	p.life = l
	disk := p.disk
	go func() {
		defer close(l.done)
		l.closing = l.run(disk)
	}()
}

// run opens the door, works until it is told to stop, and closes it again.
func (l *life) run(disk *vfs.MemFS) error {
	var local *command.Local
	for local == nil {
		var err error
		if local, err = l.sim.open(l.ctx, l.link, l.process, disk); err == nil {
			break
		}
		select {
		case <-time.After(time.Second):
		case <-l.ctx.Done():
			return nil
		}
	}
	var lanes sync.WaitGroup
	for _, lane := range l.lanes {
		door := &watchedDoor{Door: local, life: l, key: lane.name()}
		lanes.Go(func() { lane.work(door) })
	}
	<-l.ctx.Done()
	err := local.Close()
	lanes.Wait()
	return err
}

// open opens the door of a process.
func (s *simulation) open(ctx context.Context, log eventstore.Store, p *process, disk *vfs.MemFS) (*command.Local, error) {
	return command.Open(ctx, command.Config{
		Store: log, Identity: s.identity, Keys: keys{}, IndexDir: indexDir, IndexFS: disk, Logger: s.logger, Observer: &s.happened,
		Now: func() time.Time { return s.clock(p) },
	})
}

// clock is the time as a process sees it: it goes on with the steps and jumps with
// the process's lives, now and then backwards.
func (s *simulation) clock(p *process) time.Time {
	return time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(s.gate.now())*37*time.Millisecond + p.skew)
}

// pipeline is the way in, through a door.
func (s *simulation) pipeline(door command.Door, log eventstore.Store) *collect.Pipeline {
	return collect.NewPipeline(collect.Config{
		Door: door, Store: log, Keys: keys{}, Throttle: s.throttle, Logger: s.logger, Batch: s.batch, Patience: 20 * time.Second,
		Jitter: func(pause time.Duration) time.Duration { return pause*3/4 + 1 },
	})
}

// work carries out jobs until the life ends.
func (l *lane) work(door command.Door) {
	ctx, s := l.life.ctx, l.life.sim
	pipeline := s.pipeline(door, l.life.link)
	var done *finished
	for {
		o := &op{kind: idling, owner: l.life.process.name, key: l.name(), lane: l, done: done}
		if v, err := s.gate.pass(ctx, o); err != nil || v != pass || o.job == nil {
			return
		}
		done = s.perform(ctx, pipeline, door, o.job)
	}
}

// perform carries out one job. Commands are all sent, whatever becomes of them:
// that is the door's to watch.
func (s *simulation) perform(ctx context.Context, pipeline *collect.Pipeline, door command.Door, j *job) *finished {
	f := &finished{job: j}
	switch j.kind {
	case ingestFile:
		var definition *collect.Definition
		if definition, f.err = parsed(j.file.source.text); f.err == nil {
			var report collect.Report
			report, f.err = pipeline.Ingest(ctx, definition, j.file.delivery(), nil)
			f.report = &report
		}
		if j.file.facts.Broken && domain.CodeOf(f.err) == domain.CodeMalformed {
			f.err = undecided(f.err)
		}
	case sendCommands:
		var requests []command.Request
		for _, in := range j.inputs {
			requests = append(requests, request(commandOf(in)))
		}
		f.err = firstUndecided(door.Do(ctx, requests...))
	case applyLate:
		f.err = firstUndecided(door.Do(ctx, request(j.late)))
	case advanceDate:
		_, f.err = businessday.Advance(ctx, door, j.to.Book, domain.Date(j.to.Date), 0, eventstore.Meta{Actor: "api", Authenticated: "none"}, nil)
	case retryQuarantine:
		var report collect.RetryReport
		report, f.err = pipeline.Retry(ctx, j.source.id, collect.Filter{}, nil)
		if domain.CodeOf(f.err) == domain.CodeNotFound {
			f.err = nil // nothing has been ingested yet
		}
		if sum := report.Settled + report.AlreadySettled + report.Ignored + report.Remaining; f.err == nil && sum != report.Tried {
			f.err = &domain.Error{Code: domain.CodeInternal, Message: fmt.Sprintf("a retry does not add up: %+v", report)}
		}
	}
	return f
}

func request(c domain.Command) command.Request {
	return command.Request{Command: c, Meta: eventstore.Meta{Actor: "api", Authenticated: "none"}}
}

// undecided gives the part of an error that asks for another try; nil for one that
// is an answer. A broken delivery that could not be noted is such a part.
func undecided(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			if domain.CodeOf(part) != domain.CodeMalformed {
				return part
			}
		}
	}
	return nil
}

func isUndecided(err error) bool {
	code := domain.CodeOf(err)
	return code == domain.CodeUnavailable || code == domain.CodeOutcomeUnknown
}

func firstUndecided(replies []command.Reply) error {
	for _, reply := range replies {
		if isUndecided(reply.Err) {
			return reply.Err
		}
	}
	return nil
}

// definitions holds parsed definitions by their text: compiling one takes longer
// than most simulations.
var definitions sync.Map

func parsed(text string) (*collect.Definition, error) {
	if d, known := definitions.Load(text); known {
		return d.(*collect.Definition), nil
	}
	d, err := collect.ParseDefinition("simulation", []byte(text))
	if err != nil {
		return nil, err
	}
	definitions.Store(text, d)
	return d, nil
}

// watchedDoor parks every call before it reaches the door and after it was
// answered; the driver hears what was answered. Answers of a life that ended
// meanwhile reach nobody.
type watchedDoor struct {
	command.Door
	life *life
	key  string
}

// Do implements command.Door.
func (d *watchedDoor) Do(ctx context.Context, requests ...command.Request) []command.Reply {
	c := &call{requests: requests}
	gate := d.life.sim.gate
	if v, err := gate.pass(ctx, &op{kind: asking, owner: d.life.process.name, key: d.key, call: c}); err != nil || v != pass {
		return unanswered(requests, domain.CodeUnavailable)
	}
	c.replies = d.Door.Do(ctx, requests...)
	if v, err := gate.pass(ctx, &op{kind: answering, owner: d.life.process.name, key: d.key, call: c}); err != nil || v != pass {
		return unanswered(requests, domain.CodeOutcomeUnknown)
	}
	return c.replies
}

func unanswered(requests []command.Request, code domain.Code) []command.Reply {
	replies := make([]command.Reply, len(requests))
	for i := range replies {
		replies[i].Err = &domain.Error{Code: code, Message: "no answer", Err: errFault}
	}
	return replies
}

// quiet is where the product's logs go unless somebody wants to read them.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
