package stytch

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts calls and how long they take.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// newMetrics registers the metrics, if there is somewhere to. A second Service
// on one registry counts into the first one's.
func newMetrics(registry prometheus.Registerer, waiting func() int, overdue func() time.Duration) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stytch_requests_total",
			Help: "Number of calls to the Stytch API by operation and status class: 2xx, 3xx, 4xx, 429, 5xx, or none if there was no response.",
		}, []string{"operation", "status_class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "stytch_request_duration_seconds",
			Help:    "Duration of calls to the Stytch API in seconds by operation, including calls without a response.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation"}),
	}
	if registry == nil {
		return m
	}
	m.requests = registered(registry, m.requests)
	m.duration = registered(registry, m.duration)
	registered(registry, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stytch_gate_waiting_turns",
		Help: "Number of calls to the Stytch API that wait for their turn, over all projects.",
	}, func() float64 { return float64(waiting()) }))
	registered(registry, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "stytch_drift_overdue_seconds",
		Help: "How long the drift check has waited for its turn that has waited longest, in seconds, over all projects; 0 if none waits.",
	}, func() float64 { return overdue().Seconds() }))
	return m
}

func registered[C prometheus.Collector](registry prometheus.Registerer, c C) C {
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](registry.Register(c)); ok {
		if there, same := already.ExistingCollector.(C); same {
			return there
		}
	}
	return c
}

func (m metrics) observe(r Request, took time.Duration) {
	m.requests.WithLabelValues(r.Operation, statusClass(r.StatusCode)).Inc()
	m.duration.WithLabelValues(r.Operation).Observe(took.Seconds())
}

func statusClass(status int) string {
	switch status {
	case 0:
		return "none"
	case http.StatusTooManyRequests:
		return "429"
	}
	return fmt.Sprintf("%dxx", status/100)
}
