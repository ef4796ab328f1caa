package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
	"github.com/jeongsan/jeongsan/eventstore/node/login"
)

// secured is a node with TLS and the users admin, ops and kim, who is in the group
// readers. Each one's password is the name with an exclamation mark.
type secured struct {
	*Node
	dir  string
	tls  TLS
	pool *x509.CertPool
}

func makeCertificate(t testing.TB, dir string, overwrite bool, hosts ...string) certificate.Issued {
	t.Helper()
	issued, err := certificate.Issue(certificate.Request{Dir: dir, Hosts: hosts, Days: 90, Overwrite: overwrite, Now: time.Now()})
	require.NoError(t, err)
	return issued
}

func trusting(t testing.TB, caFile string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	return pool
}

func openSecured(t testing.TB) *secured {
	t.Helper()
	issued := makeCertificate(t, filepath.Join(t.TempDir(), "certs"), false)
	s := &secured{dir: t.TempDir(), tls: TLS{CertFile: issued.CertFile, KeyFile: issued.KeyFile}, pool: trusting(t, issued.CAFile)}
	var err error
	s.Node, err = Open(Config{Dir: s.dir, TLS: &s.tls, AdminPassword: "admin!", OpsPassword: "ops!", Logger: silent})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, login.Edit(s.dir, func(u *login.Users) error {
		return u.Add(login.User{Name: "kim", Groups: []string{"readers"}}, "kim!")
	}))
	return s
}

// basic sends a header with every call; empty for none.
type basic string

func (b basic) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if b == "" {
		return nil, nil
	}
	return map[string]string{"authorization": string(b)}, nil
}

func (basic) RequireTransportSecurity() bool { return true }

func header(name, password string) basic {
	return basic("Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
}

// as connects as a user; "" is nobody.
func (s *secured) as(t testing.TB, user string) *grpc.ClientConn {
	t.Helper()
	if user == "" {
		return s.with(t, "")
	}
	return s.with(t, header(user, user+"!"))
}

func (s *secured) with(t testing.TB, header basic) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr(), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: s.pool})), grpc.WithPerRPCCredentials(header))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// TestCredentials sends every kind of call with every kind of credentials.
func TestCredentials(t *testing.T) {
	s := openSecured(t)
	require.NoError(t, login.Edit(s.dir, func(u *login.Users) error {
		if err := u.Add(login.User{Name: "gone"}, "gone!"); err != nil {
			return err
		}
		return u.SetDisabled("gone", true)
	}))
	methods := map[string]func(*grpc.ClientConn) error{
		"features": func(c *grpc.ClientConn) error {
			_, err := serverfeatures.NewServerFeaturesClient(c).GetSupportedMethods(t.Context(), &shared.Empty{})
			return err
		},
		"gossip": func(c *grpc.ClientConn) error {
			_, err := gossip.NewGossipClient(c).Read(t.Context(), &shared.Empty{})
			return err
		},
		"read": func(c *grpc.ClientConn) error {
			_, err := readRaw(t, streams.NewStreamsClient(c), readOptions(func(o *streams.ReadReq_Options) { ofStream(o, "nothing") }))
			return err
		},
		"append": func(c *grpc.ClientConn) error {
			_, _, err := appendRaw(t, streams.NewStreamsClient(c), appendOptions("nothing", noStream))
			return err
		},
		"delete": func(c *grpc.ClientConn) error {
			_, err := streams.NewStreamsClient(c).Delete(t.Context(), &streams.DeleteReq{Options: &streams.DeleteReq_Options{
				StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("nothing")}, ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: &shared.Empty{}}}})
			return err
		},
		"what is not offered": func(c *grpc.ClientConn) error {
			_, err := persistent.NewPersistentSubscriptionsClient(c).List(t.Context(), &persistent.ListReq{})
			return err
		},
	}
	known := map[string]codes.Code{"features": codes.OK, "gossip": codes.OK, "read": codes.OK, "append": codes.OK, "delete": codes.FailedPrecondition, "what is not offered": codes.Unimplemented}
	nobody := map[string]codes.Code{"features": codes.OK, "gossip": codes.OK, "read": codes.PermissionDenied, "append": codes.PermissionDenied, "delete": codes.PermissionDenied, "what is not offered": codes.Unimplemented}
	for name, test := range map[string]struct {
		header basic
		want   map[string]codes.Code // nil where all are Unauthenticated
	}{
		"administrator":     {header("admin", "admin!"), known},
		"operator":          {header("ops", "ops!"), known},
		"user":              {header("kim", "kim!"), known},
		"another spelling":  {basic(strings.Replace(string(header("kim", "kim!")), "Basic", "basic", 1)), known},
		"nobody":            {"", nobody},
		"wrong password":    {header("admin", "changeit"), nil},
		"unknown user":      {header("kong", "kim!"), nil},
		"disabled user":     {header("gone", "gone!"), nil},
		"no password":       {header("admin", ""), nil},
		"a token":           {"Bearer admin", nil},
		"no base64":         {"Basic !!!", nil},
		"no colon":          {basic("Basic " + base64.StdEncoding.EncodeToString([]byte("admin"))), nil},
		"nothing but Basic": {"Basic", nil},
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.with(t, test.header)
			for method, call := range methods {
				want := codes.Unauthenticated
				if test.want != nil {
					want = test.want[method]
				} else if name != "wrong password" && method != "features" {
					continue // what is wrong makes no difference to a method, and each try takes its time
				}
				err := call(conn)
				require.Equal(t, want.String(), statusOf(err).String(), "%s: %v", method, err)
			}
		})
	}
	t.Run("two at once", func(t *testing.T) {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", string(header("kim", "kim!")), "authorization", string(header("admin", "admin!")))
		_, err := gossip.NewGossipClient(s.as(t, "")).Read(ctx, &shared.Empty{})
		requireStatus(t, codes.Unauthenticated, err)
	})
}

