package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"math/rand/v2"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/internal/sim/auditor"
)

// Options say how a simulation is run. Tamper, Answer and Skip plant bugs, to see
// that the auditor finds them.
type Options struct {
	Seed uint64
	// Tamper changes the events of an append on their way to the log.
	Tamper func(stream domain.StreamID, events []eventstore.Proposed) []eventstore.Proposed
	// Answer changes what a caller is told.
	Answer func(c domain.Command, reply *command.Reply)
	// Skip reports whether the rows of a batch are not written.
	Skip func(readModel string, events int) bool
	// Whole keeps the whole trace.
	Whole bool
	// Logger takes the product's logs; nil discards them.
	Logger *slog.Logger
}

// Result is what a simulation came to.
type Result struct {
	// Hash is that of everything that happened: equal for equal seeds.
	Hash string
	// Steps and Events count what was decided at the gate and what is in the log.
	Steps, Events int
	// Happened counts events by type, refusals by code, and accidents.
	Happened map[string]int
	// Trace is the end of what happened, a line each.
	Trace []string
	// Err is the first thing that was not as it must be, or nil.
	Err error
}

// Limits beyond which a simulation has failed to come to rest.
const (
	mostSteps  = 60_000
	traceLines = 80
)

// simulation is one run. All but what the goroutines of processes use belongs to
// the driver.
type simulation struct {
	options  Options
	random   *rand.Rand
	logger   *slog.Logger
	world    *world
	store    *memory.Store
	identity eventstore.Identity
	auditor  *auditor.Auditor
	gate     *gate
	readSide *readSide
	throttle collect.Throttle
	lanes    int // of a process
	batch    int // records that settle together

	storm     int // faults per thousand operations
	processes []*process
	waiting   []*job
	held      []*op // appends under way
	known     int   // events the auditor has taken
	result    Result
	happened  tally
	hash      hash.Hash
}

// Run runs the simulation of a seed. It must be called in a bubble of
// testing/synctest, of which it leaves no goroutine behind.
func Run(options Options) Result {
	s := &simulation{
		options: options, random: rand.New(rand.NewPCG(options.Seed, 1)), logger: options.Logger, store: memory.New(), gate: newGate(), hash: sha256.New(),
		happened: tally{counts: map[string]int{}},
	}
	if s.logger == nil {
		s.logger = quiet()
	}
	s.world = draw(rand.New(rand.NewPCG(options.Seed, 2)))
	s.auditor = auditor.New(s.world.facts)
	s.lanes, s.batch, s.storm = 1+s.random.IntN(3), 1+s.random.IntN(30), pick(s.random, 0, 10, 60, 200)
	s.readSide = newReadSide(s.gate, &link{Store: s.store, gate: s.gate, owner: "readers"}, rand.New(rand.NewPCG(options.Seed, 3)))
	s.readSide.skip, s.readSide.happened = options.Skip, &s.happened
	s.throttle = collect.NewCredit(s.readSide, 10+s.random.IntN(60), 0, s.logger)
	err := s.run()
	s.result.Err = errors.Join(err, s.end())
	s.result.Steps, s.result.Happened = s.gate.now(), s.happened.counts
	s.result.Hash = hex.EncodeToString(s.hash.Sum(nil)[:16])
	return s.result
}

func (s *simulation) run() error {
	if err := s.prepare(); err != nil {
		return err
	}
	if err := s.drive(); err != nil {
		return err
	}
	return s.calm()
}

// prepare begins the log and brings in the terms that are known from the start.
func (s *simulation) prepare() error {
	ctx := context.Background()
	var id uuid.UUID
	for i := range id {
		id[i] = byte(s.random.Uint32())
	}
	s.identity = eventstore.Identity{LogID: id, Incarnation: 1}
	if err := s.begin(ctx, s.store, newDisk(), nil); err != nil {
		return err
	}
	s.waiting = s.world.jobs
	for i := range 1 + s.random.IntN(3) {
		s.processes = append(s.processes, &process{name: fmt.Sprintf("process %d", i+1), disk: newDisk()})
	}
	return s.follow()
}

