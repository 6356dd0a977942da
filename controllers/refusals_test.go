package controllers

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// facet is one topic of a manifest: as somebody edits it, as somebody changes it at Stytch, and what Stytch has of it.
type facet struct {
	field string // of the update, by which Stytch refuses it
	names string // how a message names it; empty where by its field
	edit  func() // of the manifest, which is then applied; nil where it cannot be edited by itself
	drift map[string]any
	has   func() string
}

// refusable is a manifest in sync, and its topics by name. It has an organization of its own.
type refusable struct {
	o      v1alpha1.Connection
	facets map[string]facet
}

// How one topic comes to be refused, and another one to differ.
const (
	edited   = "edited in the same edit"
	drifted  = "changed at Stytch while an edit is refused"
	vanished = "changed at Stytch with what is refused, without an edit"
)

// What Stytch has of a topic: what the manifest gave at first, what it gives after the edit, or what somebody set at Stytch. And
// what Ready says.
const (
	first, second, theirs = "first", "second", "theirs"
	yes, no               = "True Active", "False Rejected"
)

// cell is one line of the matrix: another topic than the refused one, and how it comes to differ; what Stytch has in the end of the
// refused one and of the other, what Ready says, and which field waits for certificates.
type cell struct{ other, how, refused, has, ready, waits string }

// expect plays a cell out on a manifest of its own.
func (c cell) expect(w *world, p *process, r refusable, topic string) {
	GinkgoHelper()
	refused, other := r.facets[topic], r.facets[c.other]
	w.sim.RemoveFaults()
	w.create(r.o)
	p.settle(r.o)
	w.expectCondition(r.o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	id := r.o.CommonStatus().ConnectionID
	known := map[string]map[string]string{topic: {refused.has(): first}, c.other: {other.has(): first}}

	w.fault(stytchsim.Fault{Method: http.MethodPut, Field: refused.field, Status: http.StatusBadRequest, ErrorType: "invalid_" + refused.field})
	change := func(f facet, name string) {
		_, err := w.sim.PatchConnection(id, f.drift)
		Expect(err).NotTo(HaveOccurred())
		known[name][f.has()] = theirs
		w.clock.advance(resync)
	}
	switch c.how {
	case edited:
		edit(w, r.o, func(v1alpha1.Connection) { refused.edit(); other.edit() })
	case drifted:
		edit(w, r.o, func(v1alpha1.Connection) { refused.edit() })
		p.pass(r.o)
		change(other, c.other)
	default:
		change(refused, topic)
		change(other, c.other)
	}
	p.pass(r.o) // one is enough
	state := func(name string) string {
		if state, told := known[name][r.facets[name].has()]; told {
			return state
		}
		return second
	}
	message := w.expectCondition(r.o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
	ready := w.expectReady(r.o)
	names := refused.names
	if names == "" || c.how == vanished {
		names = strings.ReplaceAll(names, "[1]", "[0]")
	}
	if names == "" {
		names = refused.field
	}
	waits := ""
	if _, after, some := strings.Cut(message, "Not sent until all certificates of the manifest are in Stytch: "); some {
		waits, _, _ = strings.Cut(after, ".")
	}
	Expect(cell{c.other, c.how, state(topic), state(c.other), ready, waits}).To(Equal(c), message)
	Expect(strings.Count(message, "Stytch rejected ")).To(Equal(1), message)
	Expect(message).To(MatchRegexp(`Stytch rejected \Q%s\E[ :]`, names))
}

// expectReady returns what Ready says, in one line.
func (w *world) expectReady(o v1alpha1.Connection) string {
	GinkgoHelper()
	w.reload(o)
	for _, c := range o.CommonStatus().Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return string(c.Status) + " " + c.Reason
		}
	}
	return ""
}

// fieldFacet is a topic that is one field of the connection.
func (w *world) fieldFacet(o v1alpha1.Connection, field string, theirs any, edit func()) facet {
	return facet{field: field, edit: edit, drift: map[string]any{field: theirs}, has: func() string { return fmt.Sprint(w.field(o, field)) }}
}

