package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/domain/schedule"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/internal/amendment"
)

func (p *program) schedulePublishCommand() *cobra.Command {
	var server string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "publish FILE",
		Short: "Publish the schedules of a file: from then on they never change",
		Long: `Publish the schedules of a file, without their worked cases, and say what each
changes, from when it is effective and which contracts use it. A published version
never changes: the same version with the same content is a replay, with other
content it is refused. A correction is the next version.

With --dry-run everything is checked and said, and nothing is published. Beside a
running server that uses --data the schedules go to that server. With --server
they go to that one; what is published there is then read from --eventstore, and
cannot be said without it.`,
		Example: `  jeongsan schedule publish google-play.yaml --dry-run
  jeongsan schedule publish google-play.yaml --data ./ledger`,
		Args: oneArgument("file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			documents, err := readSchedules(args[0])
			if err != nil {
				return err
			}
			for i := range documents {
				documents[i] = documents[i].Published()
			}
			slices.SortStableFunc(documents, func(a, b fee.Document) int { return a.Version - b.Version })
			return p.publishSchedules(cmd.Context(), documents, server, dryRun)
		},
	}
	cmd.Flags().StringVar(&server, "server", "", "`URL` of a running server to send to, instead of opening --data")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check and say everything, publish nothing")
	return cmd
}

// publication is what publishing one version does, or would do.
type publication struct {
	Schedule      string             `json:"schedule"`
	Version       int                `json:"version"`
	EffectiveFrom domain.Date        `json:"effective_from"`
	Outcome       string             `json:"outcome"` // published, already so, would be published
	Changes       []amendment.Change `json:"changes,omitempty"`
	// Contracts use the schedule now; nil where that is not known here.
	Contracts []contractUse `json:"contracts"`

	first bool // there is no earlier version
	known bool // contracts and earlier versions could be read
}

// wouldPublish is the outcome of a dry run that found nothing in the way.
const wouldPublish = "would be published"

// contractUse says where a version will apply by a contract.
type contractUse struct {
	Contract string      `json:"contract"`
	Book     string      `json:"book"`
	Zone     string      `json:"zone"`
	From     domain.Date `json:"from"` // the first date of the version under the contract
	Until    domain.Date `json:"until,omitempty"`
}

