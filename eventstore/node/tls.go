package node

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/node/certificate"
)

// TLS names the files of a node's certificate and its key, in PEM. The certificate
// may be followed by those that lead to its authority. Both are read again when they
// change: a renewal needs no restart.
type TLS struct {
	CertFile, KeyFile string
}

// expiryWarning is how long before its end a certificate is complained about.
const expiryWarning = 30 * 24 * time.Hour

// certificates hands out the newest certificate that could be read.
type certificates struct {
	files  TLS
	logger *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]fs.FileInfo // the files that were read last, or could not be
}

// loadCertificates reads the files for the first time.
func loadCertificates(files TLS, logger *slog.Logger) (*certificates, error) {
	c := &certificates{files: files, logger: logger}
	if files.CertFile == "" || files.KeyFile == "" {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "tls", Message: "certificate and key belong together",
			Remedy: "give --tls-cert and --tls-key, as jeongsan node certs makes them"}
	}
	c.seen = c.look()
	if err := c.load(); err != nil {
		return nil, &domain.Error{Code: domain.CodeInvalid, Field: "tls", Value: files.CertFile, Message: "certificate and key cannot be used", Err: err,
			Remedy: "name readable PEM files that belong together; jeongsan node certs makes them"}
	}
	return c, nil
}

// load reads both files. A certificate that has expired is taken: what to do about it
// is for clients, and a node that does not start helps nobody.
func (c *certificates) load() error {
	loaded, err := tls.LoadX509KeyPair(c.files.CertFile, c.files.KeyFile)
	if err != nil {
		return err
	}
	c.current = &loaded
	if left := time.Until(loaded.Leaf.NotAfter); left < expiryWarning {
		c.logger.Warn("event store node: the certificate expires soon, or has", "certificate", c.files.CertFile, "expires", loaded.Leaf.NotAfter)
	}
	return nil
}

func (c *certificates) look() (seen [2]fs.FileInfo) {
	for i, path := range []string{c.files.CertFile, c.files.KeyFile} {
		if info, err := os.Stat(path); err == nil {
			seen[i] = info
		}
	}
	return seen
}

// get returns the certificate for a handshake. Files that have changed are read
// once; where that fails the old certificate stays until they change again.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	seen := c.look()
	c.mu.Lock()
	defer c.mu.Unlock()
	if unchanged(seen[0], c.seen[0]) && unchanged(seen[1], c.seen[1]) {
		return c.current, nil
	}
	c.seen = seen
	if err := c.load(); err != nil {
		c.logger.Error("event store node: the certificate has changed and cannot be read, the old one stays", "certificate", c.files.CertFile, "error", err)
	} else {
		c.logger.Info("event store node: the certificate was read again", "certificate", c.files.CertFile, "expires", c.current.Leaf.NotAfter)
	}
	return c.current, nil
}

func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// config is how the node speaks TLS. Clients of gRPC offer HTTP/2 alone. Those that
// offer both, curl and health checks, want plain HTTP: they get HTTP/1.1.
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", "h2"}, GetCertificate: c.get}
}

// host chooses the name or address to connect with: the first that the certificate
// vouches for, else the first in it that is not this machine's own.
func (c *certificates) host(candidates ...string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	leaf := c.current.Leaf
	for _, host := range candidates {
		if leaf.VerifyHostname(host) == nil {
			return host
		}
	}
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") && name != "localhost" {
			return name
		}
	}
	for _, ip := range leaf.IPAddresses {
		if !ip.IsLoopback() {
			return ip.String()
		}
	}
	return candidates[0]
}

// caFile returns the file that clients must trust, where it is known: the authority
// that signed the certificate and lies beside it, as jeongsan node certs leaves it,
// or the certificate itself if it was signed by nobody else.
func (c *certificates) caFile() string {
	c.mu.Lock()
	leaf := c.current.Leaf
	c.mu.Unlock()
	for _, path := range []string{filepath.Join(filepath.Dir(c.files.CertFile), certificate.CAFile), c.files.CertFile} {
		pem, err := os.ReadFile(path)
		roots := x509.NewCertPool()
		if err != nil || !roots.AppendCertsFromPEM(pem) {
			continue
		}
		if path == c.files.CertFile && leaf.CheckSignatureFrom(leaf) != nil {
			continue
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
			if absolute, err := filepath.Abs(path); err == nil {
				return absolute
			}
		}
	}
	return ""
}
