package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/esdb/logcopy"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/datadir"
)

func (p *program) logCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Carry a log from one event store to another",
		Long: `A log is all that a ledger has recorded, and its event store is where it is kept.
See "jeongsan log copy --help" for moving it to another event store.`,
		Example: `  jeongsan log copy --from-data ./ledger --to 'esdb://admin:password@cluster.example:2113'`,
		Args:    subcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.logCopyCommand())
	return cmd
}

// copyEnd is one of the two event stores: a connection string, or the data
// directory of an embedded one.
type copyEnd struct {
	flag      string // "from" or "to"
	url, data string
}

func (p *program) logCopyCommand() *cobra.Command {
	from, to := copyEnd{flag: "from"}, copyEnd{flag: "to"}
	var verifyOnly, streams bool
	cmd := &cobra.Command{
		Use:   "copy",
		Short: "Copy a log into an empty event store and prove the copy",
		Long: `Copy every event of a log into an empty event store, in order, with its id, bytes
and revision, together with the metadata and the deletions of its streams. Then
read both sides again and compare count and SHA-256 of every stream.

An interrupted copy goes on where it stopped when the command is given again: what
is there already is compared first, and anything that is not the beginning of the
same log is refused. The copy ends where the source ended when the command began.
If the source has gone on since, that is said, and the same command carries the
rest over; so a large log can be copied while it is in use, and once more after
its writers have stopped.

Positions are others in the target. When nothing is left to copy, the target's log
begins a new incarnation, by which read models, cursors and the local index notice
and are made again. The source is only read.

The streams that belong to an event store itself (users, settings, statistics)
stay where they are. The user in a connection string must be an administrator, as
the whole log is read.`,
		Example: `  jeongsan log copy --from-data ./ledger --to 'esdb://admin:password@cluster.example:2113'
  jeongsan log copy --from 'esdb+discover://admin:password@cluster.example:2113' --to-data ./copy
  jeongsan log copy --from … --to … --verify-only --streams`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(from.check(), to.check()); err != nil {
				return errors.Join(errUsage, err)
			}
			return p.copyLog(cmd.Context(), from, to, verifyOnly, streams)
		},
	}
	for _, end := range []*copyEnd{&from, &to} {
		cmd.Flags().StringVar(&end.url, end.flag, "", "`URL` (esdb://…) of the event store to copy "+end.flag)
		cmd.Flags().StringVar(&end.data, end.flag+"-data", "", "data `directory` whose embedded event store to copy "+end.flag+"; nobody else may be using it")
	}
	cmd.Flags().BoolVar(&verifyOnly, "verify-only", false, "compare both sides and write nothing")
	cmd.Flags().BoolVar(&streams, "streams", false, "print count and hash of every stream, however many there are")
	return cmd
}

func (e copyEnd) check() error {
	fault := func(value, message string) error {
		return &domain.Error{Code: domain.CodeInvalid, Field: e.flag, Value: value, Message: message,
			Remedy: "name one event store: --" + e.flag + " esdb://host:2113 or --" + e.flag + "-data DIR"}
	}
	switch {
	case e.url == "" && e.data == "":
		return fault("", "no event store to copy "+e.flag)
	case e.url != "" && e.data != "":
		return fault(redactURL(e.url), "two event stores to copy "+e.flag)
	case e.url != "" && !strings.HasPrefix(e.url, "esdb://") && !strings.HasPrefix(e.url, "esdb+discover://"):
		return fault(redactURL(e.url), "not a connection string of an event store")
	}
	return nil
}

// shown is how messages name the event store.
func (e copyEnd) shown() string {
	if e.data != "" {
		return e.data
	}
	return redactURL(e.url)
}

// open connects to the event store, after starting it where it is an embedded one.
func (p *program) openEnd(ctx context.Context, e copyEnd, o *parts) (*esdb.Store, error) {
	url := e.url
	if e.data != "" {
		if _, err := os.Stat(filepath.Join(e.data, "node")); err != nil && e.flag == "from" {
			return nil, &domain.Error{Code: domain.CodeNotFound, Field: "from-data", Value: e.data,
				Message: "there is no embedded event store in this directory", Remedy: "name the --data of a server that ran with its own event store", Err: err}
		}
		dir, err := datadir.Open(e.data, datadir.Options{Command: "log copy"})
		if err != nil {
			return nil, err
		}
		o.later(e.flag+": data directory", dir.Close)
		n, err := node.Open(node.Config{Dir: dir.Node(), Logger: p.log})
		if err != nil {
			return nil, err
		}
		o.later(e.flag+": event store node", n.Close)
		url = n.ConnectionString()
	}
	store, err := esdb.Open(ctx, url, p.log)
	if err != nil {
		return nil, e.fault(err)
	}
	o.later(e.flag+": event store client", store.Close)
	return store, nil
}

// fault says what to do about an event store that refuses or does not answer.
func (e copyEnd) fault(err error) error {
	fault := &domain.Error{Code: domain.CodeUnavailable, Field: e.flag, Value: e.shown(), Message: "the event store does not answer", Err: err,
		Remedy: "check address and tls in the connection string, and that the server runs"}
	switch eventstore.CodeOf(err) {
	case "":
		return err // a connection string that is none, or a log that cannot be opened
	case eventstore.CodeUnauthenticated:
		fault.Code, fault.Message = domain.CodeInvalid, "the event store does not accept this user and password"
		fault.Remedy = "write them as esdb://user:password@host:2113"
	case eventstore.CodeDenied:
		fault.Code, fault.Message = domain.CodeInvalid, "this user may not read the whole log"
		fault.Remedy = "use a user in the group $admins"
	case eventstore.CodeCanceled:
		return err
	}
	return fault
}

func (p *program) copyLog(ctx context.Context, from, to copyEnd, verifyOnly, streams bool) (err error) {
	o := &parts{log: p.log}
	defer func() { err = errors.Join(err, o.close()) }()
	source, err := p.openEnd(ctx, from, o)
	if err != nil {
		return err
	}
	target, err := p.openEnd(ctx, to, o)
	if err != nil {
		return err
	}
	work := copyWork{program: p, started: time.Now(), from: from, to: to, streams: streams}
	options := logcopy.Options{Logger: p.log, Progress: work.progress}
	if verifyOnly {
		work.report.Proof, err = logcopy.Verify(ctx, source, target, options)
		work.verifyOnly = true
	} else {
		work.report, err = logcopy.Copy(ctx, source, target, options)
	}
	work.finishBar()
	if err != nil {
		var store *logcopy.StoreError
		if errors.As(err, &store) {
			end := from
			if store.Target {
				end = to
			}
			return end.fault(store.Err)
		}
		if work.report.Copied > 0 {
			p.log.Warn("the copy is not complete; give the same command to continue it", "copied", work.report.Copied)
		}
		return err
	}
	return work.print()
}
