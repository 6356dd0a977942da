package stytch

import (
	"context"
	"net/http"
	"time"
)

// SSO returns all SSO connections of an organization by a list begun at or after
// since (GET /v1/b2b/sso/{organization_id}). There is no read of one connection,
// and no pages.
func (c *Caller) SSO(ctx context.Context, organizationID string, since time.Time) (SSOConnections, error) {
	const operation = "ListSSOConnections"
	return list(ctx, c, c.session.sso(organizationID), operation, organizationID, since, func(ctx context.Context) (SSOConnections, error) {
		r, request, err := do[ssoReply](ctx, c.session.account, call{
			operation: operation, method: http.MethodGet, path: []string{"v1", "b2b", "sso", organizationID}, limit: maxListAnswer,
		})
		if err != nil {
			return SSOConnections{}, err
		}
		all, whole := r.connections()
		if !whole {
			return SSOConnections{}, incompleteError(request, "a connection's ID")
		}
		return all, nil
	})
}

// DeleteSSO deletes an SSO connection of any kind (DELETE
// /v1/b2b/sso/{organization_id}/connections/{connection_id}). An Error of class
// NotFound or OrganizationNotFound says that it was already gone; the error type
// cannot_delete_default_sso_connection, that others would be left without a
// default.
func (c *Caller) DeleteSSO(ctx context.Context, organizationID, connectionID string) (Request, error) {
	op := call{
		operation: "DeleteSSOConnection", method: http.MethodDelete,
		path: []string{"v1", "b2b", "sso", organizationID, "connections", connectionID},
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropSSO(connectionID))
}

// CreateSAML creates a pending SAML connection (POST
// /v1/b2b/sso/saml/{organization_id}) with display_name and identity_provider;
// everything else is an update. It is not idempotent: after an Error that is
// Unknown there may be a connection.
func (c *Caller) CreateSAML(ctx context.Context, organizationID string, f Fields) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "CreateSAMLConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "saml", organizationID}, fields: f,
	})
}

// UpdateSAML changes the fields given (PUT
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}). Each
// x509_certificate is added to those there, and one may be sent at a time.
func (c *Caller) UpdateSAML(ctx context.Context, organizationID, connectionID string, f Fields) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "UpdateSAMLConnection", method: http.MethodPut,
		path: samlPath(organizationID, connectionID), fields: f, connection: connectionID,
	})
}

// UpdateSAMLFromURL has Stytch read the identity provider's metadata, once, and
// take idp_entity_id, idp_sso_url and certificates from it (PUT
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/url). Whether
// the certificates are added to those there or take their place is not
// documented.
func (c *Caller) UpdateSAMLFromURL(ctx context.Context, organizationID, connectionID, metadataURL string) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "UpdateSAMLConnectionByURL", method: http.MethodPut,
		path:   append(samlPath(organizationID, connectionID), "url"),
		fields: Fields{"metadata_url": metadataURL}, connection: connectionID,
	})
}

// DeleteVerificationCertificate deletes a certificate of the identity provider
// (DELETE /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/verification_certificates/{certificate_id}).
// An Error of class NotFound says that it was already gone; the error type
// cannot_delete_last_sso_verification_key, that it is the last.
func (c *Caller) DeleteVerificationCertificate(ctx context.Context, organizationID, connectionID, certificateID string) (Request, error) {
	op := call{
		operation: "DeleteSAMLVerificationCertificate", method: http.MethodDelete,
		path: append(samlPath(organizationID, connectionID), "verification_certificates", certificateID),
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropPart(connectionID, func(c SAMLConnection) SAMLConnection {
		c.VerificationCertificates = trimPEM(except(c.VerificationCertificates, func(known Certificate) bool { return known.ID == certificateID }))
		return c
	}))
}

// DeleteEncryptionKey deletes a key that Stytch decrypts assertions with (DELETE
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/encryption_private_keys/{private_key_id}).
// An Error of class NotFound says that it was already gone.
func (c *Caller) DeleteEncryptionKey(ctx context.Context, organizationID, connectionID, privateKeyID string) (Request, error) {
	op := call{
		operation: "DeleteSAMLEncryptionPrivateKey", method: http.MethodDelete,
		path: append(samlPath(organizationID, connectionID), "encryption_private_keys", privateKeyID),
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropPart(connectionID, func(c SAMLConnection) SAMLConnection {
		c.EncryptionKeyIDs = except(c.EncryptionKeyIDs, func(known string) bool { return known == privateKeyID })
		return c
	}))
}

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

// CreateExternal creates an External connection (POST
// /v1/b2b/sso/external/{organization_id}) with external_organization_id,
// external_connection_id, display_name, and the roles under names of their own:
// connection_implicit_role_assignments, group_implicit_role_assignments. It is
// not idempotent: after an Error that is Unknown there may be a connection.
func (c *Caller) CreateExternal(ctx context.Context, organizationID string, f Fields) (ExternalConnection, Request, error) {
	return c.putExternal(ctx, organizationID, call{
		operation: "CreateExternalConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "external", organizationID}, fields: f,
	})
}

// UpdateExternal changes the fields given: display_name,
// external_connection_implicit_role_assignments,
// external_group_implicit_role_assignments (PUT
// /v1/b2b/sso/external/{organization_id}/connections/{connection_id}).
func (c *Caller) UpdateExternal(ctx context.Context, organizationID, connectionID string, f Fields) (ExternalConnection, Request, error) {
	return c.putExternal(ctx, organizationID, call{
		operation: "UpdateExternalConnection", method: http.MethodPut,
		path: []string{"v1", "b2b", "sso", "external", organizationID, "connections", connectionID}, fields: f, connection: connectionID,
	})
}

func (c *Caller) putSAML(ctx context.Context, organizationID string, op call) (SAMLConnection, Request, error) {
	return put[wireSAML](ctx, c, c.session.sso(organizationID), op, dropSSO(op.connection), func(cached SSOConnections, current SAMLConnection) SSOConnections {
		cached.SAML = replaced(cached.SAML, current)
		return cached
	})
}

func (c *Caller) putExternal(ctx context.Context, organizationID string, op call) (ExternalConnection, Request, error) {
	return put[wireExternal](ctx, c, c.session.sso(organizationID), op, dropSSO(op.connection), func(cached SSOConnections, current ExternalConnection) SSOConnections {
		cached.External = replaced(cached.External, current)
		return cached
	})
}

func samlPath(organizationID, connectionID string) []string {
	return []string{"v1", "b2b", "sso", "saml", organizationID, "connections", connectionID}
}

// goneSSO takes a connection out of the lists.
func dropSSO(connectionID string) func(SSOConnections, string) SSOConnections {
	return func(cached SSOConnections, _ string) SSOConnections {
		return SSOConnections{
			SAML:     without(cached.SAML, connectionID),
			OIDC:     without(cached.OIDC, connectionID),
			External: without(cached.External, connectionID),
		}
	}
}

// gonePart takes a part out of its SAML connection, or the connection out of the
// lists when that is what Stytch did not find.
func dropPart(connectionID string, less func(SAMLConnection) SAMLConnection) func(SSOConnections, string) SSOConnections {
	return func(cached SSOConnections, errorType string) SSOConnections {
		if errorType != "" && errorType != typeNoCertificate && errorType != typeNoEncryptionKey {
			return dropSSO(connectionID)(cached, errorType)
		}
		c, found := Find(cached.SAML, connectionID)
		if !found {
			return cached
		}
		cached.SAML = replaced(cached.SAML, less(c))
		return cached
	}
}
