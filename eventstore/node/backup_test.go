package node

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
)

// page asks a node for one of its pages. The body is closed at the end of the test.
func page(t testing.TB, n *Node, path string) (code int, body io.Reader) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.Addr()+path, nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, response.Body.Close()) })
	return response.StatusCode, response.Body
}

// backupOf takes a backup of a running node.
func backupOf(t testing.TB, n *Node) []byte {
	t.Helper()
	code, body := page(t, n, "/backup")
	require.Equal(t, http.StatusOK, code)
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	return content
}

// wholeLog reads the whole log, system streams included.
func wholeLog(t testing.TB, n *Node) []seen {
	t.Helper()
	all, ending, err := plainClient{rawClient(t, n)}.read(t.Context(), reach{from: whence{start: true}, count: 1 << 40})
	require.NoError(t, err)
	require.Equal(t, done, ending)
	return all
}

// TestBackupUnderLoad takes backups while many append: each holds, whole and
// sound, a beginning of the log with all that was acknowledged before.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	n := openNode(t, filepath.Join(dir, "log"), defaultTuning())
	client := plainClient{rawClient(t, n)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := make(map[string]int64)
	appends := make(chan struct{}, 1)
	for writer := range 4 {
		wg.Go(func() {
			stream := fmt.Sprint("book-", writer)
			for last := int64(-1); ; last += 20 {
				answer, err := client.append(ctx, stream, last, proposals(20, 900)...)
				if err != nil {
					return
				}
				mu.Lock()
				acknowledged[stream] = answer.revision
				mu.Unlock()
				select {
				case appends <- struct{}{}:
				default:
				}
			}
		})
	}
	var backups [][]byte
	var least []map[string]int64
	for range 4 {
		for range 40 {
			<-appends
		}
		mu.Lock()
		known := make(map[string]int64)
		for stream, revision := range acknowledged {
			known[stream] = revision
		}
		mu.Unlock()
		backups, least = append(backups, backupOf(t, n)), append(least, known)
	}
	cancel()
	wg.Wait()
	all := wholeLog(t, n)
	left, err := filepath.Glob(filepath.Join(dir, "log", checkpointPrefix+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
	for i, backup := range backups {
		manifest, err := VerifyBackup(bytes.NewReader(backup))
		require.NoError(t, err)
		restored := filepath.Join(dir, fmt.Sprint("restored-", i))
		again, err := ExtractBackup(bytes.NewReader(backup), restored)
		require.NoError(t, err)
		require.Equal(t, manifest, again)
		report, err := Check(t.Context(), restored, nil, silent)
		require.NoError(t, err)
		require.Empty(t, report.Faults)
		require.GreaterOrEqual(t, report.End, manifest.End)
		copied := openNode(t, restored, defaultTuning())
		events := wholeLog(t, copied)
		require.Equal(t, all[:len(events)], events)
		last := make(map[string]int64)
		for _, event := range events {
			last[event.stream] = event.revision
		}
		for stream, revision := range least[i] {
			require.GreaterOrEqual(t, last[stream], revision, "acknowledged before the backup was begun")
		}
		// It is a log to go on with.
		answer, err := plainClient{rawClient(t, copied)}.append(t.Context(), "book-0", last["book-0"], proposals(1, 10)...)
		require.NoError(t, err)
		require.Equal(t, done, answer.ending)
		require.NoError(t, copied.Close())
	}
}

func TestBackupOfAStoppedNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	_, err := os.Stat(dir)
	require.Error(t, err)
	var backup bytes.Buffer
	err = Backup(t.Context(), dir, &backup, nil, silent)
	require.Equal(t, domain.CodeNotFound, domain.CodeOf(err), "%v", err)
	n := openNode(t, dir, defaultTuning())
	writeEverything(t, n)
	want := wholeLog(t, n)
	err = Backup(t.Context(), dir, &backup, nil, silent)
	require.Equal(t, domain.CodeConflict, domain.CodeOf(err), "%v", err)
	require.NoError(t, n.Close())

	// What a process left that was killed during a backup is gone after a start.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, checkpointPrefix+"left"), 0o700))
	var told int64
	require.NoError(t, Backup(t.Context(), dir, &backup, func(bytes int64) { told = bytes }, silent))
	require.NoDirExists(t, filepath.Join(dir, checkpointPrefix+"left"))
	manifest, err := VerifyBackup(bytes.NewReader(backup.Bytes()))
	require.NoError(t, err)
	require.Equal(t, told, manifest.Bytes())
	restored := filepath.Join(t.TempDir(), "restored")
	_, err = ExtractBackup(&backup, restored)
	require.NoError(t, err)
	require.Equal(t, want, wholeLog(t, openNode(t, restored, defaultTuning())))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Backup(ctx, dir, io.Discard, nil, silent), context.Canceled)
}

