package stytch

import (
	"context"
	"net/http"
	"time"
)

// SSO returns all SSO connections of an organization (GET
// /v1/b2b/sso/{organization_id}). The list was requested at or after since.
// Stytch has no read of a single connection, and no pages.
func (c *Caller) SSO(ctx context.Context, organizationID string, since time.Time) (SSOConnections, error) {
	const operation = "ListSSOConnections"
	return list(ctx, c, c.session.sso(organizationID), operation, organizationID, since, func(ctx context.Context) (SSOConnections, error) {
		r, request, err := do[ssoReply](ctx, c.session.account, call{
			operation: operation, method: http.MethodGet, path: []string{"v1", "b2b", "sso", organizationID},
			list: &listSize{most: maxConnections, kind: "connections"},
		})
		if err != nil {
			return SSOConnections{}, err
		}
		all, problem := r.connections(organizationID)
		if problem != "" {
			return SSOConnections{}, unusableError(request, problem)
		}
		return all, nil
	})
}

// DeleteSSO deletes an SSO connection of any kind (DELETE
// /v1/b2b/sso/{organization_id}/connections/{connection_id}). An Error of class
// NotFound or OrganizationNotFound means that it did not exist. The error type
// cannot_delete_default_sso_connection means that it is the default while there are
// others.
func (c *Caller) DeleteSSO(ctx context.Context, organizationID, connectionID string) (Request, error) {
	op := call{
		operation: "DeleteSSOConnection", method: http.MethodDelete,
		path: []string{"v1", "b2b", "sso", organizationID, "connections", connectionID},
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropSSO(connectionID))
}

// dropSSO removes a connection from the lists.
func dropSSO(connectionID string) func(SSOConnections, string) SSOConnections {
	return func(cached SSOConnections, _ string) SSOConnections {
		return SSOConnections{
			SAML:     without(cached.SAML, connectionID),
			OIDC:     without(cached.OIDC, connectionID),
			External: without(cached.External, connectionID),
		}
	}
}
