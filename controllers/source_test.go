package controllers

import (
	"context"
	"fmt"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// sources are manifests of a connection of the partner's, which acme may re-use, by their kind.
func sources() map[v1alpha1.SourceKind]func(w *world) v1alpha1.Connection {
	return map[v1alpha1.SourceKind]func(w *world) v1alpha1.Connection{
		v1alpha1.SourceSAML: func(w *world) v1alpha1.Connection { return w.ofPartner(w.saml("source")) },
		v1alpha1.SourceOIDC: func(w *world) v1alpha1.Connection { return w.ofPartner(w.oidc("source")) },
	}
}

// ofPartner makes a manifest one of the partner's.
func (w *world) ofPartner(o v1alpha1.Connection) v1alpha1.Connection {
	o.CommonSpec().Organization = w.partner.ID
	return o
}

// pendingSource takes from a source's manifest what its connection needs to become active, until it is given back.
func pendingSource(o v1alpha1.Connection) (giveBack func(v1alpha1.Connection)) {
	switch o := o.(type) {
	case *v1alpha1.SAMLConnection:
		o.Spec.IDPEntityID = ""
		return func(o v1alpha1.Connection) {
			o.(*v1alpha1.SAMLConnection).Spec.IDPEntityID = "https://idp.example.com/late"
		}
	case *v1alpha1.OIDCConnection:
		o.Spec.ClientID = ""
		return func(o v1alpha1.Connection) { o.(*v1alpha1.OIDCConnection).Spec.ClientID = "late" }
	}
	panic(fmt.Sprintf("%T is no source", o))
}

// settledSource makes a source's manifest whose connection is active.
func (w *world) settledSource(o v1alpha1.Connection) v1alpha1.Connection {
	GinkgoHelper()
	w.create(o)
	w.start().settle(o)
	w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	return o
}

// externalTo is a manifest that names its source by the source's manifest.
func (w *world) externalTo(kind v1alpha1.SourceKind) *v1alpha1.ExternalConnection {
	return &v1alpha1.ExternalConnection{ObjectMeta: w.meta("reuse"), Spec: v1alpha1.ExternalConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Partner login"},
		SourceRef:      &v1alpha1.ExternalSourceRef{Kind: kind, Name: "source"},
	}}
}

// externalByIDs is a manifest that names the same source by its IDs.
func (w *world) externalByIDs(source v1alpha1.Connection) *v1alpha1.ExternalConnection {
	o := w.externalTo("")
	o.Spec.SourceRef = nil
	o.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: w.partner.ID, ConnectionID: source.CommonStatus().ConnectionID}
	return o
}

// expectWaits expects that a manifest waits for its source, and that nothing was sent.
func (w *world) expectWaits(p *process, o *v1alpha1.ExternalConnection, message string) {
	GinkgoHelper()
	seq := w.seq()
	p.rest(o)
	Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonSourceNotReady)).To(ContainSubstring(message))
	Expect(isTrue(o, v1alpha1.ConditionReconciling)).To(BeTrue())
	Expect(w.sentSince(seq)).To(BeEmpty())
	Expect(w.made()).To(BeEmpty())
}

// expectBlocked expects that a source's manifest waits with its deletion for the manifest named reuse, and that nothing was sent.
func (w *world) expectBlocked(p *process, source v1alpha1.Connection) {
	GinkgoHelper()
	seq := w.seq()
	p.rest(source)
	Expect(w.expectCondition(source, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)).To(And(
		ContainSubstring("Delete these ExternalConnections first: reuse."), ContainSubstring("set deletionPolicy: Retain")))
	Expect(w.sentSince(seq)).To(BeEmpty())
	_, there := w.sim.Connection(source.CommonStatus().ConnectionID)
	Expect(there).To(BeTrue())
}

// expectGone expects that a source is deleted, here and at Stytch.
func (w *world) expectGone(p *process, source v1alpha1.Connection) {
	GinkgoHelper()
	id := source.CommonStatus().ConnectionID
	p.settle(source)
	Expect(w.exists(source)).To(BeFalse())
	_, there := w.sim.Connection(id)
	Expect(there).To(BeFalse())
}

