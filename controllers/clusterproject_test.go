package controllers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// sharing is what a world with a ClusterStytchProject has: the namespace of its Secret, that of another team, and its ClusterStytchProjects.
type sharing struct {
	operator, other string
	projects        []*v1alpha1.ClusterStytchProject
}

// options of a process that serves ClusterStytchProjects, if it is one.
func (s *sharing) options(o Options) Options {
	if s != nil {
		o.ClusterProjects, o.ClusterResourceNamespace = true, s.operator
	}
	return o
}

// cached are the kinds that such a process has informers for in addition.
func (s *sharing) cached() []client.Object {
	if s == nil {
		return nil
	}
	return []client.Object{newClusterStytchProject(), metadataOf(kindNamespace)}
}

// namespaces are those that a process of the world caches.
func (w *world) namespaces() []string {
	if w.shared == nil {
		return []string{w.namespace}
	}
	return []string{w.namespace, w.shared.operator, w.shared.other}
}

// newSharedWorld makes a world with a ClusterStytchProject that has these grants. Its processes have caches of their own.
func newSharedWorld(ctx context.Context, grants func(w *world) []v1alpha1.Grant) *world {
	w := newWorld(ctx)
	namespace := func() string {
		o := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}
		w.create(o)
		return o.Name
	}
	w.shared = &sharing{operator: namespace(), other: namespace()}
	secret := w.secret("shared", map[string]string{"secret": stytchsim.DefaultSecret})
	secret.Namespace = w.shared.operator
	w.create(secret)
	project := w.clusterProject()
	project.Spec.Grants = grants(w)
	w.share(project)
	return w
}

// share makes a ClusterStytchProject, for as long as the spec lasts.
func (w *world) share(project *v1alpha1.ClusterStytchProject) {
	GinkgoHelper()
	w.create(project)
	w.shared.projects = append(w.shared.projects, project)
	DeferCleanup(func(ctx context.Context) { Expect(client.IgnoreNotFound(api.Delete(ctx, project))).To(Succeed()) })
}

func (w *world) clusterProject() *v1alpha1.ClusterStytchProject {
	spec := w.project().Spec.ProjectSpec
	spec.SecretRef.Name = "shared"
	return &v1alpha1.ClusterStytchProject{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}, Spec: v1alpha1.ClusterStytchProjectSpec{ProjectSpec: spec}}
}

// of has a manifest use the ClusterStytchProject of the world, for an organization.
func (w *world) of(o v1alpha1.Connection, organization string) v1alpha1.Connection {
	o.CommonSpec().ProjectRef = v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: w.namespace}
	o.CommonSpec().Organization = organization
	return o
}

// regrant changes the grants.
func (w *world) regrant(grants ...v1alpha1.Grant) {
	GinkgoHelper()
	edit(w, w.clusterProject(), func(p *v1alpha1.ClusterStytchProject) { p.Spec.Grants = grants })
}

// grant is one for the world's namespace.
func (w *world) grant(organizations ...string) v1alpha1.Grant {
	g := v1alpha1.Grant{Namespaces: []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.namespace)}}
	for _, organization := range organizations {
		g.Organizations = append(g.Organizations, v1alpha1.GrantedOrganization(organization))
	}
	return g
}

// catchUpWithSharing waits until the process's cache shows the ClusterStytchProjects of the world, and the labels of its namespaces.
func (p *process) catchUpWithSharing() {
	GinkgoHelper()
	if p.world.shared == nil {
		return
	}
	objects := map[string]client.Object{}
	for _, project := range p.world.shared.projects {
		objects[project.Name+" of the cluster"] = project
	}
	for _, name := range p.world.namespaces() {
		o := metadataOf(kindNamespace)
		o.Name = name
		objects[name] = o
	}
	version := func(from client.Reader, o client.Object) string {
		now := o.DeepCopyObject().(client.Object)
		if err := from.Get(p.world.ctx, client.ObjectKeyFromObject(o), now); err != nil {
			Expect(apierrors.IsNotFound(err)).To(BeTrue(), "%v", err)
			return ""
		}
		return now.GetResourceVersion()
	}
	for what, o := range objects {
		want := version(api, o)
		Eventually(func() string { return version(p.cache, o) }).WithPolling(2*time.Millisecond).Should(Equal(want), "the cache does not catch up with "+what)
	}
}

// checkSharing takes a pass of each ClusterStytchProject of the world.
func (p *process) checkSharing() {
	GinkgoHelper()
	if p.world.shared == nil {
		return
	}
	for _, project := range p.world.shared.projects {
		_, err := p.passOf(project)
		Expect(err).NotTo(HaveOccurred())
	}
}

