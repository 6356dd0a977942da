package stytch

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The types of this file are what Stytch sends, as far as it is of use here.
// Whatever they do not name is ignored: Stytch adds fields without notice. What
// may be a secret has no place in them, but for the two tokens shown once; of a
// client secret a fingerprint is read.

// envelope is around every answer.
type envelope struct {
	RequestID    string    `json:"request_id"`
	StatusCode   int       `json:"status_code"`
	ErrorType    looseText `json:"error_type"`
	ErrorMessage looseText `json:"error_message"`
}

// fromStytch tells Stytch's answer from a proxy's that happens to be JSON.
func (e envelope) fromStytch() bool { return e.RequestID != "" || e.StatusCode != 0 }

func (e envelope) requestID() string { return printable(e.RequestID, 128) }

// reply is the answer to a call that succeeded.
type reply interface {
	fromStytch() bool
	requestID() string
}

func decode(body []byte, into any) error { return json.Unmarshal(body, into) }

// text is a string that may come as something else: an attribute mapping is
// documented as a free object. What is no string is kept as its JSON.
type looseText string

// UnmarshalJSON never fails.
func (t *looseText) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw)
		s = compact.String()
	}
	*t = looseText(s)
	return nil
}

// moment is an optional RFC 3339 time; one that cannot be read is as good as none.
type optionalTime struct{ time.Time }

// UnmarshalJSON never fails.
func (m *optionalTime) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		m.Time, _ = time.Parse(time.RFC3339Nano, s)
	}
	return nil
}

type whoamiReply struct {
	envelope
	ProjectID string `json:"project_id"`
	Name      string `json:"name"`
}

type organizationReply struct {
	envelope
	Organization struct {
		OrganizationID string `json:"organization_id"`
	} `json:"organization"`
}

// connectionReply is the answer to everything about one connection. It may lack
// the connection: no schema of Stytch requires it.
type connectionReply[W any] struct {
	envelope
	Connection *W `json:"connection"`
}

type ssoReply struct {
	envelope
	SAML     []wireSAML     `json:"saml_connections"`
	OIDC     []wireOIDC     `json:"oidc_connections"`
	External []wireExternal `json:"external_connections"`
}

// connections returns the lists, or false when one of them holds something
// without an ID: half a list would say that connections are gone.
func (r ssoReply) connections() (SSOConnections, bool) {
	saml, ok1 := sortedByID(r.SAML, wireSAML.connection)
	oidc, ok2 := sortedByID(r.OIDC, wireOIDC.connection)
	external, ok3 := sortedByID(r.External, wireExternal.connection)
	return SSOConnections{SAML: saml, OIDC: oidc, External: external}, ok1 && ok2 && ok3
}

func sortedByID[W any, C identified](list []W, one func(W) C) ([]C, bool) {
	out := convert(list, one)
	slices.SortFunc(out, func(a, b C) int { return strings.Compare(a.key(), b.key()) })
	return out, len(out) == 0 || out[0].key() != ""
}

// mapped returns nil for nothing.
func convert[A, B any](list []A, f func(A) B) []B {
	if len(list) == 0 {
		return nil
	}
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}

type wireConnection struct {
	OrganizationID string `json:"organization_id"`
	ConnectionID   string `json:"connection_id"`
	Status         string `json:"status"`
	DisplayName    string `json:"display_name"`
}

func (w wireConnection) connection() Connection { return Connection(w) }

type wireSCIM struct {
	wireConnection
	IdentityProvider         string       `json:"identity_provider"`
	BaseURL                  string       `json:"base_url"`
	BearerToken              string       `json:"bearer_token"`
	NextBearerToken          string       `json:"next_bearer_token"`
	BearerTokenLastFour      string       `json:"bearer_token_last_four"`
	NextBearerTokenLastFour  string       `json:"next_bearer_token_last_four"`
	BearerTokenExpiresAt     optionalTime `json:"bearer_token_expires_at"`
	NextBearerTokenExpiresAt optionalTime `json:"next_bearer_token_expires_at"`
	GroupRoles               []struct {
		RoleID    string `json:"role_id"`
		GroupID   string `json:"group_id"`
		GroupName string `json:"group_name"`
	} `json:"scim_group_implicit_role_assignments"`
}

