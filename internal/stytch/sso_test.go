package stytch

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// privateKey returns a private key as Stytch takes it and the SHA-256 of its
// public key.
func privateKey(t *testing.T) (key Secret, public string) {
	t.Helper()
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	spki, err := x509.MarshalPKIXPublicKey(made.Public())
	must(t, err)
	return Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)})), fingerprint(spki)
}

const issuer = "https://idp.example.com/tenant"

func TestAnOIDCConnectionIsReadAsTheSimulatorHoldsIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	w.document(stytchsim.Document{
		URL:                   issuer + "/.well-known/openid-configuration",
		AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token", UserinfoEndpoint: issuer + "/userinfo", JWKSURI: issuer + "/keys",
	})
	caller := w.caller("uid")
	w.sso(caller, start)
	var made, got OIDCConnection
	w.expect(func() { made = w.oidc(caller, "Acme") }, "CreateOIDCConnection")
	if made.Status != "pending" || made.DisplayName != "Acme" || made.IdentityProvider != "okta" || made.OrganizationID != w.org || made.RedirectURL == "" || made.ClientSecretSHA256 != "" || made.ClientSecretMasked {
		t.Errorf("created: %+v", made)
	}
	w.expect(func() {
		is, warning, request, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{
			"issuer": issuer, "client_id": "client", "client_secret": Secret("open sesame"), "custom_scopes": "groups profile",
			"token_url": "https://elsewhere.example.com/token", "attribute_mapping": map[string]string{"department": "dept"},
		})
		must(t, err)
		if warning != "" || request.ID == "" || request.Operation != "UpdateOIDCConnection" {
			t.Errorf("request %+v, warning %q", request, warning)
		}
		got = is
	}, "UpdateOIDCConnection")
	want := made
	want.Status, want.Issuer, want.ClientID = "active", issuer, "client"
	want.ClientSecretSHA256 = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"
	want.AuthorizationURL, want.TokenURL = issuer+"/authorize", "https://elsewhere.example.com/token"
	want.UserinfoURL, want.JWKSURL = issuer+"/userinfo", issuer+"/keys"
	want.CustomScopes, want.AttributeMapping = "groups profile", map[string]string{"department": "dept"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("updated\n%+v\nwant\n%+v", got, want)
	}
	for _, since := range []time.Time{start, at(time.Second)} { // from memory, and by a list
		w.clock.advance(time.Second)
		if list := w.sso(caller, since); !reflect.DeepEqual(list.OIDC, []OIDCConnection{want}) {
			t.Errorf("listed\n%+v\nwant\n%+v", list.OIDC, want)
		}
	}
	w.expect(func() {
		_, err := caller.DeleteSSO(ctx(t), w.org, made.ConnectionID)
		must(t, err)
		if list := w.sso(caller, start); list.OIDC != nil {
			t.Errorf("held after the deletion: %+v", list)
		}
	}, "DeleteSSOConnection")
}

func TestADiscoveryThatFailedWarnsOnce(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	for _, want := range []string{"The metadata document at " + issuer + "/.well-known/openid-configuration could not be read.", ""} {
		got, warning, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"issuer": issuer})
		must(t, err)
		if warning != want || got.Issuer != issuer || got.Status != "pending" {
			t.Errorf("warning %q, want %q: %+v", warning, want, got)
		}
	}
}

func TestAClientSecretIsKnownByWhatIsShownOfIt(t *testing.T) {
	for shown, want := range map[string]OIDCConnection{
		"plain":  {ClientSecretSHA256: fingerprint([]byte("open sesame"))},
		"masked": {ClientSecretMasked: true},
		"empty":  {},
	} {
		for _, strings := range []string{"empty", "null", "absent"} {
			w := newWorld(t, stytchsim.Switches{ClientSecret: shown, Strings: strings, UnsetMapping: strings, CustomScopes: "encoded"})
			caller := w.caller("uid")
			made := w.oidc(caller, "Acme")
			if made.ClientSecretMasked || made.ClientSecretSHA256 != "" {
				t.Errorf("%s, %s: none was sent, and read is %+v", shown, strings, made)
			}
			got, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"client_secret": Secret("open sesame"), "custom_scopes": "a b"})
			must(t, err)
			expected := made
			expected.ClientSecretSHA256, expected.ClientSecretMasked, expected.CustomScopes = want.ClientSecretSHA256, want.ClientSecretMasked, "a%20b"
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("%s, %s: %+v, want %+v", shown, strings, got, expected)
			}
		}
	}
}

