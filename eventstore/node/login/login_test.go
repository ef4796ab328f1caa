package login

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jeongsan/jeongsan/domain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var silent = slog.New(slog.DiscardHandler)

// newUsers makes the first users of a node in a directory of the test's.
func newUsers(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	created, err := Create(dir, "admin's own", "ops' own")
	require.NoError(t, err)
	require.True(t, created)
	return dir
}

func checker(t *testing.T, dir string) *Checker {
	t.Helper()
	c, err := NewChecker(dir, silent)
	require.NoError(t, err)
	return c
}

func requireRefused(t *testing.T, c *Checker, name, password string) {
	t.Helper()
	user, err := c.Check(t.Context(), name, password)
	require.ErrorIs(t, err, ErrRefused)
	require.Zero(t, user)
}

func TestCheck(t *testing.T) {
	c := checker(t, newUsers(t))
	for range 2 { // the second time from memory
		admin, err := c.Check(t.Context(), "admin", "admin's own")
		require.NoError(t, err)
		require.Equal(t, []string{"admin", Admins}, admin.Roles())
		ops, err := c.Check(t.Context(), "ops", "ops' own")
		require.NoError(t, err)
		require.Equal(t, []string{"ops", Ops}, ops.Roles())
	}
	for _, wrong := range [][2]string{
		{"admin", "ops' own"}, {"ops", "admin's own"}, {"admin", ""}, {"", ""}, {"nobody", "admin's own"}, {"Admin", "admin's own"},
		{"admin", "admin's own "}, {"admin", "Admin's own"}, {"admin\x00", "admin's own"}, {"admin", "admin's own\x00"}, {"admin", strings.Repeat("x", maxPassword+1)},
	} {
		requireRefused(t, c, wrong[0], wrong[1])
	}
}

// TestCreateOnce: first passwords are for nodes without users.
func TestCreateOnce(t *testing.T) {
	dir := newUsers(t)
	before, err := os.ReadFile(Path(dir))
	require.NoError(t, err)
	created, err := Create(dir, "another", "another")
	require.NoError(t, err)
	require.False(t, created)
	after, err := os.ReadFile(Path(dir))
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.True(t, Exist(dir))
	require.False(t, Exist(t.TempDir()))
}

// TestFileKeepsNoSecret checks what others could see.
func TestFileKeepsNoSecret(t *testing.T) {
	dir := newUsers(t)
	require.NoError(t, Edit(dir, func(u *Users) error { return u.Add(User{Name: "twin"}, "admin's own") }))
	info, err := os.Stat(Path(dir))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	raw, err := os.ReadFile(Path(dir))
	require.NoError(t, err)
	require.NotContains(t, string(raw), "own")
	require.Equal(t, 3, bytes.Count(raw, []byte("$argon2id$v=19$m=19456,t=2,p=1$")))
	users, err := Read(dir)
	require.NoError(t, err)
	require.NotEqual(t, users.find("admin").Hash, users.find("twin").Hash, "each has its own salt")
}

func TestEditsReachARunningNode(t *testing.T) {
	dir := newUsers(t)
	c := checker(t, dir)
	edit := func(change func(u *Users) error) { t.Helper(); require.NoError(t, Edit(dir, change)) }
	may := func(name, password string) {
		t.Helper()
		_, err := c.Check(t.Context(), name, password)
		require.NoError(t, err)
	}
	requireRefused(t, c, "bob", "first")
	edit(func(u *Users) error { return u.Add(User{Name: "bob", Groups: []string{"readers"}}, "first") })
	may("bob", "first")
	edit(func(u *Users) error { return u.SetPassword("bob", "second") })
	requireRefused(t, c, "bob", "first") // it was remembered
	may("bob", "second")
	edit(func(u *Users) error { return u.SetDisabled("bob", true) })
	requireRefused(t, c, "bob", "second")
	edit(func(u *Users) error { return u.SetDisabled("bob", false) })
	may("bob", "second")
	edit(func(u *Users) error { return u.Remove("bob") })
	requireRefused(t, c, "bob", "second")
	may("admin", "admin's own")
}

// TestUnreadableFileChangesNothing: a file that is damaged or gone shuts nobody out
// and lets nobody in, and is complained about once.
func TestUnreadableFileChangesNothing(t *testing.T) {
	dir := newUsers(t)
	var log bytes.Buffer
	c, err := NewChecker(dir, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	check := func() {
		t.Helper()
		_, err := c.Check(t.Context(), "admin", "admin's own")
		require.NoError(t, err)
		requireRefused(t, c, "admin", "x")
	}
	check()
	intact, err := os.ReadFile(Path(dir))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(Path(dir), intact[:len(intact)/2], 0o600))
	check()
	require.Equal(t, 1, strings.Count(log.String(), "cannot be read"), log.String())
	require.NoError(t, os.Remove(Path(dir)))
	check()
	require.Equal(t, 2, strings.Count(log.String(), "cannot be read"), log.String())
	require.NoError(t, os.WriteFile(Path(dir), intact, 0o600))
	check()
	require.Contains(t, log.String(), "read again")
	require.NotContains(t, log.String(), "argon2id$")
}

