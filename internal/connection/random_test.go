package connection_test

import (
	"encoding/json"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// Document is a connection as Stytch keeps it: what an update sends replaces what was there, field by field. It is written here
// anew, so that a name that the plan misspells is seen.
type Document struct {
	DisplayName      string            `json:"display_name"`
	IdentityProvider string            `json:"identity_provider"`
	IDPEntityID      string            `json:"idp_entity_id"`
	IDPSSOURL        string            `json:"idp_sso_url"`
	AttributeMapping map[string]string `json:"attribute_mapping"`
	NameIDFormat     string            `json:"nameid_format"`
	Audience         string            `json:"alternative_audience_uri"`
	ACSURL           string            `json:"alternative_acs_url"`
	Disabled         bool              `json:"idp_initiated_auth_disabled"`
	Gateway          bool              `json:"allow_gateway_callback"`
	SAMLRoles        []role            `json:"saml_connection_implicit_role_assignments"`
	SAMLGroups       []role            `json:"saml_group_implicit_role_assignments"`
	ExternalRoles    []role            `json:"external_connection_implicit_role_assignments"`
	ExternalGroups   []role            `json:"external_group_implicit_role_assignments"`
	SCIMGroups       []role            `json:"scim_group_implicit_role_assignments"`
	ClientID         string            `json:"client_id"`
	ClientSecret     string            `json:"client_secret"`
	Issuer           string            `json:"issuer"`
	AuthorizationURL string            `json:"authorization_url"`
	TokenURL         string            `json:"token_url"`
	UserinfoURL      string            `json:"userinfo_url"`
	JWKSURL          string            `json:"jwks_url"`
	Scopes           string            `json:"custom_scopes"`
}

type role struct {
	RoleID  string `json:"role_id"`
	Group   string `json:"group"`
	GroupID string `json:"group_id"`
}

// Revealed is the body as it goes out.
func Revealed(body stytch.Fields) stytch.Fields {
	out := stytch.Fields{}
	for field, value := range body {
		if secret, is := value.(stytch.Secret); is {
			value = secret.Reveal()
		}
		out[field] = value
	}
	return out
}

// placeOf is where a document keeps a field.
var placeOf = sync.OnceValue(func() map[string]int {
	places := map[string]int{}
	for i := range reflect.TypeFor[Document]().NumField() {
		places[reflect.TypeFor[Document]().Field(i).Tag.Get("json")] = i
	}
	return places
})

// Put is a partial update.
func (d *Document) Put(t *testing.T, body stytch.Fields) {
	t.Helper()
	for field, value := range Revealed(body) {
		i, known := placeOf()[field]
		if !known {
			t.Fatalf("Stytch knows no %s", field)
		}
		place := reflect.ValueOf(d).Elem().Field(i)
		if sent := reflect.ValueOf(value); sent.Type() == place.Type() && place.Kind() != reflect.Map {
			place.Set(sent)
			continue
		}
		place.SetZero()
		decoder := json.NewDecoder(strings.NewReader(InJSON(t, value)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(place.Addr().Interface()); err != nil {
			t.Fatalf("Stytch cannot read %s: %v", InJSON(t, body), err)
		}
	}
}

// Noisy spells the same connection differently.
func (d Document) Noisy(random *rand.Rand) Document {
	if d.IdentityProvider == "" || d.IdentityProvider == "generic" {
		d.IdentityProvider = Pick(random, "", "generic")
	}
	if d.NameIDFormat == "" || d.NameIDFormat == DefaultNameIDFormat {
		d.NameIDFormat = Pick(random, "", DefaultNameIDFormat)
	}
	scopes := strings.Fields(strings.ReplaceAll(d.Scopes, "%20", " "))
	random.Shuffle(len(scopes), func(i, j int) { scopes[i], scopes[j] = scopes[j], scopes[i] })
	d.Scopes = strings.Join(scopes, Pick(random, " ", "%20", "  "))
	if len(d.AttributeMapping) == 0 && Maybe(random) {
		d.AttributeMapping = map[string]string{}
	}
	for _, list := range []*[]role{&d.SAMLRoles, &d.SAMLGroups, &d.ExternalRoles, &d.ExternalGroups, &d.SCIMGroups} {
		noise := slices.Clone(*list)
		random.Shuffle(len(noise), func(i, j int) { noise[i], noise[j] = noise[j], noise[i] })
		if len(noise) > 0 && Maybe(random) {
			noise = append(noise, noise[0])
		}
		if len(noise) == 0 && Maybe(random) {
			noise = []role{}
		}
		*list = noise
	}
	return d
}

func (d Document) common(id string) stytch.Connection {
	return stytch.Connection{ConnectionID: id, Status: "active", DisplayName: d.DisplayName}
}

func (d Document) SAML() stytch.SAMLConnection {
	return stytch.SAMLConnection{
		Connection: d.common(SAMLID), IdentityProvider: d.IdentityProvider, IDPEntityID: d.IDPEntityID, IDPSSOURL: d.IDPSSOURL,
		AttributeMapping: d.AttributeMapping, NameIDFormat: d.NameIDFormat, AlternativeAudienceURI: d.Audience, AlternativeACSURL: d.ACSURL,
		IDPInitiatedAuthDisabled: d.Disabled, AllowGatewayCallback: d.Gateway,
		ImplicitRoles: roleIDs(d.SAMLRoles), GroupImplicitRoles: groupRoles(d.SAMLGroups),
	}
}

func (d Document) External() stytch.ExternalConnection {
	return stytch.ExternalConnection{
		Connection: d.common(ExternalID), ExternalOrganizationID: "organization-live-9", ExternalConnectionID: SAMLID,
		ImplicitRoles: roleIDs(d.ExternalRoles), GroupImplicitRoles: groupRoles(d.ExternalGroups),
	}
}

func (d Document) OIDC() stytch.OIDCConnection {
	r := stytch.OIDCConnection{
		Connection: d.common(OIDCID), IdentityProvider: d.IdentityProvider, RedirectURL: RedirectURL, ClientID: d.ClientID, Issuer: d.Issuer,
		AuthorizationURL: d.AuthorizationURL, TokenURL: d.TokenURL, UserinfoURL: d.UserinfoURL, JWKSURL: d.JWKSURL,
		CustomScopes: d.Scopes, AttributeMapping: d.AttributeMapping,
	}
	if d.ClientSecret != "" {
		r.ClientSecretSHA256 = SHA256Of(d.ClientSecret)
	}
	return r
}

func (d Document) SCIM() stytch.SCIMConnection {
	r := stytch.SCIMConnection{Connection: d.common(SCIMID), IdentityProvider: d.IdentityProvider, BearerTokenLastFour: "wxyz", BaseURL: SCIMRemote().BaseURL}
	for _, entry := range d.SCIMGroups {
		r.GroupImplicitRoles = append(r.GroupImplicitRoles, stytch.SCIMGroupRole{RoleID: entry.RoleID, GroupID: entry.GroupID, GroupName: "Engineering"})
	}
	return r
}

func roleIDs(list []role) []string {
	var ids []string
	for _, entry := range list {
		ids = append(ids, entry.RoleID)
	}
	return ids
}

func groupRoles(list []role) []stytch.GroupRole {
	var entries []stytch.GroupRole
	for _, entry := range list {
		entries = append(entries, stytch.GroupRole{RoleID: entry.RoleID, Group: entry.Group})
	}
	return entries
}

func Maybe(random *rand.Rand) bool { return random.Intn(2) == 0 }

func Pick[T any](random *rand.Rand, choices ...T) T { return choices[random.Intn(len(choices))] }

// some is a list of up to three entries, or none at all.
func some[T any](random *rand.Rand, one func() T) []T {
	if random.Intn(3) == 0 {
		return nil
	}
	list := []T{}
	for range random.Intn(4) {
		list = append(list, one())
	}
	return list
}

func randomRole(random *rand.Rand) role {
	return role{RoleID: Pick(random, "viewer", "editor", "admin"), Group: Pick(random, "eng", "ops", "Ünï <&>")}
}

// RandomDocument is whatever may be at Stytch.
func RandomDocument(random *rand.Rand) Document {
	group := func() role { return randomRole(random) }
	plain := func() role { return role{RoleID: randomRole(random).RoleID} }
	byID := func() role { return role{RoleID: randomRole(random).RoleID, GroupID: Pick(random, "g1", "g2")} }
	return Document{
		DisplayName:      Pick(random, "", "Acme", "by hand", connection.ProvisionalName("Acme", ManifestUID), connection.ProvisionalName("x", OtherUID)),
		IdentityProvider: Pick(random, "", "generic", "okta"), IDPEntityID: Pick(random, "", "urn:a", "urn:b"), IDPSSOURL: Pick(random, "", "https://a", "https://b"),
		AttributeMapping: randomMapping(random), NameIDFormat: Pick(random, "", DefaultNameIDFormat, "urn:x"),
		Audience: Pick(random, "", "urn:a"), ACSURL: Pick(random, "", "https://a"), Disabled: Maybe(random), Gateway: Maybe(random),
		SAMLRoles: some(random, plain), SAMLGroups: some(random, group), ExternalRoles: some(random, plain),
		ExternalGroups: some(random, group), SCIMGroups: some(random, byID),
		ClientID: Pick(random, "", "a", "b"), ClientSecret: Pick(random, ClientSecret, "another-secret"), Issuer: Pick(random, "", "https://a", "https://b"),
		AuthorizationURL: Pick(random, "", "https://a/authorize", "https://b/authorize"), TokenURL: Pick(random, "", "https://a/token"),
		UserinfoURL: Pick(random, "", "https://a/userinfo"), JWKSURL: Pick(random, "", "https://a/jwks"), Scopes: Pick(random, "", "x", "x y", "y%20x"),
	}
}

func randomMapping(random *rand.Rand) map[string]string {
	if random.Intn(3) == 0 {
		return nil
	}
	mapping := map[string]string{"email": Pick(random, "NameID", "mail")}
	if Maybe(random) {
		mapping["full_name"] = Pick(random, "displayName", "<cn>")
	}
	return mapping
}

func randomCommon(random *rand.Rand) v1alpha1.ConnectionSpec {
	return v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: Pick(random, "", "Acme", "Acme – Okta")}
}

func randomGroupRole(random *rand.Rand) func() v1alpha1.GroupRole {
	return func() v1alpha1.GroupRole {
		r := randomRole(random)
		return v1alpha1.GroupRole{Group: r.Group, Role: r.RoleID}
	}
}

func randomRoleID(random *rand.Rand) func() string {
	return func() string { return randomRole(random).RoleID }
}

func RandomSAML(random *rand.Rand) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta"), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SSOIdentityProvider](random, "", "generic", "okta"),
		IDPEntityID:      Pick(random, "", "urn:a", "urn:b"), IDPSSOURL: Pick(random, "", "https://a", "https://b"),
		AttributeMapping: randomMapping(random), NameIDFormat: Pick(random, nil, new(""), new(DefaultNameIDFormat), new("urn:x")),
		AlternativeAudienceURI: Pick(random, nil, new(""), new("urn:a")), AlternativeACSURL: Pick(random, nil, new(""), new("https://a")),
		IDPInitiatedAuth: Pick[v1alpha1.Toggle](random, "", "Enabled", "Disabled"), GatewayCallback: Pick[v1alpha1.Permission](random, "", "Allowed", "Denied"),
		ImplicitRoles: some(random, randomRoleID(random)), GroupImplicitRoles: some(random, randomGroupRole(random)),
	}}
}

