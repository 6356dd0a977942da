package stytch

import (
	"cmp"
	"slices"
)

type ssoReply struct {
	envelope
	SSOConnections
}

func (r *ssoReply) parts() map[string]any {
	return r.and(map[string]any{
		"saml_connections":     listOf(&r.SAML, wireSAML.connection),
		"oidc_connections":     listOf(&r.OIDC, wireOIDC.connection),
		"external_connections": listOf(&r.External, wireExternal.connection),
	})
}

// wholeSSOReply is ssoReply with the PEM of all certificates.
type wholeSSOReply struct{ ssoReply }

func (r *wholeSSOReply) parts() map[string]any {
	parts := r.ssoReply.parts()
	parts["saml_connections"] = listOf(&r.SAML, wireSAML.whole)
	return parts
}

// connections returns the lists, or why an element cannot be in them: half a list
// would mean that connections are gone.
func (r *ssoReply) connections(organizationID string) (all SSOConnections, problem string) {
	return r.SSOConnections, cmp.Or(
		sortByID(r.SAML, organizationID), sortByID(r.OIDC, organizationID), sortByID(r.External, organizationID),
	)
}

type wireRole struct {
	RoleID string `json:"role_id"`
}

// roles are sorted, since their order means nothing in Stytch.
func roles(list []wireRole) []string {
	out := convert(list, func(w wireRole) string { return w.RoleID })
	slices.Sort(out)
	return out
}

type wireGroupRole struct {
	RoleID string `json:"role_id"`
	Group  string `json:"group"`
}

func (w wireGroupRole) role() GroupRole { return GroupRole(w) }

// attributeMapping returns nil for an empty mapping.
func attributeMapping(mapping map[string]looseText) map[string]string {
	if len(mapping) == 0 {
		return nil
	}
	out := make(map[string]string, len(mapping))
	for attribute, source := range mapping {
		out[attribute] = string(source)
	}
	return out
}
