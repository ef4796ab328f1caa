package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/jeongsan/jeongsan/domain"
)

// key is a subject's key in memory, and what its file looked like when read.
type key struct {
	aead    tink.AEAD
	prf     *prf.Set
	info    fs.FileInfo
	durable bool // the folder was flushed since the file is in it
}

func (k *key) same(info fs.FileInfo) bool {
	return os.SameFile(k.info, info) && k.info.ModTime().Equal(info.ModTime()) && k.info.Size() == info.Size()
}

// keyFile is the form of a subject's file. An erased one holds nothing else.
type keyFile struct {
	Version int    `json:"version"`
	Erased  bool   `json:"erased,omitempty"`
	AEAD    []byte `json:"aead,omitempty"` // encrypted Tink keysets
	PRF     []byte `json:"prf,omitempty"`
}

const keyFileVersion = 1

func openMaster(path, subjects string) (tink.AEAD, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createMaster(path, subjects); err != nil {
			return nil, err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, unusable(path, "the master key cannot be read", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &domain.Error{
			Code: domain.CodeInvalid, Field: "keys", Value: path, Message: fmt.Sprintf("the master key may be read by others (mode %04o)", info.Mode().Perm()),
			Remedy: "chmod 0600 the file, and consider the key known to them",
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, unusable(path, "the master key cannot be read", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeMalformed, Field: "keys", Value: path, Message: "the master key is damaged", Remedy: "restore it from a backup", Err: err}
	}
	master, err := aead.New(handle)
	if err != nil {
		return nil, &domain.Error{Code: domain.CodeMalformed, Field: "keys", Value: path, Message: "the master key is not an AEAD keyset", Remedy: "restore it from a backup", Err: err}
	}
	return master, nil
}

// createMaster makes the master key, unless there are keys that an earlier one wrapped.
func createMaster(path, subjects string) error {
	existing, err := filepath.Glob(filepath.Join(subjects, "*.key"))
	if err != nil {
		return unusable(subjects, "the folder of keys cannot be read", err)
	}
	if len(existing) > 0 {
		return &domain.Error{
			Code: domain.CodeNotFound, Field: "keys", Value: path, Message: "the master key is missing, but there are keys that it wrapped",
			Remedy: "restore master.key from a backup",
		}
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fault("master", "a master key cannot be made", err)
	}
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&b)); err != nil {
		return fault("master", "a master key cannot be written", err)
	}
	if err := createOnce(path, b.Bytes()); err != nil {
		return unusable(path, "the master key cannot be created", err)
	}
	return nil
}

func createKey(path, subject string, master tink.AEAD) error {
	box, err := wrapped(aead.AES256GCMKeyTemplate(), master, subject)
	if err != nil {
		return err
	}
	digest, err := wrapped(prf.HMACSHA256PRFKeyTemplate(), master, subject)
	if err != nil {
		return err
	}
	data, err := json.Marshal(keyFile{Version: keyFileVersion, AEAD: box, PRF: digest})
	if err != nil {
		return err
	}
	return createOnce(path, data)
}

func wrapped(template *tinkpb.KeyTemplate, master tink.AEAD, subject string) ([]byte, error) {
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), master, []byte(subject))
	return b.Bytes(), err
}

func loadKey(path, subject string, master tink.AEAD) (loaded *key, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unusable(path, "a key cannot be read", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	loaded = &key{}
	if loaded.info, err = file.Stat(); err != nil {
		return nil, unusable(path, "a key cannot be read", err)
	}
	var content keyFile
	if err := json.NewDecoder(file).Decode(&content); err != nil {
		return nil, damaged(path, err)
	}
	if content.Erased {
		return nil, erased(subject)
	}
	if content.Version != keyFileVersion {
		return nil, damaged(path, fmt.Errorf("version %d is not known", content.Version))
	}
	handle, err := unwrapped(content.AEAD, master, subject)
	if err != nil {
		return nil, damaged(path, err)
	}
	if loaded.aead, err = aead.New(handle); err != nil {
		return nil, damaged(path, err)
	}
	if handle, err = unwrapped(content.PRF, master, subject); err != nil {
		return nil, damaged(path, err)
	}
	if loaded.prf, err = prf.NewPRFSet(handle); err != nil {
		return nil, damaged(path, err)
	}
	return loaded, nil
}

func unwrapped(b []byte, master tink.AEAD, subject string) (*keyset.Handle, error) {
	return keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(b)), master, []byte(subject))
}

// erase puts the marker in the place of the file and then overwrites the bytes
// of the file that was there, as far as the disk honours that.
func erase(path string) (err error) {
	marker, err := json.Marshal(keyFile{Version: keyFileVersion, Erased: true})
	if err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if old != nil {
		defer func() { err = errors.Join(err, old.Close()) }()
	}
	if err := renameio.WriteFile(path, marker, 0o600); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil || old == nil {
		return err
	}
	return overwrite(old)
}

func overwrite(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if _, err := file.WriteAt(make([]byte, info.Size()), 0); err != nil {
		return err
	}
	return file.Sync()
}

// createOnce makes a file that is complete and flushed from the moment it has
// its name. Where the name exists already, by whoever, that file stays.
func createOnce(path string, data []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp.Name())) }()
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func erased(subject string) error {
	return &domain.Error{Code: domain.CodeNotFound, Field: "subject", Value: subject, Message: "erased", Remedy: "none: its key was destroyed on purpose"}
}

func damaged(path string, err error) error {
	return &domain.Error{
		Code: domain.CodeMalformed, Field: "keys", Value: path, Message: "the key is damaged, or was wrapped by another master key",
		Remedy: "restore it, or master.key, from a backup", Err: err,
	}
}