func RandomExternal(random *rand.Rand) *v1alpha1.ExternalConnection {
	return &v1alpha1.ExternalConnection{ObjectMeta: Meta("parent"), Spec: v1alpha1.ExternalConnectionSpec{
		ConnectionSpec: randomCommon(random), Source: ExternalManifest().Spec.Source,
		ImplicitRoles: some(random, randomRoleID(random)), GroupImplicitRoles: some(random, randomGroupRole(random)),
	}}
}

func RandomOIDC(random *rand.Rand) *v1alpha1.OIDCConnection {
	return &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra"), Spec: v1alpha1.OIDCConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SSOIdentityProvider](random, "", "generic", "okta"),
		ClientID:         Pick(random, "", "a", "b"), ClientSecretRef: Pick(random, nil, OIDCManifest().Spec.ClientSecretRef),
		Issuer:           Pick(random, "", "https://a", "https://b"),
		AuthorizationURL: Pick(random, "", "https://a/authorize", "https://c/authorize"), TokenURL: Pick(random, "", "https://a/token", "https://b/token"),
		UserinfoURL: Pick(random, "", "https://a/userinfo"), JWKSURL: Pick(random, "", "https://a/jwks", "https://b/jwks"),
		CustomScopes: Pick(random, nil, []string{}, []string{"x"}, []string{"y", "x"}), AttributeMapping: randomMapping(random),
	}}
}

