// Package saml decides about SAML connections: their settings, verification certificates, private keys and metadata.
//
//	saml.go           the Kind: what a manifest wants, what Stytch has, and the plan of steps
//	settings.go       the table of settings that an Update replaces
//	certificates.go   verification certificates: read, compared, added before they are removed
//	keys.go           the signing key and the encryption keys
//	metadata.go       what Stytch takes from the identity provider's metadata document
//	remember.go       what a crash in the middle of a rollover must not lose
//	status.go         what status shows, what is wrong, what is missing and what expires
package saml
