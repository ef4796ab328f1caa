package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/amendment"
)

func (p *program) scheduleDiffCommand() *cobra.Command {
	var wanted string
	var cases bool
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say in words what one schedule changes against another",
		Long: `Say in words what one schedule changes against another: which rules come and go,
which percentages, tiers and formulas are others. Each of the two is a file, or a
published version: ID@VERSION, or ID for the newest.

With --cases the worked cases of both files are run under both schedules, and
those whose amounts change are shown. A case is run as the file writes it, less the
attributes and accumulators that a schedule does not have; that one of the
schedules refuses it is shown, too.`,
		Example: `  jeongsan schedule diff google-play@1 google-play@2
  jeongsan schedule diff google-play google-play.yaml --cases --data ./ledger`,
		Args: func(cmd *cobra.Command, args []string) error { return exactArguments(cmd, args, "OLD", "NEW") },
		RunE: func(cmd *cobra.Command, args []string) error {
			both, err := p.resolve(cmd.Context(), wanted, args...)
			if err != nil {
				return err
			}
			d := difference{Old: sideOf(args[0], both[0]), New: sideOf(args[1], both[1]), Changes: amendment.Between(both[0], both[1])}
			if cases {
				if d.Cases, err = changedCases(both[0], both[1]); err != nil {
					return err
				}
			}
			return p.printDifference(d, cases)
		},
	}
	cmd.Flags().StringVar(&wanted, "schedule", "", "which `schedule` is meant, ID or ID@VERSION, of a file with several")
	cmd.Flags().BoolVar(&cases, "cases", false, "run the worked cases of both and show whose amounts change")
	return cmd
}

// difference is what diff finds.
type difference struct {
	Old     side               `json:"old"`
	New     side               `json:"new"`
	Changes []amendment.Change `json:"changes"`
	Cases   *caseChanges       `json:"cases,omitempty"`
}

// side is one of the two schedules.
type side struct {
	Named         string      `json:"named"` // on the command line
	Schedule      string      `json:"schedule"`
	Version       int         `json:"version"`
	EffectiveFrom domain.Date `json:"effective_from"`
}

func sideOf(named string, d fee.Document) side {
	return side{Named: named, Schedule: d.Schedule, Version: d.Version, EffectiveFrom: d.EffectiveFrom}
}

func (p *program) printDifference(d difference, cases bool) error {
	if p.config.JSON {
		if d.Changes == nil {
			d.Changes = []amendment.Change{}
		}
		return p.printJSON(d)
	}
	for _, s := range []struct {
		sign string
		side side
	}{{"-", d.Old}, {"+", d.New}} {
		fmt.Fprintf(p.stdout, "%s %s version %d, from %s (%s)\n", s.sign, s.side.Schedule, s.side.Version, s.side.EffectiveFrom, s.side.Named)
	}
	printChanges(p.stdout, d.Changes)
	if cases {
		printCaseChanges(p.stdout, d.Cases)
	}
	return nil
}

func printChanges(w io.Writer, changes []amendment.Change) {
	if len(changes) == 0 {
		fmt.Fprintln(w, "  no difference")
	}
	for _, c := range changes {
		fmt.Fprintf(w, "  %s\n", c)
	}
}
