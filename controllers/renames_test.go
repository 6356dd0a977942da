package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// Ways in which a manifest that is renamed says which connection is its.
const (
	byID     = "ByID"
	matching = "Matching"
	itsID    = "connectionID"
)

// renaming is what becomes of a rename.
type renaming struct {
	policy v1alpha1.DeletionPolicy
	says   string
	first  string // what the GitOps tool does first: apply or prune
	reason string // of the new manifest, in the end
	kept   bool   // it has the connection of the old one
	made   int    // how many connections there are in the end
}

// renames is the table of docs/connections.md.
func renames() []renaming {
	const conflict, inSync, missing = v1alpha1.ReasonConflict, v1alpha1.ReasonInSync, v1alpha1.ReasonRemoteMissing
	const retain, remove = v1alpha1.DeletionRetain, v1alpha1.DeletionDelete
	return []renaming{
		{retain, byID, "apply", conflict, false, 1},
		{retain, byID, "prune", conflict, false, 1},
		{retain, matching, "apply", inSync, true, 1},
		{retain, matching, "prune", inSync, true, 1},
		{retain, itsID, "apply", inSync, true, 1},
		{retain, itsID, "prune", inSync, true, 1},
		{remove, byID, "apply", inSync, false, 1},
		{remove, byID, "prune", inSync, false, 1},
		{remove, matching, "apply", inSync, true, 1},
		{remove, matching, "prune", inSync, false, 1},
		{remove, itsID, "apply", inSync, true, 1},
		{remove, itsID, "prune", missing, false, 0},
	}
}

// of is what becomes of a rename of some manifests: those without displayName are recognized by their application alone, and metadata is
// not read again of a connection that is taken over.
func (r renaming) of(manifests string) renaming {
	unnamed, described := strings.Contains(manifests, "without displayName"), strings.Contains(manifests, "metadataURL")
	retained := r.policy == v1alpha1.DeletionRetain && r.first == "prune"
	if retained && unnamed && (r.says == byID || described && r.says == matching) {
		r.reason, r.kept, r.made = v1alpha1.ReasonInSync, false, 2 // nothing says any more that the two belong together
	}
	if described && r.kept {
		r.reason = v1alpha1.ReasonMetadataUnread
	}
	return r
}

// renamedManifests are manifests that are renamed, and what is different of them.
func renamedManifests() []struct {
	name     string
	manifest func(w *world) v1alpha1.Connection
} {
	unnamed := func(o v1alpha1.Connection) v1alpha1.Connection {
		o.CommonSpec().DisplayName = ""
		return o
	}
	return []struct {
		name     string
		manifest func(w *world) v1alpha1.Connection
	}{
		{"SAML", func(w *world) v1alpha1.Connection { return w.saml("okta") }},
		{"SAML without displayName", func(w *world) v1alpha1.Connection { return unnamed(w.saml("okta")) }},
		{"SAML with metadataURL", func(w *world) v1alpha1.Connection {
			w.publishMetadata(metadataURL("okta"), "https://idp.example.com", newCertificate("okta"))
			return w.describedBy("okta", metadataURL("okta"))
		}},
		{"SAML with metadataURL, without displayName", func(w *world) v1alpha1.Connection {
			w.publishMetadata(metadataURL("okta"), "https://idp.example.com", newCertificate("okta"))
			return unnamed(w.describedBy("okta", metadataURL("okta")))
		}},
		{"OIDC without displayName", func(w *world) v1alpha1.Connection { return unnamed(w.oidc("entra")) }},
		{"SCIM", func(w *world) v1alpha1.Connection { return w.scim("directory") }},
		{"External", func(w *world) v1alpha1.Connection { return w.external() }},
	}
}

