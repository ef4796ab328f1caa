package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

func (p *program) nodeStatsCommand() *cobra.Command {
	var storage bool
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Show what a node's log holds and how it is doing",
		Long: `Show the figures of a running node, alone or inside serve, that --eventstore names
or that uses --data: events, streams, bytes; appends and their latency since the
start; memory; and every subscription with how far it is behind. Of a stopped one
in --data only what its log holds.

The first call after a start counts the log's events, about a second for each few
million appends. With a certificate the node asks for a user in $admins or $ops.`,
		Example: `  jeongsan node stats --data ./ledger
  jeongsan node stats --eventstore 'esdb://ops:…@ledger.example:2113?tlsCAFile=certs/ca.crt' --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			stats, err := p.nodeStats(cmd.Context())
			if err != nil {
				return err
			}
			if p.config.JSON {
				return p.printJSON(stats)
			}
			p.printNodeStats(stats, storage)
			return nil
		},
	}
	cmd.Flags().BoolVar(&storage, "storage", false, "show what the storage engine says of itself, too")
	return cmd
}

func (p *program) nodeStats(ctx context.Context) (stats node.Stats, err error) {
	running, err := p.runningNode()
	if err != nil {
		return stats, err
	}
	if running == nil {
		dir, err := p.holdNode("node stats")
		if err != nil {
			return stats, err
		}
		stats, err = node.StoppedStats(dir.Node(), p.log)
		return stats, errors.Join(err, dir.Close())
	}
	response, err := running.get(ctx, "/stats")
	if err != nil {
		return stats, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&stats); err != nil || stats.Running == nil {
		return stats, &domain.Error{Code: domain.CodeNotFound, Field: "eventstore", Value: running.shown, Message: "this is no event store node of Jeongsan's", Remedy: "use the tools of that event store", Err: err}
	}
	return stats, nil
}

func (p *program) printNodeStats(stats node.Stats, storage bool) {
	t := newTable(p.stdout)
	size := func(bytes uint64) string { return humanize.IBytes(bytes) }
	t.AppendRows([]table.Row{
		{"program", stats.Version},
		{"events", count(stats.Log.Events)},
		{"streams", count(stats.Log.Streams)},
		{"last position", stats.Log.End},
		{"log before compression", size(stats.Log.Bytes)},
		{"on disk", fmt.Sprintf("%s: tables %s, write-ahead log %s", size(stats.Disk.Total), size(stats.Disk.Tables), size(stats.Disk.WAL))},
	})
	if r := stats.Running; r != nil {
		uptime := time.Duration(r.UptimeSeconds * float64(time.Second)).Round(time.Second)
		t.AppendRows([]table.Row{
			{"running for", uptime.String()},
			{"appended since", fmt.Sprintf("%s events in %s appends, %s", count(r.Events), count(r.Appends), size(r.Bytes))},
			{"sent to readers since", fmt.Sprintf("%s events, %s", count(r.EventsRead), size(r.BytesRead))},
			{"append", latency(r.Append)},
			{"flush", fmt.Sprintf("%s; %.1f appends each", latency(r.Flush), r.Group)},
			{"memory", fmt.Sprintf("%s resident; heap %s, cache %s, memory tables %s, tail %s",
				size(r.Memory.Resident), size(r.Memory.Heap), size(r.Memory.Cache), size(r.Memory.MemTables), size(r.Memory.Tail))},
			{"subscriptions", fmt.Sprintf("%d open; fell behind %s times", len(r.Subscriptions), count(r.FellBehind))},
		})
	}
	t.Render()
	if r := stats.Running; r != nil && len(r.Subscriptions) > 0 {
		t := newTable(p.stdout)
		t.AppendHeader(table.Row{"subscription", "stream", "since", "position", "behind"})
		for _, s := range r.Subscriptions {
			t.AppendRow(table.Row{s.Kind, s.Stream, s.Since.Format(time.DateTime), s.Position, size(s.LagBytes)})
		}
		alignNumbers(t, 5, 4)
		t.Render()
	}
	if storage {
		fmt.Fprintln(p.stdout, stats.Storage)
	}
}

func latency(l node.Latency) string {
	if l.Count == 0 {
		return "nothing measured"
	}
	ms := func(seconds float64) string { return fmt.Sprintf("%.2f ms", seconds*1000) }
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s", ms(l.P50), ms(l.P90), ms(l.P99))
}
