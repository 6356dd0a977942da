package stytchsim_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// roles are the role IDs of a policy, in its order.
func (p *pretend) roles() []string {
	p.t.Helper()
	policy, ok := p.get("/v1/b2b/rbac/policy").ok()["policy"].(object)
	if !ok {
		p.t.Fatal("no policy")
	}
	return all(p.t, each(p.t, policy, "roles"), "role_id")
}

// Source: openapi, api_b2b_rbac_v1_Policy; docs, guides/rbac/stytch-default.
func TestThePolicyHasTheReservedRolesAndThoseOfTheProject(t *testing.T) {
	p := switched(t, stytchsim.Switches{Lists: "null"})
	policy, ok := p.get("/v1/b2b/rbac/policy").ok()["policy"].(object)
	if !ok {
		t.Fatal("no policy")
	}
	same(t, "roles", p.roles(), array{"stytch_member", "stytch_admin", "editor", "viewer", "admin"})
	same(t, "scopes", policy["scopes"], array{})
	resources := each(t, policy, "resources")
	same(t, "resources", all(t, resources, "resource_id"), array{
		"stytch.organization", "stytch.member", "stytch.sso", "stytch.scim", "stytch.custom-org-roles", "stytch.self",
	})
	roles := each(t, policy, "roles")
	same(t, "what members may do", roles[0]["permissions"], array{object{"resource_id": "stytch.self", "actions": array{"*"}}})
	same(t, "a role without permissions", roles[2], object{"role_id": "editor", "description": "", "permissions": array{}})
}

// Source: admin portal, what can be assigned are the roles of the policy and the
// organization's custom_roles; openapi, where each kind of connection has roles.
func TestOnlyARoleOfTheProjectOrTheOrganizationCanBeAssigned(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.organization("child")
	path, _, _ := p.scim()
	group, err := p.AddGroup(stytchsim.Group{Name: "eng", OrganizationID: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	saml := p.activeSAML("acme", "okta")
	external := p.post(externalOf+"child", object{"external_organization_id": p.acme.ID, "external_connection_id": saml}).connection()
	assign := func(role string) []reply {
		return []reply{
			p.put(path, object{"scim_group_implicit_role_assignments": array{object{"role_id": role, "group_id": group.ID}}}),
			p.put(samlOf+"acme/connections/"+saml, object{"saml_connection_implicit_role_assignments": array{object{"role_id": role}}}),
			p.put(externalOf+"child/connections/"+text(t, external, "connection_id"),
				object{"external_connection_implicit_role_assignments": array{object{"role_id": role}}}),
		}
	}
	for _, r := range assign("auditor") {
		r.refused(400, "invalid_rbac_role_id")
	}
	set := p.post("/__sim/projects", object{"project_id": stytchsim.DefaultProjectID, "roles": array{object{"role_id": "auditor"}}}).ok()
	same(t, "roles of the answer", all(t, each(t, set, "roles"), "role_id"), array{"auditor"})
	same(t, "policy", p.roles(), array{"stytch_member", "stytch_admin", "auditor"})
	for _, role := range []string{"auditor", "stytch_admin", "stytch_member"} {
		for _, r := range assign(role) {
			r.ok()
		}
	}
	for _, r := range assign("editor") {
		r.refused(400, "invalid_rbac_role_id")
	}
	p.do("PATCH", "/__sim/organizations/acme", object{"custom_roles": array{object{"role_id": "editor"}}}).ok()
	for i, r := range assign("editor") {
		if i == 2 {
			r.refused(400, "invalid_rbac_role_id") // another organization's
			continue
		}
		r.ok()
	}
	o, ok := p.get("/v1/b2b/organizations/acme").ok()["organization"].(object)
	if !ok {
		t.Fatal("no organization")
	}
	same(t, "custom_roles", o["custom_roles"], array{object{"role_id": "editor", "description": "", "permissions": array{}}})
}

func TestAReservedRoleCanHaveOtherPermissions(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	must(t, p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Roles: []stytchsim.Role{{ID: "stytch_admin"}}}))
	same(t, "policy", p.roles(), array{"stytch_member", "stytch_admin"})
	must(t, p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Name: "Renamed"}))
	same(t, "after another change", p.State().Projects[0].Roles, []stytchsim.Role{{ID: "stytch_admin"}})
	must(t, p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Roles: []stytchsim.Role{}}))
	same(t, "policy", p.roles(), array{"stytch_member", "stytch_admin"})
	for _, wrong := range [][]stytchsim.Role{{{}}, {{ID: "a"}, {ID: "a"}}} {
		if err := p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Roles: wrong}); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
		if _, err := p.AddOrganization(stytchsim.Organization{Slug: "wrong", CustomRoles: wrong}); err == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
	p.Reset()
	same(t, "after a reset", p.roles(), array{"stytch_member", "stytch_admin", "editor", "viewer", "admin"})
}

