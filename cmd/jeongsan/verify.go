package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/verify"
)

func (p *program) verifyCommand() *cobra.Command {
	var localIndex, logOnly bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that the log is sound and that the read models agree with it",
		Long: `Replay the whole log with a second, independent implementation and check that
every entry balances, no transaction was settled twice, revisions have no gaps
and references resolve; then compare every account, balance, entry, transaction
and total in Postgres with it, to the last minor unit. With --log only the log is
checked, and Postgres is not needed.

The report adds up what came of the inputs, per outcome, book, source, type and
currency, from the events alone. Its state is a hash of all accounts and all
transactions: ledgers that took the same transactions have the same state, in
whatever order they came.

The first difference is named and the exit code is 1. Beside a running server
the command reads through the server's event store and database.

With --index the local index of the process that settles, in --data, is compared
with the log as well, key by key; that process must have stopped.`,
		Example: `  jeongsan verify --data ./ledger
  jeongsan verify --data ./ledger --log --json
  jeongsan verify --eventstore esdb://db:2113?tls=false --database postgres://ledger@db/ledger`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			attached, err := p.attach()
			if err != nil {
				return err
			}
			o, err := p.open(ctx, need{command: "verify", existing: true, database: !logOnly, projections: !logOnly && !attached && p.config.Database == ""})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			if o.runner != nil {
				if err := p.catchUp(ctx, o); err != nil {
					return err
				}
			}
			var checked []command.CheckedBook
			if localIndex {
				if checked, err = p.checkIndex(ctx, o); err != nil {
					return err
				}
			}
			return p.verify(ctx, o, checked)
		},
	}
	cmd.Flags().BoolVar(&logOnly, "log", false, "check the log only, not the read models")
	cmd.Flags().BoolVar(&localIndex, "index", false, "compare the local index in --data with the log, too")
	return cmd
}

// mostReplaced is how often verify looks at read models that rebuilds, one after the
// other, replace under its eyes: each is replaced once after a restore.
const mostReplaced = 10

// verify folds the log independently, compares, and prints the report.
func (p *program) verify(ctx context.Context, o *parts, checked []command.CheckedBook) error {
	var report verify.Report
	var err error
	for try := 0; try == 0 || try < mostReplaced && errors.Is(err, verify.ErrReplaced); try++ {
		bar := p.newBar("verify", 0)
		report, err = verify.Verify(ctx, verify.Config{Store: o.store, Pool: o.pool, Progress: func(events uint64) { bar.set(0, events) }})
		bar.finish()
	}
	if p.config.JSON {
		var printed any = report
		if checked != nil {
			printed = withIndex{Report: report, Index: checked}
		}
		if printErr := p.printJSON(printed); printErr != nil {
			return printErr
		}
		return err
	}
	fmt.Fprint(p.stdout, report)
	return err
}

// catchUp waits until the read models show everything that is in the log now.
func (p *program) catchUp(ctx context.Context, o *parts) error {
	position, err := o.store.LastPosition(ctx)
	if err != nil {
		return err
	}
	return o.awaitVisible(ctx, position)
}
