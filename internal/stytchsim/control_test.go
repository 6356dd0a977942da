package stytchsim_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestControlIsForThisMachineOnly(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for address, want := range map[string]int{"192.0.2.1:1234": 403, "127.0.0.1:1234": 200, "[::1]:1234": 200, "nonsense": 403} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/__sim/state", http.NoBody)
		request.RemoteAddr = address
		answer := httptest.NewRecorder()
		p.ServeHTTP(answer, request)
		same(t, address, answer.Code, want)
	}
}

func TestControlNeedsNoCredentialsAndIsNotInTheJournal(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.send(t.Context(), "GET", "/__sim/state", "wrong", nil).ok()
	same(t, "calls", len(p.Calls()), 0)
}

func TestTheJournalIsReadFromASeqOn(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.get("/v1/debug/whoami").ok()
	p.post(samlOf+"acme", object{"identity_provider": "okta", "display_name": "x"}).ok()
	p.post(samlOf+"acme", object{"zzz": 1, "aaa": 2}).refused(400, "bad_request")
	calls := p.CallsSince(1)
	same(t, "seqs", []int{calls[0].Seq, calls[1].Seq}, array{2, 3})
	same(t, "fields", calls[0].Fields, array{"display_name", "identity_provider"})
	same(t, "fields of a refused call", calls[1].Fields, array{"aaa", "zzz"})
	same(t, "operation", calls[1].Operation, "CreateSAMLConnection")
	same(t, "outcome", array{calls[1].Outcome, calls[1].Status, calls[1].ErrorType, calls[1].Committed}, array{"answered", 400, "bad_request", false})
	if body := string(p.get("/__sim/calls?since=2").body); !strings.Contains(body, `"seq": 3`) || strings.Contains(body, `"seq": 2`) {
		t.Errorf("since=2 shows %s", body)
	}
	same(t, "since=x", p.get("/__sim/calls?since=x").status, 400)
	same(t, "nothing since the last", strings.TrimSpace(string(p.get("/__sim/calls?since=3").body)), "[]")
}

func TestEverythingByHandCanBeDoneOverHTTP(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	made := p.post("/__sim/organizations", object{"organization_slug": "umbrella", "organization_name": "Umbrella", "organization_id": "organization-test-7"}).ok()
	same(t, "organization", made, object{
		"project_id": stytchsim.DefaultProjectID, "organization_id": "organization-test-7",
		"organization_slug": "umbrella", "organization_name": "Umbrella",
	})
	same(t, "a taken slug", p.post("/__sim/organizations", object{"organization_slug": "umbrella"}).status, 400)
	same(t, "a misspelt field", p.post("/__sim/organizations", object{"slug": "x"}).status, 400)

	scim := p.post("/__sim/connections", object{"organization": "umbrella", "kind": "scim", "fields": object{"bearer_token": "hand-made-token"}}).ok()
	id := text(t, scim, "connection_id")
	claim := object{"connection_id": id, "token": "hand-made-token"}
	same(t, "verdict", p.post("/__sim/verify-token", claim).ok(), object{"accepted": true, "which": "current"})
	group := p.post("/__sim/groups", object{"organization_id": "umbrella", "group_name": "eng"}).ok()
	same(t, "connection of the group", group["connection_id"], id)

	drifted := p.do("PATCH", "/__sim/connections/"+id, object{"display_name": "drifted", "next_bearer_token": "next-one"}).ok()
	same(t, "display_name", drifted["display_name"], "drifted")
	same(t, "read back", p.get("/v1/b2b/scim/umbrella/connection").connection()["next_bearer_token_last_four"], "-one")
	same(t, "one connection", p.get("/__sim/connections/"+id).ok(), drifted)

	same(t, "project", p.post("/__sim/projects", object{"project_id": "project-live-9", "secret": "s"}).ok(), object{"project_id": "project-live-9"})
	p.post("/__sim/metadata", object{"url": "https://idp.example.com/m", "idp_entity_id": "e"}).ok()
	same(t, "fault", p.post("/__sim/faults", object{"method": "GET", "path": "/v1/debug/whoami", "status": 503, "delay": "1ms", "times": 1}).ok()["id"], 1)
	p.post("/__sim/limits", object{"requests": 100, "window": "1m"}).ok()
	state := p.get("/__sim/state").ok()
	same(t, "documents", state["documents"], array{"https://idp.example.com/m"})
	same(t, "limits", state["limits"], array{object{"requests": 100, "window": "1m0s"}})
	same(t, "projects", len(each(t, state, "projects")), 2)
	same(t, "groups", all(t, each(t, state, "groups"), "group_name"), array{"eng"})
	if strings.Contains(string(p.get("/__sim/state").body), "hand-made-token") {
		t.Error("the state shows a token")
	}
	p.get("/v1/debug/whoami").refused(503, "internal_server_error")
	p.del("/__sim/faults").ok()
	p.del("/__sim/limits").ok()
	p.del("/__sim/groups/" + text(t, group, "group_id")).ok()
	p.do("PATCH", "/__sim/organizations/umbrella", object{"organization_name": "U"}).ok()
	p.del("/__sim/connections/" + id).ok()
	p.get("/v1/b2b/scim/umbrella/connection").refused(404, "no_active_scim_connection")
	p.del("/__sim/organizations/umbrella").ok()
	p.post("/__sim/reset", nil).ok()
	same(t, "organizations", p.State().Organizations, array{})
}

