package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/calendar"
)

func (p *program) calendarShowCommand() *cobra.Command {
	var year int
	cmd := &cobra.Command{
		Use:   "show ID[@VERSION]",
		Short: "Show a published calendar: who published it, its weekend, its holidays",
		Long: `Show a published calendar, its newest version or the one that is named: by whom
and when it was published, the weekend, the holidays, and the weekend days that are
worked. With --json it is the document as it was published.`,
		Example: "  jeongsan calendar show kr@2 --year 2026 --data ./ledger",
		Args:    oneArgument("the id of a calendar"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			name := versionName.FindStringSubmatch(args[0])
			if name == nil {
				return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "calendar", Value: args[0], Message: "not the name of a calendar", Remedy: "write ID or ID@VERSION"})
			}
			version := 0
			if name[2] != "" {
				if _, err := fmt.Sscan(name[2], &version); err != nil || version == 0 {
					return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "version", Value: args[0], Message: "versions count from 1", Remedy: "write ID@VERSION"})
				}
			}
			o, err := p.openToRead(cmd.Context(), "calendar show")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, o.close()) }()
			found, err := calendarIn(cmd.Context(), o.store, name[1], version)
			if err != nil {
				return err
			}
			return p.printCalendar(found, year)
		},
	}
	cmd.Flags().IntVar(&year, "year", 0, "only the days of one `year`")
	return cmd
}

func (p *program) printCalendar(c publishedCalendar, year int) error {
	if year != 0 {
		if year < c.FirstYear || year > c.LastYear {
			return &domain.Error{
				Code: domain.CodeNotFound, Field: "year", Value: strconv.Itoa(year), Message: fmt.Sprintf("version %d of calendar %s covers %s only", c.Version, c.Calendar, shownOf(c.Document).years()),
				Remedy: "name one of these years, or publish a version that covers more",
			}
		}
		other := func(d calendar.Day) bool { return !strings.HasPrefix(string(d.On), fmt.Sprintf("%04d-", year)) }
		c.Holidays = slices.DeleteFunc(slices.Clone(c.Holidays), other)
		c.Workdays = slices.DeleteFunc(slices.Clone(c.Workdays), other)
	}
	if p.config.JSON {
		return p.printJSON(c)
	}
	fmt.Fprintf(p.stdout, "%s, published %s by %s\n", shownOf(c.Document), c.PublishedAt.Format(time.RFC3339), c.PublishedBy)
	if c.Description != "" {
		fmt.Fprintf(p.stdout, "  %s\n", c.Description)
	}
	weekend := "none"
	if len(c.Weekend) > 0 {
		days := make([]string, len(c.Weekend))
		for i, day := range c.Weekend {
			days[i] = string(day)
		}
		weekend = strings.Join(days, ", ")
	}
	fmt.Fprintf(p.stdout, "  weekend   %s\n", weekend)
	byDate := func(a, b calendar.Day) int { return strings.Compare(string(a.On), string(b.On)) }
	for _, day := range slices.SortedFunc(slices.Values(c.Holidays), byDate) {
		fmt.Fprintf(p.stdout, "  holiday   %s  %s\n", day.On, day.Name)
	}
	for _, day := range slices.SortedFunc(slices.Values(c.Workdays), byDate) {
		fmt.Fprintf(p.stdout, "  workday   %s  %s\n", day.On, day.Name)
	}
	return nil
}
