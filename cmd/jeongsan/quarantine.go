package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

func (p *program) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "Look at inputs that could not be settled, and resubmit them",
		Long: `Records that could not be settled lie in the log with their bytes and the reason.
List them, mend the cause (register the party, sign the contract, correct the
source definition by ingesting with it) and retry.`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.quarantineListCommand(), p.quarantineRetryCommand())
	return cmd
}

// quarantineFlags are those that list and retry share.
type quarantineFlags struct {
	source, record, code, delivery string
	limit                          int
}

func (q *quarantineFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&q.source, "source", "", "id of the `source` (required)")
	flags.StringVar(&q.record, "record", "", "only this `record`")
	flags.StringVar(&q.code, "code", "", "only records quarantined with this `code`")
	flags.StringVar(&q.delivery, "delivery", "", "only records of this delivery, by its `SHA-256`")
	flags.IntVar(&q.limit, "limit", 0, "at most so many records; 0 is all")
}

func (q *quarantineFlags) filter() (collect.Filter, error) {
	if q.source == "" {
		return collect.Filter{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "source", Message: "no source given", Remedy: "name its id with --source ID"})
	}
	if q.limit < 0 {
		return collect.Filter{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "limit", Value: fmt.Sprint(q.limit), Message: "cannot be negative", Remedy: "use 0 for all"})
	}
	return collect.Filter{Record: q.record, Code: domain.Code(q.code), Delivery: q.delivery, Limit: q.limit}, nil
}

func (p *program) quarantineListCommand() *cobra.Command {
	var q quarantineFlags
	var raw bool
	cmd := &cobra.Command{
		Use:     "list --source ID",
		Short:   "List what lies in the quarantine of a source",
		Example: "  jeongsan quarantine list --source online-retail\n  jeongsan quarantine list --source online-retail --code missing_contract --raw --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			filter, err := q.filter()
			if err != nil {
				return err
			}
			filter.Raw = raw
			if _, err := p.attach(); err != nil {
				return err
			}
			o, err := p.open(cmd.Context(), need{command: "quarantine list", existing: true, keys: raw})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			return p.listQuarantine(cmd.Context(), o, q.source, filter)
		},
	}
	q.register(cmd.Flags())
	cmd.Flags().BoolVar(&raw, "raw", false, "show the record as it came, decrypted")
	return cmd
}

func (p *program) listQuarantine(ctx context.Context, o *parts, source string, filter collect.Filter) error {
	entries := []collect.Entry{}
	for entry, err := range collect.List(ctx, o.store, o.keys, source, filter) {
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if p.config.JSON {
		return p.printJSON(entries)
	}
	if len(entries) == 0 {
		_, err := fmt.Fprintln(p.stdout, "nothing in quarantine")
		return err
	}
	t := newTable(p.stdout)
	header := table.Row{"position", "record", "no.", "code", "reason", "amount", "since"}
	if filter.Raw {
		header = append(header, "raw")
	}
	t.AppendHeader(header)
	for _, e := range entries {
		amount := ""
		if e.Amount != nil {
			amount = e.Amount.Format(e.Currency) + " " + string(e.Currency)
		}
		reason := e.Reason
		if e.Field != "" {
			reason += " (" + e.Field + ")"
		}
		row := table.Row{e.Position, e.Record, e.Offset, e.Code, reason, amount, e.RecordedAt.Format(time.DateTime)}
		if filter.Raw {
			row = append(row, e.Raw)
		}
		t.AppendRow(row)
	}
	t.Render()
	_, err := fmt.Fprintf(p.stdout, "%s in quarantine\n", count(uint64(len(entries))))
	return err
}

func (p *program) quarantineRetryCommand() *cobra.Command {
	var q quarantineFlags
	cmd := &cobra.Command{
		Use:   "retry --source ID",
		Short: "Read quarantined records again and settle what now can be",
		Long: `Read quarantined records again with the source's current definition and settle
what now can be. What still cannot stays in quarantine. Beside a running server
the commands go to that server.`,
		Example: "  jeongsan quarantine retry --source online-retail --code missing_contract",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			filter, err := q.filter()
			if err != nil {
				return err
			}
			return p.retryQuarantine(cmd.Context(), q.source, filter)
		},
	}
	q.register(cmd.Flags())
	return cmd
}

func (p *program) retryQuarantine(ctx context.Context, source string, filter collect.Filter) (err error) {
	server, running, err := p.runningServer()
	if err != nil {
		return err
	}
	if _, err := p.attach(); err != nil {
		return err
	}
	attached := running && server.Server != ""
	o, err := p.open(ctx, need{command: "quarantine retry", existing: true, keys: true, door: !attached})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if attached {
		o.door = command.NewRemote(server.Server, &http.Client{Timeout: remoteTimeout})
	}
	pipeline := collect.NewPipeline(collect.Config{Door: o.door, Store: o.store, Keys: o.keys, Logger: p.log, Meta: eventstore.Meta{Actor: p.meta("").Actor}})
	bar := p.newBar("retry "+source, 0)
	report, err := pipeline.Retry(ctx, source, filter, func(tried uint64) { bar.set(0, tried) })
	bar.finish()
	if err != nil {
		return err
	}
	if p.config.JSON {
		return p.printJSON(report)
	}
	fmt.Fprintf(p.stdout, "%s tried: %s settled, %s already settled, %s ignored by rule, %s remain in quarantine\n",
		count(report.Tried), count(report.Settled), count(report.AlreadySettled), count(report.Ignored), count(report.Remaining))
	if report.Awaiting > 0 {
		fmt.Fprintf(p.stdout, "  %s of the settled wait for their originals\n", count(report.Awaiting))
	}
	printFaults(p.stdout, report.Faults)
	return nil
}
