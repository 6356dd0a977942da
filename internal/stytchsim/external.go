package stytchsim

import (
	"slices"
	"strconv"
)

// externalConnection makes another organization's SSO connection usable in this
// one.
type externalConnection struct {
	baseConnection
	sourceOrganizationID, sourceID string
	roles, groupRoles              []assignment
}

func (e *externalConnection) fields() []field {
	return []field{
		{name: "status", at: &e.status},
		{name: "display_name", at: &e.displayName},
		{name: "external_organization_id", at: &e.sourceOrganizationID},
		{name: "external_connection_id", at: &e.sourceID},
		{name: "external_connection_implicit_role_assignments", at: &e.roles},
		{name: "external_group_implicit_role_assignments", at: &e.groupRoles},
	}
}

// document is Connection of openapi: no identity provider, no certificates.
func (e *externalConnection) document(r renderer) document {
	d := r.fields(e.fields())
	d["organization_id"] = e.org.id
	d["connection_id"] = e.id
	return d
}

// createExternal makes an External connection; it is active at once.
//
// Source: openapi for the fields, of which the role lists have other names here
// than in updates and answers. The conditions are error types.
func createExternal(c *call) (document, error) {
	source, err := c.externalSource()
	if err != nil {
		return nil, err
	}
	for _, other := range c.org.sso {
		if external, ok := other.(*externalConnection); ok && external.sourceID == source.base().id {
			// Inferred: one External connection to a source in each organization.
			return nil, refuse("duplicate_external_sso_connection", "There is an External connection to it already.")
		}
	}
	made := newExternal(c.org, c.org.newID(External))
	made.sourceOrganizationID, made.sourceID = source.base().org.id, source.base().id
	made.displayName, _ = c.in.text("display_name")
	made.roles = c.in.assignments("connection_implicit_role_assignments")
	made.groupRoles = c.in.assignments("group_implicit_role_assignments")
	if err := c.externalRolesRule(made, made.roles, made.groupRoles); err != nil {
		return nil, err
	}
	c.world.add(made)
	c.electDefault(&made.baseConnection)
	return c.answer(made.document(c.renderer())), nil
}

// newExternal is an External connection as Stytch would make it.
func newExternal(in *organization, id string) *externalConnection {
	return &externalConnection{baseConnection: baseConnection{kind: External, id: id, org: in, status: stateActive}}
}

// externalSource finds the connection to be used.
//
// Source: docs, create-external-connection: a SAML or OIDC connection of a
// different organization of the project. The error types say what it must be;
// the status of external_connection_id_not_found is the switch
// external-not-found.
func (c *call) externalSource() (connection, error) {
	organizationID, _ := c.in.text("external_organization_id")
	id, _ := c.in.text("external_connection_id")
	org, ok := c.project.organizations[organizationID]
	if !ok {
		return nil, refuse("organization_not_found", "The external organization could not be found.")
	}
	if org == c.org {
		return nil, refuse("external_organization_id_same_as_organization_id", "The external organization is the organization itself.")
	}
	found, ok := c.world.connections[id]
	if !ok || found.base().org != org || !usable(found) {
		status, _ := strconv.Atoi(c.switches.ExternalNotFound)
		return nil, refuseWith(status, "external_connection_id_not_found", "There is no such connection: %s.", id)
	}
	if found.base().status != stateActive {
		return nil, refuse("external_connection_not_active", "The external connection is not active.")
	}
	return found, nil
}

func usable(source connection) bool {
	kind := source.base().kind
	return kind == SAML || kind == OIDC
}

// updateExternal changes the name and the role lists; the source is for ever.
//
// Source: openapi, UpdateConnection of External has no other fields.
func updateExternal(c *call) (document, error) {
	have, err := lookup[*externalConnection](c, "sso_connection_not_found")
	if err != nil {
		return nil, err
	}
	byConnection := c.in.assignments("external_connection_implicit_role_assignments")
	byGroup := c.in.assignments("external_group_implicit_role_assignments")
	if err := c.externalRolesRule(have, byConnection, byGroup); err != nil {
		return nil, err
	}
	c.in.apply(have.fields())
	return c.answer(have.document(c.renderer())), nil
}

// externalRolesRule checks role lists against the source.
//
// Source: openapi, External connections: implicit role assignments "are not
// supported if the underlying connection is an OIDC connection"; group
// assignments need a groups key in the underlying connection's
// attribute_mapping. The error type for OIDC is inferred.
func (c *call) externalRolesRule(e *externalConnection, byConnection, byGroup []assignment) error {
	all := slices.Concat(byConnection, byGroup)
	if len(all) == 0 {
		return nil
	}
	if err := c.rolesKnown(all); err != nil {
		return err
	}
	if err := groupsNamed(byGroup); err != nil {
		return err
	}
	switch source := c.world.connections[e.sourceID].(type) {
	case *oidcConnection:
		return refuse("invalid_rbac_role_assignment", "Role assignments are not supported over an OIDC connection.")
	case *samlConnection:
		return groupsMapped(byGroup, source.attributeMapping)
	default:
		return nil // the source is gone: nothing left to check against
	}
}