// answer is what matters of an answer over HTTP.
type answer struct {
	code    int
	version int
	asksFor string // credentials
}

// TestOperatorsOverHTTP: the same users, with roles.
func TestOperatorsOverHTTP(t *testing.T) {
	s := openSecured(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	get := func(path, user, password string) answer {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr()+path, nil)
		require.NoError(t, err)
		if user != "" {
			request.SetBasicAuth(user, password)
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return answer{response.StatusCode, response.ProtoMajor, response.Header.Get("WWW-Authenticate")}
	}
	require.Equal(t, answer{code: http.StatusNoContent, version: 1}, get("/health/live", "", ""), "health needs no user, and who offers both gets HTTP/1.1")
	require.Equal(t, http.StatusOK, get("/stats", "admin", "admin!").code)
	require.Equal(t, http.StatusOK, get("/stats", "ops", "ops!").code)
	require.Equal(t, http.StatusForbidden, get("/stats", "kim", "kim!").code)
	for _, refused := range []answer{get("/stats", "ops", "changeit"), get("/stats", "kong", "kim!"), get("/stats", "", "")} {
		require.Equal(t, http.StatusUnauthorized, refused.code)
		require.Contains(t, refused.asksFor, "Basic")
	}
}

// TestPagesOfStrangersAreRefused: a node that asks nobody for a password answers a
// browser only under names that cannot be a stranger's.
func TestPagesOfStrangersAreRefused(t *testing.T) {
	n := openNode(t, t.TempDir(), defaultTuning())
	for host, want := range map[string]int{
		n.Addr(): http.StatusOK, "localhost:2113": http.StatusOK, "LOCALHOST": http.StatusOK, "[::1]:2113": http.StatusOK, "127.0.0.1": http.StatusOK,
		"stranger.example:2113": http.StatusForbidden, "stranger.example": http.StatusForbidden, "127.0.0.1.stranger.example": http.StatusForbidden,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.Addr()+"/stats", nil)
		require.NoError(t, err)
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, host)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestTransport looks at the TLS itself.
func TestTransport(t *testing.T) {
	s := openSecured(t)
	shake := func(config *tls.Config) (tls.ConnectionState, error) {
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", s.Addr())
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState(), nil
	}
	for offered, want := range map[string]string{"h2": "h2", "http/1.1": "http/1.1", "h2 http/1.1": "http/1.1", "": ""} {
		state, err := shake(&tls.Config{RootCAs: s.pool, NextProtos: strings.Fields(offered)})
		require.NoError(t, err)
		require.Equal(t, want, state.NegotiatedProtocol, offered)
		require.EqualValues(t, tls.VersionTLS13, state.Version)
	}
	_, err := shake(&tls.Config{RootCAs: s.pool, MaxVersion: tls.VersionTLS12})
	require.NoError(t, err)
	_, err = shake(&tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.ErrorContains(t, err, "protocol version")
	_, err = shake(&tls.Config{RootCAs: x509.NewCertPool()})
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))

	// Plain bytes on the port end the connection, and nothing else.
	response, err := http.DefaultClient.Get("http://" + s.Addr() + "/health/live")
	if err == nil {
		response.Body.Close()
	}
	require.Error(t, err)
	_, err = readRaw(t, streams.NewStreamsClient(s.as(t, "admin")), readOptions(nil))
	require.NoError(t, err)
}

