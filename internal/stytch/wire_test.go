package stytch

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

func TestAMaskIsNotTakenForASecret(t *testing.T) {
	for _, c := range []struct {
		sent   string
		masked bool
		sum    string
	}{
		{`null`, false, ""},
		{`""`, false, ""},
		{`"********"`, true, ""},
		{`"*"`, true, ""},
		{`"****wxyz"`, true, ""},
		{`"GOCSPX-***"`, true, ""},
		{`"•••"`, true, ""},
		{`"ab•••"`, true, ""},
		{`"xxxxXXXX"`, true, ""},
		{`"…"`, true, ""},
		{`"....…"`, true, ""},
		{`"redacted"`, true, ""},
		{`"[REDACTED]"`, true, ""},
		{`"<Redacted>"`, true, ""},
		{`{"hidden":true}`, true, ""},
		{`true`, true, ""},
		{`"...wxyz"`, true, ""},
		{`"••wxyz"`, true, ""},
		{`"xxxxxxxxwxyz"`, true, ""},
		{`"●●●●●●●●"`, true, ""},
		{`"########"`, true, ""},
		{`"[hidden]"`, true, ""},
		{`"a*b.c-d"`, false, pki.Fingerprint([]byte("a*b.c-d"))},
		{`"redacted1"`, false, pki.Fingerprint([]byte("redacted1"))},
		{`"xylophone"`, false, pki.Fingerprint([]byte("xylophone"))},
		{`"abc"`, false, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		caller := answering(t, status(200, `{"request_id":"r","oidc_connections":[{"connection_id":"a","client_secret":`+c.sent+`}]}`))
		list, err := caller.SSO(ctx(t), someone, start)
		must(t, err)
		if got := list.OIDC[0]; got.ClientSecretMasked != c.masked || got.ClientSecretSHA256 != c.sum {
			t.Errorf("%s: masked %t, SHA-256 %q; want %t, %q", c.sent, got.ClientSecretMasked, got.ClientSecretSHA256, c.masked, c.sum)
		}
	}
}

func TestOfSecretsInAListNothingIsKept(t *testing.T) {
	caller := answering(t, status(200, `{"request_id":"r",
		"oidc_connections":[{"connection_id":"b","client_secret":"`+hush+`"},{"connection_id":"a"}],
		"saml_connections":[{"connection_id":"c","encryption_private_keys":[{"private_key_id":"2","private_key":"`+hush+`"},{"private_key_id":"1","private_key":"`+hush+`"}]}]}`))
	list, err := caller.SSO(ctx(t), someone, start)
	must(t, err)
	if seen := fmt.Sprintf("%+v", list); strings.Contains(seen, hush) {
		t.Errorf("a secret stands in %s", seen)
	}
	if len(list.OIDC) != 2 || list.OIDC[0].ConnectionID != "a" || list.OIDC[1].ClientSecretSHA256 != pki.Fingerprint([]byte(hush)) {
		t.Errorf("OIDC: %+v", list.OIDC)
	}
	if ids := list.SAML[0].EncryptionKeyIDs; !slices.Equal(ids, []string{"1", "2"}) {
		t.Errorf("encryption keys: %v", ids)
	}
}

func FuzzAListIsReadOrRefused(f *testing.F) {
	f.Add([]byte(`{"request_id":"r","oidc_connections":[{"connection_id":"b","client_secret":{}},{"connection_id":"a","client_secret":"***"}]}`))
	f.Add([]byte(`{"request_id":"r","saml_connections":[{"connection_id":"b","attribute_mapping":{"a":{"b":1}},"verification_certificates":null},{"connection_id":"a"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r ssoReply
		if readList(bytes.NewReader(body), &r) != nil {
			return
		}
		if list, problem := r.connections(someone); problem == "" && !slices.IsSortedFunc(list.SAML, func(a, b SAMLConnection) int { return strings.Compare(a.ConnectionID, b.ConnectionID) }) {
			t.Errorf("a list out of order from %s", body)
		}
	})
}

func TestAnswersAreReadWhateverStytchLeavesOut(t *testing.T) {
	for _, body := range []string{
		`{"request_id":"r","saml_connections":null,"external_connections":[]}`,
		`{"status_code":200,"something_new":{"a":[1,2]}}`,
	} {
		caller := answering(t, status(200, body))
		list, err := caller.SSO(ctx(t), someone, start)
		if err != nil || list.SAML != nil || list.OIDC != nil || list.External != nil {
			t.Errorf("%s: %+v, %v", body, list, err)
		}
	}
	caller := answering(t, status(200, `{"request_id":"r","saml_connections":[
		{"connection_id":"b","organization_id":null,"status":"pending","attribute_mapping":{"email":"NameID","nested":{ "a" : 1 },"none":null},
		 "verification_certificates":[{"certificate_id":"k","certificate":null,"expires_at":"whenever"}],"new_field":true,
		 "encryption_private_keys":[{"private_key_id":"p","private_key":"hush"}],
		 "saml_connection_implicit_role_assignments":[{"role_id":"viewer"},{"role_id":"editor"}],"idp_initiated_auth_disabled":null},
		{"connection_id":"a","attribute_mapping":{},"saml_connection_implicit_role_assignments":null,"verification_certificates":[]}]}`))
	list, err := caller.SSO(ctx(t), someone, start)
	must(t, err)
	want := []SAMLConnection{
		{Connection: Connection{ConnectionID: "a"}},
		{
			Connection: Connection{ConnectionID: "b", Status: "pending"}, ImplicitRoles: []string{"editor", "viewer"},
			AttributeMapping:         map[string]string{"email": "NameID", "nested": `{"a":1}`, "none": ""},
			VerificationCertificates: []Certificate{{ID: "k"}}, EncryptionKeyIDs: []string{"p"},
		},
	}
	if !reflect.DeepEqual(list.SAML, want) {
		t.Errorf("read\n%+v\nwant\n%+v", list.SAML, want)
	}
}

func TestAListWithSomethingNamelessIsRefused(t *testing.T) {
	for _, kind := range []string{"saml", "oidc", "external"} {
		caller := answering(t, status(200, `{"request_id":"r","`+kind+`_connections":[{"connection_id":"a"},{"display_name":"?"}]}`))
		_, err := caller.SSO(ctx(t), someone, start)
		if e := readError(t, err).Err; e.Class != Unavailable || e.Message != "the response lacks a connection ID" {
			t.Errorf("%s: %v", kind, e)
		}
	}
}

func TestAConnectionIsReadAsTheSimulatorHoldsIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	text, sum := certificate(t, "idp")
	made := w.saml(caller, "Acme")
	if made.Status != "pending" || made.DisplayName != "Acme" || made.IdentityProvider != "okta" || made.OrganizationID != w.org || made.ACSURL == "" || made.AudienceURI == "" {
		t.Errorf("created: %+v", made)
	}
	got, request, err := caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{
		"idp_entity_id": "urn:idp", "idp_sso_url": "https://idp.example.com/sso", "x509_certificate": text,
		"attribute_mapping":                         map[string]string{"email": "NameID", "full_name": "name", "groups": "groups"},
		"saml_connection_implicit_role_assignments": []map[string]string{{"role_id": "viewer"}, {"role_id": "editor"}},
		"saml_group_implicit_role_assignments":      []map[string]string{{"role_id": "editor", "group": "eng"}},
		"idp_initiated_auth_disabled":               true, "allow_gateway_callback": true, "alternative_audience_uri": "urn:a",
		"alternative_acs_url": "https://a.example.com/acs", "nameid_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
	})
	must(t, err)
	want := made
	want.Status, want.IDPEntityID, want.IDPSSOURL = "active", "urn:idp", "https://idp.example.com/sso"
	want.AttributeMapping = map[string]string{"email": "NameID", "full_name": "name", "groups": "groups"}
	want.ImplicitRoles, want.GroupImplicitRoles = []string{"editor", "viewer"}, []GroupRole{{RoleID: "editor", Group: "eng"}}
	want.IDPInitiatedAuthDisabled, want.AllowGatewayCallback = true, true
	want.AlternativeAudienceURI, want.AlternativeACSURL = "urn:a", "https://a.example.com/acs"
	want.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	want.VerificationCertificates = got.VerificationCertificates
	if !reflect.DeepEqual(got, want) {
		t.Errorf("updated\n%+v\nwant\n%+v", got, want)
	}
	if c := got.VerificationCertificates; len(c) != 1 || c[0].SHA256 != sum || c[0].ID == "" || c[0].ExpiresAt.IsZero() {
		t.Errorf("certificates %+v, want one with SHA-256 %s", c, sum)
	}
	if last := w.Calls()[len(w.Calls())-1]; request.ID != last.RequestID || request.Operation != last.Operation || request.StatusCode != 200 || request.Time.IsZero() {
		t.Errorf("request %+v, in the journal %+v", request, last)
	}
	if list := w.sso(w.caller("other"), start); !reflect.DeepEqual(list.SAML, []SAMLConnection{want}) {
		t.Errorf("listed\n%+v\nwant\n%+v", list.SAML, want)
	}

	lender := w.organization("lender")
	other := w.caller("x")
	external, _, err := other.CreateExternal(ctx(t), lender, Fields{"external_organization_id": w.org, "external_connection_id": made.ConnectionID, "display_name": "From Acme"})
	must(t, err)
	external, _, err = other.UpdateExternal(ctx(t), lender, external.ConnectionID, Fields{
		"external_connection_implicit_role_assignments": []map[string]string{{"role_id": "viewer"}},
		"external_group_implicit_role_assignments":      []map[string]string{{"role_id": "editor", "group": "eng"}},
	})
	must(t, err)
	if !reflect.DeepEqual(external, ExternalConnection{
		Connection:             Connection{OrganizationID: lender, ConnectionID: external.ConnectionID, Status: "active", DisplayName: "From Acme"},
		ExternalOrganizationID: w.org, ExternalConnectionID: made.ConnectionID,
		ImplicitRoles: []string{"viewer"}, GroupImplicitRoles: []GroupRole{{RoleID: "editor", Group: "eng"}},
	}) {
		t.Errorf("external: %+v", external)
	}
}

func TestListsReadTheSameUnderEverySwitchOfForm(t *testing.T) {
	text, sum := certificate(t, "idp")
	for _, s := range []stytchsim.Switches{
		{},
		{CreateStatus: "201", Lists: "null", Strings: "null", Timestamps: "nanoseconds", PEM: "crlf", UnsetMapping: "null", Order: "reversed"},
		{Lists: "absent", Strings: "absent", Timestamps: "absent", PEM: "one-line", UnsetMapping: "absent", Order: "rotating"},
		{PEM: "no-final-newline"},
	} {
		w := newWorld(t, s)
		caller := w.caller("uid")
		a, b := w.saml(caller, ""), w.saml(caller, "B")
		_, _, err := caller.UpdateSAML(ctx(t), w.org, a.ConnectionID, Fields{"x509_certificate": text})
		must(t, err)
		for range 3 {
			caller.session.Forget(APISSO, w.org)
			list := w.sso(caller, start)
			if len(list.SAML) != 2 || list.SAML[0].ConnectionID > list.SAML[1].ConnectionID {
				t.Fatalf("%+v: %+v", s, list)
			}
			got, _ := Find(list.SAML, a.ConnectionID)
			if c := got.VerificationCertificates; len(c) != 1 || c[0].SHA256 != sum || got.AttributeMapping != nil || got.ImplicitRoles != nil || got.DisplayName != "" {
				t.Errorf("%+v: %+v", s, got)
			}
			if other, found := Find(list.SAML, b.ConnectionID); !found || other.VerificationCertificates != nil {
				t.Errorf("%+v: %+v", s, other)
			}
		}
	}
}

func TestOneConnectionIsFoundAmongMany(t *testing.T) {
	list := []Connection{{ConnectionID: "a"}, {ConnectionID: "c"}}
	if c, found := Find(list, "c"); !found || c.ConnectionID != "c" {
		t.Errorf("c: %+v, %t", c, found)
	}
	if c, found := Find(list, "b"); found {
		t.Errorf("b: %+v", c)
	}
	longer := replaced(list, Connection{ConnectionID: "b"})
	renamed := replaced(longer, Connection{ConnectionID: "b", DisplayName: "B"})
	if len(list) != 2 || len(longer) != 3 || longer[1] != (Connection{ConnectionID: "b"}) || renamed[1].DisplayName != "B" || len(renamed) != 3 {
		t.Errorf("%+v, %+v, %+v", list, longer, renamed)
	}
	if shorter := without(longer, "a"); len(shorter) != 2 || len(longer) != 3 || len(without(shorter, "x")) != 2 {
		t.Errorf("%+v of %+v", shorter, longer)
	}
}
