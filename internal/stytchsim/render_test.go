package stytchsim_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestTheStatusOfACreationIsASwitch(t *testing.T) {
	for position, want := range map[string]int{"": 200, "201": 201} {
		p := switched(t, stytchsim.Switches{CreateStatus: position})
		p.organization("child")
		source := object{"external_organization_id": p.acme.ID, "external_connection_id": p.activeSAML("acme", "x")}
		for _, r := range []reply{
			p.post(scimOfAcme, nil), p.post(samlOf+"acme", nil), p.post(oidcOfAcme, nil), p.post(externalOf+"child", source),
		} {
			same(t, r.call, r.status, want)
			same(t, "status_code", r.json()["status_code"], want)
		}
		path := scimOfAcme + "/" + text(t, p.get(scimOfAcme).connection(), "connection_id")
		same(t, "status of a rotation", p.post(path+"/rotate/start", nil).status, 200)
	}
}

func TestAnAnswerWithoutConnectionIsASwitch(t *testing.T) {
	for position, there := range map[string]bool{"null": true, "absent": false} {
		p := switched(t, stytchsim.Switches{AnswerConnection: position})
		answer := p.post(samlOf+"acme", nil).ok()
		value, has := answer["connection"]
		if value != nil || has != there {
			t.Errorf("%s: %v", position, answer)
		}
		same(t, "connections", len(each(t, p.get("/v1/b2b/sso/acme").ok(), "saml_connections")), 1)
	}
}

func TestAnEmptyListIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": "[]", "null": "null", "absent": ""} {
		p := switched(t, stytchsim.Switches{Lists: position})
		p.saml()
		path, _, _ := p.scim()
		listed := p.get("/v1/b2b/sso/acme")
		shown(t, listed, "oidc_connections", want)
		for _, name := range []string{"verification_certificates", "saml_connection_implicit_role_assignments"} {
			shown(t, listed, name, "[]") // live, indirectly
		}
		shown(t, p.get(path), "scim_groups", want)
		shown(t, p.get(scimOfAcme), "scim_group_implicit_role_assignments", want)
	}
}

// shown fails unless a field stands in the answer with that JSON, "" for not at
// all.
func shown(t *testing.T, r reply, name, want string) {
	t.Helper()
	_, after, there := bytes.Cut(r.body, []byte(`"`+name+`":`))
	if there != (want != "") || !bytes.HasPrefix(after, []byte(want)) {
		t.Errorf("%s: %s should be %q in %s", r.call, name, want, r.body)
	}
}

func TestAnUnsetStringIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": `""`, "null": "null", "absent": ""} {
		p := switched(t, stytchsim.Switches{Strings: position})
		_, id := p.saml()
		r := p.get("/v1/b2b/sso/acme")
		for _, name := range []string{"idp_entity_id", "identity_provider", "nameid_format"} {
			shown(t, r, name, `""`) // live, indirectly
		}
		shown(t, r, "connection_id", `"`+id+`"`)
		oidc := p.post(oidcOfAcme, nil)
		for _, name := range []string{"issuer", "identity_provider", "client_secret"} {
			shown(t, oidc, name, want)
		}
		p.scim()
		shown(t, p.get(scimOfAcme), "next_bearer_token_last_four", want)
	}
}

func TestWhatIsNeverSetHasASwitchOfItsOwn(t *testing.T) {
	for position, want := range map[string]string{"": "{}", "null": "null", "absent": ""} {
		p := switched(t, stytchsim.Switches{UnsetMapping: position})
		shown(t, p.post(samlOf+"acme", nil), "attribute_mapping", want)
	}
	p := switched(t, stytchsim.Switches{UnsetProvider: "generic", UnsetNameID: "default"})
	made := p.post(samlOf+"acme", nil)
	shown(t, made, "identity_provider", `"generic"`)
	shown(t, made, "nameid_format", `"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"`)
	shown(t, p.post(scimOfAcme, nil), "identity_provider", `"generic"`)
}

