package stytch

import (
	"context"
	"net/http"
)

// CreateExternal creates an External connection (POST
// /v1/b2b/sso/external/{organization_id}) with external_organization_id,
// external_connection_id and display_name. The role fields have other names than
// in an update: connection_implicit_role_assignments,
// group_implicit_role_assignments. It is not idempotent: after an Error whose
// Unknown is true the connection may exist.
func (c *Caller) CreateExternal(ctx context.Context, organizationID string, f Fields) (ExternalConnection, Request, error) {
	source, _ := f["external_organization_id"].(string)
	return c.putExternal(ctx, organizationID, call{
		operation: "CreateExternalConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "external", organizationID}, fields: f,
		needs: func(g Grants) bool { return g.Organization(organizationID) && g.Source(organizationID, source) },
	})
}

// UpdateExternal changes the given fields: display_name,
// external_connection_implicit_role_assignments,
// external_group_implicit_role_assignments (PUT
// /v1/b2b/sso/external/{organization_id}/connections/{connection_id}).
func (c *Caller) UpdateExternal(ctx context.Context, organizationID, connectionID string, f Fields) (ExternalConnection, Request, error) {
	return c.putExternal(ctx, organizationID, call{
		operation: "UpdateExternalConnection", method: http.MethodPut,
		path: []string{"v1", "b2b", "sso", "external", organizationID, "connections", connectionID}, fields: f, connection: connectionID,
	})
}

func (c *Caller) putExternal(ctx context.Context, organizationID string, op call) (ExternalConnection, Request, error) {
	op.organization = organizationID
	return put[wireExternal](ctx, c, c.session.sso(organizationID), op, dropSSO(op.connection), func(cached SSOConnections, current ExternalConnection) SSOConnections {
		cached.External = replaced(cached.External, current)
		return cached
	})
}