func TestAnOIDCConnectionThatIsGoneIsNotInTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	a, b := w.oidc(caller, "A"), w.oidc(caller, "B")
	w.sso(caller, start)
	must(t, w.RemoveConnection(a.ConnectionID))
	_, warning, _, err := caller.UpdateOIDC(ctx(t), w.org, a.ConnectionID, Fields{"display_name": "x"})
	if e := failedAs(t, err, NotFound); e.ErrorType != "oidc_connection_not_found" || warning != "" {
		t.Errorf("%v, warning %q", e, warning)
	}
	w.expect(func() {
		if list := w.sso(caller, start); len(list.OIDC) != 1 || list.OIDC[0].ConnectionID != b.ConnectionID {
			t.Errorf("held: %+v", list.OIDC)
		}
	})
}

func TestAnOIDCConnectionThatIsNotAnsweredForgetsTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	must(t, w.SetSwitches(stytchsim.Switches{AnswerConnection: "absent"}))
	w.sso(caller, start)
	_, _, err := caller.CreateOIDC(ctx(t), w.org, Fields{"display_name": "B"})
	if e := failedAs(t, err, Unavailable); !e.Unknown() || e.Message != "the answer is without a connection" {
		t.Errorf("%v, unknown %t", e, e.Unknown())
	}
	w.expect(func() { w.sso(caller, start) }, "ListSSOConnections")
	if _, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"display_name": "C"}); err != nil {
		t.Errorf("an update that was answered without the connection: %v", err)
	}
	w.expect(func() {
		if list := w.sso(caller, start); list.OIDC[0].DisplayName != "C" && list.OIDC[1].DisplayName != "C" {
			t.Errorf("listed anew: %+v", list.OIDC)
		}
	}, "ListSSOConnections")
	another := answering(t, status(200, `{"request_id":"r","connection":{"connection_id":"another"}}`))
	_, _, _, err = another.UpdateOIDC(ctx(t), someone, "c", nil)
	if e := failedAs(t, err, Unavailable); !e.Unknown() {
		t.Errorf("an answer about another connection: %v", e)
	}
}

func TestASAMLConnectionTakesWhatItsMetadataSays(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	const url = "https://idp.example.com/metadata?token=abc"
	text, sum := certificate(t, "idp")
	w.document(stytchsim.Document{URL: url, IDPEntityID: "urn:idp", IDPSSOURL: "https://idp.example.com/sso", Certificates: []string{text}})
	caller := w.caller("uid")
	w.sso(caller, start)
	made := w.saml(caller, "Acme")
	w.expect(func() {
		got, request, err := caller.UpdateSAMLFromURL(ctx(t), w.org, made.ConnectionID, url)
		must(t, err)
		if got.IDPEntityID != "urn:idp" || got.IDPSSOURL != "https://idp.example.com/sso" || len(got.VerificationCertificates) != 1 || got.VerificationCertificates[0].SHA256 != sum || request.ID == "" {
			t.Errorf("updated: %+v, %+v", got, request)
		}
		if cached := w.sso(caller, start).SAML; !reflect.DeepEqual(cached, []SAMLConnection{got}) {
			t.Errorf("held: %+v", cached)
		}
	}, "UpdateSAMLConnectionByURL")
}

