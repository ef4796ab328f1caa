package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// graphFault is an error of a GraphQL answer, or one on the way to it.
type graphFault struct {
	Message    string
	Extensions struct{ Code string }
}

// settleMutation settles one sale in the book of testdata/terms.yaml.
const settleMutation = `mutation ($id: String!, $amount: Decimal!) { settle(input: { source: "api", externalId: $id, book: "shop", type: "sale", currency: "USD",
	amount: $amount, occurredAt: "2026-03-01T00:00:00Z", parties: [{ role: "maker", party: "maker" }] }) { outcome position transaction { revision } userErrors { code message } } }`

// acknowledged is a success that a caller was given.
type acknowledged struct {
	Outcome  string
	Position string
	Revision uint64
}

// load sends settlements over GraphQL from many callers, at a rate, each with a key
// of its own. What has failed without a verdict is sent again with the same key
// where again is set.
type load struct {
	url    string
	again  bool
	client *http.Client
	tokens chan struct{} // one for each settlement to begin
	stop   chan struct{} // no settlement begins after it is closed
	work   sync.WaitGroup
	next   atomic.Int64
	done   atomic.Int64

	mu     sync.Mutex
	acked  map[string]acknowledged
	faults map[string]int // by code and message
}

// amountOf is that of the n-th settlement, in cents.
func amountOf(n int64) int64 { return 100 + n%900 }

// startLoad begins; finish ends it.
func startLoad(ctx context.Context, url string, callers, perSecond int, again bool) *load {
	l := &load{
		url: url, again: again, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}, Timeout: time.Minute},
		tokens: make(chan struct{}, perSecond/50), stop: make(chan struct{}), acked: map[string]acknowledged{}, faults: map[string]int{},
	}
	l.work.Go(func() {
		tick := time.NewTicker(time.Second / 100)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				for range perSecond / 100 {
					select {
					case l.tokens <- struct{}{}:
					default: // the callers do not keep up
					}
				}
			case <-l.stop:
				return
			}
		}
	})
	for range callers {
		l.work.Go(func() {
			for {
				select {
				case <-l.tokens:
					l.settle(ctx, l.next.Add(1)-1)
				case <-l.stop:
					return
				}
			}
		})
	}
	return l
}

// finish lets what has begun end and stops.
func (l *load) finish() {
	close(l.stop)
	l.work.Wait()
	l.client.CloseIdleConnections()
}

// settle sends one settlement until it has a verdict, or once.
func (l *load) settle(ctx context.Context, n int64) {
	id := fmt.Sprintf("L%07d", n)
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		answer, fault := l.send(ctx, id, amountOf(n))
		l.mu.Lock()
		if fault == nil {
			l.acked[id] = answer
		} else {
			l.faults[fault.Extensions.Code+": "+fault.Message]++
		}
		l.mu.Unlock()
		if fault == nil || !l.again {
			l.done.Add(1)
			return
		}
		switch fault.Extensions.Code {
		case "unavailable", "outcome_unknown", "connection":
		default:
			return // a verdict, and a wrong one: the test sees it in faults
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// send sends one settlement once. What fails on the way has the code "connection".
func (l *load) send(ctx context.Context, id string, cents int64) (acknowledged, *graphFault) {
	broken := func(err error) *graphFault {
		f := &graphFault{Message: err.Error()}
		f.Extensions.Code = "connection"
		return f
	}
	body, err := json.Marshal(map[string]any{"query": settleMutation, "variables": map[string]string{"id": id, "amount": fmt.Sprintf("%d.%02d", cents/100, cents%100)}})
	if err != nil {
		return acknowledged{}, broken(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return acknowledged{}, broken(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := l.client.Do(request)
	if err != nil {
		return acknowledged{}, broken(err)
	}
	var answer struct {
		Data struct {
			Settle *struct {
				Outcome     string
				Position    string
				Transaction *struct{ Revision uint64 }
				UserErrors  []struct{ Code, Message string }
			}
		}
		Errors []graphFault
	}
	decodeErr := json.NewDecoder(response.Body).Decode(&answer)
	if err := response.Body.Close(); err != nil || decodeErr != nil {
		return acknowledged{}, broken(fmt.Errorf("answer %s: %w", response.Status, decodeErr))
	}
	settled := answer.Data.Settle
	switch {
	case settled != nil && settled.Transaction != nil && len(settled.UserErrors) == 0:
		return acknowledged{settled.Outcome, settled.Position, settled.Transaction.Revision}, nil
	case settled != nil && len(settled.UserErrors) > 0:
		f := &graphFault{Message: settled.UserErrors[0].Message}
		f.Extensions.Code = "user:" + settled.UserErrors[0].Code
		return acknowledged{}, f
	case len(answer.Errors) > 0:
		return acknowledged{}, &answer.Errors[0]
	}
	return acknowledged{}, broken(fmt.Errorf("an empty answer: %s", response.Status))
}

// reach waits until so many settlements have been answered.
func (l *load) reach(ctx context.Context, t *testing.T, n int64) {
	t.Helper()
	every(ctx, t, 5*time.Millisecond, func() bool { return l.done.Load() >= n }, fmt.Sprintf("%d settlements; faults: %v", n, l.noted()))
}

// noted is what has failed so far, by code and message.
func (l *load) noted() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	noted := make(map[string]int, len(l.faults))
	for fault, n := range l.faults {
		noted[fault] = n
	}
	return noted
}

// total is the sum of the makers' parts of what was acknowledged, 60 % each rounded
// half up, in cents.
func (l *load) total() (cents int64) {
	for id := range l.acked {
		var n int64
		if _, err := fmt.Sscanf(id, "L%d", &n); err == nil {
			cents += (amountOf(n)*60 + 50) / 100
		}
	}
	return cents
}
