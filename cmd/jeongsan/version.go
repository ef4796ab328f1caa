package main

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this binary is",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version      string `json:"version"`
				Revision     string `json:"revision,omitempty"`
				Go           string `json:"go"`
				Platform     string `json:"platform"`
				RatingEngine int    `json:"rating_engine"`
			}{Version: "development", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, RatingEngine: fee.EngineVersion}
			if info, ok := debug.ReadBuildInfo(); ok {
				if info.Main.Version != "" && info.Main.Version != "(devel)" {
					v.Version = info.Main.Version
				}
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			if p.config.JSON {
				return p.printJSON(v)
			}
			_, err := fmt.Fprintf(p.stdout, "jeongsan %s %s (%s, %s, rating engine %d)\n", v.Version, v.Revision, v.Go, v.Platform, v.RatingEngine)
			return err
		},
	}
}

// noArguments refuses stray arguments with a sentence instead of silence.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "argument", Value: args[0], Message: cmd.CommandPath() + " takes no arguments", Remedy: "see --help"})
}

// subcommand is for commands that only hold others: what is no name of one of them
// is answered with the nearest name.
func subcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	remedy := "see --help"
	cmd.SuggestionsMinimumDistance = 2 // letters, as cobra does where it answers itself
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		remedy = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "command", Value: args[0], Message: cmd.CommandPath() + " has no such command", Remedy: remedy})
}

// oneArgument wants exactly one argument of a kind.
func oneArgument(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "argument", Value: strings.Join(args, " "), Message: cmd.CommandPath() + " takes one argument, " + kind, Remedy: "see --help"})
	}
}

// exactArguments wants one argument for each name.
func exactArguments(cmd *cobra.Command, args []string, names ...string) error {
	if len(args) == len(names) {
		return nil
	}
	return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "argument", Value: strings.Join(args, " "), Message: cmd.CommandPath() + " takes " + strings.Join(names, " and "), Remedy: "see --help"})
}

// someArguments wants at least one argument of a kind.
func someArguments(kind string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return nil
		}
		return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: kind, Message: cmd.CommandPath() + " needs at least one " + kind, Remedy: "see --help"})
	}
}
