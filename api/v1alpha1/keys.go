package v1alpha1

// Keys of the Secret that holds a SCIM connection's bearer token.
const (
	// SecretKeyBaseURL is the URL that the identity provider pushes to.
	SecretKeyBaseURL = "base-url"
	// SecretKeyToken is the bearer token that the identity provider authenticates with.
	SecretKeyToken = "token"
	// SecretKeyNextToken is, while a rotation is under way, the bearer token that takes the place of the other when it is
	// completed.
	SecretKeyNextToken = "next-token"
)

// Keys of the ConfigMap that holds what the identity provider's side has to know.
const (
	// DetailsKeyACSURL is where a SAML identity provider posts its assertions.
	DetailsKeyACSURL = "acs-url"
	// DetailsKeyAudienceURI is what a SAML identity provider addresses its assertions to.
	DetailsKeyAudienceURI = "audience-uri"
	// DetailsKeySigningCertificate is the certificate, in PEM, that Stytch signs its requests with.
	DetailsKeySigningCertificate = "signing-certificate.pem"
	// DetailsKeyRedirectURL is where an OIDC identity provider sends users back to.
	DetailsKeyRedirectURL = "redirect-url"
)
