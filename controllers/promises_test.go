package controllers

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// callsSince are the calls that a part of the journal holds.
func (w *world) callsSince(seq int) []stytchsim.Call { return w.sim.CallsSince(seq) }

// seq is the newest entry of the journal.
func (w *world) seq() int { return w.sim.State().Calls }

var _ = Describe("Quiet: a connection that is as its manifest says", func() {
	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("costs one list at each slot and no write, through restarts too (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(kind.manifest(w))
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

	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("is not done again by a pass whose cache has not seen it done (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			created := kind.manifest(w)
			created.CommonSpec().DeletionPolicy = v1alpha1.DeletionDelete
			w.create(created)
			p := w.startAlone()
			p.catchUp()
			p.check()
			p.catchUp()
			p.freeze()
			Expect(p.again(created).calls).To(HaveLen(3))
			Expect(p.again(created).quiet()).To(BeTrue())

			w.delete(created)
			p = w.startAlone()
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
	for _, kind := range kindsOfSpecs() {
		It(fmt.Sprintf("carries the one field that differs and leaves every other as it is (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(kind.manifest(w))
			before, _ := w.sim.Connection(o.CommonStatus().ConnectionID)
			seq := w.seq()
			edit(w, o, kind.touch)
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
			Expect(put[0].Fields).To(ConsistOf(kind.touched))
			Expect(o.CommonStatus().LastRequest.RequestID).To(Equal(put[0].RequestID))
			after, _ := w.sim.Connection(o.CommonStatus().ConnectionID)
			for field, value := range before.Fields {
				if field != kind.touched {
					Expect(after.Fields).To(HaveKeyWithValue(field, value))
				}
			}
		})

		It(fmt.Sprintf("repairs what was changed behind its back, at the next slot (%s)", kind.name), func(ctx context.Context) {
			w := newWorld(ctx)
			o := w.settled(kind.manifest(w))
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

// partialUpdate is an update of one thing of a connection that was made by hand, with every field set, and taken over.
type partialUpdate struct {
	manifest func(w *world) v1alpha1.Connection
	// change is made to the manifest, which names nothing but the connection before.
	change func(w *world, o v1alpha1.Connection)
	// sent are the fields that Stytch is sent, and changed those that are then other than before.
	sent, changed []string
}

func (s partialUpdate) expect(ctx context.Context) {
	w := newWorld(ctx)
	o := s.manifest(w)
	w.create(o)
	p := w.start()
	seq := w.seq()
	p.settle(o)
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	Expect(w.sentSince(seq)).To(BeEmpty(), "what the manifest does not name is not managed")

	id := o.CommonStatus().ConnectionID
	before, _ := w.sim.Connection(id)
	edit(w, o, func(o v1alpha1.Connection) { s.change(w, o) })
	p.settle(o)
	w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	var sent []string
	for _, fields := range w.sentSince(seq) {
		sent = append(sent, fields...)
	}
	Expect(sent).To(ConsistOf(s.sent))
	after, _ := w.sim.Connection(id)
	Expect(after.Fields).To(HaveLen(len(before.Fields)))
	for field, value := range before.Fields {
		if slices.Contains(s.changed, field) {
			Expect(after.Fields[field]).NotTo(Equal(value), field)
		} else {
			Expect(after.Fields[field]).To(Equal(value), field)
		}
	}
}

// byHand makes a connection of acme's by hand.
func (w *world) madeByHand(kind stytchsim.Kind, fields map[string]any) v1alpha1.ConnectionSpec {
	GinkgoHelper()
	made, err := w.sim.AddConnection(w.acme.ID, kind, fields)
	Expect(err).NotTo(HaveOccurred())
	for field, value := range made.Fields {
		Expect(value).NotTo(BeZero(), "%s is set, so that it can be seen to survive", field)
	}
	return v1alpha1.ConnectionSpec{Organization: w.acme.ID, ConnectionID: made.ID}
}

func samlByHand(w *world) v1alpha1.Connection {
	return &v1alpha1.SAMLConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.SAMLConnectionSpec{ConnectionSpec: w.madeByHand(stytchsim.SAML, map[string]any{
		"display_name": "By hand", "identity_provider": "shibboleth", "idp_entity_id": "https://idp.example.com", "idp_sso_url": "https://idp.example.com/sso",
		"attribute_mapping": map[string]any{"email": "mail", "first_name": "given", "last_name": "sn", "groups": "groups", "idp_user_id": "uid"},
		"nameid_format":     "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "alternative_audience_uri": "urn:old", "alternative_acs_url": "https://old.example.com/acs",
		"idp_initiated_auth_disabled": true, "allow_gateway_callback": true,
		"saml_connection_implicit_role_assignments": []any{map[string]any{"role_id": "viewer"}},
		"saml_group_implicit_role_assignments":      []any{map[string]any{"role_id": "editor", "group": "eng"}},
		"verification_certificates":                 anyOf(newCertificates("by hand", "too")...), "encryption_private_keys": anyOf(pkcs1(3)),
	})}}
}

func oidcByHand(w *world) v1alpha1.Connection {
	return &v1alpha1.OIDCConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.OIDCConnectionSpec{ConnectionSpec: w.madeByHand(stytchsim.OIDC, map[string]any{
		"display_name": "By hand", "identity_provider": "keycloak", "client_id": "by-hand", "client_secret": "a secret by hand",
		"issuer": "https://hand.example.com", "authorization_url": "https://hand.example.com/a", "token_url": "https://hand.example.com/t",
		"userinfo_url": "https://hand.example.com/u", "jwks_url": "https://hand.example.com/j",
		"custom_scopes": "profile groups", "attribute_mapping": map[string]any{"department": "dept"},
	})}}
}

func scimByHand(w *world) v1alpha1.Connection {
	spec := w.madeByHand(stytchsim.SCIM, map[string]any{
		"display_name": "By hand", "identity_provider": "cyberark", "next_bearer_token": "next-token-by-hand", "next_bearer_token_expires_at": w.clock.Now().AddDate(2, 0, 0),
		"scim_group_implicit_role_assignments": []any{map[string]any{"role_id": "viewer", "group_id": "scim-group-test-1"}},
	})
	for id, name := range map[string]string{"scim-group-test-1": "Sales", "scim-group-test-2": "Engineering"} {
		_, err := w.sim.AddGroup(stytchsim.Group{ID: id, Name: name, ConnectionID: spec.ConnectionID})
		Expect(err).NotTo(HaveOccurred())
	}
	return &v1alpha1.SCIMConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: spec, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "taken-token"},
	}}
}

func externalByHand(w *world) v1alpha1.Connection {
	source := &v1alpha1.ExternalSource{OrganizationID: w.partner.ID, ConnectionID: w.activeSAML(w.partner)}
	return &v1alpha1.ExternalConnection{ObjectMeta: w.meta("taken"), Spec: v1alpha1.ExternalConnectionSpec{Source: source, ConnectionSpec: w.madeByHand(stytchsim.External, map[string]any{
		"display_name": "By hand", "external_organization_id": source.OrganizationID, "external_connection_id": source.ConnectionID,
		"external_connection_implicit_role_assignments": []any{map[string]any{"role_id": "viewer"}},
		"external_group_implicit_role_assignments":      []any{map[string]any{"role_id": "editor", "group": "eng"}},
	})}}
}

// The changes of a survival, by kind.
func ofSAML(change func(w *world, o *v1alpha1.SAMLConnection)) func(*world, v1alpha1.Connection) {
	return func(w *world, o v1alpha1.Connection) { change(w, o.(*v1alpha1.SAMLConnection)) }
}

func ofOIDC(change func(w *world, o *v1alpha1.OIDCConnection)) func(*world, v1alpha1.Connection) {
	return func(w *world, o v1alpha1.Connection) { change(w, o.(*v1alpha1.OIDCConnection)) }
}

func ofSCIM(change func(o *v1alpha1.SCIMConnection)) func(*world, v1alpha1.Connection) {
	return func(_ *world, o v1alpha1.Connection) { change(o.(*v1alpha1.SCIMConnection)) }
}

func ofExternal(change func(o *v1alpha1.ExternalConnection)) func(*world, v1alpha1.Connection) {
	return func(_ *world, o v1alpha1.Connection) { change(o.(*v1alpha1.ExternalConnection)) }
}

func renamed(_ *world, o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" }

var _ = DescribeTable("Minimal: every field that an update is not about survives it:",
	func(ctx context.Context, s partialUpdate) { s.expect(ctx) },

	Entry("the name of a SAML connection", partialUpdate{samlByHand, renamed, []string{"display_name"}, []string{"display_name"}}),
	Entry("settings of a SAML connection", partialUpdate{samlByHand, ofSAML(func(_ *world, o *v1alpha1.SAMLConnection) {
		o.Spec.IDPSSOURL, o.Spec.AlternativeACSURL, o.Spec.IDPInitiatedAuth = "https://new.example.com/sso", new(""), v1alpha1.ToggleEnabled
	}), []string{"idp_sso_url", "alternative_acs_url", "idp_initiated_auth_disabled"}, []string{"idp_sso_url", "alternative_acs_url", "idp_initiated_auth_disabled"}}),
	Entry("the attribute mapping of a SAML connection", partialUpdate{samlByHand, ofSAML(func(_ *world, o *v1alpha1.SAMLConnection) {
		o.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"email": "NameID", "full_name": "name", "groups": "groups"}
	}), []string{"attribute_mapping"}, []string{"attribute_mapping"}}),
	Entry("the certificates of a SAML connection", partialUpdate{samlByHand, ofSAML(func(_ *world, o *v1alpha1.SAMLConnection) {
		o.Spec.VerificationCertificates = specCertificates(newCertificates("new", "newer")...)
	}), []string{"x509_certificate", "x509_certificate"}, []string{"verification_certificates"}}),
	Entry("the metadata URL of a SAML connection", partialUpdate{samlByHand, ofSAML(func(w *world, o *v1alpha1.SAMLConnection) {
		o.Spec.MetadataURL = "https://new.example.com/metadata"
		Expect(w.sim.AddDocument(stytchsim.Document{
			URL: o.Spec.MetadataURL, IDPEntityID: "https://new.example.com", IDPSSOURL: "https://new.example.com/sso", Certificates: newCertificates("new"),
		})).To(Succeed())
	}), []string{"metadata_url"}, []string{"idp_entity_id", "idp_sso_url", "verification_certificates"}}),
	Entry("the signing key of a SAML connection", partialUpdate{samlByHand, ofSAML(func(w *world, o *v1alpha1.SAMLConnection) {
		w.create(w.secret("keys", map[string]string{"key": pkcs1(0)}))
		o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "key"}
	}), []string{"signing_private_key"}, []string{"signing_certificates"}}),
	Entry("an encryption key of a SAML connection", partialUpdate{samlByHand, ofSAML(func(w *world, o *v1alpha1.SAMLConnection) {
		w.create(w.secret("keys", map[string]string{"key": pkcs1(0)}))
		o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "keys", Key: "key"}}
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.AnnotationAddEncryptionKeys, "1")
	}), []string{"saml_encryption_private_key"}, []string{"encryption_private_keys"}}),
	Entry("the roles of a SAML connection", partialUpdate{samlByHand, ofSAML(func(_ *world, o *v1alpha1.SAMLConnection) {
		o.Spec.ImplicitRoles = []string{}
	}), []string{"saml_connection_implicit_role_assignments"}, []string{"saml_connection_implicit_role_assignments"}}),
	Entry("the groups' roles of a SAML connection", partialUpdate{samlByHand, ofSAML(func(_ *world, o *v1alpha1.SAMLConnection) {
		o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "ops", Role: "viewer"}}
	}), []string{"saml_group_implicit_role_assignments"}, []string{"saml_group_implicit_role_assignments"}}),

	Entry("the name of an OIDC connection", partialUpdate{oidcByHand, renamed, []string{"display_name"}, []string{"display_name"}}),
	Entry("settings of an OIDC connection", partialUpdate{oidcByHand, ofOIDC(func(_ *world, o *v1alpha1.OIDCConnection) {
		o.Spec.ClientID, o.Spec.CustomScopes, o.Spec.TokenURL = "new", []string{}, "https://new.example.com/t"
	}), []string{"client_id", "custom_scopes", "token_url"}, []string{"client_id", "custom_scopes", "token_url"}}),
	Entry("the attribute mapping of an OIDC connection", partialUpdate{oidcByHand, ofOIDC(func(_ *world, o *v1alpha1.OIDCConnection) {
		o.Spec.AttributeMapping = map[string]v1alpha1.Attribute{}
	}), []string{"attribute_mapping"}, []string{"attribute_mapping"}}),
	Entry("the issuer of an OIDC connection", partialUpdate{oidcByHand, ofOIDC(func(w *world, o *v1alpha1.OIDCConnection) {
		w.publishIssuer(issuer, "https://login.example.com")
		o.Spec.Issuer = issuer
	}), []string{"issuer"}, []string{"issuer", "authorization_url", "token_url", "userinfo_url", "jwks_url"}}),
	Entry("the client secret of an OIDC connection", partialUpdate{oidcByHand, ofOIDC(func(w *world, o *v1alpha1.OIDCConnection) {
		w.create(w.secret("client", map[string]string{"key": "a client's secret"}))
		o.Spec.ClientSecretRef = &v1alpha1.SecretKeyRef{Name: "client", Key: "key"}
	}), []string{"client_secret"}, []string{"client_secret_sha256"}}),

	Entry("the name of a SCIM connection", partialUpdate{scimByHand, renamed, []string{"display_name"}, []string{"display_name"}}),
	Entry("the identity provider of a SCIM connection", partialUpdate{scimByHand, ofSCIM(func(o *v1alpha1.SCIMConnection) {
		o.Spec.IdentityProvider = "okta"
	}), []string{"identity_provider"}, []string{"identity_provider"}}),
	Entry("the roles of a SCIM connection, by name", partialUpdate{scimByHand, ofSCIM(func(o *v1alpha1.SCIMConnection) {
		o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Engineering", "editor"), byName("Sales", "viewer")}
	}), []string{"scim_group_implicit_role_assignments"}, []string{"scim_group_implicit_role_assignments"}}),

	Entry("the name of an External connection", partialUpdate{externalByHand, renamed, []string{"display_name"}, []string{"display_name"}}),
	Entry("the roles of an External connection", partialUpdate{externalByHand, ofExternal(func(o *v1alpha1.ExternalConnection) {
		o.Spec.ImplicitRoles = []string{"editor"}
	}), []string{"external_connection_implicit_role_assignments"}, []string{"external_connection_implicit_role_assignments"}}),
	Entry("the groups' roles of an External connection", partialUpdate{externalByHand, ofExternal(func(o *v1alpha1.ExternalConnection) {
		o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{}
	}), []string{"external_group_implicit_role_assignments"}, []string{"external_group_implicit_role_assignments"}}),
)

