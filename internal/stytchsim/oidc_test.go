package stytchsim_test

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const oidcOfAcme = "/v1/b2b/sso/oidc/acme"

func (p *pretend) oidc() (path, id string) {
	p.t.Helper()
	id = text(p.t, p.post(oidcOfAcme, object{"display_name": "google"}).connection(), "connection_id")
	return oidcOfAcme + "/connections/" + id, id
}

func completeOIDC() object {
	return object{
		"issuer": "https://op.example.com", "client_id": "c", "client_secret": "very-secret",
		"authorization_url": "https://op.example.com/a", "token_url": "https://op.example.com/t",
		"userinfo_url": "https://op.example.com/u", "jwks_url": "https://op.example.com/j",
	}
}

func TestAnOIDCConnectionBecomesActiveWithTheLastOfSevenValues(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for last, value := range completeOIDC() {
		made := p.post(oidcOfAcme, nil).connection()
		same(t, "status", made["status"], "pending")
		id := text(t, made, "connection_id")
		same(t, "redirect_url", made["redirect_url"], "https://test.stytch.com/v1/b2b/sso/callback/"+id)
		sent := completeOIDC()
		delete(sent, last)
		path := oidcOfAcme + "/connections/" + id
		same(t, "status without "+last, p.put(path, sent).connection()["status"], "pending")
		same(t, "status with "+last, p.put(path, object{last: value}).connection()["status"], "active")
	}
}

func TestDiscoveryFillsTheAddressesWhenTheIssuerChanges(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.oidc()
	failed := p.put(path, object{"issuer": "https://op.example.com"}).ok()
	if !strings.Contains(text(t, failed, "warning"), "https://op.example.com/.well-known/openid-configuration") {
		t.Errorf("the warning is %q", failed["warning"])
	}
	if err := p.AddDocument(stytchsim.Document{
		URL:                   "https://op.example.com/.well-known/openid-configuration",
		AuthorizationEndpoint: "https://op.example.com/a", TokenEndpoint: "https://op.example.com/t",
		UserinfoEndpoint: "https://op.example.com/u", JWKSURI: "https://op.example.com/j",
	}); err != nil {
		t.Fatal(err)
	}
	unchanged := p.put(path, object{"issuer": "https://op.example.com"})
	same(t, "token_url when the issuer is the same", unchanged.connection()["token_url"], "")
	same(t, "warning", unchanged.ok()["warning"], "")

	p.put(path, object{"issuer": "https://other.example.com"}).ok()
	found := p.put(path, object{"issuer": "https://op.example.com", "jwks_url": "https://mine.example.com/j"})
	same(t, "warning", found.ok()["warning"], "")
	same(t, "token_url", found.connection()["token_url"], "https://op.example.com/t")
	same(t, "jwks_url", found.connection()["jwks_url"], "https://mine.example.com/j")
}

func TestAnAddressThatIsNoHTTPSURLIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.oidc()
	for name, errorType := range map[string]string{
		"issuer":            "oidc_connection_issuer_url_invalid_format",
		"authorization_url": "oidc_connection_authorization_url_invalid_format",
		"token_url":         "oidc_connection_token_url_invalid_format",
		"userinfo_url":      "oidc_connection_userinfo_url_invalid_format",
		"jwks_url":          "oidc_connection_jwks_url_invalid_format",
	} {
		p.put(path, object{name: "http://op.example.com"}).refused(400, errorType)
	}
}

func TestOIDCKnowsNoRoleAssignments(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.oidc()
	p.put(path, object{"saml_connection_implicit_role_assignments": array{}}).refused(400, "bad_request")
	p.post(oidcOfAcme, object{"identity_provider": "sun"}).refused(400, "invalid_sso_idp")
	p.put(path, object{"identity_provider": "sun"}).refused(400, "invalid_sso_idp")
	p.put(oidcOfAcme+"/connections/oidc-connection-test-0", object{}).refused(404, "oidc_connection_not_found")
}

func TestAnOIDCMappingCanBeAnythingFlatAndBeCleared(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.oidc()
	same(t, "mapping", p.put(path, object{"attribute_mapping": object{"dept": "d"}}).connection()["attribute_mapping"], object{"dept": "d"})
	same(t, "mapping", p.put(path, object{"attribute_mapping": object{}}).connection()["attribute_mapping"], object{})
}

func TestTheClientSecretInAnswersIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": "very-secret", "masked": "********", "empty": ""} {
		p := switched(t, stytchsim.Switches{ClientSecret: position})
		path, id := p.oidc()
		p.put(path, completeOIDC()).ok()
		same(t, "client_secret under "+position, p.of("acme", "oidc_connections", id)["client_secret"], want)
		if strings.Contains(string(p.get("/__sim/state").body), "very-secret") {
			t.Error("the state shows the client secret")
		}
	}
}

func TestTheSpacesOfCustomScopesAreASwitch(t *testing.T) {
	for position, want := range map[string]array{
		"": {"a b", "a b"}, "as-sent": {"a b", "a%20b"}, "encoded": {"a%20b", "a%20b"},
	} {
		p := switched(t, stytchsim.Switches{CustomScopes: position})
		path, _ := p.oidc()
		spaced := p.put(path, object{"custom_scopes": "a b"}).connection()["custom_scopes"]
		encoded := p.put(path, object{"custom_scopes": "a%20b"}).connection()["custom_scopes"]
		same(t, "custom_scopes under "+position, array{spaced, encoded}, want)
	}
}
