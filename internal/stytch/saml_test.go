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

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
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
	return Secret(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)})), pki.Fingerprint(spki)
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
