package stytch

import (
	"context"
	"net/http"
)

// CreateOIDC creates a pending OIDC connection (POST
// /v1/b2b/sso/oidc/{organization_id}) with display_name and identity_provider;
// everything else is an update. It is not idempotent: after an Error that is
// Unknown there may be a connection.
func (c *Caller) CreateOIDC(ctx context.Context, organizationID string, f Fields) (OIDCConnection, Request, error) {
	return put[wireOIDC](ctx, c, c.session.sso(organizationID), call{
		operation: "CreateOIDCConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "oidc", organizationID}, fields: f,
	}, dropSSO(""), replaceOIDC)
}

// UpdateOIDC changes the fields given (PUT
// /v1/b2b/sso/oidc/{organization_id}/connections/{connection_id}). Another issuer
// than before has Stytch read its discovery document, which fills the URLs that
// are not given. A discovery that failed fails no update: what Stytch says of it
// is returned beside the connection, one line of at most 200 runes, cleaned as
// Error.Message is, and "" when it says nothing.
func (c *Caller) UpdateOIDC(ctx context.Context, organizationID, connectionID string, f Fields) (OIDCConnection, string, Request, error) {
	op := call{
		operation: "UpdateOIDCConnection", method: http.MethodPut,
		path: []string{"v1", "b2b", "sso", "oidc", organizationID, "connections", connectionID}, fields: f, connection: connectionID,
	}
	o := c.session.sso(organizationID)
	var current OIDCConnection
	var warning string
	request, err := write(ctx, c, o, op, dropSSO(connectionID), func(r oidcReply, request Request) error {
		var err error
		warning = clean(string(r.Warning), append(f.secrets(), c.session.account.credentials().Secret.Reveal()))
		current, err = cacheAnswer(o, op, r.connectionReply, request, replaceOIDC)
		return err
	})
	return current, warning, request, err
}

func replaceOIDC(cached SSOConnections, current OIDCConnection) SSOConnections {
	cached.OIDC = replaced(cached.OIDC, current)
	return cached
}
