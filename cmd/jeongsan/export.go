package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/export"
)

// exportFlags are what the command export was told.
type exportFlags struct {
	format, book, from, until, knownAt, out string
	balances, force                         bool
}

func (p *program) exportCommand() *cobra.Command {
	var flags exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the entries for accounting programs, or as rows",
		Long: `Write every entry of the log in a form that other programs read: as a journal for
hledger and ledger, for beancount, or as one row per posting in JSON lines or CSV.
Accounting programs can then check every entry and compute every balance by
themselves. The log is read, beside a running server too; Postgres is not needed.

With --balances the accounting formats end with assertions of all balances, and
with --from they begin with the balances from before. With --known-at the export
is what the ledger had recorded by then: a moment, or a position of the log.

--out names a file, or a directory for one file per book; without it everything
goes to standard output. Files appear under their names only when they are whole,
and none is replaced without --force.`,
		Example: `  jeongsan export --format hledger --balances --out ledger.journal
  jeongsan export --format beancount --book starlight --from 2026-11-01 --until 2026-11-30 --balances --out november.beancount
  jeongsan export --format csv --out exports/`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.export(cmd.Context(), flags) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.format, "format", "", "`format`: hledger, ledger, beancount, jsonl or csv")
	f.StringVar(&flags.book, "book", "", "only this `book`")
	f.StringVar(&flags.from, "from", "", "only what is effective on this `date` or later")
	f.StringVar(&flags.until, "until", "", "only what is effective on this `date` or earlier")
	f.StringVar(&flags.knownAt, "known-at", "", "`position` or moment (2026-11-22T09:00:00Z) up to which events count; empty is now")
	f.StringVar(&flags.out, "out", "", "`file` to write, or directory for a file per book; empty is standard output")
	f.BoolVar(&flags.balances, "balances", false, "begin with the balances before --from and assert all balances at the end (accounting formats)")
	f.BoolVar(&flags.force, "force", false, "replace files that are there")
	return cmd
}

func (p *program) export(ctx context.Context, flags exportFlags) (err error) {
	config, err := flags.config()
	if err != nil {
		return errors.Join(errUsage, err)
	}
	files := exportFiles{format: config.Format, out: flags.out, force: flags.force, stdout: p.stdout}
	if config.PerBook, err = files.prepare(flags.book); err != nil {
		return err
	}
	if _, err := p.attach(); err != nil {
		return err
	}
	o, err := p.open(ctx, need{command: "export", existing: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := exportKnownAt(&config.Selection, flags.knownAt, o.identity); err != nil {
		return err
	}
	size, err := o.store.LastPosition(ctx)
	if err != nil {
		return err
	}
	config.Store, config.Identity, config.Create, config.TempDir = o.store, o.identity, files.create, files.directory()
	bar := p.newBar("export", int64(size))
	config.Progress = func(at eventstore.Position, events uint64) { bar.set(int64(at), events) }
	started := time.Now()
	summary, err := export.Export(ctx, config)
	bar.finish()
	if err = errors.Join(err, files.finish(err == nil)); err != nil {
		return err
	}
	return p.printExport(summary, &files, time.Since(started))
}

// config checks the flags that need no log.
func (f *exportFlags) config() (config export.Config, err error) {
	var faults []error
	if config.Format, err = export.ParseFormat(f.format); err != nil {
		faults = append(faults, err)
	} else if f.balances && !config.Format.Accounting() {
		faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: "balances", Value: f.format, Message: "this format holds postings and no balances", Remedy: "leave --balances out, or choose hledger, ledger or beancount"})
	}
	config.Balances, config.Selection.Book = f.balances, f.book
	if f.book != "" {
		if err := domain.CheckID("book", f.book); err != nil {
			faults = append(faults, err)
		}
	}
	date := func(field, value string) (date domain.Date) {
		if value == "" {
			return ""
		}
		date, err := domain.ParseDate(field, value)
		if err != nil {
			faults = append(faults, err)
		}
		return date
	}
	s := &config.Selection
	s.From, s.Until = date("from", f.from), date("until", f.until)
	if s.From != "" && s.Until != "" && s.Until < s.From {
		faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: "until", Value: f.until, Message: "is before --from " + f.from, Remedy: "both dates are included; write the earlier one as --from"})
	}
	return config, errors.Join(faults...)
}

// exportKnownAt reads a position or a moment as replay does.
func exportKnownAt(s *export.Selection, value string, identity eventstore.Identity) error {
	point, err := parseUntil(value, identity)
	if err != nil {
		var fault *domain.Error
		if errors.As(err, &fault) {
			fault.Field = "known-at"
		}
		return err
	}
	s.Position, s.Known = point.Position, point.Time
	return nil
}

// printExport says what was written: to standard error where the entries
// themselves went to standard output.
func (p *program) printExport(s export.Summary, files *exportFiles, took time.Duration) error {
	if files.out == "" {
		p.log.Info("exported", "format", files.format, "entries", s.Entries, "postings", s.Postings, "position", s.Position)
		return nil
	}
	if p.config.JSON {
		return p.printJSON(struct {
			Format export.Format `json:"format"`
			export.Summary
			Paths   []string `json:"paths"`
			Seconds float64  `json:"seconds"`
		}{files.format, s, files.paths(), took.Round(time.Millisecond).Seconds()})
	}
	fmt.Fprintf(p.stdout, "%s entries with %s postings, of which %s of nothing, in %s\n", count(s.Entries), count(s.Postings), count(s.ZeroValue), took.Round(10*time.Millisecond))
	if s.Entries > 0 {
		fmt.Fprintf(p.stdout, "effective from %s to %s, up to position %d\n", s.First, s.Last, s.Position)
	}
	_, err := fmt.Fprintln(p.stdout, strings.Join(files.paths(), "\n"))
	return err
}

// isDirectory reports whether a path names a directory: one that is there, or one
// to be made, whose name ends like one.
func isDirectory(path string) bool {
	if strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
