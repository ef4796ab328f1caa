package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/collect"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/examples"
	"github.com/jeongsan/jeongsan/internal/terms"
)

// How much the demo settles, and how gently it goes on.
const (
	demoOrders   = 6_000
	demoPayments = 14_000
	demoPause    = 700 * time.Millisecond
)

func (p *program) demoCommand() *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it all work, on made-up data in a temporary directory",
		Long: `Start everything embedded in a temporary directory, register a small platform (a
game operator in dollars, a marketplace in won, their providers, suppliers,
affiliates and sellers), settle their providers' files, and show the balances,
one settlement explained, and the proof that log and read models agree.

It then serves the API, with a gentle stream of new transactions, until Ctrl-C.
The directory is removed at the end.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				p.config.LogLevel = "warn" // the demo tells its own story
				if err := p.openLog(); err != nil {
					return err
				}
			}
			return p.demo(cmd.Context(), exit)
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "stop after the proof instead of serving")
	p.config.registerServe(cmd.Flags())
	return cmd
}

func (p *program) demo(ctx context.Context, exit bool) (err error) {
	directory, err := demoDirectory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	p.config.Data = filepath.Join(directory, "data")
	p.config.EventStore, p.config.Database, p.config.Keys = "", "", "" // a demo touches nothing of yours
	listener, err := demoListener(p.config.Listen)
	if err != nil {
		return err
	}
	started := time.Now()
	p.say("Starting the event store and Postgres in %s …", directory)
	o, err := p.open(ctx, need{command: "demo", database: true, keys: true, door: true, projections: true})
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
	p.say("Ready after %.1f s.\n", time.Since(started).Seconds())

	d := &demonstration{p: p, o: o, data: newDemoData(time.Now())}
	if err := d.show(ctx, directory); err != nil {
		return err
	}
	if exit {
		p.say("\nWithout --exit the demo would serve now, with new transactions coming in. Queries to try then:\n\n  %s", strings.Join(demoQueries, "\n\n  "))
		return nil
	}
	p.sayWhereToLook(address)
	return d.stream(ctx)
}

// demoDirectory makes a directory that the embedded Postgres may enter when it
// runs as another user.
func demoDirectory() (string, error) {
	directory, err := os.MkdirTemp("", "jeongsan-demo-")
	if err == nil {
		err = os.Chmod(directory, 0o711) //nolint:gosec // searchable, not readable: the data directory in it has its own permissions
	}
	if err != nil {
		return "", &domain.Error{Code: domain.CodeUnavailable, Field: "temporary directory", Value: os.TempDir(), Message: "cannot be used", Remedy: "set TMPDIR to a writable directory", Err: err}
	}
	return directory, nil
}

// demoListener takes the wished address, or any free port where it is taken: a
// demo should not fail for that.
func demoListener(address string) (net.Listener, error) {
	if listener, err := listen(address); err == nil {
		return listener, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return listen(net.JoinHostPort(host, "0"))
}

// demonstration is one run of the demo on opened parts.
type demonstration struct {
	p       *program
	o       *parts
	data    *demoData
	sources []*collect.Definition // the arcade's and the market's
}

func (d *demonstration) show(ctx context.Context, directory string) error {
	p := d.p
	if err := d.register(ctx); err != nil {
		return err
	}
	if err := d.settle(ctx, directory); err != nil {
		return err
	}
	p.say("\nWhat each party is owed or owes now")
	if err := d.printBalances(ctx); err != nil {
		return err
	}
	p.say("\nOne settlement, explained")
	if err := d.explain(ctx, "arcade-pay", "SA-0000001"); err != nil {
		return err
	}
	p.say("\nProof: the log folded a second time, by code that shares nothing with the first")
	return p.verify(ctx, d.o, nil)
}

// register applies the platform's terms and reads the definitions of its sources.
func (d *demonstration) register(ctx context.Context) error {
	for _, name := range []string{"arcade.yaml", "market.yaml"} {
		text, err := examples.Demo.ReadFile("demo/" + name)
		if err != nil {
			return err
		}
		definition, err := collect.ParseDefinition(name, text)
		if err != nil {
			return err
		}
		d.sources = append(d.sources, definition)
	}
	text, err := examples.Demo.ReadFile("demo/terms.yaml")
	if err != nil {
		return err
	}
	commands, err := terms.Parse("terms.yaml", text)
	if err != nil {
		return err
	}
	kinds := map[string]int{}
	for _, c := range commands {
		kinds[c.CommandType()]++
	}
	d.p.say("Registering %d parties, %d fee schedules and %d contracts: ", kinds["RegisterParty"], kinds["PublishSchedule"], kinds["SignContract"])
	return d.p.apply(ctx, d.o.door, commands)
}

// settle writes the providers' files and ingests them as the command ingest would.
func (d *demonstration) settle(ctx context.Context, directory string) error {
	arcade, err := d.data.arcade(demoOrders)
	if err != nil {
		return err
	}
	market, err := d.data.market(demoPayments)
	if err != nil {
		return err
	}
	pipeline := d.p.pipeline(d.o)
	for i, file := range []struct {
		name    string
		content []byte
	}{{"arcade-orders.csv", arcade}, {"market-payments.ndjson", market}} {
		path := filepath.Join(directory, file.name)
		if err := os.WriteFile(path, file.content, 0o600); err != nil {
			return &domain.Error{Code: domain.CodeUnavailable, Field: "temporary directory", Value: path, Message: "cannot be written", Remedy: "make room, or set TMPDIR to another directory", Err: err}
		}
		d.p.say("")
		err := d.p.ingestFiles([]string{path}, func(delivery *collect.Delivery, progress func(collect.Progress)) (collect.Report, error) {
			return d.ingest(ctx, pipeline, d.sources[i], delivery, progress)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ingest settles a delivery and waits until it can be seen.
func (d *demonstration) ingest(ctx context.Context, pipeline *collect.Pipeline, definition *collect.Definition, delivery *collect.Delivery, progress func(collect.Progress)) (collect.Report, error) {
	report, err := pipeline.Ingest(ctx, definition, delivery, progress)
	if err != nil {
		return report, err
	}
	return report, d.o.awaitVisible(ctx, report.Position)
}

// stream goes on settling a few transactions at a time until ctx ends.
func (d *demonstration) stream(ctx context.Context) error {
	d.p.say("\nNew transactions keep coming. Ctrl-C ends the demo and removes its data.")
	pipeline := d.p.pipeline(d.o)
	ticker := time.NewTicker(demoPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.o.failed:
			return err
		case <-ticker.C:
		}
		d.data.start = time.Now().UTC()
		content, err := d.data.arcade(1 + d.data.random.IntN(3))
		definition := d.sources[0]
		if d.data.random.IntN(2) == 0 {
			content, err = d.data.market(1 + d.data.random.IntN(4))
			definition = d.sources[1]
		}
		if err != nil {
			return err
		}
		delivery := collect.NewDelivery("live", bytes.NewReader(content), int64(len(content)))
		if _, err := d.ingest(ctx, pipeline, definition, delivery, nil); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// say prints a line of the demo's story; with --json only results are printed.
func (p *program) say(format string, args ...any) {
	if !p.config.JSON {
		fmt.Fprintf(p.stdout, format+"\n", args...)
	}
}
