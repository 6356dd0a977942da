package stytch

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"
)

// API is one of the two halves of the connection API. Each is listed and cached
// separately for each organization.
type API string

// The two APIs.
const (
	APISSO  API = "sso"
	APISCIM API = "scim"
)

// Session is a project opened with its credentials. Its cache is in the
// [Service], so a Session may be opened for each reconcile pass.
type Session struct{ account *account }

// ListedAt returns the time at which the last successful list of an
// organization's connections was requested. The time stays the same when the list
// is dropped from the cache or a later list fails. It is zero if nothing was ever
// listed.
func (s *Session) ListedAt(api API, organizationID string) time.Time {
	if api == APISCIM {
		return s.scim(organizationID).lastRead()
	}
	return s.sso(organizationID).lastRead()
}

// Forget drops the cached list of an organization's connections: the next read
// requests a new one.
func (s *Session) Forget(api API, organizationID string) {
	switch api {
	case APISSO:
		s.sso(organizationID).forget()
	case APISCIM:
		s.scim(organizationID).forget()
	}
}

// Holds reports whether these are the credentials of the session.
func (s *Session) Holds(c Credentials) bool {
	return s.account.baseURL == strings.TrimRight(c.BaseURL, "/") && s.account.hash == c.hash()
}

// MemberOf returns who gives the session of the member in whose name calls are made; "" if there is no such member.
func (s *Session) MemberOf() string {
	if s.account.member == nil {
		return ""
	}
	return s.account.member().Of
}

// As returns the session with the same credentials in the name of another member, or of the same one with another session.
func (s *Session) As(m Member) *Session { return &Session{account: s.account.as(m)} }

// DriftOverdue returns how long the drift check of the project waits at the gate that has
// waited longest.
func (s *Session) DriftOverdue() time.Duration {
	return s.account.gate.overdue(s.account.service.now())
}

// Code returns the HMAC-SHA256 of a text under the project's secret: only who has
// the secret can compute it.
func (s *Session) Code(text string) []byte {
	code := hmac.New(sha256.New, []byte(s.account.credentials().Secret.Reveal()))
	code.Write([]byte(text))
	return code.Sum(nil)
}

// Caller returns a new Caller for one reconcile pass over one object, which has one turn
// at the gate at most, in the lane and among the objects of the namespace. A Caller is not
// safe for concurrent use.
func (s *Session) Caller(namespace, uid string, lane Lane) *Caller {
	return &Caller{session: s, who: who{lane: lane, namespace: namespace}, uid: uid}
}

func (s *Session) sso(organizationID string) *observation[SSOConnections] {
	return s.account.service.sso.observation(s.account.service.now(), s.cacheKey(organizationID))
}

func (s *Session) scim(organizationID string) *observation[[]SCIMConnection] {
	return s.account.service.scim.observation(s.account.service.now(), s.cacheKey(organizationID))
}

func (s *Session) groups(organizationID, connectionID string) *observation[[]SCIMGroup] {
	return s.account.service.groups.observation(s.account.service.now(), s.cacheKey(groupsKey(organizationID, connectionID)))
}

func (s *Session) organization(name string) *observation[organization] {
	return s.account.service.organizations.observation(s.account.service.now(), s.cacheKey(name))
}

// policy is the RBAC policy of the project, which has no name.
func (s *Session) policy() *observation[[]string] {
	return s.account.service.policies.observation(s.account.service.now(), s.cacheKey(""))
}

func (s *Session) cacheKey(name string) cacheKey {
	return cacheKey{baseURL: s.account.baseURL, reader: s.account.key, name: name}
}

// sharedTurn is the name at the gate of a read that several objects may want: they
// have one turn together, since one call answers all of them.
func (s *Session) sharedTurn(operation, name string) string {
	return fmt.Sprintf("%s %s %x", operation, name, s.account.key[:8])
}
