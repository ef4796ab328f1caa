package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/internal/verify"
)

func (p *program) replayCommand() *cobra.Command {
	var until, book, owner string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Print the balances as they were at a position or a moment",
		Long: `Fold the log from its beginning up to a point and print every balance as it was
then. The point is a position in the log, or a moment: all that was recorded up
to and including it counts. Nothing is written, and Postgres is not needed.`,
		Example: `  jeongsan replay --until 2026-11-22T09:00:00Z
  jeongsan replay --until 183422 --owner studio-7 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			if _, err := p.attach(); err != nil {
				return err
			}
			o, err := p.open(ctx, need{command: "replay", existing: true})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			point, err := parseUntil(until, o.identity)
			if err != nil {
				return err
			}
			return p.replay(ctx, o.store, point, book, owner)
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "`position` or moment (2026-11-22T09:00:00Z); empty is now")
	cmd.Flags().StringVar(&book, "book", "", "only this `book`")
	cmd.Flags().StringVar(&owner, "owner", "", "only accounts of this `party`")
	return cmd
}

// parseUntil reads a bare position, a position token as the API gives them, or a moment.
func parseUntil(s string, identity eventstore.Identity) (verify.Until, error) {
	if s == "" {
		return verify.Until{}, nil
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil && n > 0 {
		return verify.Until{Position: eventstore.Position(n)}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return verify.Until{Time: t}, nil
	}
	if token, err := eventstore.ParseToken(s); err == nil {
		if token.Identity != identity {
			return verify.Until{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeConflict, Field: "until", Value: s, Message: "the position is of another log", Remedy: "take a position from this log"})
		}
		return verify.Until{Position: token.Position}, nil
	}
	return verify.Until{}, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "until", Value: s, Message: "neither a position nor a moment", Remedy: "write 183422 or 2026-11-22T09:00:00Z"})
}

func (p *program) replay(ctx context.Context, store eventstore.Store, until verify.Until, book, owner string) error {
	state, err := verify.Replay(ctx, store, until)
	if err != nil {
		return err
	}
	kept := state.Balances[:0]
	for _, b := range state.Balances {
		if (book == "" || b.Book == book) && (owner == "" || b.Owner == owner) {
			kept = append(kept, b)
		}
	}
	state.Balances = kept
	if p.config.JSON {
		return p.printJSON(state)
	}
	fmt.Fprintf(p.stdout, "%s events up to position %d\n", count(state.Events), state.Position)
	if until.Position > state.Position {
		fmt.Fprintf(p.stdout, "there is no event from there to position %d\n", until.Position)
	}
	if len(kept) == 0 {
		_, err := fmt.Fprintln(p.stdout, "no balances up to there")
		return err
	}
	t := newTable(p.stdout)
	t.AppendHeader(table.Row{"book", "account", "debits", "credits", "postings"})
	for _, b := range kept {
		t.AppendRow(table.Row{b.Book, b.Account, b.Debits, b.Credits, count(b.Entries)})
	}
	alignNumbers(t, 5, 3)
	t.Render()
	return nil
}