func RandomSCIM(random *rand.Rand) *v1alpha1.SCIMConnection {
	return &v1alpha1.SCIMConnection{ObjectMeta: Meta("acme-scim"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec:   randomCommon(random),
		IdentityProvider: Pick[v1alpha1.SCIMIdentityProvider](random, "", "generic", "okta"),
		GroupImplicitRoles: some(random, func() v1alpha1.SCIMGroupRole {
			return v1alpha1.SCIMGroupRole{GroupID: Pick(random, "g1", "g2"), Role: randomRole(random).RoleID}
		}),
		BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
	}}
}

func TestOneUpdateMakesAnyConnectionEqualHoweverStytchSpellsIt(t *testing.T) {
	t.Parallel()
	for seed := range int64(500) {
		random := rand.New(rand.NewSource(seed))
		oneUpdateSuffices(t, random, saml.Kind(), RandomSAML(random), Document.SAML, connection.Inputs{})
		oneUpdateSuffices(t, random, external.Kind(), RandomExternal(random), Document.External, connection.Inputs{})
		oneUpdateSuffices(t, random, oidc.Kind(), RandomOIDC(random), Document.OIDC, OIDCInputs(ClientSecret))
		oneUpdateSuffices(t, random, scim.Kind(), RandomSCIM(random), Document.SCIM, SecretWith(SCIMID, "some-token-wxyz"))
	}
}