func TestWhatIsNotThereIsA404ByHandToo(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	for _, r := range []reply{
		p.del("/__sim/connections/x"), p.do("PATCH", "/__sim/connections/x", object{}), p.get("/__sim/connections/x"),
		p.del("/__sim/groups/x"), p.del("/__sim/organizations/x"), p.do("PATCH", "/__sim/organizations/x", object{}),
		p.post("/__sim/connections", object{"organization": "x", "kind": "saml"}),
	} {
		same(t, r.call, r.status, 404)
		if text(t, r.json(), "error") == "" {
			t.Errorf("%s: no error", r.call)
		}
	}
}

func TestWhatCannotBeDoneByHandIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.organization("taken")
	for _, r := range []reply{
		p.post("/__sim/projects", object{"secret": "s"}),
		p.post("/__sim/projects", "{"),
		p.post("/__sim/metadata", object{"idp_entity_id": "e"}),
		p.post("/__sim/verify-token", object{"tokn": "x"}),
		p.post("/__sim/organizations", object{"organization_slug": "new", "project_id": "project-test-0"}),
		p.post("/__sim/organizations", object{"organization_slug": "new", "organization_id": p.acme.ID}),
		p.do("PATCH", "/__sim/organizations/acme", object{"organization_slug": "taken"}),
		p.do("PATCH", "/__sim/organizations/acme", object{"nonsense": "x"}),
		p.do("PATCH", "/__sim/organizations/acme", object{"organization_name": 1}),
		p.do("PATCH", "/__sim/organizations/acme", "["),
		p.post("/__sim/limits", object{"requests": 1, "window": "soon"}),
	} {
		same(t, r.call, r.status, 400)
	}
	same(t, "verdict without connection", p.VerifyToken("scim-connection-test-0", ""), object{"accepted": false})
}

func TestSwitchesMoveWhileItRuns(t *testing.T) {
	p := switched(t, stytchsim.Switches{Lists: "null"})
	p.do("PATCH", "/__sim/switches", object{"absent-scim": "null"}).ok()
	same(t, "connection", p.get(scimOfAcme).ok()["connection"], nil)
	moved := p.get("/__sim/switches").ok()
	same(t, "lists", array{moved["lists"], moved["absent-scim"], moved["order"]}, array{"null", "null", "stable"})
	same(t, "nonsense", p.do("PATCH", "/__sim/switches", object{"absent-scim": "x"}).status, 400)
	same(t, "nonsense", p.do("PATCH", "/__sim/switches", object{"x": "x"}).status, 400)
	same(t, "nonsense", p.do("PATCH", "/__sim/switches", array{}).status, 400)
}

