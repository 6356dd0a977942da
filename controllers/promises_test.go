package controllers

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// kindsOf are a manifest of each kind.
func kindsOf() map[string]func(w *world) v1alpha1.Connection {
	return map[string]func(w *world) v1alpha1.Connection{
		"ExternalConnection": func(w *world) v1alpha1.Connection { return w.external() },
		"OIDCConnection":     func(w *world) v1alpha1.Connection { return w.oidc("entra") },
		"SAMLConnection":     func(w *world) v1alpha1.Connection { return w.saml("okta") },
		"SCIMConnection":     func(w *world) v1alpha1.Connection { return w.scim("directory") },
	}
}

// callsSince are the calls that a part of the journal holds.
func (w *world) callsSince(seq int) []stytchsim.Call { return w.sim.CallsSince(seq) }

// seq is the newest entry of the journal.
func (w *world) seq() int { return w.sim.State().Calls }

var _ = Describe("Quiet: a connection that is as its manifest says", func() {
	for kind, manifest := range kindsOf() {
		It(fmt.Sprintf("costs one list at each slot and no write, through restarts too (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(manifest(w))
			p := w.start()
			for range 3 {
				p.expectQuiet(o)
				next := p.pass(o).result.RequeueAfter
				w.clock.advance(next)
				got := p.pass(o)
				Expect(got.calls).To(HaveLen(1))
				Expect(got.calls[0]).To(HavePrefix("GET "))
				Expect(got.writes).To(BeEmpty())
			}
			w.start().expectQuiet(o)
		})
	}

	It("shares its organization's list with the others", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.saml("a"), w.saml("b")
		w.create(a)
		w.create(b)
		p := w.start()
		p.expectPass(a, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		p.expectPass(b, "POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		w.clock.advance(p.pass(a).result.RequeueAfter)
		p.expectPass(a, "GET /v1/b2b/sso/organization")
		p.expectPass(b)
	})

	for kind, manifest := range kindsOf() {
		It(fmt.Sprintf("is not done again by a pass whose cache has not seen it done (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			created := manifest(w)
			created.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.create(created)
			p := w.start()
			p.catchUp()
			p.check()
			p.catchUp()
			p.freeze()
			Expect(p.again(created).calls).To(HaveLen(3))
			Expect(p.again(created).quiet()).To(BeTrue())

			w.delete(created)
			p = w.start()
			p.catchUp()
			p.freeze()
			Expect(p.again(created).calls).To(HaveLen(1))
			Expect(p.again(created).quiet()).To(BeTrue())
		})
	}

	It("resolves an organization's slug once, and never again", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.Organization = w.acme.Slug
		w.create(o)
		p := w.start()
		p.expectPass(o, "GET /v1/b2b/organizations/acme", "GET /v1/b2b/sso/organization",
			"POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		_, err := w.sim.PatchOrganization(w.acme.ID, map[string]any{"organization_slug": "acme-renamed"})
		Expect(err).NotTo(HaveOccurred())
		_, err = w.sim.AddOrganization(stytchsim.Organization{Slug: "acme", Name: "Somebody else"})
		Expect(err).NotTo(HaveOccurred())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		w.start().settle(o)
		w.expectKept(o)
	})
})

var _ = Describe("Minimal: an update", func() {
	changes := map[string]struct {
		change func(o v1alpha1.Connection)
		field  string
	}{
		"ExternalConnection": {func(o v1alpha1.Connection) { o.(*v1alpha1.ExternalConnection).Spec.ImplicitRoles = []string{} }, "external_connection_implicit_role_assignments"},
		"OIDCConnection":     {func(o v1alpha1.Connection) { o.(*v1alpha1.OIDCConnection).Spec.CustomScopes = []string{} }, "custom_scopes"},
		"SAMLConnection": {func(o v1alpha1.Connection) {
			o.(*v1alpha1.SAMLConnection).Spec.IDPInitiatedAuth = v1alpha1.ToggleEnabled
		}, "idp_initiated_auth_disabled"},
		"SCIMConnection": {func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" }, "display_name"},
	}
	for kind, manifest := range kindsOf() {
		It(fmt.Sprintf("carries the one field that differs and leaves every other as it is (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(manifest(w))
			before, _ := w.sim.Connection(o.CommonStatus().ConnectionID)
			seq := w.seq()
			edit(w, o, changes[kind].change)
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			var put []stytchsim.Call
			for _, call := range w.callsSince(seq) {
				if call.Method != http.MethodGet {
					put = append(put, call)
				}
			}
			Expect(put).To(HaveLen(1))
			Expect(put[0].Fields).To(ConsistOf(changes[kind].field))
			Expect(o.CommonStatus().LastRequest.RequestID).To(Equal(put[0].RequestID))
			after, _ := w.sim.Connection(o.CommonStatus().ConnectionID)
			for field, value := range before.Fields {
				if field != changes[kind].field {
					Expect(after.Fields).To(HaveKeyWithValue(field, value))
				}
			}
		})

		It(fmt.Sprintf("repairs what was changed behind its back, at the next slot (%s)", kind), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(manifest(w))
			p := w.start()
			_, err := w.sim.PatchConnection(o.CommonStatus().ConnectionID, map[string]any{"display_name": "Changed by hand"})
			Expect(err).NotTo(HaveOccurred())
			p.expectQuiet(o)
			w.clock.advance(p.pass(o).result.RequeueAfter)
			seq := w.seq()
			p.settle(o)
			w.expectKept(o)
			calls := w.callsSince(seq)
			Expect(calls).To(HaveLen(2))
			Expect(calls[1].Fields).To(ConsistOf("display_name"))
		})
	}

	It("never touches what the manifest does not name", func(ctx context.Context) {
		w := newWorld(ctx)
		id := w.activeSAML(w.acme)
		o := &v1alpha1.SAMLConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: w.acme.ID, ConnectionID: id},
		}}
		w.create(o)
		seq := w.seq()
		p := w.start()
		p.settle(o)
		for _, call := range w.callsSince(seq) {
			Expect(call.Method).To(Equal(http.MethodGet))
		}
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(o.Status.ConnectionID).To(Equal(id))
		Expect(o.Finalizers).To(ConsistOf(v1alpha1.Finalizer))
	})
})

