package stytchsim_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const planted = `{
  "roles": [{"role_id": "auditor", "description": "Reads", "permissions": [{"resource_id": "stytch.sso", "actions": ["get"]}]}],
  "organizations": [
    {
      "organization_id": "organization-test-1", "organization_slug": "umbrella", "organization_external_id": "crm-1",
      "custom_roles": [{"role_id": "local"}],
      "connections": [
        {"kind": "saml", "fields": {"connection_id": "saml-connection-test-1", "display_name": "Okta"}},
        {"kind": "scim", "fields": {"connection_id": "scim-connection-test-1", "bearer_token": "the-planted-token"}}
      ],
      "groups": [{"group_id": "scim-group-test-1", "group_name": "Engineering"}]
    },
    {"organization_slug": "child", "connections": [
      {"kind": "external", "fields": {"external_organization_id": "organization-test-1", "external_connection_id": "saml-connection-test-1"}}
    ]}
  ],
  "documents": [{"url": "https://idp.example.com/m", "idp_entity_id": "e"}]
}`

func seed(t *testing.T, text string) stytchsim.Seed {
	t.Helper()
	read, err := stytchsim.ReadSeed(strings.NewReader(text))
	must(t, err)
	return read
}

func TestASeedIsThereFromTheStartAndAfterEachReset(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	must(t, p.Plant(seed(t, planted)))
	for range 2 {
		same(t, "roles", p.roles(), array{"stytch_member", "stytch_admin", "auditor"})
		o, ok := p.get("/v1/b2b/organizations/crm-1").ok()["organization"].(object)
		if !ok {
			t.Fatal("no organization")
		}
		same(t, "organization", o["organization_id"], "organization-test-1")
		same(t, "custom roles", all(t, each(t, o, "custom_roles"), "role_id"), array{"local"})
		saml := p.of("umbrella", "saml_connections", "saml-connection-test-1")
		same(t, "acs_url", saml["acs_url"], "https://test.stytch.com/v1/b2b/sso/callback/saml-connection-test-1")
		scim := p.get("/v1/b2b/scim/umbrella/connection").connection()
		same(t, "base_url", scim["base_url"], "https://test.stytch.com/v1/b2b/scim/scim-connection-test-1")
		same(t, "token", p.VerifyToken("scim-connection-test-1", "the-planted-token").Accepted, true)
		groups := p.get("/v1/b2b/scim/umbrella/connection/scim-connection-test-1").ok()
		same(t, "groups", all(t, each(t, groups, "scim_groups"), "group_id"), array{"scim-group-test-1"})
		same(t, "child", len(each(t, p.get("/v1/b2b/sso/child").ok(), "external_connections")), 1)
		same(t, "documents", p.State().Documents, array{"https://idp.example.com/m"})
		p.get("/v1/b2b/organizations/acme").refused(404, "organization_not_found") // what was there before is not

		must(t, p.RemoveOrganization("umbrella"))
		p.post("/__sim/reset", nil).ok()
	}
}

func TestASeedThatCannotBePlantedChangesNothing(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for text, want := range map[string]string{
		`{"organizations":[{"organization_slug":"a b"}]}`:                                                              `organizations[0] ("a b"): organization_slug`,
		`{"organizations":[{"organization_slug":"one"},{"organization_slug":"one"}]}`:                                  `organizations[1] ("one"): one is already used`,
		`{"organizations":[{"organization_slug":"one","connections":[{"kind":"ldap"}]}]}`:                              `connections[0]: kind "ldap"`,
		`{"organizations":[{"organization_slug":"one","connections":[{"kind":"saml","fields":{"idp_url":"x"}}]}]}`:     `connections[0]: idp_url: unknown field of a saml connection`,
		`{"organizations":[{"organization_slug":"one","connections":[{"kind":"saml","fields":{"status":1}}]}]}`:        `connections[0]: status: `,
		`{"organizations":[{"organization_slug":"one","connections":[{"kind":"saml","fields":{"connection_id":1}}]}]}`: `connection_id is not a string`,
		`{"organizations":[{"organization_slug":"one","connections":[
			{"kind":"saml","fields":{"saml_connection_implicit_role_assignments":[{"role":"x"}]}}]}]}`: `no field role`,
		`{"organizations":[{"organization_slug":"one","connections":[{"kind":"scim"},{"kind":"scim"}]}]}`: `connections[1]: the connection already exists`,
		`{"organizations":[{"organization_slug":"one","groups":[{"group_name":"x"}]}]}`:                   `groups[0]: no SCIM connection`,
		`{"organizations":[{"organization_slug":"one","custom_roles":[{}]}]}`:                             `roles[0]: role_id is required`,
		`{"roles":[{"role_id":"a"},{"role_id":"a"}]}`:                                                     `roles[1]: there is a role a already`,
		`{"documents":[{}]}`: `documents[0]: url is required`,
	} {
		if err := p.Plant(seed(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	p.get("/v1/b2b/organizations/acme").ok()
	p.Reset()
	same(t, "organizations", p.State().Organizations, array{})
}

func TestASeedWithWhatThereIsNotNamesTheFieldOrTheLine(t *testing.T) {
	for text, want := range map[string]string{
		`{"organisations": []}`: `unknown field "organisations"`,
		`{"organizations": [{"organization_slug": "a", "slug": "b"}]}`:                                    `unknown field "slug"`,
		`{"organizations": [{"organization_slug": "a", "connections": [{"kind": "saml", "field": {}}]}]}`: `unknown field "field"`,
		`{"organizations": [{"organization_slug": "a", "groups": [{"name": "x"}]}]}`:                      `unknown field "name"`,
		`{"roles": [{"role_id": "a", "permissions": [{"resource": "x"}]}]}`:                               `unknown field "resource"`,
		"{\n\"roles\": [\n{\"role_id\": 1}]}":                                                             "line 3: ",
		"{\n\"roles\": [\n{\"role_id\" \"x\"}]}":                                                          "line 3: ",
		"{} {}":                                                                                           "more than one JSON object",
		"{":                                                                                               "EOF",
	} {
		if _, err := stytchsim.ReadSeed(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
