package stytch

import (
	"encoding/json"
	"regexp"
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
