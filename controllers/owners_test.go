package controllers

import (
	"context"
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// owner is where a manifest stands, and which project it uses.
type owner struct {
	other   bool // the namespace of another team
	project v1alpha1.ProjectRef
}

const (
	holderName = "holder-of-it"
	rivalName  = "rival"
	anotherOne = "second" // the other project of its kind
)

// newOwnersWorld makes a world in whose two namespaces there are two StytchProjects each, and two ClusterStytchProjects that grant acme to
// both, all with the same credentials.
func newOwnersWorld(ctx context.Context) *world {
	w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant { return w.grantsToBoth() })
	for _, namespace := range []string{w.namespace, w.shared.other} {
		secret, project := w.secret(anotherOne, map[string]string{"secret": stytchsim.DefaultSecret}), w.project()
		secret.Namespace, project.Namespace = namespace, namespace
		project.Name, project.Spec.SecretRef.Name = anotherOne, anotherOne
		w.create(secret)
		w.create(project)
	}
	project := w.clusterProject()
	project.Name, project.Spec.Grants = w.clusterName(anotherOne), w.grantsToBoth()
	w.share(project)
	return w
}

// grantsToBoth are grants of acme to both namespaces, in a grant each.
func (w *world) grantsToBoth() []v1alpha1.Grant {
	own, theirs := w.grant(w.acme.ID), w.grant(w.acme.ID)
	theirs.Namespaces = []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.shared.other)}
	own.Sources, theirs.Sources = []v1alpha1.GrantedOrganization{"*"}, []v1alpha1.GrantedOrganization{"*"}
	return []v1alpha1.Grant{own, theirs}
}

// clusterName is the name of a ClusterStytchProject of this world alone.
func (w *world) clusterName(name string) string {
	if name == "" {
		return w.namespace
	}
	return w.namespace + "-" + name
}

// owned puts a manifest, which is under Delete, into the place of an owner.
func (w *world) owned(o v1alpha1.Connection, name string, by owner) v1alpha1.Connection {
	o.SetName(name)
	if by.other {
		o.SetNamespace(w.shared.other)
	}
	spec := o.CommonSpec()
	spec.DeletionPolicy, spec.ProjectRef = v1alpha1.DeletionDelete, by.project
	if by.project.Kind == v1alpha1.ClusterProject {
		spec.ProjectRef.Name = w.clusterName(by.project.Name)
	}
	return o
}

// newHolder makes a manifest's connection, and returns the manifest with a copy that another owner may apply.
func (w *world) newHolder(p *process, manifest v1alpha1.Connection, first, then owner, says func(v1alpha1.Connection, string)) (holder, rival v1alpha1.Connection) {
	GinkgoHelper()
	rival = w.owned(copyOf(manifest), rivalName, then)
	holder = w.owned(manifest, holderName, first)
	if oidc, is := holder.(*v1alpha1.OIDCConnection); is && first.other {
		secret := w.secret(oidc.Spec.ClientSecretRef.Name, map[string]string{oidc.Spec.ClientSecretRef.Key: "client-secret"})
		secret.Namespace = w.shared.other
		w.create(secret)
	}
	w.create(holder)
	p.settle(holder)
	w.expectInSync(holder)
	w.before = holder.CommonStatus().ConnectionID
	says(rival, w.before)
	return holder, rival
}

func (w *world) expectInSync(o v1alpha1.Connection) {
	GinkgoHelper()
	w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
}

// expectConflict expects that a manifest does not have the connection that another one holds, and says so without naming that to another
// namespace.
func (w *world) expectConflict(rival, holder v1alpha1.Connection) {
	GinkgoHelper()
	message := w.expectCondition(rival, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)
	Expect(rival.CommonStatus().ConnectionID).To(BeEmpty())
	if rival.GetNamespace() == holder.GetNamespace() {
		Expect(message).To(ContainSubstring("manifest " + holder.GetName()))
		return
	}
	Expect(message).To(ContainSubstring("another namespace"))
	for _, secret := range []string{holder.GetName(), holder.GetNamespace()} {
		for _, said := range append(w.eventsAbout(rival), message) {
			Expect(said).NotTo(ContainSubstring(secret))
		}
	}
}

