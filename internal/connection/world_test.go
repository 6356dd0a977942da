//go:debug rsa1024min=0

package connection_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

const (
	ManifestUID = types.UID("b7a1d0a2-4c0f-4d6e-9a63-0d8e1c6f2b11")
	OtherUID    = types.UID("0f0e0d0c-0b0a-4908-8706-050403020100")

	SAMLID     = "saml-connection-live-11111111-1111-4111-8111-111111111111"
	SCIMID     = "scim-connection-live-22222222-2222-4222-8222-222222222222"
	ExternalID = "external-connection-live-33333333-3333-4333-8333-333333333333"
	OIDCID     = "oidc-connection-live-44444444-4444-4444-8444-444444444444"

	DefaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)

// Noon is a time like any other.
var Noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// TestMain lets garbage lie longer: the property tests make much of it and keep nothing.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

// Same fails the test where two values differ.
func Same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, InJSON(t, got), InJSON(t, want))
	}
}

func InJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%#v as JSON: %v", v, err)
	}
	return string(text)
}

// Contains fails the test where a text lacks one of some parts.
func Contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
}

// Lacks fails the test where a text has one of some parts.
func Lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if part != "" && strings.Contains(text, part) {
			t.Errorf("%q says %q", text, part)
		}
	}
}

func Meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: ManifestUID, Generation: 1}
}

// SAMLManifest manages every setting of a SAML connection, and no certificate.
func SAMLManifest() *v1alpha1.SAMLConnection {
	o := &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta")}
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
	o.Status.ConnectionID = SAMLID
	return o
}

// SAMLRemote is what samlManifest asks for.
func SAMLRemote() stytch.SAMLConnection {
	return stytch.SAMLConnection{
		Connection:               stytch.Connection{ConnectionID: SAMLID, Status: "active", DisplayName: "Acme – Okta"},
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

// SCIMManifest manages every setting of a SCIM connection.
func SCIMManifest() *v1alpha1.SCIMConnection {
	o := &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim")}
	o.Spec = v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Okta"},
		IdentityProvider:   "okta",
		GroupImplicitRoles: []v1alpha1.SCIMGroupRole{{GroupID: "scim-group-live-1", Role: "editor"}},
		BearerToken:        v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
	}
	o.Status.ConnectionID = SCIMID
	return o
}

// SCIMRemote is what scimManifest asks for.
func SCIMRemote() stytch.SCIMConnection {
	return stytch.SCIMConnection{
		Connection:          stytch.Connection{ConnectionID: SCIMID, Status: "active", DisplayName: "Acme – Okta"},
		IdentityProvider:    "okta",
		BaseURL:             "https://api.stytch.com/v1/b2b/scim/" + SCIMID,
		BearerTokenLastFour: "wxyz",
		GroupImplicitRoles:  []stytch.SCIMGroupRole{{GroupID: "scim-group-live-1", GroupName: "Engineering", RoleID: "editor"}},
	}
}

// ExternalManifest manages every setting of an External connection.
func ExternalManifest() *v1alpha1.ExternalConnection {
	o := &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent")}
	o.Spec = v1alpha1.ExternalConnectionSpec{
		ConnectionSpec:     v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Parent"},
		Source:             &v1alpha1.ExternalSource{OrganizationID: "organization-live-9", ConnectionID: SAMLID},
		ImplicitRoles:      []string{"viewer"},
		GroupImplicitRoles: []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}
	o.Status.ConnectionID = ExternalID
	o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: SAMLID}
	return o
}

// ExternalRemote is what externalManifest asks for.
func ExternalRemote() stytch.ExternalConnection {
	return stytch.ExternalConnection{
		Connection:             stytch.Connection{ConnectionID: ExternalID, Status: "active", DisplayName: "Parent"},
		ExternalOrganizationID: "organization-live-9",
		ExternalConnectionID:   SAMLID,
		ImplicitRoles:          []string{"viewer"},
		GroupImplicitRoles:     []stytch.GroupRole{{Group: "eng", RoleID: "editor"}},
	}
}

const (
	Issuer       = "https://idp.example.com"
	theClient    = "stytch"
	ClientSecret = "client-secret-of-some-length"
	RedirectURL  = "https://api.stytch.com/v1/b2b/sso/callback/" + OIDCID
)

// OIDCManifest manages every setting of an OIDC connection.
func OIDCManifest() *v1alpha1.OIDCConnection {
	o := &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra")}
	o.Spec = v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Entra"},
		IdentityProvider: "microsoft-entra",
		ClientID:         theClient,
		ClientSecretRef:  &v1alpha1.SecretKeyRef{Name: "entra", Key: "client-secret"},
		Issuer:           Issuer,
		AuthorizationURL: Issuer + "/authorize",
		TokenURL:         Issuer + "/token",
		UserinfoURL:      Issuer + "/userinfo",
		JWKSURL:          Issuer + "/jwks",
		CustomScopes:     []string{"groups", "offline_access"},
		AttributeMapping: map[string]string{"team": "team"},
	}
	o.Status.ConnectionID = OIDCID
	return o
}

// OIDCRemote is what oidcManifest asks for.
func OIDCRemote() stytch.OIDCConnection {
	return stytch.OIDCConnection{
		Connection:         stytch.Connection{ConnectionID: OIDCID, Status: "active", DisplayName: "Acme – Entra"},
		IdentityProvider:   "microsoft-entra",
		RedirectURL:        RedirectURL,
		ClientID:           theClient,
		ClientSecretSHA256: SHA256Of(ClientSecret),
		Issuer:             Issuer,
		AuthorizationURL:   Issuer + "/authorize",
		TokenURL:           Issuer + "/token",
		UserinfoURL:        Issuer + "/userinfo",
		JWKSURL:            Issuer + "/jwks",
		CustomScopes:       "offline_access groups",
		AttributeMapping:   map[string]string{"team": "team"},
	}
}