// richManifests are manifests that use what those of other specs do not. A manifest comes after those that it refers to.
func richManifests() []func(w *world) v1alpha1.Connection {
	return []func(w *world) v1alpha1.Connection{
		func(w *world) v1alpha1.Connection {
			w.create(w.secret("idp", map[string]string{corev1.TLSCertKey: newCertificate("one") + newCertificate("two")}))
			w.create(w.secret("keys", map[string]string{"signing": pkcs1(0), "encryption": pkcs8(1)}))
			o := w.saml("source")
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, fromSecret("idp"))
			o.Spec.SigningPrivateKeyRef = &v1alpha1.SecretKeyRef{Name: "keys", Key: "signing"}
			o.Spec.EncryptionPrivateKeyRefs = []v1alpha1.SecretKeyRef{{Name: "keys", Key: "encryption"}}
			return w.ofPartner(detailsIn(o, "details"))
		},
		func(w *world) v1alpha1.Connection {
			o := w.externalTo(v1alpha1.SourceSAML)
			o.Spec.ImplicitRoles = []string{"viewer", "editor"}
			o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "ops", Role: "editor"}, {Group: "eng", Role: "editor"}}
			return o
		},
		func(w *world) v1alpha1.Connection { return detailsIn(w.oidc("entra"), "redirect") },
		func(w *world) v1alpha1.Connection {
			o := w.saml("metadata")
			o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.VerificationCertificates = "", "", nil
			o.Spec.MetadataURL = "https://idp.example.com/metadata"
			Expect(w.sim.AddDocument(stytchsim.Document{
				URL: o.Spec.MetadataURL, IDPEntityID: "https://idp.example.com", IDPSSOURL: "https://idp.example.com/sso", Certificates: newCertificates("a", "b"),
			})).To(Succeed())
			return o
		},
	}
}

