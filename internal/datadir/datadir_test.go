package datadir

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

// childVariable makes this test binary hold the directory it names until its
// standard input ends.
const childVariable = "JEONGSAN_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(childVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	d, err := Open(path, Options{Command: "serve"})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("held\n")
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func refusal(t *testing.T, path string, code domain.Code, words ...string) {
	t.Helper()
	d, err := Open(path, Options{})
	require.Error(t, err)
	require.Nil(t, d)
	require.Equal(t, code, domain.CodeOf(err), err)
	for _, word := range words {
		require.ErrorContains(t, err, word)
	}
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Remedy, "every refusal says what to do")
	if path != "" {
		require.NotEmpty(t, e.Value, "every refusal names the path")
	}
}

func TestOpenCreatesAndReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	d, err := Open(path, Options{Command: "serve"})
	require.NoError(t, err)
	require.Equal(t, path, d.Path())
	for _, place := range []string{d.Node(), d.Index(), d.Postgres(), d.Keys()} {
		require.Equal(t, path, filepath.Dir(place))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, mode(), info.Mode().Perm())
	require.NoError(t, d.Close())
	require.NoError(t, d.Close(), "Close is idempotent")

	content, err := os.ReadFile(filepath.Join(path, versionFile))
	require.NoError(t, err)
	var v version
	require.NoError(t, json.Unmarshal(content, &v))
	require.Equal(t, Format, v.Format)
	require.Contains(t, v.CreatedBy, "jeongsan")

	require.NoError(t, os.Mkdir(d.Node(), 0o700))
	again, err := Open(path, Options{})
	require.NoError(t, err, "a directory with content is ours by its VERSION")
	require.NoError(t, again.Close())
}

func TestRelativePathBecomesAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	d, err := Open("ledger", Options{})
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(d.Path()))
	require.NoError(t, d.Close())
}

func TestInterruptedFirstStart(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{lockFile, "." + versionFile + "4711"} {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), nil, 0o600))
	}
	d, err := Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestBadPlaces(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o600))

	refusal(t, "", domain.CodeInvalid, "--data")
	refusal(t, filepath.Join(dir, "missing", "ledger"), domain.CodeNotFound, "parent directory does not exist", filepath.Join(dir, "missing"))
	refusal(t, file, domain.CodeInvalid, "is not a directory")
	refusal(t, filepath.Join(file, "ledger"), domain.CodeInvalid, "is not a directory")
	refusal(t, foreign, domain.CodeConflict, "thesis.txt")
	require.NoFileExists(t, filepath.Join(foreign, lockFile), "a foreign directory is left as it was")
}

// TestExisting looks and makes nothing.
func TestExisting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	_, err := Open(path, Options{Existing: true})
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), err)
	require.ErrorContains(t, err, path)
	require.NoDirExists(t, path)
	d, err := Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
	d, err = Open(path, Options{Existing: true})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestVersions(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		code    domain.Code
		words   []string
	}{
		"newer":   {`{"format":2,"created_by":"jeongsan v9.1.0","extra":{}}`, domain.CodeConflict, []string{"format 2", "jeongsan v9.1.0", "at least as new"}},
		"damaged": {`{"format":`, domain.CodeInvalid, []string{"damaged"}},
		"empty":   {``, domain.CodeInvalid, []string{"damaged"}},
		"zero":    {`{"format":0}`, domain.CodeInvalid, []string{"damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(path, versionFile), []byte(test.content), 0o600))
			refusal(t, path, test.code, test.words...)
			refusal(t, path, test.code, test.words...) // the lock was let go
			content, err := os.ReadFile(filepath.Join(path, versionFile))
			require.NoError(t, err)
			require.Equal(t, test.content, string(content), "a refused directory is left as it was")
		})
	}
}

func TestInUseBySameProcess(t *testing.T) {
	path := t.TempDir()
	d, err := Open(path, Options{Command: "ingest"})
	require.NoError(t, err)
	refusal(t, path, domain.CodeConflict, "in use by process "+strconv.Itoa(os.Getpid()), "(ingest)")
	require.NoError(t, d.Close())
	d, err = Open(path, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}

func TestInUseByAnotherProcessUntilItIsKilled(t *testing.T) {
	path := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+path)
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)

	refusal(t, path, domain.CodeConflict, "in use by process "+strconv.Itoa(child.Process.Pid), "(serve)")

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "killed")
	d, err := Open(path, Options{})
	require.NoError(t, err, "the kernel lets go of a killed process's lock")
	require.NoError(t, d.Close())
}

func TestDirectoryOfRootIsPassable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("as an ordinary user the directory stays closed to others")
	}
	path := t.TempDir()
	require.NoError(t, os.Chmod(path, 0o700))
	d, err := Open(path, Options{})
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, mode(), info.Mode().Perm())
	require.NoError(t, d.Close())
}
