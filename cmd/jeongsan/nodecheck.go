package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

func (p *program) nodeCheckCommand() *cobra.Command {
	var backup string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Prove that every record and index of a stopped node's log is sound",
		Long: `Read every record of the log and every line of its indexes and prove that they
agree: checksums; positions without gap and overlap; the revisions of every stream
from 0 on, without gap, and nothing behind its deletion; indexes and records one to
one. Nothing is written. The node must have stopped; of a running one, check a
backup.

With --backup the log in a backup is checked. It is unpacked for that, into TMPDIR.

Each fault is named with its position in the log, up to a hundred of them, and the
exit code is 1. What the events say is not looked at: that is for verify.`,
		Example: `  jeongsan node check --data ./log
  jeongsan node check --backup ledger.backup --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if backup != "" {
				return p.checkBackup(cmd.Context(), backup)
			}
			return p.checkNode(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&backup, "backup", "", "`file` of a backup, to be checked instead of --data")
	return cmd
}

func (p *program) checkNode(ctx context.Context) (err error) {
	dir, err := p.holdNode("node check")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	report, err := p.checkLog(ctx, dir.Node())
	if err != nil {
		return err
	}
	return p.printCheck(report)
}

func (p *program) checkBackup(ctx context.Context, file string) (err error) {
	temporary, err := os.MkdirTemp("", "jeongsan-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	log := filepath.Join(temporary, "log")
	manifest, err := p.extract(ctx, file, log)
	if err != nil {
		return err
	}
	report, err := p.checkExtracted(ctx, log, manifest)
	if err != nil {
		return err
	}
	return p.printCheck(report)
}

// checkLog checks a log and shows how far it is.
func (p *program) checkLog(ctx context.Context, dir string) (node.CheckReport, error) {
	var b *bar
	report, err := node.Check(ctx, dir, func(position, end uint64) {
		if b == nil {
			b = p.newBar("check", int64(end))
		}
		b.set(int64(position), 0)
	}, p.log)
	if b != nil {
		b.finish()
	}
	return report, err
}

// checkExtracted checks the log of a backup, which must reach as far as its
// manifest says.
func (p *program) checkExtracted(ctx context.Context, dir string, manifest node.BackupManifest) (node.CheckReport, error) {
	report, err := p.checkLog(ctx, dir)
	if err == nil && report.End < manifest.End {
		report.Faults = append(report.Faults, node.Fault{Position: &report.End, Message: fmt.Sprintf("the log ends here, its backup says it reaches to position %d", manifest.End)})
	}
	return report, err
}

func (p *program) printCheck(report node.CheckReport) error {
	if p.config.JSON {
		if err := p.printJSON(report); err != nil {
			return err
		}
		return unsound(report)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s events in %s appends, %s streams, %s ids; the log ends at position %d\n",
		count(report.Events), count(report.Appends), count(report.Streams), count(report.IDs), report.End)
	for _, fault := range report.Faults {
		fmt.Fprintln(&b, fault)
	}
	if report.MoreFaults > 0 {
		fmt.Fprintf(&b, "… and %s more\n", count(report.MoreFaults))
	}
	if report.OK() {
		fmt.Fprintln(&b, "every record and every index is sound")
	}
	if _, err := fmt.Fprint(p.stdout, b.String()); err != nil {
		return err
	}
	return unsound(report)
}

// unsound is the error of a check that found something.
func unsound(report node.CheckReport) error {
	if report.OK() {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "log", Value: report.Faults[0].String(),
		Message: fmt.Sprintf("the log is damaged: %s faults", count(uint64(len(report.Faults))+report.MoreFaults)),
		Remedy:  "keep a copy of the directory, and restore the last backup with jeongsan node restore",
	}
}