func TestRefusedEdits(t *testing.T) {
	dir := newUsers(t)
	before, err := os.ReadFile(Path(dir))
	require.NoError(t, err)
	for _, test := range []struct {
		name   string
		code   domain.Code
		change func(u *Users) error
	}{
		{"a name that is taken", domain.CodeConflict, func(u *Users) error { return u.Add(User{Name: "ops"}, "secret-1") }},
		{"no name", domain.CodeInvalid, func(u *Users) error { return u.Add(User{}, "secret-1") }},
		{"a name that is a role of the node", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "$admins"}, "secret-1") }},
		{"a name that cannot be sent", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a:b"}, "secret-1") }},
		{"a name in two words", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a b"}, "secret-1") }},
		{"a name that is no text", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a\xff"}, "secret-1") }},
		{"a long name", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: strings.Repeat("a", maxName+1)}, "secret-1") }},
		{"an empty group", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a", Groups: []string{""}}, "secret-1") }},
		{"a group twice", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a", Groups: []string{"b", "b"}}, "secret-1") }},
		{"no password", domain.CodeInvalid, func(u *Users) error { return u.Add(User{Name: "a"}, "") }},
		{"a password of two lines", domain.CodeInvalid, func(u *Users) error { return u.SetPassword("ops", "secret-1\nsecret-1") }},
		{"a stranger's password", domain.CodeNotFound, func(u *Users) error { return u.SetPassword("nobody", "secret-1") }},
		{"a stranger removed", domain.CodeNotFound, func(u *Users) error { return u.Remove("nobody") }},
		{"the last administrator removed", domain.CodeConflict, func(u *Users) error { return u.Remove("admin") }},
		{"the last administrator disabled", domain.CodeConflict, func(u *Users) error { return u.SetDisabled("admin", true) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Edit(dir, test.change)
			require.Equal(t, test.code, domain.CodeOf(err), "%v", err)
			require.NotContains(t, err.Error(), "secret-1")
			after, readErr := os.ReadFile(Path(dir))
			require.NoError(t, readErr)
			require.Equal(t, before, after)
		})
	}
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(Edit(t.TempDir(), func(*Users) error { return nil })))
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(Edit(filepath.Join(dir, "nowhere"), func(*Users) error { return nil })))
}

// TestEditsTakeTurns: of edits at once none is lost.
func TestEditsTakeTurns(t *testing.T) {
	dir := newUsers(t)
	names := strings.Split("abcdefgh", "")
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() {
			if err := Edit(dir, func(u *Users) error { return u.Add(User{Name: name}, "password") }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	users, err := Read(dir)
	require.NoError(t, err)
	require.Len(t, users.List(), 2+len(names))
}

func TestDamagedFiles(t *testing.T) {
	good := newHash("x").String()
	user := func(name, hash string) string {
		return `{"name":"` + name + `","groups":["$admins"],"hash":"` + hash + `"}`
	}
	file := func(users ...string) string { return `{"format":1,"users":[` + strings.Join(users, ",") + `]}` }
	_, err := parse("users.json", []byte(file(user("a", good))))
	require.NoError(t, err)
	for name, raw := range map[string]string{
		"empty": "", "half": file(user("a", good))[:40], "a newer format": strings.Replace(file(), "1", "2", 1), "an unknown field": `{"format":1,"users":[],"x":1}`,
		"twice": file(user("a", good), user("a", good)), "a role of the node": file(user("$admins", good)), "no hash": file(user("a", "")),
		"another hash":   file(user("a", strings.Replace(good, "argon2id", "argon2i", 1))),
		"another number": file(user("a", strings.Replace(good, "v=19", "v=16", 1))),
		"much memory":    file(user("a", strings.Replace(good, "m=19456", "m=4194304", 1))),
		"much time":      file(user("a", strings.Replace(good, "t=2", "t=2000000", 1))),
		"no time":        file(user("a", strings.Replace(good, "t=2", "t=0", 1))),
		"no threads":     file(user("a", strings.Replace(good, "p=1", "p=0", 1))),
		"odd numbers":    file(user("a", strings.Replace(good, "t=2", "t=02", 1))),
		"a short key":    file(user("a", good[:strings.LastIndex(good, "$")+4])),
		"no base64":      file(user("a", good[:len(good)-1]+"!")),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse("users.json", []byte(raw))
			require.Equal(t, domain.CodeMalformed, domain.CodeOf(err), "%v", err)
			require.NotContains(t, err.Error(), good)
		})
	}
}

// TestParametersAreStored: hashes made with others stay valid.
func TestParametersAreStored(t *testing.T) {
	old := hash{memory: 64, passes: 1, threads: 2, salt: []byte("saltsalt")}
	old.key = old.compute("secret", 24)
	parsed, err := parseHash(old.String())
	require.NoError(t, err)
	require.True(t, parsed.fits("secret"))
	require.False(t, parsed.fits("Secret"))
}

// TestWaitingEndsWithTheCall: where others keep all hashing busy, a call waits no
// longer than it wants to, and those known already do not wait.
func TestWaitingEndsWithTheCall(t *testing.T) {
	c := checker(t, newUsers(t))
	_, err := c.Check(t.Context(), "admin", "admin's own")
	require.NoError(t, err)
	for range maxHashing {
		c.hashing <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = c.Check(ctx, "ops", "ops' own")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = c.Check(t.Context(), "admin", "admin's own")
	require.NoError(t, err)
}

func TestKnowing(t *testing.T) {
	dir := t.TempDir()
	_, err := Create(dir, KnownPassword, "own")
	require.NoError(t, err)
	require.NoError(t, Edit(dir, func(u *Users) error {
		return u.Add(User{Name: "a", Disabled: true}, KnownPassword)
	}))
	c := checker(t, dir)
	require.Equal(t, []string{"admin"}, c.Knowing(KnownPassword))
	require.NoError(t, Edit(dir, func(u *Users) error { return u.SetPassword("admin", "own") }))
	require.Empty(t, c.Knowing(KnownPassword))
}
