package stytchsim_test

import (
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAnOrganizationIsFoundByIDSlugAndExternalID(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	made, err := p.AddOrganization(stytchsim.Organization{
		ID: "organization-test-1", Slug: "umbrella", Name: "Umbrella", ExternalID: "crm-7",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{made.ID, "umbrella", "crm-7"} {
		o, ok := p.get("/v1/b2b/organizations/" + key).ok()["organization"].(object)
		if !ok {
			t.Fatalf("no organization for %s", key)
		}
		same(t, "organization_id", o["organization_id"], "organization-test-1")
		same(t, "organization_name", o["organization_name"], "Umbrella")
		same(t, "organization_external_id", o["organization_external_id"], "crm-7")
		same(t, "sso_default_connection_id", o["sso_default_connection_id"], nil)
		same(t, "scim_active_connection", o["scim_active_connection"], nil)
		p.get("/v1/b2b/sso/" + key).ok()
	}
}

func TestAnOrganizationTellsItsActiveConnections(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	saml := p.activeSAML("acme", "okta")
	p.post("/v1/b2b/sso/saml/acme", object{"display_name": "pending"}).ok()
	scim := p.post("/v1/b2b/scim/acme/connection", object{"display_name": "people"}).connection()
	o, ok := p.get("/v1/b2b/organizations/acme").ok()["organization"].(object)
	if !ok {
		t.Fatal("no organization")
	}
	same(t, "sso_active_connections", all(t, each(t, o, "sso_active_connections"), "connection_id"), array{saml})
	same(t, "sso_default_connection_id", o["sso_default_connection_id"], saml)
	token := text(t, scim, "bearer_token")
	same(t, "scim_active_connection", o["scim_active_connection"], object{
		"connection_id": scim["connection_id"], "display_name": "people",
		"bearer_token_last_four": token[len(token)-4:], "bearer_token_expires_at": scim["bearer_token_expires_at"],
	})
}

func TestAnOrganizationWithoutANameHasItsSlugForOne(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	same(t, "name", p.acme.Name, "acme")
	if _, err := p.PatchOrganization("acme", object{"organization_external_id": "crm-1"}); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/b2b/organizations/crm-1").ok()
	if _, err := p.PatchOrganization("crm-1", object{"organization_external_id": ""}); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/b2b/organizations/crm-1").refused(404, "organization_not_found")
}

func TestASlugIsTakenOnceAndCanMoveToAnotherOrganization(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	if _, err := p.AddOrganization(stytchsim.Organization{Slug: "acme"}); err == nil {
		t.Error("a taken slug is accepted")
	}
	if _, err := p.AddOrganization(stytchsim.Organization{Slug: "no spaces"}); err == nil {
		t.Error("a slug with a space is accepted")
	}
	if _, err := p.PatchOrganization("acme", object{"organization_slug": "former"}); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/b2b/organizations/acme").refused(404, "organization_not_found")
	heir := p.organization("acme")
	o, ok := p.get("/v1/b2b/organizations/acme").ok()["organization"].(object)
	if !ok || o["organization_id"] != heir.ID || heir.ID == p.acme.ID {
		t.Errorf("acme is %v, want %s", o, heir.ID)
	}
	p.get("/v1/b2b/organizations/former").ok()
}

func TestARemovedOrganizationTakesItsConnectionsAlong(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	id := p.activeSAML("acme", "okta")
	p.post("/v1/b2b/scim/acme/connection", nil).ok()
	group, err := p.AddGroup(stytchsim.Group{Name: "eng", OrganizationID: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	stays := p.organization("other")
	if err := p.RemoveOrganization("acme"); err != nil {
		t.Fatal(err)
	}
	p.get("/v1/b2b/sso/acme").refused(404, "organization_not_found")
	if _, ok := p.Connection(id); ok || len(p.State().Connections) > 0 {
		t.Error("a connection outlives its organization")
	}
	same(t, "organizations", p.State().Organizations, []stytchsim.Organization{stays})
	p.get("/v1/b2b/sso/other").ok()
	if err := p.RemoveGroup(group.ID); err == nil {
		t.Error("a group outlives its organization")
	}
	p.organization("acme")
}

func TestTheDefaultConnectionCannotGoWhileOthersStay(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	first, second := p.activeSAML("acme", "one"), p.activeSAML("acme", "two")
	same(t, "default", p.State().Organizations[0].DefaultConnection, first)
	p.del("/v1/b2b/sso/acme/connections/"+first).refused(400, "cannot_delete_default_sso_connection")
	_, pending := p.saml()
	p.del("/v1/b2b/sso/acme/connections/" + pending).ok()
	same(t, "default after another went", p.State().Organizations[0].DefaultConnection, first)
	if _, err := p.PatchOrganization("acme", object{"sso_default_connection_id": second}); err != nil {
		t.Fatal(err)
	}
	same(t, "deleted", p.del("/v1/b2b/sso/acme/connections/" + first).ok()["connection_id"], first)
	p.del("/v1/b2b/sso/acme/connections/" + second).ok()
	same(t, "default", p.State().Organizations[0].DefaultConnection, "")
	if _, err := p.PatchOrganization("acme", object{"sso_default_connection_id": first}); err == nil {
		t.Error("a deleted connection can become the default")
	}
}

func TestWhatBecomesTheDefaultIsASwitch(t *testing.T) {
	for position, want := range map[string]func(active string) string{
		"":        func(active string) string { return active },
		"by-hand": func(string) string { return "" },
	} {
		p := switched(t, stytchsim.Switches{DefaultConnection: position})
		p.post("/v1/b2b/sso/oidc/acme", nil).ok()
		same(t, "default while pending", p.State().Organizations[0].DefaultConnection, "") // live
		active := p.activeSAML("acme", "okta")
		same(t, "default under "+position, p.State().Organizations[0].DefaultConnection, want(active))
	}
}

// Source: live, and each field that openapi requires.
func TestAFreshOrganizationIsWholeWhateverTheSwitches(t *testing.T) {
	for _, switches := range []stytchsim.Switches{
		{}, {Lists: "null", Strings: "null", Timestamps: "nanoseconds"}, {Lists: "absent", Strings: "absent", Timestamps: "absent"},
	} {
		p := switched(t, switches)
		same(t, "organization", p.get("/v1/b2b/organizations/acme").ok()["organization"], object{
			"organization_id": p.acme.ID, "organization_name": "acme", "organization_slug": "acme", "organization_external_id": nil,
			"organization_logo_url": "", "trusted_metadata": object{},
			"sso_default_connection_id": nil, "sso_active_connections": array{},
			"scim_active_connection": nil, "scim_active_connections": array{},
			"sso_jit_provisioning": "ALL_ALLOWED", "sso_jit_provisioning_allowed_connections": array{},
			"email_allowed_domains": array{}, "email_jit_provisioning": "NOT_ALLOWED", "email_invites": "ALL_ALLOWED",
			"auth_methods": "ALL_ALLOWED", "allowed_auth_methods": array{},
			"mfa_policy": "OPTIONAL", "mfa_methods": "ALL_ALLOWED", "allowed_mfa_methods": array{},
			"rbac_email_implicit_role_assignments": array{}, "custom_roles": array{}, "claimed_email_domains": array{},
			"oauth_tenant_jit_provisioning": "NOT_ALLOWED", "allowed_oauth_tenants": object{},
			"first_party_connected_apps_allowed_type": "ALL_ALLOWED", "allowed_first_party_connected_apps": array{},
			"third_party_connected_apps_allowed_type": "ALL_ALLOWED", "allowed_third_party_connected_apps": array{},
			"created_at": "2026-03-01T12:00:00Z", "updated_at": "2026-03-01T12:00:00Z",
		})
	}
}

func TestAConnectionOfAnotherOrganizationIsNotFoundOrAMismatch(t *testing.T) {
	for position, want := range map[string]struct {
		status int
		saml   string
		sso    string
	}{
		"":         {404, "saml_connection_not_found", "sso_connection_not_found"},
		"mismatch": {400, "sso_connection_organization_mismatch", "sso_connection_organization_mismatch"},
	} {
		p := switched(t, stytchsim.Switches{ForeignConnection: position})
		p.organization("other")
		id := p.activeSAML("acme", "okta")
		p.put("/v1/b2b/sso/saml/other/connections/"+id, object{}).refused(want.status, want.saml)
		p.del("/v1/b2b/sso/other/connections/"+id).refused(want.status, want.sso)
	}
}
