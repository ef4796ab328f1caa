package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// parse runs flags through the same completion as the program does.
func parse(t *testing.T, args ...string) (Config, error) {
	t.Helper()
	var c Config
	flags := pflag.NewFlagSet("jeongsan", pflag.ContinueOnError)
	c.register(flags)
	c.registerServe(flags)
	require.NoError(t, flags.Parse(args))
	return c, c.complete(flags)
}

func configFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jeongsan.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestConfigPrecedence(t *testing.T) {
	file := configFile(t, "data: from-file\nlisten: 127.0.0.1:1\nlog-level: debug\nroles: [collect, api]\n")
	t.Setenv("JEONGSAN_DATA", "from-environment")
	t.Setenv("JEONGSAN_LISTEN", "127.0.0.1:2")

	c, err := parse(t, "--config", file, "--listen", "127.0.0.1:3", "--process", "http://127.0.0.1:9")

	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:3", c.Listen, "a flag wins over the environment")
	require.Equal(t, "from-environment", c.Data, "the environment wins over the file")
	require.Equal(t, "debug", c.LogLevel, "the file wins over the default")
	require.Equal(t, []string{"collect", "api"}, c.Roles)
	require.Empty(t, c.EventStore)
}

func TestConfigRefusals(t *testing.T) {
	for _, test := range []struct {
		name, file string
		args       []string
		says       []string
	}{
		{name: "unknown key", file: "datta: x\n", says: []string{"datta", "unknown key", "known keys: ", "data"}},
		{name: "not yaml", file: "data: [x\n", says: []string{"is not YAML"}},
		{name: "missing file", args: []string{"--config", "/nowhere.yaml"}, says: []string{"/nowhere.yaml", "cannot be read"}},
		{name: "public address", args: []string{"--listen", "0.0.0.0:80"}, says: []string{"0.0.0.0:80", "no authentication", "127.0.0.1"}},
		{name: "all at once", args: []string{"--eventstore", "http://x", "--database", "mysql://u:secret@x", "--roles", "cook"}, says: []string{"eventstore", "database", "cook", "unknown role"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if test.file != "" {
				args = append(args, "--config", configFile(t, test.file))
			}
			_, err := parse(t, args...)
			require.Error(t, err)
			for _, want := range test.says {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "secret", "a password never reaches an error")
		})
	}
}

func TestRolesThatCannotWorkAlone(t *testing.T) {
	p := &program{}
	p.config.Roles = []string{roleAPI}
	_, err := p.serveNeeds()
	require.ErrorIs(t, err, errUsage)
	for _, want := range []string{"--eventstore", "--database", "--process", "--keys"} {
		require.ErrorContains(t, err, want)
	}
}
