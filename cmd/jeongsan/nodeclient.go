package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/internal/datadir"
)

// operator asks a running node of Jeongsan's what only operators may ask, over
// HTTP on the port of its connection string.
type operator struct {
	shown  string // the connection string, fit for messages
	base   string
	user   *url.Userinfo
	client *http.Client
}

// newOperator reads a connection string as the clients of the event store do.
func newOperator(connectionString string) (*operator, error) {
	o := &operator{shown: redactURL(connectionString)}
	bad := func(message, remedy string, err error) (*operator, error) {
		return nil, errors.Join(errUsage, &domain.Error{Code: domain.CodeInvalid, Field: "eventstore", Value: o.shown, Message: message, Remedy: remedy, Err: err})
	}
	u, err := url.Parse(connectionString)
	if err != nil || u.Scheme != "esdb" || u.Hostname() == "" || strings.Contains(u.Host, ",") {
		// The error of url.Parse repeats the password.
		return bad("does not name one node", "write it as esdb://user:password@host:2113; in a cluster of EventStoreDB its own tools make backups", nil)
	}
	o.user = u.User
	port := u.Port()
	if port == "" {
		port = "2113"
	}
	settings := make(map[string]string)
	for name, values := range u.Query() {
		settings[strings.ToLower(name)] = values[len(values)-1]
	}
	scheme, config := "https", &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if strings.EqualFold(settings["tls"], "false") {
		scheme = "http"
	}
	if strings.EqualFold(settings["tlsverifycert"], "false") {
		config.InsecureSkipVerify = true //nolint:gosec // asked for
	}
	if file := settings["tlscafile"]; file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return bad("its tlsCAFile cannot be read", "name the file with the authority of the node", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(content) {
			return bad("its tlsCAFile holds no certificate", "name the file with the authority of the node", nil)
		}
	}
	o.base = scheme + "://" + net.JoinHostPort(u.Hostname(), port)
	o.client = &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableCompression: true}}
	return o, nil
}

// get asks for a page. Whoever gets an answer must close its body.
func (o *operator) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.base+path, nil)
	if err != nil {
		return nil, err
	}
	if o.user != nil {
		password, _ := o.user.Password()
		request.SetBasicAuth(o.user.Username(), password)
	}
	response, err := o.client.Do(request)
	if err != nil {
		return nil, unreachableStore(o.shown, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	return nil, o.refusal(response)
}

func (o *operator) refusal(response *http.Response) error {
	content, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return unreachableStore(o.shown, err)
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &domain.Error{
			Code: domain.CodeInvalid, Field: "eventstore", Value: o.shown, Message: "the node refuses: " + strings.TrimSpace(string(content)),
			Remedy: "name a user in $admins, for figures one in $ops: --eventstore 'esdb://user:password@host:2113?tlsCAFile=…'",
		}
	case http.StatusNotFound:
		return &domain.Error{
			Code: domain.CodeNotFound, Field: "eventstore", Value: o.shown, Message: "this is no event store node of Jeongsan's, or an older one",
			Remedy: "use the tools of that event store",
		}
	}
	var told domain.Error
	if json.Unmarshal(content, &told) == nil && told.Message != "" {
		return &told
	}
	return unreachableStore(o.shown, fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(content))))
}

// runningNode returns the node that --eventstore names, or the one that uses
// --data; nil where the log in --data is that of a stopped node.
func (p *program) runningNode() (*operator, error) {
	if _, err := p.attach(); err != nil {
		return nil, err
	}
	if p.config.EventStore == "" {
		return nil, nil
	}
	return newOperator(p.config.EventStore)
}

// holdNode takes hold of a data directory that has a log.
func (p *program) holdNode(command string) (*datadir.Dir, error) {
	place := filepath.Join(p.config.Data, "node")
	if _, err := os.Stat(place); err != nil {
		return nil, &domain.Error{
			Code: domain.CodeNotFound, Field: "data", Value: p.config.Data, Err: err,
			Message: "the data directory holds no event store", Remedy: "name the directory of a node with --data, or a running node with --eventstore",
		}
	}
	return datadir.Open(p.config.Data, datadir.Options{Command: command})
}
