package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/projections"
)

func (p *program) projectionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "projections",
		Short: "Look at the read models, and rebuild them",
		Args:  subcommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.projectionsStatusCommand(), p.projectionsRebuildCommand())
	return cmd
}

func (p *program) projectionsStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how far each read model is",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if _, err := p.attach(); err != nil {
				return err
			}
			o, err := p.open(cmd.Context(), need{command: "projections status", existing: true, database: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			return p.printStatus(cmd.Context(), o)
		},
	}
}

// modelStatus is one read model as status prints it.
type modelStatus struct {
	Model      string               `json:"model"`
	Position   eventstore.Position  `json:"position"`
	Log        eventstore.Position  `json:"log"` // last position of the log
	Events     int64                `json:"events"`
	State      string               `json:"state"`
	ParkedAt   string               `json:"parked_at,omitempty"` // stream@revision
	Reason     string               `json:"reason,omitempty"`
	Rebuilding *eventstore.Position `json:"rebuilding,omitempty"`
	UpdatedAt  time.Time            `json:"updated_at"`
}

func (p *program) printStatus(ctx context.Context, o *parts) error {
	last, err := o.store.LastPosition(ctx)
	if err != nil {
		return err
	}
	models, err := projections.Status(ctx, o.pool)
	if err != nil {
		return err
	}
	list := make([]modelStatus, 0, len(models))
	for _, m := range models {
		s := modelStatus{Model: m.Name, Position: m.Position, Log: last, Events: m.Events, State: "live", Rebuilding: m.Rebuilding, UpdatedAt: m.UpdatedAt}
		switch {
		case m.Parked != nil:
			s.State = "parked"
			s.ParkedAt = fmt.Sprintf("%s@%d", m.Parked.Ref.Stream, m.Parked.Ref.Revision)
			s.Reason = m.Parked.Reason
		case m.Position < last:
			s.State = "behind"
		}
		if m.Rebuilding != nil {
			s.State += ", rebuilding"
		}
		list = append(list, s)
	}
	if p.config.JSON {
		return p.printJSON(list)
	}
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"read model", "state", "position", "log", "events", "updated"})
	for _, s := range list {
		t.AppendRow(table.Row{s.Model, s.State, s.Position, s.Log, count(uint64(s.Events)), s.UpdatedAt.UTC().Format(time.DateTime)})
	}
	alignNumbers(t, 5, 3)
	t.Render()
	for _, s := range list {
		if s.ParkedAt != "" {
			fmt.Fprintf(p.stdout, "%s is parked at %s: %s; mend the cause and run: jeongsan projections rebuild %s\n", s.Model, s.ParkedAt, s.Reason, s.Model)
		}
	}
	return nil
}

func (p *program) projectionsRebuildCommand() *cobra.Command {
	var compareOnly bool
	cmd := &cobra.Command{
		Use:   "rebuild [MODEL…]",
		Short: "Rebuild read models from the log, compare, and switch",
		Long: `Build read models anew from the log beside those in use, compare the two row by
row at one position, and put the new ones in their place in one step. Queries go
on meanwhile, also beside a running server. Without names all are rebuilt, from
one pass over the log.

The exit code is 1 where a difference was found; it is mended by the switch.`,
		Example: "  jeongsan projections rebuild\n  jeongsan projections rebuild account --compare-only",
		RunE: func(cmd *cobra.Command, names []string) (err error) {
			models, err := findModels(names)
			if err != nil {
				return errors.Join(errUsage, err)
			}
			attached, err := p.attach()
			if err != nil {
				return err
			}
			o, err := p.open(cmd.Context(), need{command: "projections rebuild", existing: true, database: true, projections: !attached && p.config.Database == ""})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			return p.rebuild(cmd.Context(), o, models, compareOnly)
		},
	}
	cmd.Flags().BoolVar(&compareOnly, "compare-only", false, "leave the tables in use as they are")
	return cmd
}

func findModels(names []string) ([]projections.Model, error) {
	if len(names) == 0 {
		return projections.Models(), nil
	}
	models := make([]projections.Model, 0, len(names))
	for _, name := range names {
		model, err := projections.Find(name)
		if err != nil {
			return nil, err
		}
		models = append(models, model)
	}
	return models, nil
}

func (p *program) rebuild(ctx context.Context, o *parts, models []projections.Model, compareOnly bool) error {
	var mu sync.Mutex
	events := map[string]int64{}
	bar := p.newBar("rebuild", 0)
	comparisons, err := projections.RebuildAll(ctx, projections.RebuildConfig{
		Store: o.store, Pool: o.pool, Identity: o.identity, Logger: p.log, CompareOnly: compareOnly,
		Progress: func(progress projections.RebuildProgress) {
			mu.Lock()
			defer mu.Unlock()
			events[progress.Model] = progress.Events
			bar.set(0, uint64(slices.Max(slices.Collect(maps.Values(events)))))
		},
	}, models)
	bar.finish()
	different, done := 0, make([]projections.Comparison, 0, len(comparisons))
	for _, comparison := range comparisons {
		if comparison.Model == "" {
			continue // it failed, and the error says how
		}
		done = append(done, comparison)
		if !comparison.Equal() {
			different++
		}
		if !p.config.JSON {
			p.printComparison(comparison)
		}
	}
	if p.config.JSON {
		err = errors.Join(err, p.printJSON(done))
	}
	if err != nil {
		return err
	}
	if different > 0 {
		return &domain.Error{Code: domain.CodeConflict, Field: "read models", Value: fmt.Sprint(different), Message: "differed from the log", Remedy: "the rebuilt tables are right; report this, as it should not happen"}
	}
	return nil
}

func (p *program) printComparison(c projections.Comparison) {
	switch {
	case len(c.Tables) == 0:
		fmt.Fprintf(p.stdout, "%s: rebuilt from %s events; not compared, as the old tables are of another version\n", c.Model, count(uint64(c.Events)))
	case c.Equal():
		var rows int64
		for _, t := range c.Tables {
			rows += t.Rows
		}
		fmt.Fprintf(p.stdout, "%s: %s events, %s rows in %d tables, equal at position %d", c.Model, count(uint64(c.Events)), count(uint64(rows)), len(c.Tables), c.ComparedAt)
		if c.Switched {
			fmt.Fprint(p.stdout, "; switched")
		}
		fmt.Fprintln(p.stdout)
	default:
		for _, t := range c.Tables {
			if t.Missing == 0 && t.Surplus == 0 {
				continue
			}
			fmt.Fprintf(p.stdout, "%s.%s: %s rows missing and %s surplus in the rebuilt table at position %d\n", c.Model, t.Table, count(uint64(t.Missing)), count(uint64(t.Surplus)), c.ComparedAt)
			for _, d := range t.Differences {
				side := "rebuilt"
				if d.InUse {
					side = "in use "
				}
				fmt.Fprintf(p.stdout, "  %s %s\n", side, d.Row)
			}
		}
	}
}
