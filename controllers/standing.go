package controllers

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// manifests collects what the conditions of manifests say. They are read from the cache whenever metrics are scraped, so that nothing is
// kept for them, and nothing stays of one that is gone.
type manifests struct {
	kinds []func(ctx context.Context, emit func(manifest)) error
}

// manifest is one of any kind, with its conditions.
type manifest struct {
	client.Object

	kind       string
	conditions []metav1.Condition
}

//nolint:gochecknoglobals // metric descriptions are constant
var (
	manifestsMetric = prometheus.NewDesc("stytch_manifests",
		"Number of manifests by kind, status of Ready and reason of Synced; of Ready for the kinds of projects.",
		[]string{"kind", "ready", "reason"}, nil)
	conditionMetric = prometheus.NewDesc("stytch_manifest_condition_timestamp_seconds",
		"Time since when a condition of a manifest has had its status, in seconds since the Unix epoch.",
		[]string{"kind", "namespace", "name", "condition", "status", "reason"}, nil)
	deletionMetric = prometheus.NewDesc("stytch_manifest_deletion_timestamp_seconds",
		"Time when the deletion of a manifest was requested that the operator has not finished, in seconds since the Unix epoch.",
		[]string{"kind", "namespace", "name", "reason"}, nil)
)

func (c *manifests) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- manifestsMetric
	descriptions <- conditionMetric
	descriptions <- deletionMetric
}

func (c *manifests) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	counts := map[[3]string]int{}
	for _, kind := range c.kinds {
		err := kind(ctx, func(m manifest) {
			counts[[3]string{m.kind, m.ready(), m.reason()}]++
			m.collect(metrics)
		})
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(manifestsMetric, err)
		}
	}
	for labels, count := range counts {
		metrics <- prometheus.MustNewConstMetric(manifestsMetric, prometheus.GaugeValue, float64(count), labels[:]...)
	}
}

// collect emits the metrics of one manifest. Conditions that another program added are left out.
func (m manifest) collect(metrics chan<- prometheus.Metric) {
	for _, c := range m.conditions {
		switch c.Type {
		case v1alpha1.ConditionReady, v1alpha1.ConditionSynced, v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling,
			v1alpha1.ConditionExpiringSoon, v1alpha1.ConditionRotating:
			metrics <- prometheus.MustNewConstMetric(conditionMetric, prometheus.GaugeValue, float64(c.LastTransitionTime.Unix()),
				m.kind, m.GetNamespace(), m.GetName(), c.Type, string(c.Status), c.Reason)
		}
	}
	ours := controllerutil.ContainsFinalizer(m, v1alpha1.Finalizer) || controllerutil.ContainsFinalizer(m, v1alpha1.FinalizerInUse)
	if deleted := m.GetDeletionTimestamp(); ours && !deleted.IsZero() {
		metrics <- prometheus.MustNewConstMetric(deletionMetric, prometheus.GaugeValue, float64(deleted.Unix()),
			m.kind, m.GetNamespace(), m.GetName(), m.waitsFor())
	}
}

// ready is the status of Ready.
func (m manifest) ready() string {
	return cmp.Or(string(m.condition(v1alpha1.ConditionReady).Status), string(metav1.ConditionUnknown))
}

// reason is that of Synced or, for a kind without it, of Ready; empty before the first pass.
func (m manifest) reason() string {
	return cmp.Or(m.condition(v1alpha1.ConditionSynced).Reason, m.condition(v1alpha1.ConditionReady).Reason)
}

// waitsFor is the reason of the condition that says who goes on.
func (m manifest) waitsFor() string {
	return cmp.Or(m.condition(v1alpha1.ConditionStalled).Reason, m.condition(v1alpha1.ConditionReconciling).Reason, m.reason())
}

