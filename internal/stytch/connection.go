package stytch

import (
	"time"
)

// Connection is what every kind of connection has. Status is as Stytch says:
// pending or active.
type Connection struct {
	OrganizationID string
	ConnectionID   string
	Status         string
	DisplayName    string
}

func (c Connection) key() string { return c.ConnectionID }

// SCIMConnection is the one SCIM connection of an organization.
type SCIMConnection struct {
	Connection
	IdentityProvider string
	BaseURL          string

	// BearerToken stands only in the answer of CreateSCIM, NextBearerToken only in
	// that of StartRotation. Stytch shows each once and this package keeps neither.
	BearerToken     Secret
	NextBearerToken Secret

	// The last four characters of both tokens; of the next one "" while no rotation
	// is open. Computed from the token where Stytch leaves them out.
	BearerTokenLastFour      string
	NextBearerTokenLastFour  string
	BearerTokenExpiresAt     time.Time
	NextBearerTokenExpiresAt time.Time

	GroupImplicitRoles []SCIMGroupRole
}

// SCIMGroupRole gives a role to the members of a SCIM group. GroupName is only
// ever read.
type SCIMGroupRole struct {
	RoleID    string
	GroupID   string
	GroupName string
}

// SCIMGroup is a group that the identity provider pushed. Several may have one
// name.
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

// OIDCConnection is an OIDC SSO connection. Its client secret is not kept: what
// is known of it is its fingerprint.
type OIDCConnection struct {
	Connection
	IdentityProvider string
	RedirectURL      string
	ClientID         string
	// ClientSecretSHA256 is the lower-case hex of the SHA-256 of the client secret
	// that Stytch returned; "" when it returned none, or a mask. ClientSecretMasked
	// says that it returned a mask: a secret is set, and not shown.
	ClientSecretSHA256 string
	ClientSecretMasked bool
	Issuer             string
	AuthorizationURL   string
	TokenURL           string
	UserinfoURL        string
	JWKSURL            string
	CustomScopes       string // as Stytch returns it: between them are spaces, or %20
	AttributeMapping   map[string]string
}

// Certificate is a certificate of the identity provider as Stytch holds it.
// SHA256 is the lower-case hex of the SHA-256 of its DER, "" when what Stytch
// returned is not a certificate; a text comparison would fail on PEM that was
// wrapped anew. ExpiresAt is as Stytch says, else as the certificate does.
type Certificate struct {
	ID        string
	SHA256    string
	Subject   string // by RFC 2253, at most 256 characters; "" when Go cannot read the certificate
	ExpiresAt time.Time
	// PEM stands only where the connection has five, the most that Stytch takes: only
	// there may one have to go for another, and be put back. Elsewhere it is "", since
	// thousands of connections are held.
	PEM string
}

// SigningCertificate is a certificate that Stytch signs its requests to the
// identity provider with. SHA256 and ExpiresAt are as those of [Certificate].
type SigningCertificate struct {
	SHA256 string
	// SPKISHA256 is the lower-case hex of the SHA-256 of the public key
	// (SubjectPublicKeyInfo in DER), which a private key is compared with; "" when Go
	// cannot read the certificate.
	SPKISHA256 string
	// PEM is for whoever sets up the identity provider; "" when what Stytch returned
	// is not a certificate.
	PEM string
	// CreatedAt is as Stytch says, else the beginning of the certificate's validity.
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ExternalConnection lends an organization the SSO connection of another one.
type ExternalConnection struct {
	Connection
	ExternalOrganizationID string
	ExternalConnectionID   string
	ImplicitRoles          []string // sorted
	GroupImplicitRoles     []GroupRole
}

// GroupRole gives a role to those whom the identity provider calls members of a
// group.
type GroupRole struct {
	RoleID string
	Group  string
}

// SSOConnections are all SSO connections of an organization, each list ordered
// by connection ID, so that [Find] is quick.
//
// Lists are shared between all who ask: whoever got one may keep it, it never
// changes, and may not write to it.
type SSOConnections struct {
	SAML     []SAMLConnection
	OIDC     []OIDCConnection
	External []ExternalConnection
}
