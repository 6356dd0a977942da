package scim_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// longName is one of the longest names that a group may have in a manifest.
func longName(i int) string { return fmt.Sprintf("%012d", i) + strings.Repeat("x", 1012) }

// found is one group as status has it.
func found(name, id string) []v1alpha1.SCIMFoundGroup {
	return []v1alpha1.SCIMFoundGroup{{Name: name, GroupID: id}}
}

// fits fails the test where a message is longer than a condition may be.
func fits(t *testing.T, message string) {
	t.Helper()
	if n := utf8.RuneCountInString(message); n > 32768 {
		t.Errorf("the message has %d characters", n)
	}
}

func byName(name, role string) v1alpha1.SCIMGroupRole {
	return v1alpha1.SCIMGroupRole{GroupName: name, Role: role}
}

func byID(id, role string) v1alpha1.SCIMGroupRole {
	return v1alpha1.SCIMGroupRole{GroupID: id, Role: role}
}

func TestGroupsAreFoundByTheirNames(t *testing.T) {
	groups := []stytch.SCIMGroup{{ID: "g1", Name: "Engineering"}, {ID: "g2", Name: "Ops"}, {ID: "g9", Name: "Twice"}, {ID: "g8", Name: "Twice"}, {ID: "g2", Name: "Ops"}}
	for _, test := range []struct {
		name   string
		list   []v1alpha1.SCIMGroupRole
		body   string // nothing where the field is left alone
		reason string
		says   []string
		status *v1alpha1.SCIMGroupsStatus
	}{
		{"by ID", []v1alpha1.SCIMGroupRole{byID("g7", "editor")}, `[{"role_id":"editor","group_id":"g7"}]`, "", nil, nil},
		{"by name", []v1alpha1.SCIMGroupRole{byName("Engineering", "editor")}, `[{"role_id":"editor","group_id":"g1"}]`, "", nil, &v1alpha1.SCIMGroupsStatus{Resolved: 1, Found: found("Engineering", "g1")}},
		{"one that comes on two pages", []v1alpha1.SCIMGroupRole{byName("Ops", "editor")}, `[{"role_id":"editor","group_id":"g2"}]`, "", nil, &v1alpha1.SCIMGroupsStatus{Resolved: 1, Found: found("Ops", "g2")}},
		{
			"one with two roles",
			[]v1alpha1.SCIMGroupRole{byName("Engineering", "editor"), byName("Engineering", "admin")},
			`[{"role_id":"admin","group_id":"g1"},{"role_id":"editor","group_id":"g1"}]`, "", nil, &v1alpha1.SCIMGroupsStatus{Resolved: 1, Found: found("Engineering", "g1")},
		},
		{
			"one by name and by ID",
			[]v1alpha1.SCIMGroupRole{byName("Engineering", "editor"), byID("g1", "editor")},
			`[{"role_id":"editor","group_id":"g1"}]`, "", nil, &v1alpha1.SCIMGroupsStatus{Resolved: 1, Found: found("Engineering", "g1")},
		},
		{
			"one that was not pushed, beside others",
			[]v1alpha1.SCIMGroupRole{byName("Contractors", "viewer"), byName("Ops", "viewer"), byName("Contractors", "editor"), byName("engineering", "viewer")},
			`[{"role_id":"viewer","group_id":"g2"}]`, v1alpha1.ReasonGroupsPending,
			[]string{`yet: "Contractors", "engineering" (there is "Engineering", which differs only in case).`},
			&v1alpha1.SCIMGroupsStatus{Resolved: 1, Pending: []string{"Contractors", "engineering"}, Found: found("Ops", "g2")},
		},
		{
			"one whose name several have",
			[]v1alpha1.SCIMGroupRole{byName("Twice", "viewer"), byName("Ops", "viewer"), byName("Twice", "editor")},
			"", v1alpha1.ReasonInvalid,
			[]string{"that several groups have: \"Twice\" (g8, g9). No group roles are changed.", "Use groupID instead of groupName"},
			&v1alpha1.SCIMGroupsStatus{Resolved: 1, Found: found("Ops", "g2")},
		},
		{
			"one whose name several have and one that was not pushed",
			[]v1alpha1.SCIMGroupRole{byName("Twice", "viewer"), byName("Contractors", "viewer")},
			"", v1alpha1.ReasonInvalid,
			[]string{"\"Twice\" (g8, g9)", "yet: \"Contractors\""},
			&v1alpha1.SCIMGroupsStatus{Pending: []string{"Contractors"}},
		},
		{"none", []v1alpha1.SCIMGroupRole{}, `[]`, "", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, r := SCIMManifest(), SCIMRemote()
			o.Spec.GroupImplicitRoles = test.list
			r.GroupImplicitRoles = []stytch.SCIMGroupRole{{GroupID: "by-hand", RoleID: "x"}}
			in := SecretWith(SCIMID, "token-ending-in-wxyz")
			in.Groups = groups
			before := InJSON(t, groups)
			plan, problems := PlanFor(scim.Kind(), o, r, in)
			Same(t, "the groups, which others read", InJSON(t, groups), before)
			if test.body == "" {
				NoSteps(t, plan)
			} else {
				OneUpdate(t, plan, `{"scim_group_implicit_role_assignments":`+test.body+`}`)
			}
			reason, message := connection.Worst(problems)
			Same(t, "the reason", reason, test.reason)
			Contains(t, message, test.says...)
			PublishedToken(o, r, in)
			Same(t, "status", o.Status.Groups, test.status)
		})
	}
}

