package controllers

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func (w *world) saml(name string) *v1alpha1.SAMLConnection {
	GinkgoHelper()
	return &v1alpha1.SAMLConnection{ObjectMeta: w.meta(name), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:           v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Okta of " + name},
		IdentityProvider:         "okta",
		IDPEntityID:              "https://idp.example.com/" + name,
		IDPSSOURL:                "https://idp.example.com/sso",
		VerificationCertificates: []v1alpha1.VerificationCertificate{{PEM: newCertificate(name)}},
		AttributeMapping:         map[string]string{"email": "NameID", "full_name": "name", "groups": "groups"},
		NameIDFormat:             new("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
		AlternativeAudienceURI:   new("urn:old:audience"),
		AlternativeACSURL:        new("https://old.example.com/acs"),
		IDPInitiatedAuth:         v1alpha1.ToggleDisabled,
		GatewayCallback:          v1alpha1.PermissionAllowed,
		ImplicitRoles:            []string{"viewer"},
		GroupImplicitRoles:       []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}}
}

var _ = Describe("A SAMLConnection", func() {
	It("is created, configured and then left in peace", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		got := p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/saml/organization", "PUT /v1/b2b/sso/saml/organization/connections/saml-connection")
		Expect(got.writes).To(HaveLen(3))
		w.reload(o)
		Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue(), "%+v", o.Status)
		Expect(o.Status.VerificationCertificates).To(HaveLen(1))
		Expect(o.Status.ACSURL).NotTo(BeEmpty())
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})
})
