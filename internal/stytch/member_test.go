package stytch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// login makes a member of acme with one role that permits this, and a session of it.
func (w *world) login(organization string, permits ...Right) stytchsim.Session {
	w.t.Helper()
	id := fmt.Sprintf("role-%d", len(w.State().Members))
	var roles []stytchsim.Role
	for _, o := range w.State().Organizations {
		if o.ID == organization {
			roles = o.CustomRoles
		}
	}
	role := stytchsim.Role{ID: id}
	for _, r := range permits {
		role.Permissions = append(role.Permissions, stytchsim.Permission{ResourceID: r.Resource, Actions: []string{r.Action}})
	}
	_, err := w.PatchOrganization(organization, map[string]any{"custom_roles": append(roles, role)})
	must(w.t, err)
	m, err := w.AddMember(stytchsim.Member{OrganizationID: organization, Roles: []string{id}})
	must(w.t, err)
	return w.again(m.ID)
}

// again is another session of a member.
func (w *world) again(memberID string) stytchsim.Session {
	w.t.Helper()
	s, err := w.AddSession(stytchsim.Session{MemberID: memberID})
	must(w.t, err)
	return s
}

// as is a Caller of the project in the name of a member.
func (w *world) as(session, of string) *Caller {
	p := w.project
	p.Member = Member{Session: Secret(session), Of: of}
	return w.service.Session(p).Caller("team", "uid", Drift)
}

// operations are all calls of SSO and SCIM, with the right that each is about.
func operations() map[string]struct {
	right Right
	call  func(t *testing.T, c *Caller, org string) error
} {
	type operation = struct {
		right Right
		call  func(t *testing.T, c *Caller, org string) error
	}
	sso := func(action string) Right { return Right{"stytch.sso", action} }
	scim := func(action string) Right { return Right{"stytch.scim", action} }
	fields := Fields{"display_name": "x"}
	roles := Fields{"saml_connection_implicit_role_assignments": []any{}}
	return map[string]operation{
		"ListSSOConnections": {sso("get"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.SSO(ctx(t), org, start)
			return err
		}},
		"DeleteSSOConnection": {sso("delete"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.DeleteSSO(ctx(t), org, "x")
			return err
		}},
		"CreateSAMLConnection": {sso("create"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CreateSAML(ctx(t), org, fields)
			return err
		}},
		"UpdateSAMLConnection": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.UpdateSAML(ctx(t), org, "x", fields)
			return err
		}},
		"UpdateSAMLConnection with roles": {implicitRoles, func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.UpdateSAML(ctx(t), org, "x", roles)
			return err
		}},
		"UpdateSAMLConnectionByURL": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.UpdateSAMLFromURL(ctx(t), org, "x", "https://idp.example.com")
			return err
		}},
		"DeleteSAMLVerificationCertificate": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.DeleteVerificationCertificate(ctx(t), org, "x", "y")
			return err
		}},
		"DeleteSAMLEncryptionPrivateKey": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.DeleteEncryptionKey(ctx(t), org, "x", "y")
			return err
		}},
		"CreateOIDCConnection": {sso("create"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CreateOIDC(ctx(t), org, fields)
			return err
		}},
		"UpdateOIDCConnection": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, _, err := c.UpdateOIDC(ctx(t), org, "x", fields)
			return err
		}},
		"CreateExternalConnection": {sso("create"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CreateExternal(ctx(t), org, fields)
			return err
		}},
		"UpdateExternalConnection": {sso("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.UpdateExternal(ctx(t), org, "x", fields)
			return err
		}},
		"GetSCIMConnection": {scim("get"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.SCIM(ctx(t), org, start)
			return err
		}},
		"CreateSCIMConnection": {scim("create"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CreateSCIM(ctx(t), org, fields)
			return err
		}},
		"UpdateSCIMConnection": {scim("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.UpdateSCIM(ctx(t), org, "x", fields)
			return err
		}},
		"DeleteSCIMConnection": {scim("delete"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.DeleteSCIM(ctx(t), org, "x")
			return err
		}},
		"ListSCIMGroups": {scim("get"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, err := c.SCIMGroups(ctx(t), org, "x", start)
			return err
		}},
		"StartSCIMTokenRotation": {scim("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.StartRotation(ctx(t), org, "x")
			return err
		}},
		"CompleteSCIMTokenRotation": {scim("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CompleteRotation(ctx(t), org, "x")
			return err
		}},
		"CancelSCIMTokenRotation": {scim("update"), func(t *testing.T, c *Caller, org string) error {
			t.Helper()
			_, _, err := c.CancelRotation(ctx(t), org, "x")
			return err
		}},
	}
}

