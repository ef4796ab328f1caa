package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/rerating"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/restatement"
)

func (p *program) rerateCommand() *cobra.Command {
	var scope rerating.Scope
	var operation rerating.Operation
	var on, server string
	var preview bool
	var most int
	cmd := &cobra.Command{
		Use:   "rerate",
		Short: "Rate the settlements of a period again and post the differences",
		Long: `Rate the settlements of a period again, in the order of their dates, by the
versions that the schedules of their contracts have for them today, with
accumulators counted afresh; and post for each that comes out otherwise one
adjustment, linked to it, of the difference alone. This is how a corrected version
of a schedule reaches what was settled before it, and how a transaction that came
late moves those behind it over the edge of a tier. Refunds follow their sale,
whatever their date. What was reversed is left out.

With --preview nothing is posted. Where a settlement cannot be rated nothing is
posted either. A run that was interrupted is simply run again, under the same --id
if the name matters: what is corrected does not differ any more.

Beside a running server that uses --data the adjustments go to that server. With
--server they go to that one, and the log is read from --eventstore.`,
		Example: `  jeongsan rerate --book main --from 2026-05-01 --to 2026-05-31 --reason "fee of 3 %, not 5 %" --preview
  jeongsan rerate --book main --from 2026-05-01 --to 2026-05-31 --contract c-7 --reason "late sales of May"`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			day, err := p.config.Business.day()
			if err != nil {
				return errors.Join(errUsage, err)
			}
			if operation.ID == "" {
				operation.ID = now.UTC().Format("20060102-150405")
			}
			operation.OccurredAt, operation.EffectiveOn = now.UTC(), day.On(now)
			if on != "" {
				if operation.EffectiveOn, err = dateFlag("on", on); err != nil {
					return err
				}
			}
			if err := scope.Check(); err != nil {
				return errors.Join(errUsage, err)
			}
			if preview && operation.Reason == "" {
				operation.Reason = "preview"
			}
			if err := operation.Check(); err != nil {
				return errors.Join(errUsage, err)
			}
			return p.rerate(cmd.Context(), scope, operation, server, preview, most)
		},
	}
	registerScope(cmd.Flags(), &scope)
	cmd.Flags().StringVar(&operation.Reason, "reason", "", "`why`, for those who read the history")
	cmd.Flags().StringVar(&operation.ID, "id", "", "`name` of the operation, in the keys of its adjustments; the time where empty")
	cmd.Flags().StringVar(&on, "on", "", "`date` on which the adjustments are effective; today where empty")
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	cmd.Flags().BoolVar(&preview, "preview", false, "compute and say everything, post nothing")
	cmd.Flags().IntVar(&most, "list", 20, "show at most so many `settlements` that differ")
	p.config.registerBusinessDay(cmd.Flags())
	return cmd
}

func registerScope(flags *pflag.FlagSet, scope *rerating.Scope) {
	flags.StringVar(&scope.Book, "book", "", "the `book`")
	flags.StringVar((*string)(&scope.From), "from", "", "first `date` of the period, as 2026-05-01")
	flags.StringVar((*string)(&scope.To), "to", "", "last `date` of the period, as 2026-05-31")
	flags.StringVar(&scope.Contract, "contract", "", "only the settlements of this `contract`")
}

func (p *program) rerate(ctx context.Context, scope rerating.Scope, operation rerating.Operation, server string, preview bool, most int) (err error) {
	o, door, err := p.openToRerate(ctx, server, preview)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	config := restatement.Config{Store: o.store, Scope: scope}
	shown := rerated{Scope: scope, Operation: &operation, Outcome: &restatement.Outcome{}, Preview: preview, most: most}
	bar := p.newBar("rerate", 0)
	config.Progress = func(done, size uint64) {
		bar.resize(int64(size))
		bar.set(int64(done), done)
	}
	if preview {
		shown.Operation = nil
		var summary *rerating.Summary
		if summary, err = restatement.Preview(ctx, config, shown.take); summary != nil {
			shown.Outcome.Summary = *summary
		}
	} else {
		var outcome *restatement.Outcome
		if outcome, err = restatement.Run(ctx, config, door, p.meta("rerate "+operation.ID), operation, shown.take); outcome != nil {
			shown.Outcome = outcome
		}
	}
	bar.finish()
	if err != nil && shown.Outcome.Rated == 0 {
		return err
	}
	return errors.Join(shown.print(p), err)
}