// ofItsOwn has a manifest be of an organization of its own.
func (w *world) ofItsOwn(o v1alpha1.Connection, name string) {
	o.SetName(name)
	o.CommonSpec().Organization = w.organization(name).ID
}

func refusableSAML(w *world, name string) refusable {
	GinkgoHelper()
	o := w.saml(name)
	r := w.describedOrNot(o, name)
	r.facets["certificate"] = facet{
		field: "x509_certificate", names: "spec.verificationCertificates[1]",
		edit: func() {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: newCertificate("second")})
		},
		drift: map[string]any{"verification_certificates": []any{newCertificate("theirs")}},
		has:   r.facets["certificate"].has,
	}
	keys := w.keys("encryption-"+name, 1, 3)
	o.Spec.EncryptionPrivateKeyRefs = keys[:1]
	r.facets["encryption key"] = facet{
		field: "saml_encryption_private_key", names: "spec.encryptionPrivateKeyRefs[0]",
		edit:  func() { o.Spec.EncryptionPrivateKeyRefs = keys[1:] },
		drift: map[string]any{"encryption_private_keys": []any{}},
		has:   func() string { return strings.Join(w.encryptionKeys(o.Status.ConnectionID), " ") },
	}
	endpoint := r.facets["endpoint"]
	endpoint.edit = func() { o.Spec.IDPSSOURL = "https://second.example.com/sso" }
	r.facets["endpoint"] = endpoint
	return r
}

func refusableMetadata(w *world, name string) refusable {
	GinkgoHelper()
	w.publishMetadata(metadataURL(name), "https://first.example.com", newCertificate("first"))
	w.publishMetadata(metadataURL(name+"-second"), "https://second.example.com", newCertificate("second"))
	o := w.describedBy(name, metadataURL(name))
	r := w.describedOrNot(o, name)
	r.facets["refresh"] = facet{
		field: "metadata_url",
		edit:  func() { o.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: "now"} },
		has:   func() string { return fmt.Sprint(w.field(o, "idp_entity_id")) },
	}
	r.facets["metadata"] = facet{
		field: "metadata_url", edit: func() { o.Spec.MetadataURL = metadataURL(name + "-second") },
		has: func() string { return fmt.Sprint(w.field(o, "idp_entity_id")) },
	}
	return r
}

// describedOrNot gives a SAML manifest the topics that it has with metadata and without.
func (w *world) describedOrNot(o *v1alpha1.SAMLConnection, name string) refusable {
	GinkgoHelper()
	w.ofItsOwn(o, name)
	signing := w.keys("signing-"+name, 0, 2)
	o.Spec.SigningPrivateKeyRef = &signing[0]
	return refusable{o, map[string]facet{
		"certificate": {
			drift: map[string]any{"verification_certificates": []any{newCertificate("theirs")}},
			has: func() string {
				installed := shas(w.installed(o.Status.ConnectionID)...)
				slices.Sort(installed)
				return strings.Join(installed, " ")
			},
		},
		"signing key": {
			field: "signing_private_key", names: "spec.signingPrivateKeyRef",
			edit:  func() { o.Spec.SigningPrivateKeyRef = &signing[1] },
			drift: map[string]any{"signing_certificates": []any{newCertificate("theirs")}},
			has: func() string {
				keys := w.signingKeys(o.Status.ConnectionID)
				return keys[len(keys)-1]
			},
		},
		"endpoint": w.fieldFacet(o, "idp_sso_url", "https://theirs.example.com/sso", nil),
		"roles": w.fieldFacet(o, "saml_connection_implicit_role_assignments", []any{map[string]any{"role_id": "admin"}},
			func() { o.Spec.ImplicitRoles = []string{"editor"} }),
		"name": w.fieldFacet(o, "display_name", "Theirs", func() { o.Spec.DisplayName = "Second" }),
	}}
}

