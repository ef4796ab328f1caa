package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/jeongsan/jeongsan/domain"
	"github.com/jeongsan/jeongsan/eventstore/command"
	"github.com/jeongsan/jeongsan/eventstore/command/businessday"
)

// startScheduler keeps the books on the business date until close, unless that is
// done by hand.
func (o *parts) startScheduler(config Config) error {
	local, ok := o.door.(*command.Local)
	if !ok || config.Business.Days == businessManual {
		return nil
	}
	day, err := config.Business.day()
	if err != nil {
		return err
	}
	o.scheduler = businessday.New(businessday.Config{
		Door: local, Books: local.Books, Day: day, Logger: o.log, Observer: newBusinessMetrics(o.registry),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.scheduler.Run(ctx)
	}()
	o.later("business days", func() error {
		cancel()
		<-done
		return nil
	})
	return nil
}

// businessMetrics counts what the scheduler does. It implements businessday.Observer.
type businessMetrics struct {
	dates, events, failures prometheus.Counter
	behind                  prometheus.Gauge
}

var _ businessday.Observer = (*businessMetrics)(nil)

func newBusinessMetrics(registerer prometheus.Registerer) *businessMetrics {
	factory := promauto.With(registerer)
	return &businessMetrics{
		dates: factory.NewCounter(prometheus.CounterOpts{
			Name: "jeongsan_business_dates_total", Help: "Business dates that books were found to have come to, all books together.",
		}),
		events: factory.NewCounter(prometheus.CounterOpts{
			Name: "jeongsan_business_date_events_total", Help: "Events that this took: releases, closings and the dates themselves.",
		}),
		failures: factory.NewCounter(prometheus.CounterOpts{
			Name: "jeongsan_business_date_failures_total", Help: "Attempts to take a book on that failed; they are made again.",
		}),
		behind: factory.NewGauge(prometheus.GaugeOpts{
			Name: "jeongsan_books_behind", Help: "Books that have not come to the business date.",
		}),
	}
}

// Advanced implements businessday.Observer.
func (m *businessMetrics) Advanced(_ string, _ domain.Date, steps int) {
	m.dates.Inc()
	m.events.Add(float64(steps))
}

// Failed implements businessday.Observer.
func (m *businessMetrics) Failed(string) { m.failures.Inc() }

// Behind implements businessday.Observer.
func (m *businessMetrics) Behind(books int) { m.behind.Set(float64(books)) }
