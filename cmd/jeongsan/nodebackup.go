package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

func (p *program) nodeBackupCommand() *cobra.Command {
	var to string
	var force bool
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Take a consistent copy of the log, also while the node runs",
		Long: `Write a backup of the log to a file: of a running node, alone or inside serve,
that --eventstore names or that uses --data; or of a stopped one in --data. Writing
goes on meanwhile. The backup holds everything that was acknowledged when it was
begun, and is verified before the file gets its name: a file that is there is whole.

Users and their passwords are not part of it, nor are keys and read models. While it
is taken, tables that the node no longer needs stay on its disk.

With a certificate the node asks for a user in $admins: a backup is the whole log.`,
		Example: `  jeongsan node backup --data ./ledger --to /backups/ledger-2026-11-22
  jeongsan node backup --eventstore 'esdb://admin:…@ledger.example:2113?tlsCAFile=certs/ca.crt' --to /backups/ledger`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "to", Message: "no file given", Remedy: "name one with --to"})
			}
			return p.backup(cmd.Context(), to, force)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "`file` to write")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file where it exists")
	return cmd
}

// backedUp is what the command prints.
type backedUp struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	node.BackupManifest
}

func (p *program) backup(ctx context.Context, to string, force bool) (err error) {
	if err := mayWrite(to, force); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*")
	if err != nil {
		return cannotWrite(to, err)
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	manifest, err := p.receiveBackup(ctx, file)
	if err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return cannotWrite(to, err)
	}
	info, err := file.Stat()
	if err != nil {
		return cannotWrite(to, err)
	}
	if err := mayWrite(to, force); err != nil { // it took a while
		return err
	}
	done = true
	if err := errors.Join(file.Close(), os.Rename(file.Name(), to), node.SyncDirectory(filepath.Dir(to))); err != nil {
		return cannotWrite(to, err)
	}
	if p.config.JSON {
		return p.printJSON(backedUp{to, info.Size(), manifest})
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %s, the log up to position %d, verified\n", to, humanize.IBytes(uint64(info.Size())), manifest.End)
	return err
}

func mayWrite(to string, force bool) error {
	if _, err := os.Lstat(to); err == nil && !force {
		return &domain.Error{Code: domain.CodeConflict, Field: "to", Value: to, Message: "the file exists", Remedy: "name another one, or replace it with --force"}
	}
	return nil
}

func cannotWrite(to string, err error) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "to", Value: to, Message: "cannot be written", Remedy: "check the folder, its permissions and the space left on its disk", Err: err}
}

// receiveBackup writes a backup to a file and verifies it on the way.
func (p *program) receiveBackup(ctx context.Context, file io.Writer) (node.BackupManifest, error) {
	running, err := p.runningNode()
	if err != nil {
		return node.BackupManifest{}, err
	}
	if running == nil {
		return p.backupStopped(ctx, file)
	}
	response, err := running.get(ctx, "/backup")
	if err != nil {
		return node.BackupManifest{}, err
	}
	defer response.Body.Close()
	size, err := strconv.ParseInt(response.Header.Get(node.BackupBytesHeader), 10, 64)
	if err != nil {
		return node.BackupManifest{}, &domain.Error{Code: domain.CodeNotFound, Field: "eventstore", Value: running.shown, Message: "this is no event store node of Jeongsan's", Remedy: "use the tools of that event store"}
	}
	return p.verifyInto(response.Body, file, size)
}

func (p *program) backupStopped(ctx context.Context, file io.Writer) (manifest node.BackupManifest, err error) {
	dir, err := p.holdNode("node backup")
	if err != nil {
		return manifest, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	read, write := io.Pipe()
	sizes, ended := make(chan int64, 1), make(chan error, 1)
	go func() {
		err := node.Backup(ctx, dir.Node(), write, func(bytes int64) { sizes <- bytes }, p.log)
		_ = write.CloseWithError(err) // it never fails
		ended <- err
	}()
	select {
	case size := <-sizes:
		manifest, err = p.verifyInto(read, file, size)
		_ = read.CloseWithError(err) // lets the writer end; it never fails
		if cause := <-ended; cause != nil && err == nil {
			err = cause
		}
		return manifest, err
	case err := <-ended:
		return manifest, err
	}
}

// verifyInto copies a backup of about size bytes and verifies it.
func (p *program) verifyInto(from io.Reader, to io.Writer, size int64) (node.BackupManifest, error) {
	b := p.newBar("backup", size)
	defer b.finish()
	return node.VerifyBackup(io.TeeReader(&meter{Reader: from, bar: b}, to))
}

// meter moves a bar as it is read.
type meter struct {
	io.Reader
	bar  *bar
	done int64
}

// Read implements io.Reader.
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	m.done += int64(n)
	m.bar.set(m.done, 0)
	return n, err
}
