package node

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// VerifyBackup reads a backup to its end and proves it whole: every file that its
// manifest names is there with its size and checksum, and no other. What does not
// belong to a backup, or is missing from it, is CodeInvalid; errors of r are
// returned as they are.
func VerifyBackup(r io.Reader) (BackupManifest, error) {
	return readBackup(r, func(_ string, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

// ExtractBackup proves a backup like VerifyBackup and puts its files into a
// directory that it creates. When it returns they are on disk; on an error the
// directory is gone again. Check and Open take the directory from there.
func ExtractBackup(r io.Reader, dir string) (_ BackupManifest, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return BackupManifest{}, directoryError(dir, "cannot be created", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	manifest, err := readBackup(r, func(name string, content io.Reader) error {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return manifest, err
	}
	return manifest, SyncDirectory(dir)
}

// SyncDirectory makes the names in a directory durable.
func SyncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func badBackup(format string, args ...any) error {
	return &domain.Error{
		Code: domain.CodeInvalid, Field: "backup", Message: fmt.Sprintf(format, args...),
		Remedy: "take it again with jeongsan node backup, or use another one",
	}
}

// readBackup passes each file of a backup to place, and proves the whole at the end.
func readBackup(r io.Reader, place func(name string, content io.Reader) error) (manifest BackupManifest, err error) {
	archive := tar.NewReader(r)
	var found []BackupFile
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return manifest, badBackup("it is cut off: it has no manifest")
		case errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF):
			return manifest, badBackup("it is no backup, or cut off: %v", err)
		case err != nil:
			return manifest, err
		case header.Typeflag != tar.TypeReg || header.Name == "" || header.Name != filepath.Base(header.Name) || strings.HasPrefix(header.Name, "."):
			return manifest, badBackup("it holds %q, which does not belong there", header.Name)
		case header.Name == backupManifestName:
			if manifest, err = readManifest(archive); err != nil {
				return manifest, err
			}
			if err := compareFiles(manifest.Files, found); err != nil {
				return manifest, err
			}
			// What follows is padding; whoever copies r along wants it, too.
			_, err = io.Copy(io.Discard, r)
			return manifest, err
		}
		hash := sha256.New()
		if err := place(header.Name, io.TeeReader(archive, hash)); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = badBackup("it is cut off within %s", header.Name)
			}
			return manifest, err
		}
		found = append(found, BackupFile{Name: header.Name, Size: header.Size, SHA256: hex.EncodeToString(hash.Sum(nil))})
	}
}

func readManifest(r io.Reader) (manifest BackupManifest, err error) {
	content, err := io.ReadAll(io.LimitReader(r, maxManifestBytes))
	if err != nil {
		return manifest, badBackup("its manifest cannot be read: %v", err)
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return manifest, badBackup("its manifest cannot be read: %v", err)
	}
	if manifest.Format < 1 || manifest.Format > backupFormat {
		return manifest, badBackup("it has format %d, this program knows formats up to %d", manifest.Format, backupFormat)
	}
	return manifest, nil
}

func compareFiles(want, found []BackupFile) error {
	if len(want) != len(found) {
		return badBackup("it holds %d files, its manifest names %d", len(found), len(want))
	}
	for i := range want {
		if want[i] != found[i] {
			return badBackup("%s is damaged: it has %d bytes with SHA-256 %s, the manifest says %d bytes with %s, as %s",
				found[i].Name, found[i].Size, found[i].SHA256, want[i].Size, want[i].SHA256, want[i].Name)
		}
	}
	return nil
}
