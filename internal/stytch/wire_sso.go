package stytch

import (
	"cmp"
	"slices"
)

type ssoReply struct {
	envelope
	SAML     []wireSAML     `json:"saml_connections"`
	OIDC     []wireOIDC     `json:"oidc_connections"`
	External []wireExternal `json:"external_connections"`
}

// connections returns the lists, or why an element cannot be in them: half a list
// would mean that connections are gone.
func (r ssoReply) connections(organizationID string) (all SSOConnections, problem string) {
	var of [3]string
	all.SAML, of[0] = sortedByID(r.SAML, organizationID, wireSAML.connection)
	all.OIDC, of[1] = sortedByID(r.OIDC, organizationID, wireOIDC.connection)
	all.External, of[2] = sortedByID(r.External, organizationID, wireExternal.connection)
	return all, cmp.Or(of[:]...)
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
