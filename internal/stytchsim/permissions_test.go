package stytchsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// sessions are the headers that a member's session comes with.
const (
	tokenHeader = "X-Stytch-Member-Session"
	jwtHeader   = "X-Stytch-Member-SessionJWT"
)

// as makes a call with a header.
func (p *pretend) as(header, session, method, path string, body any) reply {
	p.t.Helper()
	content := "{}"
	if body != nil {
		data, err := json.Marshal(body)
		must(p.t, err)
		content = string(data)
	}
	r := reply{t: p.t, call: method + " " + path}
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(content))
	must(p.t, err)
	request.SetBasicAuth(stytchsim.DefaultProjectID, stytchsim.DefaultSecret)
	request.Header.Set(header, session)
	response, err := http.DefaultTransport.RoundTrip(request)
	must(p.t, err)
	r.status, r.header = response.StatusCode, response.Header
	r.body, err = io.ReadAll(response.Body)
	must(p.t, err)
	must(p.t, response.Body.Close())
	return r
}

// login makes a member of an organization whose one role permits this, and its session.
func (p *pretend) login(organization string, permits ...stytchsim.Permission) stytchsim.Session {
	p.t.Helper()
	id := "role-" + p.organizationRole(organization, permits)
	m, err := p.AddMember(stytchsim.Member{OrganizationID: organization, Roles: []string{id}})
	must(p.t, err)
	s, err := p.AddSession(stytchsim.Session{MemberID: m.ID})
	must(p.t, err)
	return s
}

// organizationRole adds a custom role to an organization.
func (p *pretend) organizationRole(organization string, permits []stytchsim.Permission) string {
	p.t.Helper()
	var roles []stytchsim.Role
	for _, o := range p.State().Organizations {
		if o.Slug == organization {
			roles = o.CustomRoles
		}
	}
	suffix := string(rune('a' + len(roles)))
	_, err := p.PatchOrganization(organization, object{"custom_roles": append(roles, stytchsim.Role{ID: "role-" + suffix, Permissions: permits})})
	must(p.t, err)
	return suffix
}

// guarded are the operations that ask what a member may.
//
// Source: docs, the page of each.
func guarded() []struct{ method, path, resource, action string } {
	const (
		scim = "/v1/b2b/scim/acme/connection"
		sso  = "/v1/b2b/sso"
	)
	return []struct{ method, path, resource, action string }{
		{"POST", scim, "stytch.scim", "create"},
		{"GET", scim, "stytch.scim", "get"},
		{"PUT", scim + "/x", "stytch.scim", "update"},
		{"DELETE", scim + "/x", "stytch.scim", "delete"},
		{"GET", scim + "/x", "stytch.scim", "get"},
		{"POST", scim + "/x/rotate/start", "stytch.scim", "update"},
		{"POST", scim + "/x/rotate/complete", "stytch.scim", "update"},
		{"POST", scim + "/x/rotate/cancel", "stytch.scim", "update"},
		{"GET", sso + "/acme", "stytch.sso", "get"},
		{"DELETE", sso + "/acme/connections/x", "stytch.sso", "delete"},
		{"POST", sso + "/saml/acme", "stytch.sso", "create"},
		{"PUT", sso + "/saml/acme/connections/x", "stytch.sso", "update"},
		{"PUT", sso + "/saml/acme/connections/x/url", "stytch.sso", "update"},
		{"DELETE", sso + "/saml/acme/connections/x/verification_certificates/y", "stytch.sso", "update"},
		{"DELETE", sso + "/saml/acme/connections/x/encryption_private_keys/y", "stytch.sso", "update"},
		{"POST", sso + "/oidc/acme", "stytch.sso", "create"},
		{"PUT", sso + "/oidc/acme/connections/x", "stytch.sso", "update"},
		{"POST", sso + "/external/acme", "stytch.sso", "create"},
		{"PUT", sso + "/external/acme/connections/x", "stytch.sso", "update"},
	}
}

func TestEachOperationAsksForItsActionWhereASessionComesWithIt(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	actions := []string{"create", "get", "update", "delete"}
	each := func(resource string, actions ...string) stytchsim.Permission {
		return stytchsim.Permission{ResourceID: resource, Actions: actions}
	}
	for _, op := range guarded() {
		t.Run(op.method+" "+op.path, func(t *testing.T) {
			other := map[string]string{"stytch.sso": "stytch.scim", "stytch.scim": "stytch.sso"}[op.resource]
			others := slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a == op.action })
			denied := p.login("acme", each(op.resource, others...), each(other, "*"), each("stytch.organization", "*"))
			p.as(tokenHeader, denied.Token, op.method, op.path, nil).refused(403, "session_authorization_error")
			p.as(jwtHeader, denied.JWT, op.method, op.path, nil).refused(403, "session_authorization_error")
			for _, permits := range []stytchsim.Permission{each(op.resource, op.action), each(op.resource, "*")} {
				allowed := p.login("acme", permits)
				if r := p.as(tokenHeader, allowed.Token, op.method, op.path, nil); r.status == 403 || r.status == 401 {
					t.Errorf("refused with %s", r.body)
				}
			}
			if r := p.do(op.method, op.path, object{}); r.status == 403 {
				t.Errorf("without a session refused with %s", r.body)
			}
		})
	}
	said := p.as(tokenHeader, p.login("acme").Token, "GET", "/v1/b2b/sso/acme", nil).json()
	same(t, "error_message", said["error_message"], "The Member is not authorized to perform the requested action on that resource.") // docs: errors/403
}

// Source: openapi, which lists the headers at none of these.
func TestASessionDoesNotCountForOperationsWithoutItsHeaders(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for _, path := range []string{"/v1/debug/whoami", "/v1/b2b/organizations/acme", "/v1/b2b/rbac/policy"} {
		p.as(tokenHeader, "nobody's", "GET", path, nil).ok()
	}
}

