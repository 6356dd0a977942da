package stytchsim

import (
	"errors"
	"fmt"
)

// The out-of-band files are what people and identity providers do past the API:
// organizations, groups, drift, connections that the operator did not create. The
// rules of the API do not apply here.

// AddProject adds a project, or changes the secret, the name or the roles of an
// existing one. An empty secret or name and nil roles leave it unchanged.
func (s *Sim) AddProject(p Project) error {
	if p.ID == "" {
		return errors.New("project_id is required")
	}
	if err := checkRoles(p.Roles); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.projects[p.ID] == nil && p.Secret == "" {
		return fmt.Errorf("secret is required for the new project %s", p.ID)
	}
	s.world.addProject(p)
	return nil
}

// AddOrganization adds an organization. Only Slug is required.
func (s *Sim) AddOrganization(o Organization) (Organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := s.world.addOrganization(o, s.options.Now())
	if err != nil {
		return Organization{}, err
	}
	return made.view(), nil
}

func (o *organization) view() Organization {
	return Organization{
		ProjectID: o.project.id, ID: o.id, Slug: o.slug, Name: o.name,
		ExternalID: o.externalID, DefaultConnection: o.defaultConnection, CustomRoles: o.customRoles,
	}
}

// PatchOrganization changes organization_slug, organization_name,
// organization_external_id, sso_default_connection_id or custom_roles of an
// organization, named by ID, slug or external ID. A null or empty default
// connection means none.
func (s *Sim) PatchOrganization(key string, fields map[string]any) (Organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, err := s.findOrganization(key)
	if err != nil {
		return Organization{}, err
	}
	to := org.view()
	if err := to.set(fields); err != nil {
		return Organization{}, err
	}
	if to.DefaultConnection != "" {
		if c, ok := s.world.connections[to.DefaultConnection]; !ok || c.base().org != org || c.base().kind == SCIM {
			return Organization{}, fmt.Errorf("%s is not an SSO connection of the organization", to.DefaultConnection)
		}
	}
	if err := org.rename(to); err != nil {
		return Organization{}, err
	}
	org.defaultConnection, org.customRoles, org.updated = to.DefaultConnection, to.CustomRoles, s.options.Now()
	return org.view(), nil
}

func (o *Organization) set(fields map[string]any) error {
	for name, value := range fields {
		if name == "custom_roles" {
			continue
		}
		at := map[string]*string{
			"organization_slug": &o.Slug, "organization_name": &o.Name,
			"organization_external_id": &o.ExternalID, "sso_default_connection_id": &o.DefaultConnection,
		}[name]
		word, isText := value.(string)
		if at == nil || (!isText && value != nil) {
			return fmt.Errorf("%s cannot be set to %v", name, value)
		}
		*at = word
	}
	return o.setRoles(fields)
}

func (o *Organization) setRoles(fields map[string]any) error {
	value, sent := fields["custom_roles"]
	if !sent {
		return nil
	}
	var roles []Role
	if err := remade(value, &roles); err != nil {
		return fmt.Errorf("custom_roles: %w", err)
	}
	o.CustomRoles = roles
	return checkRoles(roles)
}

// RemoveOrganization removes an organization with all its connections.
func (s *Sim) RemoveOrganization(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, err := s.findOrganization(key)
	if err != nil {
		return err
	}
	s.world.removeOrganization(org)
	return nil
}

func (s *Sim) findOrganization(key string) (*organization, error) {
	org, ok := s.world.organization(key)
	if !ok {
		return nil, notFoundError{"organization", key}
	}
	return org, nil
}

// AddGroup adds a SCIM group as if an identity provider had pushed it.
func (s *Sim) AddGroup(g Group) (Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := s.world.addGroup(g)
	if err != nil {
		return Group{}, err
	}
	return made.view(), nil
}

func (g *group) view() Group {
	return Group{ID: g.id, Name: g.name, OrganizationID: g.connection.org.id, ConnectionID: g.connection.id}
}

// RemoveGroup removes a SCIM group and its role assignments.
func (s *Sim) RemoveGroup(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.world.groups[id]
	if !ok {
		return notFoundError{"group", id}
	}
	s.world.removeGroup(g)
	return nil
}

// RenameGroup gives a SCIM group another name, as an identity provider does: it keeps its ID and its role assignments.
func (s *Sim) RenameGroup(id, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.world.groups[id]
	if !ok {
		return notFoundError{"group", id}
	}
	g.name = name
	return nil
}

// AddDocument sets the document that is served at a URL. The simulator never
// fetches one.
func (s *Sim) AddDocument(d Document) error {
	if d.URL == "" {
		return errors.New("url is required")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.documents[d.URL] = d
	return nil
}

// VerifyToken reports whether a SCIM endpoint would accept a bearer token.
func (s *Sim) VerifyToken(connectionID, token string) TokenCheck {
	s.mu.Lock()
	defer s.mu.Unlock()
	if scim, ok := s.world.connections[connectionID].(*scimConnection); ok {
		return scim.verify(token, s.options.Now(), s.switches)
	}
	return TokenCheck{}
}
