package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/eventstore/command"
)

func (p *program) calendarPublishCommand() *cobra.Command {
	var server string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "publish FILE",
		Short: "Publish the calendars of a file: those versions never change",
		Long: `Publish the calendars of a file. The same version with the same content is a
replay, with other content it is refused: a correction is the next version. It
applies to what is settled from then on.

With --dry-run everything is checked and said, and nothing is published. Beside a
running server that uses --data the calendars go to that server, with --server to
that one.`,
		Example: `  jeongsan calendar publish kr.yaml --dry-run
  jeongsan calendar publish kr.yaml --data ./ledger`,
		Args: oneArgument("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			documents, err := readCalendars(args[0])
			if err != nil {
				return err
			}
			slices.SortStableFunc(documents, func(a, b calendar.Document) int { return a.Version - b.Version })
			return p.publishCalendars(cmd.Context(), documents, server, dryRun)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check and say everything, publish nothing")
	return cmd
}

// calendarPublication is what publishing one version does, or would do.
type calendarPublication struct {
	shownCalendar
	Outcome string `json:"outcome"` // published, already so, would be published
}

func (p *program) publishCalendars(ctx context.Context, documents []calendar.Document, server string, dryRun bool) (err error) {
	o, door, closeAll, err := p.openToPublish(ctx, server, dryRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	done := make([]calendarPublication, 0, len(documents))
	var faults []error
	ahead := map[string]*calendar.State{} // a dry run's, as it would have become
	for _, d := range documents {
		one := calendarPublication{shownCalendar: shownOf(d)}
		if door == nil {
			one.Outcome, err = p.wouldPublishCalendar(ctx, o, d, ahead)
		} else {
			one.Outcome, err = p.publishCalendar(ctx, door, d)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("calendar %s version %d: %w", d.Calendar, d.Version, err))
			continue
		}
		done = append(done, one)
	}
	if p.config.JSON {
		return errors.Join(append([]error{p.printJSON(done)}, faults...)...)
	}
	for _, one := range done {
		fmt.Fprintf(p.stdout, "%s, %s\n", one.shownCalendar, one.Outcome)
	}
	return errors.Join(faults...)
}

func (p *program) publishCalendar(ctx context.Context, door command.Door, d calendar.Document) (string, error) {
	reply := door.Do(ctx, command.Request{Command: calendar.PublishCalendar{Document: d}, Meta: p.meta("calendar publish")})[0]
	switch {
	case reply.Err != nil:
		return "", reply.Err
	case reply.Outcome == command.Replayed:
		return "already so", nil
	}
	return "published", nil
}

// wouldPublishCalendar asks the aggregate, with what this run would have published
// before.
func (p *program) wouldPublishCalendar(ctx context.Context, o *parts, d calendar.Document, ahead map[string]*calendar.State) (string, error) {
	state := ahead[d.Calendar]
	if state == nil {
		versions, err := calendarVersions(ctx, o.store, d.Calendar)
		if err != nil {
			return "", err
		}
		state = calendar.Decider.Initial()
		for _, v := range versions {
			state = calendar.Decider.Evolve(state, calendar.CalendarPublished{Document: v.Document})
		}
	}
	_, replay, err := calendar.Lookup(state, calendar.PublishCalendar{Document: d})
	switch {
	case err != nil:
		return "", err
	case replay:
		return "already so", nil
	}
	ahead[d.Calendar] = calendar.Decider.Evolve(state, calendar.CalendarPublished{Document: d})
	return wouldPublish, nil
}
