package esdb_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/node"
	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
)

// admin and ops are users of a secure node, with their passwords.
var (
	admin = url.UserPassword("admin", "correct horse @ 3/4")
	ops   = url.UserPassword("ops", "battery staple 1!")
)

// secure is a node with TLS and users.
type secure struct {
	*node.Node
	ca string // file
}

func openSecure(t testing.TB) secure {
	t.Helper()
	issued, err := certificate.Issue(certificate.Request{Dir: filepath.Join(t.TempDir(), "certs"), Days: 2, Now: time.Now()})
	require.NoError(t, err)
	adminPassword, _ := admin.Password()
	opsPassword, _ := ops.Password()
	n, err := node.Open(node.Config{
		Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		TLS:           &node.TLS{CertFile: issued.CertFile, KeyFile: issued.KeyFile},
		AdminPassword: adminPassword, OpsPassword: opsPassword,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return secure{n, issued.CAFile}
}

// as is the connection string of a user; nil for none.
func (s secure) as(user *url.Userinfo) string { return s.connection("esdb", user, s.Addr()) }

func (s secure) connection(scheme string, user *url.Userinfo, hosts string) string {
	credentials := ""
	if user != nil {
		credentials = user.String() + "@"
	}
	return scheme + "://" + credentials + hosts + "?tlsCAFile=" + url.QueryEscape(s.ca)
}

// calls are the calls of a store, each by itself, with the error that it gave.
func calls(t *testing.T, s *esdb.Store) map[string]error {
	t.Helper()
	ctx := t.Context()
	errs := make(map[string]error)
	_, errs["append"] = s.Append(ctx, "book-1", eventstore.NoStream(), event())
	for _, err := range s.ReadStream(ctx, "book-1", eventstore.Forwards, 0, 1) {
		errs["read stream"] = err
	}
	for _, err := range s.ReadAll(ctx, eventstore.Start) {
		errs["read all"] = err
	}
	_, errs["last position"] = s.LastPosition(ctx)
	sub, err := s.Subscribe(ctx, eventstore.Filter{}, eventstore.Start)
	if err == nil {
		require.NoError(t, sub.Close())
	}
	errs["subscribe"] = err
	errs["delete"] = s.Delete(ctx, "book-9")
	errs["tombstone"] = s.Tombstone(ctx, "book-9")
	return errs
}

func TestCallsOfOthersAreRefused(t *testing.T) {
	n := openSecure(t)
	_, err := connect(t, n.as(admin)).Append(t.Context(), "book-1", eventstore.NoStream(), event())
	require.NoError(t, err)
	for name, test := range map[string]struct {
		user *url.Userinfo
		want eventstore.Code
	}{
		"wrong password": {url.UserPassword("admin", "changeit"), eventstore.CodeUnauthenticated},
		"unknown user":   {url.UserPassword("kim", "changeit"), eventstore.CodeUnauthenticated},
		"no user":        {nil, eventstore.CodeDenied},
	} {
		t.Run(name, func(t *testing.T) {
			for call, err := range calls(t, connect(t, n.as(test.user))) {
				require.Equal(t, test.want, eventstore.CodeOf(err), "%s: %v", call, err)
				require.False(t, eventstore.OutcomeUnknown(err), "nobody should try again")
			}
		})
	}
}

// TestAccessLists shows what a user who is no administrator may do.
func TestAccessLists(t *testing.T) {
	n := openSecure(t)
	administrator, user := connect(t, n.as(admin)), connect(t, n.as(ops))
	ctx := t.Context()
	_, err := user.Append(ctx, "open", eventstore.NoStream(), event())
	require.NoError(t, err, "streams are open to every user until somebody says otherwise")
	_, err = user.Subscribe(ctx, eventstore.Filter{}, eventstore.Start)
	require.Equal(t, eventstore.CodeDenied, eventstore.CodeOf(err), "the whole log is not: %v", err)

	rules := func(revision uint64, acl string) {
		_, err := administrator.RawAppend(ctx, "$$open", eventstore.After(revision), esdb.Raw{JSON: true, Recorded: eventstore.Recorded{
			ID: uuid.New(), Type: "$metadata", Data: []byte(`{"$acl":` + acl + `}`),
		}})
		require.NoError(t, err)
	}
	read := func(s *esdb.Store) (err error) {
		for _, err = range s.ReadStream(ctx, "open", eventstore.Forwards, 0, 1) {
		}
		return err
	}
	rules(0, `{"$r":"ops","$w":["$admins"]}`)
	require.NoError(t, read(user))
	_, err = user.Append(ctx, "open", eventstore.At(0), event())
	require.Equal(t, eventstore.CodeDenied, eventstore.CodeOf(err), "%v", err)
	rules(1, `{"$r":[],"$w":["ops"]}`)
	require.Equal(t, eventstore.CodeDenied, eventstore.CodeOf(read(user)))
	require.NoError(t, read(administrator))
	_, err = user.Append(ctx, "open", eventstore.At(0), event())
	require.NoError(t, err)
}

func TestCertificateMustBeTrusted(t *testing.T) {
	n, stranger := openSecure(t), openSecure(t)
	quickly := "&maxDiscoverAttempts=1"
	open := func(connectionString string) error {
		s, err := esdb.Open(t.Context(), connectionString+quickly, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		_, err = s.LastPosition(t.Context())
		return err
	}
	trusting := "esdb://" + admin.String() + "@" + n.Addr()
	require.NoError(t, open(n.as(admin)))
	require.NoError(t, open(strings.Replace(n.as(admin), "tlsCAFile", "tlscafile", 1)))
	require.NoError(t, open(trusting+"?tlsVerifyCert=false"))
	for name, connectionString := range map[string]string{
		"the machine's authorities": trusting + "?tls=true",
		"another authority":         strings.Replace(n.as(admin), url.QueryEscape(n.ca), url.QueryEscape(stranger.ca), 1),
	} {
		err := open(connectionString)
		require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(err), "%s: %v", name, err)
		require.ErrorContains(t, err, "certificate", name)
	}
	// Without TLS the node hears nothing that it understands.
	require.Equal(t, eventstore.CodeUnavailable, eventstore.CodeOf(open("esdb://"+n.Addr()+"?tls=false")))
	noPEM := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(noPEM, []byte("no certificate"), 0o600))
	for _, file := range []string{"/nowhere/ca.crt", noPEM} {
		err := open(strings.Replace(n.as(admin), url.QueryEscape(n.ca), url.QueryEscape(file), 1))
		require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), "%v", err)
	}
}

