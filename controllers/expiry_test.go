package controllers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// atSlotStart lets time pass until a slot of acme's SSO connections begins.
func (w *world) atSlotStart() time.Time {
	slots := connection.SlotsOf(resync, stytchsim.DefaultProjectID, w.acme.ID, string(stytch.APISSO))
	now := w.clock.Now()
	w.clock.advance(slots.Next(now).Sub(now))
	return w.clock.Now()
}

// ending is a manifest whose certificate comes within the warning window a while from now, and before the slot ends.
func (w *world) ending(in time.Duration) (o *v1alpha1.SAMLConnection, end time.Time) {
	GinkgoHelper()
	end = w.atSlotStart().Add(expiryWarning + in).Truncate(time.Second)
	o = w.saml("okta")
	o.Spec.VerificationCertificates[0].PEM = certificateUntil("ending", end)
	w.settled(o)
	return o, end
}

// warnings are the notes of the events that warn of an end.
func (w *world) warnings() []string {
	GinkgoHelper()
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(w.namespace))).To(Succeed())
	notes := []string{}
	for _, e := range events.Items {
		if e.Reason == v1alpha1.ConditionExpiringSoon {
			Expect(e.Type).To(Equal(corev1.EventTypeWarning))
			notes = append(notes, e.Note)
		}
	}
	return notes
}

// gauges are the ends that a process's metrics show, by kind/name/expires/id.
func (p *process) gauges() map[string]float64 {
	GinkgoHelper()
	found := map[string]float64{}
	p.gather(p.expiries(), func(name string, labels map[string]string, value float64) {
		Expect(name).To(Equal("stytch_connection_expiry_timestamp_seconds"))
		Expect(slices.Sorted(maps.Keys(labels))).To(Equal([]string{"expires", "id", "kind", "name", "namespace"}))
		found[strings.Join([]string{labels["kind"], labels["name"], labels["expires"], labels["id"]}, "/")] = value
	})
	return found
}

// gather tells of the gauges of this world that a collector shows.
func (p *process) gather(collector prometheus.Collector, tell func(name string, labels map[string]string, value float64)) {
	GinkgoHelper()
	p.catchUp()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(collector)).To(Succeed())
	families, err := registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		for _, series := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range series.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			Expect(labels["namespace"]).To(Equal(p.world.namespace))
			tell(family.GetName(), labels, series.GetGauge().GetValue())
		}
	}
}

