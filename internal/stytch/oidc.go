package stytch

import (
	"context"
	"net/http"
)

// CreateOIDC creates a pending OIDC connection (POST
// /v1/b2b/sso/oidc/{organization_id}) with display_name and identity_provider;
// all other fields need an update. It is not idempotent: after an Error whose
// Unknown is true the connection may exist.
func (c *Caller) CreateOIDC(ctx context.Context, organizationID string, f Fields) (OIDCConnection, Request, error) {
	return put[wireOIDC](ctx, c, c.session.sso(organizationID), call{
		operation: "CreateOIDCConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "oidc", organizationID}, fields: f, organization: organizationID,
	}, dropSSO(""), replaceOIDC)
}

// UpdateOIDC changes the given fields (PUT
// /v1/b2b/sso/oidc/{organization_id}/connections/{connection_id}). If the issuer
// changes, Stytch reads its discovery document and sets the URLs that are not
// given. A failed discovery does not fail the update: Stytch returns a warning,
// which is the second result: one line of at most 200 runes, cleaned like
// Error.Message, or "".
func (c *Caller) UpdateOIDC(ctx context.Context, organizationID, connectionID string, f Fields) (OIDCConnection, string, Request, error) {
	op := call{
		operation: "UpdateOIDCConnection", method: http.MethodPut,
		path: []string{"v1", "b2b", "sso", "oidc", organizationID, "connections", connectionID}, fields: f,
		connection: connectionID, organization: organizationID,
	}
	_, op.fetches = f["issuer"] // its discovery document
	o := c.session.sso(organizationID)
	var current OIDCConnection
	var warning string
	request, err := write(ctx, c, o, op, dropSSO(connectionID), func(r oidcReply, request Request) error {
		var err error
		warning = clean(string(r.Warning), c.session.account.hidden(call{fields: f}))
		current, err = cacheAnswer(o, op, r.connectionReply, request, replaceOIDC)
		return err
	})
	return current, warning, request, err
}

func replaceOIDC(cached SSOConnections, current OIDCConnection) SSOConnections {
	cached.OIDC = replaced(cached.OIDC, current)
	return cached
}
