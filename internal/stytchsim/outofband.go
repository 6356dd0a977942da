package stytchsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// This file is what a person or an identity provider does past the API: making
// organizations and groups, drift, connections nobody's operator made. The rules
// do not apply here.

// AddProject registers a further project, or gives a known one another secret or
// name. An empty secret or name leaves the one there.
func (s *Sim) AddProject(p Project) error {
	if p.ID == "" {
		return errors.New("a project needs a project_id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.world.projects[p.ID] == nil && p.Secret == "" {
		return fmt.Errorf("the new project %s needs a secret", p.ID)
	}
	s.world.addProject(p)
	return nil
}

// AddOrganization makes an organization. Only the slug is needed.
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
		ExternalID: o.externalID, DefaultConnection: o.defaultConnection,
	}
}

// PatchOrganization changes organization_slug, organization_name,
// organization_external_id or sso_default_connection_id of an organization, found
// by ID, slug or external ID. A null or empty default connection means none.
func (s *Sim) PatchOrganization(key string, fields map[string]any) (Organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, err := s.findOrganization(key)
	if err != nil {
		return Organization{}, err
	}
	to := org.view()
	for name, value := range fields {
		at := map[string]*string{
			"organization_slug": &to.Slug, "organization_name": &to.Name,
			"organization_external_id": &to.ExternalID, "sso_default_connection_id": &to.DefaultConnection,
		}[name]
		word, isText := value.(string)
		if at == nil || (!isText && value != nil) {
			return Organization{}, fmt.Errorf("%s cannot be set to %v", name, value)
		}
		*at = word
	}
	if to.DefaultConnection != "" {
		if c, ok := s.world.connections[to.DefaultConnection]; !ok || c.base().org != org || c.base().kind == SCIM {
			return Organization{}, fmt.Errorf("%s is no SSO connection of the organization", to.DefaultConnection)
		}
	}
	if err := org.rename(to); err != nil {
		return Organization{}, err
	}
	org.defaultConnection, org.updated = to.DefaultConnection, s.options.Now()
	return org.view(), nil
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

// AddGroup pushes a SCIM group.
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

// RemoveGroup removes a SCIM group and what was assigned by it.
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

// AddConnection makes a connection by hand, as somebody in Stytch's dashboard
// would. Fields are those of the API's object, of certificates and encryption
// keys the PEM texts, of a SCIM connection also bearer_token and
// next_bearer_token, and connection_id for an ID of one's own. A SAML or OIDC
// connection that is complete is active unless status says otherwise.
func (s *Sim) AddConnection(organizationKey string, kind Kind, fields map[string]any) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, err := s.findOrganization(organizationKey)
	if err != nil {
		return Connection{}, err
	}
	c := &call{world: s.world, switches: s.switches, options: &s.options, now: s.options.Now()}
	made, err := c.newConnection(org, kind)
	if err != nil {
		return Connection{}, err
	}
	if id, ok := fields["connection_id"].(string); ok {
		made.base().id = id
	}
	if err := c.setFields(made, fields); err != nil {
		return Connection{}, err
	}
	if _, ok := s.world.connections[made.base().id]; ok || (kind == SCIM && org.scim != nil) {
		return Connection{}, errors.New("there is such a connection already")
	}
	if complete, ok := made.(interface{ complete() bool }); ok && fields["status"] == nil && complete.complete() {
		made.base().status = stateActive
	}
	s.world.add(made)
	if kind != SCIM {
		c.electDefault(made.base())
	}
	return view(made), nil
}

func (c *call) newConnection(in *organization, kind Kind) (connection, error) {
	switch kind {
	case SCIM:
		return in.newSCIM(c.options, c.now), nil
	case SAML:
		return c.newSAML(in)
	case OIDC:
		return newOIDC(in), nil
	case External:
		return newExternal(in, "", ""), nil
	default:
		return nil, fmt.Errorf("kind %q is not one of scim, saml, oidc, external", kind)
	}
}

// PatchConnection sets fields of a connection directly, past all rules: drift.
// The fields are those of AddConnection but connection_id.
func (s *Sim) PatchConnection(id string, fields map[string]any) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.world.connections[id]
	if !ok {
		return Connection{}, notFoundError{"connection", id}
	}
	if _, sent := fields["connection_id"]; sent {
		return Connection{}, errors.New("a connection_id cannot be changed")
	}
	c := &call{world: s.world, options: &s.options, now: s.options.Now()}
	if err := c.setFields(found, fields); err != nil {
		return Connection{}, err
	}
	return view(found), nil
}

// set sets fields of a connection, all or, when one of them cannot be, none.
func (c *call) setFields(of connection, fields map[string]any) error {
	var settings []func()
	for name, value := range fields {
		if name == "connection_id" {
			continue
		}
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		setting, err := c.fieldSetter(of, name, data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		settings = append(settings, setting)
	}
	for _, set := range settings {
		set()
	}
	return nil
}

func (c *call) fieldSetter(of connection, name string, data []byte) (func(), error) {
	for _, f := range of.fields() {
		if f.name != name {
			continue
		}
		switch at := f.at.(type) {
		case *string:
			return decoded(at, data)
		case *bool:
			return decoded(at, data)
		case *time.Time:
			return decoded(at, data)
		case *map[string]string:
			return decoded(at, data)
		case *[]assignment:
			return decoded(at, data)
		case *[]certificate:
			return eachOf(at, data, func(pem string) (certificate, error) {
				parsed, err := parseCertificate(pem, c.now)
				parsed.id = of.base().org.project.newID("saml-verification-key")
				return parsed, err
			})
		case *[]encryptionKey:
			return eachOf(at, data, func(pem string) (encryptionKey, error) {
				parsed, err := parseEncryptionKey(pem, c.now)
				parsed.id = of.base().org.project.newID("saml-encryption-key")
				return parsed, err
			})
		}
	}
	return nil, fmt.Errorf("a %s connection has no such field", of.base().kind)
}

func decoded[T any](at *T, data []byte) (func(), error) {
	var value T
	err := json.Unmarshal(data, &value)
	return func() { *at = value }, err
}

func eachOf[T any](at *[]T, data []byte, parse func(string) (T, error)) (func(), error) {
	var texts []string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, err
	}
	values := make([]T, 0, len(texts))
	for _, text := range texts {
		value, err := parse(text)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return func() { *at = values }, nil
}

// RemoveConnection removes a connection, past all rules.
func (s *Sim) RemoveConnection(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.world.connections[id]
	if !ok {
		return notFoundError{"connection", id}
	}
	s.world.remove(found)
	return nil
}

// AddDocument plants what stands at a URL: nothing is ever fetched.
func (s *Sim) AddDocument(d Document) error {
	if d.URL == "" {
		return errors.New("a document needs its url")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.documents[d.URL] = d
	return nil
}

// VerifyToken is what a SCIM endpoint would say to a bearer token.
func (s *Sim) VerifyToken(connectionID, token string) TokenCheck {
	s.mu.Lock()
	defer s.mu.Unlock()
	if scim, ok := s.world.connections[connectionID].(*scimConnection); ok {
		return scim.verify(token, s.options.Now(), s.switches)
	}
	return TokenCheck{}
}