// rename applies a manifest under another name and prunes the old one, in one order or the other. It returns the connection of the old one.
func (w *world) rename(p *process, o v1alpha1.Connection, r renaming) (v1alpha1.Connection, string) {
	GinkgoHelper()
	o.CommonSpec().DeletionPolicy = r.policy
	if r.says == matching {
		o.CommonSpec().AdoptionPolicy = v1alpha1.AdoptMatching
	}
	heir := copyOf(o)
	heir.SetName("renamed")
	w.create(o)
	p.settle(o)
	w.reload(o)
	id := o.CommonStatus().ConnectionID
	Expect(id).NotTo(BeEmpty())
	if r.says == itsID {
		heir.CommonSpec().ConnectionID = id
	}
	if r.first == "apply" {
		w.create(heir)
		p.settle(heir)
		Expect(w.expectCondition(heir, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring(o.GetName()))
		Expect(w.made()).To(ConsistOf(id))
	}
	w.delete(o)
	p.settle(o)
	Expect(w.exists(o)).To(BeFalse())
	if r.first == "prune" {
		w.create(heir)
	}
	p.settle(heir)
	return heir, id
}

var _ = Describe("A rename", func() {
	for _, kind := range renamedManifests() {
		for _, r := range renames() {
			r := r.of(kind.name)
			It(fmt.Sprintf("of a manifest with %s under %s, %s first, ends with %s (%s)", r.says, r.policy, r.first, r.reason, kind.name), func(ctx context.Context) {
				w := newWorld(ctx)
				p := w.start()
				heir, id := w.rename(p, kind.manifest(w), r)
				w.expectCondition(heir, v1alpha1.ConditionSynced, statusOf(r.reason), r.reason)
				its := Equal(id)
				if !r.kept {
					its = Not(its)
				}
				Expect(heir.CommonStatus().ConnectionID).To(its)
				Expect(w.made()).To(HaveLen(r.made))
				if scim, isSCIM := heir.(*v1alpha1.SCIMConnection); isSCIM && r.reason == v1alpha1.ReasonInSync {
					w.expectToken(scim)
				}
				Expect(w.notes("HandedOver")).To(HaveLen(boolToInt(r.first == "apply" && r.says != byID)))
				twins := r.made / 2
				if strings.Contains(kind.name, "metadataURL") {
					twins = 0 // what the application is was not known when the connection was created
				}
				Expect(w.notes("ProbableTwin")).To(HaveLen(twins))
				if r.reason == v1alpha1.ReasonInSync {
					Expect(heir.CommonStatus().ConflictingConnectionID).To(BeEmpty())
					p.expectQuiet(heir)
					w.start().expectQuiet(heir)
				}
			})
		}
	}

	It("whose new manifest nobody has looked at yet when the old one is pruned does not delete the connection", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		o := w.saml("okta")
		o.Spec.DeletionPolicy, o.Spec.AdoptionPolicy = v1alpha1.DeletionDelete, v1alpha1.AdoptMatching
		heir := copyOf(o)
		heir.Name = "renamed"
		w.create(o)
		p.settle(o)
		w.create(heir)
		w.delete(o)
		Expect(p.pass(o).calls).To(BeEmpty())
		Expect(w.exists(o)).To(BeTrue(), "it waits")
		p.settle(heir)
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		p.settle(heir)
		w.expectKept(heir)
		Expect(w.notes("HandedOver")).To(ConsistOf(ContainSubstring("manifest renamed")))
	})

	It("under Delete waits no longer than a minute for a new manifest that nobody looks at", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		o := w.saml("okta")
		o.Spec.DeletionPolicy, o.Spec.AdoptionPolicy = v1alpha1.DeletionDelete, v1alpha1.AdoptMatching
		heir := copyOf(o)
		heir.Name = "renamed"
		w.create(o)
		p.settle(o)
		w.create(heir)
		w.delete(o)
		p.pass(o)
		Expect(w.exists(o)).To(BeTrue())
		w.clock.advance(time.Minute)
		p.settle(o)
		Expect(w.exists(o)).To(BeFalse())
		Expect(w.made()).To(BeEmpty())
	})

	It("that is none is let alone where a displayName says so", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		o, second := w.saml("okta"), w.saml("okta")
		o.Spec.DisplayName, second.Spec.DisplayName, second.Name = "", "", "second"
		w.create(o)
		p.settle(o)
		w.create(second)
		p.settle(second)
		Expect(w.expectCondition(second, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("set another spec.displayName"))
		edit(w, second, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Second" })
		p.settle(second)
		w.expectCondition(second, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(w.made()).To(HaveLen(2))
		Expect(w.notes("ProbableTwin")).To(BeEmpty())
	})

	It("is not seen in two manifests that are made at once: both get their connection", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.saml("okta"), w.saml("okta")
		b.Name = "other"
		w.create(a)
		first := w.start()
		first.life.dieOnEvent("stytch POST ")
		first.pass(a)
		w.create(b)
		p := w.start()
		p.settle(b)
		p.settle(a)
		for _, o := range []*v1alpha1.SAMLConnection{a, b} {
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		}
		Expect(w.made()).To(HaveLen(2))
	})
})

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matchingSAML is a manifest of which a connection that is made by hand may be the one meant.
func (w *world) matchingSAML(name string) *v1alpha1.SAMLConnection {
	o := w.saml("okta")
	o.Name, o.Spec.AdoptionPolicy = name, v1alpha1.AdoptMatching
	return o
}

// likeIt makes a connection by hand with the name of matchingSAML.
func (w *world) likeIt(entityID string) string {
	GinkgoHelper()
	made, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{"display_name": "Okta of okta", "idp_entity_id": entityID})
	Expect(err).NotTo(HaveOccurred())
	return made.ID
}