// openToRerate opens the log, and the command door unless nothing is to be posted:
// that of the named server, of the one that runs on --data, or one of this process.
func (p *program) openToRerate(ctx context.Context, server string, readOnly bool) (*parts, command.Door, error) {
	r, running, err := p.runningServer()
	if err != nil {
		return nil, nil, err
	}
	if server != "" && p.config.EventStore == "" && !running {
		return nil, nil, errors.Join(errUsage, &domain.Error{
			Code: domain.CodeInvalid, Field: "eventstore", Message: "what was settled is not read from a server's address", Remedy: "give the --eventstore of the server, or the --data that it uses instead of --server",
		})
	}
	if _, err := p.attach(); err != nil {
		return nil, nil, err
	}
	if server == "" && running {
		server = r.Server
	}
	local := server == "" && !readOnly
	o, err := p.open(ctx, need{command: "rerate", existing: true, keys: local, door: local})
	if err != nil {
		return nil, nil, p.explainInUse(err)
	}
	if server != "" {
		return o, command.NewRemote(server, &http.Client{Timeout: remoteTimeout}), nil
	}
	return o, o.door, nil
}

func (p *program) scheduleWhatIfCommand() *cobra.Command {
	var scope rerating.Scope
	var wanted string
	var most int
	cmd := &cobra.Command{
		Use:   "whatif DRAFT.yaml",
		Short: "See what a draft would have made of the history of a book, party by party",
		Long: `Rate the settlements of a period again as if the draft had been the version of its
schedule for all of them, whatever its effective date, and say what each party would
have got more or less than what stands in the book. Nothing is posted, and nothing
need be published: a correction can be judged before it is.

Settlements under contracts of other schedules are rated by their own; accumulators
are counted afresh, as by rerate.`,
		Example: `  jeongsan schedule whatif google-play.yaml --book main --from 2026-05-01 --to 2026-05-31
  jeongsan schedule whatif terms.yaml --schedule google-play --book main --from 2026-01-01 --to 2026-12-31 --json`,
		Args: oneArgument("a schedule file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := scope.Check(); err != nil {
				return errors.Join(errUsage, err)
			}
			found, err := p.resolve(cmd.Context(), wanted, args...)
			if err != nil {
				return err
			}
			draft := found[0].Published()
			o, err := p.openToRead(cmd.Context(), "schedule whatif")
			if err != nil {
				return p.explainInUse(err)
			}
			shown := rerated{Scope: scope, Draft: fmt.Sprintf("%s@%d", draft.Schedule, draft.Version), Outcome: &restatement.Outcome{}, Preview: true, most: most}
			bar := p.newBar("whatif", 0)
			summary, err := restatement.Preview(cmd.Context(), restatement.Config{Store: o.store, Scope: scope, Draft: &draft, Progress: func(done, size uint64) {
				bar.resize(int64(size))
				bar.set(int64(done), done)
			}}, shown.take)
			bar.finish()
			if err == nil {
				shown.Outcome.Summary = *summary
				err = shown.print(p)
			}
			return errors.Join(err, o.close())
		},
	}
	registerScope(cmd.Flags(), &scope)
	cmd.Flags().StringVar(&wanted, "schedule", "", "which `schedule` is meant, ID or ID@VERSION, of a file with several")
	cmd.Flags().IntVar(&most, "list", 20, "show at most so many `settlements` that differ")
	return cmd
}