// TestCertificateIsRenewed while the node runs; what cannot be used is not taken up.
func TestCertificateIsRenewed(t *testing.T) {
	s := openSecured(t)
	dir := filepath.Dir(s.tls.CertFile)
	shown := func() *x509.Certificate {
		t.Helper()
		conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: s.pool}}).DialContext(t.Context(), "tcp", s.Addr())
		require.NoError(t, err)
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
	}
	first := shown()
	require.True(t, first.Equal(shown()))
	makeCertificate(t, dir, true, "renewed.example")
	second := shown()
	require.False(t, first.Equal(second))
	require.Contains(t, second.DNSNames, "renewed.example")

	key, err := os.ReadFile(s.tls.KeyFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.tls.KeyFile, []byte("no key"), 0o600))
	require.True(t, second.Equal(shown()))
	require.NoError(t, os.Remove(s.tls.KeyFile))
	require.True(t, second.Equal(shown()))
	require.NoError(t, os.WriteFile(s.tls.KeyFile, key, 0o600))
	makeCertificate(t, dir, true)
	require.False(t, second.Equal(shown()))
}

func TestConnectionString(t *testing.T) {
	open := func(listen string, settings TLS) string {
		t.Helper()
		config := Config{Dir: t.TempDir(), Listen: listen, Insecure: settings == TLS{}, Logger: silent}
		if !config.Insecure {
			config.TLS, config.AdminPassword, config.OpsPassword = &settings, "own", "own"
		}
		n, err := Open(config)
		require.NoError(t, err)
		connection := n.ConnectionString()
		_, port, found := strings.Cut(strings.TrimSuffix(n.Addr(), "/"), "]:")
		if !found {
			_, port, _ = strings.Cut(n.Addr(), ":")
		}
		require.NoError(t, n.Close())
		return strings.Replace(connection, ":"+port, ":PORT", 1)
	}
	issued := makeCertificate(t, filepath.Join(t.TempDir(), "with & sign"), false)
	trust := "?tlsCAFile=" + strings.NewReplacer(" ", "+", "&", "%26").Replace(issued.CAFile)
	known := TLS{CertFile: issued.CertFile, KeyFile: issued.KeyFile}
	require.Equal(t, "esdb://127.0.0.1:PORT?tls=false", open("", TLS{}))
	require.Equal(t, "esdb://127.0.0.1:PORT?tls=false", open("0.0.0.0:0", TLS{}))
	require.Equal(t, "esdb://127.0.0.1:PORT"+trust, open("127.0.0.1:0", known))
	require.Equal(t, "esdb://127.0.0.1:PORT"+trust, open(":0", known))

	// A certificate of an authority that is elsewhere.
	elsewhere := t.TempDir()
	for _, name := range []string{"node.crt", "node.key"} {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(issued.CertFile), name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(elsewhere, name), content, 0o600))
	}
	require.Equal(t, "esdb://127.0.0.1:PORT", open("127.0.0.1:0", TLS{CertFile: filepath.Join(elsewhere, "node.crt"), KeyFile: filepath.Join(elsewhere, "node.key")}))

	if hasIPv6(t) {
		require.Equal(t, "esdb://localhost:PORT?tls=false", open("[::1]:0", TLS{}))
		require.Equal(t, "esdb://127.0.0.1:PORT?tls=false", open("[::]:0", TLS{}))
	}
}