var _ = Describe("An ExternalConnection that names its source's manifest", func() {
	for kind, manifest := range sources() {
		It(fmt.Sprintf("waits while that is missing, has no connection or a pending one, and then goes on (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.externalTo(kind)
			w.create(o)
			p := w.start()
			w.expectWaits(p, o, fmt.Sprintf("%s source, referenced by spec.sourceRef, does not exist in this namespace", kind))

			source := manifest(w)
			giveBack := pendingSource(source)
			w.create(source)
			w.expectWaits(p, o, "has no connection yet")
			p.rest(source)
			w.expectWaits(p, o, "is not active yet (state in Stytch: pending)")

			edit(w, source, giveBack)
			p.settle(source)
			p.settle(o)
			w.expectKept(o)
			w.reload(source)
			Expect(o.Status.Source).To(Equal(&v1alpha1.ExternalSourceStatus{OrganizationID: w.partner.ID, ConnectionID: source.CommonStatus().ConnectionID}))
			Expect(w.field(o, "external_organization_id")).To(Equal(w.partner.ID))
			Expect(w.field(o, "external_connection_id")).To(Equal(source.CommonStatus().ConnectionID))
			p.expectQuiet(o)
			w.start().expectQuiet(o)
		})

		It(fmt.Sprintf("is created once, and left in peace when its source is pending again later (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			source := w.settledSource(manifest(w))
			o := w.externalTo(kind)
			w.settled(o)
			_, err := w.sim.PatchConnection(source.CommonStatus().ConnectionID, map[string]any{"status": "pending"})
			Expect(err).NotTo(HaveOccurred())
			p := w.start()
			p.pass(source)
			w.clock.advance(resync)
			p.rest(source)
			w.expectCondition(source, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonPending)
			seq := w.seq()
			p.settle(o)
			w.expectKept(o)
			Expect(w.sentSince(seq)).To(BeEmpty())
		})

		It(fmt.Sprintf("sends nothing once the manifest stands for another connection, and says what to do (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			source := w.settledSource(manifest(w))
			first := source.CommonStatus().ConnectionID
			o := w.externalTo(kind)
			w.settled(o)
			w.delete(source)
			p := w.start()
			p.settle(source)
			w.clock.advance(resync)
			seq := w.seq()
			p.rest(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonSourceNotReady)
			w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
			Expect(w.sentSince(seq)).To(BeEmpty())

			if kind == v1alpha1.SourceOIDC {
				w.delete(w.secret("source-client", nil))
			}
			again := manifest(w)
			again.CommonSpec().DisplayName = "Another connection"
			w.create(again)
			p.settle(again)
			w.reload(again)
			Expect(again.CommonStatus().ConnectionID).NotTo(Equal(first))
			seq = w.seq()
			edit(w, o, func(o *v1alpha1.ExternalConnection) { o.Spec.DisplayName = "Renamed" })
			p.rest(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(And(
				ContainSubstring("uses the source "+first), ContainSubstring("Delete this manifest, and apply one with this source")))
			Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
			Expect(w.sentSince(seq)).To(BeEmpty())
			Expect(w.field(o, "display_name")).To(Equal("Partner login"))
		})
	}

	It("survives a crash at any call or write of its creation", func(ctx context.Context) {
		f := creation(func(w *world) v1alpha1.Connection {
			source := w.saml("source")
			w.create(w.ofPartner(source))
			source.Status.ConnectionStatus = v1alpha1.ConnectionStatus{
				ProjectID: stytchsim.DefaultProjectID, OrganizationID: w.partner.ID, ConnectionID: w.activeSAML(w.partner), State: "active",
				ObservedGeneration: source.Generation, AppliedGeneration: source.Generation,
			}
			Expect(api.Status().Update(ctx, source)).To(Succeed())
			return w.externalTo(v1alpha1.SourceSAML)
		})
		Expect(f.crash(ctx, 1)).To(BeNumerically(">=", 4))
	})

	It("refuses a source of the same organization", func(ctx context.Context) {
		w := newWorld(ctx)
		source := w.saml("source")
		w.settled(source)
		o := w.externalTo(v1alpha1.SourceSAML)
		w.create(o)
		seq := w.seq()
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(And(
			ContainSubstring("belongs to the same organization ("+w.acme.ID+")"), ContainSubstring("apply one that references another source")))
		Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
		Expect(w.sentSince(seq)).To(BeEmpty())
	})

	It("takes a connection to that source, made by hand, for what stands in its way", func(ctx context.Context) {
		w := newWorld(ctx)
		source := w.settledSource(w.ofPartner(w.saml("source")))
		byHand, err := w.sim.AddConnection(w.acme.ID, stytchsim.External, map[string]any{
			"display_name": "By hand", "external_organization_id": w.partner.ID, "external_connection_id": source.CommonStatus().ConnectionID,
		})
		Expect(err).NotTo(HaveOccurred())
		o := w.externalTo(v1alpha1.SourceSAML)
		w.create(o)
		seq := w.seq()
		w.start().rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("To take it over, set spec.connectionID to " + byHand.ID))
		Expect(w.sentSince(seq)).To(BeEmpty())
	})

	It("refuses a source of another project", func(ctx context.Context) {
		w := newWorld(ctx)
		const other = "project-test-22222222-2222-4222-8222-222222222222"
		Expect(w.sim.AddProject(stytchsim.Project{ID: other, Secret: stytchsim.DefaultSecret})).To(Succeed())
		elsewhere, err := w.sim.AddOrganization(stytchsim.Organization{ProjectID: other, Slug: "elsewhere", Name: "elsewhere"})
		Expect(err).NotTo(HaveOccurred())
		project := w.project()
		project.Name, project.Spec.ProjectID = "other", other
		w.create(project)
		source := w.saml("source")
		source.Spec.ProjectRef.Name, source.Spec.Organization = "other", elsewhere.ID
		w.settledSource(source)
		o := w.externalTo(v1alpha1.SourceSAML)
		w.create(o)
		seq := w.seq()
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("belongs to another Stytch project (" + other + ")"))
		Expect(w.sentSince(seq)).To(BeEmpty())
	})
})

