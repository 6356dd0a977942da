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
	manifestUID = types.UID("b7a1d0a2-4c0f-4d6e-9a63-0d8e1c6f2b11")
	otherUID    = types.UID("0f0e0d0c-0b0a-4908-8706-050403020100")

	samlID     = "saml-connection-live-11111111-1111-4111-8111-111111111111"
	scimID     = "scim-connection-live-22222222-2222-4222-8222-222222222222"
	externalID = "external-connection-live-33333333-3333-4333-8333-333333333333"
	oidcID     = "oidc-connection-live-44444444-4444-4444-8444-444444444444"

	defaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)

// noon is a time like any other.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// TestMain lets garbage lie longer: the property tests make much of it and keep nothing.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	m.Run()
}

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
		Source:             &v1alpha1.ExternalSource{OrganizationID: "organization-live-9", ConnectionID: samlID},
		ImplicitRoles:      []string{"viewer"},
		GroupImplicitRoles: []v1alpha1.GroupRole{{Group: "eng", Role: "editor"}},
	}
	o.Status.ConnectionID = externalID
	o.Status.Source = &v1alpha1.ExternalSourceStatus{OrganizationID: "organization-live-9", ConnectionID: samlID}
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

const (
	theIssuer   = "https://idp.example.com"
	theClient   = "stytch"
	theSecret   = "client-secret-of-some-length"
	theRedirect = "https://api.stytch.com/v1/b2b/sso/callback/" + oidcID
)

// oidcManifest manages every setting of an OIDC connection.
func oidcManifest() *v1alpha1.OIDCConnection {
	o := &v1alpha1.OIDCConnection{ObjectMeta: meta("entra")}
	o.Spec = v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Acme – Entra"},
		IdentityProvider: "microsoft-entra",
		ClientID:         theClient,
		ClientSecretRef:  &v1alpha1.SecretKeyRef{Name: "entra", Key: "client-secret"},
		Issuer:           theIssuer,
		AuthorizationURL: theIssuer + "/authorize",
		TokenURL:         theIssuer + "/token",
		UserinfoURL:      theIssuer + "/userinfo",
		JWKSURL:          theIssuer + "/jwks",
		CustomScopes:     []string{"groups", "offline_access"},
		AttributeMapping: map[string]string{"team": "team"},
	}
	o.Status.ConnectionID = oidcID
	return o
}

// oidcRemote is what oidcManifest asks for.
func oidcRemote() stytch.OIDCConnection {
	return stytch.OIDCConnection{
		Connection:         stytch.Connection{ConnectionID: oidcID, Status: "active", DisplayName: "Acme – Entra"},
		IdentityProvider:   "microsoft-entra",
		RedirectURL:        theRedirect,
		ClientID:           theClient,
		ClientSecretSHA256: sumOf(theSecret),
		Issuer:             theIssuer,
		AuthorizationURL:   theIssuer + "/authorize",
		TokenURL:           theIssuer + "/token",
		UserinfoURL:        theIssuer + "/userinfo",
		JWKSURL:            theIssuer + "/jwks",
		CustomScopes:       "offline_access groups",
		AttributeMapping:   map[string]string{"team": "team"},
	}
}

// oidcInputs hold the client secret of oidcManifest.
func oidcInputs(secret string) connection.Inputs {
	return holding(secretOf("entra", map[string]string{"client-secret": secret}))
}

func sumOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// secretOf is a Secret of a manifest's namespace.
func secretOf(name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

// configMapOf is a ConfigMap of a manifest's namespace.
func configMapOf(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name), ResourceVersion: "1"}, Data: data}
}

// detailsOf is the ConfigMap that was made for a manifest.
func detailsOf(owner types.UID, data map[string]string) *corev1.ConfigMap {
	c := configMapOf("details", data)
	c.OwnerReferences = []metav1.OwnerReference{{UID: owner, Controller: new(true)}}
	return c
}

// planFor compares a manifest with its connection as a pass does.
func planFor[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) ([]connection.Step, []connection.Problem) {
	want, have, problems := statesOf(kind, o, r, in)
	return kind.PlanFor(o, want, have), append(problems, kind.Complaints(o, want, have)...)
}

