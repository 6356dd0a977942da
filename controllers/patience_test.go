package controllers

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

var _ = Describe("The patience with a missing input", func() {
	// withTypo makes a manifest that names a Secret that does not exist, and lets a process say so.
	withTypo := func(w *world) (*process, *v1alpha1.OIDCConnection) {
		o := w.oidc("entra")
		o.Spec.ClientSecretRef.Name = "entra-cleint"
		w.create(o)
		p := w.start()
		p.rest(o)
		w.expectCondition(o, reconciling, isTrueNow, v1alpha1.ReasonInputMissing)
		return p, o
	}

	It("wakes the manifest when it ends, and is counted on by the next process", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		p, o := withTypo(w)
		left := func() time.Duration { return o.Status.WaitingSince.Add(inputPatience).Sub(w.clock.Now()) }
		Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("~", left(), time.Second))
		w.clock.advance(2 * time.Minute)
		p = w.start()
		Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("~", left(), time.Second))
		w.clock.advance(left())
		Expect(p.pass(o).writes).To(HaveLen(1))
		Expect(w.expectCondition(o, stalled, isTrueNow, v1alpha1.ReasonInputMissing)).To(ContainSubstring("Secret entra-cleint"))
		Expect(p.pass(o).writes).To(BeEmpty())

		w.create(w.secret("entra-cleint", map[string]string{"secret": "a client's secret"}))
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(isTrue(o, stalled)).To(BeFalse())
		Expect(o.Status.WaitingSince).To(BeNil())
	})

	It("begins anew with an edit", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		p, o := withTypo(w)
		w.clock.advance(inputPatience)
		p.rest(o)
		w.expectCondition(o, stalled, isTrueNow, v1alpha1.ReasonInputMissing)
		edit(w, o, func(o *v1alpha1.OIDCConnection) { o.Spec.ClientSecretRef.Name = "entra-clinet" })
		p.rest(o)
		w.expectCondition(o, reconciling, isTrueNow, v1alpha1.ReasonInputMissing)
		Expect(o.Status.WaitingSince.Time).To(BeTemporally("~", w.clock.Now(), 2*time.Second))
	})

	It("ends for a StytchProject whose Secret is missing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.delete(w.secret("stytch", nil))
		project, p := w.project(), w.start()
		check := func() outcome {
			GinkgoHelper()
			p.catchUp()
			before := p.life.eventCount()
			result, err := p.projects.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(project)})
			Expect(err).NotTo(HaveOccurred())
			_, writes := p.life.since(before)
			w.reload(project)
			return outcome{result: result, writes: writes}
		}
		expect := func(kind string) {
			GinkgoHelper()
			Expect(meta.IsStatusConditionTrue(project.Status.Conditions, kind)).To(BeTrue(), "%+v", project.Status)
			Expect(project.Status.Conditions).To(HaveLen(2))
		}
		check()
		expect(reconciling)
		again := check()
		Expect(again.writes).To(BeEmpty())
		left := project.Status.WaitingSince.Add(inputPatience).Sub(w.clock.Now())
		Expect(again.result.RequeueAfter).To(BeNumerically("~", left, time.Second))
		w.clock.advance(left)
		Expect(check().writes).To(HaveLen(1))
		expect(stalled)
		Eventually(func() []string { return w.notes(v1alpha1.ReasonInputMissing) }).Should(HaveLen(1))
		w.clock.advance(time.Hour)
		again = check()
		Expect(again.writes).To(BeEmpty())
		Expect(again.result.RequeueAfter).To(BeZero())

		w.create(w.secret("stytch", map[string]string{"secret": stytchsim.DefaultSecret}))
		check()
		Expect(meta.IsStatusConditionPresentAndEqual(project.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue)).To(BeTrue())
		Expect(project.Status.Conditions).To(HaveLen(1))
		Expect(project.Status.WaitingSince).To(BeNil())
	})
})
