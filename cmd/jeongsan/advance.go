package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

func (p *program) advanceCommand() *cobra.Command {
	var id, date, server string
	var ahead bool
	cmd := &cobra.Command{
		Use:   "advance",
		Short: "Take a book to a business date: release what falls due, close what has ended",
		Long: `Take a book to a business date, through every date between its own and this one:
held money that falls due is released, and windows of accumulators that have ended
are closed. Without --date it is the date that has begun in --business-zone.

A running server does this by itself unless it runs with --business-days manual;
beside one that uses --data the command goes to that server. Interrupted at any
point, the command is simply run again. A business date cannot be taken back: one
that has not begun yet is refused without --ahead.`,
		Example: `  jeongsan advance --book main --data ./ledger
  jeongsan advance --book main --date 2026-05-31 --server http://127.0.0.1:8080`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := p.businessDate(date, ahead)
			if err != nil {
				return err
			}
			if err := domain.CheckID("book", id); err != nil {
				return errors.Join(errUsage, err)
			}
			return p.advance(cmd.Context(), id, to, server)
		},
	}
	cmd.Flags().StringVar(&id, "book", "", "the `book`")
	cmd.Flags().StringVar(&date, "date", "", "the `date` to come to; empty is today")
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	cmd.Flags().BoolVar(&ahead, "ahead", false, "allow a date that has not begun yet")
	p.config.registerBusinessDay(cmd.Flags())
	return cmd
}

// businessDate reads the date to come to.
func (p *program) businessDate(text string, ahead bool) (domain.Date, error) {
	day, err := p.config.Business.day()
	if err != nil {
		return "", errors.Join(errUsage, err)
	}
	today := day.On(time.Now())
	if text == "" {
		return today, nil
	}
	date, err := domain.ParseDate("date", text)
	if err == nil && date > today && !ahead {
		err = &domain.Error{
			Code: domain.CodeInvalid, Field: "date", Value: text, Message: "this date has not begun in " + day.Zone().String() + ", and a business date cannot be taken back",
			Remedy: "correct it, or give --ahead where it is meant",
		}
	}
	if err != nil {
		return "", errors.Join(errUsage, err)
	}
	return date, nil
}

// advanced is what advance has done.
type advanced struct {
	Book string      `json:"book"`
	Date domain.Date `json:"date"`
	// Dates is how many dates the book was taken on, Events what that took.
	Dates    int                 `json:"dates"`
	Events   int                 `json:"events"`
	Position eventstore.Position `json:"position"`
}

func (p *program) advance(ctx context.Context, id string, to domain.Date, server string) (err error) {
	door, closeDoor, err := p.openDoorBeside(ctx, "advance", server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDoor()) }()
	progress, err := businessday.Advance(ctx, door, id, to, 0, p.meta("advance"), nil)
	if err != nil {
		if progress.Steps > 0 {
			err = fmt.Errorf("after %s: %w", quantity(progress.Steps, "event"), err)
		}
		return err
	}
	done := advanced{Book: id, Date: to, Dates: progress.Dates, Events: progress.Steps, Position: progress.Position}
	if p.config.JSON {
		return p.printJSON(done)
	}
	if done.Events == 0 {
		fmt.Fprintf(p.stdout, "book %s has come to %s before\n", id, to)
		return nil
	}
	fmt.Fprintf(p.stdout, "book %s has come to %s: %s, %s\n", id, to, quantity(done.Dates, "date"), quantity(done.Events, "event"))
	return nil
}

// openDoorBeside opens the command door of the named server, of the server that runs
// on --data, or in this process.
func (p *program) openDoorBeside(ctx context.Context, name, server string) (command.Door, func() error, error) {
	if server == "" {
		r, running, err := p.runningServer()
		if err != nil {
			return nil, nil, err
		}
		if running {
			server = r.Server
		}
	}
	if server != "" {
		return command.NewRemote(server, &http.Client{Timeout: remoteTimeout}), func() error { return nil }, nil
	}
	o, err := p.open(ctx, need{command: name, existing: true, keys: true, door: true})
	if err != nil {
		return nil, nil, p.explainInUse(err)
	}
	return o.door, o.close, nil
}
