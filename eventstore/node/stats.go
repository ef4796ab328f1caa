package node

import (
	"cmp"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
)

// Stats are the figures of a node.
type Stats struct {
	Version string        `json:"version"`
	Log     LogStats      `json:"log"`
	Disk    DiskStats     `json:"disk"`
	Running *RunningStats `json:"running,omitempty"` // nil of a stopped node
	// Storage is what Pebble says of itself, as text.
	Storage string `json:"storage"`
}

// LogStats is what the log holds.
type LogStats struct {
	Events  uint64 `json:"events"`
	Streams uint64 `json:"streams"` // that have had an event
	End     uint64 `json:"end"`     // position of the last event, 0 in an empty log
	Bytes   uint64 `json:"bytes"`   // before compression
}

// DiskStats are bytes on disk.
type DiskStats struct {
	Total          uint64 `json:"total"`
	Tables         uint64 `json:"tables"` // with the blocks that are kept apart from their keys
	WAL            uint64 `json:"wal"`
	CompactionDebt uint64 `json:"compaction_debt"` // what compactions have to move yet
}

// RunningStats are the figures since a node was started.
type RunningStats struct {
	Started       time.Time           `json:"started"`
	UptimeSeconds float64             `json:"uptime_seconds"`
	Appends       uint64              `json:"appends"`
	Events        uint64              `json:"events"`
	Bytes         uint64              `json:"bytes"`
	EventsRead    uint64              `json:"events_read"`
	BytesRead     uint64              `json:"bytes_read"`
	Append        Latency             `json:"append_seconds"` // from an append received whole to its answer
	Flush         Latency             `json:"flush_seconds"`
	Group         float64             `json:"appends_per_flush"`
	Memory        MemoryStats         `json:"memory"`
	FellBehind    uint64              `json:"subscriptions_fell_behind"`
	Subscriptions []SubscriptionStats `json:"subscriptions"` // the slowest first
}

// Latency holds percentiles in seconds, estimated to about a quarter of their
// value; zero where nothing was measured.
type Latency struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
}

// MemoryStats are bytes in memory.
type MemoryStats struct {
	Resident  uint64 `json:"resident,omitempty"` // of the whole process; 0 where the system does not tell
	Heap      uint64 `json:"heap"`               // that Go holds
	Cache     uint64 `json:"cache"`              // of blocks read from disk
	MemTables uint64 `json:"mem_tables"`
	Tail      uint64 `json:"tail"` // the newest blocks
}

// SubscriptionStats is one open subscription.
type SubscriptionStats struct {
	Kind     string    `json:"kind"` // all, filtered or stream
	Stream   string    `json:"stream,omitempty"`
	Since    time.Time `json:"since"`
	Position uint64    `json:"position"`
	LagBytes uint64    `json:"lag_bytes"`
}

// StoppedStats returns the figures of a stopped node's log. Errors are those of Check.
func StoppedStats(dir string, logger *slog.Logger) (_ Stats, err error) {
	s, err := openExisting(dir, options{files: vfs.Default, logger: quiet(logger), tail: 1, readOnly: true})
	if err != nil {
		return Stats{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.stats(nil)
}

// stats returns the figures, of a running node if there are metrics.
func (s *store) stats(m *metrics) (Stats, error) {
	before, streams, err := s.count()
	if err != nil {
		return Stats{}, err
	}
	stats := Stats{
		Version: program(), Disk: s.disk(), Storage: s.db.Metrics().String(),
		Log: LogStats{Events: before, Streams: streams, End: s.tail.end(), Bytes: s.opened},
	}
	if m == nil {
		return stats, nil
	}
	if stats.Running, err = m.running(s); err != nil {
		return Stats{}, err
	}
	stats.Log.Events += stats.Running.Events
	stats.Log.Streams += m.streams.Load()
	stats.Log.Bytes += stats.Running.Bytes
	return stats, nil
}

// totals are what the log held when it was opened. They are counted once, when
// somebody asks: the log itself keeps no counters, so that none can be wrong.
type totals struct {
	mu      sync.Mutex
	counted bool
	events  uint64
	streams uint64 // that have had an event
}

// count returns what the log held at opening. The first call reads the whole index
// of streams.
func (s *store) count() (events, streams uint64, err error) {
	s.totals.mu.Lock()
	defer s.totals.mu.Unlock()
	if s.totals.counted {
		return s.totals.events, s.totals.streams, nil
	}
	iter, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixStream}, UpperBound: []byte{prefixStream + 1}})
	if err != nil {
		return 0, 0, err
	}
	for valid := iter.First(); valid; valid = iter.Next() {
		key, value := iter.Key(), iter.Value()
		if len(key) < 11 || len(value) != 12 || binary.BigEndian.Uint64(value) >= s.opened {
			continue
		}
		events += uint64(binary.BigEndian.Uint32(value[8:]))
		if binary.BigEndian.Uint64(key[len(key)-8:]) == 0 {
			streams++
		}
	}
	if err := iter.Close(); err != nil {
		return 0, 0, err
	}
	s.totals.events, s.totals.streams, s.totals.counted = events, streams, true
	return events, streams, nil
}

