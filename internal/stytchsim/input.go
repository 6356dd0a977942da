package stytchsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// shape is the JSON type of a request field.
type shape int

const (
	textShape       shape = iota + 1 // string
	flagShape                        // boolean
	mappingShape                     // object of strings
	rolesShape                       // array of {role_id}
	groupRolesShape                  // array of {role_id, group}
	scimRolesShape                   // array of {role_id, group_id}
	numberShape                      // integer
	queryShape                       // object of operator and operands
)

// shapes is the fields a request may have. One it does not have is refused, so
// that a misspelt name in a client fails its test; the live API may well ignore
// it.
type shapes map[string]shape

// input is the fields a request had, decoded: string, bool, int,
// map[string]string, []assignment or query. What is not there was not sent.
type input map[string]any

// assignment is an entry of a role list: role_id, and what it is assigned by.
type assignment map[string]string

func (in input) text(name string) (string, bool) {
	value, ok := in[name].(string)
	return value, ok
}

func (in input) assignments(name string) []assignment {
	value, _ := in[name].([]assignment)
	return value
}

// rawFields splits a request body into its fields. No body at all is an empty
// object: the samples in the docs send none to rotate endpoints.
func rawFields(data []byte) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(data)) == 0 {
		return fields, nil
	}
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		return nil, refuse("bad_request", "The request body is not a JSON object.")
	}
	return fields, nil
}

// decode reads a request's fields as the route declares them.
func (c *call) decode(fields map[string]json.RawMessage) error {
	c.in = input{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := c.decodeField(name, fields[name]); err != nil {
			return err
		}
	}
	for _, name := range c.route.required {
		// openapi: required in the request schema. The error type is inferred.
		if value, _ := c.in.text(name); value == "" {
			return refuse("bad_request", "%s is required.", name)
		}
	}
	return nil
}

func (c *call) decodeField(name string, raw json.RawMessage) error {
	if name == "organization_id" || name == "connection_id" {
		return c.repeated(name, raw)
	}
	want, known := c.route.body[name]
	if !known {
		return refuse("bad_request", "%s is not a field of %s.", name, c.route.operation)
	}
	if string(raw) == "null" {
		return c.null(name, want)
	}
	value, err := want.decode(raw)
	if _, ruled := errors.AsType[*refusal](err); ruled {
		return err
	}
	if err != nil {
		return refuse("bad_request", "%s %s.", name, err)
	}
	if value == "" && c.route.method == "PUT" {
		return c.emptyString(name)
	}
	c.in[name] = value
	return nil
}

// repeated accepts what the path says already.
//
// Source: stytch-go and the Python SDK send organization_id and connection_id in
// the body too, and that works. That a body which contradicts its path is
// refused is inferred: it can only be a mistake.
func (c *call) repeated(name string, raw json.RawMessage) error {
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return refuse("bad_request", "%s is not a string.", name)
	}
	same := value == c.path(name)
	if name == "organization_id" && c.org != nil {
		same = c.project.organizations[value] == c.org
	}
	if !same {
		return refuse("bad_request", "%s in the body is not the one in the path.", name)
	}
	return nil
}

// null is what the switch null-value makes of it. Openapi declares no field
// nullable, and nobody says what null does.
func (c *call) null(name string, want shape) error {
	switch c.switches.Null {
	case posClear:
		c.in[name] = want.zero()
	case posRefuse:
		return refuse("bad_request", "%s must not be null.", name)
	}
	return nil
}

// emptyString is what the switch empty-string makes of one in an update. The
// admin portal sends them when a person blanks a box, so the API handles them
// somehow.
func (c *call) emptyString(name string) error {
	switch c.switches.EmptyString {
	case posClear:
		c.in[name] = ""
	case posRefuse:
		return refuse(emptyRefusal(c.route, name), "%s must not be empty.", name)
	}
	return nil
}