// Source: docs, guides/rbac: the permissions of a member are those of all its
// roles together, and stytch_member is one of them.
func TestASessionTellsItsMemberAndWhatThatMayDo(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	must(t, p.AddProject(stytchsim.Project{ID: stytchsim.DefaultProjectID, Roles: []stytchsim.Role{
		{ID: "scim", Permissions: []stytchsim.Permission{{ResourceID: "stytch.scim", Actions: []string{"get", "update"}}}},
		{ID: "scim-all", Permissions: []stytchsim.Permission{{ResourceID: "stytch.scim", Actions: []string{"get", "delete"}}}},
		{ID: "nobody's", Permissions: []stytchsim.Permission{{ResourceID: "stytch.sso", Actions: []string{"*"}}}},
	}}))
	made := p.post("/__sim/members", object{"organization_id": "acme", "email_address": "a@acme.com", "roles": array{"scim", "scim-all"}}).ok()
	id := text(t, made, "member_id")
	session := p.post("/__sim/sessions", object{"member_id": id}).ok()
	same(t, "expiry", session["expires_at"], "2026-03-01T13:00:00Z")
	want := object{
		"valid": true, "member_id": id, "organization_id": p.acme.ID, "roles": array{"stytch_member", "scim", "scim-all"},
		"permissions": array{
			object{"resource_id": "stytch.self", "actions": array{"*"}},
			object{"resource_id": "stytch.scim", "actions": array{"get", "update", "delete"}},
		},
	}
	for _, secret := range []string{"session_token", "session_jwt"} {
		same(t, secret, p.post("/__sim/verify-session", object{"session": session[secret]}).ok(), want)
		if state := string(p.get("/__sim/state").body); strings.Contains(state, text(t, session, secret)) {
			t.Errorf("the state shows the %s", secret)
		}
	}
	same(t, "sessions", p.State().Sessions, []stytchsim.Session{
		{ID: text(t, session, "member_session_id"), MemberID: id, Expires: p.clock.Now().Add(time.Hour), JWTExpires: p.clock.Now().Add(5 * time.Minute)},
	})
	p.do("PATCH", "/__sim/members/"+id, object{"roles": array{}}).ok()
	same(t, "roles", p.VerifySession(text(t, session, "session_token")).Roles, array{"stytch_member"})
	same(t, "member", p.State().Members, []stytchsim.Member{{ID: id, OrganizationID: p.acme.ID, EmailAddress: "a@acme.com"}})
	p.clock.advance(5 * time.Minute)
	same(t, "the token after five minutes", p.VerifySession(text(t, session, "session_token")).Valid, true)
	same(t, "the JWT after five minutes", p.VerifySession(text(t, session, "session_jwt")).Valid, false)
	p.clock.advance(55 * time.Minute)
	same(t, "expired", p.VerifySession(text(t, session, "session_token")), object{"valid": false})
}

func TestASessionEndsWithItsMemberAndItsOrganization(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.organization("other")
	login := func(slug string) (stytchsim.Member, stytchsim.Session) {
		m, err := p.AddMember(stytchsim.Member{OrganizationID: slug})
		must(t, err)
		s, err := p.AddSession(stytchsim.Session{MemberID: m.ID, Token: "token of " + slug, JWT: "jwt of " + slug})
		must(t, err)
		return m, s
	}
	valid := func(s stytchsim.Session) bool { return p.VerifySession(s.Token).Valid }
	m, s := login("acme")
	if _, err := p.AddSession(stytchsim.Session{MemberID: m.ID, JWT: "token of acme"}); err == nil {
		t.Error("a taken token is accepted")
	}
	if _, err := p.AddMember(stytchsim.Member{ID: m.ID, OrganizationID: "acme"}); err == nil {
		t.Error("a taken ID is accepted")
	}
	same(t, "valid", valid(s), true)
	p.del("/__sim/sessions/" + s.ID).ok()
	same(t, "valid after its end", valid(s), false)
	_, err := p.AddSession(s)
	must(t, err)
	p.del("/__sim/members/" + m.ID).ok()
	same(t, "valid after the member went", valid(s), false)
	_, other := login("other")
	must(t, p.RemoveOrganization("other"))
	same(t, "valid after the organization went", valid(other), false)
	same(t, "nothing", p.VerifySession(""), object{"valid": false})
	same(t, "members", p.State().Members, array{})
}

func TestAMemberHasRolesThatThereAre(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if _, err := p.PatchOrganization("acme", object{"custom_roles": array{object{"role_id": "local"}}}); err != nil {
		t.Fatal(err)
	}
	m := p.post("/__sim/members", object{"organization_id": "acme", "roles": array{"local", "editor"}}).ok()
	for status, r := range map[int][]reply{
		400: {
			p.post("/__sim/members", object{"organization_id": "acme", "roles": array{"king"}}),
			p.do("PATCH", "/__sim/members/"+text(t, m, "member_id"), object{"roles": array{"king"}}),
			p.do("PATCH", "/__sim/members/"+text(t, m, "member_id"), object{"role": array{}}),
			p.do("PATCH", "/__sim/organizations/acme", object{"custom_roles": "x"}),
			p.do("PATCH", "/__sim/organizations/acme", object{"custom_roles": array{object{"id": "x"}}}),
			p.post("/__sim/projects", object{"project_id": stytchsim.DefaultProjectID, "roles": array{object{"id": "x"}}}),
		},
		404: {
			p.post("/__sim/members", object{"organization_id": "nobody"}), p.post("/__sim/sessions", object{"member_id": "x"}),
			p.do("PATCH", "/__sim/members/x", object{}), p.del("/__sim/members/x"), p.del("/__sim/sessions/x"),
		},
	} {
		for _, refused := range r {
			same(t, refused.call, refused.status, status)
		}
	}
}
