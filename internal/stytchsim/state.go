package stytchsim

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// State is a copy of everything the simulator holds.
func (s *Sim) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{
		Projects: []Project{}, Organizations: []Organization{}, Connections: []Connection{}, Groups: []Group{},
		Members: []Member{}, Sessions: []Session{},
		Documents: slices.Sorted(maps.Keys(s.world.documents)), Faults: []Fault{}, Limits: []Limit{},
		Switches: s.switches, Calls: s.journal.seq,
	}
	for _, p := range s.world.order {
		state.Projects = append(state.Projects, Project{ID: p.id, Name: p.name, Roles: p.roles})
		for _, org := range p.order {
			state.addOrganization(org)
		}
	}
	for _, f := range s.faults {
		state.Faults = append(state.Faults, f.Fault)
	}
	for _, l := range s.limits {
		state.Limits = append(state.Limits, l.Limit)
	}
	return state
}

func (s *State) addOrganization(org *organization) {
	s.Organizations = append(s.Organizations, org.view())
	s.Connections = append(s.Connections, org.connections()...)
	for _, m := range org.members {
		s.Members = append(s.Members, m.view())
		for _, known := range m.sessions {
			s.Sessions = append(s.Sessions, Session{ID: known.ID, MemberID: m.id, Expires: known.Expires, JWTExpires: known.JWTExpires})
		}
	}
	if org.scim == nil {
		return
	}
	for _, g := range org.scim.groups {
		s.Groups = append(s.Groups, g.view())
	}
}

func (o *organization) connections() []Connection {
	views := make([]Connection, 0, len(o.sso)+1)
	for _, c := range o.sso {
		views = append(views, view(c))
	}
	if o.scim != nil {
		views = append(views, view(o.scim))
	}
	return views
}

// Connection is a copy of one connection.
func (s *Sim) Connection(id string) (Connection, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.world.connections[id]
	if !ok {
		return Connection{}, false
	}
	return view(found), true
}

// Connections is a copy of an organization's connections, found by ID, slug or
// external ID: SSO in the order of their creation, then SCIM.
func (s *Sim) Connections(organizationKey string) []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, ok := s.world.organization(organizationKey)
	if !ok {
		return nil
	}
	return org.connections()
}

// view is a connection for whoever watches: without what must not be seen, and
// with a fingerprint where a test has to know which secret it is.
func view(c connection) Connection {
	plain, _ := Switches{}.withDefaults() // the defaults are known positions
	h, d := c.base(), c.document(renderer{switches: plain})
	switch of := c.(type) {
	case *oidcConnection:
		delete(d, "client_secret")
		d["client_secret_sha256"] = ""
		if of.clientSecret != "" {
			d["client_secret_sha256"] = fingerprint([]byte(of.clientSecret))
		}
	case *samlConnection:
		keys := make([]any, 0, len(of.encryption))
		for _, k := range of.encryption {
			keys = append(keys, map[string]any{"private_key_id": k.id, "public_key_sha256": k.public})
		}
		d["encryption_private_keys"] = keys
	}
	return Connection{
		Kind: h.kind, ID: h.id, OrganizationID: h.org.id, Status: h.status, DisplayName: h.displayName, Fields: plainJSON(d),
	}
}

// plainJSON is a document as somebody reads it who knows no types: maps, slices,
// strings and booleans.
func plainJSON(d document) map[string]any {
	var plain map[string]any
	if err := json.Unmarshal(encoded(d, http.StatusOK).body, &plain); err != nil { // cannot be: it was just written
		panic(err)
	}
	return plain
}
