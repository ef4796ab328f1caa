package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
	"github.com/jeongsan/jeongsan/internal/terms"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

func (p *program) calendarCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "calendar",
		Short: "Publish and show calendars of business days",
		Long: `A calendar says which dates are business days: the days of the weekend, the
holidays of whole years, and the weekend days that are worked. Schedules name one
where money falls due after business days. It is a YAML or JSON file.

Versions are published and never change. The newest applies to what is settled
from then on; what has been settled keeps the dates that it was given.`,
		Example: `  jeongsan calendar validate kr.yaml
  jeongsan calendar publish kr.yaml --data ./ledger
  jeongsan calendar show kr --year 2026`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.calendarValidateCommand(), p.calendarPublishCommand(), p.calendarListCommand(), p.calendarShowCommand())
	return cmd
}

// readCalendars reads the calendars of a file.
func readCalendars(file string) ([]calendar.Document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "file", Value: file, Message: "cannot be read", Remedy: "name a readable YAML or JSON file", Err: err}
	}
	return terms.ParseCalendars(file, content)
}

func (p *program) calendarValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check calendar files, naming every fault with its line",
		Long: `Check calendar files without a ledger. Every fault is printed as FILE:LINE:COLUMN
PATH, not only the first, and the exit code is 1.`,
		Example: "  jeongsan calendar validate kr.yaml",
		Args:    someArguments("file"),
		RunE:    func(_ *cobra.Command, files []string) error { return p.validateCalendars(files) },
	}
}

// validatedCalendars is what came of one file.
type validatedCalendars struct {
	File      string          `json:"file"`
	Calendars []shownCalendar `json:"calendars"`
	Faults    []*domain.Error `json:"faults"` // field is "file:line:column path"
}

// shownCalendar is a version of a calendar in a few words.
type shownCalendar struct {
	Calendar  string `json:"calendar"`
	Version   int    `json:"version"`
	FirstYear int    `json:"first_year"`
	LastYear  int    `json:"last_year"`
	Holidays  int    `json:"holidays"`
	Workdays  int    `json:"workdays"`
}

func shownOf(d calendar.Document) shownCalendar {
	return shownCalendar{Calendar: d.Calendar, Version: d.Version, FirstYear: d.FirstYear, LastYear: d.LastYear, Holidays: len(d.Holidays), Workdays: len(d.Workdays)}
}

func (c shownCalendar) String() string {
	return fmt.Sprintf("calendar %s version %d, of %s: %s", c.Calendar, c.Version, c.years(), quantity(c.Holidays, "holiday"))
}

// years are those covered, as "2026 to 2027".
func (c shownCalendar) years() string {
	if c.LastYear > c.FirstYear {
		return fmt.Sprint(c.FirstYear, " to ", c.LastYear)
	}
	return fmt.Sprint(c.FirstYear)
}

func (p *program) validateCalendars(files []string) error {
	results := make([]validatedCalendars, 0, len(files))
	faulty := 0
	for _, file := range files {
		result := validatedCalendars{File: file, Calendars: []shownCalendar{}, Faults: []*domain.Error{}}
		documents, err := readCalendars(file)
		if err != nil {
			result.Faults, documents = faultsOf(err), nil
			faulty++
		}
		for _, d := range documents {
			result.Calendars = append(result.Calendars, shownOf(d))
		}
		results = append(results, result)
	}
	if p.config.JSON {
		if err := p.printJSON(results); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			for _, c := range r.Calendars {
				fmt.Fprintf(p.stdout, "%s: %s\n", r.File, c)
			}
			if len(r.Faults) > 0 {
				fmt.Fprintln(p.stdout, yamldoc.Faults(r.Faults).Error())
			}
		}
	}
	if faulty > 0 {
		return &domain.Error{Code: domain.CodeInvalid, Field: "file", Message: fmt.Sprintf("%d of %s not valid", faulty, quantity(len(files), "file")), Remedy: "correct what is named above"}
	}
	return nil
}

func (p *program) calendarListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the published calendars with their newest versions",
		Example: "  jeongsan calendar list --data ./ledger",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o, err := p.openToRead(cmd.Context(), "calendar list")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			newest, err := calendarsIn(cmd.Context(), o.store)
			if err != nil {
				return err
			}
			shown := make([]shownCalendar, len(newest))
			for i, d := range newest {
				shown[i] = shownOf(d)
			}
			if p.config.JSON {
				return p.printJSON(shown)
			}
			for _, c := range shown {
				fmt.Fprintln(p.stdout, c)
			}
			if len(shown) == 0 {
				fmt.Fprintln(p.stdout, "no calendar is published; see jeongsan calendar publish")
			}
			return nil
		},
	}
}
