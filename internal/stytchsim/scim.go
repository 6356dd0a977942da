package stytchsim

import (
	"slices"
	"time"
)

// scimConnection is the one SCIM connection of an organization.
type scimConnection struct {
	baseConnection
	token, nextToken     string
	expires, nextExpires time.Time
	assignments          []assignment
	groups               []*group // in the order they were pushed
}

func (s *scimConnection) fields() []field {
	return []field{
		{name: "status", at: &s.status},
		{name: "display_name", at: &s.displayName},
		{name: "identity_provider", at: &s.identityProvider},
		{name: "bearer_token", at: &s.token, secret: true},
		{name: "next_bearer_token", at: &s.nextToken, secret: true},
		{name: "bearer_token_expires_at", at: &s.expires},
		{name: "next_bearer_token_expires_at", at: &s.nextExpires},
		{name: "scim_group_implicit_role_assignments", at: &s.assignments},
	}
}

// document is SCIMConnection of openapi.
func (s *scimConnection) document(r renderer) document {
	d := s.common(r)
	r.text(d, "bearer_token_last_four", lastFour(s.token))
	r.text(d, "next_bearer_token_last_four", lastFour(s.nextToken))
	return d
}

// withToken is SCIMConnectionWithToken of openapi: the only answer that ever has
// the bearer token, and without last fours.
func (s *scimConnection) withToken(r renderer) document {
	d := s.common(r)
	d["bearer_token"] = s.token
	return d
}

// withNextToken is SCIMConnectionWithNextToken of openapi: the only answer that
// ever has the next token.
func (s *scimConnection) withNextToken(r renderer) document {
	d := s.common(r)
	r.text(d, "bearer_token_last_four", lastFour(s.token))
	d["next_bearer_token"] = s.nextToken
	return d
}

func (s *scimConnection) common(r renderer) document {
	d := r.fields(s.fields())
	d["organization_id"] = s.org.id
	d["connection_id"] = s.id
	d["base_url"] = s.baseURL()
	r.provider(d, s.identityProvider)
	return d
}

// summary is the scim_active_connection of an organization (openapi).
func (s *scimConnection) summary(r renderer) document {
	d := document{"connection_id": s.id, "bearer_token_last_four": lastFour(s.token)}
	r.text(d, "display_name", s.displayName)
	r.time(d, "bearer_token_expires_at", s.expires)
	return d
}

// baseURL is the address for the identity provider.
//
// Source: openapi, identity_provider of SCIMConnection: ?aadOptscim062020 is
// appended for microsoft-entra. It follows the provider, so changing the one
// changes the other (inferred).
func (s *scimConnection) baseURL() string {
	base := s.org.project.root() + "/v1/b2b/scim/" + s.id
	if s.identityProvider == "microsoft-entra" {
		return base + "?aadOptscim062020"
	}
	return base
}

// lastFour is the end of a token, "" without one (admin portal: it slices the
// token it was shown).
func lastFour(token string) string {
	return token[max(0, len(token)-4):]
}

// createSCIM makes the SCIM connection of an organization and shows its token.
//
// Source: docs, scim-connection-object and errors/400: one active connection per
// organization (active_scim_connection_exists); a deleted one does not count.
// Role assignments are not accepted here (openapi).
func createSCIM(c *call) (document, error) {
	if c.org.scim != nil {
		return nil, refuse("active_scim_connection_exists", "There is already an active SCIM connection for this organization.")
	}
	if err := c.scimProviderKnown(); err != nil {
		return nil, err
	}
	made := c.org.newSCIM(c.org.newID(SCIM), c.options, c.now)
	c.in.apply(made.fields())
	c.world.add(made)
	return c.answer(made.withToken(c.renderer())), nil
}

// newSCIM is a SCIM connection as Stytch would make it, not yet in the world.
//
// Source: launch-era samples of the docs show a first token good for about five
// years. The lifetime is documented nowhere.
func (o *organization) newSCIM(id string, options *Options, now time.Time) *scimConnection {
	return &scimConnection{
		baseConnection: baseConnection{kind: SCIM, id: id, org: o, status: stateActive},
		token:          newToken(),
		expires:        now.Add(options.TokenLifetime),
	}
}

