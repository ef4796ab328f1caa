package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
)

// BinariesVariable names the environment variable that says where the programs
// of a Postgres server are. Where it is set, nothing else is searched.
const BinariesVariable = "JEONGSAN_POSTGRES_BIN"

// FindBinaries returns the directory that holds the programs postgres and initdb:
// that of JEONGSAN_POSTGRES_BIN, else of PATH, else the newest that the usual
// packages have installed. Where there is none, the error is CodeUnavailable and
// says what to install.
func FindBinaries() (dir string, err error) {
	dirs, err := candidates()
	if err != nil {
		return "", err
	}
	return dirs[0], nil
}

// installed is where the usual packages put the programs.
var installed = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"}

// candidates lists every such directory, the preferred one first.
func candidates() ([]string, error) {
	if dir := os.Getenv(BinariesVariable); dir != "" {
		if !complete(dir) {
			return nil, &domain.Error{
				Code: domain.CodeUnavailable, Field: BinariesVariable, Value: dir, Message: "this directory does not hold the programs postgres and initdb",
				Remedy: "name the bin directory of a Postgres server",
			}
		}
		return []string{dir}, nil
	}
	var dirs []string
	add := func(dir string) {
		if complete(dir) && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// A distribution may link the program alone into PATH.
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			add(filepath.Dir(resolved))
		}
		add(filepath.Dir(path))
	}
	for _, pattern := range installed {
		// The patterns are constant and valid, which is the only error of Glob.
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return numberIn(b) - numberIn(a) })
		for _, dir := range found {
			add(dir)
		}
	}
	if len(dirs) == 0 {
		return nil, &domain.Error{
			Code: domain.CodeUnavailable, Field: "postgres", Message: "no Postgres server is installed here",
			Remedy: "install the package postgresql (Debian: apt-get install postgresql), name its bin directory in " + BinariesVariable + ", or use a server of yours with --database postgres://…",
		}
	}
	return dirs, nil
}

func complete(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var number = regexp.MustCompile(`\d+`)

func numberIn(path string) int {
	n, err := strconv.Atoi(number.FindString(path))
	if err != nil {
		return 0
	}
	return n
}

// majorOf asks the program for its major version.
func majorOf(ctx context.Context, binaries string) (int, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(binaries, "postgres"), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask %s for its version: %w", filepath.Join(binaries, "postgres"), err)
	}
	// "postgres (PostgreSQL) 15.18 (Debian …)", "postgres (PostgreSQL) 18beta1"
	_, version, _ := strings.Cut(string(out), ") ")
	if major := numberIn(version); major > 0 {
		return major, nil
	}
	return 0, fmt.Errorf("%s does not say its version: %q", filepath.Join(binaries, "postgres"), out)
}

// oldestMajor is the oldest major version of Postgres that Jeongsan's SQL runs on.
const oldestMajor = 13

// choose returns the preferred binaries, or for a data directory of an earlier
// start (major > 0) the preferred ones of its major version.
func choose(ctx context.Context, major int, data string) (string, error) {
	dirs, err := candidates()
	if err != nil {
		return "", err
	}
	var found []string
	for _, dir := range dirs {
		m, err := majorOf(ctx, dir)
		if err != nil {
			return "", err
		}
		if m == major || (major == 0 && m >= oldestMajor) {
			return dir, nil
		}
		found = append(found, fmt.Sprintf("%d in %s", m, dir))
	}
	if major == 0 {
		return "", &domain.Error{
			Code: domain.CodeUnavailable, Field: "postgres", Value: strings.Join(found, ", "),
			Message: fmt.Sprintf("the installed Postgres server is too old: version %d or later is needed", oldestMajor),
			Remedy:  "install a newer one, or use a server of yours with --database postgres://…",
		}
	}
	return "", &domain.Error{
		Code: domain.CodeUnavailable, Field: "postgres", Value: strings.Join(found, ", "),
		Message: fmt.Sprintf("%s was made by Postgres %d, which is not installed here; another major version cannot open it", data, major),
		Remedy:  fmt.Sprintf("install Postgres %d (Debian: apt-get install postgresql-%d), or move %s away: the read models are then rebuilt from the log", major, major, filepath.Dir(data)),
	}
}
