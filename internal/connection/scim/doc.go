// Package scim decides about SCIM connections: their settings and the groups that a manifest gives by name. What is decided about the
// bearer token is in package token.
//
//	scim.go     the Kind: settings, and the plan, in which the token comes first
//	groups.go   groups by name
//	similar.go  names that are almost those of groups, and groups that were renamed
package scim