// getSCIM reads the one connection there may be.
//
// Source: openapi for the path. How its absence is answered is unknown: the
// mobile SDKs say that it is an error, the error types have
// no_active_scim_connection, and connection is optional in the schema. Hence the
// switch absent-scim.
func getSCIM(c *call) (document, error) {
	if c.org.scim == nil {
		return absentSCIM(c)
	}
	return document{"connection": c.org.scim.document(c.renderer())}, nil
}

func absentSCIM(c *call) (document, error) {
	switch c.switches.AbsentSCIM {
	case status400:
		return nil, refuseWith(400, "no_active_scim_connection", "There is no active SCIM connection.")
	case posNull:
		return document{"connection": nil}, nil
	case posAbsent:
		return document{}, nil
	case posDeleted:
		if former := c.org.formerSCIM; former != nil {
			return document{"connection": former.document(c.renderer())}, nil
		}
	}
	return nil, noActiveSCIM()
}

func noActiveSCIM() error {
	return refuse("no_active_scim_connection", "There is no active SCIM connection.")
}

// findSCIM finds the connection a path names. The error types have no
// scim_connection_not_found, so that a missing one is no_active_scim_connection
// is inferred; its status follows the switch absent-scim.
func findSCIM(c *call) (*scimConnection, error) {
	found, err := lookup[*scimConnection](c, "no_active_scim_connection")
	if err != nil && c.switches.AbsentSCIM == status400 {
		r := *asRefusal(err)
		r.status = 400
		return nil, &r
	}
	return found, err
}

// updateSCIM changes what the body has and leaves the rest.
//
// Source: admin portal, it sends only the field that changed.
func updateSCIM(c *call) (document, error) {
	have, err := findSCIM(c)
	if err != nil {
		return nil, err
	}
	if err := c.scimProviderKnown(); err != nil {
		return nil, err
	}
	const name = "scim_group_implicit_role_assignments"
	if err := c.scimRolesKnown(have, c.in.assignments(name)); err != nil {
		return nil, err
	}
	c.in.apply(have.fields())
	return c.answer(have.document(c.renderer())), nil
}

// scimRolesKnown checks group role assignments and writes each group's name into
// them.
//
// Source: error types; that the name in an answer is the server's and not the
// caller's is openapi's "group_name" in a response-only place.
func (c *call) scimRolesKnown(in *scimConnection, sent []assignment) error {
	if err := c.rolesKnown(sent); err != nil {
		return err
	}
	for _, entry := range sent {
		if entry["group_id"] == "" {
			return refuse("scim_group_role_assignment_does_not_contain_group_id", "A role assignment has no group_id.")
		}
		found, ok := c.world.groups[entry["group_id"]]
		if !ok || found.connection != in {
			return refuse("scim_group_role_assignment_group_does_not_exist", "There is no SCIM group %s.", entry["group_id"])
		}
		entry["group_name"] = found.name
	}
	return nil
}

// deleteSCIM deletes the connection with its groups and assignments.
//
// Source: admin portal, the text of its danger zone; openapi for the answer.
func deleteSCIM(c *call) (document, error) {
	have, err := findSCIM(c)
	if err != nil {
		return nil, err
	}
	c.world.remove(have)
	return document{"connection_id": have.id}, nil
}

// scimProviderKnown checks an identity_provider that was sent.
//
// Source: openapi, stytch-go and the admin portal know 8; the docs of the
// frontend SDKs list the 15 of SSO. Hence the switch scim-providers.
func (c *call) scimProviderKnown() error {
	sent, ok := c.in.text("identity_provider")
	known := ssoProviders()
	if c.switches.SCIMProviders == "8" {
		known = scimProviders()
	}
	if !ok || sent == "" || slices.Contains(known, sent) {
		return nil
	}
	return refuse("invalid_scim_idp", "%s is not a SCIM identity provider.", sent)
}

func scimProviders() []string {
	return []string{"generic", "okta", "microsoft-entra", "cyberark", "jumpcloud", "onelogin", "pingfederate", "rippling"}
}
