package stytchsim_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

const samlOf = "/v1/b2b/sso/saml/"

// saml makes a pending SAML connection and tells its path and its ID.
func (p *pretend) saml() (path, id string) {
	p.t.Helper()
	id = text(p.t, p.post(samlOf+"acme", object{"display_name": "okta"}).connection(), "connection_id")
	return samlOf + "acme/connections/" + id, id
}

// activeSAML makes an active SAML connection and tells its ID.
func (p *pretend) activeSAML(organization, name string) string {
	p.t.Helper()
	id := text(p.t, p.post(samlOf+organization, object{"display_name": name}).connection(), "connection_id")
	same(p.t, "status", p.put(samlOf+organization+"/connections/"+id, completeSAML(p.t)).connection()["status"], "active")
	return id
}

// completeSAML is all that an active SAML connection needs.
func completeSAML(t *testing.T) object {
	t.Helper()
	return object{
		"idp_entity_id": "https://idp.example.com", "idp_sso_url": "https://idp.example.com/sso",
		"attribute_mapping": object{"email": "NameID", "full_name": "displayName"}, "x509_certificate": lasting(t),
	}
}

// of is a connection as a listing of its organization shows it.
func (p *pretend) of(organization, kind, id string) object {
	p.t.Helper()
	for _, c := range each(p.t, p.get("/v1/b2b/sso/"+organization).ok(), kind) {
		if c["connection_id"] == id {
			return c
		}
	}
	p.t.Fatalf("%s lists no %s", organization, id)
	return nil
}

func TestANewSAMLConnectionIsPendingWithItsAddressesAndASigningCertificate(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	made := p.post(samlOf+"acme", object{"display_name": "okta", "identity_provider": "okta"}).connection()
	callback := "https://test.stytch.com/v1/b2b/sso/callback/" + text(t, made, "connection_id")
	for name, want := range (object{
		"status": "pending", "acs_url": callback, "audience_uri": callback, "idp_entity_id": "", "nameid_format": "",
		"verification_certificates": array{}, "encryption_private_keys": array{}, "attribute_mapping": object{},
		"idp_initiated_auth_disabled": false, "allow_gateway_callback": false,
	}) {
		same(t, name, made[name], want)
	}
	signing := each(t, made, "signing_certificates")
	same(t, "issuer", all(t, signing, "issuer"), array{"Stytch"})
	same(t, "certificate_id", all(t, signing, "certificate_id"), array{""})
	if _, err := x509.ParseCertificate(der(t, text(t, signing[0], "certificate"))); err != nil {
		t.Error(err)
	}
	p.post(samlOf+"acme", object{"identity_provider": "sun"}).refused(400, "invalid_sso_idp")
}

func TestASAMLConnectionBecomesActiveWithTheLastOfWhatItNeedsInAnyOrder(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	complete := completeSAML(t)
	for last := range complete {
		path, _ := p.saml()
		for name, value := range complete {
			if name != last {
				same(t, "status before "+last, p.put(path, object{name: value}).connection()["status"], "pending")
			}
		}
		same(t, "status after "+last, p.put(path, object{last: complete[last]}).connection()["status"], "active")
	}
}

func TestAnUpdateOfSAMLChangesWhatItNamesAndNothingElse(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	id := p.activeSAML("acme", "okta")
	before := p.of("acme", "saml_connections", id)
	after := p.put(samlOf+"acme/connections/"+id, object{"idp_initiated_auth_disabled": true, "alternative_acs_url": "https://a.example.com"}).connection()
	before["idp_initiated_auth_disabled"], before["alternative_acs_url"] = true, "https://a.example.com"
	same(t, "connection", after, before)
	same(t, "false is a value", p.put(samlOf+"acme/connections/"+id, object{"idp_initiated_auth_disabled": false}).connection()["idp_initiated_auth_disabled"], false)
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id := p.saml()
	before := p.of("acme", "saml_connections", id)
	p.put(path, object{"display_name": "x", "idp_entity_id": "y", "x509_certificate": "not PEM"}).refused(400, "invalid_x509_certificate")
	same(t, "connection", p.of("acme", "saml_connections", id), before)
}

func TestCertificatesAreAddedUpToFive(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	for i := range 5 {
		same(t, "certificates", len(each(t, p.put(path, object{"x509_certificate": lasting(t)}).connection(), "verification_certificates")), i+1)
	}
	p.put(path, object{"x509_certificate": lasting(t)}).refused(400, "too_many_sso_verification_certificates")
}