var _ = Describe("Fixed point: whatever form Stytch gives its answers,", func() {
	for _, s := range stytchsim.SwitchTable() {
		for _, value := range s.Values {
			It(fmt.Sprintf("a connection of each kind comes to rest, with %s=%s", s.Name, value), func(ctx context.Context) {
				w := newWorld(ctx, func(switches *stytchsim.Switches) { Expect(switches.Set(s.Name, value)).To(Succeed()) })
				p := w.start()
				for _, kind := range slices.Sorted(maps.Keys(kindsOf())) {
					if kind == "SCIMConnection" && s.Name == "answer-connection" && value != "present" {
						continue // no answer, no token: that is a spec of its own
					}
					o := kindsOf()[kind](w)
					w.create(o)
					p.settle(o)
					w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
					p.expectQuiet(o)
					w.clock.advance(p.pass(o).result.RequeueAfter)
					got := p.pass(o)
					Expect(got.writes).To(BeEmpty())
					for _, call := range got.calls {
						Expect(call).To(HavePrefix("GET "))
					}
				}
			})
		}
	}
})

var _ = Describe("Certificates", func() {
	It("are added before any is removed, one call each, and the connection is never without a wanted one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		var counts []int
		w.sim.SetIntercept(func(stage stytchsim.Stage, _ stytchsim.Operation) bool {
			if stage == stytchsim.AfterEffect && o.Status.ConnectionID != "" {
				remote, _ := w.sim.Connection(o.Status.ConnectionID)
				counts = append(counts, len(remote.Fields["verification_certificates"].([]any)))
			}
			return false
		})
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.VerificationCertificates = nil
			for i := range 5 {
				o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: newCertificate(fmt.Sprint("new ", i))})
			}
		})
		w.start().settle(o)
		w.expectKept(o)
		Expect(o.Status.VerificationCertificates).To(HaveLen(5))
		Expect(counts).To(Equal([]int{1, 2, 3, 4, 5, 4, 5}), "list, four additions, one removal because all five slots are taken, one addition")
	})

	It("show the one that expires first at the top of status", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		soon := time.Now().AddDate(0, 1, 0)
		o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: certificateUntil("soon", soon)})
		w.settled(o)
		Expect(o.Status.VerificationCertificates[0].ExpiresAt.Time).To(BeTemporally("~", soon, time.Second))
	})
})

