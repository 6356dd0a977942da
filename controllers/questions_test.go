package controllers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const (
	listSSO = "GET /v1/b2b/sso/organization"
	getSCIM = "GET /v1/b2b/scim/organization/connection"
)

// atSlot lets time pass until the next slot begins and takes a pass of a settled manifest there: from now on a spec has the whole slot.
func (p *process) atSlot(o v1alpha1.Connection) {
	GinkgoHelper()
	p.world.clock.advance(p.pass(o).result.RequeueAfter)
	Expect(p.pass(o).calls).To(HaveLen(1))
}

// bring has a process's watch bring manifests, as the manager does before their passes.
func (p *process) bring(manifests ...*v1alpha1.SCIMConnection) {
	GinkgoHelper()
	p.catchUp()
	for _, o := range manifests {
		p.world.reload(o)
		Expect(p.scim.brought().Create(event.CreateEvent{Object: o})).To(BeTrue())
	}
}

// expectRest expects that a pass calls nobody and writes nothing.
func (p *process) expectRest(o v1alpha1.Connection) {
	GinkgoHelper()
	Expect(p.expectPass(o).writes).To(BeEmpty())
}

// directoryByHand makes the SCIM connection of an organization by hand.
func (w *world) directoryByHand(organization stytchsim.Organization) string {
	GinkgoHelper()
	made, err := w.sim.AddConnection(organization.ID, stytchsim.SCIM, map[string]any{"display_name": "By hand"})
	Expect(err).NotTo(HaveOccurred())
	return made.ID
}

// taking is a manifest that takes over a SAML connection and wants nothing of it.
func (w *world) taking(name, id string) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: w.acme.ID, ConnectionID: id},
	}}
}

func (w *world) requestResync(o v1alpha1.Connection, request string) {
	GinkgoHelper()
	w.annotate(o, v1alpha1.AnnotationResyncRequested, request)
}

// expectResynced expects that a request was handled.
func (w *world) expectResynced(o v1alpha1.Connection, request string) {
	GinkgoHelper()
	w.reload(o)
	Expect(o.CommonStatus().LastHandledResync).To(Equal(request))
}

var _ = Describe("A manifest that names a connection", func() {
	It("which was made in the dashboard a minute ago takes it over at once", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		known := w.settled(w.saml("known"))
		p := w.start()
		p.atSlot(known)
		w.clock.advance(time.Minute)
		id := w.activeSAML(w.acme)
		o := w.taking("taken", id)
		w.create(o)
		p.expectPass(o, listSSO)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.made()).To(ConsistOf(known.CommonStatus().ConnectionID, id))
	})

	It("which is not there is told so by a list that is not older than the manifest, and then by one a slot", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		known := w.settled(w.saml("known"))
		p := w.start()
		p.atSlot(known)
		w.clock.advance(time.Minute)
		o := w.taking("taken", "saml-connection-test-00000000-0000-4000-8000-000000000000")
		w.create(o)
		p.expectPass(o, listSSO)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRemoteMissing)
		Expect(message).To(ContainSubstring("has no connection " + o.Spec.ConnectionID))
		p.expectQuiet(o)
		w.clock.advance(p.pass(o).result.RequeueAfter)
		p.expectPass(o, listSSO)
		p.expectPass(known)
		Expect(w.made()).To(ConsistOf(known.CommonStatus().ConnectionID))
	})

	It("shortly after a list waits for the next one, without holding anything up", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		known := w.settled(w.saml("known"))
		p := w.start()
		p.atSlot(known)
		w.clock.advance(4 * time.Second)
		o := w.taking("taken", w.activeSAML(w.acme))
		w.create(o)
		got := p.expectPass(o)
		Expect(got.writes).To(BeEmpty())
		Expect(got.result.RequeueAfter).To(BeNumerically("~", 6*time.Second, time.Second))
		w.clock.advance(got.result.RequeueAfter)
		p.expectPass(o, listSSO)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	})
})

var _ = Describe("A SCIM Conflict whose remedy was followed in the dashboard", func() {
	for name, tell := range map[string]func(w *world, o v1alpha1.Connection){
		"an edit": func(w *world, o v1alpha1.Connection) {
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Directory 2" })
		},
		"a request for resync": func(w *world, o v1alpha1.Connection) { w.requestResync(o, "deleted the old one") },
	} {
		It("ends with "+name, func(ctx context.Context) {
			w := newEarlyWorld(ctx)
			id := w.directoryByHand(w.acme)
			o := w.scim("directory")
			w.create(o)
			p := w.start()
			p.expectPass(o, getSCIM)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(
				ContainSubstring("set a new value for the annotation " + v1alpha1.AnnotationResyncRequested))
			w.clock.advance(p.pass(o).result.RequeueAfter)
			p.expectPass(o, getSCIM)
			w.clock.advance(time.Minute)
			Expect(w.sim.RemoveConnection(id)).To(Succeed())
			p.expectQuiet(o)
			tell(w, o)
			p.pass(o)
			w.expectKept(o)
		})
	}
})