// OIDCInputs hold the client secret of oidcManifest.
func OIDCInputs(secret string) connection.Inputs {
	return Holding(SecretOf("entra", map[string]string{"client-secret": secret}))
}

func SHA256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// SecretOf is a Secret of a manifest's namespace.
func SecretOf(name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

// ConfigMapOf is a ConfigMap of a manifest's namespace.
func ConfigMapOf(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: data}
}

// DetailsOf is the ConfigMap that was made for a manifest.
func DetailsOf(owner types.UID, data map[string]string) *corev1.ConfigMap {
	c := ConfigMapOf("details", data)
	c.OwnerReferences = []metav1.OwnerReference{{UID: owner, Controller: new(true)}}
	return c
}

// PlanFor compares a manifest with its connection as a pass does.
func PlanFor[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) ([]connection.Step, []connection.Problem) {
	want, have, problems := StatesOf(kind, o, r, in)
	return kind.PlanFor(o, want, have), append(problems, kind.Complaints(o, want, have)...)
}

// StatesOf are the two states that a pass compares.
func StatesOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) (want, have connection.State, problems []connection.Problem) {
	in.ID = kind.Common(r).ConnectionID
	return kind.States(o, r, in)
}

// WantOf is what a manifest wants of the connection with an ID, but for the display name.
func WantOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, id string, in connection.Inputs) (connection.State, []connection.Problem) {
	var none R
	in.ID = id
	want, _, problems := kind.States(o, none, in)
	delete(want.Settings, "display_name")
	return want, problems
}

// PlanOf is the plan of a SCIM connection where one of the states has a token, and else of a SAML connection.
func PlanOf(want, have connection.State) []connection.Step {
	if want.Token != nil || have.Token != nil {
		return scim.Kind().PlanFor(&v1alpha1.SCIMConnection{}, want, have)
	}
	return saml.Kind().PlanFor(&v1alpha1.SAMLConnection{}, want, have)
}

// Learn has a kind remember what a reading showed.
func Learn[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, before, after R, done *connection.Step, now time.Time) {
	kind.Note(o, connection.Event[R]{Type: connection.Observed, Before: before, Remote: after, Step: done, Now: now})
}

// Begins has a kind remember what has to be known before a step, and says whether there was such a thing.
func Begins[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, step connection.Step, now time.Time) bool {
	before := CopyOf(o)
	kind.Note(o, connection.Event[R]{Type: connection.StepBegins, Remote: r, Step: &step, Now: now})
	return !reflect.DeepEqual(before, o)
}

// Refuse has a kind remember that Stytch refused a step, and returns the one that takes back what made room for it.
func Refuse[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, step connection.Step, errorType string) *connection.Step {
	refusal := &stytch.Error{Request: stytch.Request{ErrorType: errorType, StatusCode: 400}, Class: stytch.Rejected}
	kind.Note(o, connection.Event[R]{Type: connection.StepFailed, Step: &step, Refusal: refusal, Now: Noon})
	if kind.Undo == nil {
		return nil
	}
	return kind.Undo(o, step)
}

// Publish has a kind put into status what a comparison showed.
func Publish[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, want connection.State) {
	kind.Note(o, connection.Event[R]{Type: connection.Compared, Remote: r, Want: want, Now: want.Now})
	if kind.Publish != nil {
		kind.Publish(o, r, want)
	}
}

// sent has an OIDC connection remember an update that was accepted.
func sent(o *v1alpha1.OIDCConnection, step connection.Step, warning string) {
	oidc.Kind().Note(o, connection.Event[stytch.OIDCConnection]{Type: connection.StepDone, Step: &step, Warning: warning, Now: Noon})
}

// notStarted has a SCIM connection remember a start that was never sent.
func notStarted(o *v1alpha1.SCIMConnection, step connection.Step) {
	scim.Kind().Note(o, connection.Event[stytch.SCIMConnection]{Type: connection.StepFailed, Step: &step, Now: Noon})
}

// IssuedCertificate is a certificate made for one test.
type IssuedCertificate struct {
	DER    []byte
	PEM    string
	SHA256 string
	Ends   time.Time
}

// String is the certificate in a word, for a failing test.
func (c IssuedCertificate) String() string { return c.SHA256[:min(len(c.SHA256), 6)] }

// IssueCertificate makes a certificate that ends at a time.
func IssueCertificate(t *testing.T, name string, ends time.Time) IssuedCertificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader) // which is read faster than any other
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return IssuedCertificate{
		DER: der, SHA256: hex.EncodeToString(sum[:]), Ends: ends,
		PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
}

// KeyPair is an RSA key made for all tests, in the forms in which it comes.
type KeyPair struct {
	Key          *rsa.PrivateKey
	PKCS1, PKCS8 string
	SPKISHA256   string // SHA-256 of the public key
}

// KeyPairs are a few RSA keys. They are short, so that they are made and read quickly.
var KeyPairs = sync.OnceValue(func() []KeyPair {
	var made []KeyPair
	for range 6 {
		key, err := rsa.GenerateKey(rand.Reader, 512)
		if err != nil {
			panic(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			panic(err)
		}
		made = append(made, KeyPair{
			Key: key, SPKISHA256: SHA256Of(string(public)),
			PKCS1: PEMBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), PKCS8: PEMBlock("PRIVATE KEY", pkcs8),
		})
	}
	return made
})

// PEMBlock is PEM.
func PEMBlock(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}

// Holding are the inputs of a manifest whose Secret is there.
func Holding(secret *corev1.Secret) connection.Inputs {
	return connection.Inputs{Now: Noon, Secrets: map[string]*corev1.Secret{secret.Name: secret}}
}
