package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/bench"
)

// benchFlags are the command's own.
type benchFlags struct {
	bench.Config

	strict     bool
	nodeInside bool
}

func (p *program) benchCommand() *cobra.Command {
	flags := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench [SCENARIO…]",
		Short: "Measure the product on its real path, and the machine in the same run",
		Long: `Measure the product on its real path, each scenario on a fresh ledger with the
parts that a server has, and in the same run what the machine can do: one flush,
Pebble alone, plain Postgres written well (the yardstick) and the bare pipeline.
The table at the end sets them in relation, with the floors that the product keeps
to; docs/performance.md says what each figure means and where it misleads.

Without a scenario everything runs but node-large, which fills a log of ten million
events first. The scenarios of "node" measure the event store node alone, a process
of its own, through the client that the product uses.
Scenarios: ` + strings.Join(bench.Names(), ", ") + `.

The ledgers are in a temporary directory, or in the empty one that --data names,
and are removed at the end. It must lie on a real disk. Nothing else should run.`,
		Example: `  jeongsan bench                                   # everything, 100,000 settlements each
  jeongsan bench --settlements 500000              # as documented
  jeongsan bench calibrate end-to-end --json
  jeongsan bench end-to-end --cpuprofile cpu.pprof # then: go tool pprof -http : cpu.pprof
  jeongsan bench memory --settlements 2000000
  jeongsan bench node                              # the event store node alone
  jeongsan bench node-large                        # the same over ten million events`,
		ValidArgs: bench.Names(),
		RunE: func(cmd *cobra.Command, names []string) error {
			if !cmd.Flags().Changed("log-level") {
				p.config.LogLevel = "warn" // progress is told by the command itself
				if err := p.openLog(); err != nil {
					return err
				}
			}
			if p.config.EventStore != "" || p.config.Database != "" {
				return errors.Join(errUsage, &domain.Error{
					Code: domain.CodeInvalid, Field: "eventstore, database", Message: "the bench measures the embedded parts, on ledgers of its own",
					Remedy: "leave --eventstore and --database out",
				})
			}
			return p.bench(cmd.Context(), flags, names, cmd.Flags().Changed("data"))
		},
	}
	f := cmd.Flags()
	f.IntVar(&flags.Settlements, "settlements", 100_000, "`number` of settlements in each bulk scenario")
	f.IntVar(&flags.Accounts, "accounts", 1_000, "`number` of distinct partner accounts")
	f.IntVar(&flags.Products, "products", 8, "`number` of distinct products or categories; with days, parties and methods they make the daily totals")
	f.IntVar(&flags.Callers, "callers", 0, "`number` of callers at once; 0 is each scenario's own (bulk 1, as one delivery; graphql 64)")
	f.DurationVar(&flags.Duration, "duration", 10*time.Second, "how long scenarios run that go by `time`")
	f.Float64Var(&flags.Rate, "rate", 0, "settlements per `second` of paced; 0 is half of the highest rate measured")
	f.Uint64Var(&flags.Seed, "seed", 1, "`seed` of the transactions")
	f.StringVar(&flags.IDs, "ids", "serial", "form of the source's ids: serial or uuid")
	f.StringVar(&flags.CPUProfile, "cpuprofile", "", "write a CPU profile of what is measured to `file`")
	f.StringVar(&flags.MemoryProfile, "memprofile", "", "write a profile of allocations to `file`")
	f.IntVar(&flags.LargeLog, "large-log", 0, "`number` of events that node-large fills a log with; 0 is ten million, some 5 GB")
	f.BoolVar(&flags.nodeInside, "node-inside", false, "run the node of node-… in this process, for profiles of both sides; the figures are then not comparable")
	f.BoolVar(&flags.Keep, "keep", false, "leave the ledgers where they are")
	f.BoolVar(&flags.strict, "strict", false, "exit with 1 where a floor is missed")
	return cmd
}