func TestTimestampsAreASwitch(t *testing.T) {
	for position, want := range map[string]string{
		"": `"2031-02-28T12:00:00Z"`, "nanoseconds": `"2031-02-28T12:00:00.000000000Z"`, "absent": "",
	} {
		p := switched(t, stytchsim.Switches{Timestamps: position})
		shown(t, p.post(scimOfAcme, nil), "bearer_token_expires_at", want)
	}
}

func TestHowPEMIsWrappedIsASwitchAndTheCertificateTheSame(t *testing.T) {
	sent := strings.ReplaceAll(lasting(t), "\n", "\n\n")
	for position, is := range map[string]func(string) bool{
		"":        func(s string) bool { return s == strings.ReplaceAll(sent, "\n\n", "\n") },
		"as-sent": func(s string) bool { return s == sent },
		"crlf": func(s string) bool {
			return strings.Count(s, "\r\n") == strings.Count(s, "\n") && strings.Contains(s, "\r\n")
		},
		"one-line":         func(s string) bool { return strings.Count(s, "\n") == 3 },
		"no-final-newline": func(s string) bool { return strings.HasSuffix(s, "-----END CERTIFICATE-----") },
	} {
		p := switched(t, stytchsim.Switches{PEM: position})
		path, _ := p.saml()
		c := each(t, p.put(path, object{"x509_certificate": sent}).connection(), "verification_certificates")
		shownPEM := text(t, c[0], "certificate")
		if !is(shownPEM) || !bytes.Equal(der(t, shownPEM), der(t, sent)) {
			t.Errorf("%s: %q", position, shownPEM)
		}
	}
}

func TestTheOrderOfListsIsASwitch(t *testing.T) {
	orders := map[string]map[string]bool{}
	for _, position := range []string{"stable", "reversed", "rotating"} {
		p := switched(t, stytchsim.Switches{Order: position})
		for _, name := range []string{"a", "b", "c"} {
			p.post(samlOf+"acme", object{"display_name": name}).ok()
		}
		orders[position] = map[string]bool{}
		for range 3 {
			listed := all(t, each(t, p.get("/v1/b2b/sso/acme").ok(), "saml_connections"), "display_name")
			orders[position][strings.Join(listed, "")] = true
		}
	}
	same(t, "orders", orders, object{
		"stable": object{"abc": true}, "reversed": object{"cba": true}, "rotating": object{"abc": true, "bca": true, "cab": true},
	})
}

func TestEncryptionKeysInAnswersAreASwitch(t *testing.T) {
	_, pkcs1, _ := rsaKey(t)
	for position, want := range map[string]string{"": pkcs1, "masked": "********", "empty": ""} {
		p := switched(t, stytchsim.Switches{PrivateKey: position})
		path, _ := p.saml()
		keys := each(t, p.put(path, object{"saml_encryption_private_key": pkcs1}).connection(), "encryption_private_keys")
		same(t, "private_key under "+position, keys[0]["private_key"], want)
		if strings.Contains(string(p.get("/__sim/state").body), "PRIVATE KEY") {
			t.Error("the state shows the key")
		}
	}
}

func TestEverySwitchHasADefaultAndRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, row := range stytchsim.SwitchTable() {
		var s stytchsim.Switches
		if len(row.Values) < 2 || row.About == "" {
			t.Errorf("%s: %v, %q", row.Name, row.Values, row.About)
		}
		for _, value := range row.Values {
			if err := s.Set(row.Name, value); err != nil {
				t.Error(err)
			}
		}
		if err := s.Set(row.Name, "nonsense"); err == nil {
			t.Errorf("%s takes nonsense", row.Name)
		}
	}
	var s stytchsim.Switches
	if err := s.Set("nonsense", "x"); err == nil {
		t.Error("there is a switch named nonsense")
	}
}
