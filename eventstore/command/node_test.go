package command

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/domain/party"
	"github.com/jeongsan/jeongsan/eventstore"
	"github.com/jeongsan/jeongsan/eventstore/esdb"
	"github.com/jeongsan/jeongsan/eventstore/memory"
	"github.com/jeongsan/jeongsan/eventstore/node"
)

// nodeRig has a log in an embedded node, reached through the official client.
func nodeRig(t testing.TB) (*rig, *node.Node) {
	t.Helper()
	n, err := node.Open(node.Config{Dir: t.TempDir(), Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	store, err := esdb.Open(context.Background(), n.ConnectionString(), quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return newRig(t, store), n
}

// TestOverTheNode is the whole cycle over the real store: reference data, groups,
// another process, restart, rebuild.
func TestOverTheNode(t *testing.T) {
	r, _ := nodeRig(t)
	dir := t.TempDir()
	here, there := r.open(dir), r.open("")
	refused(t, domain.CodeMissingContract, do(here, sale("A"))...)
	seed(t, there)
	applied(t, do(here, sale("A"))...)
	foreign := sale("F")
	foreign.Transaction.Parties = map[string]string{"provider": "new"}
	refused(t, domain.CodeUnknownParty, do(here, foreign)...)
	applied(t, do(there, party.RegisterParty{Party: "new", Kind: party.Provider})...)
	applied(t, do(here, foreign)...)

	first, second := mixture(300)
	applied(t, do(here, first...)...)
	applied(t, do(there, second...)...)
	replayed(t, do(here, second...)...)
	applied(t, do(here, quarantined(1), quarantined(2))...)
	replayed(t, do(there, quarantined(2))...)
	hash := r.fold().Hash()
	require.Equal(t, hash[:], r.header(here).Hash)
	here = r.open(dir)
	replayed(t, do(here, append(first, second...)...)...)
	r.once(append(append(ids(first), ids(second)...), "A", "F")...)
}

// BenchmarkDo settles transactions of five postings: callers × commands per call.
func BenchmarkDo(b *testing.B) {
	for _, log := range []string{"memory", "node"} {
		for _, shape := range []struct{ callers, commands int }{{1, 1}, {64, 1}, {1, 500}, {2, 2000}} {
			b.Run(fmt.Sprintf("%s/%dx%d", log, shape.callers, shape.commands), func(b *testing.B) {
				var r *rig
				if log == "node" {
					r, _ = nodeRig(b)
				} else {
					r = newRig(b, memory.New())
				}
				l := r.open("")
				seed(b, l)
				var serial atomic.Int64
				start := time.Now()
				b.SetParallelism((shape.callers + 1) / 2)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						requests := make([]Request, shape.commands)
						for i := range requests {
							c := sale(fmt.Sprintf("T-%09d", serial.Add(1)))
							c.Transaction.OccurredAt = noon.Add(time.Duration(serial.Load()) * time.Second)
							requests[i] = Request{Command: c, Meta: eventstore.Meta{Actor: "bench", Authenticated: "none", Delivery: "cd", Offset: 1}}
						}
						for _, reply := range l.Do(b.Context(), requests...) {
							if reply.Err != nil {
								b.Error(reply.Err)
								return
							}
						}
					}
				})
				settled := float64(serial.Load())
				b.ReportMetric(settled/time.Since(start).Seconds(), "settled/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
