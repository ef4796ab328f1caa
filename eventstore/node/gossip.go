package node

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
)

// gossiper tells clients that look for a cluster that there is one node, this one,
// and that it leads.
type gossiper struct {
	gossip.UnimplementedGossipServer
	instance uuid.UUID // of this run of the node
	addr     net.Addr
}

// Read answers with the address by which the caller has reached the node: clients
// connect anew to any other, and only they know the way to it.
func (g *gossiper) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	endpoint := g.endpoint(ctx)
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   &shared.UUID{Value: &shared.UUID_String_{String_: g.instance.String()}},
		TimeStamp:    ticks(time.Now()),
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: endpoint,
	}}}, nil
}

func (g *gossiper) endpoint(ctx context.Context) *gossip.EndPoint {
	for _, authority := range metadata.ValueFromIncomingContext(ctx, ":authority") {
		if host, port, ok := splitPort(authority); ok {
			return &gossip.EndPoint{Address: host, Port: port}
		}
	}
	host, port, _ := splitPort(g.addr.String())
	return &gossip.EndPoint{Address: host, Port: port}
}

func splitPort(address string) (host string, port uint32, ok bool) {
	host, text, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return "", 0, false
	}
	n, err := strconv.ParseUint(text, 10, 16)
	return host, uint32(n), err == nil && n > 0
}