func TestMetadataThatCannotBeUsedIsRejected(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{MetadataCertificates: "append-all"})
	const good = "https://idp.example.com/good"
	text, _ := certificate(t, "idp")
	w.document(stytchsim.Document{URL: good, IDPEntityID: "urn:idp", IDPSSOURL: "https://idp.example.com/sso", Certificates: []string{text, text}})
	w.document(stytchsim.Document{URL: "https://idp.example.com/page", Body: "<html>"})
	w.document(stytchsim.Document{URL: "https://idp.example.com/half", IDPEntityID: "urn:other"})
	caller := w.caller("uid")
	made := w.saml(caller, "Acme")
	for range 2 {
		_, _, err := caller.UpdateSAMLFromURL(ctx(t), w.org, made.ConnectionID, good)
		must(t, err)
	}
	had := w.sso(caller, start)
	if c := had.SAML[0].VerificationCertificates; len(c) != 4 {
		t.Fatalf("certificates: %+v, want 4", c)
	}
	w.expect(func() {
		for url, want := range map[string]string{
			"http://idp.example.com/good":     "invalid_saml_metadata_url",
			"https://idp.example.com/nothing": "invalid_saml_metadata_url",
			"https://idp.example.com/page":    "invalid_xml_from_saml_metadata_url",
			"https://idp.example.com/half":    "saml_connection_metadata_invalid_format",
			good:                              "too_many_sso_verification_certificates",
		} {
			got, request, err := caller.UpdateSAMLFromURL(ctx(t), w.org, made.ConnectionID, url)
			if e := failedAs(t, err, Rejected); e.ErrorType != want || e.Unknown() || request != e.Request || got.ConnectionID != "" {
				t.Errorf("%s: %v, %+v, %+v; want %s", url, e, request, got, want)
			}
		}
		if cached := w.sso(caller, start); !reflect.DeepEqual(cached, had) {
			t.Errorf("held\n%+v\nwant\n%+v", cached, had)
		}
	}, slices.Repeat([]string{"UpdateSAMLConnectionByURL"}, 5)...)
	must(t, w.RemoveConnection(made.ConnectionID))
	_, _, err := caller.UpdateSAMLFromURL(ctx(t), w.org, made.ConnectionID, good)
	_ = failedAs(t, err, NotFound)
	w.expect(func() {
		if cached := w.sso(caller, start).SAML; cached != nil {
			t.Errorf("held: %+v", cached)
		}
	})
}

func TestMetadataAddsCertificatesOrReplacesThem(t *testing.T) {
	const url = "https://idp.example.com/metadata"
	own, sum := certificate(t, "own")
	served, one := certificate(t, "served")
	for position, want := range map[string][]string{"append": {sum, one}, "append-all": {sum, one, one}, "replace": {one}} {
		w := newWorld(t, stytchsim.Switches{MetadataCertificates: position})
		w.document(stytchsim.Document{URL: url, IDPEntityID: "urn:idp", IDPSSOURL: "https://idp.example.com/sso", Certificates: []string{served}})
		caller := w.caller("uid")
		made := w.saml(caller, "Acme")
		_, _, err := caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{"x509_certificate": own})
		must(t, err)
		w.sso(caller, start)
		for range 2 {
			_, _, err = caller.UpdateSAMLFromURL(ctx(t), w.org, made.ConnectionID, url)
			must(t, err)
		}
		w.expect(func() {
			if got := convert(w.sso(caller, start).SAML[0].VerificationCertificates, func(c Certificate) string { return c.SHA256 }); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", position, got, want)
			}
		})
	}
}

func TestOIDCConnectionsAreInTheOrderOfTheirIDs(t *testing.T) {
	for _, order := range []string{"stable", "reversed", "rotating"} {
		w := newWorld(t, stytchsim.Switches{Order: order, DefaultConnection: "by-hand"})
		caller := w.caller("uid")
		var cached []OIDCConnection // as answers laid it there
		w.sso(caller, start)
		for i := range 5 {
			made := w.oidc(caller, fmt.Sprint("connection ", i))
			_, _, _, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, Fields{"client_id": fmt.Sprint("client-", i), "client_secret": Secret("open sesame")})
			must(t, err)
		}
		saml := w.saml(caller, "Acme")
		w.expect(func() { cached = w.sso(caller, start).OIDC })
		if len(cached) != 5 || !slices.IsSortedFunc(cached, func(a, b OIDCConnection) int { return strings.Compare(a.ConnectionID, b.ConnectionID) }) {
			t.Fatalf("%s: held out of order: %+v", order, cached)
		}
		for range 3 {
			w.clock.advance(time.Second)
			if list := w.sso(caller, w.clock.Now()); !reflect.DeepEqual(list.OIDC, cached) {
				t.Errorf("%s: listed\n%+v\nwant\n%+v", order, list.OIDC, cached)
			}
		}
		had := slices.Clone(cached)
		for _, id := range []string{cached[2].ConnectionID, cached[4].ConnectionID} {
			_, err := caller.DeleteSSO(ctx(t), w.org, id)
			must(t, err)
		}
		w.expect(func() {
			list := w.sso(caller, start)
			if want := []OIDCConnection{had[0], had[1], had[3]}; !reflect.DeepEqual(list.OIDC, want) || len(list.SAML) != 1 || list.SAML[0].ConnectionID != saml.ConnectionID {
				t.Errorf("%s: held\n%+v\nwant\n%+v", order, list, want)
			}
		})
		if !reflect.DeepEqual(cached, had) {
			t.Errorf("%s: the list handed out before has changed", order)
		}
	}
}

