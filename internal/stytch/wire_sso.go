package stytch

import (
	"slices"
)

type ssoReply struct {
	envelope
	SAML     []wireSAML     `json:"saml_connections"`
	OIDC     []wireOIDC     `json:"oidc_connections"`
	External []wireExternal `json:"external_connections"`
}

// connections returns the lists, or false if an element has no ID: half a list
// would mean that connections are gone.
func (r ssoReply) connections() (SSOConnections, bool) {
	saml, ok1 := sortedByID(r.SAML, wireSAML.connection)
	oidc, ok2 := sortedByID(r.OIDC, wireOIDC.connection)
	external, ok3 := sortedByID(r.External, wireExternal.connection)
	return SSOConnections{SAML: saml, OIDC: oidc, External: external}, ok1 && ok2 && ok3
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
