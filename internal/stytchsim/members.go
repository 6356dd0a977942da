package stytchsim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// member is a member of an organization with its logins. No operation of this API
// makes one: they come from logins, invitations and SCIM.
type member struct {
	id, email string
	org       *organization
	roles     []string
	sessions  []Session
}

const (
	// sessionLifetime is how long a session lasts unless it is said (docs,
	// session_duration_minutes: the default is 60).
	sessionLifetime = time.Hour
	// jwtLifetime is how long a session's JWT does (docs, guides/sessions/resources/using-jwts).
	jwtLifetime = 5 * time.Minute
)

func (m *member) view() Member {
	return Member{ID: m.id, OrganizationID: m.org.id, EmailAddress: m.email, Roles: m.roles}
}

// AddMember adds a member to an organization. The roles must be assignable there.
func (s *Sim) AddMember(m Member) (Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := s.world.addMember(m)
	if err != nil {
		return Member{}, err
	}
	return made.view(), nil
}

func (w *world) addMember(m Member) (*member, error) {
	org, ok := w.organization(m.OrganizationID)
	if !ok {
		return nil, notFoundError{"organization", m.OrganizationID}
	}
	if m.ID == "" {
		m.ID = org.project.newID("member")
	}
	if w.members[m.ID] != nil {
		return nil, fmt.Errorf("member %s already exists", m.ID)
	}
	if err := org.checkAssigned(m.Roles); err != nil {
		return nil, err
	}
	made := &member{id: m.ID, email: m.EmailAddress, org: org, roles: m.Roles}
	w.members[made.id] = made
	org.members = append(org.members, made)
	return made, nil
}

func (o *organization) checkAssigned(roles []string) error {
	for _, id := range roles {
		if !slices.ContainsFunc(o.assignable(), named(id)) {
			return fmt.Errorf("there is no role %q", id)
		}
	}
	return nil
}

// PatchMember changes email_address or roles of a member.
func (s *Sim) PatchMember(id string, fields map[string]any) (Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.world.members[id]
	if !ok {
		return Member{}, notFoundError{"member", id}
	}
	to := struct {
		EmailAddress string   `json:"email_address"`
		Roles        []string `json:"roles"`
	}{m.email, m.roles}
	if err := remade(fields, &to); err != nil {
		return Member{}, err
	}
	if err := m.org.checkAssigned(to.Roles); err != nil {
		return Member{}, err
	}
	m.email, m.roles = to.EmailAddress, to.Roles
	return m.view(), nil
}

// RemoveMember removes a member and all its sessions.
func (s *Sim) RemoveMember(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.world.members[id]
	if !ok {
		return notFoundError{"member", id}
	}
	delete(s.world.members, id)
	m.org.members = slices.DeleteFunc(m.org.members, func(other *member) bool { return other == m })
	return nil
}

// AddSession logs a member in. It returns the session with its token and its JWT,
// which are made unless they are given.
func (s *Sim) AddSession(of Session) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.world.members[of.MemberID]
	if !ok {
		return Session{}, notFoundError{"member", of.MemberID}
	}
	if of.ID == "" {
		of.ID = m.org.project.newID("member-session")
	}
	if of.Token == "" {
		of.Token = newToken()
	}
	if of.JWT == "" {
		of.JWT = newToken() + "." + newToken() + "." + newToken()
	}
	if of.Expires.IsZero() {
		of.Expires = s.options.Now().Add(sessionLifetime)
	}
	if of.JWTExpires.IsZero() {
		of.JWTExpires = s.options.Now().Add(jwtLifetime)
	}
	for _, secret := range []string{of.Token, of.JWT} {
		if _, _, taken := s.world.session(secret); taken {
			return Session{}, errors.New("another session has this token or JWT")
		}
	}
	m.sessions = append(m.sessions, of)
	return of, nil
}

// RemoveSession ends a session.
func (s *Sim) RemoveSession(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.world.members {
		before := len(m.sessions)
		m.sessions = slices.DeleteFunc(m.sessions, func(known Session) bool { return known.ID == id })
		if len(m.sessions) < before {
			return nil
		}
	}
	return notFoundError{"session", id}
}

// VerifySession tells whose session a session_token or a session_jwt is of, and
// what its member may do.
func (s *Sim) VerifySession(tokenOrJWT string) SessionCheck {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, known, ok := s.world.session(tokenOrJWT)
	now := s.options.Now()
	if !ok || !now.Before(known.Expires) || tokenOrJWT == known.JWT && known.stale(s.switches, now) {
		return SessionCheck{}
	}
	return SessionCheck{
		Valid: true, MemberID: m.id, OrganizationID: m.org.id, Roles: m.allRoles(), Permissions: m.permissions(),
	}
}

func (w *world) session(tokenOrJWT string) (*member, Session, bool) {
	for _, m := range w.members {
		for _, known := range m.sessions {
			if tokenOrJWT == known.Token || tokenOrJWT == known.JWT {
				return m, known, true
			}
		}
	}
	return nil, Session{}, false
}

// allRoles are a member's roles (docs, guides/rbac/role-assignment: stytch_member
// is assigned to all members).
func (m *member) allRoles() []string { return append([]string{memberRole}, m.roles...) }

// permissions are what the roles of a member permit, taken together (docs,
// guides/rbac). A role that is gone permits nothing.
func (m *member) permissions() []Permission {
	var together []Permission
	for _, role := range m.org.assignable() {
		if !slices.Contains(m.allRoles(), role.ID) {
			continue
		}
		for _, p := range role.Permissions {
			together = withPermission(together, p)
		}
	}
	return together
}

// withPermission adds what a permission has that the others do not.
func withPermission(all []Permission, more Permission) []Permission {
	at := slices.IndexFunc(all, func(p Permission) bool { return p.ResourceID == more.ResourceID })
	if at < 0 {
		return append(all, Permission{ResourceID: more.ResourceID, Actions: slices.Clone(more.Actions)})
	}
	for _, action := range more.Actions {
		if !slices.Contains(all[at].Actions, action) {
			all[at].Actions = append(all[at].Actions, action)
		}
	}
	return all
}
