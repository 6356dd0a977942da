package connectiontest

import (
	"encoding/json"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

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

// SAML is the document as the client shows a SAML connection.
func (d Document) SAML() stytch.SAMLConnection {
	return stytch.SAMLConnection{
		Connection: d.common(SAMLID), IdentityProvider: d.IdentityProvider, IDPEntityID: d.IDPEntityID, IDPSSOURL: d.IDPSSOURL,
		AttributeMapping: d.AttributeMapping, NameIDFormat: d.NameIDFormat, AlternativeAudienceURI: d.Audience, AlternativeACSURL: d.ACSURL,
		IDPInitiatedAuthDisabled: d.Disabled, AllowGatewayCallback: d.Gateway,
		ImplicitRoles: roleIDs(d.SAMLRoles), GroupImplicitRoles: groupRoles(d.SAMLGroups),
	}
}

// External is the document as the client shows an External connection.
func (d Document) External() stytch.ExternalConnection {
	return stytch.ExternalConnection{
		Connection: d.common(ExternalID), ExternalOrganizationID: "organization-live-9", ExternalConnectionID: SAMLID,
		ImplicitRoles: roleIDs(d.ExternalRoles), GroupImplicitRoles: groupRoles(d.ExternalGroups),
	}
}

// OIDC is the document as the client shows an OIDC connection.
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

// SCIM is the document as the client shows a SCIM connection.
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