// namingGroups has a SCIM manifest give roles to groups by name and by ID.
func (w *world) namingGroups(o *v1alpha1.SCIMConnection) {
	GinkgoHelper()
	id := w.push(o, "Sales")
	w.push(o, "Engineering")
	w.give(o, byName("Engineering", "editor"), v1alpha1.SCIMGroupRole{GroupID: id, Role: "viewer"}, byName("Sales", "editor"))
}

// expectFixed expects that a connection is as its manifest says, and that neither the next pass nor the one at the next slot
// writes anything anywhere.
func (p *process) expectFixed(o v1alpha1.Connection) {
	GinkgoHelper()
	p.world.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
	p.world.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	p.expectQuiet(o)
	p.world.clock.advance(resync)
	got := p.again(o)
	Expect(got.err).NotTo(HaveOccurred())
	Expect(got.calls).NotTo(BeEmpty())
	Expect(got.writes).To(BeEmpty())
	for _, call := range got.calls {
		Expect(call).To(HavePrefix("GET "))
	}
}

var _ = Describe("Fixed point: whatever form Stytch gives its answers,", func() {
	for _, s := range stytchsim.SwitchTable() {
		for _, value := range s.Values {
			It(fmt.Sprintf("a connection of each kind comes to rest, with %s=%s", s.Name, value), func(ctx context.Context) {
				w := newWorld(ctx, func(switches *stytchsim.Switches) { Expect(switches.Set(s.Name, value)).To(Succeed()) })
				p := w.start()
				for _, manifest := range richManifests() {
					o := manifest(w)
					w.create(o)
					p.settle(o)
					p.expectFixed(o)
				}
				if s.Name == "answer-connection" && value != "present" {
					return // no answer, no token: that is a spec of its own
				}
				o := w.scim("directory")
				w.create(o)
				p.settle(o)
				w.reload(o)
				w.namingGroups(o)
				p.settle(o)
				p.expectFixed(o)
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

var _ = Describe("Budget: of one request a second", func() {
	It("nothing is written down for a step before it is the step's turn", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		w.settled(o)
		edit(w, w.project(), func(p *v1alpha1.StytchProject) {
			p.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 1, Burst: 1}
		})
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(2 * time.Second)
		w.askForRotation(o, "")
		got := p.pass(o)
		Expect(got.calls).To(HaveLen(1), "the list takes the turn of this second")
		Expect(got.writes).To(BeEmpty())
		Expect(got.result.RequeueAfter).To(BeNumerically("~", time.Second, 100*time.Millisecond))
	})
})

var _ = Describe("A connection that Stytch denies although its list shows it", func() {
	It("is looked for again in a new list, and then what Stytch says counts until the next look", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.settled(o)
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(resync)
		p.expectPass(o, "GET /v1/b2b/sso/organization")
		w.fault(stytchsim.Fault{Method: "PUT", Path: "/v1/b2b/**", Status: http.StatusNotFound, ErrorType: "saml_connection_not_found"})
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		put := "PUT /v1/b2b/sso/saml/organization/connections/saml-connection"
		got := p.expectPass(o, put)
		Expect(got.result.RequeueAfter).To(Equal(retrySoon))
		Expect(got.writes).To(BeEmpty(), "nothing is said of what an old list may explain")
		p.expectPass(o, "GET /v1/b2b/sso/organization", put)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
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
		Expect(w.expectCondition(second, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("belongs to manifest first"))
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
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonConflict)).To(ContainSubstring("set spec.connectionID to " + id))
		Expect(w.made()).To(ConsistOf(id))
	})
})

var _ = Describe("Everything that the operator writes", func() {
	It("has it as the field manager", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.scim("directory")).(*v1alpha1.SCIMConnection)
		sso := detailsIn(w.ofPartner(w.oidc("entra")), "redirect")
		w.create(sso)
		w.start().settle(sso)
		Eventually(func() []string { return w.notes("Created") }).Should(HaveLen(2))
		people := filepath.Base(os.Args[0]) // the name of the test's program, which names itself in no other way
		Expect(w.managers(&v1alpha1.SCIMConnectionList{})).To(ConsistOf(people, "stytch-operator"))
		Expect(w.managers(&v1alpha1.OIDCConnectionList{})).To(ConsistOf(people, "stytch-operator"))
		Expect(w.managers(&v1alpha1.StytchProjectList{})).To(ConsistOf(people, "stytch-operator"))
		Expect(w.managers(&eventsv1.EventList{})).To(ConsistOf("stytch-operator"))
		Expect(w.managersOf(w.tokenSecret(o))).To(ConsistOf("stytch-operator"))
		Expect(w.managersOf(w.configMap("redirect", nil))).To(ConsistOf("stytch-operator"))
	})
})

