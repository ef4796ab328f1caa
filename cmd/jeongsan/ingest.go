package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/collect/intake"
	"github.com/jeongsan/jeongsan/domain"
)

func (p *program) ingestCommand() *cobra.Command {
	var source, server string
	cmd := &cobra.Command{
		Use:   "ingest --source FILE DATA…",
		Short: "Settle the transactions in a provider's files",
		Long: `Settle the transactions in files (CSV or NDJSON, gzip or plain, "-" for standard
input) as a source definition says.

Nothing that arrives disappears: every record is settled, a replay of one settled
before, quarantined with its bytes and the reason, or ignored by a named rule; a
delivery that is damaged or cut off is refused whole. The counts and the exact
totals of the mapped amounts prove it. Ingesting a file again adds nothing, so
after an interruption simply run it again.

Without --server the command opens --data itself, waits until the read models
have caught up, prints and exits.`,
		Example: `  jeongsan ingest --source examples/online-retail.yaml retail.csv.gz --data ./ledger
  jeongsan ingest --source pg.yaml today.ndjson --server http://127.0.0.1:8080`,
		Args: someArguments("data file"),
		RunE: func(cmd *cobra.Command, files []string) error {
			if source == "" {
				return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "source", Message: "no source definition given", Remedy: "name one with --source FILE"})
			}
			definition, err := os.ReadFile(source)
			if err != nil {
				return &domain.Error{Code: domain.CodeInvalid, Field: "source", Value: source, Message: "cannot be read", Remedy: "name a readable source definition", Err: err}
			}
			parsed, err := collect.ParseDefinition(source, definition)
			if err != nil {
				return err
			}
			if server != "" {
				return p.ingestRemote(cmd.Context(), server, source, definition, files)
			}
			return p.ingestLocal(cmd.Context(), parsed, files)
		},
	}
	cmd.Flags().StringVar(&source, "source", "", "source definition, a YAML `file` (required)")
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	return cmd
}

func (p *program) ingestLocal(ctx context.Context, definition *collect.Definition, files []string) (err error) {
	o, err := p.open(ctx, need{command: "ingest", database: true, keys: true, door: true, projections: true})
	if err != nil {
		return p.explainInUse(err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	pipeline := p.pipeline(o)
	return p.ingestFiles(files, func(delivery *collect.Delivery, progress func(collect.Progress)) (collect.Report, error) {
		report, err := pipeline.Ingest(ctx, definition, delivery, progress)
		if err != nil {
			return report, err
		}
		return report, o.awaitVisible(ctx, report.Position)
	})
}

func (p *program) ingestRemote(ctx context.Context, server, name string, definition []byte, files []string) error {
	client := intake.NewClient(server, nil)
	return p.ingestFiles(files, func(delivery *collect.Delivery, progress func(collect.Progress)) (collect.Report, error) {
		return client.Send(ctx, name, definition, delivery, progress)
	})
}

// ingestFiles settles one file after the other and prints what became of each,
// also of the one that failed.
func (p *program) ingestFiles(files []string, settle func(*collect.Delivery, func(collect.Progress)) (collect.Report, error)) error {
	var reports []ingested
	for _, file := range files {
		delivery, err := collect.OpenFile(file, "")
		if err != nil {
			return errors.Join(err, p.printIngested(reports))
		}
		started := time.Now()
		bar := p.newBar(delivery.Name, delivery.Size)
		report, err := settle(delivery, func(progress collect.Progress) { bar.set(progress.Bytes, progress.Records) })
		bar.finish()
		reports = append(reports, ingested{File: file, Report: report, Seconds: time.Since(started).Seconds()})
		if err := errors.Join(err, delivery.Close()); err != nil {
			return errors.Join(err, p.printIngested(reports))
		}
	}
	return p.printIngested(reports)
}

func (p *program) pipeline(o *parts) *collect.Pipeline {
	config := collect.Config{Door: o.door, Store: o.store, Keys: o.keys, Logger: p.log}
	if o.runner != nil {
		config.Throttle = collect.NewCredit(o.runner, 0, 0, p.log)
	}
	return collect.NewPipeline(config)
}