func TestAnAmbiguousNameLeavesOtherSettingsToBeChanged(t *testing.T) {
	o := SCIMManifest()
	o.Spec.IdentityProvider = "generic"
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Twice", "viewer")}
	in := SecretWith(SCIMID, "token-ending-in-wxyz")
	in.Groups = []stytch.SCIMGroup{{ID: "g1", Name: "Twice"}, {ID: "g2", Name: "Twice"}}
	plan, _ := PlanFor(scim.Kind(), o, SCIMRemote(), in)
	OneUpdate(t, plan, `{"identity_provider":"generic"}`)
}

func TestNoGroupIsLookedForBeforeThereIsAConnection(t *testing.T) {
	o := SCIMManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Engineering", "viewer")}
	want, problems := WantOf(scim.Kind(), o, "", connection.Inputs{})
	Same(t, "problems", problems, []connection.Problem(nil))
	if _, is := want.Settings["scim_group_implicit_role_assignments"]; is || want.Groups != nil {
		t.Errorf("the desired is %s", InJSON(t, want))
	}
}

func TestAManifestNamesGroupsOrNot(t *testing.T) {
	o := SCIMManifest()
	Same(t, "by ID", scim.NamesGroups(o), false)
	o.Spec.GroupImplicitRoles = append(o.Spec.GroupImplicitRoles, byName("Engineering", "viewer"))
	Same(t, "by ID and by name", scim.NamesGroups(o), true)
	o.Spec.GroupImplicitRoles = nil
	Same(t, "none", scim.NamesGroups(o), false)
}

func TestWhatIsSaidOfGroupsFitsACondition(t *testing.T) {
	o := SCIMManifest()
	in := SecretWith(SCIMID, "token-ending-in-wxyz")
	o.Spec.GroupImplicitRoles = nil
	for i := range 100 {
		name := longName(i)
		o.Spec.GroupImplicitRoles = append(o.Spec.GroupImplicitRoles, byName(name, "viewer"))
		for j := range 20 {
			if i%2 == 0 {
				in.Groups = append(in.Groups, stytch.SCIMGroup{ID: "scim-group-live-11111111-1111-4111-8111-" + longName(j)[:12], Name: name})
			}
		}
	}
	_, problems := WantOf(scim.Kind(), o, SCIMID, in)
	reason, message := connection.Worst(problems)
	status := connection.Judge(NewStatus(), 1, connection.Report{Reason: reason, Message: message}, Noon)
	for _, c := range status.Conditions {
		fits(t, c.Message)
	}
	Same(t, "the status of the same finding", connection.Judge(status, 1, connection.Report{Reason: reason, Message: message}, Noon), status)
}