// TestDiscovery finds the node by gossip, with one name and with several hosts.
func TestDiscovery(t *testing.T) {
	plain, secured := openNode(t, t.TempDir()), openSecure(t)
	_, port, _ := strings.Cut(plain.Addr(), ":")
	_, securePort, _ := strings.Cut(secured.Addr(), ":")
	for name, connectionString := range map[string]string{
		"one name":             "esdb+discover://localhost:" + port + "?tls=false",
		"several hosts":        "esdb://127.0.0.1:1,127.0.0.1:" + port + "?tls=false",
		"a follower preferred": "esdb+discover://127.0.0.1:" + port + "?tls=false&nodePreference=follower",
		"one name, TLS":        secured.connection("esdb+discover", admin, "localhost:"+securePort),
		"several hosts, TLS":   secured.connection("esdb", admin, "localhost:"+securePort+",127.0.0.1:1"),
	} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, connectionString)
			stream := domain.StreamID("book-" + uuid.NewString())
			_, err := s.Append(t.Context(), stream, eventstore.NoStream(), event())
			require.NoError(t, err)
			_, err = s.LastPosition(t.Context())
			require.NoError(t, err)
		})
	}
}

// muffler stands between a client and a node, and can keep what the node says.
type muffler struct {
	net.Listener
	node  string
	muted atomic.Bool
}

func muffle(t *testing.T, node string) *muffler {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	m := &muffler{Listener: listener, node: node}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := m.Accept()
			if err != nil {
				return // closed
			}
			server, err := net.Dial("tcp4", m.node)
			if err != nil {
				t.Errorf("dial the node: %v", err)
				return
			}
			running.Go(func() {
				_, _ = io.Copy(server, client) // until either side has gone
				_ = server.Close()
			})
			running.Go(func() {
				_, _ = io.Copy(whileLoud{client, m}, server)
				_ = client.Close()
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		running.Wait()
	})
	return m
}

// whileLoud drops what is written to it while the muffler is muted.
type whileLoud struct {
	net.Conn
	muffler *muffler
}

func (w whileLoud) Write(b []byte) (int, error) {
	if w.muffler.muted.Load() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// TestDeadlinesAreKept loses the answers to appends that took effect. They fail in
// time and as unknown; repeated where answers arrive, each is there once.
func TestDeadlinesAreKept(t *testing.T) {
	n := openNode(t, t.TempDir())
	between := muffle(t, n.Addr())
	patient := connect(t, n.ConnectionString())
	for i := range uint64(3) {
		between.muted.Store(false)
		hasty := connect(t, "esdb://"+between.Addr().String()+"?tls=false&defaultDeadline=300")
		between.muted.Store(true)
		written := event()
		_, err := hasty.Append(t.Context(), "book-1", eventstore.After(i), written)
		require.Equal(t, eventstore.CodeTimeout, eventstore.CodeOf(err), "%v", err)
		require.True(t, eventstore.OutcomeUnknown(err))
		again, err := patient.Append(t.Context(), "book-1", eventstore.After(i), written)
		require.NoError(t, err)
		require.Equal(t, i, again.Revision)
		require.NoError(t, hasty.Close())
	}
}

// TestIdleConnectionsLive leaves a connection alone for longer than clients and
// node need to ping each other a few times.
func TestIdleConnectionsLive(t *testing.T) {
	idle := 500 * time.Millisecond
	if os.Getenv("JEONGSAN_LONG") == "1" {
		idle = 35 * time.Second
	}
	n := openSecure(t)
	s := connect(t, n.as(admin)+"&keepAliveInterval=10000&keepAliveTimeout=10000")
	sub, err := s.Subscribe(t.Context(), eventstore.Filter{StreamPrefixes: []string{"book-"}}, eventstore.Start)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), idle)
	defer cancel()
	for err == nil {
		_, err = sub.Next(ctx)
	}
	require.ErrorIs(t, err, context.DeadlineExceeded, "and not by the node")
	written := event()
	_, err = s.Append(t.Context(), "book-1", eventstore.NoStream(), written)
	require.NoError(t, err)
	message, err := sub.Next(t.Context())
	for err == nil && message.Event == nil {
		message, err = sub.Next(t.Context())
	}
	require.NoError(t, err)
	require.Equal(t, written.ID, message.Event.ID)
}