// TestBrokenBackupsAreRefused cuts, changes and pads a backup: whatever is wrong,
// it is refused, and nothing is left of what was unpacked.
func TestBrokenBackupsAreRefused(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	writeEverything(t, n)
	whole := backupOf(t, n)
	require.NoError(t, n.Close())
	entries := func() (headers []*tar.Header, contents [][]byte) {
		archive := tar.NewReader(bytes.NewReader(whole))
		for {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				return headers, contents
			}
			require.NoError(t, err)
			content, err := io.ReadAll(archive)
			require.NoError(t, err)
			headers, contents = append(headers, header), append(contents, content)
		}
	}
	write := func(change func(headers []*tar.Header, contents [][]byte) ([]*tar.Header, [][]byte)) []byte {
		headers, contents := change(entries())
		var b bytes.Buffer
		archive := tar.NewWriter(&b)
		for i := range headers {
			headers[i].Size = int64(len(contents[i]))
			require.NoError(t, archive.WriteHeader(headers[i]))
			_, err := archive.Write(contents[i])
			require.NoError(t, err)
		}
		require.NoError(t, archive.Close())
		return b.Bytes()
	}
	same := func(headers []*tar.Header, contents [][]byte) ([]*tar.Header, [][]byte) { return headers, contents }
	_, err := VerifyBackup(bytes.NewReader(write(same)))
	require.NoError(t, err, "the test itself breaks nothing")
	for name, broken := range map[string][]byte{
		"empty":     nil,
		"no backup": []byte(strings.Repeat("jeongsan", 200)),
		"cut off":   whole[:len(whole)/2],
		"cut off before the manifest": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			return h[:len(h)-1], c[:len(c)-1]
		}),
		"a file is missing": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) { return h[1:], c[1:] }),
		"a file too many": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			more := *h[0]
			more.Name = "more"
			return append([]*tar.Header{&more}, h...), append([][]byte{c[0]}, c...)
		}),
		"a byte changed": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			c[0][len(c[0])/2] ^= 1
			return h, c
		}),
		"another name": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			h[0].Name = "000099.log"
			return h, c
		}),
		"a name that leads away": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			h[0].Name = "../" + h[0].Name
			return h, c
		}),
		"a hidden name": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			h[0].Name = "..."
			return h, c
		}),
		"a newer format": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			var m BackupManifest
			require.NoError(t, json.Unmarshal(c[len(c)-1], &m))
			m.Format++
			var err error
			c[len(c)-1], err = json.Marshal(m)
			require.NoError(t, err)
			return h, c
		}),
		"a manifest that is none": write(func(h []*tar.Header, c [][]byte) ([]*tar.Header, [][]byte) {
			c[len(c)-1] = []byte("{")
			return h, c
		}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyBackup(bytes.NewReader(broken))
			require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), "%v", err)
			dir := filepath.Join(t.TempDir(), "restored")
			_, err = ExtractBackup(bytes.NewReader(broken), dir)
			require.Equal(t, domain.CodeInvalid, domain.CodeOf(err), "%v", err)
			require.NoDirExists(t, dir)
		})
	}
	_, err = VerifyBackup(io.MultiReader(bytes.NewReader(whole[:2000]), failingReader{}))
	require.ErrorIs(t, err, errDisk)
	existing := t.TempDir()
	_, err = ExtractBackup(bytes.NewReader(whole), existing)
	require.Equal(t, domain.CodeUnavailable, domain.CodeOf(err), "%v", err)
	require.DirExists(t, existing, "what was there is left alone")
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errDisk }

// TestCloseDoesNotWaitForABackup: somebody takes a backup and stops reading.
func TestCloseDoesNotWaitForABackup(t *testing.T) {
	n := openNode(t, t.TempDir(), defaultTuning())
	client := plainClient{rawClient(t, n)}
	for i := range 40 { // more than the buffers of the network hold
		_, err := client.append(t.Context(), fmt.Sprint("book-", i), -1, proposal{id: proposals(1, 0)[0].id, kind: "Tested.v1", data: string(randomBytes(1 << 20 * 9 / 10))})
		require.NoError(t, err)
	}
	code, body := page(t, n, "/backup")
	require.Equal(t, http.StatusOK, code)
	code, _ = page(t, n, "/backup")
	require.Equal(t, http.StatusConflict, code, "one at a time")
	require.NoError(t, n.Close())
	_, err := VerifyBackup(body)
	require.Error(t, err, "the receiver notices")
}

