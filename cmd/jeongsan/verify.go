package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/internal/verify"
)

func (p *program) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove that the log is sound and that the read models agree with it",
		Long: `Replay the whole log with a second, independent implementation and check that
every entry balances, no transaction was settled twice, revisions have no gaps
and references resolve; then compare every account, balance, entry, transaction
and total in Postgres with it, to the last minor unit.

The first difference is named and the exit code is 1. Beside a running server
the command reads through the server's event store and database.`,
		Example: `  jeongsan verify --data ./ledger
  jeongsan verify --eventstore esdb://db:2113?tls=false --database postgres://ledger@db/ledger`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			attached, err := p.attach()
			if err != nil {
				return err
			}
			o, err := p.open(ctx, need{command: "verify", database: true, projections: !attached && p.config.Database == ""})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			if o.runner != nil {
				if err := p.catchUp(ctx, o); err != nil {
					return err
				}
			}
			return p.verify(ctx, o)
		},
	}
}

// verify folds the log independently, compares, and prints the report.
func (p *program) verify(ctx context.Context, o *parts) error {
	bar := p.newBar("verify", 0)
	report, err := verify.Verify(ctx, verify.Config{Store: o.store, Pool: o.pool, Progress: func(events uint64) { bar.set(0, events) }})
	bar.finish()
	if p.config.JSON {
		if printErr := p.printJSON(report); printErr != nil {
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
