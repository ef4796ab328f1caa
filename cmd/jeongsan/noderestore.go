package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/internal/datadir"
)

func (p *program) nodeRestoreCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Bring a log back from a backup, as a new incarnation",
		Long: `Put the log of a backup into a data directory that has none. It is verified and
checked, every record of it, before it takes its place; what stops on the way leaves
the directory as it was.

The restored log begins a new incarnation: whatever was kept beside the old log, or
beside another copy of it, notices. Read models are rebuilt at the next start, the
local index too, and tokens that callers hold are answered with "resync".

To restore in the place of a damaged log, stop its process and move the folder
"node" out of the data directory first. Everything else there may stay.`,
		Example: `  mv ./ledger/node ./ledger-damaged
  jeongsan node restore --data ./ledger --from /backups/ledger-2026-11-22
  jeongsan serve --data ./ledger`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "from", Message: "no backup given", Remedy: "name its file with --from"})
			}
			return p.restore(cmd.Context(), from)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`file` of the backup")
	return cmd
}

// restored is what the command prints.
type restored struct {
	Data string `json:"data"`
	// Incarnation is the one that begins now; 0 where the log is not Jeongsan's.
	Incarnation int `json:"incarnation,omitempty"`
	node.CheckReport
}

func (p *program) restore(ctx context.Context, from string) (err error) {
	if _, err := os.Stat(from); err != nil { // before a directory is made
		return unreadable(from, err)
	}
	dir, err := datadir.Open(p.config.Data, datadir.Options{Command: "node restore"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := vacant(dir.Node()); err != nil {
		return err
	}
	// Left by a process that was killed; nobody else uses the directory.
	unfinished := dir.Node() + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(unfinished)) }()
	manifest, err := p.extract(ctx, from, unfinished)
	if err != nil {
		return err
	}
	report, err := p.checkExtracted(ctx, unfinished, manifest)
	if err != nil {
		return err
	}
	if !report.OK() {
		return errors.Join(p.printCheck(report))
	}
	identity, err := p.beginIncarnation(ctx, unfinished)
	if err != nil {
		return err
	}
	if err := errors.Join(node.SyncDirectory(unfinished), os.Rename(unfinished, dir.Node()), node.SyncDirectory(dir.Path())); err != nil {
		return err
	}
	if p.config.JSON {
		return p.printJSON(restored{p.config.Data, identity.Incarnation, report})
	}
	fmt.Fprintf(p.stdout, "%s events of %s streams are restored in %s\n", count(report.Events), count(report.Streams), p.config.Data)
	if identity.Incarnation > 0 {
		fmt.Fprintf(p.stdout, "log %s begins incarnation %d: read models and the local index are rebuilt at the next start\n", identity.LogID, identity.Incarnation)
	}
	return nil
}

// vacant makes sure that there is no log at a place.
func vacant(place string) error {
	err := os.Remove(place) // where it is an empty folder
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &domain.Error{
		Code: domain.CodeConflict, Field: "data", Value: place, Message: "holds a log already", Err: err,
		Remedy: "name another directory with --data, or move that folder away",
	}
}

func unreadable(file string, err error) error {
	return &domain.Error{Code: domain.CodeNotFound, Field: "backup", Value: file, Message: "cannot be read", Remedy: "name the file that jeongsan node backup wrote", Err: err}
}

// extract unpacks a backup into a new directory, verified.
func (p *program) extract(ctx context.Context, file, dir string) (manifest node.BackupManifest, err error) {
	f, err := os.Open(file)
	if err != nil {
		return manifest, unreadable(file, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return manifest, unreadable(file, err)
	}
	b := p.newBar("unpack", info.Size())
	defer b.finish()
	manifest, err = node.ExtractBackup(untilDone{ctx, &meter{Reader: f, bar: b}}, dir)
	var fault *domain.Error
	if errors.As(err, &fault) && fault.Field == "backup" {
		fault.Value = file
	}
	return manifest, err
}

// untilDone is a reader that fails when its context has ended.
type untilDone struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r untilDone) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// beginIncarnation opens a log for a moment and begins its next incarnation. The
// zero identity is that of a log that is not Jeongsan's.
func (p *program) beginIncarnation(ctx context.Context, dir string) (identity eventstore.Identity, err error) {
	n, err := node.Open(node.Config{Dir: filepath.Clean(dir), Logger: p.log})
	if err != nil {
		return identity, err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	store, err := esdb.Open(ctx, n.ConnectionString(), p.log)
	if err != nil {
		return identity, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	identity, err = eventstore.NextIncarnation(ctx, store)
	if eventstore.CodeOf(err) == eventstore.CodeStreamNotFound {
		return eventstore.Identity{}, nil
	}
	return identity, err
}
