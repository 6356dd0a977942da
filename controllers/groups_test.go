package controllers

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// byName is a role for the members of a group that is given by its name.
func byName(group, role string) v1alpha1.SCIMGroupRole {
	return v1alpha1.SCIMGroupRole{GroupName: group, Role: role}
}

// pushed is a SCIM manifest whose connection is as it says, and groups that its identity provider pushed.
func (w *world) pushed(groups ...string) (*v1alpha1.SCIMConnection, map[string]string) {
	GinkgoHelper()
	o := w.scim("directory")
	w.settled(o)
	ids := map[string]string{}
	for _, name := range groups {
		ids[name] = w.push(o, name)
	}
	return o, ids
}

// push makes a group, as an identity provider does, and tells its ID.
func (w *world) push(o *v1alpha1.SCIMConnection, name string) string {
	GinkgoHelper()
	group, err := w.sim.AddGroup(stytchsim.Group{Name: name, ConnectionID: o.Status.ConnectionID})
	Expect(err).NotTo(HaveOccurred())
	return group.ID
}

// give has a manifest give these roles and no others.
func (w *world) give(o *v1alpha1.SCIMConnection, roles ...v1alpha1.SCIMGroupRole) {
	GinkgoHelper()
	edit(w, o, func(o *v1alpha1.SCIMConnection) { o.Spec.GroupImplicitRoles = roles })
}

// given are the roles that Stytch gives, as group/role.
func (w *world) given(o *v1alpha1.SCIMConnection) []string {
	GinkgoHelper()
	given := []string{}
	for _, each := range objectsIn(w.field(o, "scim_group_implicit_role_assignments")) {
		given = append(given, fmt.Sprintf("%v/%v", each["group_id"], each["role_id"]))
	}
	return given
}

// objectsIn is a list of objects as the simulator keeps it.
func objectsIn(value any) []map[string]any {
	GinkgoHelper()
	var objects []map[string]any
	switch list := value.(type) {
	case []any:
		for _, each := range list {
			objects = append(objects, each.(map[string]any))
		}
	case nil:
	default:
		Fail(fmt.Sprintf("%T is no list", value))
	}
	return objects
}

// listings are the queries of the pages of groups that were asked for since a part of the journal.
func (w *world) listings(seq int) []string {
	queries := []string{}
	for _, call := range w.callsSince(seq) {
		if call.Operation == "ListSCIMGroups" {
			queries = append(queries, call.Query)
		}
	}
	return queries
}