var _ = Describe("adoptionPolicy Matching", func() {
	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("takes over the connection of a manifest of which nothing but Git is left (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := kind.manifest(w)
			o.CommonSpec().AdoptionPolicy = v1alpha1.AdoptMatching
			w.settled(o)
			seq := w.seq()
			o = w.reborn(w, o, false, false)
			w.start().settle(o)
			w.expectKept(o)
			w.expectNothingSentSince(seq)
			Expect(w.notes("Adopted")).To(ConsistOf(ContainSubstring(o.CommonStatus().ConnectionID)))
		})
	}

	It("sees what was made after the last list", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		other := w.saml("other")
		w.create(other)
		p.settle(other)
		id := w.likeIt("")
		o := w.matchingSAML("okta")
		w.create(o)
		p.settle(o)
		w.reload(o)
		Expect(o.Status.ConnectionID).To(Equal(id))
		Expect(w.made()).To(HaveLen(2))
	})

	It("takes over nothing where several match, another application is meant, or another manifest names it", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		o := w.matchingSAML("okta")
		strange := w.likeIt("https://another.example.com")
		w.create(o)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring(strange))
		Expect(w.sim.RemoveConnection(strange)).To(Succeed())
		a, b := w.likeIt(""), w.likeIt("")
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(And(ContainSubstring(a), ContainSubstring(b)))
		Expect(w.sim.RemoveConnection(b)).To(Succeed())
		naming := w.saml("naming")
		naming.Spec.ConnectionID, naming.Spec.ProjectRef.Name = a, "no-such-project"
		w.create(naming)
		w.clock.advance(resync)
		p.settle(o)
		w.reload(o)
		Expect(o.Status.ConnectionID).NotTo(Equal(a))
		w.delete(naming)
	})

	It("lets only one of two manifests take a connection over, though the cache shows nothing of the other's", func(ctx context.Context) {
		w := newWorld(ctx)
		id := w.likeIt("")
		a, b := w.matchingSAML("a"), w.matchingSAML("b")
		w.create(a)
		w.create(b)
		p := w.startAlone()
		p.catchUp()
		p.check()
		p.catchUp()
		p.freeze()
		p.again(a)
		p.again(b)
		w.reload(a)
		w.reload(b)
		Expect(a.Status.ConnectionID).To(Equal(id))
		Expect(b.Status.ConnectionID).To(BeEmpty())
		Expect(w.made()).To(ConsistOf(id))
	})

	It("costs an observed manifest no list beyond the one that all share at each slot", func(ctx context.Context) {
		w := newWorld(ctx)
		w.likeIt("")
		o, other := w.matchingSAML("okta"), w.saml("other")
		o.Spec.Management, o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = v1alpha1.ManagementObserve, nil, nil
		w.create(other)
		w.create(o)
		p := w.start()
		p.settle(other)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)
		for range 3 {
			w.clock.advance(resync)
			p.expectPass(other, "GET /v1/b2b/sso/organization")
			p.expectQuiet(o)
		}
		Expect(w.made()).To(HaveLen(2))
	})
})

var _ = Describe("A probable twin", func() {
	It("is told of once when a connection is taken over, is noted until it is gone, and is counted", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.ConnectionID = w.likeIt("")
		twin := w.likeIt("https://idp.example.com/okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		note := ContainSubstring("No manifest has these connections")
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(And(note, ContainSubstring(twin)))
		Expect(o.Status.ProbableTwins).To(ConsistOf(twin))
		Expect(w.notes("ProbableTwin")).To(ConsistOf(ContainSubstring(twin)))
		Expect(p.unclaimedConnections()).To(Equal(map[string]float64{"SAMLConnection": 1}))
		later := w.likeIt("https://idp.example.com/okta")
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(And(ContainSubstring(twin), Not(ContainSubstring(later))))
		Expect(p.unclaimedConnections()).To(Equal(map[string]float64{"SAMLConnection": 2}))
		Expect(w.sim.RemoveConnection(twin)).To(Succeed())
		p.expectQuiet(o)
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).NotTo(note)
		Expect(w.notes("ProbableTwin")).To(HaveLen(1))
	})
})

// unclaimedConnections are what a process's metrics show of connections that no manifest has, by kind.
func (p *process) unclaimedConnections() map[string]float64 {
	GinkgoHelper()
	p.catchUp()
	registry := prometheus.NewPedanticRegistry()
	Expect(registry.Register(p.unclaimed())).To(Succeed())
	families, err := registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	found := map[string]float64{}
	for _, family := range families {
		Expect(family.GetName()).To(Equal("stytch_unclaimed_connections"))
		for _, series := range family.GetMetric() {
			Expect(series.GetLabel()[1].GetValue()).To(Equal(stytchsim.DefaultProjectID))
			found[series.GetLabel()[0].GetValue()] = series.GetGauge().GetValue()
		}
	}
	return found
}
