package controllers

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// collectors returns the collectors of all that is computed from manifests when metrics are scraped.
func (r *reconcilers) collectors() []prometheus.Collector {
	return []prometheus.Collector{r.expiries(), r.rotations(), r.unclaimed(), r.manifests(), r.drift()}
}

// expiries returns the collector of the expiry times of all kinds.
func (r *reconcilers) expiries() *expiries {
	e := &expiries{}
	e.kinds = append(e.kinds, r.external.expiries, r.oidc.expiries, r.saml.expiries, r.scim.expiries)
	return e
}

// rotations returns the collector of the rotations of SCIM tokens.
func (r *reconcilers) rotations() *rotations { return &rotations{r.scim.listManifests} }

// unclaimed returns the collector of the connections of all kinds that no manifest claims.
func (r *reconcilers) unclaimed() *unclaimed {
	u := &unclaimed{}
	u.kinds = append(u.kinds, r.external.unclaimed, r.oidc.unclaimed, r.saml.unclaimed, r.scim.unclaimed)
	return u
}

// expiries collects the expiry times in the status of connections. They are read from the cache whenever metrics are scraped.
type expiries struct {
	kinds []func(ctx context.Context, emit func(kind string, o v1alpha1.Connection, end connection.Expiry)) error
}

//nolint:gochecknoglobals // a metric description is constant
var expiryMetric = prometheus.NewDesc("stytch_connection_expiry_timestamp_seconds",
	"Expiry time of a token or certificate that a connection depends on, in seconds since the Unix epoch.",
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

// rotations collects the state of token rotations from the status of SCIM connections. It is read from the cache whenever metrics
// are scraped.
type rotations struct {
	listManifests func(context.Context, ...client.ListOption) ([]*v1alpha1.SCIMConnection, error)
}

//nolint:gochecknoglobals // metric descriptions are constant
var (
	phaseMetric = prometheus.NewDesc("stytch_scim_token_phase",
		"Phase of a SCIM connection's bearer token: 1 for the current phase, 0 for the others.",
		[]string{"namespace", "name", "phase"}, nil)
	startedMetric = prometheus.NewDesc("stytch_scim_token_rotation_start_timestamp_seconds",
		"Time when the current rotation of a SCIM connection's bearer token started, in seconds since the Unix epoch.",
		[]string{"namespace", "name"}, nil)
)

func (r *rotations) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- phaseMetric
	descriptions <- startedMetric
}

func (r *rotations) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	all, err := r.listManifests(ctx, client.UnsafeDisableDeepCopy)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(phaseMetric, err)
	}
	for _, o := range all {
		token := o.Status.BearerToken
		if token == nil {
			continue
		}
		for _, phase := range []v1alpha1.SCIMTokenPhase{v1alpha1.TokenIdle, v1alpha1.TokenRotating} {
			is := 0.0
			if token.Phase == phase {
				is = 1
			}
			metrics <- prometheus.MustNewConstMetric(phaseMetric, prometheus.GaugeValue, is, o.Namespace, o.Name, string(phase))
		}
		if token.StartedAt != nil {
			metrics <- prometheus.MustNewConstMetric(startedMetric, prometheus.GaugeValue, float64(token.StartedAt.Unix()), o.Namespace, o.Name)
		}
	}
}

// unclaimed counts the connections at Stytch that no manifest claims, in the organizations that have manifests, as they were last listed.
type unclaimed struct {
	kinds []func(ctx context.Context, emit func(kind, project string, count int)) error
}

//nolint:gochecknoglobals // a metric description is constant
var unclaimedMetric = prometheus.NewDesc("stytch_unclaimed_connections",
	"Connections that no manifest has or names, in the organizations that have manifests of the kind, by the last list.",
	[]string{"kind", "project"}, nil)

func (u *unclaimed) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- unclaimedMetric }

func (u *unclaimed) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	for _, kind := range u.kinds {
		err := kind(ctx, func(kind, project string, count int) {
			metrics <- prometheus.MustNewConstMetric(unclaimedMetric, prometheus.GaugeValue, float64(count), kind, project)
		})
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(unclaimedMetric, err)
		}
	}
}

// unclaimed emits, for each project that has manifests of the kind, how many connections none of them claims.
func (e *engine[O, R]) unclaimed(ctx context.Context, emit func(kind, project string, count int)) error {
	all, err := e.listManifests(ctx, client.UnsafeDisableDeepCopy)
	claims, lists := map[string]bool{}, map[listKey]bool{}
	for _, o := range all {
		for id := range connection.ClaimsOf(o) {
			claims[id] = true
		}
		record := connection.RecordOf(o)
		lists[listKey{e.kindName, record.Project, record.Organization}] = true
	}
	counts := map[string]int{}
	for key := range lists {
		ids, listed := e.shared.memory.list(key)
		if listed {
			counts[key.project] += len(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return claims[id] }))
		}
	}
	for project, count := range counts {
		emit(e.kindName, project, count)
	}
	return err
}

// noteList remembers which connections a list had.
func (p *pass[O, R]) noteList(list []R) {
	ids := make([]string, 0, len(list))
	for _, r := range list {
		ids = append(ids, p.engine.kind.Common(r).ConnectionID)
	}
	record := connection.RecordOf(p.o)
	p.shared.memory.keepList(listKey{p.engine.kindName, record.Project, record.Organization}, ids)
}
