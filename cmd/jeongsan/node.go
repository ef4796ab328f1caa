package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/datadir"
)

func (p *program) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run the embedded event store alone, for other processes and machines",
		Long: `Run the embedded event store node as a process of its own. It keeps the log in
--data, prints its connection string and serves until SIGTERM or Ctrl-C; other
processes use it with --eventstore, each with a data directory of its own:

  serve, ingest   settle into it
  verify, replay  read it, also while others write

An append is answered once it is flushed to disk. Where the disk fails or is full
the node refuses all further writes and ends with an error that says so; nothing
that it had not flushed was answered. Make room and start it again: whoever was
waiting goes on by itself.

Without a certificate it asks nobody for a password, everybody is an administrator,
and it listens on loopback only. With --tls-cert and --tls-key connections are
encrypted and callers need a user and a password (jeongsan node users). At the
first such start the users admin and ops get the passwords in
JEONGSAN_NODE_ADMIN_PASSWORD and JEONGSAN_NODE_OPS_PASSWORD, or in the files that
the flags name; on loopback only, without any, the password is "changeit".
A certificate that is renewed in its place is taken up without a restart.

--insecure serves other machines without certificate and passwords: only where the
network itself is protected. docs/node.md tells more.`,
		Example: `  jeongsan node  --data ./log --listen 127.0.0.1:2113
  jeongsan serve --data ./ledger --eventstore 'esdb://127.0.0.1:2113?tls=false'

  jeongsan node certs --dir ./certs --host ledger.example
  jeongsan node  --data ./log --listen 0.0.0.0:2113 --tls-cert certs/node.crt --tls-key certs/node.key \
                 --admin-password-file admin.txt --ops-password-file ops.txt
  jeongsan serve --data ./ledger --eventstore 'esdb://admin:…@ledger.example:2113?tlsCAFile=certs/ca.crt'`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runNode(cmd.Context()) },
	}
	cmd.Flags().StringVar(&p.config.Node.Listen, "listen", "127.0.0.1:2113", "`address` of the event store; loopback only without TLS, port 0 for any")
	p.config.registerNode(cmd.Flags())
	cmd.AddCommand(p.nodeCertsCommand(), p.nodeUsersCommand(), p.nodeCheckCommand(), p.nodeBackupCommand(), p.nodeRestoreCommand(), p.nodeStatsCommand())
	return cmd
}

// nodeMemory is about how much memory the node's process takes before it collects
// garbage more often than it would: what it needs is less, but for many large calls
// at once. GOMEMLIMIT says otherwise.
const nodeMemory = 256 << 20

// runNode opens the node and serves it until ctx ends or it fails.
func (p *program) runNode(ctx context.Context) (err error) {
	if p.config.EventStore != "" {
		return errors.Join(errUsage, &domain.Error{
			Code: domain.CodeInvalid, Field: "eventstore", Value: redactURL(p.config.EventStore), Message: "node runs an event store of its own",
			Remedy: "leave --eventstore out, or run serve with it",
		})
	}
	settings, err := p.nodeSettings()
	if err != nil {
		return errors.Join(errUsage, err)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(nodeMemory)
	}
	o := &parts{log: p.log, registry: prometheus.NewRegistry(), failed: make(chan error, 8)}
	defer func() { err = errors.Join(err, o.close()) }()
	if o.dir, err = datadir.Open(p.config.Data, datadir.Options{Command: "node"}); err != nil {
		return err
	}
	o.later("data directory", o.dir.Close)
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	settings.Gatherer = o.registry
	if err := o.openNode(settings); err != nil {
		return err
	}
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

// The first passwords of a node may come from the environment.
const (
	adminPasswordVariable = "JEONGSAN_NODE_ADMIN_PASSWORD" //nolint:gosec // the name of a variable
	opsPasswordVariable   = "JEONGSAN_NODE_OPS_PASSWORD"   //nolint:gosec // the name of a variable
)

// nodeSettings makes the node's configuration out of the flags, and reports what is
// wrong with them before anything is opened.
func (p *program) nodeSettings() (node.Config, error) {
	given := p.config.Node
	settings := node.Config{Listen: given.Listen, Insecure: given.Insecure}
	if given.TLSCert != "" || given.TLSKey != "" {
		settings.TLS = &node.TLS{CertFile: given.TLSCert, KeyFile: given.TLSKey}
		settings.AdminPassword, settings.OpsPassword = os.Getenv(adminPasswordVariable), os.Getenv(opsPasswordVariable)
	}
	for _, from := range []struct {
		flag, file string
		into       *string
	}{
		{"admin-password-file", given.AdminPasswordFile, &settings.AdminPassword},
		{"ops-password-file", given.OpsPasswordFile, &settings.OpsPassword},
	} {
		if from.file == "" {
			continue
		}
		if settings.TLS == nil {
			return settings, &domain.Error{Code: domain.CodeInvalid, Field: from.flag, Value: from.file, Message: "without TLS the node asks nobody for a password",
				Remedy: "give --tls-cert and --tls-key, or leave it out"}
		}
		var err error
		if *from.into, err = passwordFile(from.flag, from.file); err != nil {
			return settings, err
		}
	}
	return settings, settings.Check()
}
