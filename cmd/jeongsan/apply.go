package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func (p *program) applyCommand() *cobra.Command {
	var server string
	cmd := &cobra.Command{
		Use:   "apply FILE…",
		Short: "Register the parties, calendars, schedules and contracts that files declare",
		Long: `Register what YAML files declare under "parties", "calendars", "schedules" and
"contracts".

Applying a file again changes nothing: what is already so is a replay. What
differs from what was registered is refused, as history is never edited: publish
a new version of the calendar or schedule, or end the contract and sign another.`,
		Example: `  jeongsan apply examples/online-retail-terms.yaml --data ./ledger
  jeongsan apply terms.yaml --server http://127.0.0.1:8080`,
		Args: someArguments("file"),
		RunE: func(cmd *cobra.Command, files []string) (err error) {
			commands, err := readTerms(files)
			if err != nil {
				return err
			}
			door, closeDoor, err := p.openDoor(cmd.Context(), server)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, closeDoor()) }()
			return p.apply(cmd.Context(), door, commands)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	return cmd
}

// remoteTimeout bounds one call of another process of the installation.
const remoteTimeout = 2 * time.Minute

func readTerms(files []string) ([]domain.Command, error) {
	var commands []domain.Command
	var faults []error
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			faults = append(faults, &domain.Error{Code: domain.CodeInvalid, Field: "file", Value: file, Message: "cannot be read", Remedy: "name a readable YAML file", Err: err})
			continue
		}
		parsed, err := terms.Parse(file, content)
		if err != nil {
			faults = append(faults, err)
		}
		commands = append(commands, parsed...)
	}
	return commands, errors.Join(faults...)
}

// openDoor opens the command door in this process, or of a running server.
func (p *program) openDoor(ctx context.Context, server string) (command.Door, func() error, error) {
	if server != "" {
		return command.NewRemote(server, &http.Client{Timeout: remoteTimeout}), func() error { return nil }, nil
	}
	o, err := p.open(ctx, need{command: "apply", keys: true, door: true})
	if err != nil {
		return nil, nil, p.explainInUse(err)
	}
	return o.door, o.close, nil
}

func (p *program) apply(ctx context.Context, door command.Door, commands []domain.Command) error {
	counts := map[command.Outcome]int{}
	var faults []error
	// One after the other: a contract is checked against the schedules and parties before it.
	for _, c := range commands {
		reply := door.Do(ctx, command.Request{Command: c, Meta: p.meta("apply")})[0]
		if reply.Err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", describe(c), reply.Err))
			if domain.CodeOf(reply.Err) == domain.CodeUnavailable {
				break // the others would fare no better
			}
			continue
		}
		counts[reply.Outcome]++
	}
	if p.config.JSON {
		err := p.printJSON(map[string]int{"applied": counts[command.Applied], "replayed": counts[command.Replayed], "refused": len(faults)})
		return errors.Join(append(faults, err)...)
	}
	fmt.Fprintf(p.stdout, "%d applied, %d already so, %d refused\n", counts[command.Applied], counts[command.Replayed], len(faults))
	return errors.Join(faults...)
}

// meta says who acts when a command comes from this command line.
func (p *program) meta(request string) eventstore.Meta {
	actor := "cli"
	if user := os.Getenv("USER"); user != "" {
		actor = "cli:" + user
	}
	return eventstore.Meta{Actor: actor, Authenticated: "none", Request: request}
}