// passOfSharing is a pass of the first one.
func (p *process) passOfSharing() (ctrl.Result, error) { return p.passOf(p.world.clusterProject()) }

func (p *process) passOf(project *v1alpha1.ClusterStytchProject) (ctrl.Result, error) {
	return p.clusterProjects.Reconcile(logr.NewContext(p.world.ctx, p.world.logger()), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(project)})
}

// touched are the organizations that calls to Stytch were about since a moment.
func (w *world) touched(seq int) []string {
	found := map[string]bool{}
	for _, c := range w.sim.CallsSince(seq) {
		for part := range strings.SplitSeq(c.Path, "/") {
			if strings.HasPrefix(part, "organization-") || part == "acme" || part == "partner" {
				found[part] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// noSuchOrganization is the ID of an organization that Stytch does not have.
const noSuchOrganization = "organization-test-00000000-0000-4000-8000-000000000000"

// eventsAbout are the events of a manifest, as reason and note.
func (w *world) eventsAbout(o client.Object) []string {
	GinkgoHelper()
	var events eventsv1.EventList
	Expect(api.List(w.ctx, &events, client.InNamespace(o.GetNamespace()))).To(Succeed())
	var found []string
	for _, e := range events.Items {
		if e.Regarding.UID == o.GetUID() {
			found = append(found, e.Reason+": "+e.Note)
		}
	}
	return found
}

// expectUntouched expects that nothing was sent to Stytch since a moment.
func (w *world) expectUntouched(seq int) {
	GinkgoHelper()
	Expect(w.callsSince(seq)).To(BeEmpty())
}

// connectionsOf is how many connections an organization has.
func (w *world) connectionsOf(organization stytchsim.Organization) int {
	return len(w.sim.Connections(organization.ID))
}

var _ = Describe("A ClusterStytchProject", func() {
	acmeAlone := func(w *world) []v1alpha1.Grant { return []v1alpha1.Grant{w.grant(w.acme.ID)} }
	nobody := func(*world) []v1alpha1.Grant { return nil }

	for _, kind := range kindsOfSpecs() {
		It("lets a namespace manage the organizations that are granted to it, and says so ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
				g := w.grant(w.acme.ID)
				g.Sources = []v1alpha1.GrantedOrganization{v1alpha1.GrantedOrganization(w.partner.ID)}
				return []v1alpha1.Grant{g, {Namespaces: []v1alpha1.GrantedNamespace{"nobody-has-this"}, Organizations: []v1alpha1.GrantedOrganization{"*"}}}
			})
			o := w.of(kind.manifest(w), w.acme.ID)
			w.create(o)
			p := w.start()
			seq := w.seq()
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			w.expectKept(o)
			organizations := []string{w.acme.ID}
			if kind.name == "ExternalConnection" {
				organizations = slices.Sorted(slices.Values([]string{w.acme.ID, w.partner.ID}))
			}
			Expect(w.touched(seq)).To(Equal(organizations))

			project := w.clusterProject()
			_, err := p.passOfSharing()
			Expect(err).NotTo(HaveOccurred())
			w.reload(project)
			Expect(meta.IsStatusConditionTrue(project.Status.Conditions, v1alpha1.ConditionReady)).To(BeTrue())
			Expect(project.Status.Grants).To(Equal([]v1alpha1.GrantStatus{{State: v1alpha1.GrantInUse, Connections: 1}, {State: v1alpha1.GrantNoNamespace}}))
			p.catchUp()
			before := project.ResourceVersion
			_, err = p.passOfSharing()
			Expect(err).NotTo(HaveOccurred())
			w.reload(project)
			Expect(project.ResourceVersion).To(Equal(before), "a pass that found nothing new wrote the status")
			Expect(project.Finalizers).To(BeEmpty())
			p.expectQuiet(o)
		})

		It("says the same of an organization that is not granted, whether there is one or not, and asks nothing ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
				g := w.grant(w.partner.ID)
				g.Sources = []v1alpha1.GrantedOrganization{"*"}
				return []v1alpha1.Grant{g}
			})
			said := map[string][]metav1.Condition{}
			events := map[string][]string{}
			p := w.start()
			manifest := kind.manifest(w)
			for _, organization := range []string{w.acme.ID, noSuchOrganization} {
				o := w.of(copyOf(manifest), organization)
				p.catchUp()
				p.check()
				seq := w.seq()
				w.create(o)
				p.settle(o)
				w.expectUntouched(seq)
				w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonNotGranted)
				w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
				w.expectCondition(o, v1alpha1.ConditionStalled, isTrueNow, v1alpha1.ReasonNotGranted)
				for _, c := range o.CommonStatus().Conditions {
					c.LastTransitionTime = metav1.Time{}
					said[organization] = append(said[organization], c)
				}
				Eventually(func() []string { return w.eventsAbout(o) }).WithPolling(50 * time.Millisecond).ShouldNot(BeEmpty())
				events[organization] = w.eventsAbout(o)
				Expect(o.GetFinalizers()).To(BeEmpty())
				Expect(o.CommonStatus().OrganizationID).To(BeEmpty())
				p.expectQuiet(o)
				w.delete(o)
				Expect(w.exists(o)).To(BeFalse())
			}
			Expect(said[noSuchOrganization]).To(Equal(said[w.acme.ID]))
			Expect(events[noSuchOrganization]).To(HaveLen(len(events[w.acme.ID])))
		})

		It("ends the service of a connection whose grant is removed, touches nothing, and goes on when it is given back ("+kind.name+")", func(ctx context.Context) {
			w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
				g := w.grant(w.acme.ID)
				g.Sources = []v1alpha1.GrantedOrganization{"*"}
				return []v1alpha1.Grant{g}
			})
			o := w.of(kind.manifest(w), w.acme.ID)
			w.create(o)
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			project := w.clusterProject()
			w.reload(project)
			grants := project.Spec.Grants

			w.regrant(w.grant(w.partner.ID))
			p.catchUp()
			p.check()
			seq := w.seq()
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
			w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonNotGranted)
			edit(w, o, func(o v1alpha1.Connection) { kind.touch(o) })
			p.settle(o)
			w.clock.advance(resync)
			p.settle(o)
			w.expectUntouched(seq)

			w.regrant(grants...)
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		})
	}

	It("keeps a call back whose grant is removed in the middle of a pass", func(ctx context.Context) {
		w := newSharedWorld(ctx, acmeAlone)
		o := w.of(w.saml("okta"), w.acme.ID)
		w.create(o)
		p := w.start()
		p.catchUp()
		p.check()
		once := true
		w.observe = func() { // after the first call or write of the pass, which is the list
			if once && len(w.touched(0)) > 0 {
				once = false
				w.regrant()
				p.catchUp()
			}
		}
		p.settle(o)
		w.observe = func() {}
		Expect(w.connectionsOf(w.acme)).To(BeZero())
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
	})

	It("grants nothing by labels that are not trusted, and what a label says from one moment to the next", func(ctx context.Context) {
		w := newSharedWorld(ctx, nobody)
		selector := &v1alpha1.NamespaceSelector{MatchLabels: map[string]v1alpha1.NamespaceLabelValue{"team": "acme"}}
		w.regrant(v1alpha1.Grant{NamespaceSelector: selector, TrustNamespaceLabels: true, Organizations: []v1alpha1.GrantedOrganization{v1alpha1.GrantedOrganization(w.acme.ID)}})
		label := func(value string) {
			edit(w, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}, func(o *corev1.Namespace) { o.Labels["team"] = value })
		}
		o := w.of(w.saml("okta"), w.acme.ID)
		w.create(o)
		p := w.start()
		seq := w.seq()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		Expect(w.touched(seq)).To(BeEmpty())
		label("acme")
		p.settle(o)
		w.expectKept(o)
		label("other")
		seq = w.seq()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		w.expectUntouched(seq)
	})

	It("lets an ExternalConnection use connections of granted sources, which have them, and of no others", func(ctx context.Context) {
		w := newSharedWorld(ctx, acmeAlone)
		third := w.organization("third")
		o := w.external()
		w.of(o, w.acme.ID)
		w.create(o)
		p := w.start()
		seq := w.seq()
		p.settle(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		Expect(message).To(ContainSubstring("does not grant the organization of the source"))
		Expect(w.touched(seq)).To(BeEmpty())

		g := w.grant(w.acme.ID)
		g.Sources = []v1alpha1.GrantedOrganization{v1alpha1.GrantedOrganization(third.ID)}
		w.regrant(g)
		lies := w.external()
		lies.Name, lies.Spec.Source.OrganizationID = "lies", third.ID // whose is the connection of partner
		w.of(lies, w.acme.ID)
		w.create(lies)
		seq = w.seq()
		p.settle(o)
		p.rest(lies)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		w.expectCondition(lies, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonSourceNotReady)
		Expect(w.touched(seq)).NotTo(ContainElement(w.partner.ID))
		Expect(w.sentSince(seq)).To(BeEmpty())
	})

	It("keeps apart two teams with an organization each, with one session of Stytch", func(ctx context.Context) {
		w := newSharedWorld(ctx, acmeAlone)
		theirs := w.grant(w.partner.ID)
		theirs.Namespaces = []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.shared.other)}
		w.regrant(w.grant(w.acme.ID), theirs)
		own, other, foreign := w.saml("own"), w.saml("other"), w.saml("foreign")
		other.Namespace, foreign.Namespace = w.shared.other, w.shared.other
		w.of(own, w.acme.ID)
		w.of(other, w.partner.ID)
		w.of(foreign, w.acme.ID)
		p := w.start()
		for _, o := range []*v1alpha1.SAMLConnection{own, other} {
			w.create(o)
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		}
		// What the one team has read answers the other one nothing, and what it names it does not get.
		w.reload(own)
		foreign.Spec.ConnectionID = own.Status.ConnectionID
		w.create(foreign)
		seq := w.seq()
		p.settle(foreign)
		w.expectCondition(foreign, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		w.expectUntouched(seq)
		Expect(w.connectionsOf(w.acme)).To(Equal(1))
	})

	It("has no claim of a manifest to which nothing is granted count, but Matching does not take over what it records", func(ctx context.Context) {
		w := newSharedWorld(ctx, acmeAlone)
		first := w.saml("first")
		w.of(first, w.acme.ID)
		w.create(first)
		p := w.start()
		p.settle(first)
		w.expectKept(first)

		theirs := w.grant(w.acme.ID)
		theirs.Namespaces = []v1alpha1.GrantedNamespace{v1alpha1.GrantedNamespace(w.shared.other)}
		w.regrant(w.grant(w.acme.ID), theirs)
		matching, named := w.saml("first"), w.saml("first")
		matching.Name, named.Name = "matching", "named"
		for _, o := range []*v1alpha1.SAMLConnection{matching, named} {
			o.Namespace = w.shared.other
			w.of(o, w.acme.ID)
		}
		named.Spec.ConnectionID = first.Status.ConnectionID
		w.create(named)
		p.settle(named)
		w.expectCondition(named, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)

		w.regrant(theirs)
		matching.Spec.AdoptionPolicy = v1alpha1.AdoptMatching
		w.create(matching)
		w.clock.advance(resync)
		p.settle(matching)
		w.reload(matching)
		Expect(matching.Status.ConnectionID).NotTo(Equal(first.Status.ConnectionID))
		w.clock.advance(resync)
		p.settle(first)
		w.expectCondition(first, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
		p.settle(named)
		w.reload(named)
		Expect(named.Status.ConnectionID).To(Equal(first.Status.ConnectionID))
		w.expectCondition(named, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	})

	Describe("and a manifest under Delete that is deleted", func() {
		deleted := func(ctx context.Context, change func(w *world)) (*world, *process, *v1alpha1.SAMLConnection, int) {
			w := newSharedWorld(ctx, acmeAlone)
			o := w.saml("okta")
			w.of(o, w.acme.ID)
			o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
			w.create(o)
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			change(w)
			p.catchUp()
			p.check()
			w.delete(o)
			seq := w.seq()
			p.settle(o)
			return w, p, o, seq
		}
		expectRetained := func(w *world, o *v1alpha1.SAMLConnection, seq int, why string) {
			GinkgoHelper()
			w.expectUntouched(seq)
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.connectionsOf(w.acme)).To(Equal(1))
			Eventually(func() []string { return w.eventsAbout(o) }).WithPolling(50 * time.Millisecond).Should(
				ContainElement(And(HavePrefix("Retained: "+o.Status.ConnectionID), HaveSuffix(why))))
		}

		It("deletes the connection while it is granted", func(ctx context.Context) {
			w, _, o, _ := deleted(ctx, func(*world) {})
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.connectionsOf(w.acme)).To(BeZero())
		})
		It("retains it without a grant, and says so", func(ctx context.Context) {
			w, _, o, seq := deleted(ctx, func(w *world) { w.regrant(w.grant(w.partner.ID)) })
			expectRetained(w, o, seq, " does not grant its organization.")
		})
		It("retains it where the grant says so, and says so", func(ctx context.Context) {
			w, _, o, seq := deleted(ctx, func(w *world) {
				g := w.grant(w.acme.ID)
				g.Deletion = v1alpha1.GrantRetain
				w.regrant(g)
			})
			expectRetained(w, o, seq, " have deletion: Retain.")
		})
		It("waits while the project is gone", func(ctx context.Context) {
			w, p, o, seq := deleted(ctx, func(w *world) { w.delete(w.clusterProject()) })
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)
			w.expectUntouched(seq)
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
			p.settle(o)
			Expect(w.exists(o)).To(BeFalse())
			Expect(w.connectionsOf(w.acme)).To(Equal(1))
		})
	})

	It("has lists of roles left out that have one which is not granted, and the rest sent", func(ctx context.Context) {
		w := newSharedWorld(ctx, func(w *world) []v1alpha1.Grant {
			g := w.grant(w.acme.ID)
			g.Roles = []v1alpha1.GrantedRole{"viewer"}
			return []v1alpha1.Grant{g}
		})
		o := w.saml("okta")
		w.of(o, w.acme.ID)
		o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = []string{"viewer", "editor"}, nil
		w.create(o)
		p := w.start()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		Expect(w.connectionsOf(w.acme)).To(BeZero())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"viewer"} })
		p.settle(o)
		w.expectKept(o)
		seq := w.seq()
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.ImplicitRoles, o.Spec.IDPEntityID = []string{"viewer", "editor"}, "https://idp.example.com/new"
		})
		p.settle(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)
		Expect(message).To(ContainSubstring(`does not grant these roles: "editor".`))
		sent := slices.Concat(w.sentSince(seq)...)
		Expect(sent).NotTo(ContainElement("saml_connection_implicit_role_assignments"))
		Expect(sent).To(ContainElement("idp_entity_id"))
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"viewer"} })
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	})

	It("is an input that is missing for a manager that does not serve it, which asks for no such objects", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.of(w.saml("okta"), w.acme.ID)
		w.create(o)
		p := w.start()
		p.pass(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		Expect(message).To(ContainSubstring("--cluster-projects"))
		Expect(w.touched(0)).To(BeEmpty())
		reads, _ := p.life.readSince(0)
		Expect(reads).NotTo(ContainElement(Or(ContainSubstring("clusterstytchprojects"), HaveSuffix("/namespaces"))))
	})

	It("reads its Secret where the operator's are, which no manifest may send", func(ctx context.Context) {
		w := newSharedWorld(ctx, acmeAlone)
		w.delete(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.shared.operator, Name: "shared"}})
		w.create(w.secret("shared", map[string]string{"secret": stytchsim.DefaultSecret})) // of the tenant
		o := w.of(w.saml("okta"), w.acme.ID)
		w.create(o)
		p := w.start()
		p.pass(o)
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInputMissing)
		Expect(message).To(ContainSubstring("Secret shared does not exist in namespace " + w.shared.operator))
		w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.shared.operator, Name: "value"}, StringData: map[string]string{"key": "abc"}})
		sends := w.oidc("entra")
		sends.Namespace, sends.Spec.ClientSecretRef = w.shared.operator, &v1alpha1.SecretKeyRef{Name: "value", Key: "key"}
		own := &v1alpha1.StytchProject{ObjectMeta: metav1.ObjectMeta{Namespace: w.shared.operator, Name: "default"}, Spec: w.project().Spec}
		own.Spec.SecretRef.Name = "own"
		w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.shared.operator, Name: "own"}, StringData: map[string]string{"secret": stytchsim.DefaultSecret}})
		w.create(own)
		w.create(sends)
		p.catchUp()
		_, err := p.projects.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(own)})
		Expect(err).NotTo(HaveOccurred())
		p.settle(sends)
		Expect(w.expectCondition(sends, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("must not be sent to Stytch"))
		Expect(w.secretsSent()).To(BeEmpty())
	})
})

var _ = Describe("A StytchProject that names its organizations", func() {
	It("serves those, by their full IDs, and asks nothing about others", func(ctx context.Context) {
		w := newWorld(ctx)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Spec.Organizations = []string{w.acme.ID} })
		granted, slug, other := w.saml("granted"), w.saml("slug"), w.saml("other")
		slug.Spec.Organization, other.Spec.Organization = "acme", w.partner.ID
		for _, o := range []*v1alpha1.SAMLConnection{granted, slug, other} {
			w.create(o)
		}
		p := w.start()
		p.settle(granted)
		w.expectKept(granted)
		seq := w.seq()
		p.settle(slug)
		p.settle(other)
		w.expectUntouched(seq)
		for _, o := range []*v1alpha1.SAMLConnection{slug, other} {
			message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonNotGranted)
			Expect(message).To(HavePrefix("spec.organization is not in spec.organizations of StytchProject default."))
		}
	})

	It("goes on with an organization that was a slug when it was resolved", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("slug")
		o.Spec.Organization = "acme"
		w.settled(o)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) { p.Spec.Organizations = []string{w.acme.ID} })
		p := w.start()
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	})
})
