package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/collect/intake"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/graph"
	"github.com/jeongsan/jeongsan/graph/console"
)

func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: collect, process, project and answer GraphQL",
		Long: `Run the server. One process does everything by default; with --roles the four
stages run as processes of their own that share an event store, a database and
the keys:

  collect   takes deliveries at POST /v1/deliveries
  process   decides commands at POST /v1/commands, and takes each book from one
            business date to the next
  project   builds the read models in Postgres
  api       answers GraphQL at /graphql, with a console at /

Every process also answers /healthz, /readyz and /metrics. Without
authentication, which comes later, the server listens on loopback only.
SIGTERM or Ctrl-C stops it in order; a second one kills it.`,
		Example: `  jeongsan serve --data /var/lib/jeongsan
  jeongsan serve --roles project --eventstore esdb://127.0.0.1:2113?tls=false --database postgres://ledger@db/ledger`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.serve(cmd.Context()) },
	}
	p.config.registerServe(cmd.Flags())
	return cmd
}

func (p *program) serve(ctx context.Context) (err error) {
	want, err := p.serveNeeds()
	if err != nil {
		return err
	}
	listener, err := listen(p.config.Listen)
	if err != nil {
		return err
	}
	o, err := p.open(ctx, want)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, o.close()) }()
	if err := o.startScheduler(p.config); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := p.startHTTP(o, listener); err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	if err := o.announce(p.config, address); err != nil {
		return err
	}
	p.log.Info("serving without authentication, on loopback only", "address", address, "roles", p.config.Roles)
	if err := p.printServing(o, address); err != nil {
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

// serveNeeds derives what to open from the roles, and refuses combinations that
// could not work together.
func (p *program) serveNeeds() (need, error) {
	config := &p.config
	if len(config.Roles) == 0 {
		return need{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "roles", Message: "no role given", Remedy: "choose from collect, process, project, api"})
	}
	want := need{
		command:     "serve",
		database:    config.hasRole(roleProject) || config.hasRole(roleAPI) || (config.hasRole(roleCollect) && config.Database != ""),
		keys:        config.hasRole(roleCollect) || config.hasRole(roleAPI) || config.hasRole(roleProcess),
		door:        config.hasRole(roleProcess),
		projections: config.hasRole(roleProject),
	}
	var faults []error
	fault := func(field, message, remedy string) {
		faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: field, Message: message, Remedy: remedy})
	}
	alone := len(config.Roles) < 4
	if alone && !config.hasRole(roleProcess) && config.EventStore == "" {
		fault("eventstore", "roles without \"process\" need the event store of their installation", "give --eventstore esdb://…")
	}
	if config.hasRole(roleAPI) && !config.hasRole(roleProject) && config.Database == "" {
		fault("database", "the role \"api\" without \"project\" needs the database of its installation", "give --database postgres://…")
	}
	if !want.door && (config.hasRole(roleCollect) || config.hasRole(roleAPI)) && config.Process == "" {
		fault("process", "the roles \"collect\" and \"api\" need the process that decides commands", "give --process http://HOST:PORT, or add the role \"process\"")
	}
	if alone && want.keys && config.Keys == "" && !want.door {
		fault("keys", "processes of one installation share their keys", "give --keys DIR")
	}
	if len(faults) > 0 {
		return want, errors.Join(append([]error{errUsage}, faults...)...)
	}
	return want, nil
}

// startHTTP mounts what the roles offer and serves it until close.
func (p *program) startHTTP(o *parts, listener net.Listener) error {
	if o.door == nil && p.config.Process != "" {
		o.door = command.NewRemote(p.config.Process, &http.Client{Timeout: remoteTimeout})
	}
	o.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", p.readiness(o))
	if p.config.hasRole(roleProcess) {
		mux.Handle("POST /v1/commands", command.Serve(o.door, p.log))
	}
	if p.config.hasRole(roleCollect) {
		mux.Handle("POST /v1/deliveries", intake.NewHandler(intake.Config{Pipeline: p.pipeline(o), Logger: p.log}))
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	if p.config.hasRole(roleAPI) {
		day, err := p.config.Business.day()
		if err != nil {
			return err
		}
		api := graph.NewHandler(graph.Config{
			Pool: o.pool, Store: o.store, Door: o.door, Keys: o.keys, Identity: o.identity, Day: day, Logger: p.log,
		})
		o.later("graphql", api.Close)
		server.RegisterOnShutdown(api.Drain) // streams of subscribers do not end by themselves
		mux.Handle("/graphql", api)
		mux.Handle("/", console.Handler())
	}
	o.watch("http listener", func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	o.later("http listener", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin/3)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}

// listen takes the port before anything else is started.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeUnavailable, Field: "listen", Value: address, Message: "cannot listen", Remedy: "stop what uses the port, or choose another with --listen 127.0.0.1:PORT", Err: err}
	}
	return listener, nil
}

func (p *program) printServing(o *parts, address string) error {
	if p.config.JSON {
		return p.printJSON(running{Server: address, EventStore: o.storeURL(p.config), Database: redactURL(o.database)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Jeongsan is serving (%s)\n", strings.Join(p.config.Roles, ", "))
	if p.config.hasRole(roleAPI) {
		fmt.Fprintf(&b, "  console      %s/\n  GraphQL      %s/graphql\n", address, address)
	} else {
		fmt.Fprintf(&b, "  address      %s\n", address)
	}
	fmt.Fprintf(&b, "  event store  %s\n", o.storeURL(p.config))
	if o.database != "" {
		fmt.Fprintf(&b, "  database     %s\n", redactURL(o.database))
	}
	fmt.Fprintln(&b, "  access       no authentication: loopback only")
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}

func (o *parts) storeURL(config Config) string {
	if o.node != nil {
		return o.node.ConnectionString()
	}
	return redactURL(config.EventStore)
}
