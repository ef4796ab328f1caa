package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
)

// Config says what to measure and how much of it.
type Config struct {
	// Dir is where the ledgers are made, one directory each; it exists and is
	// empty. Keep leaves them there.
	Dir  string
	Keep bool
	// Open opens a ledger, StartNode a node that is a process of its own.
	Open      Open
	StartNode StartNode

	Settlements int           // of a bulk scenario; of the node, events
	LargeLog    int           // events of node-large; 0 is ten million
	Accounts    int           // distinct partner accounts
	Products    int           // distinct products, or categories of them
	Callers     int           // at once; 0 is each scenario's own
	Duration    time.Duration // of scenarios that go by time
	Rate        float64       // of paced, settlements per second; 0 is half of the highest measured
	Seed        uint64
	IDs         string // "serial" (default) or "uuid"
	// CPUProfile and MemoryProfile are files, empty for none. Where several
	// scenarios run, each has its own: its name is put before the ending, and that of
	// a side where a scenario has two deals.
	CPUProfile, MemoryProfile string
	Logger                    *slog.Logger // of the yardstick's server; slog.Default where nil
	// Say is told what goes on; it may be nil.
	Say func(format string, args ...any)
}

// scenario is one thing to measure.
type scenario struct {
	name string
	what string
	run  func(b *bench, ctx context.Context, r *result) error
	// reads says that it works on the ledger that end-to-end has filled.
	reads bool
	// asked says that it takes long and runs only where it is named.
	asked bool
}

// calibration measures what the machine can do.
var calibration = []scenario{
	{name: "flush", what: "one flush of 4 KiB to this disk", run: (*bench).flush},
	{name: "storage", what: "Pebble alone: the same events in groups of 500, synced", run: (*bench).pebble},
	{name: "yardstick", what: "plain Postgres: row per transaction and posting, 500 per transaction, COPY, four connections", run: (*bench).yardstick},
	{name: "bare", what: "bare pipeline: encoded events through append, subscription and every read model", run: (*bench).bare},
}

// scenarios measures what the product does. The order lets later ones use what
// earlier ones have filled or measured.
var scenarios = []scenario{
	{name: "end-to-end", what: "mapped input to durable and visible in every read model", run: (*bench).endToEnd},
	{name: "verify", what: "the log folded by the independent implementation", run: (*bench).verify, reads: true},
	{name: "query", what: "balances read over GraphQL", run: (*bench).query, reads: true},
	{name: "rebuild", what: "every read model made anew from the log, compared and switched", run: (*bench).rebuild, reads: true},
	{name: "durable", what: "mapped input to durable, no read models", run: (*bench).durable},
	{name: "ingest", what: "an NDJSON file to durable and visible", run: (*bench).ingest},
	{name: "graphql", what: "single settle mutations over HTTP, read models on", run: (*bench).graphql},
	{name: "paced", what: "a fixed rate, durable and visible", run: (*bench).paced},
	{name: "hot", what: "end to end over one account and over a thousand", run: (*bench).hot},
	{name: "wide", what: "end to end over 50,000 accounts and over a thousand", run: (*bench).wide},
	{name: "rules", what: "end to end under ten rules of the whole language and under four plain ones, in turns", run: (*bench).rules},
	{name: "memory", what: "resident memory early and at the end", run: (*bench).memory},
	{name: "node-append", what: "the event store node alone: appends of 500 events, beside Pebble alone and a plain file", run: (*bench).nodeAppend},
	{name: "node-single", what: "the event store node alone: appends of one event", run: (*bench).nodeSingle},
	{name: "node-read", what: "the event store node alone: the whole log and single events, from disk", run: (*bench).nodeRead},
	{name: "node-live", what: "the event store node alone: a fixed rate, delivered to a subscription", run: (*bench).nodeLive},
	{name: "node-large", what: "the event store node over a large log: start, memory, appends, reads", run: (*bench).nodeLarge, asked: true},
}

// Calibrate is the name under which all of the calibration runs, AllNode that of
// the scenarios of the node that do not have to be asked for by name.
const (
	Calibrate = "calibrate"
	AllNode   = "node"
)

