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
	op := listSSO(organizationID)
	return list(ctx, c, c.session.sso(organizationID), op, since, c.fetchSSO(op))
}

// SourceSSO is SSO for an organization whose connections are used by External
// connections of another one. It does not change what ListedAt returns.
func (c *Caller) SourceSSO(ctx context.Context, organizationID, sourceID string, since time.Time) (SSOConnections, error) {
	op := listSSO(sourceID)
	op.needs = func(g Grants) bool { return g.Organization(organizationID) && g.Source(organizationID, sourceID) }
	seen, err := read(ctx, c, c.session.sso(sourceID), op, sourceID, since, c.fetchSSO(op))
	return seen.value, err
}

func listSSO(organizationID string) call {
	return call{
		operation: "ListSSOConnections", method: http.MethodGet, path: []string{"v1", "b2b", "sso", organizationID}, organization: organizationID,
	}
}

func (c *Caller) fetchSSO(op call) func(context.Context) (SSOConnections, error) {
	return func(ctx context.Context) (SSOConnections, error) {
		op.list = &listSize{most: maxConnections, kind: "connections"}
		r, request, err := c.doSSO(ctx, op)
		if err != nil {
			return SSOConnections{}, err
		}
		all, problem := r.connections(op.organization)
		if problem != "" {
			return SSOConnections{}, unusableError(request, problem)
		}
		return all, nil
	}
}

func (c *Caller) doSSO(ctx context.Context, op call) (ssoReply, Request, error) {
	if c.session.account.service.keepPEM {
		r, request, err := do[wholeSSOReply](ctx, c.session.account, op)
		return r.ssoReply, request, err
	}
	return do[ssoReply](ctx, c.session.account, op)
}

// DeleteSSO deletes an SSO connection of any kind (DELETE
// /v1/b2b/sso/{organization_id}/connections/{connection_id}). An Error of class
// NotFound or OrganizationNotFound means that it did not exist. The error type
// cannot_delete_default_sso_connection means that it is the default while there are
// others.
func (c *Caller) DeleteSSO(ctx context.Context, organizationID, connectionID string) (Request, error) {
	op := call{
		operation: "DeleteSSOConnection", method: http.MethodDelete,
		path: []string{"v1", "b2b", "sso", organizationID, "connections", connectionID}, organization: organizationID,
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