func hasIPv6(t *testing.T) bool {
	t.Helper()
	address, err := Config{Listen: "[::1]:0"}.checkListen()
	require.NoError(t, err, "it is loopback, whether the machine has it or not")
	listener, err := listen(address)
	if err != nil {
		return false
	}
	require.NoError(t, listener.Close())
	return true
}

func TestSecureOpenRefuses(t *testing.T) {
	issued := makeCertificate(t, filepath.Join(t.TempDir(), "certs"), false)
	other := makeCertificate(t, filepath.Join(t.TempDir(), "certs"), false)
	good := &TLS{CertFile: issued.CertFile, KeyFile: issued.KeyFile}
	weak := t.TempDir() // has a user with the password that everybody knows
	_, err := login.Create(weak, "own", login.KnownPassword)
	require.NoError(t, err)
	damaged := t.TempDir()
	require.NoError(t, os.WriteFile(login.Path(damaged), []byte("{"), 0o600))
	for name, test := range map[string]struct {
		config Config
		code   domain.Code
		field  string
	}{
		"no key":                         {Config{TLS: &TLS{CertFile: issued.CertFile}}, domain.CodeInvalid, "tls"},
		"no certificate":                 {Config{TLS: &TLS{KeyFile: issued.KeyFile}}, domain.CodeInvalid, "tls"},
		"no such file":                   {Config{TLS: &TLS{CertFile: "nowhere.crt", KeyFile: issued.KeyFile}}, domain.CodeInvalid, "tls"},
		"another's key":                  {Config{TLS: &TLS{CertFile: issued.CertFile, KeyFile: other.KeyFile}}, domain.CodeInvalid, "tls"},
		"TLS and insecure":               {Config{TLS: good, Insecure: true}, domain.CodeInvalid, "insecure"},
		"plaintext for others":           {Config{Listen: "0.0.0.0:0"}, domain.CodeInvalid, "listen"},
		"no passwords for others":        {Config{TLS: good, Listen: "0.0.0.0:0"}, domain.CodeInvalid, "users"},
		"one password for others":        {Config{TLS: good, Listen: "0.0.0.0:0", AdminPassword: "own"}, domain.CodeInvalid, "users"},
		"the known password for others":  {Config{TLS: good, Listen: "0.0.0.0:0", AdminPassword: "own", OpsPassword: login.KnownPassword}, domain.CodeInvalid, "users"},
		"a user who kept it, for others": {Config{TLS: good, Listen: "0.0.0.0:0", Dir: weak}, domain.CodeInvalid, "users"},
		"damaged users":                  {Config{TLS: good, Dir: damaged}, domain.CodeMalformed, "users"},
		"a password that is none":        {Config{TLS: good, AdminPassword: "two\nlines"}, domain.CodeInvalid, "password of admin"},
	} {
		t.Run(name, func(t *testing.T) {
			test.config.Logger = silent
			if test.config.Dir == "" {
				test.config.Dir = t.TempDir()
			}
			for range 2 { // a refusal changes nothing
				_, err := Open(test.config)
				var refusal *domain.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, test.code, refusal.Code, "%v", err)
				require.Equal(t, test.field, refusal.Field, "%v", err)
				require.NotEmpty(t, refusal.Remedy)
				require.NotContains(t, err.Error(), "own\"")
			}
		})
	}
	// On loopback the known password passes, and whoever has changed it may serve others.
	n, err := Open(Config{Dir: weak, TLS: good, Logger: silent})
	require.NoError(t, err)
	require.NoError(t, n.Close())
	require.NoError(t, login.Edit(weak, func(u *login.Users) error { return u.SetPassword("ops", "own") }))
	n, err = Open(Config{Dir: weak, TLS: good, Listen: "0.0.0.0:0", Logger: silent})
	require.NoError(t, err)
	require.NoError(t, n.Close())
}

