package controllers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// expiries collects the expiry times in the status of connections. They are read from the cache whenever metrics are scraped.
type expiries struct {
	kinds []func(ctx context.Context, emit func(kind string, o v1alpha1.Connection, end connection.Expiry)) error
}

//nolint:gochecknoglobals // a metric description is constant
var expiryMetric = prometheus.NewDesc("stytch_connection_expiry_timestamp_seconds",
	"When something that a connection depends on ends, in seconds since 1970.",
	[]string{"kind", "namespace", "name", "expires", "id"}, nil)

func (e *expiries) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- expiryMetric }

// collectTime is how long reading the cache may take.
const collectTime = 5 * time.Second

func (e *expiries) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	for _, kind := range e.kinds {
		err := kind(ctx, func(kind string, o v1alpha1.Connection, end connection.Expiry) {
			metrics <- prometheus.MustNewConstMetric(expiryMetric, prometheus.GaugeValue, float64(end.At.Unix()),
				kind, o.GetNamespace(), o.GetName(), end.What, end.Which)
		})
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(expiryMetric, err)
		}
	}
}

// expiries emits every expiry that the status of a manifest of the kind has.
func (e *engine[O, R]) expiries(ctx context.Context, emit func(string, v1alpha1.Connection, connection.Expiry)) error {
	all, err := e.listManifests(ctx, client.UnsafeDisableDeepCopy)
	for _, o := range all {
		for _, end := range e.kind.Ends(o) {
			emit(e.kindName, o, end)
		}
	}
	return err
}