func TestEachSSOAndSCIMCallIsMadeInTheNameOfTheMemberAndSaysWhichRightItLacks(t *testing.T) {
	tried := map[string]bool{}
	for name, op := range operations() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, stytchsim.Switches{})
			err := op.call(t, w.as(w.login(w.org).Token, "nobody"), w.org)
			failed := failedAs(t, err, PermissionDenied)
			if !failed.Member || len(failed.Rights) == 0 || failed.Rights[0] != op.right {
				t.Errorf("lacks %+v, want %+v first", failed.Rights, op.right)
			}
			err = op.call(t, w.as(w.login(w.org, failed.Rights...).Token, "somebody"), w.org)
			if again, ok := asError(err); ok && again.Class == PermissionDenied {
				t.Errorf("with %+v: %v", failed.Rights, again)
			}
			for _, call := range w.Calls() {
				tried[call.Operation] = true
				if !call.MemberSession {
					t.Errorf("%s was called with the project's secret alone", call.Operation)
				}
			}
		})
	}
	for line := range strings.Lines(stytchsim.Coverage()) { // so that none is forgotten
		if group, rest, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |"); slices.Contains([]string{"SSO", "SAML", "OIDC", "External", "SCIM"}, group) {
			parts := strings.Split(rest, "`")
			if as := parts[len(parts)-2]; strings.Count(rest, "`") == 4 && !tried[as] {
				t.Errorf("%s was not tried", as)
			}
		}
	}
}

func TestNoOtherCallIsMadeInTheNameOfTheMember(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	c := w.as(w.login(w.org).Token, "a")
	_, _, err := w.service.Whoami(ctx(t), "team", w.project.Credentials)
	must(t, err)
	_, _, err = c.Organization(ctx(t), "acme")
	must(t, err)
	_, err = c.PolicyRoles(ctx(t))
	must(t, err)
	for _, call := range w.Calls() {
		if call.MemberSession {
			t.Errorf("%s was called with the member's session", call.Operation)
		}
	}
}

func TestTheHeaderFollowsTheFormOfTheSession(t *testing.T) {
	for session, want := range map[string]string{
		"mZAYn5aLEqKUlZ_Ad9U_fWr38GaAQ1oFAhT8ds245v7Q": "X-Stytch-Member-Session",
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtIn0.c2ln-_":  "X-Stytch-Member-Sessionjwt",
		"not.ajwt": "X-Stytch-Member-Session",
		"a..b":     "X-Stytch-Member-Session",
	} {
		var got http.Header
		c := answering(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Header
			status(200, `{"request_id":"r","saml_connections":[]}`)(w, r)
		})
		c.session = c.session.As(Member{Session: Secret(session), Of: "a"})
		_, err := c.SSO(ctx(t), someone, start)
		must(t, err)
		for _, header := range []string{"X-Stytch-Member-Session", "X-Stytch-Member-Sessionjwt"} {
			if sent := got.Get(header); (header == want) != (sent == session) || header != want && sent != "" {
				t.Errorf("%s: %s is %q", session, header, sent)
			}
		}
	}
}

func TestWithoutAUsableSessionNothingIsSent(t *testing.T) {
	for _, session := range []string{"", "Bearer abc", "abc\ndef", "abc\x00", "ä"} {
		w := newWorld(t, stytchsim.Switches{})
		w.expect(func() {
			_, err := w.as(session, "a").SSO(ctx(t), w.org, start)
			if failed := failedAs(t, err, Rejected); failed.Unknown() || strings.Contains(failed.Error(), "abc") {
				t.Errorf("%q: %v", session, failed)
			}
		})
	}
}

