package stytch

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Member is in whose name the SSO and SCIM calls of a project are made: Stytch then checks what the roles of the member permit, as
// its frontend SDKs have it do. The zero Member is nobody: the project's secret may do everything.
type Member struct {
	// Session is the token or the JWT of a session of the member.
	Session Secret
	// Of identifies who gives the session, such as an entry of one StytchProject. What was read under one Of is not shown to another
	// one, nor to nobody; a new session under the same Of keeps it.
	Of string
}

// jwt is the form of a JWT. A session token has no dots.
var jwt = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// IsSession reports whether this can be the token or the JWT of a session: a word of printable ASCII.
func IsSession(s Secret) bool {
	return s != "" && !strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' })
}

// header is the header that a session is sent in (openapi, stytch-go).
func (m Member) header() string {
	if jwt.MatchString(m.Session.Reveal()) {
		return "X-Stytch-Member-SessionJWT"
	}
	return "X-Stytch-Member-Session"
}

// session identifies a session without keeping it.
func (m Member) session() [sha256.Size]byte { return sha256.Sum256([]byte(m.Session.Reveal())) }

// Right is an action on a resource, as Stytch's RBAC policies name them.
type Right struct{ Resource, Action string }

// implicitRoles is the right to assign roles to whoever logs in. Stytch's documentation asks for it in addition to the right to
// update the connection; the comments of its frontend SDKs say instead of it.
var implicitRoles = Right{Resource: "stytch.organization", Action: "update.settings.implicit-roles"} //nolint:gochecknoglobals // Go has no constants of this type

// AssignsRoles reports whether a field of an update is a list of role assignments.
func AssignsRoles(field string) bool { return strings.HasSuffix(field, "implicit_role_assignments") }

// rights are what the member needs for the call whose session is sent with it; none for a call that it is not sent with (openapi, the
// headers of each operation; the documentation of each, its action). The first is what it is about.
func (op call) rights() []Right {
	if len(op.path) < 3 || op.path[2] != string(APISSO) && op.path[2] != string(APISCIM) {
		return nil
	}
	needs := []Right{{Resource: "stytch." + op.path[2], Action: op.action()}}
	others := 0
	for field := range op.fields {
		if !AssignsRoles(field) {
			others++
		}
	}
	switch {
	case others == len(op.fields):
		return needs
	case others > 0:
		return append(needs, implicitRoles)
	}
	return append([]Right{implicitRoles}, needs...)
}

// action is what a call does with the connection: what is below one belongs to it, so that it is an update.
func (op call) action() string {
	below := slices.ContainsFunc([]string{"rotate", "verification_certificates", "encryption_private_keys"}, func(s string) bool {
		return slices.Contains(op.path[4:], s)
	})
	switch {
	case op.method == http.MethodGet:
		return "get"
	case op.method == http.MethodPut || below:
		return "update"
	case op.method == http.MethodDelete:
		return "delete"
	}
	return "create"
}

// typeDenied is the error type of what the roles of a member do not permit (docs: errors/403).
const typeDenied = "session_authorization_error"

// asMember has an Error say what it means that a member's session was sent with the call.
func (e *Error) asMember(op call) {
	e.Member = true
	switch {
	case e.Unknown():
	case aboutSession(e.ErrorType):
		e.Class = SessionRejected
	case e.Class == PermissionDenied && e.ErrorType == typeDenied:
		e.Rights = op.rights()
	}
}

// typeTenancy is the error type of a session of another organization (docs: errors/403).
const typeTenancy = "session_authorization_tenancy_error"

// Foreign reports whether the session belongs to a member of another organization.
func (e *Error) Foreign() bool { return e.ErrorType == typeTenancy }

// aboutSession reports whether an error type is about the session that was sent. Those of Stytch's enumeration are
// session_not_found, which its documentation has for Authenticate Session with a session that expired or was revoked,
// invalid_session_token, unable_to_parse_session_jwt, jwt_invalid_audience, jwt_invalid_claims, jwt_invalid_issuer,
// incompatible_session_type, too_many_session_arguments and typeTenancy; which of them an SSO or SCIM call gets is not documented.
func aboutSession(errorType string) bool {
	return errorType != typeDenied && (strings.Contains(errorType, "session") || strings.HasPrefix(errorType, "jwt_")) || errorType == "member_not_found"
}

// byMember reports whether another session may change that the call failed.
func (e *Error) byMember() bool {
	switch e.Class {
	case SessionRejected, PermissionDenied, CredentialsRejected:
		return e.Member
	case Rejected, NotFound, OrganizationNotFound, Throttled, Unavailable:
	}
	return false
}
