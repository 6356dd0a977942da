package connection

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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
		Rivalry:    "The organization already has a SAML connection of this display name, which no manifest holds",
		Shared:     true,
		References: samlReferences,
		Want:       samlWant,
		Have:       samlHave,
		Creation: func(o *v1alpha1.SAMLConnection) stytch.Fields {
			return creationWithProvider(string(o.Spec.IdentityProvider))
		},
		Lacks:    samlLacks,
		Publish:  samlPublish,
		Doubts:   samlDoubts,
		Prepare:  samlPrepare,
		Learn:    samlLearn,
		Undo:     samlUndo,
		Expiries: samlExpiries,
		Due:      func(*v1alpha1.SAMLConnection) time.Time { return time.Time{} },
		Rotating: func(State, State) (string, string) { return "", "" },
	}
}

func creationWithProvider(provider string) stytch.Fields {
	if provider == "" {
		return stytch.Fields{}
	}
	return stytch.Fields{fieldIdentityProvider: provider}
}

func samlReferences(o *v1alpha1.SAMLConnection) []Reference {
	var r references
	for _, c := range o.Spec.VerificationCertificates {
		if c.SecretKeyRef != nil {
			r.add(KindSecret, c.SecretKeyRef.Name)
		}
		if c.ConfigMapKeyRef != nil {
			r.add(KindConfigMap, c.ConfigMapKeyRef.Name)
		}
	}
	if ref := o.Spec.SigningPrivateKeyRef; ref != nil {
		r.add(KindSecret, ref.Name)
	}
	for _, ref := range o.Spec.EncryptionPrivateKeyRefs {
		r.add(KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.add(KindConfigMap, name)
	}
	return r
}

func samlWant(o *v1alpha1.SAMLConnection, _ string, in Inputs) (State, []Problem) {
	want := State{Settings: samlSettings(o.Spec), Now: in.Now}
	var certificates, keys, details []Problem
	want.Certificates, certificates = wantedCertificates(o.Spec.VerificationCertificates, in)
	want.Incomplete, want.Refused = len(certificates) > 0, o.Status.RefusedCertificate
	if metadata, taken := wantedMetadata(o, want.Settings); metadata != nil {
		want.Metadata, want.Certificates = metadata, taken
	}
	want.Signing, keys = wantedSigning(o.Spec.SigningPrivateKeyRef, in)
	problems := slices.Concat(certificates, keys)
	want.Encryption, keys = wantedEncryption(o, in)
	want.Details, details = wantedDetails(o, o.Spec.DetailsConfigMapName, in)
	return want, slices.Concat(problems, keys, details)
}

func samlSettings(spec v1alpha1.SAMLConnectionSpec) Settings {
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
	return s
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
		have.Certificates = append(have.Certificates, Certificate{SHA256: c.SHA256, ID: c.ID, ExpiresAt: c.ExpiresAt, PEM: c.PEM})
	}
	for _, c := range r.SigningCertificates { // the newest first, and as new as that only where they were made at once
		if c.SPKISHA256 != "" && c.CreatedAt.Equal(r.SigningCertificates[0].CreatedAt) {
			have.Signing = append(have.Signing, Key{SPKISHA256: c.SPKISHA256, Certificate: c.PEM})
		}
	}
	have.Encryption = &Encryption{IDs: r.EncryptionKeyIDs}
	have.Details = map[string]string{v1alpha1.DetailsKeyACSURL: r.ACSURL, v1alpha1.DetailsKeyAudienceURI: r.AudienceURI}
	if len(r.SigningCertificates) > 0 {
		have.Details[v1alpha1.DetailsKeySigningCertificate] = r.SigningCertificates[0].PEM
	}
	return have
}

// nameIDFormat is a format where none means the default.
func nameIDFormat(s string) Value { return Value{Send: s, Same: cmp.Or(s, defaultNameIDFormat)} }

// samlLacks names what Stytch's docs ask for before a SAML connection is active.
func samlLacks(r stytch.SAMLConnection) []string {
	return lacking(
		lack{"idpEntityID", r.IDPEntityID == ""},
		lack{"idpSSOURL", r.IDPSSOURL == ""},
		lack{"attributeMapping.email", r.AttributeMapping["email"] == ""},
		lack{"attributeMapping.full_name (or first_name and last_name)", !namesPeople(r.AttributeMapping)},
		lack{"verificationCertificates", len(r.VerificationCertificates) == 0},
	)
}

// lack is something that a connection may need to become active.
type lack struct {
	name    string
	missing bool
}

func lacking(parts ...lack) []string {
	var names []string
	for _, part := range parts {
		if part.missing {
			names = append(names, part.name)
		}
	}
	return names
}

func namesPeople(mapping map[string]string) bool {
	return mapping["full_name"] != "" || (mapping["first_name"] != "" && mapping["last_name"] != "")
}

