package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/amendment"
)

func (p *program) scheduleHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history ID",
		Short: "List the versions of a schedule: when, by whom, and what changed",
		Long: `List the versions of a published schedule: from when each is effective and until
when, when it was published and by whom, and what it changed against the version
before it.`,
		Example: "  jeongsan schedule history google-play --data ./ledger",
		Args:    oneArgument("the id of a schedule"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			o, err := p.openToRead(cmd.Context(), "schedule history")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			history, err := historyOf(cmd.Context(), o, args[0])
			if err != nil {
				return err
			}
			return p.printHistory(args[0], history)
		},
	}
	return cmd
}

// pastVersion is one version in the history of a schedule.
type pastVersion struct {
	Version int `json:"version"`
	// EffectiveFrom is its first date, EffectiveUntil the first date of a later one;
	// equal where a later version took its place before it ever applied.
	EffectiveFrom  domain.Date        `json:"effective_from"`
	EffectiveUntil domain.Date        `json:"effective_until,omitempty"`
	PublishedAt    time.Time          `json:"published_at"`
	PublishedBy    string             `json:"published_by"`
	Description    string             `json:"description,omitempty"`
	Changes        []amendment.Change `json:"changes"`
}

func historyOf(ctx context.Context, o *parts, id string) ([]pastVersion, error) {
	versions, err := versionsIn(ctx, o.store, id)
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		remedy := "publish it with jeongsan schedule publish"
		if short, _, versioned := strings.Cut(id, "@"); versioned {
			remedy = "name it without a version: " + short
		}
		return nil, &domain.Error{Code: domain.CodeNotFound, Field: "schedule", Value: id, Message: "the log has no such schedule", Remedy: remedy}
	}
	history := make([]pastVersion, len(versions))
	for i, v := range versions {
		history[i] = pastVersion{
			Version: v.Version, EffectiveFrom: v.EffectiveFrom, PublishedAt: v.at, PublishedBy: v.actor, Description: v.Description, Changes: []amendment.Change{},
		}
		if i+1 < len(versions) {
			history[i].EffectiveUntil = versions[i+1].EffectiveFrom
		}
		if i > 0 {
			history[i].Changes = append(history[i].Changes, amendment.Between(versions[i-1].Document, v.Document)...)
		}
	}
	return history, nil
}

func (p *program) printHistory(id string, history []pastVersion) error {
	if p.config.JSON {
		return p.printJSON(history)
	}
	for _, v := range history {
		fmt.Fprintf(p.stdout, "%s version %d, effective from %s%s, published %s by %s\n", id, v.Version, v.EffectiveFrom, untilText(v.EffectiveUntil), v.PublishedAt.Format(time.RFC3339), v.PublishedBy)
		if v.Description != "" {
			fmt.Fprintf(p.stdout, "  %s\n", v.Description)
		}
		if v.EffectiveUntil == v.EffectiveFrom {
			fmt.Fprintln(p.stdout, "  replaced before it applied to any date")
		}
		if v.Version > 1 {
			printChanges(p.stdout, v.Changes)
		}
	}
	return nil
}
