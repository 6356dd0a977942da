package connection_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
)

func FuzzScopes(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"a", "b"}, {"a%20b", "c"}, {"%", "a"}, {"a+b", "%2520"}, {"\u00a0", "\xff"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		is := func(s string) string { return connection.Scopes(s).Same }
		Same(t, "in another order and with more space", is(a+" "+b), is("\t"+b+"\n "+a))
		Same(t, "twice", is(a+" "+a), is(a))
		fields := strings.Fields(a)
		slices.Sort(fields)
		Same(t, "encoded", is(url.PathEscape(a)), strings.Join(slices.Compact(fields), " "))
		Same(t, "what is sent", connection.Scopes(a).Send, any(a))
	})
}

func TestEachChangeOfASettingHasTheTopicOfItsLine(t *testing.T) {
	const endpoint, mapping, rest = "endpoint", "mapping and roles", "name and rest"
	topicsAre(t, saml.Kind(), SAMLManifest(), connection.Inputs{ID: SAMLID}, map[string]string{
		"display_name": rest, "identity_provider": rest, "idp_entity_id": endpoint, "idp_sso_url": endpoint, "attribute_mapping": mapping,
		"saml_connection_implicit_role_assignments": mapping, "saml_group_implicit_role_assignments": mapping, "nameid_format": rest,
		"alternative_audience_uri": rest, "alternative_acs_url": rest, "idp_initiated_auth_disabled": rest, "allow_gateway_callback": rest,
	})
	oidcConn := OIDCInputs(ClientSecret)
	oidcConn.ID = OIDCID
	topicsAre(t, oidc.Kind(), OIDCManifest(), oidcConn, map[string]string{
		"display_name": rest, "identity_provider": rest, "client_id": endpoint, "client_secret": endpoint, "issuer": endpoint,
		"authorization_url": endpoint, "token_url": endpoint, "userinfo_url": endpoint, "jwks_url": endpoint,
		"custom_scopes": rest, "attribute_mapping": mapping,
	})
	topicsAre(t, external.Kind(), ExternalManifest(), connection.Inputs{ID: ExternalID}, map[string]string{
		"display_name": rest, "external_connection_implicit_role_assignments": mapping, "external_group_implicit_role_assignments": mapping,
	})
	scimConn := SecretWith(SCIMID, "some-token-ending-in-")
	scimConn.ID = SCIMID
	topicsAre(t, scim.Kind(), SCIMManifest(), scimConn, map[string]string{
		"display_name": rest, "identity_provider": rest, "scim_group_implicit_role_assignments": mapping,
	})
}

// topicsAre fails the test where the update of a connection that has nothing yet has other fields, or other topics, than these.
func topicsAre[O v1alpha1.Connection, R any](t *testing.T, kind connection.Kind[O, R], o O, in connection.Inputs, want map[string]string) {
	t.Helper()
	var none R
	got := map[string]string{}
	wanted, have, _ := kind.States(o, none, in)
	for _, s := range kind.PlanFor(o, wanted, have) {
		if s.Action != connection.Update {
			continue
		}
		for _, c := range s.Changes {
			got[c.Field] = c.Topic.Name
		}
	}
	Same(t, "the topics", got, want)
}