func TestAClientSecretStandsNowhere(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.oidc(caller, "Acme")
	fields := Fields{"issuer": issuer, "client_secret": Secret(hush)}
	got, warning, request, err := caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, fields)
	must(t, err)
	if got.ClientSecretSHA256 != fingerprint([]byte(hush)) || warning == "" {
		t.Errorf("%+v, warning %q", got, warning)
	}
	w.fault(stytchsim.Fault{Operation: "UpdateOIDCConnection", Status: 400, ErrorType: "bad_request", Times: 1})
	_, _, _, err = caller.UpdateOIDC(ctx(t), w.org, made.ConnectionID, fields)
	e := failedAs(t, err, Rejected)
	list := w.sso(caller, start)
	for _, thing := range []any{got, &got, list, warning, request, fields, e, w.service, caller.session, caller} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			seen := fmt.Sprintf(verb, thing)
			if strings.Contains(seen, hush) || strings.Contains(seen, fmt.Sprintf("%x", hush)) {
				t.Errorf("%T by %s shows the client secret: %s", thing, verb, seen)
			}
		}
	}
}

func TestWhatGoesFromAnUnknownConnectionChangesNoList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	w.sso(caller, start)
	c, err := w.AddConnection(w.org, stytchsim.SAML, nil) // which the list does not know yet
	must(t, err)
	_, err = caller.DeleteEncryptionKey(ctx(t), w.org, c.ID, "saml-encryption-key-test-none")
	_ = failedAs(t, err, NotFound)
	w.expect(func() {
		if cached := w.sso(caller, start); cached.SAML != nil {
			t.Errorf("held: %+v", cached)
		}
	})
}

func TestPEMIsKeptOnlyOfAConnectionWithoutRoom(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{PEM: "crlf"})
	caller := w.caller("uid")
	made := w.saml(caller, "Acme")
	cached := func() []Certificate { return w.sso(caller, start).SAML[0].VerificationCertificates }
	shown := func(list []Certificate) []string {
		return convert(list, func(c Certificate) string { return c.PEM })
	}
	cached()
	texts := make([]string, 5)
	for n := range texts {
		if got := shown(cached()); !slices.Equal(got, make([]string, n)) {
			t.Errorf("of %d certificates: %q", n, got)
		}
		texts[n], _ = certificate(t, fmt.Sprint("idp-", n))
		_, _, err := caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{"x509_certificate": texts[n]})
		must(t, err)
	}
	full := cached()
	if got := shown(full); !slices.Equal(got, texts) || full[4].Subject != "CN=idp-4" {
		t.Errorf("of five: %q\nwant %q", got, texts)
	}
	_, err := caller.DeleteVerificationCertificate(ctx(t), w.org, made.ConnectionID, "saml-verification-key-test-none")
	_ = failedAs(t, err, NotFound)
	if got := cached(); !slices.Equal(got, full) {
		t.Errorf("after nothing was deleted: %+v", got)
	}
	_, err = caller.DeleteVerificationCertificate(ctx(t), w.org, made.ConnectionID, full[0].ID)
	must(t, err)
	if got := cached(); !slices.Equal(shown(got), make([]string, 4)) || got[0].SHA256 != full[1].SHA256 {
		t.Errorf("after one was deleted: %+v", got)
	}
	if !slices.Equal(shown(full), texts) {
		t.Error("the list handed out before has changed")
	}
}

func TestTheNewestSigningCertificateIsOfTheKeySentLast(t *testing.T) {
	for _, s := range []stytchsim.Switches{
		{},
		{SigningCertificates: "append"},
		{SigningCertificates: "append", Order: "reversed", Timestamps: "nanoseconds", PEM: "one-line"},
		{SigningCertificates: "append", Order: "rotating", Timestamps: "absent", PEM: "crlf"},
	} {
		w := newWorld(t, s)
		caller := w.caller("uid")
		made := w.saml(caller, "Acme")
		if c := made.SigningCertificates; len(c) != 1 || c[0].SHA256 == "" || c[0].SPKISHA256 == "" || !c[0].CreatedAt.Equal(start) || c[0].ExpiresAt.IsZero() {
			t.Fatalf("%+v: created with %+v", s, c)
		}
		key, public := privateKey(t)
		w.clock.advance(time.Hour)
		_, _, err := caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{"signing_private_key": key})
		must(t, err)
		for range 3 {
			w.clock.advance(time.Second)
			got := w.sso(caller, w.clock.Now()).SAML[0].SigningCertificates
			if got[0].SPKISHA256 != public || !strings.HasPrefix(got[0].PEM, "-----BEGIN CERTIFICATE-----\nMII") || strings.Contains(got[0].PEM, "\r") {
				t.Errorf("%+v: the newest is %+v, want one of the key %s", s, got[0], public)
			}
			if s.SigningCertificates != "" && (len(got) != 2 || got[1] != made.SigningCertificates[0]) {
				t.Errorf("%+v: %+v, want %+v beside it", s, got, made.SigningCertificates)
			}
		}
	}
}

