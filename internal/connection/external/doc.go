// Package external decides about External connections, which re-use the SAML or OIDC connection of another organization: their role
// assignments and their source.
//
//	external.go   the Kind: settings and what the creating call carries
//	source.go     the connection that is re-used, and who depends on it
package external