func TestAMalformedCertificateIsRefused(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	_, key, _ := rsaKey(t)
	for _, bad := range []string{
		"hello", key, lasting(t) + lasting(t),
		"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
	} {
		p.put(path, object{"x509_certificate": bad}).refused(400, "invalid_x509_certificate")
	}
}

func TestACertificateSentTwiceIsASwitch(t *testing.T) {
	for position, want := range map[string]int{"": 2, "dedupe": 1} {
		p := switched(t, stytchsim.Switches{DuplicateCertificate: position})
		path, _ := p.saml()
		sent := object{"x509_certificate": lasting(t)}
		p.put(path, sent).ok()
		same(t, "certificates under "+position, len(each(t, p.put(path, sent).connection(), "verification_certificates")), want)
	}
}

func TestAnExpiredCertificateIsAcceptedUnlessTheSwitchRefusesIt(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	expired := object{"x509_certificate": certificate(t, p.clock.Now().Add(-time.Hour))}
	path, _ := p.saml()
	shown := each(t, p.put(path, expired).connection(), "verification_certificates")
	same(t, "expires_at", shown[0]["expires_at"], "2026-03-01T11:00:00Z")
	strict := switched(t, stytchsim.Switches{ExpiredCertificate: "refuse"})
	path, _ = strict.saml()
	strict.put(path, expired).refused(400, "invalid_x509_certificate")
}

func TestTheLastCertificateOfAnActiveConnectionStays(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	id := p.activeSAML("acme", "okta")
	path := samlOf + "acme/connections/" + id
	both := each(t, p.put(path, object{"x509_certificate": lasting(t)}).connection(), "verification_certificates")
	ids := all(t, both, "certificate_id")
	p.del(path+"/verification_certificates/nonsense").refused(404, "sso_verification_key_not_found")
	same(t, "deleted", p.del(path + "/verification_certificates/" + ids[0]).ok()["certificate_id"], ids[0])
	p.del(path+"/verification_certificates/"+ids[0]).refused(404, "sso_verification_key_not_found")
	p.del(path+"/verification_certificates/"+ids[1]).refused(400, "cannot_delete_last_sso_verification_key")

	pending, _ := p.saml()
	only := each(t, p.put(pending, object{"x509_certificate": lasting(t)}).connection(), "verification_certificates")
	p.del(pending + "/verification_certificates/" + text(t, only[0], "certificate_id")).ok()
}

func TestAMappingNeedsEmailAndName(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	for errorType, mapping := range map[string]object{
		"saml_connection_attribute_mapping_required":          {},
		"saml_connection_email_mapping_required":              {"full_name": "n"},
		"saml_connection_name_mapping_required":               {"email": "NameID", "first_name": "f"},
		"saml_connection_no_nested_keys_in_attribute_mapping": {"email": object{"a": "b"}},
		"bad_request": {"email": 1},
	} {
		p.put(path, object{"attribute_mapping": mapping}).refused(400, errorType)
	}
	whole := p.put(path, object{"attribute_mapping": object{"email": "e", "first_name": "f", "last_name": "l"}}).connection()
	same(t, "mapping", whole["attribute_mapping"], object{"email": "e", "first_name": "f", "last_name": "l"})
	replaced := p.put(path, object{"attribute_mapping": object{"email": "e", "full_name": "n"}}).connection()
	same(t, "mapping", replaced["attribute_mapping"], object{"email": "e", "full_name": "n"})
}

func TestAnEmptyOrIncompleteMappingIsASwitch(t *testing.T) {
	for position, want := range map[string]any{
		"clear": object{}, "ignore": object{"email": "NameID", "full_name": "displayName"},
	} {
		p := switched(t, stytchsim.Switches{EmptyMapping: position})
		path := samlOf + "acme/connections/" + p.activeSAML("acme", "okta")
		same(t, "mapping under "+position, p.put(path, object{"attribute_mapping": object{}}).connection()["attribute_mapping"], want)
	}
	p := switched(t, stytchsim.Switches{IncompleteMapping: "accept"})
	path, _ := p.saml()
	same(t, "status", p.put(path, object{"attribute_mapping": object{"full_name": "n"}}).connection()["status"], "pending")
}

func TestAnActiveConnectionMadeIncompleteIsASwitch(t *testing.T) {
	for position, want := range map[string]string{"": "active", "falls-back": "pending"} {
		p := switched(t, stytchsim.Switches{Activation: position})
		path := samlOf + "acme/connections/" + p.activeSAML("acme", "okta")
		cleared := p.put(path, object{"idp_sso_url": ""}).connection()
		same(t, "idp_sso_url", cleared["idp_sso_url"], "")
		same(t, "status under "+position, cleared["status"], want)
	}
}