func samlPublish(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection, want State) {
	o.Status.ACSURL, o.Status.AudienceURI = r.ACSURL, r.AudienceURI
	certificates := slices.SortedFunc(slices.Values(r.VerificationCertificates), func(a, b stytch.Certificate) int {
		return cmp.Or(compareEnds(a.ExpiresAt, b.ExpiresAt), strings.Compare(a.ID, b.ID))
	})
	o.Status.VerificationCertificates = nil
	for _, c := range certificates {
		o.Status.VerificationCertificates = append(o.Status.VerificationCertificates,
			v1alpha1.CertificateStatus{CertificateID: c.ID, SHA256: c.SHA256, Subject: c.Subject, ExpiresAt: expiry(c.ExpiresAt)})
	}
	o.Status.SigningCertificates = nil
	for _, c := range r.SigningCertificates {
		o.Status.SigningCertificates = append(o.Status.SigningCertificates,
			v1alpha1.SigningCertificateStatus{SHA256: c.SHA256, ExpiresAt: expiry(c.ExpiresAt)})
	}
	have := samlHave(r)
	missing, _ := compareCertificates(want, have)
	if freed := o.Status.FreedCertificate; len(missing) == 0 || freed != nil && holds(have.Certificates, freed.SHA256) {
		o.Status.FreedCertificate = nil
	}
	if !holds(want.Certificates, o.Status.RefusedCertificate) {
		o.Status.RefusedCertificate = ""
	}
	if o.Spec.MetadataURL == "" {
		o.Status.FromMetadata = nil
	}
	forgetKey(o, want.Encryption, r.EncryptionKeyIDs)
}

func samlDoubts(o *v1alpha1.SAMLConnection, want, have State) []Problem {
	problems := keyDoubts(want.Encryption, have.Encryption)
	for _, c := range expiredInVain(want, have) {
		problems = append(problems, Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"%s holds the certificate %s, which expired at %s and is not sent: put the identity provider's current one in its place.",
			c.Where, short(c.SHA256), moment(c.ExpiresAt))})
	}
	if refused, is := refusedInVain(want, have); is {
		problems = append(problems, Problem{Reason: v1alpha1.ReasonRejected, Message: fmt.Sprintf(
			"%s holds the certificate %s, which Stytch refused (invalid_x509_certificate) and which is not sent again: put the identity provider's current one in its place.",
			refused.Where, short(refused.SHA256))})
	}
	if missing, _ := compareCertificates(want, have); len(missing) > 0 || want.Incomplete || len(problems) > 0 {
		return problems
	}
	remedy := "put the identity provider's current one into spec.verificationCertificates"
	if o.Spec.MetadataURL != "" {
		remedy = "have the metadata read again by the annotation " + v1alpha1.AnnotationRefreshMetadata
	}
	for _, c := range lastValid(want, have) {
		problems = append(problems, Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"Every certificate that is wanted has expired, so that %s stays at Stytch, which nobody wants and which is valid: %s.", cmp.Or(c.SHA256, c.ID), remedy)})
	}
	return problems
}

func samlPrepare(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection, step Step, _ time.Time) bool {
	if step.Action == AddEncryptionKey {
		return prepareKey(o, r.EncryptionKeyIDs, step)
	}
	if step.Action == ReadMetadata {
		return prepareMetadata(o, r)
	}
	if step.Action != FreeCertificate {
		return false
	}
	freed := step.Changes[0].Have
	text, known := freed.Send.(string)
	if !known || text == "" {
		return false
	}
	o.Status.FreedCertificate = &v1alpha1.FreedCertificateStatus{SHA256: freed.Same, PEM: text}
	return true
}

func samlLearn(o *v1alpha1.SAMLConnection, before, after stytch.SAMLConnection, done *Step, _ time.Time) {
	learnKey(o, after.EncryptionKeyIDs)
	if done != nil && done.Action == ReadMetadata {
		learnMetadata(o, before, after)
	}
}

// samlUndo puts the certificate back that made room for one that Stytch refused. Where it was refused for its own sake, it is noted:
// to make room for it again at each look would take a certificate away each time. Of a key that was refused nothing can appear any
// more.
func samlUndo(o *v1alpha1.SAMLConnection, refused Step, errorType string) *Step {
	if refused.Action == AddEncryptionKey {
		o.Status.AddingEncryptionKey = nil
	}
	freed := o.Status.FreedCertificate
	if freed == nil {
		return nil
	}
	if !carries(refused, fieldCertificate) && refused.Action != ReadMetadata {
		return nil
	}
	for _, c := range refused.Changes {
		if c.Field == fieldCertificate && errorType == "invalid_x509_certificate" {
			o.Status.RefusedCertificate = c.Want.Same
		}
	}
	return &Step{Action: Update, Changes: []Change{{Field: fieldCertificate, Want: Value{Send: freed.PEM, Same: freed.SHA256}}}}
}

func samlExpiries(o *v1alpha1.SAMLConnection) []Expiry {
	advice := "put the identity provider's next certificate beside it, into spec.verificationCertificates or what that names, and take it out once it is not used any more"
	if o.Spec.MetadataURL != "" {
		advice = "once the identity provider publishes its next certificate, have the metadata read again by the annotation " + v1alpha1.AnnotationRefreshMetadata
	}
	var list []Expiry
	for _, c := range o.Status.VerificationCertificates {
		which := cmp.Or(short(c.SHA256), c.CertificateID)
		list = ends(list, c.ExpiresAt, Expiry{
			What: "verification_certificate", Which: which, Advice: advice,
			Name: strings.TrimSuffix("The identity provider's certificate "+which+" ("+c.Subject+")", " ()"),
		})
	}
	if len(o.Status.SigningCertificates) > 0 {
		newest := o.Status.SigningCertificates[0]
		list = ends(list, newest.ExpiresAt, Expiry{
			What: "signing_certificate", Which: short(newest.SHA256), Name: "Stytch's signing certificate " + short(newest.SHA256),
			Advice: "name a new key in spec.signingPrivateKeyRef, and give the identity provider the certificate that Stytch makes of it",
		})
	}
	return list
}

// short is the beginning of a fingerprint, which is enough to tell one certificate from another.
func short(sha256 string) string { return sha256[:min(len(sha256), 16)] }