func TestOfEncryptionKeysOnlyTheIDsAreRead(t *testing.T) {
	for _, s := range []stytchsim.Switches{{}, {PrivateKey: "masked", Order: "reversed"}, {PrivateKey: "empty", Order: "rotating"}} {
		w := newWorld(t, s)
		caller := w.caller("uid")
		made := w.saml(caller, "Acme")
		key, _ := privateKey(t)
		var got SAMLConnection
		for range 3 {
			var err error
			got, _, err = caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{"saml_encryption_private_key": key})
			must(t, err)
		}
		if len(got.EncryptionKeyIDs) != 3 || !slices.IsSorted(got.EncryptionKeyIDs) {
			t.Errorf("%+v: %q", s, got.EncryptionKeyIDs)
		}
		if strings.Contains(fmt.Sprintf("%+v", got), "PRIVATE") {
			t.Errorf("%+v: %+v", s, got)
		}
	}
}

func TestADeletedEncryptionKeyIsNotInTheList(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	made := w.saml(caller, "Acme")
	key, _ := privateKey(t)
	for range 2 {
		_, _, err := caller.UpdateSAML(ctx(t), w.org, made.ConnectionID, Fields{"saml_encryption_private_key": key})
		must(t, err)
	}
	had := w.sso(caller, start).SAML[0].EncryptionKeyIDs
	first, second := had[0], had[1]
	remove := func(id string) error {
		request, err := caller.DeleteEncryptionKey(ctx(t), w.org, made.ConnectionID, id)
		if request.ID == "" || request.Operation != "DeleteSAMLEncryptionPrivateKey" {
			t.Errorf("request %+v", request)
		}
		return err
	}
	w.expect(func() {
		must(t, remove(first))
		if cached := w.sso(caller, start).SAML[0].EncryptionKeyIDs; !slices.Equal(cached, []string{second}) {
			t.Errorf("held: %q", cached)
		}
	}, "DeleteSAMLEncryptionPrivateKey")
	must(t, remove(second))
	if cached := w.sso(caller, start).SAML[0]; cached.EncryptionKeyIDs != nil {
		t.Errorf("held: %+v", cached)
	}
	if e := failedAs(t, remove(second), NotFound); e.ErrorType != "sso_encryption_private_key_not_found" {
		t.Errorf("deleting it again: %v", e)
	}
	if cached := w.sso(caller, start).SAML; len(cached) != 1 {
		t.Errorf("the connection went with its key: %+v", cached)
	}
	must(t, w.RemoveConnection(made.ConnectionID))
	if e := failedAs(t, remove(second), NotFound); e.ErrorType != "saml_connection_not_found" {
		t.Errorf("deleting it from nothing: %v", e)
	}
	w.expect(func() {
		if cached := w.sso(caller, start).SAML; cached != nil {
			t.Errorf("held: %+v", cached)
		}
	})
	if !slices.Equal(had, []string{first, second}) {
		t.Error("the list handed out first has changed")
	}
}

func TestAPartThatStytchDoesNotFindTakesNoConnectionWithIt(t *testing.T) {
	w := newWorld(t, stytchsim.Switches{})
	caller := w.caller("uid")
	w.saml(caller, "A")
	w.sso(caller, start)
	w.fault(stytchsim.Fault{Method: "DELETE", Status: 404, ErrorType: typeNoCertificate, Times: 1})
	if _, err := caller.DeleteEncryptionKey(ctx(t), w.org, w.sso(caller, start).SAML[0].ConnectionID, "k"); err == nil {
		t.Error("the key was deleted")
	}
	if l := w.sso(caller, start); len(l.SAML) != 1 {
		t.Errorf("%d connections are left", len(l.SAML))
	}
}
