package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// postgresKilled keeps the private Postgres down, by killing each postmaster that
// the supervisor starts, while settlements come in over GraphQL. None fails for
// that reason; the read models catch up; a subscriber who comes back with its
// cursor gets every settlement and the last balance.
func postgresKilled(t *testing.T, s scale) {
	const callers, perSecond = 64, 1_000
	down := of(s, time.Second, 8*time.Second, time.Minute)
	data := dataDirectory(t)
	server := start(t, "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "warn")
	url := server.server.Server
	succeed(t, "apply", "testdata/terms.yaml", "--server", url)
	ctx, cancel := context.WithCancel(patience(t))
	defer cancel()
	following := follow(ctx, url, "maker")

	l := startLoad(ctx, url, callers, perSecond, false)
	l.reach(ctx, t, 2*perSecond)
	begun, before := time.Now(), l.done.Load()
	probed := probe(ctx, url)
	killed := keepDown(ctx, t, data, down)
	answers := probed()
	t.Logf("queries meanwhile: %v", answers)
	for code := range answers {
		require.Contains(t, []string{"answered", "unavailable"}, code, "what a query may be told while the database is away")
	}
	require.NotZero(t, answers["unavailable"])
	during, took := l.done.Load()-before, time.Since(begun)
	rate := float64(during) / took.Seconds()
	t.Logf("%d postmasters killed in %.0f s; %.0f settlements/s meanwhile", killed, took.Seconds(), rate)
	require.Greater(t, rate, 0.3*perSecond, "settling must not slow down for want of Postgres; it has two cores for everything here")
	l.reach(ctx, t, l.done.Load()+perSecond)
	l.finish()
	require.Empty(t, l.noted(), "no settlement may fail because Postgres is down")
	require.EqualValues(t, l.next.Load(), len(l.acked))

	// Queries come back when Postgres does.
	var balance struct{ Balances []struct{ Amount string } }
	last := lastPosition(ctx, t, url)
	every(ctx, t, 200*time.Millisecond, func() bool {
		return tryQuery(ctx, url, `{ balances(party: "maker", atLeast: "`+last+`") { amount } }`, &balance) == nil
	}, "the read models to catch up")
	want := fmt.Sprintf("%d.%02d", l.total()/100, l.total()%100)
	require.Equal(t, want, balance.Balances[0].Amount)
	every(ctx, t, 20*time.Millisecond, func() bool { return following.balance() == want }, "the subscriber's last balance, "+want)
	followed := following.end()
	require.Len(t, followed, len(l.acked), "the subscriber gets every settlement")
	for id := range l.acked {
		require.Equal(t, 1, followed[id], "%s, as the subscriber got it", id)
	}
	require.Greater(t, following.resumed, 0, "it was cut off and came back")
	t.Logf("%d settlements; the subscriber came back %d times", len(l.acked), following.resumed)

	verifiedBeside := complete(t, "verify", "--data", data)
	require.Contains(t, verifiedBeside, "no difference")
	server.stop()
}

// probe asks for a balance again and again until the function it returns is called,
// which tells how often it was answered, and with which codes it was not.
func probe(ctx context.Context, url string) (stop func() map[string]int) {
	ctx, cancel := context.WithCancel(ctx)
	result := make(chan map[string]int, 1)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		codes := map[string]int{}
		for {
			var fault *queryFault
			err := tryQuery(ctx, url, `{ balances(party: "maker") { amount } }`, &struct{}{})
			switch {
			case ctx.Err() != nil:
				result <- codes
				return
			case err == nil:
				codes["answered"]++
			case errors.As(err, &fault):
				codes[fault.faults[0].Extensions.Code]++
			default:
				codes[err.Error()]++
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() map[string]int {
		cancel()
		return <-result
	}
}

// keepDown kills the postmaster of a data directory, and each that follows it, for
// a time. The one after that lives.
func keepDown(ctx context.Context, t *testing.T, data string, d time.Duration) (killed int) {
	t.Helper()
	over := time.NewTimer(d)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last := 0
	for {
		if pid := postmaster(data); pid > 1 && pid != last {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			last = pid
			killed++
		}
		select {
		case <-tick.C:
		case <-over.C:
			require.Positive(t, killed)
			return killed
		case <-ctx.Done():
			t.Fatal("patience ended")
		}
	}
}

// postmaster is the number of the running Postgres of a data directory, 0 where
// there is none.
func postmaster(data string) int {
	content, err := os.ReadFile(filepath.Join(data, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err == nil && !strings.HasPrefix(string(name), "postgres") {
		return 0 // the number was given to somebody else
	}
	return pid
}

func lastPosition(ctx context.Context, t *testing.T, url string) string {
	t.Helper()
	var at struct{ Log struct{ Position string } }
	require.NoError(t, tryQuery(ctx, url, `{ log { position } }`, &at))
	return at.Log.Position
}

// tryQuery asks and returns what is wrong instead of failing the test.
func tryQuery(ctx context.Context, server, text string, into any) error {
	body, err := json.Marshal(map[string]string{"query": text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []graphFault
	}
	decodeErr := json.NewDecoder(response.Body).Decode(&answer)
	if err := response.Body.Close(); err != nil || decodeErr != nil {
		return fmt.Errorf("%s: %w", response.Status, decodeErr)
	}
	if len(answer.Errors) > 0 {
		return &queryFault{answer.Errors}
	}
	return json.Unmarshal(answer.Data, into)
}

// queryFault is an answer with errors.
type queryFault struct{ faults []graphFault }

func (f *queryFault) Error() string { return fmt.Sprint(f.faults) }

// queryFaults asks what must be answered with errors.
func queryFaults(t *testing.T, server, text string) []graphFault {
	t.Helper()
	var fault *queryFault
	require.ErrorAs(t, tryQuery(patience(t), server, text, &struct{}{}), &fault)
	return fault.faults
}
