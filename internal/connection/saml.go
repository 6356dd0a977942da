package connection

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// defaultNameIDFormat is what Stytch uses, and may show, where no format is set.
const defaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

// SAML is what is thought about SAML connections.
func SAML() Kind[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return Kind[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.SAMLConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection) bool {
			return r.DisplayName == RealName(o)
		},
		Rivalry: "The organization already has a SAML connection of this display name, which no manifest holds",
		Shared:  true,
		Secrets: func(*v1alpha1.SAMLConnection) []string { return nil },
		Want:    samlWant,
		Have:    samlHave,
		Creation: func(o *v1alpha1.SAMLConnection) stytch.Fields {
			return creationWithProvider(string(o.Spec.IdentityProvider))
		},
		Lacks:   samlLacks,
		Publish: samlPublish,
		Doubts:  func(*v1alpha1.SAMLConnection, State, State) []Problem { return nil },
	}
}

func creationWithProvider(provider string) stytch.Fields {
	if provider == "" {
		return stytch.Fields{}
	}
	return stytch.Fields{fieldIdentityProvider: provider}
}

func samlWant(o *v1alpha1.SAMLConnection, _ string, _ Secrets) (State, []Problem) {
	spec := o.Spec
	s := Settings{}
	s.set(fieldIdentityProvider, spec.IdentityProvider != "", Provider(string(spec.IdentityProvider)))
	s.set("idp_entity_id", spec.IDPEntityID != "", Text(spec.IDPEntityID))
	s.set("idp_sso_url", spec.IDPSSOURL != "", Text(spec.IDPSSOURL))
	s.set("attribute_mapping", spec.AttributeMapping != nil, Mapping(spec.AttributeMapping))
	s.set("idp_initiated_auth_disabled", spec.IDPInitiatedAuth != "", Flag(spec.IDPInitiatedAuth == v1alpha1.ToggleDisabled))
	s.set("allow_gateway_callback", spec.GatewayCallback != "", Flag(spec.GatewayCallback == v1alpha1.PermissionAllowed))
	s.set("saml_connection_implicit_role_assignments", spec.ImplicitRoles != nil, roles(spec.ImplicitRoles))
	s.set("saml_group_implicit_role_assignments", spec.GroupImplicitRoles != nil, wantedGroupRoles(spec.GroupImplicitRoles))
	if spec.NameIDFormat != nil {
		s["nameid_format"] = nameIDFormat(*spec.NameIDFormat)
	}
	if spec.AlternativeAudienceURI != nil {
		s["alternative_audience_uri"] = Text(*spec.AlternativeAudienceURI)
	}
	if spec.AlternativeACSURL != nil {
		s["alternative_acs_url"] = Text(*spec.AlternativeACSURL)
	}
	certificates, problems := wantedCertificates(spec.VerificationCertificates)
	return State{Settings: s, Certificates: certificates, Incomplete: len(problems) > 0}, problems
}

func samlHave(r stytch.SAMLConnection) State {
	have := State{Settings: Settings{
		fieldIdentityProvider:                       Provider(r.IdentityProvider),
		"idp_entity_id":                             Text(r.IDPEntityID),
		"idp_sso_url":                               Text(r.IDPSSOURL),
		"attribute_mapping":                         Mapping(r.AttributeMapping),
		"nameid_format":                             nameIDFormat(r.NameIDFormat),
		"alternative_audience_uri":                  Text(r.AlternativeAudienceURI),
		"alternative_acs_url":                       Text(r.AlternativeACSURL),
		"idp_initiated_auth_disabled":               Flag(r.IDPInitiatedAuthDisabled),
		"allow_gateway_callback":                    Flag(r.AllowGatewayCallback),
		"saml_connection_implicit_role_assignments": roles(r.ImplicitRoles),
		"saml_group_implicit_role_assignments":      groupRoles(r.GroupImplicitRoles),
	}}
	for _, c := range r.VerificationCertificates {
		have.Certificates = append(have.Certificates, Certificate{SHA256: c.SHA256, ID: c.ID, ExpiresAt: c.ExpiresAt})
	}
	return have
}

