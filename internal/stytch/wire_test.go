package stytch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// certificate returns a certificate as PEM and the SHA-256 of its DER.
func certificate(t *testing.T, name string) (text, sum string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(1000 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	digest := sha256.Sum256(der)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), hex.EncodeToString(digest[:])
}

func TestACertificateIsKnownByItsDERHoweverItIsWrapped(t *testing.T) {
	text, sum := certificate(t, "idp")
	for _, wrapped := range []string{
		text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\n", ""), strings.TrimSpace(text),
		"\n  " + strings.ReplaceAll(text, "\n", "\n   "), "Subject: idp\n" + text,
		strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "-----BEGIN CERTIFICATE-----"), "-----END CERTIFICATE-----")),
	} {
		got := wireCertificate{ID: "id", Certificate: wrapped}.certificate()
		want := Certificate{ID: "id", SHA256: sum, Subject: "CN=idp", ExpiresAt: start.Add(1000 * time.Hour), PEM: text}
		if got != want {
			t.Errorf("%q\n got %+v\nwant %+v", wrapped, got, want)
		}
	}
	said := start.Add(time.Hour)
	if got := (wireCertificate{Certificate: text, ExpiresAt: optionalTime{said}}).certificate().ExpiresAt; !got.Equal(said) {
		t.Errorf("Stytch says it expires at %s, and it is read as %s", said, got)
	}
}

func TestWhatIsNoCertificateIsKeptWithoutFingerprint(t *testing.T) {
	for _, text := range []string{"", "MII…", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----", base64.StdEncoding.EncodeToString([]byte("hello")), "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"} {
		if got := (wireCertificate{ID: "id", Certificate: text}).certificate(); got != (Certificate{ID: "id"}) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestACertificateThatGoCannotReadIsKnownByItsFingerprintAlone(t *testing.T) {
	const text = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" // an empty SEQUENCE
	sum := fingerprint([]byte{0x30, 0})
	if got := (wireCertificate{ID: "id", Certificate: text}).certificate(); got != (Certificate{ID: "id", SHA256: sum, PEM: text}) {
		t.Errorf("a verification certificate: %+v", got)
	}
	if got := (wireCertificate{Certificate: text}).signing(); got != (SigningCertificate{SHA256: sum, PEM: text}) {
		t.Errorf("a signing certificate: %+v", got)
	}
}

func TestTheSubjectOfACertificateIsOneBoundedLine(t *testing.T) {
	text, _ := certificate(t, "one\ntwo "+strings.Repeat("é", 300))
	got := wireCertificate{Certificate: text}.certificate().Subject
	if len([]rune(got)) != 256 || !strings.HasPrefix(got, "CN=onetwo éé") || !strings.HasSuffix(got, "é…") {
		t.Errorf("the subject is %q", got)
	}
}

func TestASigningCertificateSaysOfItselfWhatStytchDoesNot(t *testing.T) {
	text, sum := certificate(t, "Stytch")
	block, _ := pem.Decode([]byte(text))
	parsed, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(parsed.PublicKey)
	must(t, err)
	want := SigningCertificate{SHA256: sum, SPKISHA256: fingerprint(public), PEM: text, CreatedAt: start.Add(-time.Hour), ExpiresAt: start.Add(1000 * time.Hour)}
	if got := (wireCertificate{Certificate: strings.ReplaceAll(text, "\n", "\r\n")}).signing(); got != want {
		t.Errorf("read\n%+v\nwant\n%+v", got, want)
	}
	want.CreatedAt, want.ExpiresAt = start, start.Add(time.Hour)
	if got := (wireCertificate{Certificate: text, CreatedAt: optionalTime{start}, ExpiresAt: optionalTime{start.Add(time.Hour)}}).signing(); got != want {
		t.Errorf("read\n%+v\nwant what Stytch says:\n%+v", got, want)
	}
	if got := (wireCertificate{Certificate: "MII…", CreatedAt: optionalTime{start}}).signing(); got != (SigningCertificate{CreatedAt: start}) {
		t.Errorf("what is no certificate: %+v", got)
	}
}

func TestSigningCertificatesComeTheNewestFirst(t *testing.T) {
	first, one := certificate(t, "first")
	second, two := certificate(t, "second")
	third, three := certificate(t, "third")
	tied := []string{two, three}
	slices.Sort(tied)
	list := []wireCertificate{
		{Certificate: first, CreatedAt: optionalTime{start.Add(time.Second)}},
		{Certificate: second},
		{Certificate: third}, // by their beginning, an hour before start
		{Certificate: "MII…"},
	}
	for range list {
		list = append(list[1:], list[0])
		for _, each := range [][]wireCertificate{list, {list[3], list[2], list[1], list[0]}} {
			var got []string
			for _, c := range (wireSAML{SigningCertificates: each}).connection().SigningCertificates {
				got = append(got, c.SHA256)
			}
			if want := []string{one, tied[0], tied[1], ""}; !slices.Equal(got, want) {
				t.Fatalf("in the order %q, want %q", got, want)
			}
		}
	}
}

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
		{`"a*b.c-d"`, false, fingerprint([]byte("a*b.c-d"))},
		{`"redacted1"`, false, fingerprint([]byte("redacted1"))},
		{`"xylophone"`, false, fingerprint([]byte("xylophone"))},
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
	if len(list.OIDC) != 2 || list.OIDC[0].ConnectionID != "a" || list.OIDC[1].ClientSecretSHA256 != fingerprint([]byte(hush)) {
		t.Errorf("OIDC: %+v", list.OIDC)
	}
	if ids := list.SAML[0].EncryptionKeyIDs; !slices.Equal(ids, []string{"1", "2"}) {
		t.Errorf("encryption keys: %v", ids)
	}
}

func FuzzACertificateIsReadWithoutAFuss(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, text string) {
		read := wireCertificate{Certificate: text}
		c := read.certificate()
		if again := (wireCertificate{Certificate: c.PEM}).certificate(); again.SHA256 != c.SHA256 {
			t.Errorf("%q is %s, and its PEM %s", text, c.SHA256, again.SHA256)
		}
		if s := read.signing(); s.SHA256 != c.SHA256 || s.PEM != c.PEM {
			t.Errorf("%q is %+v and %+v", text, c, s)
		}
	})
}