var _ = Describe("The end of a certificate", func() {
	It("is said when its time comes, by the clock alone, once, and until another certificate takes its place", func(ctx context.Context) {
		w := newWorld(ctx)
		o, end := w.ending(5 * time.Minute)
		pem := o.Spec.VerificationCertificates[0].PEM
		Expect(isTrue(o, v1alpha1.ConditionExpiringSoon)).To(BeFalse())
		p := w.start()
		wait := p.pass(o).result.RequeueAfter
		Expect(w.clock.Now().Add(wait)).To(BeTemporally("~", end.Add(-expiryWarning), time.Millisecond), "the moment comes before the slot")
		w.clock.advance(wait - time.Second)
		p.expectQuiet(o)
		w.clock.advance(time.Second)

		got := p.expectPass(o)
		Expect(got.writes).To(HaveLen(1))
		Expect(got.result.RequeueAfter).To(BeNumerically("~", 5*time.Minute, 2*time.Second), "the next slot")
		message := w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		Expect(message).To(And(
			ContainSubstring("The identity provider's certificate "+sha(pem)[:16]+" (CN=ending) expires at "+end.UTC().Format(time.RFC3339)),
			ContainSubstring("Add the identity provider's next certificate to spec.verificationCertificates or to the object that it references")))
		w.expectKept(o)
		Expect(isTrue(o, stalled) || isTrue(o, reconciling)).To(BeFalse())
		Expect(kstatusOf(o)).To(Equal(status.CurrentStatus))
		Eventually(w.warnings).Should(Equal([]string{message}))
		p.expectQuiet(o)
		w.start().expectQuiet(o)
		w.clock.advance(resync)
		Expect(p.expectPass(o, "GET /v1/b2b/sso/organization").writes).To(BeEmpty())
		Expect(w.warnings()).To(HaveLen(1), "said once")

		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: newCertificate("next")})
		})
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = o.Spec.VerificationCertificates[1:]
		})
		p.settle(o)
		w.expectKept(o)
		Expect(isTrue(o, v1alpha1.ConditionExpiringSoon)).To(BeFalse())
		Expect(w.warnings()).To(HaveLen(1))
	})

	It("is said after a restart too, and is not waited for longer than until the slot", func(ctx context.Context) {
		w := newWorld(ctx)
		o, end := w.ending(5 * time.Minute)
		p := w.start()
		p.expectQuiet(o)
		Expect(w.clock.Now().Add(p.pass(o).result.RequeueAfter)).To(BeTemporally("~", end.Add(-expiryWarning), time.Millisecond))
		w.clock.advance(6 * time.Minute)
		Expect(w.start().expectPass(o).writes).To(HaveLen(1))
		w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)

		far := newWorld(ctx)
		o, _ = far.ending(15 * time.Minute)
		Expect(far.start().pass(o).result.RequeueAfter).To(BeNumerically("<=", resync))
	})

	It("is said to have come once it has, of what has ended and what ends soon together", func(ctx context.Context) {
		w := newWorld(ctx)
		o, end := w.ending(5 * time.Minute)
		later := certificateUntil("later", end.Add(24*time.Hour))
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: later})
		})
		p := w.start()
		p.settle(o)
		w.clock.advance(25 * time.Hour)
		p.settle(o)
		message := w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		Expect(strings.Count(message, " expires at ")).To(Equal(2))
		w.clock.advance(end.Sub(w.clock.Now()) - 2*time.Second)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		wait := p.pass(o).result.RequeueAfter
		Expect(wait).To(BeNumerically("<=", 2*time.Second), "the end itself is a moment")
		w.clock.advance(wait)

		Expect(p.expectPass(o).writes).To(HaveLen(1))
		message = w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpired)
		Expect(message).To(And(ContainSubstring("(CN=ending) expired at "+end.UTC().Format(time.RFC3339)), ContainSubstring("(CN=later) expires at ")))
		w.expectKept(o)
		Expect(kstatusOf(o)).To(Equal(status.CurrentStatus))
		Eventually(w.warnings).Should(ContainElement(message))
		Expect(w.warnings()).To(HaveLen(2), "both end soon, and then one has ended")
		p.expectQuiet(o)
	})

	It("is said of the token and of Stytch's own certificate, and under every kind of finding", func(ctx context.Context) {
		w := newWorld(ctx)
		soon := w.clock.Now().Add(expiryWarning / 2)
		o := w.scim("directory")
		w.settled(o)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"bearer_token_expires_at": soon})
		Expect(err).NotTo(HaveOccurred())
		p := w.start()
		p.pass(o)
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)).To(And(
			ContainSubstring("The bearer token ending in "+o.Status.BearerToken.LastFour+" expires at "), ContainSubstring("Set the annotation")))
		w.expectKept(o)

		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.Management = v1alpha1.ManagementPaused })
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isUnknown, v1alpha1.ReasonPaused)
		w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.Management = "" })
		w.delete(w.project())
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		w.expectCondition(o, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpiring)
		w.create(w.project())

		saml := w.saml("okta")
		w.create(saml)
		p.settle(saml)
		w.reload(saml)
		until := saml.Status.SigningCertificates[0].ExpiresAt.Time
		w.clock.advance(until.Add(-expiryWarning / 2).Sub(w.clock.Now()))
		p.settle(saml)
		Expect(w.expectCondition(saml, v1alpha1.ConditionExpiringSoon, isTrueNow, v1alpha1.ReasonExpired)).To(And(
			ContainSubstring("Stytch's signing certificate "+saml.Status.SigningCertificates[0].SHA256[:16]+" expires at "),
			ContainSubstring("Reference a new key in spec.signingPrivateKeyRef")), "the identity provider's has ended meanwhile")
	})
})

var _ = Describe("The gauges of what ends", func() {
	It("show the end of each token and certificate by what it is, and nothing of a manifest that is gone", func(ctx context.Context) {
		w := newWorld(ctx)
		saml, scim, oidc, external := w.saml("okta"), w.scim("directory"), w.oidc("entra"), w.external()
		p := w.start()
		for _, o := range []v1alpha1.Connection{saml, scim, oidc, external} {
			w.create(o)
			p.settle(o)
			w.reload(o)
		}
		at := func(t *metav1.Time) float64 { return float64(t.Unix()) }
		certificate, signing := saml.Status.VerificationCertificates[0], saml.Status.SigningCertificates[0]
		Expect(certificate.ExpiresAt.Time).To(BeTemporally("==", endOf(saml.Spec.VerificationCertificates[0].PEM)))
		Expect(p.gauges()).To(Equal(map[string]float64{
			"SAMLConnection/okta/verification_certificate/" + certificate.SHA256[:16]: at(certificate.ExpiresAt),
			"SAMLConnection/okta/signing_certificate/" + signing.SHA256[:16]:          at(signing.ExpiresAt),
			"SCIMConnection/directory/bearer_token/":                                  at(scim.Status.BearerToken.ExpiresAt),
		}))
		Expect(w.start().gauges()).To(HaveLen(3), "a process that starts shows them at once")
		w.delete(saml)
		p.settle(saml)
		Expect(p.gauges()).To(HaveLen(1))
	})

	It("show a certificate that Stytch has twice once", func(ctx context.Context) {
		w := newWorld(ctx)
		id := w.activeSAML(w.acme)
		twice := newCertificate("twice")
		_, err := w.sim.PatchConnection(id, map[string]any{"verification_certificates": []any{twice, twice, newCertificate("once")}})
		Expect(err).NotTo(HaveOccurred())
		o := &v1alpha1.SAMLConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: w.acme.ID, ConnectionID: id},
		}}
		w.create(o)
		p := w.start()
		p.settle(o)
		w.reload(o)
		Expect(o.Status.VerificationCertificates).To(HaveLen(3))
		Expect(p.gauges()).To(HaveLen(3), "two certificates of the identity provider's, one of Stytch's")
	})
})
