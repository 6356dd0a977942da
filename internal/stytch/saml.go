package stytch

import (
	"context"
	"net/http"
)

// CreateSAML creates a pending SAML connection (POST
// /v1/b2b/sso/saml/{organization_id}) with display_name and identity_provider;
// all other fields need an update. It is not idempotent: after an Error whose
// Unknown is true the connection may exist.
func (c *Caller) CreateSAML(ctx context.Context, organizationID string, f Fields) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "CreateSAMLConnection", method: http.MethodPost,
		path: []string{"v1", "b2b", "sso", "saml", organizationID}, fields: f,
	})
}

// UpdateSAML changes the given fields (PUT
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}). An
// x509_certificate is added to the existing ones; one can be sent per call.
func (c *Caller) UpdateSAML(ctx context.Context, organizationID, connectionID string, f Fields) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "UpdateSAMLConnection", method: http.MethodPut,
		path: samlPath(organizationID, connectionID), fields: f, connection: connectionID,
	})
}

// UpdateSAMLFromURL makes Stytch read the identity provider's metadata once and
// set idp_entity_id, idp_sso_url and certificates from it (PUT
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/url). Stytch
// does not document whether the certificates are added to the existing ones or
// replace them.
func (c *Caller) UpdateSAMLFromURL(ctx context.Context, organizationID, connectionID, metadataURL string) (SAMLConnection, Request, error) {
	return c.putSAML(ctx, organizationID, call{
		operation: "UpdateSAMLConnectionByURL", method: http.MethodPut,
		path:   append(samlPath(organizationID, connectionID), "url"),
		fields: Fields{"metadata_url": metadataURL}, connection: connectionID, fetches: true,
	})
}

// DeleteVerificationCertificate deletes a certificate of the identity provider
// (DELETE
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/verification_certificates/{certificate_id}).
// An Error of class NotFound means that it did not exist. The error type
// cannot_delete_last_sso_verification_key means that it is the last one.
func (c *Caller) DeleteVerificationCertificate(ctx context.Context, organizationID, connectionID, certificateID string) (Request, error) {
	op := call{
		operation: "DeleteSAMLVerificationCertificate", method: http.MethodDelete,
		path: append(samlPath(organizationID, connectionID), "verification_certificates", certificateID), organization: organizationID,
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropPart(connectionID, func(c SAMLConnection) SAMLConnection {
		c.VerificationCertificates = trimPEM(except(c.VerificationCertificates, func(known Certificate) bool { return known.ID == certificateID }))
		return c
	}))
}

// DeleteEncryptionKey deletes a key with which Stytch decrypts assertions (DELETE
// /v1/b2b/sso/saml/{organization_id}/connections/{connection_id}/encryption_private_keys/{private_key_id}).
// An Error of class NotFound means that it did not exist.
func (c *Caller) DeleteEncryptionKey(ctx context.Context, organizationID, connectionID, privateKeyID string) (Request, error) {
	op := call{
		operation: "DeleteSAMLEncryptionPrivateKey", method: http.MethodDelete,
		path: append(samlPath(organizationID, connectionID), "encryption_private_keys", privateKeyID), organization: organizationID,
	}
	return remove(ctx, c, c.session.sso(organizationID), op, dropPart(connectionID, func(c SAMLConnection) SAMLConnection {
		c.EncryptionKeyIDs = except(c.EncryptionKeyIDs, func(known string) bool { return known == privateKeyID })
		return c
	}))
}

func (c *Caller) putSAML(ctx context.Context, organizationID string, op call) (SAMLConnection, Request, error) {
	op.organization = organizationID
	return put[wireSAML](ctx, c, c.session.sso(organizationID), op, dropSSO(op.connection), func(cached SSOConnections, current SAMLConnection) SSOConnections {
		cached.SAML = replaced(cached.SAML, current)
		return cached
	})
}

func samlPath(organizationID, connectionID string) []string {
	return []string{"v1", "b2b", "sso", "saml", organizationID, "connections", connectionID}
}

// dropPart removes a certificate or key from its SAML connection, or the
// connection from the lists if Stytch did not find that.
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