func TestASessionThatStytchDoesNotAcceptIsSaidToBeThat(t *testing.T) {
	for _, test := range []struct {
		name     string
		end      func(w *world, s *stytchsim.Session)
		switches stytchsim.Switches
		class    Class
		foreign  bool
	}{
		{name: "expired", end: func(w *world, _ *stytchsim.Session) { w.clock.advance(time.Hour) }, class: SessionRejected},
		{name: "revoked", end: func(w *world, s *stytchsim.Session) { must(w.t, w.RemoveSession(s.ID)) }, class: SessionRejected},
		{name: "an old JWT", end: func(w *world, s *stytchsim.Session) { w.clock.advance(5 * time.Minute); s.Token = s.JWT }, class: SessionRejected},
		{name: "of another organization", end: func(w *world, s *stytchsim.Session) { *s = w.login(w.organization("other")) }, class: SessionRejected, foreign: true},
		{
			name: "which Stytch says as of the secret", end: func(w *world, _ *stytchsim.Session) { w.clock.advance(time.Hour) },
			switches: stytchsim.Switches{EndedSession: "401"}, class: CredentialsRejected,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, op := range operations() {
				w := newWorld(t, test.switches)
				s := w.login(w.org, op.right)
				test.end(w, &s)
				err := op.call(t, w.as(s.Token, "a"), w.org) // the SCIM connection of an organization is not absent because of a 404 about the session
				if failed := failedAs(t, err, test.class); !failed.Member || failed.Foreign() != test.foreign || failed.Rights != nil {
					t.Errorf("%s: %+v", name, failed)
				}
			}
		})
	}
}

func TestWithoutAMemberNoErrorIsAboutASession(t *testing.T) {
	caller := answering(t, status(404, refused("session_not_found")))
	_, _, err := caller.UpdateSAML(ctx(t), someone, "c", Fields{"display_name": "x"})
	if failed := failedAs(t, err, Rejected); failed.Member || failed.Rights != nil {
		t.Errorf("%+v", failed)
	}
}

func TestWhatWasReadIsKeptForOneReader(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	right := Right{"stytch.sso", "get"}
	s := w.login(w.org, right)
	read := func(c *Caller) func() { return func() { w.sso(c, start) } }
	w.expect(read(w.caller("uid")), "ListSSOConnections")
	w.expect(read(w.as(s.Token, "a")), "ListSSOConnections")
	w.expect(read(w.as(s.Token, "b")), "ListSSOConnections")
	w.expect(read(w.as(w.again(s.MemberID).Token, "a")))
	w.expect(read(w.as(w.again(s.MemberID).JWT, "b")))
	w.expect(read(w.caller("uid")))
}

func TestANewSessionIsNotKeptWaitingByWhatWasRefusedToTheOldOne(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	s := w.login(w.org, Right{"stytch.sso", "get"})
	must(t, w.RemoveSession(s.ID))
	list := func(session string) func() {
		return func() { _, _ = w.as(session, "a").SSO(ctx(t), w.org, start) }
	}
	w.expect(list(s.Token), "ListSSOConnections")
	w.expect(list(s.Token))
	current := w.again(s.MemberID)
	w.expect(list(current.Token), "ListSSOConnections")
	w.expect(list(current.Token))

	w.project.Object = "team/other"
	w.fault(stytchsim.Fault{Status: http.StatusInternalServerError})
	down := func(session string) func() {
		return func() { _, _ = w.as(session, "c").SSO(ctx(t), w.org, start) }
	}
	w.expect(down(s.Token), "ListSSOConnections")
	w.expect(down(current.Token))
}

func TestAMessageDoesNotRepeatTheSession(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	s := w.login(w.org)
	w.fault(stytchsim.Fault{Status: http.StatusBadRequest, ErrorType: "bad_request", ErrorMessage: "not " + s.Token[:20] + " but " + s.Token})
	_, err := w.as(s.Token, "a").SSO(ctx(t), w.org, start)
	if failed := failedAs(t, err, Rejected); strings.Contains(failed.Error(), s.Token) {
		t.Error("the session is repeated")
	}
}