// condition is one of the manifest's; the zero one if it is not set.
func (m manifest) condition(kind string) metav1.Condition {
	if c := meta.FindStatusCondition(m.conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// manifests returns the collector of the conditions of all kinds.
func (r *reconcilers) manifests() *manifests {
	c := &manifests{}
	c.kinds = append(c.kinds, r.external.manifests, r.oidc.manifests, r.saml.manifests, r.scim.manifests, r.shared.projectManifests)
	if r.shared.ClusterProjects {
		c.kinds = append(c.kinds, r.shared.clusterProjectManifests)
	}
	return c
}

func (e *engine[O, R]) manifests(ctx context.Context, emit func(manifest)) error {
	all, err := e.listManifests(ctx, client.UnsafeDisableDeepCopy)
	for _, o := range all {
		emit(manifest{o, e.kindName, o.CommonStatus().Conditions})
	}
	return err
}

func (s *shared) projectManifests(ctx context.Context, emit func(manifest)) error {
	var all v1alpha1.StytchProjectList
	err := s.client.List(ctx, &all, client.UnsafeDisableDeepCopy)
	for i := range all.Items {
		emit(manifest{&all.Items[i], string(v1alpha1.NamespacedProject), all.Items[i].Status.Conditions})
	}
	return err
}

func (s *shared) clusterProjectManifests(ctx context.Context, emit func(manifest)) error {
	var all v1alpha1.ClusterStytchProjectList
	err := s.client.List(ctx, &all, client.UnsafeDisableDeepCopy)
	for i := range all.Items {
		emit(manifest{&all.Items[i], string(v1alpha1.ClusterProject), all.Items[i].Status.Conditions})
	}
	return err
}

// drift collects what the drift checks of connections come to.
type drift struct {
	kinds []func(ctx context.Context, emit func(drifting)) error
}

// drifting is what the drift checks of one manifest came to in this process.
type drifting struct {
	client.Object

	kind    string
	repairs int
	overdue time.Time // since when; zero if it is not
}

//nolint:gochecknoglobals // metric descriptions are constant
var (
	repairsMetric = prometheus.NewDesc("stytch_drift_repairs_total",
		"Number of reconciles of a manifest that changed in Stytch what differed although neither the manifest nor what it refers to had changed.",
		[]string{"kind", "namespace", "name"}, nil)
	overdueMetric = prometheus.NewDesc("stytch_drift_check_overdue_timestamp_seconds",
		"Time since when a connection has not been compared with Stytch for longer than twice its resync interval, in seconds since the Unix epoch. Absent otherwise.",
		[]string{"kind", "namespace", "name"}, nil)
)

func (c *drift) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- repairsMetric
	descriptions <- overdueMetric
}

func (c *drift) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	for _, kind := range c.kinds {
		err := kind(ctx, func(d drifting) {
			labels := []string{d.kind, d.GetNamespace(), d.GetName()}
			metrics <- prometheus.MustNewConstMetric(repairsMetric, prometheus.CounterValue, float64(d.repairs), labels...)
			if !d.overdue.IsZero() {
				metrics <- prometheus.MustNewConstMetric(overdueMetric, prometheus.GaugeValue, float64(d.overdue.Unix()), labels...)
			}
		})
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(repairsMetric, err)
		}
	}
}

// drift returns the collector of the drift checks of all kinds.
func (r *reconcilers) drift() *drift {
	c := &drift{}
	c.kinds = append(c.kinds, r.external.drift, r.oidc.drift, r.saml.drift, r.scim.drift)
	return c
}

func (e *engine[O, R]) drift(ctx context.Context, emit func(drifting)) error {
	all, err := e.listManifests(ctx, client.UnsafeDisableDeepCopy)
	started, now := e.shared.memory.startedAt(), e.shared.Now()
	for _, o := range all {
		known := e.shared.memory.of(o.GetUID())
		listedAt := known.listedAt
		if listedAt.IsZero() {
			listedAt = started
		}
		emit(drifting{o, e.kindName, known.repairs, connection.OverdueSince(o, e.resyncInterval(o), listedAt, now)})
	}
	return err
}