var _ = Describe("A storm of conflicts", func() {
	// storm makes manifests for the one SCIM connection of an organization. `make bench` makes as many as it is told to.
	storm := func(w *world, n int, policy v1alpha1.AdoptionPolicy) (all []*v1alpha1.SCIMConnection) {
		for i := range n {
			o := w.scim(fmt.Sprintf("directory-%d", i))
			o.Spec.AdoptionPolicy = policy
			w.create(o)
			all = append(all, o)
		}
		return all
	}
	// passes takes a pass of each, and returns the calls and writes.
	passes := func(p *process, all []*v1alpha1.SCIMConnection) (calls, writes []string) {
		p.check()
		p.catchUp()
		for _, o := range all {
			got := p.again(o)
			Expect(got.err).NotTo(HaveOccurred())
			calls, writes = append(calls, got.calls...), append(writes, got.writes...)
		}
		p.world.expectHonest()
		return calls, writes
	}

	It("of one organization costs one list, then one a slot, and a restart none", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		w.directoryByHand(w.acme)
		all := storm(w, 200, "")
		p := w.start()
		p.bring(all...)
		calls, _ := passes(p, all)
		Expect(short(calls)).To(Equal([]string{getSCIM}))
		Expect(w.conflicts()).To(HaveLen(len(all)))
		w.clock.advance(p.pass(all[0]).result.RequeueAfter)
		calls, writes := passes(p, all)
		Expect(short(calls)).To(Equal([]string{getSCIM}))
		Expect(writes).To(BeEmpty())

		second := w.start()
		second.bring(all...)
		for range 2 {
			calls, writes = passes(second, all)
			Expect(append(calls, writes...)).To(BeEmpty())
		}
		w.clock.advance(second.pass(all[0]).result.RequeueAfter)
		calls, _ = passes(second, all)
		Expect(short(calls)).To(Equal([]string{getSCIM}))
	})

	It("that comes after a list of its organization costs one more, however large it is", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		p := w.start()
		first := w.scim("first")
		w.directoryByHand(w.acme)
		w.create(first)
		p.expectPass(first, getSCIM)
		w.clock.advance(p.pass(first).result.RequeueAfter)
		p.expectPass(first, getSCIM)
		w.clock.advance(time.Minute)
		all := storm(w, 1000, "")
		p.bring(all...)
		calls, _ := passes(p, all)
		Expect(short(calls)).To(Equal([]string{getSCIM}))
	})

	It("that waits for a connection under Matching costs one list, and one of them has it when its manifest goes", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		holder := w.scim("holder")
		holder.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(holder)
		id := holder.Status.ConnectionID
		w.clock.advance(time.Minute)
		all := storm(w, 200, v1alpha1.AdoptMatching)
		p := w.start()
		p.bring(all...)
		calls, _ := passes(p, all)
		Expect(short(calls)).To(Equal([]string{getSCIM}))
		Expect(w.conflicts()).To(HaveLen(len(all)))

		w.delete(holder)
		p.settle(holder)
		Expect(p.scim.inConflict(ctx, []string{id})).To(HaveLen(len(all)), "each is woken once")
		for range 2 {
			more, _ := passes(p, all)
			calls = append(calls, more...)
		}
		Expect(short(calls)).To(Equal([]string{getSCIM, getSCIM}), "one told all of them, and one shows whose token the connection has")
		Expect(w.conflicts()).To(HaveLen(len(all) - 1))
		Expect(w.made()).To(ConsistOf(id))
	})
})

// conflicts are the manifests of which status says Conflict.
func (w *world) conflicts() []v1alpha1.Connection {
	GinkgoHelper()
	return slices.DeleteFunc(w.connections(), func(o v1alpha1.Connection) bool {
		return !meta.IsStatusConditionFalse(o.CommonStatus().Conditions, v1alpha1.ConditionSynced) ||
			meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced).Reason != v1alpha1.ReasonConflict
	})
}

var _ = Describe("A restart", func() {
	It("asks nothing for a manifest whose connection is missing, until the next slot", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta"))
		Expect(w.sim.RemoveConnection(o.CommonStatus().ConnectionID)).To(Succeed())
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
		p := w.start()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRemoteMissing)
		second := w.start()
		second.expectRest(o)
		w.clock.advance(second.pass(o).result.RequeueAfter)
		second.expectPass(o, listSSO)
	})

	It("does not keep a manifest from the connection that another one gives up", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		first, o := w.scim("first"), w.scim("second")
		first.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settled(first)
		w.reload(first)
		w.create(o)
		w.start().settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
		p := w.start()
		p.expectRest(o)
		w.delete(first)
		p.settle(first)
		Expect(p.scim.inConflict(ctx, claimed(first))).To(ConsistOf(HaveField("NamespacedName", client.ObjectKeyFromObject(o))))
		p.settle(o)
		w.expectKept(o)
	})
})

