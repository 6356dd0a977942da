package stytch

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// identifier is the form of all IDs in responses. Stytch documents none: its own are
	// words and a UUID, joined by hyphens.
	identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}$`)
	errorType  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

	organizationID = regexp.MustCompile(`^organization-(live|test)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// IsOrganizationID reports whether this is an organization's ID, in its full form.
// Everything else is a slug or an external ID, which can be given to another
// organization, even where it begins like an ID.
func IsOrganizationID(s string) bool { return organizationID.MatchString(s) }

// named returns s if it has that form, does not look like a secret and quotes none of those
// in hidden, and otherwise "".
func named(s string, form *regexp.Regexp, hidden []string) string {
	quotes := func(secret string) bool { return len(secret) >= 4 && strings.Contains(s, secret) }
	if !form.MatchString(s) || secretLooking(strings.TrimPrefix(s, "request-id-")) && !objectID.MatchString(s) || slices.ContainsFunc(hidden, quotes) {
		return ""
	}
	return s
}

// misplaced says why a connection cannot be in a response about an organization; ""
// if it can.
func misplaced(c identified, organizationID string) string {
	switch {
	case !identifier.MatchString(c.key()):
		return "the response lacks a connection ID"
	case c.owner() != "" && c.owner() != organizationID:
		return "the response is about another organization"
	}
	return ""
}
