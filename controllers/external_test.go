package controllers

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func (w *world) external() *v1alpha1.ExternalConnection {
	GinkgoHelper()
	return &v1alpha1.ExternalConnection{ObjectMeta: w.meta("partner"), Spec: v1alpha1.ExternalConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: w.acme.ID, DisplayName: "Partner login"},
		Source:         &v1alpha1.ExternalSource{OrganizationID: w.partner.ID, ConnectionID: w.activeSAML(w.partner)},
		ImplicitRoles:  []string{"viewer"},
	}}
}

// activeSAML makes a SAML connection by hand that is active.
func (w *world) activeSAML(organization stytchsim.Organization) string {
	GinkgoHelper()
	made, err := w.sim.AddConnection(organization.ID, stytchsim.SAML, map[string]any{
		"display_name": "Made by hand", "idp_entity_id": "https://idp.example.com", "idp_sso_url": "https://idp.example.com/sso",
		"attribute_mapping":         map[string]any{"email": "NameID", "full_name": "name", "groups": "groups"},
		"verification_certificates": []any{newCertificate("by hand")},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(made.Status).To(Equal("active"))
	return made.ID
}

var _ = Describe("An ExternalConnection", func() {
	It("is created, configured and then left in peace", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.external()
		w.create(o)
		p := w.start()
		got := p.expectPass(o, "GET /v1/b2b/sso/organization", "POST /v1/b2b/sso/external/organization", "PUT /v1/b2b/sso/external/organization/connections/external-connection")
		Expect(got.writes).To(HaveLen(3))
		w.reload(o)
		Expect(isTrue(o, v1alpha1.ConditionReady)).To(BeTrue())
		Expect(o.Status.ConnectionID).NotTo(BeEmpty())
		remote, found := w.sim.Connection(o.Status.ConnectionID)
		Expect(found).To(BeTrue())
		Expect(remote.DisplayName).To(Equal("Partner login"))
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})

	It("that was taken over and re-uses another source is never written, so that no role is given through the wrong one", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.external()
		other, err := w.sim.AddConnection(w.acme.ID, stytchsim.External, map[string]any{
			"display_name": "By hand", "external_organization_id": w.partner.ID, "external_connection_id": w.activeSAML(w.partner),
		})
		Expect(err).NotTo(HaveOccurred())
		o.Spec.ConnectionID = other.ID
		w.create(o)
		seq := w.seq()
		p := w.start()
		p.rest(o)
		for _, call := range w.callsSince(seq) {
			Expect(call.Method).To(Equal(http.MethodGet))
		}
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(ContainSubstring("Stytch cannot change the source"))
	})
})