var _ = Describe("A requested resync", func() {
	It("is made once for each value, repairs what it finds, and is echoed", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta"))
		p := w.start()
		p.atSlot(o)
		w.clock.advance(time.Minute)
		_, err := w.sim.PatchConnection(o.CommonStatus().ConnectionID, map[string]any{"display_name": "Changed by hand"})
		Expect(err).NotTo(HaveOccurred())
		w.requestResync(o, "1")
		p.expectPass(o, listSSO, "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		w.expectResynced(o, "1")
		w.expectKept(o)
		p.expectQuiet(o)
		w.clock.advance(time.Minute)
		w.requestResync(o, "1")
		p.expectQuiet(o)
		w.start().expectQuiet(o)
		w.requestResync(o, "2")
		p.expectPass(o, listSSO)
		w.expectResynced(o, "2")
		edit(w, o, func(o v1alpha1.Connection) { o.SetAnnotations(nil) })
		p.expectPass(o)
		p.expectQuiet(o)
		w.expectResynced(o, "2")
	})

	It("costs at most one list an organization and 10 seconds, which all who ask share", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		a, b := w.settled(w.saml("a")), w.saml("b")
		w.create(b)
		p := w.start()
		p.settle(b)
		p.atSlot(a)
		p.pass(b)
		w.clock.advance(time.Minute)
		w.requestResync(a, "1")
		p.expectPass(a, listSSO)
		for _, o := range []v1alpha1.Connection{a, b} {
			w.clock.advance(2 * time.Second)
			w.requestResync(o, "2")
			for range 2 {
				got := p.expectPass(o)
				Expect(got.writes).To(BeEmpty())
				Expect(got.result.RequeueAfter).To(BeNumerically("<=", 10*time.Second))
			}
		}
		w.clock.advance(p.pass(a).result.RequeueAfter)
		p.expectPass(b, listSSO)
		p.expectPass(a)
		w.expectResynced(a, "2")
		w.expectResynced(b, "2")
	})

	It("is made under Observe, and not under Paused", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta"))
		p := w.start()
		p.atSlot(o)
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementPaused })
		p.settle(o)
		w.clock.advance(time.Minute)
		w.requestResync(o, "1")
		p.expectPass(o)
		w.expectResynced(o, "")
		edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().Management = v1alpha1.ManagementObserve })
		p.expectPass(o, listSSO)
		w.expectResynced(o, "1")
		p.expectQuiet(o)
	})

	It("finds the groups that a SCIM connection waits for", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection)
		p := w.start()
		p.atSlot(o)
		w.give(o, byName("Engineering", "editor"))
		p.pass(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)
		w.clock.advance(time.Minute)
		w.push(o, "Engineering")
		p.expectPass(o)
		w.requestResync(o, "pushed")
		p.pass(o)
		w.expectKept(o)
		w.expectResynced(o, "pushed")
	})

	It("is not handled by a list that fails", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta"))
		p := w.start()
		p.atSlot(o)
		w.clock.advance(time.Minute)
		w.fault(stytchsim.Fault{Method: "GET", Path: "/v1/b2b/sso/*", Status: 503})
		w.requestResync(o, strings.Repeat("long ", 100))
		p.expectPass(o, listSSO)
		w.expectResynced(o, "")
		w.sim.RemoveFaults()
		w.clock.advance(time.Minute)
		p.expectPass(o, listSSO)
		w.reload(o)
		Expect(o.CommonStatus().LastHandledResync).To(HaveLen(len(connection.Hash(""))), "a long value is shown as a hash")
		p.expectQuiet(o)
	})
})

var _ = Describe("An annotation that the operator does not know", func() {
	It("is mentioned once, without its value, and changes no reason", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.scim("directory"))
		p := w.start()
		p.atSlot(o)
		w.annotate(o, v1alpha1.AnnotationPrefix+"rotate-tokn", "a value")
		got := p.expectPass(o)
		Expect(got.writes).To(HaveLen(1))
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(message).To(HaveSuffix("rotate-tokn is unknown and ignored. Did you mean rotate-token?"))
		Expect(message).NotTo(ContainSubstring("a value"))
		w.expectKept(o)
		p.expectQuiet(o)
		edit(w, o, func(o v1alpha1.Connection) { o.SetAnnotations(nil) })
		p.expectPass(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(Equal("Stytch matches the manifest."))
		p.expectQuiet(o)
	})
})

var _ = Describe("Manifests that come to the manager", func() {
	It("while an organization is being listed share the next list", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		w.directoryByHand(w.acme)
		h := w.hold("GetSCIMConnection")
		w.manage()
		var all []*v1alpha1.SCIMConnection
		add := func(name string) {
			o := w.scim(name)
			w.create(o)
			all = append(all, o)
		}
		add("first")
		Eventually(h.arrived).Should(Receive())
		w.clock.advance(time.Minute)
		for i := range 5 {
			add(fmt.Sprintf("later-%d", i))
		}
		last := w.ofPartner(w.scim("last"))
		w.create(last)
		w.comesTo(last, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		seq := w.seq()
		h.release()
		for _, o := range all {
			w.comesTo(o, v1alpha1.ConditionSynced, v1alpha1.ReasonConflict)
		}
		Expect(w.callsSince(seq)).To(HaveLen(1))
		w.expectHonest()
	})
})