// TestStatsAndMetrics compares the figures with what was done.
func TestStatsAndMetrics(t *testing.T) {
	files := vfs.NewMem()
	figures := func(n *Node) (stats Stats) {
		t.Helper()
		code, body := page(t, n, "/stats")
		require.Equal(t, http.StatusOK, code)
		require.NoError(t, json.NewDecoder(body).Decode(&stats))
		return stats
	}
	n := openNode(t, "log", inMemory(files))
	begun := figures(n).Log
	require.EqualValues(t, len(wholeLog(t, n)), begun.Events)
	read := figures(n).Running.EventsRead
	writeEverything(t, n)
	all := wholeLog(t, n)
	streams := make(map[string]bool)
	for _, event := range all {
		if event.revision == 0 {
			streams[event.stream] = true
		}
	}
	first := figures(n)
	require.EqualValues(t, len(all), first.Log.Events)
	require.EqualValues(t, len(streams), first.Log.Streams)
	require.Equal(t, all[len(all)-1].position, first.Log.End)
	require.EqualValues(t, len(all), first.Running.EventsRead-read)
	require.EqualValues(t, len(all), first.Running.Events+begun.Events)
	require.Positive(t, first.Running.Append.P50)
	require.GreaterOrEqual(t, first.Running.Append.P99, first.Running.Append.P50)
	require.GreaterOrEqual(t, first.Running.Append.Count, first.Running.Flush.Count)
	require.Empty(t, first.Running.Subscriptions)
	require.NotEmpty(t, first.Storage)
	require.NoError(t, n.Close())

	// The same after a restart, and with one more append.
	registry := prometheus.NewRegistry()
	n, err := open(Config{Dir: "log", Logger: silent, Registerer: registry, Gatherer: registry}, inMemory(files))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	client := plainClient{rawClient(t, n)}
	_, err = client.append(t.Context(), "another", expectNothing, proposals(3, 10)...)
	require.NoError(t, err)
	second := figures(n)
	require.Equal(t, first.Log.Events+3, second.Log.Events)
	require.Equal(t, first.Log.Streams+1, second.Log.Streams)
	require.EqualValues(t, 3, second.Running.Events)

	follow(t, rawClient(t, n), readOptions(subscription), 2)
	for {
		stats := figures(n)
		require.Len(t, stats.Running.Subscriptions, 1)
		require.Equal(t, "all", stats.Running.Subscriptions[0].Kind)
		if stats.Running.Subscriptions[0].LagBytes == 0 {
			break // it is at the end
		}
	}
	_, body := page(t, n, "/metrics")
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	for _, want := range []string{
		"jeongsan_node_appends_total 1\n", "jeongsan_node_events_total 3\n", "jeongsan_node_streams_begun_total 1\n",
		"jeongsan_node_append_seconds_count 1\n", "jeongsan_node_flush_seconds_count 1\n", "jeongsan_node_group_appends_count 1\n",
		`jeongsan_node_subscriptions{kind="all"} 1`, `jeongsan_node_subscription_lag_bytes{kind="all"} 0`,
		fmt.Sprintf("jeongsan_node_position %d\n", second.Log.End), `jeongsan_node_disk_bytes{part="total"}`, "jeongsan_node_read_events_total",
	} {
		require.Contains(t, string(content), want)
	}
}

// TestPagesOfOperators: with TLS the pages are for operators, health is for all.
func TestPagesOfOperators(t *testing.T) {
	n := openSecured(t)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: n.pool}}}
	for _, test := range []struct {
		path, user, password string
		want                 int
	}{
		{"/stats", "", "", http.StatusUnauthorized},
		{"/stats", "ops", "wrong", http.StatusUnauthorized},
		{"/stats", "kim", "kim!", http.StatusForbidden},
		{"/stats", "ops", "ops!", http.StatusOK},
		{"/stats", "admin", "admin!", http.StatusOK},
		{"/backup", "", "", http.StatusUnauthorized},
		{"/backup", "kim", "kim!", http.StatusForbidden},
		{"/backup", "ops", "ops!", http.StatusForbidden},
		{"/backup", "admin", "admin!", http.StatusOK},
		{"/health/live", "", "", http.StatusNoContent},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+n.Addr()+test.path, nil)
		require.NoError(t, err)
		if test.user != "" {
			request.SetBasicAuth(test.user, test.password)
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, test.want, response.StatusCode, "%s as %q", test.path, test.user)
		if test.want >= http.StatusBadRequest {
			require.Less(t, len(content), 200, "nothing but a refusal")
		}
	}
}

func TestNoMetricsPageWithoutAGatherer(t *testing.T) {
	n := openNode(t, "log", inMemory(vfs.NewMem()))
	code, _ := page(t, n, "/metrics")
	require.Equal(t, http.StatusNotFound, code)
}

func TestQuantile(t *testing.T) {
	buckets := []bucket{{1, 50}, {2, 90}, {4, 100}}
	require.InDelta(t, 1, quantile(buckets, 100, 0.5), 1e-9)
	require.InDelta(t, 2, quantile(buckets, 100, 0.9), 1e-9)
	require.InDelta(t, 3.8, quantile(buckets, 100, 0.99), 1e-9)
	require.InDelta(t, 4, quantile(buckets, 200, 0.99), 1e-9, "beyond the last bucket")
	require.Zero(t, quantile(nil, 0, 0.5))
}
