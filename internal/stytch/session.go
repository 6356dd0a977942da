package stytch

import (
	"fmt"
	"time"
)

// API is one of the two halves of the connection API. What an organization has
// in each is read, and remembered, by itself.
type API string

// The two halves.
const (
	APISSO  API = "sso"
	APISCIM API = "scim"
)

// Session is a project opened with its credentials. Its cache is in the
// [Service], so a Session may be opened for each reconcile pass.
type Session struct{ account *account }

// ListedAt returns the time at which the last successful list of an
// organization's connections was requested. The time stays the same when the list
// is dropped from the cache or a later list fails. If nothing was ever listed it is
// the time at which the Service was made, so that a starting process counts its
// first slot as already listed.
func (s *Session) ListedAt(api API, organizationID string) time.Time {
	var begun time.Time
	switch api {
	case APISSO:
		begun = s.sso(organizationID).looked()
	case APISCIM:
		begun = s.scim(organizationID).looked()
	}
	if begun.IsZero() {
		return s.account.service.made
	}
	return begun
}

// Forget drops the list held of an organization's connections: who asks next
// gets a new one.
func (s *Session) Forget(api API, organizationID string) {
	switch api {
	case APISSO:
		s.sso(organizationID).forget()
	case APISCIM:
		s.scim(organizationID).forget()
	}
}

// Caller returns a new Caller for one reconcile pass over one object. The gate
// orders turns by uid and lane. A Caller is not safe for concurrent use.
func (s *Session) Caller(uid string, lane Lane) *Caller {
	return &Caller{session: s, uid: uid, lane: lane}
}

func (s *Session) sso(organizationID string) *observation[SSOConnections] {
	return s.account.service.sso.observation(s.account.service.now(), s.subject(organizationID))
}

func (s *Session) scim(organizationID string) *observation[[]SCIMConnection] {
	return s.account.service.scim.observation(s.account.service.now(), s.subject(organizationID))
}

func (s *Session) groups(organizationID, connectionID string) *observation[[]SCIMGroup] {
	return s.account.service.groups.observation(s.account.service.now(), s.subject(groupsName(organizationID, connectionID)))
}

func (s *Session) organization(name string) *observation[string] {
	return s.account.service.organizations.observation(s.account.service.now(), s.subject(name))
}

func (s *Session) subject(name string) subject {
	return subject{baseURL: s.account.baseURL, credential: s.account.hash, name: name}
}

// shared is the name at the gate of a reading that any number of objects want:
// they have one turn together, since one call answers all.
func (s *Session) shared(operation, name string) string {
	return fmt.Sprintf("%s %s %x", operation, name, s.account.hash[:8])
}
