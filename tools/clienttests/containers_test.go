// Package esdb_test takes the place of the container helper among the tests of the
// official client: it starts the embedded node as a process where the original
// starts EventStoreDB in Docker. tools/client-tests.sh lays it over the original,
// whose other files are compiled as they are.
//
// EVENTSTORE_INSECURE selects plaintext (the default) or TLS, as in the original;
// certificates lie in ../certs. JEONGSAN names the binary to start, and
// JEONGSAN_NODES a folder that holds a file for each running node, named by its
// process: a test that panics leaves its nodes to the script.
package esdb_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

const (
	// patience bounds everything that the helper itself waits for.
	patience = time.Minute
	// populatedStream and populatedEvents are what the tests expect of the data set
	// "populated" where they only count events.
	populatedStream = "dataset20M-0"
	populatedEvents = 6_000
	populatedBatch  = 500
)

// names gives names of streams, groups and projections. Unlike the original's they
// never repeat.
type names struct{}

func (names) Generate() string { return "name-" + uuid.NewString() }

// NAME_GENERATOR is used under this name by the tests.
var NAME_GENERATOR names

// Container is a running node.
type Container struct {
	// Endpoint is where clients reach it, as localhost:port.
	Endpoint string

	t       *testing.T
	process *exec.Cmd
	said    *os.File
	running string // the file that stands for the process
	closed  bool
}

// GetEnvOrDefault returns an environment variable.
func GetEnvOrDefault(key, defaultValue string) string {
	if value, ok := os.LookupEnv(key); ok {
		return value
	}
	return defaultValue
}

// IsESDBVersion20 tells tests of the persistent subscriptions to leave things out.
func IsESDBVersion20() bool { return false }

func insecure() bool { return GetEnvOrDefault("EVENTSTORE_INSECURE", "true") == "true" }

// CreateEmptyDatabase starts a node on an empty log.
func CreateEmptyDatabase(t *testing.T) (*Container, *esdb.Client) {
	t.Helper()
	container := start(t)
	client := GetClient(t, container)
	WaitForAdminToBeAvailable(t, client)
	return container, client
}

// CreatePopulatedDatabase starts a node and appends as many events as some tests
// expect to count. The published data set itself is not to be had here: tests that
// compare events with it are left out.
func CreatePopulatedDatabase(t *testing.T) (*Container, *esdb.Client) {
	t.Helper()
	container, client := CreateEmptyDatabase(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var expected esdb.ExpectedRevision = esdb.NoStream{}
	for written := 0; written < populatedEvents; written += populatedBatch { // the client is of Go 1.21
		batch := make([]esdb.EventData, populatedBatch)
		for i := range batch {
			batch[i] = createTestEvent()
		}
		result, err := client.AppendToStream(ctx, populatedStream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, batch...)
		if err != nil {
			t.Fatalf("append to %s: %v", populatedStream, err)
		}
		expected = esdb.Revision(result.NextExpectedVersion)
	}
	return container, client
}

// GetClient connects to the node as its administrator.
func GetClient(t *testing.T, container *Container) *esdb.Client {
	t.Helper()
	if insecure() {
		return CreateClient(fmt.Sprintf("esdb://%s?tls=false", container.Endpoint), t)
	}
	return CreateClient(fmt.Sprintf("esdb://admin:changeit@%s?tlsverifycert=false&tls=true", container.Endpoint), t)
}

// CreateClient connects with a connection string.
func CreateClient(connection string, t *testing.T) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(connection)
	if err != nil {
		t.Fatalf("connection string: %v", err)
	}
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatalf("client: %v", err)
	}
	return client
}

// WaitForAdminToBeAvailable reads one event of $users. The original tries again
// until it is there; the node has written it before it listens, so that once must do.
func WaitForAdminToBeAvailable(t *testing.T, db *esdb.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := db.ReadStream(ctx, "$users", esdb.ReadStreamOptions{}, 1)
	if err != nil {
		t.Fatalf("read $users: %v", err)
	}
	defer stream.Close()
	if _, err := stream.Recv(); err != nil {
		t.Fatalf("read $users: %v", err)
	}
}

// start runs a node until Close, or until the end of the test if that fails before.
func start(t *testing.T) *Container {
	t.Helper()
	binary, ok := os.LookupEnv("JEONGSAN")
	if !ok {
		t.Fatal("JEONGSAN does not name the binary to test")
	}
	dir := t.TempDir()
	args := []string{"node", "--data", dir + "/log", "--listen", "127.0.0.1:0"}
	if !insecure() {
		args = append(args, "--tls-cert", "../certs/node/node.crt", "--tls-key", "../certs/node/node.key")
	}
	said, err := os.Create(dir + "/said")
	if err != nil {
		t.Fatal(err)
	}
	container := &Container{t: t, process: exec.Command(binary, args...), said: said}
	container.process.Stderr = said
	stdout, err := container.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := container.process.Start(); err != nil {
		t.Fatalf("start the node: %v", err)
	}
	container.running = filepath.Join(os.Getenv("JEONGSAN_NODES"), strconv.Itoa(container.process.Process.Pid))
	t.Cleanup(container.Close)
	if err := os.WriteFile(container.running, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	// The first line is the connection string. Without one the node has ended.
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the node did not start: %v", err)
	}
	address, err := url.Parse(strings.TrimSpace(line))
	if err != nil || address.Port() == "" {
		t.Fatalf("the node printed %q, which is no connection string", line)
	}
	container.Endpoint = "localhost:" + address.Port()
	container.health()
	return container
}

// health asks /health/live once: the node prints its address when it is ready.
func (c *Container) health() {
	scheme := "https"
	if insecure() {
		scheme = "http"
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // as the original: TLSTests look at certificates
	}}
	answer, err := client.Get(scheme + "://" + c.Endpoint + "/health/live")
	if err != nil {
		c.t.Fatalf("health: %v", err)
	}
	if err := answer.Body.Close(); err != nil {
		c.t.Errorf("health: %v", err)
	}
	if answer.StatusCode != http.StatusNoContent {
		c.t.Fatalf("health: status %d", answer.StatusCode)
	}
}

// Close stops the node, which must end by itself and without an error. What it
// logged is shown where the test has failed.
func (c *Container) Close() {
	if c.closed {
		return
	}
	c.closed = true
	if err := c.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Errorf("stop the node: %v", err)
	}
	kill := time.AfterFunc(patience, func() {
		if err := c.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			c.t.Errorf("kill the node: %v", err)
		}
	})
	defer kill.Stop()
	if err := c.process.Wait(); err != nil {
		c.t.Errorf("the node ended with: %v", err)
	}
	if err := os.Remove(c.running); err != nil {
		c.t.Errorf("note of the node: %v", err)
	}
	if err := c.said.Close(); err != nil {
		c.t.Errorf("log of the node: %v", err)
	}
	if !c.t.Failed() {
		return
	}
	text, err := os.ReadFile(c.said.Name())
	if err != nil {
		c.t.Errorf("log of the node: %v", err)
	}
	c.t.Logf("log of the node:\n%s", text)
}
