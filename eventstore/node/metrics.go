package node

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the node does.
type metrics struct {
	appends       prometheus.Counter
	events        prometheus.Counter
	bytes         prometheus.Counter
	flush         prometheus.Histogram
	subscriptions prometheus.Gauge
	fellBehind    prometheus.Counter
}

func newMetrics() *metrics {
	const namespace, subsystem = "jeongsan", "node"
	return &metrics{
		appends: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "appends_total", Help: "Appends written to the log."}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "events_total", Help: "Events written to the log."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "bytes_total", Help: "Bytes written to the log, before compression."}),
		flush: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "flush_seconds", Help: "Time from writing a group of appends until it was on disk.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}),
		subscriptions: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "subscriptions", Help: "Subscriptions that are open."}),
		fellBehind: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem,
			Name: "subscriptions_fell_behind_total", Help: "Times that a live subscription had to go back to reading from disk."}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.appends, m.events, m.bytes, m.flush, m.subscriptions, m.fellBehind}
}

// register adds the collectors to a registry, which may be nil. unregister takes
// them out again, so that a process may open a node more than once.
func (m *metrics) register(registerer prometheus.Registerer) (unregister func(), err error) {
	if registerer == nil {
		return func() {}, nil
	}
	unregister = func() {
		for _, collector := range m.collectors() {
			registerer.Unregister(collector)
		}
	}
	for _, collector := range m.collectors() {
		err = errors.Join(err, registerer.Register(collector))
	}
	return unregister, err
}

func (m *metrics) committed(blocks []*block, bytes int, took time.Duration) {
	m.appends.Add(float64(len(blocks)))
	for _, b := range blocks {
		m.events.Add(float64(b.count))
	}
	m.bytes.Add(float64(bytes))
	m.flush.Observe(took.Seconds())
}
