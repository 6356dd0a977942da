package stytchsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Seed is what a simulator begins with: it belongs to the first project, and a
// reset restores it.
type Seed struct {
	// Roles are those of the project's RBAC policy, instead of the roles of the
	// options.
	Roles         []Role             `json:"roles,omitempty"`
	Organizations []SeedOrganization `json:"organizations,omitempty"`
	Documents     []Document         `json:"documents,omitempty"`
}

// SeedOrganization is an organization with what is in it, added in this order.
// Without IDs everything gets new ones. Groups are those of its SCIM connection.
type SeedOrganization struct {
	ID          string           `json:"organization_id,omitempty"`
	Slug        string           `json:"organization_slug"`
	Name        string           `json:"organization_name,omitempty"`
	ExternalID  string           `json:"organization_external_id,omitempty"`
	CustomRoles []Role           `json:"custom_roles,omitempty"`
	Connections []SeedConnection `json:"connections,omitempty"`
	Groups      []SeedGroup      `json:"groups,omitempty"`
}

// SeedConnection is a connection as in [Sim.AddConnection].
type SeedConnection struct {
	Kind   Kind           `json:"kind"`
	Fields map[string]any `json:"fields,omitempty"`
}

// SeedGroup is a SCIM group.
type SeedGroup struct {
	ID   string `json:"group_id,omitempty"`
	Name string `json:"group_name"`
}

// ReadSeed reads a seed. An error names the line, or the field that is none.
func ReadSeed(from io.Reader) (Seed, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return Seed{}, err
	}
	var seed Seed
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&seed); err != nil {
		return Seed{}, atLine(data, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Seed{}, errors.New("there is more than one JSON object")
	}
	return seed, nil
}

// atLine says on which line an error of decoding is, if JSON says where.
func atLine(data []byte, err error) error {
	var offset int64
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = wrong.Offset
	} else {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:offset], []byte("\n")), err)
}

// Plant resets the simulator to a seed, to which Reset then restores it. If the
// seed cannot be planted, nothing changes.
func (s *Sim) Plant(seed Seed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.seeded(seed); err != nil {
		return err
	}
	s.seed = seed
	s.begin()
	return nil
}

// seeded is a new world with a seed in it.
func (s *Sim) seeded(seed Seed) (*world, error) {
	w := newWorld(Project{
		ID: s.options.ProjectID, Secret: s.options.Secret, Name: s.options.ProjectName, Roles: seed.Roles,
	}, plainRoles(s.options.Roles))
	if err := checkRoles(seed.Roles); err != nil {
		return nil, err
	}
	c := &call{world: w, switches: s.options.Switches, options: &s.options, now: s.options.Now()}
	for i, o := range seed.Organizations {
		if err := c.plantOrganization(o); err != nil {
			return nil, fmt.Errorf("organizations[%d] (%q): %w", i, o.Slug, err)
		}
	}
	for i, d := range seed.Documents {
		if d.URL == "" {
			return nil, fmt.Errorf("documents[%d]: url is required", i)
		}
		w.documents[d.URL] = d
	}
	return w, nil
}

func (c *call) plantOrganization(o SeedOrganization) error {
	org, err := c.world.addOrganization(Organization{
		ID: o.ID, Slug: o.Slug, Name: o.Name, ExternalID: o.ExternalID, CustomRoles: o.CustomRoles,
	}, c.now)
	if err != nil {
		return err
	}
	for i, of := range o.Connections {
		if _, err := c.addConnection(org, of.Kind, of.Fields); err != nil {
			return fmt.Errorf("connections[%d]: %w", i, err)
		}
	}
	for i, g := range o.Groups {
		if _, err := c.world.addGroup(Group{ID: g.ID, Name: g.Name, OrganizationID: org.id}); err != nil {
			return fmt.Errorf("groups[%d]: %w", i, err)
		}
	}
	return nil
}
