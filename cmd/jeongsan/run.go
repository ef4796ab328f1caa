package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/verify"
)

// program is what every command shares: the streams, the configuration and the
// logger. Results go to stdout, everything else to stderr.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	config         Config
	log            *slog.Logger
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks errors in how a command was called.
var errUsage = errors.New("usage")

// run is the whole program: main is only its shell and tests call it directly.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr, log: slog.New(slog.NewTextHandler(stderr, nil))}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(stderr, "jeongsan: stopped")
		return exitFailed
	}
	p.printError(err)
	if errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command") { // cobra has no type for it
		return exitUsage
	}
	return exitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "jeongsan",
		Short: "Event-sourced settlement ledger: settle every transaction with every party as it arrives",
		Long: `Jeongsan (정산, "settlement") takes a platform's transactions as they happen,
applies each party's contract, posts balanced double-entry entries to an
append-only log and lets every party see its balance within a second.

Start with:   jeongsan demo
Then:         jeongsan serve        and open the address it prints
              jeongsan apply        register parties, schedules and contracts from a file
              jeongsan schedule     write, test, simulate and publish fee schedules
              jeongsan calendar     publish the business days that due dates count
              jeongsan ingest       settle a provider's files
              jeongsan adjust       post a correction with its reason, or see it first
              jeongsan explain      say how each amount of an entry came about
              jeongsan verify       prove that log and read models agree

Without --eventstore and --database everything runs embedded in --data.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.config.complete(cmd.Flags()); err != nil {
				return errors.Join(errUsage, err)
			}
			return p.openLog()
		},
	}
	p.config.register(root.PersistentFlags())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return errors.Join(errUsage, fmt.Errorf("%w; see --help", err))
	})
	root.AddCommand(
		p.demoCommand(), p.serveCommand(), p.applyCommand(), p.scheduleCommand(), p.calendarCommand(), p.advanceCommand(), p.rerateCommand(), p.adjustCommand(), p.ingestCommand(), p.quarantineCommand(), p.explainCommand(),
		p.projectionsCommand(), p.verifyCommand(), p.replayCommand(), p.exportCommand(), p.migrateCommand(), p.nodeCommand(), p.logCommand(), p.benchCommand(), p.versionCommand(),
	)
	return root
}

func (p *program) openLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(p.config.LogLevel)); err != nil {
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "log-level", Value: p.config.LogLevel, Message: "unknown level", Remedy: "choose debug, info, warn or error"})
	}
	switch p.config.LogFormat {
	case "json":
		p.log = slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	case "text":
		p.log = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
		if file, ok := p.stderr.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
			p.log = slog.New(tint.NewTextHandler(file, &tint.Options{Level: level, TimeFormat: "15:04:05"}))
		}
	default:
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "log-format", Value: p.config.LogFormat, Message: "unknown format", Remedy: "choose text or json"})
	}
	return nil
}

// printError is the one place where errors leave the program.
func (p *program) printError(err error) {
	if p.config.JSON {
		var e *domain.Error
		var difference *verify.Difference
		switch {
		case errors.As(err, &difference):
			e = &domain.Error{Code: domain.CodeConflict, Field: difference.Check, Value: difference.Where, Message: difference.Error()}
		case !errors.As(err, &e):
			e = &domain.Error{Code: domain.CodeInternal, Message: err.Error()}
		}
		if data, encodeErr := json.Marshal(map[string]any{"error": e, "detail": err.Error()}); encodeErr == nil {
			fmt.Fprintln(p.stderr, string(data))
			return
		}
	}
	for _, e := range flatten(err) {
		if e != errUsage { //nolint:errorlint // the bare marker itself is not worth a line
			fmt.Fprintln(p.stderr, "jeongsan:", e)
		}
	}
}

// flatten takes joined errors apart, so that each gets its line.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

func (p *program) printJSON(v any) error {
	encoder := json.NewEncoder(p.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// redactURL hides the password of a connection string.
func redactURL(s string) string {
	if u, err := url.Parse(s); err == nil {
		return u.Redacted()
	}
	return "(not a URL)"
}