// Names lists what can be asked for.
func Names() []string {
	names := []string{Calibrate, AllNode}
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// bench is one run.
type bench struct {
	config Config
	report *Report
	many   bool                  // more than one scenario runs
	now    string                // the scenario that runs
	part   string                // of it, where its parts have profiles of their own
	opened int                   // directories so far
	events []eventstore.Proposed // settlements as the log holds them
	filled *ledger               // kept for the scenarios that read
}

// Run measures what is named, everything where nothing is. The report is filled
// as far as it came, also beside an error.
func Run(ctx context.Context, config Config, names ...string) (_ *Report, err error) {
	started := time.Now()
	if config.IDs == "" {
		config.IDs = idsSerial
	}
	if config.LargeLog == 0 {
		config.LargeLog = largeLog
	}
	if config.Say == nil {
		config.Say = func(string, ...any) {}
	}
	wanted, err := choice(names)
	if err == nil {
		err = config.check()
	}
	if err != nil {
		return nil, err
	}
	fs, volatile := filesystem(config.Dir)
	b := &bench{config: config, many: len(wanted) > 1, report: &Report{
		Machine:  Machine{At: started.UTC().Truncate(time.Second), System: kernel(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Filesystem: fs},
		Settings: Settings{Settlements: config.Settlements, Accounts: config.Accounts, Products: config.Products, Seed: config.Seed, IDs: config.IDs, Dir: config.Dir},
	}}
	if volatile {
		b.say("warning: %s lies in memory: nothing is flushed there, and no figure is worth anything; choose a disk with --data or TMPDIR", config.Dir)
	}
	defer func() { err = errors.Join(err, b.release()) }()
	for _, s := range wanted {
		if err := b.one(ctx, s); err != nil {
			return b.report, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.report.Ratios = ratiosOf(b.report)
	b.report.Seconds = time.Since(started).Seconds()
	return b.report, nil
}

func choice(names []string) (wanted []scenario, err error) {
	all := append(append([]scenario{}, calibration...), scenarios...)
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(s scenario) bool { return s.asked }), nil
	}
	for _, name := range names {
		before := len(wanted)
		if name == Calibrate {
			wanted = append(wanted, calibration...)
		}
		for _, s := range all {
			if s.name == name || (name == AllNode && !s.asked && strings.HasPrefix(s.name, AllNode+"-")) {
				wanted = append(wanted, s)
			}
		}
		if len(wanted) == before {
			return nil, &domain.Error{Code: domain.CodeInvalid, Field: "scenario", Value: name, Message: "no such scenario", Remedy: "name some of: " + strings.Join(Names(), ", ")}
		}
	}
	return wanted, nil
}

func (c *Config) check() error {
	least := func(field string, value, least int) error {
		if value >= least {
			return nil
		}
		return &domain.Error{Code: domain.CodeInvalid, Field: field, Value: fmt.Sprint(value), Message: "too little to measure", Remedy: fmt.Sprintf("give at least %d", least)}
	}
	err := errors.Join(
		least("settlements", c.Settlements, 100), least("large-log", c.LargeLog, 0), least("accounts", c.Accounts, 1), least("products", c.Products, 1), least("callers", c.Callers, 0),
		least("duration (ms)", int(c.Duration.Milliseconds()), 1),
	)
	if c.IDs != idsSerial && c.IDs != idsUUID {
		err = errors.Join(err, &domain.Error{Code: domain.CodeInvalid, Field: "ids", Value: c.IDs, Message: "unknown form of ids", Remedy: "choose serial or uuid"})
	}
	return err
}

// one runs a scenario and notes its result.
func (b *bench) one(ctx context.Context, s scenario) error {
	if !s.reads {
		if err := b.release(); err != nil {
			return err
		}
	}
	// What the scenario before has left shall not count for this one.
	debug.FreeOSMemory()
	b.now, b.part = s.name, ""
	started := time.Now()
	r := &result{Result{Name: s.name, What: s.what}}
	if err := s.run(b, ctx, r); err != nil {
		return err
	}
	r.Seconds = time.Since(started).Seconds()
	b.report.Results = append(b.report.Results, r.Result)
	return nil
}

func (b *bench) say(format string, args ...any) { b.config.Say(format, args...) }

func (b *bench) load() *load { return b.loadOver(b.config.Accounts) }

func (b *bench) loadOver(accounts int) *load {
	return newLoad(b.config.Seed, b.config.IDs, accounts, b.config.Products)
}

func (b *bench) callers(usual int) int {
	if b.config.Callers > 0 {
		return b.config.Callers
	}
	return usual
}

// directory returns the path of a directory that does not exist yet.
func (b *bench) directory(name string) (string, error) {
	b.opened++
	dir := filepath.Join(b.config.Dir, fmt.Sprintf("%02d-%s", b.opened, name))
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return "", &domain.Error{Code: domain.CodeConflict, Field: "data", Value: dir, Message: "is there already", Remedy: "name an empty directory with --data", Err: err}
	}
	return dir, nil
}

func (b *bench) remove(dir string) error {
	if b.config.Keep {
		return nil
	}
	return os.RemoveAll(dir)
}

// measured is what was used while something ran.
type measured struct {
	started time.Time
	took    time.Duration
	used    usage
	peak    memory
}

// measure runs something and notes what it used, profiled where that is wished;
// pid is of the process beside this one that takes part, 0 for none.
func (b *bench) measure(pid int, do func() error) (m measured, err error) {
	stop, err := b.profile()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return observe(pid, do)
}

// observe is measure without profiles.
func observe(pid int, do func() error) (m measured, err error) {
	peak := watchMemory(pid)
	before := currentUsage(pid)
	m.started = time.Now()
	err = do()
	m.took = time.Since(m.started)
	m.used = currentUsage(pid).since(before)
	m.peak = peak()
	return m, err
}

// profile begins the profiles; stop writes them.
func (b *bench) profile() (stop func() error, err error) {
	stop = func() error { return nil }
	if b.config.MemoryProfile != "" {
		stop = func() error {
			f, err := os.Create(b.profileName(b.config.MemoryProfile))
			if err != nil {
				return err
			}
			return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
		}
	}
	if b.config.CPUProfile == "" {
		return stop, nil
	}
	f, err := os.Create(b.profileName(b.config.CPUProfile))
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "cpuprofile", Value: b.config.CPUProfile, Message: "cannot be written", Remedy: "name a file in a writable directory", Err: err}
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	memory := stop
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(f.Close(), memory())
	}, nil
}

func (b *bench) profileName(path string) string {
	ending := filepath.Ext(path)
	name := strings.TrimSuffix(path, ending)
	if b.many {
		name += "." + b.now
	}
	if b.part != "" {
		name += "." + b.part
	}
	return name + ending
}