// statesOf are the two states that a pass compares.
func statesOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, in connection.Inputs) (want, have connection.State, problems []connection.Problem) {
	in.ID = kind.Common(r).ConnectionID
	return kind.States(o, r, in)
}

// wantOf is what a manifest wants of the connection with an ID, but for the display name.
func wantOf[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, id string, in connection.Inputs) (connection.State, []connection.Problem) {
	var none R
	in.ID = id
	want, _, problems := kind.States(o, none, in)
	delete(want.Settings, "display_name")
	return want, problems
}

// planOf is the plan of a SCIM connection where one of the states has a token, and else of a SAML connection.
func planOf(want, have connection.State) []connection.Step {
	if want.Token != nil || have.Token != nil {
		return scim.Kind().PlanFor(&v1alpha1.SCIMConnection{}, want, have)
	}
	return saml.Kind().PlanFor(&v1alpha1.SAMLConnection{}, want, have)
}

// learn has a kind remember what a reading showed.
func learn[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, before, after R, done *connection.Step, now time.Time) {
	kind.Note(o, connection.Event[R]{Type: connection.Observed, Before: before, Remote: after, Step: done, Now: now})
}

// begins has a kind remember what has to be known before a step, and says whether there was such a thing.
func begins[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, step connection.Step, now time.Time) bool {
	before := copyOf(o)
	kind.Note(o, connection.Event[R]{Type: connection.StepBegins, Remote: r, Step: &step, Now: now})
	return !reflect.DeepEqual(before, o)
}

// refuse has a kind remember that Stytch refused a step, and returns the one that takes back what made room for it.
func refuse[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, step connection.Step, errorType string) *connection.Step {
	refusal := &stytch.Error{Request: stytch.Request{ErrorType: errorType, StatusCode: 400}, Class: stytch.Rejected}
	kind.Note(o, connection.Event[R]{Type: connection.StepFailed, Step: &step, Refusal: refusal, Now: noon})
	if kind.Undo == nil {
		return nil
	}
	return kind.Undo(o, step)
}

// publish has a kind put into status what a comparison showed.
func publish[O v1alpha1.Connection, R any](kind connection.Kind[O, R], o O, r R, want connection.State) {
	kind.Note(o, connection.Event[R]{Type: connection.Compared, Remote: r, Want: want, Now: want.Now})
	if kind.Publish != nil {
		kind.Publish(o, r, want)
	}
}

// sent has an OIDC connection remember an update that was accepted.
func sent(o *v1alpha1.OIDCConnection, step connection.Step, warning string) {
	oidc.Kind().Note(o, connection.Event[stytch.OIDCConnection]{Type: connection.StepDone, Step: &step, Warning: warning, Now: noon})
}

// notStarted has a SCIM connection remember a start that was never sent.
func notStarted(o *v1alpha1.SCIMConnection, step connection.Step) {
	scim.Kind().Note(o, connection.Event[stytch.SCIMConnection]{Type: connection.StepFailed, Step: &step, Now: noon})
}

// issued is a certificate made for one test.
type issued struct {
	der    []byte
	pem    string
	sha256 string
	ends   time.Time
}

// String is the certificate in a word, for a failing test.
func (c issued) String() string { return c.sha256[:min(len(c.sha256), 6)] }

// issue makes a certificate that ends at a time.
func issue(t *testing.T, name string, ends time.Time) issued {
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
	return issued{
		der: der, sha256: hex.EncodeToString(sum[:]), ends: ends,
		pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
}

// pair is an RSA key made for all tests, in the forms in which it comes.
type pair struct {
	key          *rsa.PrivateKey
	pkcs1, pkcs8 string
	spki         string // SHA-256 of the public key
}

// pairs are a few RSA keys. They are short, so that they are made and read quickly.
var pairs = sync.OnceValue(func() []pair {
	var made []pair
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
		made = append(made, pair{
			key: key, spki: sumOf(string(public)),
			pkcs1: block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), pkcs8: block("PRIVATE KEY", pkcs8),
		})
	}
	return made
})

// block is PEM.
func block(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}

// holding are the inputs of a manifest whose Secret is there.
func holding(secret *corev1.Secret) connection.Inputs {
	return connection.Inputs{Now: noon, Secrets: map[string]*corev1.Secret{secret.Name: secret}}
}