func (p *program) publishSchedules(ctx context.Context, documents []fee.Document, server string, dryRun bool) (err error) {
	o, door, closeAll, err := p.openToPublish(ctx, server, dryRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	done := make([]publication, 0, len(documents))
	var faults []error
	ahead := map[string][]fee.Document{} // what this run would have published
	for _, d := range documents {
		one, err := p.publish(ctx, o, door, d, ahead[d.Schedule])
		if err != nil {
			faults = append(faults, fmt.Errorf("schedule %s version %d: %w", d.Schedule, d.Version, err))
			continue
		}
		ahead[d.Schedule] = append(ahead[d.Schedule], d)
		done = append(done, one)
	}
	return errors.Join(append([]error{p.printPublished(done)}, faults...)...)
}

// openToPublish opens the log to read, where it can be read, and the door, unless
// it is a dry run.
func (p *program) openToPublish(ctx context.Context, server string, dryRun bool) (_ *parts, _ command.Door, closeAll func() error, err error) {
	nothing := func() error { return nil }
	if server != "" && p.config.EventStore == "" {
		if dryRun {
			return nil, nil, nil, errors.Join(errUsage, &domain.Error{
				Code: domain.CodeInvalid, Field: "eventstore", Message: "what is published is not read from a server's address", Remedy: "give the --eventstore of the server, or the --data that it uses instead of --server",
			})
		}
		return nil, command.NewRemote(server, &http.Client{Timeout: remoteTimeout}), nothing, nil
	}
	r, running, err := p.runningServer()
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := p.attach(); err != nil {
		return nil, nil, nil, err
	}
	if server == "" && running {
		server = r.Server
	}
	local := server == "" && !dryRun
	o, err := p.open(ctx, need{command: "schedule publish", keys: local, door: local})
	if err != nil {
		return nil, nil, nil, p.explainInUse(err)
	}
	door := o.door
	if server != "" {
		door = command.NewRemote(server, &http.Client{Timeout: remoteTimeout})
	}
	if dryRun {
		door = nil
	}
	return o, door, o.close, nil
}

// publish sends one version, or with no door tells what the door would say. ahead
// are versions that a dry run took before it.
func (p *program) publish(ctx context.Context, o *parts, door command.Door, d fee.Document, ahead []fee.Document) (publication, error) {
	one := publication{Schedule: d.Schedule, Version: d.Version, EffectiveFrom: d.EffectiveFrom}
	if o != nil {
		if err := one.read(ctx, o.store, d, ahead, door == nil); err != nil {
			return one, err
		}
	}
	if door == nil {
		return one, nil
	}
	reply := door.Do(ctx, command.Request{Command: schedule.PublishSchedule{Document: d}, Meta: p.meta("schedule publish")})[0]
	if reply.Err != nil {
		return one, reply.Err
	}
	one.Outcome = "published"
	if reply.Outcome == command.Replayed {
		one.Outcome = "already so"
	}
	return one, nil
}

// read fills in what the log says: earlier versions, contracts, and for a dry run
// whether the aggregate would take the version.
func (one *publication) read(ctx context.Context, store eventstore.Store, d fee.Document, ahead []fee.Document, decide bool) error {
	versions, err := versionsIn(ctx, store, d.Schedule)
	if err != nil {
		return err
	}
	state := schedule.Decider.Initial()
	for _, v := range versions {
		state = schedule.Decider.Evolve(state, schedule.SchedulePublished{Document: v.Document})
	}
	if decide {
		for _, v := range ahead {
			if uint64(v.Version) == state.Count()+1 {
				state = schedule.Decider.Evolve(state, schedule.SchedulePublished{Document: v})
			}
		}
		_, replay, err := schedule.Lookup(state, schedule.PublishSchedule{Document: d})
		if err == nil && !replay {
			err = calendarsPublished(ctx, store, d)
		}
		if err != nil {
			return err
		}
		one.Outcome = wouldPublish
		if replay {
			one.Outcome = "already so"
		}
	}
	one.known, one.first = true, d.Version == 1
	if earlier, found := state.Version(d.Version - 1); found {
		one.Changes = amendment.Between(earlier, d)
	}
	contracts, err := contractsIn(ctx, store, d.Schedule, d.EffectiveFrom)
	if err != nil {
		return err
	}
	one.Contracts = []contractUse{}
	compiled, err := fee.Compile(d)
	if err != nil {
		return err
	}
	for _, c := range contracts {
		if one.Outcome == wouldPublish {
			if err := command.Suits(&c, compiled); err != nil {
				return err
			}
		}
		one.Contracts = append(one.Contracts, contractUse{Contract: c.Contract, Book: c.Book, Zone: c.Zone, From: max(c.From, d.EffectiveFrom), Until: c.Until})
	}
	return nil
}

func (p *program) printPublished(done []publication) error {
	if p.config.JSON {
		return p.printJSON(done)
	}
	for _, one := range done {
		fmt.Fprintf(p.stdout, "schedule %s version %d: %s, effective from %s in the zone of each contract\n", one.Schedule, one.Version, one.Outcome, one.EffectiveFrom)
		if !one.known {
			fmt.Fprintln(p.stdout, "  which contracts use it is read from --eventstore or --data, not from a server's address")
			continue
		}
		if !one.first {
			printChanges(p.stdout, one.Changes)
		}
		if len(one.Contracts) == 0 {
			fmt.Fprintln(p.stdout, "  no contract uses it yet: sign one, see jeongsan apply")
			continue
		}
		fmt.Fprintf(p.stdout, "  used by %s:\n", quantity(len(one.Contracts), "contract"))
		for _, c := range one.Contracts {
			fmt.Fprintf(p.stdout, "    %s of book %s, from %s%s%s\n", c.Contract, c.Book, c.From, untilText(c.Until), startText(c.From, c.Zone))
		}
		if !one.first && one.Outcome != "already so" && slices.ContainsFunc(one.Contracts, contractUse.begun) {
			fmt.Fprintln(p.stdout, "  what is settled already keeps the version that rated it: jeongsan rerate posts the difference")
		}
	}
	return nil
}

// begun reports whether the version reaches back to dates before today.
func (u contractUse) begun() bool { return u.From < domain.DateOf(time.Now(), time.UTC) }

func untilText(until domain.Date) string {
	if until == "" {
		return ""
	}
	return " until " + string(until)
}

// startText is the instant at which a date begins in a zone, for those who read it
// elsewhere; nothing where the zone is not known here.
func startText(on domain.Date, zone string) string {
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "" {
		return ""
	}
	start, err := time.ParseInLocation(time.DateOnly, string(on), location)
	if err != nil {
		return ""
	}
	return " (" + strings.Replace(start.UTC().Format("2006-01-02 15:04"), " ", "T", 1) + "Z, midnight in " + zone + ")"
}
