package stytch

import (
	"encoding/json"
	"regexp"

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

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

// secretDigest is what is kept of a secret in a response.
type secretDigest struct {
	sha256 string // of the secret; "" if the response did not show it
	masked bool
}

// UnmarshalJSON never fails. A value that is not a string counts as a mask.
func (s *secretDigest) UnmarshalJSON(raw []byte) error {
	var value string
	err := json.Unmarshal(raw, &value)
	switch {
	case err != nil || isMask(value):
		*s = secretDigest{masked: true}
	case value != "":
		*s = secretDigest{sha256: pki.Fingerprint([]byte(value))}
	}
	return nil
}

// isMask reports whether a value is a placeholder for a secret. All samples of
// Stytch show the secret, but nothing says that it always will.
func isMask(value string) bool { return masks.MatchString(value) }

// masks match placeholders: a word such as "redacted", or a run of characters
// that secrets do not contain. If a secret is taken for a mask, it is still sent
// again when its source changes, but not when it changes in Stytch.
var masks = regexp.MustCompile(`(?i)^[\[<(]?(redacted|hidden|masked)[\])>]?$|[*•●#…]{2}|\.{3}|-{4}|x{6}|^[*•●#….x-]+$`)

// oidcReply is the response to an update of an OIDC connection. Its warning
// reports a failed discovery.
type oidcReply struct {
	connectionReply[wireOIDC]
	Warning looseText `json:"warning"`
}
