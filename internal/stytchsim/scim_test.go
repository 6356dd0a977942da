package stytchsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const scimOfAcme = "/v1/b2b/scim/acme/connection"

// scim makes acme's SCIM connection and tells its path, its ID and its token.
func (p *pretend) scim() (path, id, token string) {
	p.t.Helper()
	made := p.post(scimOfAcme, object{"display_name": "people"}).connection()
	id, token = text(p.t, made, "connection_id"), text(p.t, made, "bearer_token")
	return scimOfAcme + "/" + id, id, token
}

func TestTheTokenIsShownAtCreationAndNeverAgain(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	made := p.post(scimOfAcme, object{"display_name": "people", "identity_provider": "okta"}).connection()
	token := text(t, made, "bearer_token")
	for _, absent := range []string{"bearer_token_last_four", "next_bearer_token_last_four", "next_bearer_token_expires_at"} {
		if _, there := made[absent]; there {
			t.Errorf("the answer of a creation has %s", absent)
		}
	}
	same(t, "status", made["status"], "active")
	same(t, "organization_id", made["organization_id"], p.acme.ID)
	same(t, "expiry", made["bearer_token_expires_at"], "2031-02-28T12:00:00Z")

	read := p.get(scimOfAcme)
	same(t, "last four", read.connection()["bearer_token_last_four"], token[len(token)-4:])
	same(t, "next last four", read.connection()["next_bearer_token_last_four"], "")
	updated := p.put(scimOfAcme+"/"+text(t, made, "connection_id"), object{"display_name": "folk"})
	for _, r := range []reply{read, updated, p.get("/v1/b2b/organizations/acme"), p.get("/__sim/state"), p.get("/__sim/calls")} {
		if r.status != 200 || strings.Contains(string(r.body), token) {
			t.Errorf("%s answers %d or shows the token", r.call, r.status)
		}
	}
	same(t, "verdict", p.VerifyToken(text(t, made, "connection_id"), token), object{"accepted": true, "which": "current"})
	same(t, "verdict of another", p.VerifyToken(text(t, made, "connection_id"), "x"), object{"accepted": false})
}

func TestAnOrganizationHasOneSCIMConnection(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, _ := p.scim()
	p.post(scimOfAcme, nil).refused(400, "active_scim_connection_exists")
	same(t, "deleted", p.del(path).ok()["connection_id"], id)
	p.get(scimOfAcme).refused(404, "no_active_scim_connection")
	p.del(path).refused(404, "no_active_scim_connection")
	if _, again, _ := p.scim(); again == id {
		t.Error("the new connection has the old ID")
	}
}

func TestAnUpdateOfSCIMChangesWhatItNamesAndNothingElse(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _, _ := p.scim()
	base := text(t, p.get(scimOfAcme).connection(), "base_url")
	updated := p.put(path, object{"identity_provider": "microsoft-entra"}).connection()
	same(t, "display_name", updated["display_name"], "people")
	same(t, "base_url", updated["base_url"], base+"?aadOptscim062020")
	if !strings.HasPrefix(base, "https://test.stytch.com/v1/b2b/scim/scim-connection-test-") {
		t.Errorf("base_url is %s", base)
	}
}

func TestAbsentSCIMIsASwitch(t *testing.T) {
	for position, check := range map[string]func(r reply){
		"":     func(r reply) { r.refused(404, "no_active_scim_connection") },
		"400":  func(r reply) { r.refused(400, "no_active_scim_connection") },
		"null": func(r reply) { same(t, "connection", r.ok()["connection"], nil) },
		"absent": func(r reply) {
			if _, there := r.ok()["connection"]; there {
				t.Error("there is a connection")
			}
		},
		"deleted": func(r reply) { same(t, "status", r.connection()["status"], "deleted") },
	} {
		p := switched(t, stytchsim.Switches{AbsentSCIM: position})
		path, _, _ := p.scim()
		p.del(path).ok()
		check(p.get(scimOfAcme))
		status := 404
		if position == "400" {
			status = 400
		}
		p.put(path, object{"display_name": "x"}).refused(status, "no_active_scim_connection")
	}
}

func TestWithoutAFormerConnectionThereIsNoDeletedOne(t *testing.T) {
	p := switched(t, stytchsim.Switches{AbsentSCIM: "deleted"})
	p.get(scimOfAcme).refused(404, "no_active_scim_connection")
}

func TestHowManyProvidersSCIMKnowsIsASwitch(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.post(scimOfAcme, object{"identity_provider": "sun"}).refused(400, "invalid_scim_idp")
	p.post(scimOfAcme, object{"identity_provider": "keycloak"}).ok()
	eight := switched(t, stytchsim.Switches{SCIMProviders: "8"})
	eight.post(scimOfAcme, object{"identity_provider": "keycloak"}).refused(400, "invalid_scim_idp")
	path, _, _ := eight.scim()
	eight.put(path, object{"identity_provider": "keycloak"}).refused(400, "invalid_scim_idp")
	eight.put(path, object{"identity_provider": "rippling"}).ok()
}

