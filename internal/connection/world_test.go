package connection_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	manifestUID = types.UID("b7a1d0a2-4c0f-4d6e-9a63-0d8e1c6f2b11")
	otherUID    = types.UID("0f0e0d0c-0b0a-4908-8706-050403020100")

	samlID     = "saml-connection-live-11111111-1111-4111-8111-111111111111"
	scimID     = "scim-connection-live-22222222-2222-4222-8222-222222222222"
	externalID = "external-connection-live-33333333-3333-4333-8333-333333333333"

	defaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

	// maxSteps is how many steps a pass takes at most (controllers/converge.go).
	maxSteps = 24
)

// noon is a time like any other.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// same fails the test where two values differ.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, inJSON(t, got), inJSON(t, want))
	}
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%#v as JSON: %v", v, err)
	}
	return string(text)
}

// contains fails the test where a text lacks one of some parts.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// lacks fails the test where a text has one of some parts.
func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if part != "" && strings.Contains(text, part) {
			t.Errorf("%q says %q", text, part)
		}
	}
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: manifestUID, Generation: 1}
}

// samlManifest manages every setting of a SAML connection, and no certificate.
func samlManifest() *v1alpha1.SAMLConnection {
	o := &v1alpha1.SAMLConnection{ObjectMeta: meta("okta")}
	o.Spec = v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:         v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Okta"},
		IdentityProvider:       "okta",
		IDPEntityID:            "https://idp.example.com/entity",
		IDPSSOURL:              "https://idp.example.com/sso",
		AttributeMapping:       map[string]string{"email": "NameID", "full_name": "displayName"},
		NameIDFormat:           new("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
		AlternativeAudienceURI: new("urn:acme:old"),
		AlternativeACSURL:      new("https://login.example.com/acs"),
		IDPInitiatedAuth:       v1alpha1.ToggleDisabled,
		GatewayCallback:        v1alpha1.PermissionAllowed,
		ImplicitRoles:          []string{"viewer", "editor"},
		GroupImplicitRoles:     []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}, {Group: "eng", Role: "admin"}},
	}
	o.Status.ConnectionID = samlID
	return o
}

// samlRemote is what samlManifest asks for.
func samlRemote() stytch.SAMLConnection {
	return stytch.SAMLConnection{
		Connection:               stytch.Connection{ConnectionID: samlID, Status: "active", DisplayName: "Acme – Okta"},
		IdentityProvider:         "okta",
		IDPEntityID:              "https://idp.example.com/entity",
		IDPSSOURL:                "https://idp.example.com/sso",
		AttributeMapping:         map[string]string{"full_name": "displayName", "email": "NameID"},
		NameIDFormat:             "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		AlternativeAudienceURI:   "urn:acme:old",
		AlternativeACSURL:        "https://login.example.com/acs",
		IDPInitiatedAuthDisabled: true,
		AllowGatewayCallback:     true,
		ImplicitRoles:            []string{"editor", "viewer"},
		GroupImplicitRoles:       []stytch.GroupRole{{Group: "eng", RoleID: "admin"}, {Group: "eng", RoleID: "editor"}},
	}
}

// scimManifest manages every setting of a SCIM connection.
func scimManifest() *v1alpha1.SCIMConnection {
	o := &v1alpha1.SCIMConnection{ObjectMeta: meta("acme-scim")}
	o.Spec = v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Okta"},
		IdentityProvider:   "okta",
		GroupImplicitRoles: []v1alpha1.SCIMGroupRole{{GroupID: "scim-group-live-1", Role: "editor"}},
		BearerToken:        v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
	}
	o.Status.ConnectionID = scimID
	return o
}

// scimRemote is what scimManifest asks for.
func scimRemote() stytch.SCIMConnection {
	return stytch.SCIMConnection{
		Connection:          stytch.Connection{ConnectionID: scimID, Status: "active", DisplayName: "Acme – Okta"},
		IdentityProvider:    "okta",
		BaseURL:             "https://api.stytch.com/v1/b2b/scim/" + scimID,
		BearerTokenLastFour: "wxyz",
		GroupImplicitRoles:  []stytch.SCIMGroupRole{{GroupID: "scim-group-live-1", GroupName: "Engineering", RoleID: "editor"}},
	}
}

// externalManifest manages every setting of an External connection.
func externalManifest() *v1alpha1.ExternalConnection {
	o := &v1alpha1.ExternalConnection{ObjectMeta: meta("parent")}
	o.Spec = v1alpha1.ExternalConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Parent"},
		Source:             v1alpha1.ExternalSource{OrganizationID: "organization-live-9", ConnectionID: samlID},
		ImplicitRoles:      []string{"viewer"},
		GroupImplicitRoles: []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}
	o.Status.ConnectionID = externalID
	return o
}

// externalRemote is what externalManifest asks for.
func externalRemote() stytch.ExternalConnection {
	return stytch.ExternalConnection{
		Connection:             stytch.Connection{ConnectionID: externalID, Status: "active", DisplayName: "Parent"},
		ExternalOrganizationID: "organization-live-9",
		ExternalConnectionID:   samlID,
		ImplicitRoles:          []string{"viewer"},
		GroupImplicitRoles:     []stytch.GroupRole{{Group: "eng", RoleID: "editor"}},
	}
}

// planFor compares a manifest with its connection as a pass does.
func planFor[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, secrets connection.Secrets) ([]connection.Step, []connection.Problem) {
	want, have, problems := statesOf(kind, o, r, secrets)
	return connection.Plan(want, have), append(problems, kind.Doubts(o, want, have)...)
}

// statesOf are the two states that a pass compares.
func statesOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, secrets connection.Secrets) (want, have connection.State, problems []connection.Problem) {
	want, problems = kind.Want(o, kind.Common(r).ConnectionID, secrets)
	have = connection.Seen(o, kind.Common(r), kind.Have(r))
	return connection.Wish(o, want, have), have, problems
}

// issued is a certificate made for one test.
type issued struct {
	der    []byte
	pem    string
	sha256 string
}

// issue makes a certificate that ends at a time.
func issue(t *testing.T, name string, ends time.Time) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return issued{
		der: der, sha256: hex.EncodeToString(sum[:]),
		pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
}
