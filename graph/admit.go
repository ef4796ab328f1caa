package graph

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/jeongsan/jeongsan/domain"
)

// admission bounds what one client, known by its address, holds open at once. A
// proxy in front of the server is one client.
type admission struct {
	most int // of each kind

	mu   sync.Mutex
	held map[holding]int
}

// holding is one kind of thing that a client holds open.
type holding struct {
	client string
	kind   string
}

// What a client may hold open.
const (
	heldStreams       = "streams"       // WebSocket connections and requests for server-sent events
	heldSubscriptions = "subscriptions" // of which one WebSocket connection may carry many
)

func newAdmission(most int) *admission {
	return &admission{most: most, held: map[holding]int{}}
}

// enter counts one more in; release, which may be called more than once, counts
// it out again.
func (a *admission) enter(client, kind string) (release func(), err error) {
	h := holding{client, kind}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held[h] >= a.most {
		return nil, &domain.Error{
			Code: codeTooMany, Field: kind, Value: client, Message: fmt.Sprintf("this address holds %d %s open, and no more are allowed", a.most, kind),
			Remedy: "end some of them first; one WebSocket connection carries many subscriptions",
		}
	}
	a.held[h]++
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.held[h]--; a.held[h] == 0 {
			delete(a.held, h)
		}
	}), nil
}

type clientKey struct{}

// withClient notes who asks.
func withClient(ctx context.Context, r *http.Request) (context.Context, string) {
	client := r.RemoteAddr
	if host, _, err := net.SplitHostPort(client); err == nil {
		client = host
	}
	return context.WithValue(ctx, clientKey{}, client), client
}

// clientOf is the address that the request of ctx came from.
func clientOf(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}
