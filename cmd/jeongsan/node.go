package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
)

func (p *program) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run the embedded event store alone, for other processes of this machine",
		Long: `Run the embedded event store node as a process of its own. It keeps the log in
--data, prints its connection string and serves until SIGTERM or Ctrl-C; other
processes use it with --eventstore, each with a data directory of its own:

  serve, ingest   settle into it
  verify, replay  read it, also while others write

An append is answered once it is flushed to disk. Where the disk fails or is full
the node refuses all further writes and ends with an error that says so; nothing
that it had not flushed was answered. Make room and start it again: whoever was
waiting goes on by itself.

It has no authentication and no TLS: it listens on loopback only, on the address
that --listen gives.`,
		Example: `  jeongsan node  --data ./log --listen 127.0.0.1:2113
  jeongsan serve --data ./ledger --eventstore 'esdb://127.0.0.1:2113?tls=false'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runNode(cmd.Context()) },
	}
	cmd.Flags().StringVar(&p.config.Listen, "listen", "127.0.0.1:2113", "`address` of the event store; loopback only, port 0 for any")
	return cmd
}

// runNode opens the node and serves it until ctx ends or it fails.
func (p *program) runNode(ctx context.Context) (err error) {
	if p.config.EventStore != "" {
		return errors.Join(errUsage, &domain.Error{
			Code: domain.CodeInvalid, Field: "eventstore", Value: redactURL(p.config.EventStore), Message: "node runs an event store of its own",
			Remedy: "leave --eventstore out, or run serve with it",
		})
	}
	p.config.NodeListen = p.config.Listen
	o, err := p.open(ctx, need{command: "node"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.announce(p.config, ""); err != nil {
		return err
	}
	if p.config.JSON {
		err = p.printJSON(running{EventStore: o.node.ConnectionString()})
	} else {
		_, err = fmt.Fprintln(p.stdout, o.node.ConnectionString())
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		p.log.Info("stopping")
		return nil
	case err := <-o.failed:
		return err
	}
}
