package controllers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// shown are the values of a metric, by the values of its labels in the order of their names, without the namespace.
func (p *process) shown(collector prometheus.Collector, metric string) map[string]float64 {
	GinkgoHelper()
	p.catchUp()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(collector)).To(Succeed())
	families, err := registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	found := map[string]float64{}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, series := range family.GetMetric() {
			var labels []string
			for _, label := range series.GetLabel() {
				if label.GetName() == "namespace" {
					Expect(label.GetValue()).To(Equal(p.world.namespace))
				} else {
					labels = append(labels, label.GetValue())
				}
			}
			found[strings.Join(labels, "/")] = series.GetGauge().GetValue() + series.GetCounter().GetValue()
		}
	}
	return found
}

const (
	counted = "stytch_manifests"
	since   = "stytch_manifest_condition_timestamp_seconds"
	leaving = "stytch_manifest_deletion_timestamp_seconds"
	repairs = "stytch_drift_repairs_total"
	overdue = "stytch_drift_check_overdue_timestamp_seconds"
)

var _ = Describe("The metrics of manifests", func() {
	It("show how many are ready and in sync, and since when, and nothing of one that is gone", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		good, bad := w.saml("okta"), w.oidc("entra")
		w.create(good)
		w.create(bad)
		Expect(p.shown(p.manifests(), counted)).To(HaveKeyWithValue("SAMLConnection/Unknown/", 1.0), "before its first pass")
		p.settle(good)
		w.delete(w.secret("entra-client", nil))
		p.pass(bad)
		Expect(p.shown(p.manifests(), counted)).To(Equal(map[string]float64{
			"SAMLConnection/True/InSync": 1, "OIDCConnection/False/InputMissing": 1, "StytchProject/True/Verified": 1,
		}))
		w.reload(bad)
		series := p.shown(p.manifests(), since)
		Expect(slices.Sorted(maps.Keys(series))).To(Equal([]string{
			"Ready/OIDCConnection/entra/InputMissing/False", "Ready/SAMLConnection/okta/Active/True", "Ready/StytchProject/default/Verified/True",
			"Reconciling/OIDCConnection/entra/InputMissing/True", "Synced/OIDCConnection/entra/InputMissing/False", "Synced/SAMLConnection/okta/InSync/True",
		}))
		Expect(series["Ready/OIDCConnection/entra/InputMissing/False"]).To(Equal(float64(bad.Status.Conditions[0].LastTransitionTime.Unix())))
		Expect(w.start().shown(p.manifests(), since)).To(Equal(series), "a process that starts shows the same")

		for _, o := range []v1alpha1.Connection{good, bad} {
			w.delete(o)
			p.settle(o)
		}
		Expect(p.shown(p.manifests(), counted)).To(Equal(map[string]float64{"StytchProject/True/Verified": 1}))
		Expect(p.shown(p.manifests(), since)).To(HaveLen(1))
	})

	It("show since when a deletion waits, for what, and not one that waits for another finalizer", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		o.Finalizers = []string{"example.com/somebody"}
		w.settled(o)
		p := w.start()
		p.settle(o)
		Expect(p.shown(p.manifests(), leaving)).To(BeEmpty())
		w.delete(w.secret("stytch", nil))
		w.delete(o)
		p.settle(o)
		w.reload(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)
		Expect(p.shown(p.manifests(), leaving)).To(Equal(map[string]float64{"SAMLConnection/okta/DeletionBlocked": float64(o.DeletionTimestamp.Unix())}))
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		p.settle(o)
		Expect(w.exists(o)).To(BeTrue())
		Expect(p.shown(p.manifests(), leaving)).To(BeEmpty())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Finalizers = nil })
	})
})

var _ = Describe("The metrics of drift", func() {
	It("count a pass that repairs it, once, and neither a creation nor an edit", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		Expect(p.shown(p.drift(), repairs)).To(Equal(map[string]float64{"SAMLConnection/okta": 0}), "a counter that first appears at 1 has not increased")
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Another" })
		p.settle(o)
		Expect(p.shown(p.drift(), repairs)).To(Equal(map[string]float64{"SAMLConnection/okta": 0}))

		for n := range 2 {
			_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{
				"idp_sso_url": "https://attacker.example.com", "verification_certificates": []any{newCertificate("attacker")},
			})
			Expect(err).NotTo(HaveOccurred())
			w.clock.advance(resync)
			Expect(len(p.settle(o).calls)).To(BeNumerically(">", 2))
			Expect(p.shown(p.drift(), repairs)).To(Equal(map[string]float64{"SAMLConnection/okta": float64(n + 1)}))
		}
		w.expectKept(o)
		w.delete(o)
		p.settle(o)
		Expect(p.shown(p.drift(), repairs)).To(BeEmpty())
	})

	It("show a connection that was not compared with Stytch for twice its interval", func(ctx context.Context) {
		w := newWorld(ctx)
		o, paused := w.saml("okta"), w.saml("paused")
		p := w.start()
		w.create(o)
		p.settle(o)
		w.create(paused)
		p.settle(paused)
		edit(w, paused, func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementPaused })
		p.settle(paused)
		Expect(w.start().shown(p.drift(), overdue)).To(BeEmpty())

		w.clock.advance(p.shared.memory.of(o.UID).listedAt.Add(2*resync - time.Second).Sub(w.clock.Now()))
		Expect(p.shown(p.drift(), overdue)).To(BeEmpty())
		w.clock.advance(time.Second)
		Expect(slices.Collect(maps.Keys(p.shown(p.drift(), overdue)))).To(Equal([]string{"SAMLConnection/okta"}))
		standby := w.start()
		Expect(standby.shown(standby.drift(), overdue)).To(BeEmpty(), "it makes no checks")
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ResyncInterval = &metav1.Duration{Duration: 24 * time.Hour} })
		Expect(p.shown(p.drift(), overdue)).To(BeEmpty())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ResyncInterval = nil })
		p.settle(o)
		Expect(p.shown(p.drift(), overdue)).To(BeEmpty())
	})
})