func oneUpdateSuffices[O v1alpha1.Connection, R any](t *testing.T, random *rand.Rand, kind connection.Kind[O, R], o O, read func(Document) R, in connection.Inputs) {
	t.Helper()
	stored := RandomDocument(random)
	before := stored
	plan, _ := PlanFor(kind, o, read(stored.Noisy(random)), in)
	if len(plan) > 1 {
		t.Fatalf("%s at %s: the plan has %d steps", InJSON(t, o), InJSON(t, before), len(plan))
	}
	for _, s := range plan {
		stored.Put(t, s.Fields())
	}
	for range 3 {
		if again, _ := PlanFor(kind, o, read(stored.Noisy(random)), in); len(again) > 0 {
			t.Fatalf("%s at %s: after %s there is still %s", InJSON(t, o), InJSON(t, before), InJSON(t, plan), InJSON(t, again))
		}
	}
	eachChangeIsNeeded(t, kind, o, read, before, plan, in)
}

// besideTheIssuer says that a field is sent though it is equal, because Stytch would discover it anew otherwise.
func besideTheIssuer(s connection.Step, field string) bool {
	_, issuer := s.Fields()["issuer"]
	return issuer && !slices.ContainsFunc(connection.Show([]connection.Step{s}), func(c v1alpha1.Change) bool { return c.Field == field })
}

// eachChangeIsNeeded fails the test where an update without one of its fields would have done.
func eachChangeIsNeeded[O v1alpha1.Connection, R any](t *testing.T, kind connection.Kind[O, R], o O, read func(Document) R, before Document, plan []connection.Step, in connection.Inputs) {
	t.Helper()
	for _, s := range plan {
		for field := range s.Fields() {
			if besideTheIssuer(s, field) {
				continue
			}
			stored := before
			body := s.Fields()
			delete(body, field)
			stored.Put(t, body)
			if left, _ := PlanFor(kind, o, read(stored), in); connection.Names(left) != field {
				t.Fatalf("without %s the plan is %s", field, InJSON(t, left))
			}
		}
	}
}
