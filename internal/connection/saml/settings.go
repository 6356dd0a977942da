package saml

import (
	"cmp"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// defaultNameIDFormat is what Stytch uses, and may show, where no format is set.
const defaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

func settings() []connection.Setting[manifest, remote] {
	return []connection.Setting[manifest, remote]{
		connection.ProviderSetting(func(o manifest) string { return string(o.Spec.IdentityProvider) }, func(r remote) string { return r.IdentityProvider }),
		connection.Field("idp_entity_id", connection.TopicEndpoint,
			func(o manifest) (value, bool) {
				return connection.NonEmpty(cmp.Or(lastRead(o).IDPEntityID, o.Spec.IDPEntityID))
			},
			func(r remote) value { return connection.Text(r.IDPEntityID) }),
		connection.Field("idp_sso_url", connection.TopicEndpoint,
			func(o manifest) (value, bool) {
				return connection.NonEmpty(cmp.Or(lastRead(o).IDPSSOURL, o.Spec.IDPSSOURL))
			},
			func(r remote) value { return connection.Text(r.IDPSSOURL) }),
		connection.Field("attribute_mapping", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.Mapping(o.Spec.AttributeMapping), o.Spec.AttributeMapping != nil
			},
			func(r remote) value { return connection.Mapping(r.AttributeMapping) }),
		connection.Field("saml_connection_implicit_role_assignments", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.Roles(o.Spec.ImplicitRoles), o.Spec.ImplicitRoles != nil
			},
			func(r remote) value { return connection.Roles(r.ImplicitRoles) }),
		connection.Field("saml_group_implicit_role_assignments", connection.TopicMapping,
			func(o manifest) (value, bool) {
				return connection.WantedGroupRoles(o.Spec.GroupImplicitRoles), o.Spec.GroupImplicitRoles != nil
			},
			func(r remote) value { return connection.SeenGroupRoles(r.GroupImplicitRoles) }),
		connection.Field("nameid_format", connection.TopicRest,
			func(o manifest) (value, bool) { return connection.Clearable(o.Spec.NameIDFormat, nameIDFormat) },
			func(r remote) value { return nameIDFormat(r.NameIDFormat) }),
		connection.Field("alternative_audience_uri", connection.TopicRest,
			func(o manifest) (value, bool) {
				return connection.Clearable(o.Spec.AlternativeAudienceURI, connection.Text)
			},
			func(r remote) value { return connection.Text(r.AlternativeAudienceURI) }),
		connection.Field("alternative_acs_url", connection.TopicRest,
			func(o manifest) (value, bool) { return connection.Clearable(o.Spec.AlternativeACSURL, connection.Text) },
			func(r remote) value { return connection.Text(r.AlternativeACSURL) }),
		connection.Field("idp_initiated_auth_disabled", connection.TopicRest,
			func(o manifest) (value, bool) {
				return connection.Flag(o.Spec.IDPInitiatedAuth == v1alpha1.ToggleDisabled), o.Spec.IDPInitiatedAuth != ""
			},
			func(r remote) value { return connection.Flag(r.IDPInitiatedAuthDisabled) }),
		connection.Field("allow_gateway_callback", connection.TopicRest,
			func(o manifest) (value, bool) {
				return connection.Flag(o.Spec.GatewayCallback == v1alpha1.PermissionAllowed), o.Spec.GatewayCallback != ""
			},
			func(r remote) value { return connection.Flag(r.AllowGatewayCallback) }),
	}
}

// nameIDFormat is a format where none means the default.
func nameIDFormat(s string) connection.Value {
	return connection.Value{Send: s, Same: cmp.Or(s, defaultNameIDFormat)}
}
