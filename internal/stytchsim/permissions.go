package stytchsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The headers that a member's session comes with (openapi, stytch-go).
const (
	headerToken = "X-Stytch-Member-Session"    //nolint:gosec // the name of a header
	headerJWT   = "X-Stytch-Member-SessionJWT" //nolint:gosec // the name of a header
)

// right is an action on a resource of Stytch's.
type right struct{ resource, action string }

// authorize asks whether the member may whose session comes with the call. Without
// one the project's secret may everything.
//
// Source: openapi, which operations have the headers; docs, errors/403, the types
// and messages of both refusals. That the organization is looked up before is
// inferred.
func (c *call) authorize(header http.Header, fields map[string]json.RawMessage) error {
	if c.route.needs == (right{}) || header.Get(headerToken) == "" && header.Get(headerJWT) == "" {
		return nil
	}
	m, err := c.sender(header.Get(headerToken), header.Get(headerJWT))
	if err != nil {
		return err
	}
	if m.org != c.org {
		return refuse("session_authorization_tenancy_error", "OrganizationID in AuthorizationCheck request does not match session's Organization ID")
	}
	for _, needed := range c.needed(fields) {
		if !m.may(needed) {
			return refuse("session_authorization_error", "The Member is not authorized to perform the requested action on that resource.")
		}
	}
	return nil
}

// sender is the member of a session.
//
// Source: docs, guides/rbac/authorization-checks, that an invalid session is a 404
// session_not_found, which is said there of Authenticate Session; that other
// operations answer the same is inferred, and switch ended-session has another
// answer. That a project's sessions are nobody's in another one is inferred. The
// other error types are enumerated; when they are said is inferred from their names,
// and so is that a JWT ends with its five minutes (switch stale-jwt):
// Authenticate Session takes an older one and answers with a new one.
func (c *call) sender(token, jwt string) (*member, error) {
	switch {
	case token != "" && jwt != "":
		return nil, refuse("too_many_session_arguments", "Only one of session_token and session_jwt may be given.")
	case jwt != "" && strings.Count(jwt, ".") != 2:
		return nil, refuse("unable_to_parse_session_jwt", "The session JWT could not be parsed.")
	}
	m, known, ok := c.world.session(token + jwt)
	isJWT := ok && known.JWT == token+jwt
	if !ok || isJWT != (jwt != "") || m.org.project != c.project || !c.now.Before(known.Expires) {
		return nil, c.noSession()
	}
	if isJWT && known.stale(c.switches, c.now) {
		return nil, refuse("jwt_invalid_claims", "The session JWT has expired.")
	}
	return m, nil
}

func (c *call) noSession() error {
	if c.switches.EndedSession == status401 {
		return refuse("unauthorized_credentials", "Unauthorized credentials.")
	}
	return refuse("session_not_found", "Session could not be found.")
}

// stale says that the JWT of a session has expired.
func (s Session) stale(switches Switches, now time.Time) bool {
	return switches.StaleJWT == posRefuse && !now.Before(s.JWTExpires)
}

// needed are the rights that a call asks for.
//
// Source: docs, the page of each operation; for role assignments they ask for
// implicitRoles in addition, and the comments of Stytch's frontend SDKs instead:
// switch implicit-roles. Both speak of an update of a SCIM connection; that role
// assignments of SSO connections are alike is inferred.
func (c *call) needed(fields map[string]json.RawMessage) []right {
	roles, others := 0, 0
	for name := range fields {
		switch {
		case strings.HasSuffix(name, "implicit_role_assignments"):
			roles++
		case name != "organization_id" && name != "connection_id":
			others++
		}
	}
	assigns := right{resourceOrganization, implicitRoles}
	switch {
	case roles == 0:
		return []right{c.route.needs}
	case others == 0 && c.switches.ImplicitRoles == posInstead && c.route.needs.action == "update":
		return []right{assigns}
	}
	return []right{c.route.needs, assigns}
}

// may says whether the roles of a member permit something; the action * is all of
// them (docs, guides/rbac).
func (m *member) may(needed right) bool {
	return slices.ContainsFunc(m.permissions(), func(p Permission) bool {
		return p.ResourceID == needed.resource && (slices.Contains(p.Actions, "*") || slices.Contains(p.Actions, needed.action))
	})
}