func (p *program) bench(ctx context.Context, flags *benchFlags, names []string, named bool) (err error) {
	dir, remove, err := p.benchDirectory(named, flags.Keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	config := flags.Config
	config.Dir, config.Open, config.Logger = dir, p.openBench, p.log
	config.StartNode = p.benchNode(flags.nodeInside)
	started := time.Now()
	config.Say = func(format string, args ...any) {
		fmt.Fprintf(p.stderr, "%6.1f s  "+format+"\n", append([]any{time.Since(started).Seconds()}, args...)...)
	}
	report, err := bench.Run(ctx, config, names...)
	if report == nil {
		return errors.Join(errUsage, err)
	}
	if p.config.JSON {
		err = errors.Join(err, p.printJSON(report))
	} else {
		p.printBench(report)
	}
	if flags.Keep {
		p.benchSay("the ledgers are in %s", dir)
	}
	if err == nil && flags.strict && !report.Passed() {
		err = &domain.Error{Code: domain.CodeConflict, Field: "bench", Message: "a floor was missed", Remedy: "see the table; measure again on a quiet machine before believing it"}
	}
	return err
}

func (p *program) benchSay(format string, args ...any) {
	fmt.Fprintf(p.stderr, format+"\n", args...)
}

// benchDirectory is a temporary one, or the one named with --data where that is empty.
func (p *program) benchDirectory(named, keep bool) (dir string, remove func() error, err error) {
	if !named {
		dir, err := os.MkdirTemp("", "jeongsan-bench-")
		if err == nil {
			err = os.Chmod(dir, 0o711) //nolint:gosec // searchable for the database's user, not readable
		}
		if err != nil {
			return "", nil, &domain.Error{Code: domain.CodeUnavailable, Field: "temporary directory", Value: os.TempDir(), Message: "cannot be used", Remedy: "set TMPDIR to a writable directory on a disk", Err: err}
		}
		return dir, func() error {
			if keep {
				return nil
			}
			return os.RemoveAll(dir)
		}, nil
	}
	dir = p.config.Data
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // as above
		return "", nil, &domain.Error{Code: domain.CodeUnavailable, Field: "data", Value: dir, Message: "cannot be made", Remedy: "name a directory that can be written", Err: err}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, &domain.Error{Code: domain.CodeUnavailable, Field: "data", Value: dir, Message: "cannot be read", Remedy: "name an empty directory", Err: err}
	}
	if len(entries) > 0 {
		return "", nil, errors.Join(errUsage, &domain.Error{Code: domain.CodeConflict, Field: "data", Value: dir, Message: "is not empty: the bench works on ledgers of its own", Remedy: "name an empty directory, or leave --data out"})
	}
	return dir, func() error { return nil }, nil
}

// openBench opens a fresh installation as serve does, but for the store, which is
// wrapped before the door takes it.
func (p *program) openBench(ctx context.Context, dir string, want bench.Need, wrap func(eventstore.Store) eventstore.Store) (_ *bench.Ledger, err error) {
	own := *p
	own.config.Data, own.config.Roles = dir, []string{roleCollect, roleProcess, roleProject, roleAPI}
	o, err := own.open(ctx, need{command: "bench", database: want.Projections, keys: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	o.store = wrap(o.store)
	local, err := command.Open(ctx, command.Config{
		Store: o.store, Identity: o.identity, Keys: o.keys, IndexDir: o.dir.Index(), Now: time.Now, Logger: p.log,
		Observer: newAppendMetrics(o.registry),
	})
	if err != nil {
		return nil, err
	}
	o.door = local
	o.later("command door", local.Close)
	l := &bench.Ledger{
		Store: o.store, Identity: o.identity, Door: o.door, Metrics: o.registry, Pool: o.pool,
		Node: o.dir.Node(), Index: o.dir.Index(), Postgres: o.dir.Postgres(), Failed: o.failed, Close: o.close,
	}
	if want.Projections {
		o.startProjections()
		l.Runner, l.Pipeline = o.runner, own.pipeline(o)
		l.Throttle = collect.NewCredit(o.runner, 0, 0, p.log) // as the pipeline has
	}
	if want.HTTP {
		listener, err := listen("127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		if err := own.startHTTP(o, listener); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
		l.URL = "http://" + listener.Addr().String()
	}
	return l, nil
}