func TestAHandMadeConnectionIsLikeOneOfTheAPI(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	_, pkcs1, _ := rsaKey(t)
	saml, err := p.AddConnection("acme", stytchsim.SAML, object{
		"connection_id": "saml-connection-test-1", "display_name": "by hand", "idp_entity_id": "e", "idp_sso_url": "https://idp.example.com",
		"attribute_mapping": object{"email": "e", "full_name": "n"}, "verification_certificates": array{lasting(t), lasting(t)},
		"encryption_private_keys": array{pkcs1}, "idp_initiated_auth_disabled": true,
		"saml_connection_implicit_role_assignments": array{object{"role_id": "editor"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "status", saml.Status, "active")
	same(t, "default", p.State().Organizations[0].DefaultConnection, saml.ID)
	listed := p.of("acme", "saml_connections", "saml-connection-test-1")
	for _, made := range slices.Concat(
		all(t, each(t, listed, "verification_certificates"), "certificate_id"),
		all(t, each(t, listed, "encryption_private_keys"), "private_key_id"),
	) {
		if !strings.HasPrefix(made, "saml-") {
			t.Errorf("an ID is %q", made)
		}
	}
	same(t, "certificates", len(each(t, listed, "verification_certificates")), 2)
	same(t, "keys", len(each(t, listed, "encryption_private_keys")), 1)
	same(t, "flag", listed["idp_initiated_auth_disabled"], true)

	pending, err := p.AddConnection("acme", stytchsim.OIDC, object{"client_secret": "s"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "status", pending.Status, "pending")
	same(t, "client_secret", p.of("acme", "oidc_connections", pending.ID)["client_secret"], "s")
	external, err := p.AddConnection("acme", stytchsim.External, object{"external_connection_id": "x"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "source", external.Fields["external_connection_id"], "x")
	same(t, "kinds", len(p.Connections("acme")), 3)

	for _, bad := range []struct {
		kind   stytchsim.Kind
		fields object
	}{
		{"ldap", nil},
		{stytchsim.SAML, object{"nonsense": 1}},
		{stytchsim.SAML, object{"display_name": 1}},
		{stytchsim.SAML, object{"verification_certificates": array{"x"}}},
		{stytchsim.SAML, object{"verification_certificates": "x"}},
		{stytchsim.SAML, object{"encryption_private_keys": array{"x"}}},
		{stytchsim.SAML, object{"connection_id": "saml-connection-test-1"}},
	} {
		if _, err := p.AddConnection("acme", bad.kind, bad.fields); err == nil {
			t.Errorf("%+v is made", bad)
		}
	}
}

func TestDriftIsAllOrNothingAndPastTheRules(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	id := p.activeSAML("acme", "okta")
	if _, err := p.PatchConnection(id, object{"display_name": "x", "idp_sso_url": 1}); err == nil {
		t.Error("a number is accepted")
	}
	if _, err := p.PatchConnection(id, object{"connection_id": "x"}); err == nil {
		t.Error("a connection_id is accepted")
	}
	same(t, "display_name", p.of("acme", "saml_connections", id)["display_name"], "okta")
	drifted, err := p.PatchConnection(id, object{"verification_certificates": array{}, "status": "pending", "attribute_mapping": nil})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "certificates", drifted.Fields["verification_certificates"], array{})
	same(t, "status", drifted.Status, "pending")
	same(t, "mapping", p.of("acme", "saml_connections", id)["attribute_mapping"], object{})
}

func TestTheStateHasEveryConnection(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	_, saml := p.saml()
	_, scim, _ := p.scim()
	ids := func(connections []stytchsim.Connection) []string {
		found := []string{}
		for _, c := range connections {
			found = append(found, c.ID)
		}
		return found
	}
	same(t, "state", ids(p.State().Connections), array{saml, scim})
	same(t, "organization", ids(p.Connections("acme")), array{saml, scim})
	same(t, "nobody", ids(p.Connections("nobody")), array{})
	_, oidc := p.oidc()
	if c, ok := p.Connection(oidc); !ok || c.Fields["client_secret_sha256"] != "" {
		t.Errorf("an unset client secret has a fingerprint: %v", c)
	}
}

func TestTheStateTellsSecretsByFingerprintOnly(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id := p.oidc()
	p.put(path, completeOIDC()).ok()
	c, ok := p.Connection(id)
	if !ok {
		t.Fatal("no connection")
	}
	if sum := text(t, c.Fields, "client_secret_sha256"); len(sum) != 64 {
		t.Errorf("client_secret_sha256 is %q", sum)
	}
	if _, there := c.Fields["client_secret"]; there {
		t.Error("the client secret is there")
	}
	for _, project := range p.State().Projects {
		same(t, "secret of "+project.ID, project.Secret, "")
	}
}
