package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

func issue(t *testing.T, request Request) Issued {
	t.Helper()
	if request.Now.IsZero() {
		request.Now = time.Now()
	}
	if request.Days == 0 {
		request.Days = 30
	}
	issued, err := Issue(request)
	require.NoError(t, err)
	return issued
}

func trust(t *testing.T, caFile string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	return roots
}

// shake lets a client that trusts roots meet a server with the certificate.
func shake(t *testing.T, issued Issued, roots *x509.CertPool, host string) error {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(issued.CertFile, issued.KeyFile)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn) // it ends with the connection
			_ = conn.Close()
		}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12})
	if err == nil {
		require.NoError(t, conn.Close())
	}
	<-done
	require.NoError(t, listener.Close())
	return err
}

func TestIssue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	first := issue(t, Request{Dir: dir, Hosts: []string{"ledger.example", "10.0.0.5"}})
	require.True(t, first.NewCA)
	require.Equal(t, []string{"ledger.example", "10.0.0.5", "localhost", "127.0.0.1", "::1"}, first.Hosts)
	roots := trust(t, first.CAFile)
	for _, host := range first.Hosts {
		require.NoError(t, shake(t, first, roots, host), host)
	}
	require.ErrorAs(t, shake(t, first, roots, "other.example"), new(x509.HostnameError))
	for _, key := range []string{first.KeyFile, filepath.Join(dir, caKey)} {
		info, err := os.Stat(key)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm(), key)
	}

	second := issue(t, Request{Dir: dir, Name: "standby", Hosts: []string{"standby.example"}})
	require.False(t, second.NewCA)
	require.NoError(t, shake(t, second, roots, "standby.example"), "clients need no other authority")

	stranger := issue(t, Request{Dir: t.TempDir()})
	require.ErrorAs(t, shake(t, stranger, roots, "localhost"), new(x509.UnknownAuthorityError))

	// A renewal is another certificate of the same authority.
	before, err := os.ReadFile(first.CertFile)
	require.NoError(t, err)
	renewed := issue(t, Request{Dir: dir, Overwrite: true})
	after, err := os.ReadFile(renewed.CertFile)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	require.NoError(t, shake(t, renewed, roots, "localhost"))
}

func TestIssueRefuses(t *testing.T) {
	made := t.TempDir()
	issue(t, Request{Dir: made})
	torn := t.TempDir()
	issue(t, Request{Dir: torn})
	require.NoError(t, os.Remove(filepath.Join(torn, caKey)))
	mixed := t.TempDir()
	issue(t, Request{Dir: mixed})
	key, err := os.ReadFile(filepath.Join(made, caKey))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(mixed, caKey), key, 0o600))
	old := t.TempDir()
	issue(t, Request{Dir: old, Now: time.Now().AddDate(-caYears, 0, 20), Days: 10})
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))

	for name, test := range map[string]struct {
		request Request
		code    domain.Code
		field   string
	}{
		"to overwrite":                {Request{Dir: made}, domain.CodeConflict, "certificate"},
		"an authority without key":    {Request{Dir: torn, Name: "b"}, domain.CodeConflict, "authority"},
		"a key of another authority":  {Request{Dir: mixed, Name: "b"}, domain.CodeConflict, "authority"},
		"more than the authority has": {Request{Dir: old, Name: "b", Days: 365}, domain.CodeInvalid, "days"},
		"a file for a directory":      {Request{Dir: blocked}, domain.CodeUnavailable, "certificate"},
		"no directory":                {Request{}, domain.CodeInvalid, "dir"},
		"the authority's name":        {Request{Dir: made, Name: "ca", Overwrite: true}, domain.CodeInvalid, "name"},
		"a name with a path":          {Request{Dir: made, Name: "../x"}, domain.CodeInvalid, "name"},
		"no days":                     {Request{Dir: made, Days: -1}, domain.CodeInvalid, "days"},
		"too many days":               {Request{Dir: made, Days: 36500}, domain.CodeInvalid, "days"},
		"a host with a port":          {Request{Dir: made, Hosts: []string{"a:2113"}}, domain.CodeInvalid, "host"},
		"an empty host":               {Request{Dir: made, Hosts: []string{""}}, domain.CodeInvalid, "host"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.request.Days == 0 {
				test.request.Days = 30
			}
			test.request.Now = time.Now()
			_, err := Issue(test.request)
			require.Equal(t, test.code, domain.CodeOf(err), "%v", err)
			var refusal *domain.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, test.field, refusal.Field)
			require.NotEmpty(t, refusal.Remedy)
		})
	}
}
