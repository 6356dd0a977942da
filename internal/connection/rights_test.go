package connection_test

import (
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

var (
	toUpdate = stytch.Right{Resource: "stytch.sso", Action: "update"}
	toAssign = stytch.Right{Resource: "stytch.organization", Action: "update.settings.implicit-roles"}
)

// permits are the roles of a member, under one of the two official wordings of what role assignments need.
type permits struct{ update, assign, instead bool }

func (p permits) String() string {
	return fmt.Sprintf("update %t, implicit roles %t, instead %t", p.update, p.assign, p.instead)
}

// lacks is what a step lacks, as the client says it.
func (p permits) lacks(step connection.Step) []stytch.Right {
	roles := slices.ContainsFunc(step.Changes, func(c connection.Change) bool { return stytch.AssignsRoles(c.Field) })
	others := slices.ContainsFunc(step.Changes, func(c connection.Change) bool { return !stytch.AssignsRoles(c.Field) })
	switch {
	case others && !p.update, roles && !p.assign, roles && !p.instead && !p.update:
		if roles && !others {
			return []stytch.Right{toAssign, toUpdate}
		}
		return []stytch.Right{toUpdate}
	}
	return nil
}

// refusableSAMLRoles is a SAML connection whose mapping and roles are one topic.
func refusableSAMLRoles(t *testing.T) refusable {
	t.Helper()
	random := rand.New(rand.NewSource(1))
	f := AnyRemote(random)
	f.Habits, f.Refuses = Habits{SecretIs: "shown"}, nil
	r, _ := NewSAML(random, f)
	o := func() *v1alpha1.SAMLConnectionSpec { return &r.Held.Spec }
	o().AttributeMapping, o().ImplicitRoles = map[string]v1alpha1.Attribute{"email": "mail", "full_name": "name"}, []string{"editor"}
	return refusableOf(t, r,
		setting(f, "attribute_mapping",
			func() { o().AttributeMapping = map[string]v1alpha1.Attribute{"email": "e-mail", "full_name": "name"} }, nil,
			func() bool { return f.AttributeMapping["email"] == "e-mail" }),
		setting(f, "saml_connection_implicit_role_assignments",
			func() { o().ImplicitRoles = []string{"viewer"} }, nil,
			func() bool { return len(f.SAMLRoles) == 1 && f.SAMLRoles[0].RoleID == "viewer" }),
	)
}

func TestRoleAssignmentsAndEverythingElseKeepEachOtherNotBackWhereAMemberLacksARight(t *testing.T) {
	t.Parallel()
	for kind, of := range map[string]func(*testing.T) refusable{"External": refusableExternal, "SCIM": refusableSCIM, "SAML": refusableSAMLRoles} {
		for _, p := range []permits{
			{update: true, assign: true},
			{update: true},
			{assign: true},
			{},
			{update: true, assign: true, instead: true},
			{update: true, instead: true},
			{assign: true, instead: true},
			{instead: true},
		} {
			t.Run(kind+": "+p.String(), func(t *testing.T) {
				r := of(t)
				r.settle()
				r.apply()
				r.edited()
				for _, f := range r.facets {
					f.edit()
				}
				r.denies(p.lacks)
				p.expectMet(t, r)
			})
		}
	}
}

// expectMet takes a pass, and expects that everything is met that the member may change, and the rest is named.
func (p permits) expectMet(t *testing.T, r refusable) {
	t.Helper()
	ended := r.pass()
	whole := len(r.sent()) == 1
	all := p.update && p.assign
	if whole != all {
		t.Errorf("sent: %q", Story(r.sent()))
	}
	for _, f := range r.facets {
		want := p.update
		if stytch.AssignsRoles(f.name) {
			want = p.assign && (p.update || p.instead)
		}
		if f.met() != want {
			t.Errorf("%s is met: %t; sent: %q", f.name, f.met(), Story(r.sent()))
		}
		if found, is := errors.AsType[connection.Finding](ended); !all && is && strings.Contains(found.Message, f.name) == want {
			t.Errorf("%s: %q", f.name, found.Message)
		}
	}
	found, is := errors.AsType[connection.Finding](ended)
	switch {
	case all != (is && found.Reason == v1alpha1.ReasonInSync):
		t.Errorf("the pass ended with %v", ended)
	case !all && (!is || found.Reason != v1alpha1.ReasonPermissionDenied || found.Request.StatusCode != 403):
		t.Errorf("the pass ended with %+v", ended)
	}
	_ = r.pass()
	if p.update && len(r.sent()) > 1 {
		t.Errorf("what stays denied costs these calls: %q", Story(r.sent()))
	}
}

func TestWithoutRoleAssignmentsADenialEndsThePass(t *testing.T) {
	r := refusableOIDC(t)
	r.settle()
	r.edited()
	r.facets[0].edit()
	r.denies(permits{assign: true}.lacks)
	denied, is := errors.AsType[*stytch.Error](r.pass())
	if !is || denied.Class != stytch.PermissionDenied || len(r.sent()) != 1 {
		t.Errorf("the pass ended with %v after %q", denied, Story(r.sent()))
	}
}

func TestADenialOfWhatTheMemberMayDoNamesTheRight(t *testing.T) {
	for _, test := range []struct {
		rights []stytch.Right
		says   string
	}{
		{[]stytch.Right{toUpdate}, `needs the action "update" on "stytch.sso".`},
		{[]stytch.Right{toUpdate, toAssign}, `needs the action "update" on "stytch.sso", and the action "update.settings.implicit-roles" on "stytch.organization". Stytch's SDKs`},
		{[]stytch.Right{toAssign, toUpdate}, `needs the action "update.settings.implicit-roles" on "stytch.organization", and the action "update" on "stytch.sso". Stytch's SDKs`},
	} {
		denied := answerOf(stytch.PermissionDenied, 403, "session_authorization_error")
		denied.Member, denied.Rights = true, test.rights
		reason, message := connection.Failure(denied)
		Same(t, "reason", reason, v1alpha1.ReasonPermissionDenied)
		Contains(t, message, test.says)
		Contains(t, message, "spec.memberSessionRef of the StytchProject")
	}
}

func TestASessionThatStytchDoesNotAcceptIsNotBlamedOnTheProjectsSecret(t *testing.T) {
	expired, foreign := answerOf(stytch.SessionRejected, 404, "session_not_found"), answerOf(stytch.SessionRejected, 403, "session_authorization_tenancy_error")
	either, secret := answerOf(stytch.CredentialsRejected, 401, "unauthorized_credentials"), answerOf(stytch.CredentialsRejected, 401, "unauthorized_credentials")
	either.Member = true
	for _, test := range []struct {
		err             *stytch.Error
		session, secret bool
		says            string
	}{
		{expired, true, false, "has expired, was revoked or is invalid. Store a current session token or session JWT of the member in that Secret"},
		{foreign, true, false, "belongs to a member of another organization."},
		{either, true, true, "If the StytchProject is Ready, Stytch accepts that secret."},
		{secret, false, true, "Store the project's current secret"},
	} {
		reason, message := connection.Failure(test.err)
		Same(t, "reason", reason, v1alpha1.ReasonCredentialsRejected)
		Contains(t, message, test.says)
		Same(t, "the session is named", strings.Contains(message, "spec.memberSessionRef"), test.session)
		Same(t, "the project's secret is named", strings.Contains(message, "project's current secret"), test.secret)
		blocked, _ := errors.AsType[connection.Finding](connection.Blocked(test.err, func() bool { return false }))
		Same(t, "a deletion", blocked.Reason, v1alpha1.ReasonDeletionBlocked)
		Contains(t, blocked.Message, test.says)
		gone, _ := errors.AsType[connection.Finding](connection.Blocked(test.err, func() bool { return true }))
		Contains(t, gone.Message, "Nothing can be created in this namespace")
		Same(t, "gone", connection.GoneAlready(test.err), false)
	}
}
