package v1alpha1

// Keys of the Secret that holds a SCIM connection's bearer token.
const (
	// SecretKeyBaseURL is the URL that the identity provider pushes to.
	SecretKeyBaseURL = "base-url"
	// SecretKeyToken is the bearer token that the identity provider authenticates with.
	SecretKeyToken = "token"
	// SecretKeyNextToken is, during a rotation, the bearer token that replaces the current one when the rotation completes.
	SecretKeyNextToken = "next-token"
)

// Keys of the ConfigMap that holds the values which the identity provider has to be configured with.
const (
	// DetailsKeyACSURL is the URL to which a SAML identity provider posts its assertions.
	DetailsKeyACSURL = "acs-url"
	// DetailsKeyAudienceURI is the audience of the assertions of a SAML identity provider.
	DetailsKeyAudienceURI = "audience-uri"
	// DetailsKeySigningCertificate is the certificate, in PEM, of the key with which Stytch signs its requests.
	DetailsKeySigningCertificate = "signing-certificate.pem"
	// DetailsKeyRedirectURL is the URL to which an OIDC identity provider redirects users.
	DetailsKeyRedirectURL = "redirect-url"
)