var _ = Describe("A SCIM group that is given by its name", func() {
	for _, cursor := range []string{"empty", "null", "absent"} {
		It("is found on whatever page it stands, with a last page whose cursor is "+cursor, func(ctx context.Context) {
			w := newWorld(ctx, func(s *stytchsim.Switches) { s.Cursor = cursor })
			o, _ := w.pushed()
			for i := range 2000 {
				w.push(o, fmt.Sprint("Team ", i))
			}
			last := w.push(o, "Engineering")
			seq := w.seq()
			w.give(o, byName("Engineering", "editor"), byName("Team 7", "viewer"))
			p := w.start()
			p.settle(o)
			w.expectKept(o)
			Expect(w.given(o)).To(ConsistOf(last+"/editor", HaveSuffix("/viewer")))
			Expect(w.listings(seq)).To(HaveLen(3), "three pages, once")
			for _, query := range w.listings(seq) {
				Expect(query).To(ContainSubstring("limit=1000"))
			}
			Expect(o.Status.Groups.Resolved).To(BeEquivalentTo(2))
			p.expectQuiet(o)
		})
	}

	It("is waited for from the creation on without keeping anything else, and is picked up at a later slot", func(ctx context.Context) {
		w := newWorld(ctx)
		o := w.scim("directory")
		o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Engineering", "editor"), byName("Contractors", "viewer")}
		w.create(o)
		p := w.start()
		p.rest(o)
		w.expectToken(o)
		Expect(w.field(o, "display_name")).To(Equal("Directory"), "the real name, not the mark of a creation")
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)).To(ContainSubstring("yet: \"Engineering\", \"Contractors\"."))
		Expect(isTrue(o, v1alpha1.ConditionReconciling)).To(BeTrue())
		Expect(o.Status.Groups).To(Equal(&v1alpha1.SCIMGroupsStatus{Pending: []string{"Engineering", "Contractors"}}))
		Expect(w.given(o)).To(BeEmpty())

		engineering := w.push(o, "Engineering")
		Expect(p.pass(o).quiet()).To(BeTrue(), "nothing is looked at before its slot")
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.given(o)).To(ConsistOf(engineering + "/editor"))
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)).To(ContainSubstring("yet: \"Contractors\"."))
		Expect(o.Status.Groups).To(Equal(&v1alpha1.SCIMGroupsStatus{
			Resolved: 1, Pending: []string{"Contractors"}, Found: []v1alpha1.SCIMFoundGroup{{Name: "Engineering", GroupID: engineering}},
		}))

		contractors := w.push(o, "Contractors")
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
		Expect(w.given(o)).To(ConsistOf(engineering+"/editor", contractors+"/viewer"))
		Expect(o.Status.Groups).To(Equal(&v1alpha1.SCIMGroupsStatus{Resolved: 2, Found: []v1alpha1.SCIMFoundGroup{
			{Name: "Engineering", GroupID: engineering}, {Name: "Contractors", GroupID: contractors},
		}}))
		p.expectQuiet(o)
		w.start().expectQuiet(o)
	})

	for _, healed := range []string{"one of them goes", "the manifest gives the ID"} {
		It("is nobody while several groups have it: no role changes, every other field does, until "+healed, func(ctx context.Context) {
			w := newWorld(ctx)
			o, ids := w.pushed("Engineering", "Sales")
			w.give(o, v1alpha1.SCIMGroupRole{GroupID: ids["Sales"], Role: "viewer"})
			p := w.start()
			p.settle(o)
			twin := w.push(o, "Engineering")

			edit(w, o, func(o *v1alpha1.SCIMConnection) {
				o.Spec.GroupImplicitRoles, o.Spec.DisplayName = []v1alpha1.SCIMGroupRole{byName("Engineering", "editor")}, "Renamed"
			})
			w.clock.advance(resync)
			p.rest(o)
			both := []string{ids["Engineering"], twin}
			slices.Sort(both)
			Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonInvalid)).To(And(
				ContainSubstring(fmt.Sprintf("\"Engineering\" (%s, %s)", both[0], both[1])), ContainSubstring("Use groupID instead of groupName.")))
			Expect(isTrue(o, v1alpha1.ConditionStalled)).To(BeTrue())
			Expect(w.given(o)).To(ConsistOf(ids["Sales"] + "/viewer"))
			Expect(w.field(o, "display_name")).To(Equal("Renamed"))
			Expect(p.pass(o).quiet()).To(BeTrue())

			if healed == "one of them goes" {
				Expect(w.sim.RemoveGroup(ids["Engineering"])).To(Succeed())
				w.clock.advance(resync)
			} else {
				w.give(o, v1alpha1.SCIMGroupRole{GroupID: twin, Role: "editor"})
			}
			p.settle(o)
			w.expectKept(o)
			Expect(w.given(o)).To(ConsistOf(twin + "/editor"))
			p.expectQuiet(o)
		})
	}

	It("counts once where the manifest gives it by its ID too", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering")
		id := ids["Engineering"]
		w.give(o, byName("Engineering", "editor"), v1alpha1.SCIMGroupRole{GroupID: id, Role: "editor"}, v1alpha1.SCIMGroupRole{GroupID: id, Role: "viewer"})
		seq := w.seq()
		p := w.start()
		p.settle(o)
		w.expectKept(o)
		Expect(w.given(o)).To(ConsistOf(id+"/editor", id+"/viewer"))
		Expect(w.sentSince(seq)).To(Equal([][]string{{"scim_group_implicit_role_assignments"}}))
		p.expectQuiet(o)
	})

	It("costs one listing at each slot, and none where every group is given by its ID", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering")
		w.give(o, byName("Engineering", "editor"))
		p := w.start()
		p.expectPass(o, "GET /v1/b2b/scim/organization/connection",
			"GET /v1/b2b/scim/organization/connection/scim-connection", "PUT /v1/b2b/scim/organization/connection/scim-connection")
		for range 2 {
			p.expectQuiet(o)
			w.clock.advance(p.pass(o).result.RequeueAfter)
			got := p.expectPass(o, "GET /v1/b2b/scim/organization/connection", "GET /v1/b2b/scim/organization/connection/scim-connection")
			Expect(got.writes).To(BeEmpty())
		}
		w.give(o, v1alpha1.SCIMGroupRole{GroupID: ids["Engineering"], Role: "editor"})
		p.settle(o)
		w.expectKept(o)
		Expect(o.Status.Groups).To(BeNil())
		w.clock.advance(p.pass(o).result.RequeueAfter)
		p.expectPass(o, "GET /v1/b2b/scim/organization/connection")
	})

	It("keeps its roles while the groups cannot be listed", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering")
		w.give(o, byName("Engineering", "editor"))
		p := w.start()
		p.settle(o)
		w.fault(stytchsim.Fault{Operation: "ListSCIMGroups", Status: http.StatusInternalServerError})
		seq := w.seq()
		for range 3 {
			w.clock.advance(resync)
			p.rest(o)
		}
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.given(o)).To(ConsistOf(ids["Engineering"] + "/editor"))
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonUnavailable)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		w.sim.RemoveFaults()
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
	})

	It("keeps its roles when one listing shows no groups, while Stytch names it beside them", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering")
		w.give(o, byName("Engineering", "editor"))
		p := w.start()
		p.settle(o)
		w.fault(stytchsim.Fault{Operation: "ListSCIMGroups", Effect: stytchsim.FaultEmptyList, Times: 1})
		seq := w.seq()
		w.clock.advance(resync)
		p.settle(o)
		Expect(w.sentSince(seq)).To(BeEmpty())
		Expect(w.given(o)).To(ConsistOf(ids["Engineering"] + "/editor"))
		w.expectKept(o)
	})

	It("is found again under another ID when the identity provider pushes it anew", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering")
		w.give(o, byName("Engineering", "editor"))
		p := w.start()
		p.settle(o)
		Expect(w.sim.RemoveGroup(ids["Engineering"])).To(Succeed())
		w.clock.advance(resync)
		p.rest(o)
		w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)
		w.expectCondition(o, v1alpha1.ConditionReady, isTrueNow, v1alpha1.ReasonActive)
		anew := w.push(o, "Engineering")
		w.clock.advance(resync)
		p.settle(o)
		w.expectKept(o)
		Expect(w.given(o)).To(ConsistOf(anew + "/editor"))
	})

	It("is said to be renamed, once by an event and in the message as long as it is waited for", func(ctx context.Context) {
		w := newWorld(ctx)
		o, ids := w.pushed("Engineering", "Ops ")
		w.give(o, byName("Engineering", "editor"), byName("Ops ", "viewer"))
		p := w.start()
		p.settle(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isTrueNow, v1alpha1.ReasonInSync)).To(ContainSubstring(`which is a part of the name: "Ops ".`))
		Expect(w.sim.RenameGroup(ids["Engineering"], "R&D")).To(Succeed())
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)).To(
			ContainSubstring(`yet: "Engineering" (the group was renamed to "R&D").`))
		Expect(w.given(o)).To(ConsistOf(ids["Ops "] + "/viewer"))
		w.clock.advance(resync)
		p.rest(o)
		Expect(w.notes("GroupRenamed")).To(ConsistOf(ContainSubstring(`"Engineering" to "R&D" (` + ids["Engineering"] + `)`)))
		w.give(o, byName("r&d", "editor"), byName("Ops ", "viewer"))
		p.rest(o)
		Expect(w.expectCondition(o, v1alpha1.ConditionSynced, isFalseNow, v1alpha1.ReasonGroupsPending)).To(
			ContainSubstring(`yet: "r&d" (there is "R&D", which differs only in case).`))
	})

	It("is given its role whatever call or write of it a crash falls on", func(ctx context.Context) {
		named := flow{
			name: "roles by name",
			arrange: func(w *world) v1alpha1.Connection {
				o, ids := w.pushed("Engineering")
				w.before = ids["Engineering"]
				return o
			},
			ask: func(w *world, o v1alpha1.Connection) {
				w.give(o.(*v1alpha1.SCIMConnection), byName("Engineering", "editor"))
			},
			expect: func(w *world, o v1alpha1.Connection) {
				w.expectKept(o)
				Expect(w.given(o.(*v1alpha1.SCIMConnection))).To(ConsistOf(w.before + "/editor"))
			},
		}
		Expect(named.crash(ctx, 1)).To(BeNumerically(">=", 4))
	})
})