var _ = Describe("An ExternalConnection", func() {
	It("refuses a source of another environment before Stytch is asked to create anything", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.external()
		o.Spec.Source.ConnectionID = "saml-connection-live-11111111-1111-4111-8111-111111111111"
		w.create(o)
		seq := w.seq()
		p := w.start()
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("belongs to another environment than the project"))
		Expect(w.sentSince(seq)).To(BeEmpty())
	})

	for _, role := range []string{"everybody's", "a group's"} {
		for _, by := range []string{"manifest", "IDs"} {
			It(fmt.Sprintf("gives no role over an OIDC source: %s, source by its %s", role, by), func(ctx context.Context) {
				w := newWorld(ctx)
				o := w.externalTo(v1alpha1.SourceOIDC)
				if by == "IDs" {
					o.Spec.SourceRef = nil
					o.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: w.partner.ID, ConnectionID: "oidc-connection-test-11111111-1111-4111-8111-111111111111"}
				}
				if role == "everybody's" {
					o.Spec.ImplicitRoles = []string{"viewer"}
				} else {
					o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "eng", Role: "viewer"}}
				}
				Expect(api.Create(ctx, o)).To(MatchError(ContainSubstring(
					"Stytch does not assign implicit roles through an OIDC source: remove implicitRoles and groupImplicitRoles, or use a SAML source")))
				o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = nil, nil
				w.create(o)
				edit(w, o, func(o *v1alpha1.ExternalConnection) {
					o.Spec.ImplicitRoles, o.Spec.GroupImplicitRoles = []string{}, []v1alpha1.GroupRole{}
				})
			})
		}
	}
})

