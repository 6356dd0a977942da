package stytchsim_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAFieldTheAPIDoesNotHaveIsRefusedByName(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	saml, _ := p.saml()
	oidc, _ := p.oidc()
	scim, _, _ := p.scim()
	for path, body := range map[string]object{
		saml:                              {"idp_entityid": "x"},
		saml + "/url":                     {"metadata_url": "https://a.example.com", "x": 1},
		oidc:                              {"Issuer": "https://a.example.com"},
		scim:                              {"scim_group_implicit_roles": array{}},
		externalOf + "acme/connections/x": {"identity_provider": "okta"},
	} {
		r := p.put(path, body)
		r.refused(400, "bad_request")
		message := text(t, r.json(), "error_message")
		named := false
		for name := range body {
			named = named || strings.HasPrefix(message, name+" ")
		}
		if !named {
			t.Errorf("%s: %s", path, message)
		}
	}
	p.post(scimOfAcme, object{"scim_group_implicit_role_assignments": array{}}).refused(400, "bad_request")
	p.post(samlOf+"acme", object{"idp_entity_id": "x"}).refused(400, "bad_request")
	p.do("GET", "/v1/b2b/sso/acme", object{"cursor": ""}).refused(400, "bad_request")
}

func TestWhatThePathSaysMayStandInTheBodyToo(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id := p.saml()
	p.put(path, object{"organization_id": p.acme.ID, "connection_id": id, "display_name": "x"}).ok()
	p.put(path, object{"organization_id": "acme"}).ok()
	p.put(path, object{"organization_id": "other"}).refused(400, "bad_request")
	p.put(path, object{"connection_id": "other"}).refused(400, "bad_request")
	p.put(path, object{"connection_id": 1}).refused(400, "bad_request")
	p.post(samlOf+"acme", object{"organization_id": p.acme.ID}).ok()
}

func TestAValueOfTheWrongTypeIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	for name, value := range (object{
		"display_name": 1, "idp_initiated_auth_disabled": "true", "attribute_mapping": array{},
		"saml_connection_implicit_role_assignments": object{},
	}) {
		p.put(path, object{name: value}).refused(400, "bad_request")
	}
	for _, entry := range []any{"editor", object{"role_id": 1}, object{"role_id": nil}, object{"role": "editor"}} {
		p.put(path, object{"saml_connection_implicit_role_assignments": array{entry}}).refused(400, "bad_request")
	}
	for _, body := range []string{"[]", "{", `"x"`, "null", "{} {}"} {
		p.put(path, body).refused(400, "bad_request")
	}
	p.put(path, "").ok()
}

func TestNullIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": "okta", "clear": ""} {
		p := switched(t, stytchsim.Switches{Null: position})
		path, _ := p.saml()
		same(t, "display_name under "+position, p.put(path, `{"display_name":null}`).connection()["display_name"], want)
	}
	p := switched(t, stytchsim.Switches{Null: "refuse"})
	path, _ := p.saml()
	p.put(path, `{"display_name":null}`).refused(400, "bad_request")
}

func TestNullClearsEveryTypeWhereItClears(t *testing.T) {
	p := switched(t, stytchsim.Switches{Null: "clear", EmptyMapping: "clear"})
	path := samlOf + "acme/connections/" + p.activeSAML("acme", "okta")
	p.put(path, object{
		"idp_initiated_auth_disabled": true, "saml_connection_implicit_role_assignments": array{object{"role_id": "editor"}},
	}).ok()
	cleared := p.put(path, `{"idp_initiated_auth_disabled":null,"saml_connection_implicit_role_assignments":null,"attribute_mapping":null}`).connection()
	same(t, "flag", cleared["idp_initiated_auth_disabled"], false)
	same(t, "roles", cleared["saml_connection_implicit_role_assignments"], array{})
	same(t, "mapping", cleared["attribute_mapping"], object{})
}

func TestAnEmptyStringIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": "", "ignore": "okta"} {
		p := switched(t, stytchsim.Switches{EmptyString: position})
		path, _ := p.saml()
		same(t, "display_name under "+position, p.put(path, object{"display_name": ""}).connection()["display_name"], want)
	}
	p := switched(t, stytchsim.Switches{EmptyString: "refuse"})
	saml, _ := p.saml()
	oidc, _ := p.oidc()
	scim, _, _ := p.scim()
	p.put(saml, object{"display_name": ""}).refused(400, "invalid_display_name")
	p.put(saml, object{"idp_sso_url": ""}).refused(400, "saml_connection_idp_sso_url_required")
	p.put(saml, object{"identity_provider": ""}).refused(400, "invalid_sso_idp")
	p.put(saml, object{"nameid_format": ""}).refused(400, "invalid_request_value")
	p.put(oidc, object{"issuer": ""}).refused(400, "oidc_connection_issuer_required")
	p.put(scim, object{"identity_provider": ""}).refused(400, "invalid_scim_idp")
}