func (s *store) disk() DiskStats {
	m := s.db.Metrics()
	return DiskStats{
		Total:          m.DiskSpaceUsage() + m.BlobFiles.LiveSize + m.BlobFiles.ObsoleteSize + m.BlobFiles.ZombieSize,
		Tables:         m.Table.Local.LiveSize + m.BlobFiles.LiveSize,
		WAL:            max(m.WAL.Size, m.WAL.PhysicalSize),
		CompactionDebt: m.Compact.EstimatedDebt,
	}
}

func (s *store) memory() MemoryStats {
	m := s.db.Metrics()
	return MemoryStats{
		Cache: uint64(max(m.BlockCache.Size, 0)), MemTables: m.MemTable.Size + m.MemTable.ZombieSize,
		Tail: uint64(s.tail.size()),
	}
}

// running gathers what was counted since the start.
func (m *metrics) running(s *store) (*RunningStats, error) {
	registry := prometheus.NewRegistry()
	for _, collector := range m.collectors() {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	counts, latencies, means := make(map[string]uint64), make(map[string]Latency), make(map[string]float64)
	for _, family := range families {
		name, first := family.GetName(), family.GetMetric()[0]
		counts[name] = uint64(first.GetCounter().GetValue())
		if h := first.GetHistogram(); h.GetSampleCount() > 0 {
			var buckets []bucket
			for _, b := range h.GetBucket() {
				buckets = append(buckets, bucket{b.GetUpperBound(), b.GetCumulativeCount()})
			}
			total := h.GetSampleCount()
			latencies[name] = Latency{Count: total, P50: quantile(buckets, total, 0.5), P90: quantile(buckets, total, 0.9), P99: quantile(buckets, total, 0.99)}
			means[name] = h.GetSampleSum() / float64(total)
		}
	}
	name := func(short string) string { return prometheus.BuildFQName(namespace, subsystem, short) }
	memory := s.memory()
	memory.Resident = resident()
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	memory.Heap = heap.HeapSys - heap.HeapReleased
	return &RunningStats{
		Started: m.started.UTC(), UptimeSeconds: time.Since(m.started).Seconds(),
		Appends: counts[name("appends_total")], Events: counts[name("events_total")], Bytes: counts[name("bytes_total")],
		EventsRead: m.readCount.Load(), BytesRead: m.readBytes.Load(),
		Append: latencies[name("append_seconds")], Flush: latencies[name("flush_seconds")], Group: means[name("group_appends")],
		Memory: memory, FellBehind: counts[name("subscriptions_fell_behind_total")], Subscriptions: m.subscriptions(s.tail.end()),
	}, nil
}

func (m *metrics) subscriptions(end uint64) []SubscriptionStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]SubscriptionStats, 0, len(m.open))
	for s := range m.open {
		list = append(list, SubscriptionStats{
			Kind: string(s.kind), Stream: s.stream, Since: s.since.UTC(), Position: s.position.Load(), LagBytes: s.lag(end),
		})
	}
	slices.SortFunc(list, func(a, b SubscriptionStats) int {
		return cmp.Or(cmp.Compare(b.LagBytes, a.LagBytes), a.Since.Compare(b.Since))
	})
	return list
}

// bucket is one of a histogram: how many values were at most that large.
type bucket struct {
	bound float64
	count uint64
}

// quantile estimates below which value a share of all values lies, within the
// bucket by proportion; beyond the last bucket it is its bound.
func quantile(buckets []bucket, total uint64, share float64) float64 {
	rank, lower, below := share*float64(total), 0.0, uint64(0)
	for _, b := range buckets {
		if float64(b.count) >= rank && b.count > below {
			return lower + (b.bound-lower)*(rank-float64(below))/float64(b.count-below)
		}
		lower, below = b.bound, b.count
	}
	return lower
}

// resident is the memory of the process as the system counts it, where it says so
// in the way of Linux.
func resident() uint64 {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// program is the version of this program, as the build knows it.
func program() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "jeongsan " + info.Main.Version
	}
	return "jeongsan"
}