var _ = Describe("A connection with two owners", func() {
	namespaced := func(name string) v1alpha1.ProjectRef {
		return v1alpha1.ProjectRef{Kind: v1alpha1.NamespacedProject, Name: name}
	}
	ofCluster := func(name string) v1alpha1.ProjectRef {
		return v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: name}
	}
	const other = true

	handsOver := func(kind kindOfSpecs, first, then owner, says func(v1alpha1.Connection, string)) func(context.Context) {
		return func(ctx context.Context) {
			w := newOwnersWorld(ctx)
			p := w.start()
			holder, rival := w.newHolder(p, kind.manifest(w), first, then, says)

			seq := w.seq()
			early := copyOf(rival)
			w.create(early)
			p.settle(early)
			w.expectConflict(early, holder)
			edit(w, early, kind.touch)
			p.settle(early)
			w.clock.advance(resync)
			p.settle(early)
			p.settle(holder)
			w.expectConflict(early, holder)
			w.delete(early)
			p.settle(early)
			Expect(w.exists(early)).To(BeFalse())
			Expect(w.sentSince(seq)).To(BeEmpty(), "the rival sent something")
			w.expectInSync(holder)

			w.create(rival)
			p.settle(rival)
			w.expectConflict(rival, holder)
			seq = w.seq()
			w.delete(holder)
			p.settle(holder)
			Expect(w.exists(holder)).To(BeFalse())
			Expect(w.sentSince(seq)).To(BeEmpty(), "it is handed over")
			p.settle(rival)
			w.expectInSync(rival)
			Expect(rival.CommonStatus().ConnectionID).To(Equal(w.before))
			Expect(w.made()).To(ConsistOf(w.before))

			w.delete(rival)
			p.settle(rival)
			Expect(w.exists(rival)).To(BeFalse())
			Expect(w.made()).To(BeEmpty(), "who holds it deletes it")
		}
	}

	saml := kindsOfSpecs()[2]
	for which, owners := range map[string][2]owner{
		"two StytchProjects of a namespace":                                 {{project: namespaced("default")}, {project: namespaced(anotherOne)}},
		"StytchProjects of two namespaces":                                  {{project: namespaced("default")}, {other, namespaced(anotherOne)}},
		"a StytchProject and a ClusterStytchProject, in a namespace":        {{project: namespaced("default")}, {project: ofCluster("")}},
		"a StytchProject and a ClusterStytchProject, in two namespaces":     {{project: namespaced("default")}, {other, ofCluster("")}},
		"one ClusterStytchProject, in two namespaces":                       {{project: ofCluster("")}, {other, ofCluster("")}},
		"two ClusterStytchProjects, in two namespaces":                      {{project: ofCluster("")}, {other, ofCluster(anotherOne)}},
		"two ClusterStytchProjects, in a namespace":                         {{project: ofCluster("")}, {project: ofCluster(anotherOne)}},
		"a ClusterStytchProject and a StytchProject, in a single namespace": {{project: ofCluster("")}, {project: namespaced("default")}},
	} {
		for way, says := range takingOver() {
			It(fmt.Sprintf("of %s stays with the first, and is handed over to the second with %s", which, way), handsOver(saml, owners[0], owners[1], says))
		}
	}
	for _, kind := range kindsOfSpecs() {
		for way, says := range takingOver() {
			It(fmt.Sprintf("of a ClusterStytchProject and a StytchProject stays with the first, and is handed over with %s (%s)", way, kind.name),
				handsOver(kind, owner{other, ofCluster("")}, owner{project: namespaced("default")}, says))
		}
	}

	It("of which the one lost its grant goes to the other, and is the elder's again when the grant is given back", func(ctx context.Context) {
		w := newOwnersWorld(ctx)
		p := w.start()
		lost, taker := w.newHolder(p, w.saml("okta"), owner{project: ofCluster("")}, owner{other, ofCluster(anotherOne)}, takingOver()[itsID])
		w.regrant(w.grantsToBoth()[1])
		p.settle(lost)
		w.expectCondition(lost, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		w.create(taker)
		p.settle(taker)
		w.expectKept(taker)
		Expect(taker.CommonStatus().ConnectionID).To(Equal(w.before))

		seq := w.seq()
		w.regrant(w.grantsToBoth()...)
		both := []v1alpha1.Connection{lost, taker}
		for range 2 {
			w.clock.advance(resync)
			for _, o := range both {
				p.settle(o)
			}
		}
		slices.SortFunc(both, elderFirst)
		w.expectInSync(both[0])
		Expect(w.expectCondition(both[1], v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("another namespace"))
		w.delete(both[1])
		p.settle(both[1])
		Expect(w.exists(both[1])).To(BeFalse())
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.made()).To(ConsistOf(w.before))
	})

	It("of which the elder only names it, and has no grant, goes to the other", func(ctx context.Context) {
		w := newOwnersWorld(ctx)
		w.regrant(w.grantsToBoth()[1])
		found, err := w.sim.AddConnection(w.acme.ID, stytchsim.SAML, map[string]any{"display_name": "By hand"})
		Expect(err).NotTo(HaveOccurred())
		elder, granted := w.owned(w.saml("okta"), holderName, owner{project: ofCluster("")}), w.owned(w.saml("okta"), rivalName, owner{other, ofCluster("")})
		p := w.start()
		for _, o := range []v1alpha1.Connection{elder, granted} {
			o.CommonSpec().ConnectionID = found.ID
			w.create(o)
			p.settle(o)
		}
		w.expectCondition(elder, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		w.expectInSync(granted)
		seq := w.seq()
		w.regrant(w.grantsToBoth()...)
		p.settle(elder)
		w.expectConflict(elder, granted)
		w.delete(elder)
		p.settle(elder)
		Expect(w.exists(elder)).To(BeFalse())
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.made()).To(ConsistOf(found.ID))
	})

	It("of which the one has lost its ClusterStytchProject stays with that, since nothing is known of its grants", func(ctx context.Context) {
		w := newOwnersWorld(ctx)
		p := w.start()
		holder, rival := w.newHolder(p, w.saml("okta"), owner{other, ofCluster("")}, owner{project: namespaced("default")}, takingOver()[itsID])
		w.delete(w.clusterProject())
		p.settle(holder)
		w.create(rival)
		seq := w.seq()
		p.settle(rival)
		w.expectConflict(rival, holder)
		w.delete(rival)
		p.settle(rival)
		Expect(w.exists(rival)).To(BeFalse())
		Expect(w.sentSince(seq)).To(BeEmpty())
	})
})