func TestRoleAssignmentsNeedAGroupThatExists(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, _ := p.scim()
	const name = "scim_group_implicit_role_assignments"
	engineering, err := p.AddGroup(stytchsim.Group{Name: "Engineering", OrganizationID: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "connection of the group", engineering.ConnectionID, id)
	p.put(path, object{name: array{object{"role_id": "editor", "group_id": "scim-group-test-0"}}}).
		refused(400, "scim_group_role_assignment_group_does_not_exist")
	p.put(path, object{name: array{object{"role_id": "editor"}}}).
		refused(400, "scim_group_role_assignment_does_not_contain_group_id")
	p.put(path, object{name: array{object{"role_id": "king", "group_id": engineering.ID}}}).refused(400, "invalid_rbac_role_id")
	p.put(path, object{name: array{object{"group_id": engineering.ID}}}).refused(400, "empty_rbac_role_id")
	p.put(path, object{name: array{object{"role_id": "editor", "group": "Engineering"}}}).refused(400, "bad_request")

	sent := array{
		object{"role_id": "editor", "group_id": engineering.ID},
		object{"role_id": "stytch_admin", "group_id": engineering.ID},
	}
	p.put(path, object{name: sent}).ok()
	assigned := each(t, p.get(scimOfAcme).connection(), name)
	same(t, "group names", all(t, assigned, "group_name"), array{"Engineering", "Engineering"})

	if err := p.RemoveGroup(engineering.ID); err != nil {
		t.Fatal(err)
	}
	same(t, "assignments of a group that went", p.get(scimOfAcme).connection()[name], array{})
}

func TestAGroupNeedsAConnectionAndAnIDOfItsOwn(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	group := stytchsim.Group{ID: "scim-group-test-1", Name: "eng", OrganizationID: "acme"}
	for _, nowhere := range []stytchsim.Group{
		group, {Name: "x", OrganizationID: "nobody"}, {Name: "x", ConnectionID: "scim-connection-test-0"}, {Name: "x"},
	} {
		if _, err := p.AddGroup(nowhere); err == nil {
			t.Errorf("%+v is pushed", nowhere)
		}
	}
	path, _, _ := p.scim()
	if made, err := p.AddGroup(group); err != nil || made.ID != group.ID {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := p.AddGroup(group); err == nil {
		t.Error("the same ID is pushed twice")
	}
	if err := p.RemoveGroup(group.ID); err != nil {
		t.Fatal(err)
	}
	same(t, "groups", p.get(path).ok()["scim_groups"], array{})
	p.del(path).ok()
	if _, err := p.AddGroup(group); err == nil {
		t.Error("a deleted connection takes a group")
	}
}

func TestAnEmptyListClearsRoleAssignments(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, _ := p.scim()
	group, err := p.AddGroup(stytchsim.Group{Name: "Engineering", ConnectionID: id})
	if err != nil {
		t.Fatal(err)
	}
	const name = "scim_group_implicit_role_assignments"
	p.put(path, object{name: array{object{"role_id": "editor", "group_id": group.ID}}}).ok()
	same(t, "after an update without it", len(each(t, p.put(path, object{"display_name": "x"}).connection(), name)), 1)
	same(t, "after []", p.put(path, object{name: array{}}).connection()[name], array{})
}

func TestGroupsComeInPages(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, _ := p.scim()
	for i := range 250 {
		if _, err := p.AddGroup(stytchsim.Group{Name: fmt.Sprint(i), ConnectionID: id}); err != nil {
			t.Fatal(err)
		}
	}
	names, pages, cursor, more := []string{}, 0, "", true
	for more {
		answer := p.get(path + "?limit=0&cursor=" + cursor).ok()
		names, pages = append(names, all(t, each(t, answer, "scim_groups"), "group_name")...), pages+1
		cursor, more = answer["next_cursor"].(string)
	}
	if pages != 3 || len(names) != 250 || names[249] != "249" {
		t.Errorf("%d pages with %d names", pages, len(names))
	}
	same(t, "one large page", len(each(t, p.get(path+"?limit=1000").ok(), "scim_groups")), 250)
	p.get(path+"?limit=1001").refused(400, "invalid_argument")
	p.get(path+"?limit=-1").refused(400, "invalid_argument")
	p.get(path+"?cursor=nonsense").refused(400, "invalid_argument")
}

func TestTheLastCursorIsASwitch(t *testing.T) {
	for position, want := range map[string]any{"": nil, "empty": ""} {
		p := switched(t, stytchsim.Switches{Cursor: position})
		path, _, _ := p.scim()
		last, there := p.get(path).ok()["next_cursor"]
		same(t, "next_cursor under "+position, last, want)
		same(t, "there", there, true)
	}
	p := switched(t, stytchsim.Switches{Cursor: "absent"})
	path, _, _ := p.scim()
	if _, there := p.get(path).ok()["next_cursor"]; there {
		t.Error("there is a next_cursor")
	}
}

func TestARotationOffersASecondTokenUntilItIsCompleted(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, old := p.scim()
	p.post(path+"/rotate/complete", nil).refused(400, "scim_connection_not_rotating_token")
	p.post(path+"/rotate/cancel", nil).refused(400, "scim_connection_not_rotating_token")

	started := p.post(path+"/rotate/start", object{}).connection()
	next := text(t, started, "next_bearer_token")
	same(t, "last four", started["bearer_token_last_four"], old[len(old)-4:])
	same(t, "next expiry", started["next_bearer_token_expires_at"], "2032-02-28T12:00:00Z")
	if _, there := started["next_bearer_token_last_four"]; there {
		t.Error("the answer of a start has next_bearer_token_last_four")
	}
	read := p.get(scimOfAcme).connection()
	same(t, "next last four", read["next_bearer_token_last_four"], next[len(next)-4:])
	same(t, "old token", p.VerifyToken(id, old), object{"accepted": true, "which": "current"})
	same(t, "next token", p.VerifyToken(id, next), object{"accepted": false, "which": "next"})

	completed := p.post(path+"/rotate/complete", nil)
	if strings.Contains(string(completed.body), next) {
		t.Error("the answer of a completion shows the token")
	}
	same(t, "last four", completed.connection()["bearer_token_last_four"], next[len(next)-4:])
	same(t, "expiry", completed.connection()["bearer_token_expires_at"], "2032-02-28T12:00:00Z")
	if _, there := completed.connection()["next_bearer_token_expires_at"]; there {
		t.Error("the next expiry outlives the rotation")
	}
	same(t, "old token", p.VerifyToken(id, old), object{"accepted": false})
	same(t, "new token", p.VerifyToken(id, next), object{"accepted": true, "which": "current"})
}

func TestACancelledRotationLeavesTheOldToken(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, old := p.scim()
	next := text(t, p.post(path+"/rotate/start", nil).connection(), "next_bearer_token")
	same(t, "next last four", p.post(path+"/rotate/cancel", nil).connection()["next_bearer_token_last_four"], "")
	same(t, "old token", p.VerifyToken(id, old), object{"accepted": true, "which": "current"})
	same(t, "next token", p.VerifyToken(id, next), object{"accepted": false})
}

func TestStartingWhileRotatingIsASwitch(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id, _ := p.scim()
	first := text(t, p.post(path+"/rotate/start", nil).connection(), "next_bearer_token")
	second := text(t, p.post(path+"/rotate/start", nil).connection(), "next_bearer_token")
	same(t, "first next token", p.VerifyToken(id, first), object{"accepted": false})
	same(t, "second next token", p.VerifyToken(id, second), object{"accepted": false, "which": "next"})

	strict := switched(t, stytchsim.Switches{StartWhileRotating: "refuse"})
	path, _, _ = strict.scim()
	strict.post(path+"/rotate/start", nil).ok()
	strict.post(path+"/rotate/start", nil).refused(400, "bad_request")
}

// Source: openapi, next_bearer_token: to be used after the rotation has been
// completed; the admin portal leans the other way.
func TestWhetherTheNextTokenWorksBeforeCompletionIsASwitch(t *testing.T) {
	for position, before := range map[string]bool{"": false, "works": true} {
		p := switched(t, stytchsim.Switches{NextToken: position})
		path, id, _ := p.scim()
		next := text(t, p.post(path+"/rotate/start", nil).connection(), "next_bearer_token")
		same(t, "before, under "+position, p.VerifyToken(id, next), object{"accepted": before, "which": "next"})
		p.post(path+"/rotate/complete", nil).ok()
		same(t, "after, under "+position, p.VerifyToken(id, next), object{"accepted": true, "which": "current"})
	}
}

func TestATokenExpiresByTheSimulatorsClock(t *testing.T) {
	p := start(t, stytchsim.Options{
		TokenLifetime: time.Hour, NextTokenLifetime: 30 * time.Minute, Switches: stytchsim.Switches{NextToken: "works"},
	})
	path, id, token := p.scim()
	next := p.post(path+"/rotate/start", nil).connection()
	same(t, "next expiry", next["next_bearer_token_expires_at"], "2026-03-01T13:30:00Z")
	p.clock.advance(time.Hour)
	same(t, "old token", p.VerifyToken(id, token), object{"accepted": false, "which": "current"})
	same(t, "next token", p.VerifyToken(id, text(t, next, "next_bearer_token")), object{"accepted": true, "which": "next"})
}
