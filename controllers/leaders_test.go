package controllers

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

var _ = Describe("A call that cannot be undone", func() {
	// frozen is a process that sees nothing of what happens from now on.
	frozen := func(w *world) *process {
		GinkgoHelper()
		p := w.startAlone()
		p.catchUp()
		p.check()
		p.catchUp()
		p.freeze()
		return p
	}

	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("is no deletion after the policy was set to Retain, though the cache does not show that yet (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := kind.manifest(w)
			o.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.settled(o)
			w.delete(o)
			p := frozen(w)
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DeletionPolicy = v1alpha1.DeletionRetain })
			got := p.again(o)
			Expect(got.calls).To(BeEmpty())
			Expect(got.result.RequeueAfter).To(Equal(retrySoon))
			w.start().settle(o)
			Expect(w.exists(o)).To(BeFalse())
			_, there := w.sim.Connection(o.CommonStatus().ConnectionID)
			Expect(there).To(BeTrue())
		})
	}

	for operation, annotation := range map[string]string{"CompleteSCIMTokenRotation": v1alpha1.AnnotationAcknowledgeToken, "CancelSCIMTokenRotation": v1alpha1.AnnotationCancelRotation} {
		It("is no end of a rotation after the annotation was taken away, though the cache does not show that yet ("+operation+")", func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.rotating()
			next := w.next(o)
			w.annotate(o, annotation, next)
			p := frozen(w)
			edit(w, o, func(o *v1alpha1.SCIMConnection) { delete(o.Annotations, annotation) })
			seq := w.seq()
			p.again(o)
			Expect(w.sentSince(seq)).To(BeEmpty())
			w.start().settle(o)
			w.expectRotating(o)
			Expect(w.next(o)).To(Equal(next))
		})
	}

	It("begins no pass while it may not, and comes back when it is told to", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.shared.Begin = func() (func(), time.Duration, bool) { return nil, 2 * time.Second, false }
		got := p.pass(o)
		Expect(got.quiet()).To(BeTrue())
		Expect(got.result.RequeueAfter).To(Equal(2 * time.Second))
		ended := 0
		p.shared.Begin = func() (func(), time.Duration, bool) { return func() { ended++ }, 0, true }
		Expect(p.pass(o).calls).To(HaveLen(3))
		Expect(ended).To(Equal(1))
	})
})

var _ = Describe("A finalizer that a process first sees long after it became leader", func() {
	It("is in doubt for the settle time from then on", func(ctx context.Context) {
		w := newWorld(ctx)
		other := w.saml("other")
		w.create(other)
		p := w.start()
		p.settle(other)
		w.clock.advance(time.Hour)

		o := w.saml("okta")
		controllerutil.AddFinalizer(o, v1alpha1.Finalizer) // as another process wrote it
		w.create(o)
		seen := w.clock.Now()
		Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("~", DefaultSettleTime, time.Second))
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonCreationInDoubt)
		Expect(w.sim.Connections(w.acme.ID)).To(HaveLen(1))
		p.settle(o)
		Expect(w.clock.Now()).To(BeTemporally(">=", seen.Add(DefaultSettleTime)))
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(w.sim.Connections(w.acme.ID)).To(HaveLen(2))
	})
})

var _ = Describe("A fence", func() {
	It("that is closed ends a pass until the next renewal, without a status, and nothing is sent", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		closed := true
		p := w.startFenced(func() (time.Duration, bool) { return 2 * time.Second, !closed })
		got := p.pass(o)
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.calls).To(Equal([]string{"GET /v1/b2b/sso/" + w.acme.ID}), "reads are not held back")
		Expect(got.writes).To(BeEmpty(), "there is no finalizer of a creation that is not begun")
		Expect(got.result.RequeueAfter).To(BeNumerically("~", 2*time.Second, time.Second/10))
		w.reload(o)
		Expect(o.Status.Conditions).To(BeEmpty())
		closed = false
		p.settle(o)
		w.expectKept(o)
	})

	It("that closes before an encryption key is sent leaves no doubt about it", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		refs := w.keys("encryption", 0)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.EncryptionPrivateKeyRefs = refs })
		asked := 0
		p := w.startFenced(func() (time.Duration, bool) { asked++; return 2 * time.Second, asked != 2 }) // open when the turn is taken
		Expect(p.pass(o).result.RequeueAfter).To(BeNumerically("~", 2*time.Second, time.Second/10))
		w.reload(o)
		Expect(o.Status.AddingEncryptionKey.SentAt).To(BeNil())
		w.clock.advance(2 * time.Second)
		Expect(samlCalls(p.pass(o).calls)).To(ContainElement("PUT"))
		w.expectKept(o)
	})
})

var _ = Describe("A source that does not exist any more in Stytch", func() {
	for kind, manifest := range sources() {
		It(fmt.Sprintf("is not kept by those that use it (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			source := manifest(w)
			source.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.settledSource(source)
			w.settled(w.externalTo(kind))
			w.delete(source)
			p := w.start()
			w.expectBlocked(p, source)
			Expect(w.sim.RemoveConnection(source.CommonStatus().ConnectionID)).To(Succeed())
			w.clock.advance(resync)
			p.settle(source)
			Expect(w.exists(source)).To(BeFalse())
		})
	}
})
