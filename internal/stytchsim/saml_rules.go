package stytchsim

import (
	"net/url"
	"slices"
)

func providerRule(c *call, _ *samlConnection) error { return c.ssoProviderKnown() }

// mappingRule checks an attribute_mapping, which replaces the one there as a
// whole (admin portal: it removes a key by sending the object without it).
//
// Inferred from the error types: an incomplete one is refused at once. It might
// as well leave the connection pending, hence the switches empty-mapping and
// incomplete-mapping.
func mappingRule(c *call, _ *samlConnection) error {
	const name = "attribute_mapping"
	sent, ok := c.in[name].(map[string]string)
	if !ok {
		return nil
	}
	missing := missingMapping(sent)
	if len(sent) == 0 {
		switch c.switches.EmptyMapping {
		case posClear:
			return nil
		case posIgnore:
			delete(c.in, name)
			return nil
		}
	}
	if missing == "" || (len(sent) > 0 && c.switches.IncompleteMapping == posAccept) {
		return nil
	}
	return refuse(missing, "attribute_mapping must map email and either full_name or first_name and last_name.")
}

func applyRule(c *call, next *samlConnection) error {
	c.in.apply(next.fields())
	return nil
}

// addressRule checks an idp_sso_url. The error types name the two ways to be
// wrong.
func addressRule(c *call, _ *samlConnection) error {
	sent, ok := c.in.text("idp_sso_url")
	if !ok || sent == "" {
		return nil
	}
	return checkIDPSSOURL(sent)
}

func checkIDPSSOURL(address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return refuse("saml_connection_idp_sso_url_invalid_format", "idp_sso_url is not a URL.")
	}
	if parsed.Scheme != "https" {
		return refuse("saml_connection_idp_sso_url_not_https", "idp_sso_url must be an https URL.")
	}
	return nil
}

// entityRule is the switch duplicate-entity-id: duplicate_saml_connection is an
// error type, and what it is about is unknown.
func entityRule(c *call, next *samlConnection) error {
	_, sent := c.in.text("idp_entity_id")
	if !sent || next.idpEntityID == "" || c.switches.DuplicateEntityID == posAccept {
		return nil
	}
	for _, other := range c.org.sso {
		if saml, ok := other.(*samlConnection); ok && saml.id != next.id && saml.idpEntityID == next.idpEntityID {
			return refuse("duplicate_saml_connection", "Another SAML connection has this idp_entity_id.")
		}
	}
	return nil
}

// rolesRule checks role lists, which replace the ones there as a whole (admin
// portal: [] clears).
func rolesRule(c *call, next *samlConnection) error {
	byConnection := c.in.assignments("saml_connection_implicit_role_assignments")
	byGroup := c.in.assignments("saml_group_implicit_role_assignments")
	if err := c.rolesKnown(slices.Concat(byConnection, byGroup)); err != nil {
		return err
	}
	if err := groupsNamed(byGroup); err != nil {
		return err
	}
	// Inferred: a mapping cannot lose its groups while there are assignments by
	// group either.
	if _, mapped := c.in["attribute_mapping"]; len(byGroup) == 0 && !mapped {
		return nil
	}
	return groupsMapped(next.groupRoles, next.attributeMapping)
}
