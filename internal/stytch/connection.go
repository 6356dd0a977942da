package stytch

import (
	"time"
)

// Connection has the fields of all kinds of connections. Status is "pending" or
// "active".
type Connection struct {
	OrganizationID string
	ConnectionID   string
	Status         string
	DisplayName    string
}

func (c Connection) key() string { return c.ConnectionID }

// owner is the organization that the response names.
func (c Connection) owner() string { return c.OrganizationID }

// SCIMConnection is the SCIM connection of an organization. There is at most one.
type SCIMConnection struct {
	Connection
	IdentityProvider string
	BaseURL          string

	// BearerToken is set only in the result of CreateSCIM, NextBearerToken only
	// in that of StartRotation. Stytch shows each once, and this package caches
	// neither.
	BearerToken     Secret
	NextBearerToken Secret

	// The last four characters of both tokens; NextBearerTokenLastFour is ""
	// unless a rotation is in progress. Computed from the token where Stytch
	// leaves them out.
	BearerTokenLastFour      string
	NextBearerTokenLastFour  string
	BearerTokenExpiresAt     time.Time
	NextBearerTokenExpiresAt time.Time

	GroupImplicitRoles []SCIMGroupRole
}

// SCIMGroupRole assigns a role to the members of a SCIM group. GroupName is
// read-only.
type SCIMGroupRole struct {
	RoleID    string
	GroupID   string
	GroupName string
}

// SCIMGroup is a group that the identity provider pushed. Names are not unique.
type SCIMGroup struct{ ID, Name string }

// SAMLConnection is a SAML SSO connection. Of its private keys only the IDs are
// read.
type SAMLConnection struct {
	Connection
	IdentityProvider         string
	IDPEntityID              string
	IDPSSOURL                string
	ACSURL                   string
	AudienceURI              string
	AlternativeAudienceURI   string
	AlternativeACSURL        string
	NameIDFormat             string
	IDPInitiatedAuthDisabled bool
	AllowGatewayCallback     bool
	AttributeMapping         map[string]string
	ImplicitRoles            []string // sorted
	GroupImplicitRoles       []GroupRole
	VerificationCertificates []Certificate
	SigningCertificates      []SigningCertificate // the newest first
	EncryptionKeyIDs         []string             // sorted
}

// OIDCConnection is an OIDC SSO connection. Its client secret is not kept, only
// its SHA-256.
type OIDCConnection struct {
	Connection
	IdentityProvider string
	RedirectURL      string
	ClientID         string
	// ClientSecretSHA256 is the lower-case hex of the SHA-256 of the client
	// secret in the response; "" if there was none, or a mask.
	// ClientSecretMasked is true if it was a mask: a secret is set but not
	// shown.
	ClientSecretSHA256 string
	ClientSecretMasked bool
	Issuer             string
	AuthorizationURL   string
	TokenURL           string
	UserinfoURL        string
	JWKSURL            string
	CustomScopes       string // as Stytch returns it: separated by spaces or by %20
	AttributeMapping   map[string]string
}

// Certificate is a certificate of the identity provider as Stytch holds it.
// SHA256 is the lower-case hex of the SHA-256 of its DER, or "" if Stytch
// returned something that is not a certificate. It is used to compare
// certificates, as the line breaks of PEM may differ. ExpiresAt is from Stytch
// or, if Stytch has none, from the certificate.
type Certificate struct {
	ID        string
	SHA256    string
	Subject   string // by RFC 2253, at most 256 characters; "" if Go cannot parse the certificate
	ExpiresAt time.Time
	// PEM is set only if the connection has five certificates, the most that Stytch
	// allows: only then may one have to make room for another and be restored.
	// Otherwise it is "", since thousands of connections are cached; but see
	// Options.KeepPEM.
	PEM string
}

// SigningCertificate is the certificate of a key with which Stytch signs its
// requests to the identity provider. SHA256 and ExpiresAt are as in [Certificate].
type SigningCertificate struct {
	SHA256 string
	// SPKISHA256 is the lower-case hex of the SHA-256 of the public key
	// (SubjectPublicKeyInfo in DER), to compare with a private key; "" if Go cannot
	// parse the certificate.
	SPKISHA256 string
	// PEM is for the configuration of the identity provider; "" if Stytch returned
	// something that is not a certificate.
	PEM string
	// CreatedAt is from Stytch or, if Stytch has none, the start of the certificate's
	// validity.
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ExternalConnection lets an organization use the SSO connection of another one.
type ExternalConnection struct {
	Connection
	ExternalOrganizationID string
	ExternalConnectionID   string
	ImplicitRoles          []string // sorted
	GroupImplicitRoles     []GroupRole
}

// GroupRole assigns a role to the members of a group of the identity provider.
type GroupRole struct {
	RoleID string
	Group  string
}

// SSOConnections are all SSO connections of an organization, each list ordered
// by connection ID, so that [Find] is quick.
//
// Lists are shared between all callers. A list never changes and may be kept, but
// must not be modified.
type SSOConnections struct {
	SAML     []SAMLConnection
	OIDC     []OIDCConnection
	External []ExternalConnection
}

// Organization is a tenant of the project. Slug and Name are as Stytch shows them, and may
// be any text.
type Organization struct{ ID, Slug, Name string }

// organization is what is kept of an organization.
type organization struct {
	Organization
	customRoles []string // IDs of the roles that only this organization has, sorted
}
