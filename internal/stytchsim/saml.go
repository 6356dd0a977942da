package stytchsim

// samlConnection is a SAML connection.
type samlConnection struct {
	baseConnection
	idpEntityID, idpSSOURL                      string
	acsURL, audienceURI                         string
	alternativeAudienceURI, alternativeACSURL   string
	nameIDFormat                                string
	idpInitiatedAuthDisabled, allowGatewayReply bool
	attributeMapping                            map[string]string
	roles, groupRoles                           []assignment
	signing, verification                       []certificate
	encryption                                  []encryptionKey
}

func (s *samlConnection) fields() []field {
	return []field{
		{name: "status", at: &s.status},
		{name: "display_name", at: &s.displayName},
		{name: "identity_provider", at: &s.identityProvider},
		{name: "idp_entity_id", at: &s.idpEntityID},
		{name: "idp_sso_url", at: &s.idpSSOURL},
		{name: "acs_url", at: &s.acsURL},
		{name: "audience_uri", at: &s.audienceURI},
		{name: "alternative_audience_uri", at: &s.alternativeAudienceURI},
		{name: "alternative_acs_url", at: &s.alternativeACSURL},
		{name: "nameid_format", at: &s.nameIDFormat},
		{name: "idp_initiated_auth_disabled", at: &s.idpInitiatedAuthDisabled},
		{name: "allow_gateway_callback", at: &s.allowGatewayReply},
		{name: "attribute_mapping", at: &s.attributeMapping},
		{name: "saml_connection_implicit_role_assignments", at: &s.roles},
		{name: "saml_group_implicit_role_assignments", at: &s.groupRoles},
		{name: "signing_certificates", at: &s.signing},
		{name: "verification_certificates", at: &s.verification},
		{name: "encryption_private_keys", at: &s.encryption},
	}
}

// document is SAMLConnection of openapi.
//
// Source: live, indirectly: strict models of the official Python SDK, for which
// strings and lists are always there and never null, read the answers of a
// creation and of an update. The timestamps in it are optional for them, too.
func (s *samlConnection) document(r renderer) document {
	r.switches.Lists, r.switches.Strings = posEmpty, posEmpty
	d := r.fields(s.fields())
	d["organization_id"] = s.org.id
	d["connection_id"] = s.id
	r.provider(d, s.identityProvider)
	// openapi: nameid_format "defaults to" the e-mail format; whether an unset one
	// reads as that is the switch unset-nameid.
	if s.nameIDFormat == "" && r.switches.UnsetNameID == posDefault {
		d["nameid_format"] = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	}
	return d
}

// createSAML makes a pending SAML connection with its addresses and a signing
// certificate.
//
// Source: openapi for the two fields, docs for what is there from the start.
func createSAML(c *call) (document, error) {
	if err := c.ssoProviderKnown(); err != nil {
		return nil, err
	}
	made, err := c.newSAML(c.org, c.org.newID(SAML))
	if err != nil {
		return nil, err
	}
	c.in.apply(made.fields())
	c.world.add(made)
	c.electDefault(&made.baseConnection)
	return c.answer(made.document(c.renderer())), nil
}

// newSAML is a SAML connection as Stytch would make it, not yet in the world.
//
// Source: docs, start-sso-authenticate and the samples: both addresses are the
// callback of the connection.
func (c *call) newSAML(in *organization, id string) (*samlConnection, error) {
	signing, err := initialSigningCertificate(c.now)
	if err != nil {
		return nil, err
	}
	callback := in.callback(id)
	return &samlConnection{
		baseConnection: baseConnection{kind: SAML, id: id, org: in, status: statePending},
		acsURL:         callback, audienceURI: callback,
		signing: []certificate{signing},
	}, nil
}

// updateSAML changes what the body has and leaves the rest, all of it or, when a
// rule is broken, nothing.
//
// Source: admin portal, it sends single fields; the maintainers of stytch-go
// (issue 177): an omitted key leaves the value, an empty array clears it. That a
// refused update changes nothing is inferred.
func updateSAML(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	next := *have
	for _, rule := range []func(*call, *samlConnection) error{
		providerRule, mappingRule, applyRule, addressRule, entityRule, rolesRule,
		certificateRule, signingKeyRule, encryptionKeyRule,
	} {
		if err := rule(c, &next); err != nil {
			return nil, err
		}
	}
	c.commitSAML(have, next)
	return c.answer(have.document(c.renderer())), nil
}

func (c *call) commitSAML(have *samlConnection, next samlConnection) {
	c.activate(&next.baseConnection, next.complete())
	*have = next
	c.electDefault(&have.baseConnection)
}

// complete is whether everything is there that an active connection needs.
//
// Source: openapi, UpdateConnection of SAML: idp_sso_url, attribute_mapping,
// idp_entity_id, x509_certificate; required attributes are email and one of
// full_name or first_name and last_name.
func (s *samlConnection) complete() bool {
	return s.idpSSOURL != "" && s.idpEntityID != "" && len(s.verification) > 0 && missingMapping(s.attributeMapping) == ""
}

// missingMapping is the error type of what an attribute_mapping lacks, "" for nothing.
func missingMapping(m map[string]string) string {
	switch {
	case len(m) == 0:
		return "saml_connection_attribute_mapping_required"
	case m["email"] == "":
		return "saml_connection_email_mapping_required"
	case m["full_name"] == "" && (m["first_name"] == "" || m["last_name"] == ""):
		return "saml_connection_name_mapping_required"
	default:
		return ""
	}
}