func (w wireSCIM) connection() SCIMConnection {
	c := SCIMConnection{
		Connection:               w.wireConnection.connection(),
		IdentityProvider:         w.IdentityProvider,
		BaseURL:                  w.BaseURL,
		BearerToken:              Secret(w.BearerToken),
		NextBearerToken:          Secret(w.NextBearerToken),
		BearerTokenLastFour:      w.BearerTokenLastFour,
		NextBearerTokenLastFour:  w.NextBearerTokenLastFour,
		BearerTokenExpiresAt:     w.BearerTokenExpiresAt.Time,
		NextBearerTokenExpiresAt: w.NextBearerTokenExpiresAt.Time,
	}
	for _, role := range w.GroupRoles {
		c.GroupImplicitRoles = append(c.GroupImplicitRoles, SCIMGroupRole(role))
	}
	// The answers that hold a token lack its last four.
	if c.BearerTokenLastFour == "" {
		c.BearerTokenLastFour = c.BearerToken.LastFour()
	}
	if c.NextBearerTokenLastFour == "" {
		c.NextBearerTokenLastFour = c.NextBearerToken.LastFour()
	}
	return c
}

// groupsReply is one page of the groups of a SCIM connection. Its request_id is in
// no schema.
type groupsReply struct {
	envelope
	Groups []struct {
		ID   string `json:"group_id"`
		Name string `json:"group_name"`
	} `json:"scim_groups"`
	NextCursor string `json:"next_cursor"`
}

type wireRole struct {
	RoleID string `json:"role_id"`
}

// roles are a set at Stytch, where their order means nothing.
func roles(list []wireRole) []string {
	out := convert(list, func(w wireRole) string { return w.RoleID })
	slices.Sort(out)
	return out
}

type wireGroupRole struct {
	RoleID string `json:"role_id"`
	Group  string `json:"group"`
}

func (w wireGroupRole) role() GroupRole { return GroupRole(w) }

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