// begin starts a log and sends it the terms, and commands after them.
func (s *simulation) begin(ctx context.Context, log eventstore.Store, disk *vfs.MemFS, inputs []*auditor.Input) error {
	data, err := eventstore.Encode(eventstore.LogStarted(s.identity))
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, eventstore.IdentityStream, eventstore.NoStream(), eventstore.Proposed{
		ID: eventstore.EventID(eventstore.IdentityStream, "1", data), Type: eventstore.LogStarted{}.EventType(), Data: data, Metadata: []byte(`{"actor":"system"}`),
	})
	if err != nil {
		return err
	}
	local, err := s.open(ctx, log, &process{name: "setup"}, disk)
	if err != nil {
		return err
	}
	for _, c := range s.world.terms {
		if reply := local.Do(ctx, request(c))[0]; reply.Err != nil {
			err = errors.Join(err, fmt.Errorf("%+v: %w", c, reply.Err))
		}
	}
	for _, in := range inputs {
		local.Do(ctx, request(commandOf(in))) // some are refused, as they should be
	}
	return errors.Join(err, local.Close())
}

// drive lets everything happen, one step at a time, until all jobs are done.
func (s *simulation) drive() error {
	s.readSide.start()
	for _, p := range s.processes {
		s.start(p)
	}
	for {
		synctest.Wait()
		if err := s.follow(); err != nil {
			return err
		}
		step := s.gate.next()
		if step > mostSteps {
			return fmt.Errorf("after %d steps there are still %d jobs: it does not come to rest", step, len(s.waiting))
		}
		if err := s.reap(); err != nil {
			return err
		}
		if struck, err := s.accident(); struck || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		ready := s.ready()
		if len(ready) > 0 {
			if err := s.decide(pick(s.random, ready...)); err != nil {
				return err
			}
			continue
		}
		if s.atRest() {
			return nil
		}
		if err := s.wait(); err != nil {
			return err
		}
	}
}

// ready gives what can go on. No call begins in a process while another one reads
// new terms: both would go on at the same moment, and race for the book's queue.
func (s *simulation) ready() (ready []*op) {
	parked := s.gate.list()
	learning := map[string]bool{}
	for _, o := range parked {
		learning[o.owner] = learning[o.owner] || o.sync
	}
	for _, o := range parked {
		if o.kind == asking && learning[o.owner] {
			continue
		}
		if o.kind != idling || o.done != nil || len(s.waiting) > 0 {
			ready = append(ready, o)
		}
	}
	return ready
}

// atRest reports whether all jobs are done.
func (s *simulation) atRest() bool {
	if len(s.waiting) > 0 {
		return false
	}
	for _, p := range s.processes {
		if p.life == nil {
			continue
		}
		for _, l := range p.life.lanes {
			if l.job != nil {
				return false
			}
		}
	}
	return true
}

// wait lets time pass until something arrives at the gate or a process has ended.
func (s *simulation) wait() error {
	if len(s.held) > 0 {
		s.arrive(s.random.IntN(len(s.held)))
		return nil
	}
	for _, p := range s.processes {
		if p.life == nil {
			s.start(p)
			return nil
		}
	}
	ended := make(chan struct{})
	stop := make(chan struct{})
	defer close(stop)
	for _, p := range s.processes {
		done := p.life.done
		go func() {
			select {
			case <-done:
				select {
				case ended <- struct{}{}:
				case <-stop:
				}
			case <-stop:
			}
		}()
	}
	select {
	case <-s.gate.arrived:
		return nil
	case <-ended:
		return nil
	case <-time.After(time.Hour):
		return fmt.Errorf("nothing has happened for an hour, with %d jobs left: it stands still", len(s.waiting))
	}
}
