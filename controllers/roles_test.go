package controllers

import (
	"context"
	"net/http"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// operation counts the calls of one operation since a part of the journal.
func (w *world) operation(seq int, name string) int {
	n := 0
	for _, call := range w.callsSince(seq) {
		if call.Operation == name {
			n++
		}
	}
	return n
}

// policy gives the project these roles and no others.
func (w *world) policy(roles ...string) {
	GinkgoHelper()
	project := stytchsim.Project{ID: stytchsim.DefaultProjectID, Secret: stytchsim.DefaultSecret}
	for _, role := range roles {
		project.Roles = append(project.Roles, stytchsim.Role{ID: role})
	}
	Expect(w.sim.AddProject(project)).To(Succeed())
}

// allRoles are those of the simulator's project, as a message lists them.
const allRoles = `"admin", "editor", "stytch_admin", "stytch_member", "viewer"`

// misspelled is a manifest of each kind that assigns roles, whose connection is as it says, before an edit misspells one.
func (w *world) misspelled() []v1alpha1.Connection {
	GinkgoHelper()
	directory := w.scim("directory")
	all := []v1alpha1.Connection{w.saml("okta"), w.external(), directory}
	p := w.start()
	for _, o := range all {
		w.create(o)
		p.settle(o)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
	}
	group := w.push(directory, "Engineering")
	edit(w, all[0].(*v1alpha1.SAMLConnection), func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"viewer", "edtor"} })
	edit(w, all[1].(*v1alpha1.ExternalConnection), func(o *v1alpha1.ExternalConnection) { o.Spec.ImplicitRoles = []string{"edtor"} })
	edit(w, directory, func(o *v1alpha1.SCIMConnection) {
		o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupID: group, Role: "edtor"}}
	})
	return all
}

var _ = Describe("The roles that there are", func() {
	const said = `Unknown role: "edtor". Stytch has these roles, in the RBAC policy of the project and in the organization: ` + allRoles + `. Use one of them`

	It("are read once a role was refused, for all manifests of a project together, and not at rest", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		all := w.misspelled()
		Expect(w.operation(0, "GetRBACPolicy")).To(BeZero(), "nothing was refused yet")
		p := w.start()
		for _, o := range all {
			seq := w.seq()
			p.rest(o)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(ContainSubstring(said))
			calls := w.callsSince(seq)
			first := slices.IndexFunc(calls, func(c stytchsim.Call) bool { return c.Method == http.MethodPut })
			policy := slices.IndexFunc(calls, func(c stytchsim.Call) bool { return c.Operation == "GetRBACPolicy" })
			Expect(first).NotTo(BeNumerically("<", 0))
			Expect(policy < 0 || first < policy).To(BeTrue(), "the policy is read before an update was refused")
		}
		Expect(w.operation(0, "GetRBACPolicy")).To(Equal(1), "of all manifests only the first asks")
		Expect(w.operation(0, "GetOrganization")).To(Equal(1), "so does the first of an organization")

		w.clock.advance(resync)
		seq := w.seq()
		for _, o := range all {
			before := o.GetResourceVersion()
			p.rest(o)
			w.reload(o)
			Expect(o.GetResourceVersion()).To(Equal(before), "the same refusal is written again")
		}
		Expect(w.operation(seq, "GetRBACPolicy")).To(Equal(1))

		w.policy("admin", "editor", "edtor", "viewer")
		w.clock.advance(resync)
		seq = w.seq()
		for _, o := range all {
			p.settle(o)
			w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)
		}
		w.clock.advance(resync)
		for _, o := range all {
			p.settle(o)
		}
		Expect(w.operation(seq, "GetRBACPolicy")).To(BeZero(), "what is accepted asks for no roles")
	})

	It("include those of the organization", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		_, err := w.sim.PatchOrganization(w.acme.ID, map[string]any{"custom_roles": []any{map[string]any{"role_id": "pilot"}}})
		Expect(err).NotTo(HaveOccurred())
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"pilot", "edtor"} })
		w.start().rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(And(
			ContainSubstring(`Unknown role: "edtor".`), ContainSubstring(allRoles+`, "pilot".`)))
	})

	It("are read under Observe while the roles differ, and named where one is unknown", func(ctx context.Context) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.Management = v1alpha1.ManagementObserve })
		p := w.start()
		w.atSlotStart()
		p.rest(o)
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.operation(0, "GetRBACPolicy")).To(BeZero(), "the roles are as they should be")
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"edtor"} })
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)).To(And(
			ContainSubstring("differs from the manifest in: saml_connection_implicit_role_assignments."), ContainSubstring(said)))
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		Expect(w.operation(0, "GetRBACPolicy")).To(Equal(1))
		for range 3 {
			w.clock.advance(time.Minute)
			p.expectQuiet(o)
		}
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"editor"} })
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)).NotTo(ContainSubstring("nknown role"))
		Expect(w.operation(0, "GetRBACPolicy")).To(Equal(1), "they are kept for 5 minutes")

		created := w.saml("created")
		created.Spec.Management, created.Spec.ImplicitRoles = v1alpha1.ManagementObserve, []string{"edtor"}
		w.create(created)
		p.rest(created)
		Expect(w.expectCondition(created, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonPlanPending)).To(And(
			ContainSubstring("The connection does not exist."), ContainSubstring(said)))
	})

	DescribeTable("leave a refusal as it is where they cannot be read:", func(ctx context.Context, f stytchsim.Fault) {
		w := newEarlyWorld(ctx)
		o := w.settled(w.saml("okta")).(*v1alpha1.SAMLConnection)
		edit(w, o, func(o *v1alpha1.SAMLConnection) { o.Spec.ImplicitRoles = []string{"edtor"} })
		p := w.start()
		w.atSlotStart()
		seq := w.seq()
		w.fault(f)
		got := p.pass(o)
		Expect(got.err).NotTo(HaveOccurred())
		Expect(got.result.RequeueAfter).To(BeNumerically("~", resync, time.Second), "it is tried again at the next slot and not sooner")
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(Equal(
			"Stytch rejected saml_connection_implicit_role_assignments: UpdateSAMLConnection returned 400 invalid_rbac_role_id: There is no role edtor. " +
				"Fix the manifest or the object it refers to in Stytch. Retrying at the next resync."))
		w.expectCondition(o, v1alpha1.ConditionReady, isFalseNow, v1alpha1.ReasonRejected)
		Expect(o.Status.LastRequest.Operation).To(Equal("UpdateSAMLConnection"))
		Expect(w.operation(seq, f.Operation)).To(Equal(1))
		Expect(w.log.String()).To(ContainSubstring("operation=" + f.Operation))

		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonRejected)).To(ContainSubstring(said))
	},
		Entry("not allowed", stytchsim.Fault{Operation: "GetRBACPolicy", Status: http.StatusForbidden, ErrorType: "forbidden"}),
		Entry("not there", stytchsim.Fault{Operation: "GetRBACPolicy", Status: http.StatusNotFound, ErrorType: "route_not_found"}),
		Entry("too many requests", stytchsim.Fault{Operation: "GetRBACPolicy", Status: http.StatusTooManyRequests, RetryAfter: "30"}),
		Entry("no response", stytchsim.Fault{Operation: "GetRBACPolicy", Effect: stytchsim.FaultCutBeforeCommit}),
		Entry("no response for the organization", stytchsim.Fault{Operation: "GetOrganization", Effect: stytchsim.FaultCutBeforeCommit}),
	)
})