func TestASessionOfNobodyIsRefused(t *testing.T) {
	all := []stytchsim.Permission{{ResourceID: "stytch.sso", Actions: []string{"*"}}}
	for _, test := range []struct {
		name     string
		end      func(p *pretend, s stytchsim.Session)
		token    []any // status and type
		jwt      []any
		switches stytchsim.Switches
	}{
		{name: "good", end: func(*pretend, stytchsim.Session) {}, token: array{200, ""}, jwt: array{200, ""}},
		{
			name: "revoked", end: func(p *pretend, s stytchsim.Session) { must(p.t, p.RemoveSession(s.ID)) },
			token: array{404, "session_not_found"}, jwt: array{404, "session_not_found"},
		},
		{
			name: "of a member who is gone", end: func(p *pretend, s stytchsim.Session) { must(p.t, p.RemoveMember(s.MemberID)) },
			token: array{404, "session_not_found"}, jwt: array{404, "session_not_found"},
		},
		{
			name: "expired", end: func(p *pretend, _ stytchsim.Session) { p.clock.advance(time.Hour) },
			token: array{404, "session_not_found"}, jwt: array{404, "session_not_found"},
		},
		{
			name: "expired, which is said with a 401", end: func(p *pretend, _ stytchsim.Session) { p.clock.advance(time.Hour) },
			token: array{401, "unauthorized_credentials"}, jwt: array{401, "unauthorized_credentials"}, switches: stytchsim.Switches{EndedSession: "401"},
		},
		{
			name: "older than five minutes", end: func(p *pretend, _ stytchsim.Session) { p.clock.advance(5 * time.Minute) },
			token: array{200, ""}, jwt: array{400, "jwt_invalid_claims"},
		},
		{
			name: "older than five minutes, where that is taken", end: func(p *pretend, _ stytchsim.Session) { p.clock.advance(5 * time.Minute) },
			token: array{200, ""}, jwt: array{200, ""}, switches: stytchsim.Switches{StaleJWT: "accept"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := switched(t, test.switches)
			s := p.login("acme", all...)
			test.end(p, s)
			expect := func(r reply, want []any) {
				t.Helper()
				if want[0] == 200 {
					r.ok()
					return
				}
				r.refused(want[0].(int), want[1].(string))
			}
			expect(p.as(tokenHeader, s.Token, "GET", "/v1/b2b/sso/acme", nil), test.token)
			expect(p.as(jwtHeader, s.JWT, "GET", "/v1/b2b/sso/acme", nil), test.jwt)
		})
	}
}

func TestASessionInTheWrongHeaderIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	s := p.login("acme", stytchsim.Permission{ResourceID: "stytch.sso", Actions: []string{"*"}})
	p.as(jwtHeader, s.Token, "GET", "/v1/b2b/sso/acme", nil).refused(400, "unable_to_parse_session_jwt")
	p.as(tokenHeader, s.JWT, "GET", "/v1/b2b/sso/acme", nil).refused(404, "session_not_found")
}

func TestASessionCountsInItsOrganizationAndProjectAlone(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.organization("other")
	s := p.login("other", stytchsim.Permission{ResourceID: "stytch.sso", Actions: []string{"*"}})
	p.as(tokenHeader, s.Token, "GET", "/v1/b2b/sso/acme", nil).refused(403, "session_authorization_tenancy_error")
	p.as(tokenHeader, s.Token, "GET", "/v1/b2b/sso/other", nil).ok()
	const elsewhere = "project-test-22222222-2222-4222-8222-222222222222"
	must(t, p.AddProject(stytchsim.Project{ID: elsewhere, Secret: "another"}))
	_, err := p.AddOrganization(stytchsim.Organization{ProjectID: elsewhere, Slug: "foreign"})
	must(t, err)
	foreign := p.login("foreign", stytchsim.Permission{ResourceID: "stytch.sso", Actions: []string{"*"}})
	p.as(tokenHeader, foreign.Token, "GET", "/v1/b2b/sso/acme", nil).refused(404, "session_not_found")
}

func TestRoleAssignmentsAskForMore(t *testing.T) {
	update := stytchsim.Permission{ResourceID: "stytch.sso", Actions: []string{"update"}}
	assign := stytchsim.Permission{ResourceID: "stytch.organization", Actions: []string{"update.settings.implicit-roles"}}
	for _, test := range []struct {
		where   string
		permits []stytchsim.Permission
		both    bool // of a name and roles is done
		name    bool
		roles   bool
	}{
		{"in-addition", []stytchsim.Permission{update, assign}, true, true, true},
		{"in-addition", []stytchsim.Permission{update}, false, true, false},
		{"in-addition", []stytchsim.Permission{assign}, false, false, false},
		{"instead", []stytchsim.Permission{update, assign}, true, true, true},
		{"instead", []stytchsim.Permission{update}, false, true, false},
		{"instead", []stytchsim.Permission{assign}, false, false, true},
	} {
		p := switched(t, stytchsim.Switches{ImplicitRoles: test.where})
		id := p.activeSAML("acme", "okta")
		s := p.login("acme", test.permits...)
		name, roles := object{"display_name": "x"}, object{"saml_connection_implicit_role_assignments": array{object{"role_id": "editor"}}}
		both := object{"display_name": "x", "saml_connection_implicit_role_assignments": array{}}
		for _, sent := range []struct {
			body object
			done bool
		}{{both, test.both}, {name, test.name}, {roles, test.roles}} {
			r := p.as(tokenHeader, s.Token, "PUT", samlOf+"acme/connections/"+id, sent.body)
			if sent.done {
				r.ok()
				continue
			}
			r.refused(403, "session_authorization_error")
		}
	}
}
