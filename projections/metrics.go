package projections

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the runner's figures. They count also where nobody collects them.
type metrics struct {
	position *prometheus.GaugeVec
	events   *prometheus.GaugeVec
	parked   *prometheus.GaugeVec
	batches  prometheus.Histogram
	applied  prometheus.Counter
	duration prometheus.Histogram
	lag      prometheus.Histogram
	failures prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) *metrics {
	const namespace, subsystem = "jeongsan", "projections"
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, []string{"read_model"})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	m := &metrics{
		position: gauge("position", "Position in the log up to which the read model holds everything."),
		events:   gauge("events", "Events of the read model's streams that it holds."),
		parked:   gauge("parked", "1 where the read model is parked at an event that it cannot take, or waits for a rebuild."),
		batches:  histogram("batch_events", "Events in a batch.", prometheus.ExponentialBuckets(1, 4, 8)),
		applied:  counter("applied_events_total", "Events that every read model in operation has taken."),
		duration: histogram("batch_seconds", "Time from a batch to its commit in every read model.", prometheus.ExponentialBuckets(0.001, 2, 14)),
		lag:      histogram("lag_seconds", "Time from recording the last event of a batch until it could be read.", prometheus.ExponentialBuckets(0.002, 2, 16)),
		failures: counter("failures_total", "Times that the runner stopped and began again from the checkpoints."),
	}
	if registerer != nil {
		registerer.MustRegister(m.position, m.events, m.parked, m.batches, m.applied, m.duration, m.lag, m.failures)
	}
	return m
}

func (m *metrics) worker(w *worker) {
	name := w.status.Name
	m.position.WithLabelValues(name).Set(float64(w.status.Position))
	m.events.WithLabelValues(name).Set(float64(w.status.Events))
	parked := 0.0
	if w.parked {
		parked = 1
	}
	m.parked.WithLabelValues(name).Set(parked)
}

func (m *metrics) batch(b batch, started time.Time) {
	if len(b.events) == 0 {
		return
	}
	now := time.Now()
	m.batches.Observe(float64(len(b.events)))
	m.applied.Add(float64(len(b.events)))
	m.duration.Observe(now.Sub(started).Seconds())
	if at := b.events[len(b.events)-1].Meta.RecordedAt; !at.IsZero() {
		m.lag.Observe(now.Sub(at).Seconds())
	}
}
