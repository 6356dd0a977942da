package fence

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics show that a lease ages before it is lost, and that it was.
type metrics struct {
	withheld, lost prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, f *Fence) metrics {
	m := metrics{
		withheld: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stytch_fence_withheld_calls_total",
			Help: "Number of times that a call to the Stytch API which changes something was not sent, because the leader election lease was not renewed recently.",
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "stytch_fence_lost_total",
			Help: "1 after this process has lost the leader election lease. It ends as soon as the calls in flight are finished.",
		}),
	}
	if registry != nil {
		registry.MustRegister(m.withheld, m.lost, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stytch_fence_renewal_age_seconds",
			Help: "Time since the last successful renewal of the leader election lease began, in seconds; 0 if this process is not the leader.",
		}, func() float64 { return f.age().Seconds() }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stytch_fence_takeover_timestamp_seconds",
			Help: "Time when this process took the leader election lease from a process that had not released it, in seconds since the Unix epoch; 0 if it did not.",
		}, func() float64 { return unixOr0(f.takeover()) }))
	}
	return m
}

// unixOr0 is a time in seconds since the Unix epoch; 0 for the zero time.
func unixOr0(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.Unix())
}