var _ = Describe("Deleting a source under Delete", func() {
	for kind, manifest := range sources() {
		for _, by := range []string{"manifest", "IDs"} {
			blocked := func(w *world) (source v1alpha1.Connection, o *v1alpha1.ExternalConnection) {
				source = manifest(w)
				source.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
				w.settledSource(source)
				if by == "manifest" {
					o = w.externalTo(kind)
				} else {
					o = w.externalByIDs(source)
				}
				o.Spec.DeletionPolicy = v1alpha1.DeletionDelete
				w.settled(o)
				w.delete(source)
				return source, o
			}

			It(fmt.Sprintf("waits while an ExternalConnection re-uses its connection, and goes on when that is gone (%s by its %s)", kind, by), func(ctx context.Context) {
				w := newWorld(ctx)
				source, o := blocked(w)
				p := w.start()
				w.expectBlocked(p, source)
				w.expectCondition(source, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
				before := source.GetResourceVersion()
				w.clock.advance(resync)
				w.expectBlocked(p, source)
				Expect(source.GetResourceVersion()).To(Equal(before), "the same finding is written again")
				w.expectKept(o)
				w.delete(o)
				p.settle(o)
				Expect(w.exists(o)).To(BeFalse())
				w.expectGone(p, source)
			})

			if (by == "manifest") != (kind == v1alpha1.SourceSAML) {
				continue
			}
			It(fmt.Sprintf("waits no longer than until the ExternalConnection is being deleted too (%s by its %s)", kind, by), func(ctx context.Context) {
				w := newWorld(ctx)
				source, o := blocked(w)
				p := w.start()
				w.expectBlocked(p, source)
				w.delete(o)
				w.expectGone(p, source)
				p.settle(o)
				Expect(w.exists(o)).To(BeFalse())
				Expect(w.made()).To(BeEmpty())
			})
		}
	}

	It("is not taken in by an empty list: only a 404 to the connection's ID shows that it is gone", func(ctx context.Context) {
		for kind, manifest := range sources() {
			w := newWorld(ctx)
			source := manifest(w)
			source.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.settledSource(source)
			w.settled(w.externalTo(kind))
			before := w.field(source, "display_name")
			w.delete(source)
			w.fault(stytchsim.Fault{Method: http.MethodGet, Path: "/v1/b2b/sso/*", Effect: stytchsim.FaultEmptyList})
			p := w.start()
			p.rest(source)
			Expect(w.expectCondition(source, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonDeletionBlocked)).To(ContainSubstring("reuse"))
			w.clock.advance(resync)
			p.rest(source)
			Expect(w.exists(source)).To(BeTrue())
			Expect(w.field(source, "display_name")).To(Equal(before))
			Expect(w.sim.RemoveConnection(source.CommonStatus().ConnectionID)).To(Succeed())
			w.clock.advance(resync)
			w.expectGone(p, source)
		}
	})

	It("waits for an ExternalConnection whose ID was recorded right before its process died", func(ctx context.Context) {
		w := newWorld(ctx)
		source := w.saml("source")
		source.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settledSource(w.ofPartner(source))
		o := w.externalByIDs(source)
		w.create(o)
		first := w.start()
		first.catchUp()
		first.check()
		first.catchUp()
		first.life.dieOnEvent("kubernetes PATCH /apis/connections.stytch-operator.dev/v1alpha1/namespaces/" + w.namespace + "/externalconnections/reuse/status")
		first.again(o)
		w.reload(o)
		Expect(o.Status.ConnectionID).NotTo(BeEmpty())
		w.delete(source)
		w.expectBlocked(w.start(), source)
	})

	It("waits for nothing under Retain", func(ctx context.Context) {
		w := newWorld(ctx)
		source := w.settledSource(w.ofPartner(w.saml("source")))
		o := w.externalTo(v1alpha1.SourceSAML)
		w.settled(o)
		id := source.CommonStatus().ConnectionID
		w.delete(source)
		w.start().settle(source)
		Expect(w.exists(source)).To(BeFalse())
		_, there := w.sim.Connection(id)
		Expect(there).To(BeTrue())
	})

	It("waits for nothing that holds no connection, re-uses another one, or stands in another namespace", func(ctx context.Context) {
		w := newWorld(ctx)
		source := w.saml("source")
		source.Spec.DeletionPolicy = v1alpha1.DeletionDelete
		w.settledSource(w.ofPartner(source))
		never := w.externalTo(v1alpha1.SourceSAML)
		never.Name = "never"
		w.create(never)
		third := w.organization("third")
		other := w.externalByIDs(source)
		other.Name, other.Spec.Source = "other", &v1alpha1.ExternalSource{OrganizationID: third.ID, ConnectionID: w.activeSAML(third)}
		w.settled(other)

		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "spec-"}}
		w.create(namespace)
		elsewhere := w.externalByIDs(source)
		elsewhere.Namespace = namespace.Name
		w.create(elsewhere)
		elsewhere.Status.ConnectionID = "external-connection-test-11111111-1111-4111-8111-111111111111"
		elsewhere.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: w.partner.ID, ConnectionID: source.Status.ConnectionID}
		Expect(api.Status().Update(ctx, elsewhere)).To(Succeed())

		w.delete(source)
		seq := w.seq()
		w.expectGone(w.start(), source)
		var sent []string
		for _, call := range w.callsSince(seq) {
			if call.Method != http.MethodGet {
				sent = append(sent, call.Method)
			}
		}
		Expect(sent).To(Equal([]string{http.MethodDelete}))
	})
})
