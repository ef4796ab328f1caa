package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/docs"
	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/yamldoc"
)

func (p *program) scheduleValidateCommand() *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check schedule files, naming every fault with its line",
		Long: `Check schedule files without a ledger: keys, kinds of values, formulas, names,
currencies. Every fault is printed as FILE:LINE:COLUMN PATH, not only the first,
and the exit code is 1.

With --schema the JSON Schema of schedule documents is printed, for editors.`,
		Example: `  jeongsan schedule validate google-play.yaml pg.yaml
  jeongsan schedule validate --schema > schedule.schema.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if schema {
				return noArguments(cmd, args)
			}
			return someArguments("file")(cmd, args)
		},
		RunE: func(_ *cobra.Command, files []string) error {
			if schema {
				_, err := p.stdout.Write(docs.ScheduleSchema)
				return err
			}
			return p.validateSchedules(files)
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of schedule documents")
	return cmd
}

// validated is what came of one file.
type validated struct {
	File      string              `json:"file"`
	Schedules []validatedSchedule `json:"schedules"`
	Faults    []*domain.Error     `json:"faults"` // field is "file:line:column path"
}

type validatedSchedule struct {
	Schedule      string      `json:"schedule"`
	Version       int         `json:"version"`
	EffectiveFrom domain.Date `json:"effective_from"`
	Rules         int         `json:"rules"`
	Cases         int         `json:"cases"`
}

func (p *program) validateSchedules(files []string) error {
	results := make([]validated, 0, len(files))
	faulty := 0
	for _, file := range files {
		result := validate(file)
		if len(result.Faults) > 0 {
			faulty++
		}
		results = append(results, result)
	}
	if p.config.JSON {
		if err := p.printJSON(results); err != nil {
			return err
		}
	} else {
		p.printValidated(results)
	}
	if faulty > 0 {
		return &domain.Error{Code: domain.CodeInvalid, Field: "file", Message: fmt.Sprintf("%d of %s not valid", faulty, quantity(len(files), "file")), Remedy: "correct what is named above"}
	}
	return nil
}

func validate(file string) validated {
	result := validated{File: file, Schedules: []validatedSchedule{}, Faults: []*domain.Error{}}
	schedules, err := readSchedules(file)
	if err != nil {
		result.Faults = faultsOf(err)
		return result
	}
	for _, s := range schedules {
		result.Schedules = append(result.Schedules, validatedSchedule{
			Schedule: s.Schedule, Version: s.Version, EffectiveFrom: s.EffectiveFrom, Rules: len(s.Rules), Cases: len(s.Cases),
		})
	}
	return result
}

// faultsOf takes the faults of a file apart.
func faultsOf(err error) []*domain.Error {
	var all []*domain.Error
	for _, one := range flatten(err) {
		var e *domain.Error
		if !errors.As(one, &e) {
			e = &domain.Error{Code: domain.CodeInternal, Message: one.Error()}
		}
		all = append(all, e)
	}
	return all
}

func (p *program) printValidated(results []validated) {
	for _, r := range results {
		for _, s := range r.Schedules {
			fmt.Fprintf(p.stdout, "%s: schedule %s version %d, from %s: %s, %s\n", r.File, s.Schedule, s.Version, s.EffectiveFrom, quantity(s.Rules, "rule"), quantity(s.Cases, "case"))
		}
		if len(r.Faults) > 0 {
			fmt.Fprintln(p.stdout, yamldoc.Faults(r.Faults).Error())
		}
	}
}
