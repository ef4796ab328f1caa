package node

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the node does. Everything but what a scrape asks for is safe
// for concurrent use and costs some nanoseconds.
type metrics struct {
	started time.Time

	appends    prometheus.Counter
	events     prometheus.Counter
	bytes      prometheus.Counter
	answer     prometheus.Histogram
	flush      prometheus.Histogram
	group      prometheus.Histogram
	fellBehind prometheus.Counter

	streams   atomic.Uint64 // streams begun
	readCount atomic.Uint64 // events sent to readers and subscribers
	readBytes atomic.Uint64 // their data and metadata

	mu    sync.Mutex
	store *store // nil before it is open and after it was closed
	open  map[*progress]struct{}
}

// subscriptionKind says what a subscription follows.
type subscriptionKind string

const (
	followsAll      subscriptionKind = "all"
	followsFiltered subscriptionKind = "filtered"
	followsStream   subscriptionKind = "stream"
)

var subscriptionKinds = []subscriptionKind{followsAll, followsFiltered, followsStream}

// progress is how far an open subscription is.
type progress struct {
	kind   subscriptionKind
	stream string
	since  time.Time
	// position is up to where the log has been sent or passed over.
	position atomic.Uint64
}

// reached notes how far the subscription is.
func (s *progress) reached(position uint64) { s.position.Store(position) }

// lag is how many bytes of the log lie between the subscription and the end.
func (s *progress) lag(end uint64) uint64 { return end - min(end, s.position.Load()) }

const (
	namespace = "jeongsan"
	subsystem = "node"
)

// durations are buckets from 0.1 ms to about a minute.
func durations() []float64 { return prometheus.ExponentialBuckets(0.0001, 1.6, 29) }

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets})
	}
	return &metrics{
		started:    time.Now(),
		appends:    counter("appends_total", "Appends written to the log."),
		events:     counter("events_total", "Events written to the log."),
		bytes:      counter("bytes_total", "Bytes written to the log, before compression."),
		answer:     histogram("append_seconds", "Time from an append that was received whole to its answer, refusals included.", durations()),
		flush:      histogram("flush_seconds", "Time from writing a group of appends until it was on disk.", durations()),
		group:      histogram("group_appends", "Appends that shared one flush.", prometheus.ExponentialBuckets(1, 2, 11)),
		fellBehind: counter("subscriptions_fell_behind_total", "Times that a live subscription had to go back to reading from disk."),
		open:       make(map[*progress]struct{}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	fromCount := func(name, help string, count *atomic.Uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			func() float64 { return float64(count.Load()) })
	}
	return []prometheus.Collector{
		m.appends, m.events, m.bytes, m.answer, m.flush, m.group, m.fellBehind,
		fromCount("streams_begun_total", "Streams that got their first event.", &m.streams),
		fromCount("read_events_total", "Events sent to readers and subscribers.", &m.readCount),
		fromCount("read_bytes_total", "Data and metadata of the events sent to readers and subscribers.", &m.readBytes),
		state{m},
	}
}

// register adds the collectors to a registry, which may be nil. unregister takes
// them out again, so that a process may open a node more than once.
func (m *metrics) register(registerer prometheus.Registerer) (unregister func(), err error) {
	collectors := m.collectors()
	if registerer == nil {
		collectors = nil
	}
	unregister = func() {
		for _, collector := range collectors {
			registerer.Unregister(collector)
		}
		// A scrape may still be under way.
		m.mu.Lock()
		defer m.mu.Unlock()
		m.store = nil
	}
	for _, collector := range collectors {
		err = errors.Join(err, registerer.Register(collector))
	}
	return unregister, err
}

// watch lets scrapes look at the store, until unregister. What is written from
// now on is counted here.
func (m *metrics) watch(s *store) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.opened = s.next
	m.store = s
}

// committed counts a group that is on disk.
func (m *metrics) committed(blocks []*block, bytes int, took time.Duration) {
	m.appends.Add(float64(len(blocks)))
	for _, b := range blocks {
		m.events.Add(float64(b.count))
		if b.revision == 0 {
			m.streams.Add(1)
		}
	}
	m.bytes.Add(float64(bytes))
	m.flush.Observe(took.Seconds())
	m.group.Observe(float64(len(blocks)))
}

// sent counts an event on its way to a reader.
func (m *metrics) sent(rec *record) {
	m.readCount.Add(1)
	m.readBytes.Add(uint64(len(rec.data) + len(rec.metadata)))
}

// subscribe notes a subscription until end is called.
func (m *metrics) subscribe(r *readRequest) (s *progress, end func()) {
	s = &progress{kind: followsAll, stream: r.stream, since: time.Now()}
	switch {
	case r.stream != "":
		s.kind = followsStream
	case r.filter != nil:
		s.kind = followsFiltered
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[s] = struct{}{}
	return s, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.open, s)
	}
}

// state is what a scrape finds out when it comes.
type state struct{ *metrics }

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
}

var (
	descSubscriptions = newDesc("subscriptions", "Subscriptions that are open.", "kind")
	descLag           = newDesc("subscription_lag_bytes", "Bytes of the log between the slowest subscription and the end.", "kind")
	descPosition      = newDesc("position", "Position of the last event that is durable.")
	descDisk          = newDesc("disk_bytes", "Bytes on disk of the tables, the write-ahead log and all.", "part")
	descMemory        = newDesc("memory_bytes", "Bytes in memory that the storage takes for itself.", "part")
	descDebt          = newDesc("compaction_debt_bytes", "Bytes that compactions have to move yet.")
)

// Describe implements prometheus.Collector.
func (s state) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{descSubscriptions, descLag, descPosition, descDisk, descMemory, descDebt} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (s state) Collect(found chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store == nil {
		return
	}
	gauge := func(desc *prometheus.Desc, value uint64, labels ...string) {
		found <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
	}
	end := s.store.tail.end()
	count, lag := make(map[subscriptionKind]uint64), make(map[subscriptionKind]uint64)
	for open := range s.open {
		count[open.kind]++
		lag[open.kind] = max(lag[open.kind], open.lag(end))
	}
	for _, kind := range subscriptionKinds {
		gauge(descSubscriptions, count[kind], string(kind))
		gauge(descLag, lag[kind], string(kind))
	}
	gauge(descPosition, end)
	disk, memory := s.store.disk(), s.store.memory()
	gauge(descDisk, disk.Tables, "tables")
	gauge(descDisk, disk.WAL, "wal")
	gauge(descDisk, disk.Total, "total")
	gauge(descDebt, disk.CompactionDebt)
	gauge(descMemory, memory.Cache, "cache")
	gauge(descMemory, memory.MemTables, "memtables")
	gauge(descMemory, memory.Tail, "tail")
}