func TestAnSSOURLMustBeHTTPS(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	p.put(path, object{"idp_sso_url": "http://idp.example.com"}).refused(400, "saml_connection_idp_sso_url_not_https")
	p.put(path, object{"idp_sso_url": "idp"}).refused(400, "saml_connection_idp_sso_url_invalid_format")
}

func TestRolesMustExistAndGroupsBeMapped(t *testing.T) {
	p := start(t, stytchsim.Options{Roles: []string{"pilot"}})
	path := samlOf + "acme/connections/" + p.activeSAML("acme", "okta")
	const byConnection, byGroup = "saml_connection_implicit_role_assignments", "saml_group_implicit_role_assignments"
	p.put(path, object{byConnection: array{object{"role_id": "editor"}}}).refused(400, "invalid_rbac_role_id")
	p.put(path, object{byConnection: array{object{"role_id": ""}}}).refused(400, "empty_rbac_role_id")
	roles := array{object{"role_id": "pilot"}, object{"role_id": "stytch_member"}, object{"role_id": "stytch_admin"}}
	same(t, "roles", p.put(path, object{byConnection: roles}).connection()[byConnection], roles)

	groups := array{object{"role_id": "pilot", "group": "eng"}}
	p.put(path, object{byGroup: groups}).refused(400, "saml_connection_attribute_mapping_missing_groups_key")
	p.put(path, object{byGroup: array{object{"role_id": "pilot"}}}).refused(400, "invalid_rbac_role_assignment")
	mapping := object{"email": "e", "full_name": "n", "groups": "g"}
	same(t, "groups", p.put(path, object{byGroup: groups, "attribute_mapping": mapping}).connection()[byGroup], groups)
	p.put(path, object{"attribute_mapping": object{"email": "e", "full_name": "n"}}).
		refused(400, "saml_connection_attribute_mapping_missing_groups_key")
	if _, err := p.PatchConnection(path[strings.LastIndex(path, "/")+1:], object{"attribute_mapping": nil}); err != nil {
		t.Fatal(err)
	}
	p.put(path, object{"display_name": "an update about something else"}).ok()
	cleared := p.put(path, object{byGroup: array{}, byConnection: array{}, "attribute_mapping": object{"email": "e", "full_name": "n"}}).connection()
	same(t, "roles", cleared[byConnection], array{})
	same(t, "groups", cleared[byGroup], array{})
}

func TestAnEntityIDTwiceIsASwitch(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	p.activeSAML("acme", "one")
	p.activeSAML("acme", "two")
	strict := switched(t, stytchsim.Switches{DuplicateEntityID: "refuse"})
	strict.organization("other")
	id := strict.activeSAML("acme", "one")
	strict.activeSAML("other", "elsewhere")
	strict.put(samlOf+"acme/connections/"+id, completeSAML(t)).ok()
	path, _ := strict.saml()
	strict.put(path, completeSAML(t)).refused(400, "duplicate_saml_connection")
}

func TestASigningKeyYieldsACertificateOfItsPublicKey(t *testing.T) {
	for position, want := range map[string]int{"": 1, "append": 2} {
		p := switched(t, stytchsim.Switches{SigningCertificates: position})
		path, _ := p.saml()
		key, pkcs1, pkcs8 := rsaKey(t)
		p.put(path, object{"signing_private_key": pkcs8}).refused(400, "saml_signing_private_key_format_not_supported")
		p.put(path, object{"signing_private_key": "hello"}).refused(400, "saml_signing_private_key_invalid")
		updated := p.put(path, object{"signing_private_key": pkcs1})
		if bytes.Contains(updated.body, []byte("PRIVATE KEY")) {
			t.Error("the answer shows the key")
		}
		signing := each(t, updated.connection(), "signing_certificates")
		same(t, "certificates under "+position, len(signing), want)
		made, err := x509.ParseCertificate(der(t, text(t, signing[want-1], "certificate")))
		if err != nil || !key.PublicKey.Equal(made.PublicKey) {
			t.Errorf("the newest certificate is of another key, %v", err)
		}
	}
}

