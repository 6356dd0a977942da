package stytchsim

import "slices"

// listSSO answers every SSO connection of an organization, pending ones too, in
// one answer without pages.
//
// Source: openapi; the admin portal shows pending connections from it.
func listSSO(c *call) (document, error) { return c.ssoLists(c.org.sso), nil }

// noSSO is listSSO under the fault that empties it.
func noSSO(c *call) (document, error) { return c.ssoLists(nil), nil }

func (c *call) ssoLists(connections []connection) document {
	r, d := c.renderer(), document{}
	for _, one := range [...]struct {
		kind Kind
		name string
	}{
		{SAML, "saml_connections"}, {OIDC, "oidc_connections"}, {External, "external_connections"},
	} {
		list(r, d, one.name, ofKind(connections, one.kind), func(of connection) any { return of.document(r) })
	}
	return d
}

func ofKind(all []connection, kind Kind) []connection {
	var found []connection
	for _, c := range all {
		if c.base().kind == kind {
			found = append(found, c)
		}
	}
	return found
}

// deleteSSO deletes an SSO connection of any kind.
//
// Source: openapi for the answer. The admin portal offers deletion of the
// default connection only when it is the only one, and
// cannot_delete_default_sso_connection is an error type; together: the default
// cannot go while others stay. What becomes of External connections to it is
// unknown, hence the switch deleted-source.
func deleteSSO(c *call) (document, error) {
	have, err := lookup[connection](c, "sso_connection_not_found")
	if err != nil {
		return nil, err
	}
	h := have.base()
	if h.kind == SCIM {
		return nil, refuse("sso_connection_not_found", "There is no such connection: %s.", h.id)
	}
	if h.org.defaultConnection == h.id && len(h.org.sso) > 1 {
		return nil, refuse("cannot_delete_default_sso_connection", "The default connection cannot be deleted while there are others.")
	}
	if err := c.handleDependants(h.id); err != nil {
		return nil, err
	}
	c.world.remove(have)
	return document{"connection_id": h.id}, nil
}

func (c *call) handleDependants(sourceID string) error {
	if c.switches.DeletedSource == "stay" {
		return nil
	}
	dependants := c.world.dependants(sourceID)
	if len(dependants) > 0 && c.switches.DeletedSource == posRefuse {
		return refuse("bad_request", "%d External connections use this connection.", len(dependants))
	}
	for _, dependant := range dependants {
		c.world.remove(dependant)
	}
	return nil
}

// ssoProviderKnown checks an identity_provider that was sent.
//
// Source: openapi, stytch-go; invalid_sso_idp is an error type.
func (c *call) ssoProviderKnown() error {
	sent, ok := c.in.text("identity_provider")
	if !ok || sent == "" || slices.Contains(ssoProviders(), sent) {
		return nil
	}
	return refuse("invalid_sso_idp", "%s is not an SSO identity provider.", sent)
}

func ssoProviders() []string {
	return []string{
		"classlink", "cyberark", "duo", "generic", "google-workspace", "jumpcloud", "keycloak", "miniorange",
		"microsoft-entra", "okta", "onelogin", "pingfederate", "rippling", "salesforce", "shibboleth",
	}
}

// activate moves a connection from pending to active when it is complete.
//
// Source: openapi, update operations of SAML and OIDC: "a newly created
// connection will not become active until all of the following are provided".
// Whether one that was active can fall back is unknown, hence the switch
// activation.
func (c *call) activate(h *baseConnection, complete bool) {
	switch {
	case complete:
		h.status = stateActive
	case c.switches.Activation == "falls-back":
		h.status = statePending
	}
}