func refusableOIDC(w *world, name string) refusable {
	GinkgoHelper()
	o := w.oidc(name)
	w.ofItsOwn(o, name)
	return refusable{o, map[string]facet{
		"endpoint": w.fieldFacet(o, "client_id", "theirs", func() { o.Spec.ClientID = "second" }),
		"mapping": w.fieldFacet(o, "attribute_mapping", map[string]any{"department": "theirs"},
			func() { o.Spec.AttributeMapping = map[string]v1alpha1.Attribute{"department": "second"} }),
		"scopes": w.fieldFacet(o, "custom_scopes", "openid theirs", func() { o.Spec.CustomScopes = []string{"openid", "second"} }),
	}}
}

func refusableExternal(w *world, name string) refusable {
	GinkgoHelper()
	o := w.external()
	w.ofItsOwn(o, name)
	return refusable{o, map[string]facet{
		"roles": w.fieldFacet(o, "external_connection_implicit_role_assignments", []any{map[string]any{"role_id": "admin"}},
			func() { o.Spec.ImplicitRoles = []string{"editor"} }),
		"name": w.fieldFacet(o, "display_name", "Theirs", func() { o.Spec.DisplayName = "Second" }),
	}}
}

func refusableSCIM(w *world, name string) refusable {
	GinkgoHelper()
	o := w.scim(name)
	w.ofItsOwn(o, name)
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{}
	return refusable{o, map[string]facet{
		"roles": w.fieldFacet(o, "scim_group_implicit_role_assignments", []any{map[string]any{"role_id": "admin", "group_id": theirGroup}},
			func() {
				o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupID: w.push(o, "Engineering"), Role: "editor"}}
			}),
		"name": w.fieldFacet(o, "display_name", "Theirs", func() { o.Spec.DisplayName = "Second" }),
	}}
}

// theirGroup is a group that no identity provider pushed to anybody.
const theirGroup = "scim-group-test-00000000-0000-4000-8000-000000000001"

