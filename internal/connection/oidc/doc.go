// Package oidc decides about OIDC connections: their settings, client secret and discovered endpoints.
//
//	oidc.go        the Kind: what a manifest wants and what Stytch has
//	settings.go    the table of settings that an Update replaces, with the client secret
//	discovery.go   the endpoints that Stytch takes from an issuer's discovery document
//	retry.go       having Stytch read that document again
package oidc
