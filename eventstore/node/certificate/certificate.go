package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jeongsan/jeongsan/domain"
)

// Request says what certificate to make.
type Request struct {
	// Dir holds the authority and the node's files. It is created if missing.
	Dir string
	// Name names the node's files, "node" if empty.
	Name string
	// Hosts are the names and addresses under which clients reach the node, beside
	// those of the machine itself: localhost, 127.0.0.1 and ::1 are always included.
	Hosts []string
	// Days is how long the certificate is valid, from now.
	Days int
	// Overwrite replaces the node's certificate and key where they exist.
	Overwrite bool
	// Now is the time.
	Now time.Time
}

// Issued says what was made.
type Issued struct {
	CAFile   string    `json:"ca"`
	CertFile string    `json:"certificate"`
	KeyFile  string    `json:"key"`
	Hosts    []string  `json:"hosts"`
	Expires  time.Time `json:"expires"`
	NewCA    bool      `json:"new_ca"` // the authority was made as well
}

const (
	// caYears is how long an authority is valid.
	caYears = 10
	// skew is by how much the clocks of clients may be behind.
	skew = time.Hour
	// CAFile is the name of the authority's certificate.
	CAFile = "ca.crt"
	caKey  = "ca.key"
)

// always are the names by which a client on the same machine calls.
var always = []string{"localhost", "127.0.0.1", "::1"}

// Issue makes a certificate for a node, and first the authority where the directory
// has none. Errors are *domain.Error: CodeConflict where files exist that must not
// be overwritten or do not belong together, CodeInvalid for a request that cannot
// be met, CodeUnavailable where the file system refuses.
func Issue(request Request) (Issued, error) {
	if request.Name == "" {
		request.Name = "node"
	}
	if err := request.check(); err != nil {
		return Issued{}, err
	}
	if err := os.MkdirAll(request.Dir, 0o700); err != nil {
		return Issued{}, refused(request.Dir, "cannot be created", err)
	}
	issued := Issued{
		CAFile: filepath.Join(request.Dir, CAFile), CertFile: filepath.Join(request.Dir, request.Name+".crt"),
		KeyFile: filepath.Join(request.Dir, request.Name+".key"), Hosts: request.hosts(),
		Expires: request.Now.AddDate(0, 0, request.Days).UTC().Truncate(time.Second),
	}
	if !request.Overwrite {
		for _, path := range []string{issued.CertFile, issued.KeyFile} {
			if exists(path) {
				return Issued{}, &domain.Error{Code: domain.CodeConflict, Field: "certificate", Value: path, Message: "exists and is not overwritten",
					Remedy: "renew it with --force, or name another node with --name"}
			}
		}
	}
	ca, made, err := authorityIn(request.Dir, request.Now)
	if err != nil {
		return Issued{}, err
	}
	issued.NewCA = made
	if issued.Expires.After(ca.Leaf.NotAfter) {
		return Issued{}, &domain.Error{Code: domain.CodeInvalid, Field: "days", Value: strconv.Itoa(request.Days), Message: "the authority itself is valid until " + ca.Leaf.NotAfter.Format(time.DateOnly) + " only",
			Remedy: "ask for fewer days, or make a new authority in another directory"}
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "eventstoredb-node"}, NotAfter: issued.Expires,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range issued.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return issued, sign(template, ca.Leaf, ca.PrivateKey, issued.CertFile, issued.KeyFile, request.Now)
}

func (r Request) check() error {
	if r.Dir == "" {
		return &domain.Error{Code: domain.CodeInvalid, Field: "dir", Message: "no directory given", Remedy: "name one with --dir"}
	}
	if r.Name == "ca" || r.Name != filepath.Base(r.Name) || strings.HasPrefix(r.Name, ".") {
		return &domain.Error{Code: domain.CodeInvalid, Field: "name", Value: r.Name, Message: "not the name of a node's files", Remedy: "use a plain word other than ca, as node1"}
	}
	if r.Days < 1 || r.Days > caYears*365 {
		return &domain.Error{Code: domain.CodeInvalid, Field: "days", Value: strconv.Itoa(r.Days), Message: "not a length of time for a certificate",
			Remedy: "use 1 to " + strconv.Itoa(caYears*365)}
	}
	for _, host := range r.Hosts {
		if net.ParseIP(host) == nil && !isName(host) {
			return &domain.Error{Code: domain.CodeInvalid, Field: "host", Value: host, Message: "neither a host's name nor an address",
				Remedy: "write names and addresses without port, as ledger.example,10.0.0.5"}
		}
	}
	return nil
}

// isName reports whether a host may stand in a certificate.
func isName(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	for _, label := range strings.Split(strings.TrimPrefix(host, "*."), ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}) {
			return false
		}
	}
	return true
}

func (r Request) hosts() []string {
	hosts := slices.Clone(r.Hosts)
	for _, host := range always {
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// authorityIn returns the authority of a directory, and makes it where there is none.
func authorityIn(dir string, now time.Time) (ca tls.Certificate, made bool, err error) {
	certFile, keyFile := filepath.Join(dir, CAFile), filepath.Join(dir, caKey)
	if !exists(certFile) && !exists(keyFile) {
		template := &x509.Certificate{
			Subject: pkix.Name{CommonName: "Jeongsan event store authority " + now.UTC().Format(time.DateOnly)}, NotAfter: now.AddDate(caYears, 0, 1),
			IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
		if err := sign(template, nil, nil, certFile, keyFile, now); err != nil {
			return ca, false, err
		}
		made = true
	}
	ca, err = tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && !ca.Leaf.IsCA {
		err = errors.New("it is no certificate of an authority")
	}
	if err == nil && now.After(ca.Leaf.NotAfter) {
		err = errors.New("it has expired on " + ca.Leaf.NotAfter.Format(time.DateOnly))
	}
	if err != nil {
		return ca, false, &domain.Error{Code: domain.CodeConflict, Field: "authority", Value: certFile, Message: "cannot be used with " + caKey, Err: err,
			Remedy: "restore both files, or make a new authority in another directory; clients must then trust that"}
	}
	return ca, made, nil
}

// sign makes a key and a certificate for it, and writes both. Without a parent the
// certificate signs itself.
func sign(template, parent *x509.Certificate, parentKey crypto.PrivateKey, certFile, keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return err
	}
	template.NotBefore = now.Add(-skew)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a node that reads between the two finds that they do not belong
	// together, keeps what it has, and looks again.
	if err := write(keyFile, "PRIVATE KEY", pkcs8, 0o600); err != nil {
		return err
	}
	return write(certFile, "CERTIFICATE", der, 0o644)
}

func write(path, kind string, der []byte, mode fs.FileMode) error {
	if err := renameio.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode, renameio.IgnoreUmask()); err != nil {
		return refused(path, "cannot be written", err)
	}
	return nil
}

func refused(path, what string, err error) error {
	return &domain.Error{Code: domain.CodeUnavailable, Field: "certificate", Value: path, Message: what, Err: err,
		Remedy: "check the directory's permissions and the space left on its disk"}
}

// exists reports whether there is anything at a path; what cannot be looked at does.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
