package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/fee"
	"github.com/jeongsan/jeongsan/internal/terms"
)

func (p *program) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Write, try, compare and publish fee schedules",
		Long: `A schedule is a set of fee rules in a YAML or JSON file, with worked cases beside
the rules. Write it, validate it, test it, see what it would make of a transaction
and what it changes, then publish it: from then on that version never changes.

A file is one schedule document, or a terms file as apply reads it, of which the
schedules are taken. Where a command takes a schedule, a file or a published
version can be named: ID@VERSION, or ID for the newest. Published versions are
read beside a running server that uses --data, from --eventstore, or from --data.`,
		Example: `  jeongsan schedule validate terms/*.yaml
  jeongsan schedule test google-play.yaml
  jeongsan schedule diff google-play@1 google-play.yaml
  jeongsan schedule publish google-play.yaml --dry-run`,
		Args: subcommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.scheduleValidateCommand(), p.scheduleTestCommand(), p.scheduleSimulateCommand(), p.scheduleWhatIfCommand(),
		p.scheduleDiffCommand(), p.schedulePublishCommand(), p.scheduleHistoryCommand())
	return cmd
}

// readSchedules reads the schedules of a file.
func readSchedules(file string) ([]fee.Document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		remedy := "name a readable YAML or JSON file"
		if info, statErr := os.Stat(file); statErr == nil && info.IsDir() {
			remedy = "name the files in the directory, as " + filepath.Join(file, "*.yaml")
		}
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "file", Value: file, Message: "cannot be read", Remedy: remedy, Err: err}
	}
	return terms.ParseSchedules(file, content)
}

// versionName is a published version as people name it: "google-play@2", or
// "google-play" for the newest.
var versionName = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*)(?:@([0-9]{1,9}))?$`)

// scheduleName is what a command line names: a file, or a published version.
type scheduleName struct {
	text    string
	file    bool
	id      string
	version int // 0 for the newest
}

// nameOf tells files from ids: what exists as a file is one.
func nameOf(text string) (scheduleName, error) {
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return scheduleName{text: text, file: true}, nil
	}
	match := versionName.FindStringSubmatch(text)
	if match == nil || strings.HasSuffix(text, ".yaml") || strings.HasSuffix(text, ".yml") || strings.HasSuffix(text, ".json") {
		return scheduleName{}, &domain.Error{Code: domain.CodeInvalid, Field: "file", Value: text, Message: "there is no such file", Remedy: "name a schedule file, or a published version as ID@VERSION"}
	}
	name := scheduleName{text: text, id: match[1]}
	if match[2] != "" {
		name.version, _ = strconv.Atoi(match[2]) // at most nine digits
		if name.version == 0 {
			return scheduleName{}, &domain.Error{Code: domain.CodeInvalid, Field: "version", Value: text, Message: "versions count from 1", Remedy: "name a published version as ID@VERSION"}
		}
	}
	return name, nil
}

// resolve reads the schedules that are named, opening the log only where one of
// them is published. Of a file with several, wanted says which: ID or ID@VERSION.
func (p *program) resolve(ctx context.Context, wanted string, texts ...string) (_ []fee.Document, err error) {
	names := make([]scheduleName, len(texts))
	inLog := false
	for i, text := range texts {
		if names[i], err = nameOf(text); err != nil {
			return nil, err
		}
		inLog = inLog || !names[i].file
	}
	var o *parts
	if inLog {
		if o, err = p.openToRead(ctx, "schedule"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, o.close()) }()
	}
	found := make([]fee.Document, len(names))
	for i, name := range names {
		if name.file {
			found[i], err = oneOf(name.text, wanted)
		} else {
			found[i], err = versionIn(ctx, o.store, name)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// openToRead opens the event store, beside a running server where there is one.
func (p *program) openToRead(ctx context.Context, command string) (*parts, error) {
	if _, err := p.attach(); err != nil {
		return nil, err
	}
	return p.open(ctx, need{command: command, existing: true})
}

// oneOf reads the one schedule that is meant of a file: the only one, or the
// newest version of the wanted one.
func oneOf(file, wanted string) (fee.Document, error) {
	all, err := readSchedules(file)
	if err != nil {
		return fee.Document{}, err
	}
	id, version, exact := strings.Cut(wanted, "@")
	var found []fee.Document
	var names []string
	for _, s := range all {
		names = append(names, fmt.Sprintf("%s@%d", s.Schedule, s.Version))
		if (wanted == "" || s.Schedule == id) && (!exact || strconv.Itoa(s.Version) == version) {
			found = append(found, s)
		}
	}
	ambiguous := false
	for _, s := range found {
		ambiguous = ambiguous || s.Schedule != found[0].Schedule
	}
	if len(found) == 0 || ambiguous {
		return fee.Document{}, errors.Join(errUsage, &domain.Error{
			Code: domain.CodeInvalid, Field: "schedule", Value: wanted, Message: file + " has the schedules " + strings.Join(names, ", "), Remedy: "say which with --schedule ID or ID@VERSION",
		})
	}
	newest := found[0]
	for _, s := range found {
		if s.Version > newest.Version {
			newest = s
		}
	}
	return newest, nil
}

// quantity is "1 rule", "3 rules".
func quantity(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return strconv.Itoa(n) + " " + word
}