func FuzzAListIsReadOrRefused(f *testing.F) {
	f.Add([]byte(`{"request_id":"r","oidc_connections":[{"connection_id":"b","client_secret":{}},{"connection_id":"a","client_secret":"***"}]}`))
	f.Add([]byte(`{"request_id":"r","saml_connections":[{"connection_id":"b","attribute_mapping":{"a":{"b":1}},"verification_certificates":null},{"connection_id":"a"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var r ssoReply
		if decode(body, &r) != nil {
			return
		}
		if list, whole := r.connections(); whole && !slices.IsSortedFunc(list.SAML, func(a, b SAMLConnection) int { return strings.Compare(a.ConnectionID, b.ConnectionID) }) {
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
		if e := readError(t, err).Err; e.Class != Unavailable || e.Message != "the answer is without a connection's ID" {
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

func TestTheTokensOfASCIMConnectionAreShownOnceAndKeptNowhere(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	if list := w.scim(caller, start); list != nil {
		t.Fatalf("none is there, and listed is %+v", list)
	}
	made, _, err := caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Acme", "identity_provider": "okta"})
	must(t, err)
	if made.BearerToken == "" || made.BearerTokenLastFour != made.BearerToken.LastFour() || made.BaseURL == "" || made.BearerTokenExpiresAt.IsZero() || made.NextBearerTokenLastFour != "" {
		t.Errorf("created: %+v", made)
	}
	if !w.VerifyToken(made.ConnectionID, made.BearerToken.Reveal()).Accepted {
		t.Error("the token that was read is not the connection's")
	}
	cached := w.scim(caller, start)
	if len(cached) != 1 || cached[0].BearerToken != "" || cached[0].BearerTokenLastFour != made.BearerTokenLastFour {
		t.Errorf("held: %+v", cached)
	}
	rotating, _, err := caller.StartRotation(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	if rotating.NextBearerToken == "" || rotating.NextBearerTokenLastFour != rotating.NextBearerToken.LastFour() || rotating.BearerToken != "" || rotating.NextBearerTokenExpiresAt.IsZero() {
		t.Errorf("rotating: %+v", rotating)
	}
	if cached = w.scim(caller, start); cached[0].NextBearerToken != "" || cached[0].NextBearerTokenLastFour != rotating.NextBearerTokenLastFour {
		t.Errorf("held while rotating: %+v", cached)
	}
	done, _, err := caller.CompleteRotation(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	if done.BearerTokenLastFour != rotating.NextBearerTokenLastFour || done.NextBearerTokenLastFour != "" {
		t.Errorf("completed: %+v", done)
	}
	_, _, err = caller.CancelRotation(ctx(t), w.org, made.ConnectionID)
	if e := failedAs(t, err, Rejected); e.ErrorType != "scim_connection_not_rotating_token" {
		t.Errorf("cancelling nothing: %v", e)
	}
}

func TestASCIMConnectionIsOneForAnOrganization(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	w.scim(caller, start)
	made, _, err := caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Acme", "identity_provider": "okta"})
	must(t, err)
	_, _, err = caller.CreateSCIM(ctx(t), w.org, Fields{"display_name": "Second", "identity_provider": "okta"})
	if e := failedAs(t, err, Rejected); e.ErrorType != "active_scim_connection_exists" || e.Unknown() {
		t.Errorf("creating a second one: %v", e)
	}
	_, err = caller.DeleteSCIM(ctx(t), w.org, made.ConnectionID)
	must(t, err)
	w.expect(func() {
		if list := w.scim(caller, start); list != nil {
			t.Errorf("deleted, and held is %+v", list)
		}
	})
	_, err = caller.DeleteSCIM(ctx(t), w.org, made.ConnectionID)
	_ = failedAs(t, err, NotFound)
}

func TestASCIMConnectionThatIsGoneTakesNoOtherWithIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made, err := w.AddConnection(w.org, stytchsim.SCIM, nil)
	must(t, err)
	w.scim(caller, start)
	_, err = caller.DeleteSCIM(ctx(t), w.org, "scim-connection-test-00000000-0000-4000-8000-000000000000")
	_ = failedAs(t, err, NotFound)
	if cached := w.scim(caller, start); len(cached) != 1 || cached[0].ConnectionID != made.ID {
		t.Errorf("held: %+v", cached)
	}
}

func TestAnAbsentSCIMConnectionIsSeenInEachWayOfSayingIt(t *testing.T) {
	for _, way := range []string{"404", "400", "null", "absent", "deleted"} {
		w := newWorld(t, stytchsim.Switches{AbsentSCIM: way})
		if list := w.scim(w.caller("uid"), start); list != nil {
			t.Errorf("%s: %+v", way, list)
		}
	}
	for _, c := range []struct {
		status int
		body   string
		absent bool
	}{
		{404, refused("something_unheard_of"), true},
		{400, refused("scim_connection_not_found"), true},
		{404, refused("organization_not_found"), false},
		{404, refused("route_not_found"), false},
		{404, refused("project_not_found"), false},
		{400, refused("something_unheard_of"), false},
		{404, "<html>", false},
		{500, refused("no_active_scim_connection"), false},
		{200, "{}", false},
	} {
		list, err := answering(t, status(c.status, c.body)).SCIM(ctx(t), someone, start)
		if absent := err == nil && list == nil; absent != c.absent {
			t.Errorf("%d %s: %+v, %v", c.status, c.body, list, err)
		}
	}
}

func TestListsReadTheSameUnderEverySwitchOfForm(t *testing.T) {
	text, sum := certificate(t, "idp")
	for _, s := range []stytchsim.Switches{
		{},
		{CreateStatus: "201", Lists: "null", Strings: "null", Timestamps: "nanoseconds", PEM: "crlf", Order: "reversed"},
		{Lists: "absent", Strings: "absent", Timestamps: "absent", PEM: "one-line", UnsetMapping: "absent", Order: "rotating"},
		{PEM: "no-final-newline", UnsetMapping: "empty"},
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