// TestGossip answers with the address that the caller used.
func TestGossip(t *testing.T) {
	s := openSecured(t)
	_, port, _ := strings.Cut(s.Addr(), ":")
	conn, err := grpc.NewClient("localhost:"+port, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: s.pool})))
	require.NoError(t, err)
	defer conn.Close()
	before := time.Now()
	info, err := gossip.NewGossipClient(conn).Read(t.Context(), &shared.Empty{})
	require.NoError(t, err)
	require.Len(t, info.GetMembers(), 1)
	member := info.GetMembers()[0]
	require.Equal(t, gossip.MemberInfo_Leader, member.GetState())
	require.True(t, member.GetIsAlive())
	require.Equal(t, "localhost", member.GetHttpEndPoint().GetAddress())
	require.Equal(t, s.Addr(), "127.0.0.1:"+port)
	require.NotEmpty(t, member.GetInstanceId().GetString_())
	require.GreaterOrEqual(t, member.GetTimeStamp(), before.UnixNano()/100)
	require.LessOrEqual(t, member.GetTimeStamp(), time.Now().UnixNano()/100)

	again, err := gossip.NewGossipClient(s.as(t, "")).Read(t.Context(), &shared.Empty{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", again.GetMembers()[0].GetHttpEndPoint().GetAddress())
	require.Equal(t, member.GetInstanceId().GetString_(), again.GetMembers()[0].GetInstanceId().GetString_())
}

// TestDeadlineOfCenturies: clients send one with subscriptions.
func TestDeadlineOfCenturies(t *testing.T) {
	n := openNode(t, t.TempDir(), defaultTuning())
	ctx, cancel := context.WithTimeout(t.Context(), math.MaxInt64)
	defer cancel()
	call, err := rawClient(t, n).Read(ctx, readOptions(subscription))
	require.NoError(t, err)
	message, err := call.Recv()
	require.NoError(t, err)
	require.NotEmpty(t, message.GetConfirmation().GetSubscriptionId())
}

// TestHealthUntilTheEnd: who asks a node on its way down is told so, as long as calls
// are still under way.
func TestHealthUntilTheEnd(t *testing.T) {
	n := openNode(t, t.TempDir(), defaultTuning())
	client := rawClient(t, n)
	messages := []*streams.AppendReq{appendOptions("book-1", noStream)}
	for range 20 {
		messages = append(messages, proposed("Large.v1", contentBinary, make([]byte, 50<<10)))
	}
	_, _, err := appendRaw(t, client, messages...)
	require.NoError(t, err)
	// A read that does not go on: more is sent than fits between the two.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	call, err := client.Read(ctx, readOptions(nil))
	require.NoError(t, err)
	_, err = call.Recv()
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, healthStatus(t, n, ""))
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	<-n.server.drain
	require.Equal(t, http.StatusServiceUnavailable, healthStatus(t, n, ""))
	cancel()
	require.NoError(t, <-closed)
}
