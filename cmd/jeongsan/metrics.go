package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/jeongsan/jeongsan/eventstore/command"
)

// appendMetrics counts what the command door appends. It implements command.Observer.
type appendMetrics struct {
	events  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	retried *prometheus.CounterVec
}

var _ command.Observer = (*appendMetrics)(nil)

func newAppendMetrics(registerer prometheus.Registerer) *appendMetrics {
	factory := promauto.With(registerer)
	return &appendMetrics{
		events: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "jeongsan_command_events_total", Help: "Events that commands led to, durable, by category of stream.",
		}, []string{"category"}),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jeongsan_command_append_seconds", Help: "Time from an append to its definite answer, retries included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}, []string{"category"}),
		retried: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "jeongsan_command_retries_total", Help: "Appends made again, because their outcome was unknown or a race was lost.",
		}, []string{"category", "cause"}),
	}
}

// Appended implements command.Observer.
func (m *appendMetrics) Appended(category string, events int, took time.Duration) {
	m.events.WithLabelValues(category).Add(float64(events))
	m.seconds.WithLabelValues(category).Observe(took.Seconds())
}

// Retried implements command.Observer.
func (m *appendMetrics) Retried(category, cause string) {
	m.retried.WithLabelValues(category, cause).Inc()
}