func (w wireSAML) connection() SAMLConnection {
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
		VerificationCertificates: trimPEM(convert(w.VerificationCertificates, wireCertificate.certificate)),
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

// mostCertificates is how many verification certificates a SAML connection may
// have (Stytch's docs, "SAML certificates").
const maxCertificates = 5

// shown leaves the PEM to the certificates of a connection that has no room for
// another.
func trimPEM(list []Certificate) []Certificate {
	if len(list) >= maxCertificates {
		return list
	}
	for i := range list {
		list[i].PEM = ""
	}
	return list
}

// texts is an attribute mapping; nil when there is none.
func attributeMapping(mapping map[string]looseText) map[string]string {
	if len(mapping) == 0 {
		return nil
	}
	out := make(map[string]string, len(mapping))
	for attribute, source := range mapping {
		out[attribute] = string(source)
	}
	return out
}

type wireOIDC struct {
	wireConnection
	IdentityProvider string               `json:"identity_provider"`
	RedirectURL      string               `json:"redirect_url"`
	ClientID         string               `json:"client_id"`
	ClientSecret     secretDigest         `json:"client_secret"`
	Issuer           string               `json:"issuer"`
	AuthorizationURL string               `json:"authorization_url"`
	TokenURL         string               `json:"token_url"`
	UserinfoURL      string               `json:"userinfo_url"`
	JWKSURL          string               `json:"jwks_url"`
	CustomScopes     string               `json:"custom_scopes"`
	AttributeMapping map[string]looseText `json:"attribute_mapping"`
}

func (w wireOIDC) connection() OIDCConnection {
	return OIDCConnection{
		Connection:         w.wireConnection.connection(),
		IdentityProvider:   w.IdentityProvider,
		RedirectURL:        w.RedirectURL,
		ClientID:           w.ClientID,
		ClientSecretSHA256: w.ClientSecret.sha256,
		ClientSecretMasked: w.ClientSecret.masked,
		Issuer:             w.Issuer,
		AuthorizationURL:   w.AuthorizationURL,
		TokenURL:           w.TokenURL,
		UserinfoURL:        w.UserinfoURL,
		JWKSURL:            w.JWKSURL,
		CustomScopes:       w.CustomScopes,
		AttributeMapping:   attributeMapping(w.AttributeMapping),
	}
}

// shadow is what is left of a secret once it is read.
type secretDigest struct {
	sha256 string // of the secret; "" when it was not shown
	masked bool
}

// UnmarshalJSON never fails. What is no string shows no secret, and yet says that
// there is one.
func (s *secretDigest) UnmarshalJSON(raw []byte) error {
	var value string
	err := json.Unmarshal(raw, &value)
	switch {
	case err != nil || isMask(value):
		*s = secretDigest{masked: true}
	case value != "":
		*s = secretDigest{sha256: fingerprint([]byte(value))}
	}
	return nil
}

// mask reports whether a value stands for a secret without showing it. All samples
// of Stytch show the secret; nobody says that it always will.
func isMask(value string) bool { return masks.MatchString(value) }

// masks are how secrets are hidden: a word for it, or a run of what no secret is
// made of. To take a secret for a mask does little harm: it is sent again when
// its source changes, and not when Stytch shows another.
var masks = regexp.MustCompile(`(?i)^[\[<(]?(redacted|hidden|masked)[\])>]?$|[*•●#…]{2}|\.{3}|-{4}|x{6}|^[*•●#….x-]+$`)

// oidcReply is the answer to an update of an OIDC connection: its warning tells
// of a discovery that failed.
type oidcReply struct {
	connectionReply[wireOIDC]
	Warning looseText `json:"warning"`
}

type wireExternal struct {
	wireConnection
	ExternalOrganizationID string          `json:"external_organization_id"`
	ExternalConnectionID   string          `json:"external_connection_id"`
	Roles                  []wireRole      `json:"external_connection_implicit_role_assignments"`
	GroupRoles             []wireGroupRole `json:"external_group_implicit_role_assignments"`
}

func (w wireExternal) connection() ExternalConnection {
	return ExternalConnection{
		Connection:             w.wireConnection.connection(),
		ExternalOrganizationID: w.ExternalOrganizationID,
		ExternalConnectionID:   w.ExternalConnectionID,
		ImplicitRoles:          roles(w.Roles),
		GroupImplicitRoles:     convert(w.GroupRoles, wireGroupRole.role),
	}
}

type wireCertificate struct {
	ID          string       `json:"certificate_id"`
	Certificate string       `json:"certificate"`
	CreatedAt   optionalTime `json:"created_at"`
	ExpiresAt   optionalTime `json:"expires_at"`
}

// longestSubject is how many runes of a certificate's subject are shown.
const maxSubject = 256

func (w wireCertificate) certificate() Certificate {
	c := Certificate{ID: w.ID, ExpiresAt: w.ExpiresAt.Time}
	der := derOf(w.Certificate)
	if der == nil {
		return c
	}
	c.SHA256, c.PEM = fingerprint(der), pemOf(der)
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.Subject = printable(parsed.Subject.String(), maxSubject)
		if c.ExpiresAt.IsZero() {
			c.ExpiresAt = parsed.NotAfter
		}
	}
	return c
}

func (w wireCertificate) signing() SigningCertificate {
	c := SigningCertificate{CreatedAt: w.CreatedAt.Time, ExpiresAt: w.ExpiresAt.Time}
	der := derOf(w.Certificate)
	if der == nil {
		return c
	}
	c.SHA256, c.PEM = fingerprint(der), pemOf(der)
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.SPKISHA256 = fingerprint(parsed.RawSubjectPublicKeyInfo)
		if c.CreatedAt.IsZero() {
			c.CreatedAt = parsed.NotBefore
		}
		if c.ExpiresAt.IsZero() {
			c.ExpiresAt = parsed.NotAfter
		}
	}
	return c
}

// fingerprint is the lower-case hex of the SHA-256 of something.
func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// pemOf is a certificate as PEM, whatever Stytch's wrapping was.
func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// derOf reads a certificate however it is wrapped, on one line too, where
// encoding/pem asks for several. Go's x509 refuses certificates that identity
// providers use, so any ASN.1 will do.
func derOf(certificate string) []byte {
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	if _, after, found := strings.Cut(certificate, begin); found {
		certificate = after
	}
	certificate, _, _ = strings.Cut(certificate, end)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(certificate), ""))
	if err != nil {
		return nil
	}
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return nil
	}
	return der
}
