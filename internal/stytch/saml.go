package stytch

import (
	"context"
	"net/http"
)

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

func (c *Caller) putSAML(ctx context.Context, organizationID string, op call) (SAMLConnection, Request, error) {
	return put[wireSAML](ctx, c, c.session.sso(organizationID), op, dropSSO(op.connection), func(cached SSOConnections, current SAMLConnection) SSOConnections {
		cached.SAML = replaced(cached.SAML, current)
		return cached
	})
}

func samlPath(organizationID, connectionID string) []string {
	return []string{"v1", "b2b", "sso", "saml", organizationID, "connections", connectionID}
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