func TestAGroupThatOneListingLacksIsTakenFromTheRolesThatStytchShows(t *testing.T) {
	r := SCIMRemote() // gives editor to Engineering, scim-group-live-1
	Same(t, "not listed", scim.KnownGroups(nil, r), []stytch.SCIMGroup{{ID: "scim-group-live-1", Name: "Engineering"}})
	renamed := []stytch.SCIMGroup{{ID: "scim-group-live-1", Name: "R&D"}}
	Same(t, "renamed", scim.KnownGroups(renamed, r), renamed)
	anew := []stytch.SCIMGroup{{ID: "scim-group-live-2", Name: "Engineering"}}
	Same(t, "pushed anew", scim.KnownGroups(anew, r), anew)
	r.GroupImplicitRoles[0].GroupName = ""
	Same(t, "without a name", len(scim.KnownGroups(nil, r)), 0)
}

func TestAPendingGroupIsNotSaidToLeaveTheOthersTheirRolesWhileAnAmbiguousOneKeepsAllAsTheyAre(t *testing.T) {
	o := SCIMManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{{GroupName: "Twice", Role: "editor"}, {GroupName: "Nobody", Role: "viewer"}}
	in := SecretWith(SCIMID, "some-token-wxyz")
	in.Groups = []stytch.SCIMGroup{{ID: "g1", Name: "Twice"}, {ID: "g2", Name: "Twice"}}
	_, problems := WantOf(scim.Kind(), o, SCIMID, in)
	_, message := connection.Worst(problems)
	Contains(t, message, "that several groups have: \"Twice\" (g1, g2). No group roles are changed", "yet: \"Nobody\".")
	Lacks(t, message, "have their roles")
}

func TestTheNameOfAGroupAtStytchIsNoDifference(t *testing.T) {
	r := SCIMRemote()
	r.GroupImplicitRoles[0].GroupName = "Engineering, renamed"
	plan, _ := PlanFor(scim.Kind(), SCIMManifest(), r, SecretWith(SCIMID, "token-ending-in-wxyz"))
	NoSteps(t, plan)
}

func TestAGroupThatIsAlmostTheOneThatIsMeantIsNamed(t *testing.T) {
	for _, test := range []struct{ wanted, there, says string }{
		{"engineering", "Engineering", `"engineering" (there is "Engineering", which differs only in case).`},
		{"STRASSE", "strasse", `(there is "strasse", which differs only in case).`},
		{"Ops", "Ops ", `"Ops" (there is "Ops ", which differs only in white space).`},
		{"Ops ", "Ops", `"Ops " (there is "Ops", which differs only in white space).`},
		{"R & D", "R  &\u00a0D", `"R & D" (there is "R  &\u00a0D", which differs only in white space).`},
		{"\u00c9quipe", "E\u0301quipe", `"Équipe" (there is "E\u0301quipe", which differs only in its Unicode form).`},
		{"Ops\u200b", "Ops", `(there is "Ops", which differs only in case, white space, invisible characters or its Unicode form).`},
		{"e\u0301quipe ", "ÉQUIPE", `(there is "ÉQUIPE", which differs only in case, white space, invisible characters or its Unicode form).`},
		{"Engineering", "Engineers", `yet: "Engineering". Push`},
	} {
		o := SCIMManifest()
		o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName(test.wanted, "viewer")}
		in := SecretWith(SCIMID, "token-ending-in-wxyz")
		in.Groups = []stytch.SCIMGroup{{ID: "g2", Name: "other"}, {ID: "g1", Name: test.there}}
		_, problems := WantOf(scim.Kind(), o, SCIMID, in)
		reason, message := connection.Worst(problems)
		Same(t, "the reason", reason, v1alpha1.ReasonGroupsPending)
		Contains(t, message, test.says)
	}
}

func TestAGroupWithWhiteSpaceAtAnEndIsFoundAndMentioned(t *testing.T) {
	o := SCIMManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Ops ", "viewer"), byName("Ops ", "editor"), byName("Sales, EMEA", "viewer")}
	in := SecretWith(SCIMID, "token-ending-in-wxyz")
	in.Groups = []stytch.SCIMGroup{{ID: "g1", Name: "Ops"}, {ID: "g2", Name: "Ops "}, {ID: "g3", Name: "Sales, EMEA"}}
	plan, problems := PlanFor(scim.Kind(), o, SCIMRemote(), in)
	OneUpdate(t, plan, `{"scim_group_implicit_role_assignments":[{"role_id":"editor","group_id":"g2"},{"role_id":"viewer","group_id":"g2"},{"role_id":"viewer","group_id":"g3"}]}`)
	reason, message := connection.Worst(problems)
	Same(t, "the reason", reason, "")
	Contains(t, message, `white space or an invisible character, which is a part of the name: "Ops ". If the identity provider`)
}