func TestEncryptionKeysAreAddedUpToFiveAndRemovedToTheLast(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, id := p.saml()
	_, pkcs1, pkcs8 := rsaKey(t)
	p.put(path, object{"saml_encryption_private_key": pkcs8}).refused(400, "saml_signing_private_key_format_not_supported")
	for range 5 {
		p.put(path, object{"saml_encryption_private_key": pkcs1}).ok()
	}
	p.put(path, object{"saml_encryption_private_key": pkcs1}).refused(400, "too_many_encryption_certificates")
	keys := all(t, each(t, p.of("acme", "saml_connections", id), "encryption_private_keys"), "private_key_id")
	for _, key := range keys {
		same(t, "deleted", p.del(path + "/encryption_private_keys/" + key).ok()["private_key_id"], key)
	}
	p.del(path+"/encryption_private_keys/"+keys[0]).refused(404, "sso_encryption_private_key_not_found")
}

func TestMetadataFillsAConnectionOnce(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	path, _ := p.saml()
	const address = "https://idp.example.com/metadata"
	plant := func(d stytchsim.Document) {
		t.Helper()
		d.URL = address
		if err := p.AddDocument(d); err != nil {
			t.Fatal(err)
		}
	}
	p.put(path+"/url", object{}).refused(400, "bad_request")
	p.put(path+"/url", object{"metadata_url": "http://idp.example.com"}).refused(400, "invalid_saml_metadata_url")
	p.put(path+"/url", object{"metadata_url": address}).refused(400, "invalid_saml_metadata_url")
	plant(stytchsim.Document{Body: "<html>"})
	p.put(path+"/url", object{"metadata_url": address}).refused(400, "invalid_xml_from_saml_metadata_url")
	plant(stytchsim.Document{IDPEntityID: "e"})
	p.put(path+"/url", object{"metadata_url": address}).refused(400, "saml_connection_metadata_invalid_format")
	many := []string{lasting(t), lasting(t), lasting(t), lasting(t), lasting(t), lasting(t)}
	plant(stytchsim.Document{IDPEntityID: "e", IDPSSOURL: "https://idp.example.com/sso", Certificates: many})
	p.put(path+"/url", object{"metadata_url": address}).refused(400, "too_many_sso_verification_certificates")
	plant(stytchsim.Document{IDPEntityID: "e", IDPSSOURL: "https://idp.example.com/sso", Certificates: []string{"x"}})
	p.put(path+"/url", object{"metadata_url": address}).refused(400, "saml_connection_metadata_invalid_format")
	plant(stytchsim.Document{IDPEntityID: "e", IDPSSOURL: "https://idp.example.com/sso", Certificates: []string{lasting(t), lasting(t)}})
	filled := p.put(path+"/url", object{"metadata_url": address}).connection()
	same(t, "idp_entity_id", filled["idp_entity_id"], "e")
	same(t, "certificates", len(each(t, filled, "verification_certificates")), 2)
	same(t, "status without a mapping", filled["status"], "pending")
	mapped := p.put(path, object{"attribute_mapping": object{"email": "e", "full_name": "n"}}).connection()
	same(t, "status", mapped["status"], "active")
}

func TestWhatMetadataDoesToTheCertificatesThereIsASwitch(t *testing.T) {
	for position, want := range map[string]int{"": 2, "append-all": 3, "replace": 1} {
		p := switched(t, stytchsim.Switches{MetadataCertificates: position})
		path, _ := p.saml()
		p.put(path, object{"x509_certificate": lasting(t)}).ok()
		if err := p.AddDocument(stytchsim.Document{
			URL: "https://idp.example.com/m", IDPEntityID: "e", IDPSSOURL: "https://idp.example.com", Certificates: []string{lasting(t)},
		}); err != nil {
			t.Fatal(err)
		}
		p.put(path+"/url", object{"metadata_url": "https://idp.example.com/m"}).ok()
		again := p.put(path+"/url", object{"metadata_url": "https://idp.example.com/m"}).connection()
		same(t, "certificates under "+position, len(each(t, again, "verification_certificates")), want)
	}
}

func TestAConnectionOfAnotherKindIsNoSAMLConnection(t *testing.T) {
	p := switched(t, stytchsim.Switches{})
	oidc := text(t, p.post("/v1/b2b/sso/oidc/acme", nil).connection(), "connection_id")
	p.put(samlOf+"acme/connections/"+oidc, object{}).refused(404, "saml_connection_not_found")
	p.put(samlOf+"acme/connections/"+oidc+"/url", object{"metadata_url": "https://a.example.com"}).refused(404, "saml_connection_not_found")
	p.del(samlOf+"acme/connections/"+oidc+"/verification_certificates/x").refused(404, "saml_connection_not_found")
	p.del(samlOf+"acme/connections/"+oidc+"/encryption_private_keys/x").refused(404, "saml_connection_not_found")
	_, scim, _ := p.scim()
	p.del("/v1/b2b/sso/acme/connections/"+scim).refused(404, "sso_connection_not_found")
}
