package stytchsim

import (
	"net/url"
	"slices"
)

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
func (s *samlConnection) document(r renderer) document {
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
	made, err := c.newSAML(c.org)
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
func (c *call) newSAML(in *organization) (*samlConnection, error) {
	signing, err := initialSigningCertificate(c.now)
	if err != nil {
		return nil, err
	}
	id := in.project.newID("saml-connection")
	callback := in.project.root() + "/v1/b2b/sso/callback/" + id
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

// unmapped is the error type of what an attribute_mapping lacks, "" for nothing.
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

// certificateRule adds the verification certificate that was sent.
//
// Source: docs, saml-certificates: a certificate is added to those there, at
// most five; too_many_sso_verification_certificates is the error type. What a
// certificate sent twice does is the switch duplicate-certificate.
func certificateRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("x509_certificate")
	if !ok || sent == "" {
		return nil // there is nothing that "" could clear
	}
	added, err := parseCertificate(sent, c.now)
	if err != nil {
		return refuse("invalid_x509_certificate", "x509_certificate cannot be read: %s.", err)
	}
	if c.switches.ExpiredCertificate == posRefuse && c.now.After(added.expires) {
		return refuse("invalid_x509_certificate", "x509_certificate is expired.")
	}
	return c.addVerification(next, added, c.switches.DuplicateCertificate == posAppend)
}

func (c *call) addVerification(next *samlConnection, added certificate, evenTwice bool) error {
	if !evenTwice && containsCertificate(next.verification, added.der) {
		return nil
	}
	if len(next.verification) >= mostCertificates {
		return refuse("too_many_sso_verification_certificates", "A SAML connection has at most %d certificates.", mostCertificates)
	}
	added.id = next.org.project.newID("saml-verification-key")
	next.verification = append(slices.Clone(next.verification), added)
	return nil
}

// signingKeyRule makes a signing certificate of the key that was sent. Whether
// the old one stays is unknown, hence the switch signing-certificates.
func signingKeyRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("signing_private_key")
	if !ok || sent == "" {
		return nil
	}
	key, err := parseRSA(sent)
	if err != nil {
		return err
	}
	made, err := signingCertificate(key, c.now)
	if err != nil {
		return refuse("saml_signing_private_key_invalid", "The private key cannot sign.")
	}
	if c.switches.SigningCertificates == posAppend {
		next.signing = append(slices.Clone(next.signing), made)
		return nil
	}
	next.signing = []certificate{made}
	return nil
}

// encryptionKeyRule adds the encryption key that was sent.
//
// Source: docs of the frontend SDKs: added to those there, at most five;
// too_many_encryption_certificates is the error type.
func encryptionKeyRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("saml_encryption_private_key")
	if !ok || sent == "" {
		return nil
	}
	added, err := parseEncryptionKey(sent, c.now)
	if err != nil {
		return err
	}
	if len(next.encryption) >= mostCertificates {
		return refuse("too_many_encryption_certificates", "A SAML connection has at most %d encryption keys.", mostCertificates)
	}
	added.id = next.org.project.newID("saml-encryption-key")
	next.encryption = append(slices.Clone(next.encryption), added)
	return nil
}

// deleteCertificate removes a verification certificate.
//
// Source: docs, delete-verification-certificate: an active connection keeps at
// least one (cannot_delete_last_sso_verification_key).
func deleteCertificate(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	id := c.path("certificate_id")
	at := slices.IndexFunc(have.verification, func(known certificate) bool { return known.id == id })
	if at < 0 {
		return nil, refuse("sso_verification_key_not_found", "There is no such certificate: %s.", id)
	}
	if have.status == stateActive && len(have.verification) == 1 {
		return nil, refuse("cannot_delete_last_sso_verification_key", "An active connection needs at least one certificate.")
	}
	have.verification = slices.Delete(slices.Clone(have.verification), at, at+1)
	return document{"certificate_id": id}, nil
}

// deleteEncryptionKey removes an encryption key; no least number is documented.
//
// Source: openapi, DeleteEncryptionPrivateKey.
func deleteEncryptionKey(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	id := c.path("private_key_id")
	at := slices.IndexFunc(have.encryption, func(known encryptionKey) bool { return known.id == id })
	if at < 0 {
		return nil, refuse("sso_encryption_private_key_not_found", "There is no such encryption key: %s.", id)
	}
	have.encryption = slices.Delete(slices.Clone(have.encryption), at, at+1)
	return document{"private_key_id": id}, nil
}
