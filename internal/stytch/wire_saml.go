package stytch

import (
	"cmp"
	"slices"
	"strings"
)

type wireSAML struct {
	wireConnection
	IdentityProvider         string               `json:"identity_provider"`
	IDPEntityID              string               `json:"idp_entity_id"`
	IDPSSOURL                string               `json:"idp_sso_url"`
	ACSURL                   string               `json:"acs_url"`
	AudienceURI              string               `json:"audience_uri"`
	AlternativeAudienceURI   string               `json:"alternative_audience_uri"`
	AlternativeACSURL        string               `json:"alternative_acs_url"`
	NameIDFormat             string               `json:"nameid_format"`
	IDPInitiatedAuthDisabled bool                 `json:"idp_initiated_auth_disabled"`
	AllowGatewayCallback     bool                 `json:"allow_gateway_callback"`
	AttributeMapping         map[string]looseText `json:"attribute_mapping"`
	Roles                    []wireRole           `json:"saml_connection_implicit_role_assignments"`
	GroupRoles               []wireGroupRole      `json:"saml_group_implicit_role_assignments"`
	VerificationCertificates []wireCertificate    `json:"verification_certificates"`
	SigningCertificates      []wireCertificate    `json:"signing_certificates"`
	EncryptionKeys           []struct {
		ID string `json:"private_key_id"`
	} `json:"encryption_private_keys"`
}

// connection is what is cached of a SAML connection.
func (w wireSAML) connection() SAMLConnection {
	c := w.whole()
	c.VerificationCertificates = trimPEM(c.VerificationCertificates)
	return c
}

// whole is a SAML connection with the PEM of all certificates.
func (w wireSAML) whole() SAMLConnection {
	c := SAMLConnection{
		Connection:               w.wireConnection.connection(),
		IdentityProvider:         w.IdentityProvider,
		IDPEntityID:              w.IDPEntityID,
		IDPSSOURL:                w.IDPSSOURL,
		ACSURL:                   w.ACSURL,
		AudienceURI:              w.AudienceURI,
		AlternativeAudienceURI:   w.AlternativeAudienceURI,
		AlternativeACSURL:        w.AlternativeACSURL,
		NameIDFormat:             w.NameIDFormat,
		IDPInitiatedAuthDisabled: w.IDPInitiatedAuthDisabled,
		AllowGatewayCallback:     w.AllowGatewayCallback,
		ImplicitRoles:            roles(w.Roles),
		GroupImplicitRoles:       convert(w.GroupRoles, wireGroupRole.role),
		VerificationCertificates: convert(w.VerificationCertificates, wireCertificate.certificate),
		SigningCertificates:      convert(w.SigningCertificates, wireCertificate.signing),
		AttributeMapping:         attributeMapping(w.AttributeMapping),
	}
	slices.SortFunc(c.SigningCertificates, func(a, b SigningCertificate) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(a.SHA256, b.SHA256), a.ExpiresAt.Compare(b.ExpiresAt))
	})
	for _, key := range w.EncryptionKeys {
		c.EncryptionKeyIDs = append(c.EncryptionKeyIDs, key.ID)
	}
	slices.Sort(c.EncryptionKeyIDs)
	return c
}

// maxCertificates is the most verification certificates of a SAML connection
// (Stytch's docs, "SAML certificates").
const maxCertificates = 5

// trimPEM removes the PEM of certificates unless the connection has no room for
// another one.
func trimPEM(list []Certificate) []Certificate {
	if len(list) >= maxCertificates {
		return list
	}
	for i := range list {
		list[i].PEM = ""
	}
	return list
}