var _ = DescribeTable("What Stytch refuses keeps nothing else back:",
	func(ctx context.Context, of func(*world, string) refusable, topic string, cells ...cell) {
		w := newWorld(ctx)
		p := w.start()
		for i, c := range cells {
			By(c.other + " " + c.how)
			c.expect(w, p, of(w, fmt.Sprintf("cell-%d", i)), topic)
		}
	},
	Entry("SAML: certificate", refusableSAML, "certificate",
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, no, ""},
		cell{"encryption key", edited, first, second, no, ""},
		cell{"encryption key", drifted, first, first, no, ""},
		cell{"encryption key", vanished, theirs, first, no, ""},
		cell{"endpoint", edited, first, first, no, "idp_sso_url"},
		cell{"endpoint", drifted, first, theirs, no, "idp_sso_url"},
		cell{"endpoint", vanished, theirs, first, no, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, no, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("SAML: signing key", refusableSAML, "signing key",
		cell{"certificate", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, yes, ""},
		cell{"encryption key", edited, first, second, no, ""},
		cell{"encryption key", drifted, first, first, no, ""},
		cell{"encryption key", vanished, theirs, first, yes, ""},
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, yes, ""},
	),
	Entry("SAML: encryption key", refusableSAML, "encryption key",
		cell{"certificate", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, yes, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, yes, ""},
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, yes, ""},
	),
	Entry("SAML: endpoint", refusableSAML, "endpoint",
		cell{"certificate", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, no, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, no, ""},
		cell{"encryption key", edited, first, second, no, ""},
		cell{"encryption key", drifted, first, first, no, ""},
		cell{"encryption key", vanished, theirs, first, no, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, no, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("SAML: roles", refusableSAML, "roles",
		cell{"certificate", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, no, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, no, ""},
		cell{"encryption key", edited, first, second, no, ""},
		cell{"encryption key", drifted, first, first, no, ""},
		cell{"encryption key", vanished, theirs, first, no, ""},
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, no, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("SAML: name", refusableSAML, "name",
		cell{"certificate", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, yes, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, yes, ""},
		cell{"encryption key", edited, first, second, no, ""},
		cell{"encryption key", drifted, first, first, no, ""},
		cell{"encryption key", vanished, theirs, first, yes, ""},
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
	),
	Entry("SAML with metadata: metadata", refusableMetadata, "metadata",
		cell{"certificate", drifted, first, theirs, no, ""},
		cell{"endpoint", drifted, first, theirs, no, ""}, // the earlier document counts no more, and the next one is not known
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
	),
	Entry("SAML with metadata: refresh", refusableMetadata, "refresh",
		cell{"certificate", drifted, first, theirs, no, ""}, // only the document has the first one
		cell{"endpoint", drifted, first, first, yes, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, yes, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, yes, ""},
	),
	Entry("SAML with metadata: signing key", refusableMetadata, "signing key",
		cell{"metadata", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, yes, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, yes, ""},
	),
	Entry("SAML with metadata: roles", refusableMetadata, "roles",
		cell{"metadata", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, no, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, no, ""},
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("SAML with metadata: name", refusableMetadata, "name",
		cell{"metadata", edited, first, second, no, ""},
		cell{"certificate", drifted, first, first, no, ""},
		cell{"certificate", vanished, theirs, first, yes, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"signing key", edited, first, second, no, ""},
		cell{"signing key", drifted, first, first, no, ""},
		cell{"signing key", vanished, theirs, first, yes, ""},
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
	),
	Entry("OIDC: endpoint", refusableOIDC, "endpoint",
		cell{"mapping", edited, first, second, no, ""},
		cell{"mapping", drifted, first, first, no, ""},
		cell{"mapping", vanished, theirs, first, no, ""},
		cell{"scopes", edited, first, second, no, ""},
		cell{"scopes", drifted, first, first, no, ""},
		cell{"scopes", vanished, theirs, first, no, ""},
	),
	Entry("OIDC: mapping", refusableOIDC, "mapping",
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, no, ""},
		cell{"scopes", edited, first, second, no, ""},
		cell{"scopes", drifted, first, first, no, ""},
		cell{"scopes", vanished, theirs, first, no, ""},
	),
	Entry("OIDC: scopes", refusableOIDC, "scopes",
		cell{"endpoint", edited, first, second, no, ""},
		cell{"endpoint", drifted, first, first, no, ""},
		cell{"endpoint", vanished, theirs, first, yes, ""},
		cell{"mapping", edited, first, second, no, ""},
		cell{"mapping", drifted, first, first, no, ""},
		cell{"mapping", vanished, theirs, first, yes, ""},
	),
	Entry("External: roles", refusableExternal, "roles",
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("External: name", refusableExternal, "name",
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
	),
	Entry("SCIM: roles", refusableSCIM, "roles",
		cell{"name", edited, first, second, no, ""},
		cell{"name", drifted, first, first, no, ""},
		cell{"name", vanished, theirs, first, no, ""},
	),
	Entry("SCIM: name", refusableSCIM, "name",
		cell{"roles", edited, first, second, no, ""},
		cell{"roles", drifted, first, first, no, ""},
		cell{"roles", vanished, theirs, first, yes, ""},
	),
)

var _ = Describe("While Stytch refuses a value of an active SAML connection", func() {
	It("an unknown role keeps neither a repaired URL nor the next certificate of a Secret back", func(ctx context.Context) {
		w := newWorld(ctx)
		now, next := newCertificate("now"), newCertificate("next")
		w.create(w.secret("idp", map[string]string{"tls.crt": now}))
		o := w.saml("okta")
		o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{fromSecret("idp")}
		w.settled(o)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"edtor"} })
		p := w.start()
		p.pass(o)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"idp_sso_url": "https://theirs.example.com/sso"})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.pass(o)
		Expect(w.field(o, "idp_sso_url")).To(Equal(o.Spec.IDPSSOURL))
		edit(w, w.secret("idp", nil), func(s *corev1.Secret) { s.Data["tls.crt"] = []byte(now + next) })
		p.pass(o)
		w.expectInstalled(o, now, next)
		Expect(w.expectReady(o)).To(Equal(no))
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
		Expect(message).To(HavePrefix("Stytch rejected saml_connection_implicit_role_assignments: "))
		Expect(message).To(ContainSubstring(`Unknown role: "edtor".`))
	})

	It("a role that vanished without an edit makes Ready False once the roles differ, and not before", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		w.policy("editor", "admin")
		p := w.start()
		w.clock.advance(resync)
		p.pass(o)
		Expect(w.expectReady(o)).To(Equal(yes))
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		_, err := w.sim.PatchConnection(o.Status.ConnectionID, map[string]any{
			"saml_connection_implicit_role_assignments": []any{map[string]any{"role_id": "admin"}}, "display_name": "Theirs",
		})
		Expect(err).NotTo(HaveOccurred())
		w.clock.advance(resync)
		p.pass(o)
		Expect(w.field(o, "display_name")).To(Equal(o.Spec.DisplayName))
		Expect(w.expectReady(o)).To(Equal(no))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(ContainSubstring(
			`Unknown role: "viewer". Stytch has these roles, in the RBAC policy of the project and in the organization: "admin", "editor", "stytch_admin", "stytch_member".`))
	})

	It("a refused certificate keeps none of the others back, wherever it stands", func(ctx context.Context) {
		w := newWorld(ctx)
		p := w.start()
		for refused := range 3 {
			o := w.saml(fmt.Sprintf("okta-%d", refused))
			w.ofItsOwn(o, o.Name)
			was := o.Spec.VerificationCertificates[0].PEM
			w.create(o)
			p.settle(o)
			good, good2 := newCertificate("good"), newCertificate("good2")
			list := slices.Insert([]string{good, good2}, refused, strangeCertificate())
			edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.VerificationCertificates = specCertificates(list...) })
			p.pass(o)
			w.expectInstalled(o, was, good, good2) // none goes before all are there
			Expect(w.expectReady(o)).To(Equal(no))
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(
				HavePrefix(fmt.Sprintf("Stytch rejected spec.verificationCertificates[%d] (%s): ", refused, sha(list[refused])[:16])))
		}
	})

	It("one mistyped certificate of another identity provider leaves the logins through the first as they are", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		was := o.Spec.VerificationCertificates[0].PEM
		good, good2 := newCertificate("good"), newCertificate("good2")
		edit(w, o, func(o *v1alpha1.SAMLConnection) {
			o.Spec.IDPEntityID, o.Spec.IDPSSOURL = "https://second.example.com", "https://second.example.com/sso"
			o.Spec.VerificationCertificates = specCertificates(good, strangeCertificate())
		})
		p := w.start()
		for range 2 {
			p.pass(o)
			Expect(w.field(o, "idp_entity_id")).To(Equal("https://idp.example.com/okta"))
			Expect(w.field(o, "idp_sso_url")).To(Equal("https://idp.example.com/sso"))
			w.expectInstalled(o, was, good)
			Expect(w.expectReady(o)).To(Equal(no))
			message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)
			Expect(message).To(HavePrefix("Stytch rejected spec.verificationCertificates[1] ("))
			Expect(message).To(ContainSubstring("Not sent until all certificates of the manifest are in Stytch: idp_entity_id, idp_sso_url."))
			w.clock.advance(resync)
		}
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.VerificationCertificates = specCertificates(good, good2) })
		p.settle(o)
		w.expectKept(o)
		w.expectInstalled(o, good, good2)
		Expect(w.field(o, "idp_sso_url")).To(Equal("https://second.example.com/sso"))
	})
})