func TestAGroupThatWasRenamedIsSaidToBeOnceAndAsLongAsItIsWaitedFor(t *testing.T) {
	o := SCIMManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{byName("Engineering", "viewer"), byName("Ops", "viewer")}
	in := SecretWith(SCIMID, "token-ending-in-wxyz")
	pass := func(groups ...stytch.SCIMGroup) (message string, warnings []connection.Warning) {
		in.Groups = groups
		was := o.DeepCopy()
		_, problems := WantOf(scim.Kind(), o, SCIMID, in)
		PublishedToken(o, SCIMRemote(), in)
		_, message = connection.Worst(problems)
		return message, scim.Kind().Warn(was, o)
	}
	ops := stytch.SCIMGroup{ID: "g2", Name: "Ops"}
	_, warnings := pass(stytch.SCIMGroup{ID: "g1", Name: "Engineering"}, ops)
	Same(t, "the warnings at first", len(warnings), 0)

	message, warnings := pass(stytch.SCIMGroup{ID: "g1", Name: "R&D"}, ops)
	Contains(t, message, `yet: "Engineering" (the group was renamed to "R&D"). Push`)
	Same(t, "the warnings", warnings, []connection.Warning{{
		Reason:  "GroupRenamed",
		Message: `The identity provider renamed groups of spec.groupImplicitRoles: "Engineering" to "R&D" (g1). Fix the names in the manifest, or use groupID.`,
	}})
	Same(t, "status", o.Status.Groups, &v1alpha1.SCIMGroupsStatus{
		Resolved: 1, Pending: []string{"Engineering"},
		Found: []v1alpha1.SCIMFoundGroup{{Name: "Engineering", GroupID: "g1", RenamedTo: "R&D"}, {Name: "Ops", GroupID: "g2"}},
	})

	again, warnings := pass(stytch.SCIMGroup{ID: "g1", Name: "R&D"}, ops)
	Same(t, "what is said later", again, message)
	Same(t, "the warnings later", len(warnings), 0)

	_, warnings = pass(stytch.SCIMGroup{ID: "g1", Name: "Research"}, ops)
	Same(t, "the warnings of another name", len(warnings), 1)
	message, _ = pass(ops)
	Contains(t, message, `yet: "Engineering". Push`)
	_, warnings = pass(stytch.SCIMGroup{ID: "g1", Name: "Engineering"}, ops)
	Same(t, "the warnings where it has its name again", len(warnings), 0)
	Same(t, "what is found then", o.Status.Groups.Found[0], v1alpha1.SCIMFoundGroup{Name: "Engineering", GroupID: "g1"})
	o.Spec.GroupImplicitRoles = nil
	pass(ops)
	Same(t, "status without groups by name", o.Status.Groups, (*v1alpha1.SCIMGroupsStatus)(nil))
}

func TestTheLongestNamesOfGroupsFitStatus(t *testing.T) {
	o := SCIMManifest()
	in := SecretWith(SCIMID, "token-ending-in-wxyz")
	o.Spec.GroupImplicitRoles = nil
	for i := range 100 {
		o.Spec.GroupImplicitRoles = append(o.Spec.GroupImplicitRoles, byName(longName(i), "viewer"))
		if i%2 == 0 {
			in.Groups = append(in.Groups, stytch.SCIMGroup{ID: fmt.Sprint("g", i), Name: longName(i)})
		}
	}
	PublishedToken(o, SCIMRemote(), in)
	Same(t, "how many are resolved", o.Status.Groups.Resolved, int64(50))
	Same(t, "what is kept of those", len(o.Status.Groups.Found), 0)
	for _, name := range o.Status.Groups.Pending {
		Same(t, "the length of a name", utf8.RuneCountInString(name), 256)
	}
}