// nameIDFormat is a format where none means the default.
func nameIDFormat(s string) Value { return Value{Send: s, Same: cmp.Or(s, defaultNameIDFormat)} }

// wantedCertificates reads the certificates of a manifest. One that is named twice counts once.
func wantedCertificates(list []v1alpha1.VerificationCertificate) ([]Certificate, []Problem) {
	var certificates []Certificate
	var problems []Problem
	for i, item := range list {
		c, err := readCertificate(item.PEM)
		if err != nil {
			problems = append(problems, Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
				"spec.verificationCertificates[%d].pem %v.", i, err)})
			continue
		}
		if !slices.ContainsFunc(certificates, func(other Certificate) bool { return other.SHA256 == c.SHA256 }) {
			certificates = append(certificates, c)
		}
	}
	return certificates, problems
}

// readCertificate reads exactly one certificate. It is sent on in canonical PEM. Only its shape is looked at: identity providers
// use certificates that Go's parser finds fault with, and Stytch is the one to judge them.
func readCertificate(text string) (Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return Certificate{}, fmt.Errorf("is not PEM: paste the certificate with its BEGIN CERTIFICATE and END CERTIFICATE lines")
	case strings.Count(text, "-----BEGIN ") > 1 || strings.TrimSpace(string(rest)) != "": // Decode passes over what is broken
		return Certificate{}, fmt.Errorf("holds more than one certificate, or text after it: give each certificate an entry of its own")
	case block.Type != "CERTIFICATE":
		return Certificate{}, fmt.Errorf("holds a %s, not a CERTIFICATE: paste the identity provider's signing certificate", cut(block.Type))
	}
	var shape struct {
		Certificate asn1.RawValue
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}
	if after, err := asn1.Unmarshal(block.Bytes, &shape); err != nil || len(after) > 0 {
		return Certificate{}, fmt.Errorf("is not a readable X.509 certificate: download it from the identity provider again")
	}
	sum := sha256.Sum256(block.Bytes)
	return Certificate{
		SHA256: hex.EncodeToString(sum[:]),
		PEM:    string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})),
	}, nil
}

// samlLacks names what Stytch's docs ask for before a SAML connection is active.
func samlLacks(r stytch.SAMLConnection) []string {
	var lacks []string
	for _, part := range []struct {
		name    string
		missing bool
	}{
		{"idpEntityID", r.IDPEntityID == ""},
		{"idpSSOURL", r.IDPSSOURL == ""},
		{"attributeMapping.email", r.AttributeMapping["email"] == ""},
		{"attributeMapping.full_name (or first_name and last_name)", !namesPeople(r.AttributeMapping)},
		{"verificationCertificates", len(r.VerificationCertificates) == 0},
	} {
		if part.missing {
			lacks = append(lacks, part.name)
		}
	}
	return lacks
}

func namesPeople(mapping map[string]string) bool {
	return mapping["full_name"] != "" || (mapping["first_name"] != "" && mapping["last_name"] != "")
}

func samlPublish(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection, _ State) {
	o.Status.ACSURL, o.Status.AudienceURI = r.ACSURL, r.AudienceURI
	certificates := slices.SortedFunc(slices.Values(r.VerificationCertificates), func(a, b stytch.Certificate) int {
		return cmp.Or(compareEnds(a.ExpiresAt, b.ExpiresAt), strings.Compare(a.ID, b.ID))
	})
	o.Status.VerificationCertificates = nil
	for _, c := range certificates {
		o.Status.VerificationCertificates = append(o.Status.VerificationCertificates,
			v1alpha1.CertificateStatus{CertificateID: c.ID, SHA256: c.SHA256, ExpiresAt: expiry(c.ExpiresAt)})
	}
}