// emptyRefusal is the error type that reads as if it were made for the case.
func emptyRefusal(r route, name string) string {
	byName := map[string]string{
		"display_name":      "invalid_display_name",
		"idp_entity_id":     "invalid_idp_entity_id",
		"idp_sso_url":       "saml_connection_idp_sso_url_required",
		"x509_certificate":  "invalid_x509_certificate",
		"metadata_url":      "invalid_saml_metadata_url",
		"issuer":            "oidc_connection_issuer_required",
		"client_id":         "oidc_connection_client_id_required",
		"client_secret":     "oidc_connection_client_secret_required",
		"authorization_url": "oidc_connection_authorization_url_required",
		"token_url":         "oidc_connection_token_url_required",
		"userinfo_url":      "oidc_connection_userinfo_url_required",
		"jwks_url":          "oidc_connection_jwks_url_required",
		"identity_provider": r.providerError,
	}
	if errorType := byName[name]; errorType != "" {
		return errorType
	}
	return "invalid_request_value"
}

// zero is the value that clears a field.
func (s shape) zero() any {
	switch s {
	case flagShape:
		return false
	case mappingShape:
		return map[string]string{}
	case rolesShape, groupRolesShape, scimRolesShape:
		return []assignment{}
	case numberShape:
		return 0
	case queryShape:
		return query{}
	default:
		return ""
	}
}

func (s shape) decode(raw json.RawMessage) (any, error) {
	switch s {
	case flagShape:
		return decodeAs[bool](raw, "true or false")
	case mappingShape:
		return decodeMapping(raw)
	case numberShape:
		return decodeAs[int](raw, "an integer")
	case queryShape:
		return decodeQuery(raw)
	case rolesShape:
		return decodeAssignments(raw, "role_id")
	case groupRolesShape:
		return decodeAssignments(raw, "role_id", "group")
	case scimRolesShape:
		// group_name is in the shared schema of openapi; only answers need it.
		return decodeAssignments(raw, "role_id", "group_id", "group_name")
	default:
		return decodeAs[string](raw, "a string")
	}
}

func decodeAs[T any](raw json.RawMessage, want string) (any, error) {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, errors.New("must be " + want)
	}
	return value, nil
}

// decodeMapping reads an attribute_mapping.
//
// Source: an open object in openapi, strings in every sample and in the mobile
// SDKs' types; saml_connection_no_nested_keys_in_attribute_mapping is an error
// type.
func decodeMapping(raw json.RawMessage) (any, error) {
	var values map[string]any
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, errors.New("must be an object of strings")
	}
	decoded := make(map[string]string, len(values))
	for key, value := range values {
		word, ok := value.(string)
		if _, nested := value.(map[string]any); nested {
			return nil, refuse("saml_connection_no_nested_keys_in_attribute_mapping", "attribute_mapping.%s must not be an object.", key)
		}
		if !ok {
			return nil, errors.New("must be an object of strings")
		}
		decoded[key] = word
	}
	return decoded, nil
}

// decodeAssignments reads a role list whose entries may have these fields.
func decodeAssignments(raw json.RawMessage, names ...string) (any, error) {
	var values []map[string]*string
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, errors.New("must be an array of objects of strings")
	}
	decoded := make([]assignment, 0, len(values))
	for _, value := range values {
		entry := assignment{}
		for key, word := range value {
			if !slices.Contains(names, key) {
				return nil, errors.New("has entries, and these have no field " + key)
			}
			if word == nil {
				return nil, errors.New("has an entry whose " + key + " is null")
			}
			entry[key] = *word
		}
		decoded = append(decoded, entry)
	}
	return decoded, nil
}

// apply sets those fields of a connection that were sent.
func (in input) apply(fields []field) {
	for _, f := range fields {
		value, sent := in[f.name]
		if !sent {
			continue
		}
		switch at := f.at.(type) {
		case *string:
			*at, _ = value.(string)
		case *bool:
			*at, _ = value.(bool)
		case *map[string]string:
			*at, _ = value.(map[string]string)
		case *[]assignment:
			*at, _ = value.([]assignment)
		}
	}
}