var _ = Describe("A restart", func() {
	It("applies what changed while the operator was down: an edit, and a Secret", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection)
		edit(w, w.tokenSecret(o), func(s *corev1.Secret) { delete(s.Data, v1alpha1.SecretKeyBaseURL) })
		w.start().settle(o)
		w.expectToken(o)
	})

	It("uses new credentials that came while the operator was down", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta"))
		const changed = "secret-test-rolled-over"
		Expect(w.sim.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Secret: changed})).To(Succeed())
		edit(w, w.secret("stytch", nil), func(s *corev1.Secret) { s.Data["secret"] = []byte(changed) })
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(resync)
		p.expectPass(o, "GET /v1/b2b/sso/organization")
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	})
})

var _ = Describe("Budget: after a 429", func() {
	It("nothing is sent for any connection of the project before the window opens", func(ctx context.Context) {
		w := newWorld(ctx)
		a, b := w.saml("a"), w.scim("b")
		w.settled(a)
		w.create(b)
		edit(w, a, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		p := w.start()
		_, err := w.sim.AddFault(stytchsim.Fault{Method: "PUT", Times: 1, Status: http.StatusTooManyRequests, RetryAfter: "40"})
		Expect(err).NotTo(HaveOccurred())
		p.expectPass(a, "GET /v1/b2b/sso/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		for range 3 {
			for _, o := range []v1alpha1.Connection{a, b} {
				got := p.pass(o)
				Expect(got.calls).To(BeEmpty())
				Expect(got.writes).To(BeEmpty())
				Expect(got.result.RequeueAfter).To(BeNumerically("<=", 40*time.Second))
			}
			w.clock.advance(10 * time.Second)
		}
		w.clock.advance(11 * time.Second)
		p.settle(a)
		p.settle(b)
		w.expectCondition(a, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		w.expectCondition(b, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	})
})

var _ = Describe("Claims", func() {
	It("give a connection to the manifest that recorded it, and to the next one when that goes", func(ctx context.Context) {
		w := newWorld(ctx)
		first := w.saml("first")
		w.settled(first)
		second := w.saml("second")
		second.Spec.ConnectionID = first.Status.ConnectionID
		w.create(second)
		p := w.start()
		p.settle(second)
		Expect(w.expectCondition(second, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("is held by manifest first"))
		Expect(second.Finalizers).To(BeEmpty())
		w.delete(first)
		p.settle(first)
		p.settle(second)
		w.expectCondition(second, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.made()).To(ConsistOf(second.Status.ConnectionID))
	})

	It("keep a connection of an equal name, made by hand, out of reach until it is named", func(ctx context.Context) {
		w := newWorld(ctx)
		id := w.activeSAML(w.acme)
		o := w.saml("okta")
		o.Spec.DisplayName = "Made by hand"
		w.create(o)
		p := w.start()
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("set spec.connectionID: " + id))
		Expect(w.made()).To(ConsistOf(id))
	})
})

var _ = Describe("A connection without a displayName", func() {
	It("is given the manifest's name once, and keeps the name that somebody gives it later", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		o.Spec.DisplayName = ""
		w.create(o)
		p := w.start()
		p.settle(o)
		w.reload(o)
		remote, _ := w.sim.Connection(o.Status.ConnectionID)
		Expect(remote.DisplayName).To(Equal("okta"))
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"display_name": "Mine"})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.settle(o)
		remote, _ = w.sim.Connection(o.Status.ConnectionID)
		Expect(remote.DisplayName).To(Equal("Mine"))
	})
})

var _ = Describe("Events", func() {
	It("tell what happened, and nothing when nothing did", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		Eventually(func() []string { return w.eventReasons() }).WithTimeout(10 * time.Second).Should(ConsistOf("TokenIssued", "Created", "Updated"))
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.eventReasons()).To(ConsistOf("TokenIssued", "Created", "Updated"))
	})
})
