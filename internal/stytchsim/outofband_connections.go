package stytchsim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// AddConnection adds a connection as if somebody had created it in Stytch's
// dashboard. Fields are those of the API's object; certificates and encryption
// keys are PEM; a SCIM connection may also have bearer_token and
// next_bearer_token; connection_id sets the ID. A complete SAML or OIDC
// connection is active unless status is set.
func (s *Sim) AddConnection(organizationKey string, kind Kind, fields map[string]any) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org, err := s.findOrganization(organizationKey)
	if err != nil {
		return Connection{}, err
	}
	c := &call{world: s.world, switches: s.switches, options: &s.options, now: s.options.Now()}
	made, err := c.addConnection(org, kind, fields)
	if err != nil {
		return Connection{}, err
	}
	return view(made), nil
}

func (c *call) addConnection(in *organization, kind Kind, fields map[string]any) (connection, error) {
	made, err := c.newConnection(in, kind, fields["connection_id"])
	if err != nil {
		return nil, err
	}
	if err := c.setFields(made, fields); err != nil {
		return nil, err
	}
	if _, ok := c.world.connections[made.base().id]; ok || (kind == SCIM && in.scim != nil) {
		return nil, errors.New("the connection already exists")
	}
	if complete, ok := made.(interface{ complete() bool }); ok && fields["status"] == nil && complete.complete() {
		made.base().status = stateActive
	}
	c.world.add(made)
	if kind != SCIM {
		c.electDefault(made.base())
	}
	return made, nil
}

// newConnection is a connection with nothing set, of that ID or, without one, of a
// new one.
func (c *call) newConnection(in *organization, kind Kind, given any) (connection, error) {
	id, ok := given.(string)
	if !ok && given != nil {
		return nil, errors.New("connection_id is not a string")
	}
	id = cmp.Or(id, in.newID(kind))
	switch kind {
	case SCIM:
		return in.newSCIM(id, c.options, c.now), nil
	case SAML:
		return c.newSAML(in, id)
	case OIDC:
		return newOIDC(in, id), nil
	case External:
		return newExternal(in, id), nil
	default:
		return nil, fmt.Errorf("kind %q is not one of scim, saml, oidc, external", kind)
	}
}

// PatchConnection sets fields of a connection past all rules: drift. The fields
// are those of AddConnection except connection_id.
func (s *Sim) PatchConnection(id string, fields map[string]any) (Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.world.connections[id]
	if !ok {
		return Connection{}, notFoundError{"connection", id}
	}
	if _, sent := fields["connection_id"]; sent {
		return Connection{}, errors.New("connection_id is immutable")
	}
	c := &call{world: s.world, options: &s.options, now: s.options.Now()}
	if err := c.setFields(found, fields); err != nil {
		return Connection{}, err
	}
	return view(found), nil
}

// setFields sets fields of a connection: all of them or, if one is invalid, none.
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
			values, err := decodeAssignments(data, "role_id", "group", "group_id", "group_name")
			return func() { *at, _ = values.([]assignment) }, err
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
	return nil, fmt.Errorf("unknown field of a %s connection", of.base().kind)
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

// RemoveConnection removes a connection past all rules.
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
