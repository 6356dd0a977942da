package controllers

import (
	"context"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

var _ = Describe("Nothing is read or written in an organization that the manifest is not pinned to", func() {
	const evil = "organization-test-evil"

	// moved gives the slug of one organization to another one.
	moved := func(w *world, from, to stytchsim.Organization) {
		GinkgoHelper()
		_, err := w.sim.PatchOrganization(from.ID, map[string]any{"organization_slug": "was-" + from.Slug})
		Expect(err).NotTo(HaveOccurred())
		_, err = w.sim.PatchOrganization(to.ID, map[string]any{"organization_slug": evil})
		Expect(err).NotTo(HaveOccurred())
	}
	// paths are those of the calls that name an organization otherwise than by this ID.
	elsewhere := func(w *world, id string) []string {
		var paths []string
		for _, c := range w.sim.Calls() {
			if strings.HasPrefix(c.Path, "/v1/b2b/") && !strings.Contains(c.Path, id) {
				paths = append(paths, c.Method+" "+c.Path)
			}
		}
		return paths
	}

	for _, kind := range kindsOfSpecs() {
		It("where a slug that begins like an ID is given to another organization later ("+kind.name+")", func(ctx context.Context) {
			w := newWorld(ctx)
			mine := w.organization(evil)
			o := kind.manifest(w)
			o.CommonSpec().Organization = evil
			w.create(o)
			p := w.start()
			p.settle(o)
			w.reload(o)
			Expect(o.CommonStatus().OrganizationID).To(Equal(mine.ID))
			moved(w, mine, w.partner)
			w.clock.advance(resync)
			p.settle(o)
			edit(w, o, func(o v1alpha1.Connection) { o.CommonSpec().DisplayName = "Renamed" })
			p.settle(o)
			p = w.start()
			w.clock.advance(resync)
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
			Expect(elsewhere(w, mine.ID)).To(HaveEach(BeElementOf("GET /v1/b2b/organizations/"+evil, "GET /v1/b2b/sso/"+w.partner.ID)))
		})
	}

	It("where an earlier version recorded such a slug as the ID", func(ctx context.Context) {
		w := newWorld(ctx)
		mine := w.organization(evil)
		o := w.saml("okta")
		o.Spec.Organization = evil
		w.create(o)
		p := w.start()
		p.settle(o)
		w.reload(o)
		o.Status.OrganizationID = evil
		Expect(api.Status().Update(ctx, o)).To(Succeed())
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.DisplayName = "Renamed" })
		p = w.start()
		w.clock.advance(resync)
		p.settle(o)
		w.reload(o)
		Expect(o.Status.OrganizationID).To(Equal(mine.ID))
		w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		Expect(elsewhere(w, mine.ID)).To(HaveEach("GET /v1/b2b/organizations/" + evil))
	})

	It("and an answer about another one is not used", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.saml("okta")
		w.create(o)
		p := w.start()
		p.settle(o)
		w.reload(o)
		w.fault(stytchsim.Fault{
			Method: http.MethodGet, Path: "/v1/b2b/sso/**", Effect: stytchsim.FaultInvalidJSON,
			Body: `{"request_id":"r","status_code":200,"saml_connections":[{"organization_id":"` + w.partner.ID + `","connection_id":"` + o.Status.ConnectionID + `","status":"active"}]}`,
		})
		for range 2 { // a first failure is not said
			w.clock.advance(resync)
			p.pass(o)
		}
		message := w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		Expect(message).To(ContainSubstring("the response is about another organization"))
	})
})