// managers are the field managers of all objects of a list in the namespace.
func (w *world) managers(list client.ObjectList) []string {
	GinkgoHelper()
	Expect(api.List(w.ctx, list, client.InNamespace(w.namespace))).To(Succeed())
	var all []string
	Expect(meta.EachListItem(list, func(object runtime.Object) error {
		all = append(all, w.managersOf(object.(client.Object))...)
		return nil
	})).To(Succeed())
	slices.Sort(all)
	return slices.Compact(all)
}

// managersOf are the field managers of an object.
func (w *world) managersOf(object client.Object) []string {
	GinkgoHelper()
	Expect(api.Get(w.ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	var all []string
	for _, entry := range object.GetManagedFields() {
		all = append(all, entry.Manager)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

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
		Eventually(func() []string { return w.eventReasons() }).Should(ConsistOf("Created"))
		Expect(w.notes("Created")).To(ConsistOf(And(
			HavePrefix("Created "+o.Status.ConnectionID+" in organization "+w.acme.ID+"; stored the bearer token in Secret directory-token; "),
			ContainSubstring(`display_name: "Directory [new `), ContainSubstring(`→ "Directory"`))), "one event of a creating pass, with the settings")
		p := w.start()
		p.expectQuiet(o)
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.eventReasons()).To(ConsistOf("Created"))

		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"display_name": "Changed by hand"})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.settle(o)
		Eventually(func() []string { return w.notes("Updated") }).Should(
			ContainElement(ContainSubstring("Changed by hand")), "a repair tells what it found")
	})

	It("are one of a creating pass, and of one that does unlike things, one for each", func(ctx context.Context) {
		w := newWorld(ctx)
		o := detailsIn(w.saml("okta"), "details")
		w.settled(o)
		Eventually(func() []string { return w.notes("Created") }).Should(HaveLen(1))
		Expect(w.notes("Created")[0]).To(ContainSubstring("idp_sso_url"))
		edit(w, o, func(o v1alpha1.Connection) {
			o.CommonSpec().DisplayName = "Renamed"
			o.(*v1alpha1.SAMLConnection).Spec.DetailsConfigMapName = "others"
		})
		w.start().settle(o)
		w.expectKept(o)
		Eventually(func() []string { return w.eventReasons() }).Should(ConsistOf("Created", "Updated", "DetailsPublished"))
	})
})
