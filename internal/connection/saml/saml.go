package saml

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/details"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// defaultNameIDFormat is what Stytch uses, and may show, where no format is set.
const defaultNameIDFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

// SAML is what is thought about SAML connections.
func Kind() connection.Kind[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	return connection.Kind[*v1alpha1.SAMLConnection, stytch.SAMLConnection]{
		API:    stytch.APISSO,
		Common: func(r stytch.SAMLConnection) stytch.Connection { return r.Connection },
		Rival: func(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection) bool {
			return r.DisplayName == connection.RealName(o)
		},
		Rivalry:    "The organization already has a SAML connection of this display name, which no manifest holds",
		Shared:     true,
		References: references,
		Settings:   settings(),
		Want:       wantState,
		Have:       haveState,
		Plan:       plan,
		Problems:   findProblems,
		Creation: func(o *v1alpha1.SAMLConnection) stytch.Fields {
			return connection.WithProvider(string(o.Spec.IdentityProvider))
		},
		MissingToActivate: missingToActivate,
		Recorded:          recorded,
		Record:            record,
		Remember:          remember,
		Publish:           publish,
		Undo:              undo,
		Expiries:          expiries,
	}
}

func references(o *v1alpha1.SAMLConnection) []connection.Reference {
	var r connection.References
	for _, c := range o.Spec.VerificationCertificates {
		if c.SecretKeyRef != nil {
			r.Add(connection.KindSecret, c.SecretKeyRef.Name)
		}
		if c.ConfigMapKeyRef != nil {
			r.Add(connection.KindConfigMap, c.ConfigMapKeyRef.Name)
		}
	}
	if ref := o.Spec.SigningPrivateKeyRef; ref != nil {
		r.Add(connection.KindSecret, ref.Name)
	}
	for _, ref := range o.Spec.EncryptionPrivateKeyRefs {
		r.Add(connection.KindSecret, ref.Name)
	}
	if name := o.Spec.DetailsConfigMapName; name != "" {
		r.Add(connection.KindConfigMap, name)
	}
	return r
}

func settings() []connection.Setting[*v1alpha1.SAMLConnection, stytch.SAMLConnection] {
	type o = *v1alpha1.SAMLConnection
	type r = stytch.SAMLConnection
	return []connection.Setting[o, r]{
		connection.ProviderSetting(func(o o) string { return string(o.Spec.IdentityProvider) }, func(r r) string { return r.IdentityProvider }),
		connection.Field("idp_entity_id", connection.TopicEndpoint,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.NonEmpty(cmp.Or(lastRead(o).IDPEntityID, o.Spec.IDPEntityID))
			},
			func(r r) connection.Value { return connection.Text(r.IDPEntityID) }),
		connection.Field("idp_sso_url", connection.TopicEndpoint,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.NonEmpty(cmp.Or(lastRead(o).IDPSSOURL, o.Spec.IDPSSOURL))
			},
			func(r r) connection.Value { return connection.Text(r.IDPSSOURL) }),
		connection.Field("attribute_mapping", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Mapping(o.Spec.AttributeMapping), o.Spec.AttributeMapping != nil
			},
			func(r r) connection.Value { return connection.Mapping(r.AttributeMapping) }),
		connection.Field("saml_connection_implicit_role_assignments", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Roles(o.Spec.ImplicitRoles), o.Spec.ImplicitRoles != nil
			},
			func(r r) connection.Value { return connection.Roles(r.ImplicitRoles) }),
		connection.Field("saml_group_implicit_role_assignments", connection.TopicMapping,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.WantedGroupRoles(o.Spec.GroupImplicitRoles), o.Spec.GroupImplicitRoles != nil
			},
			func(r r) connection.Value { return connection.SeenGroupRoles(r.GroupImplicitRoles) }),
		connection.Field("nameid_format", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Clearable(o.Spec.NameIDFormat, nameIDFormat)
			},
			func(r r) connection.Value { return nameIDFormat(r.NameIDFormat) }),
		connection.Field("alternative_audience_uri", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Clearable(o.Spec.AlternativeAudienceURI, connection.Text)
			},
			func(r r) connection.Value { return connection.Text(r.AlternativeAudienceURI) }),
		connection.Field("alternative_acs_url", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Clearable(o.Spec.AlternativeACSURL, connection.Text)
			},
			func(r r) connection.Value { return connection.Text(r.AlternativeACSURL) }),
		connection.Field("idp_initiated_auth_disabled", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Flag(o.Spec.IDPInitiatedAuth == v1alpha1.ToggleDisabled), o.Spec.IDPInitiatedAuth != ""
			},
			func(r r) connection.Value { return connection.Flag(r.IDPInitiatedAuthDisabled) }),
		connection.Field("allow_gateway_callback", connection.TopicRest,
			func(o o, _ connection.Inputs) (connection.Value, bool) {
				return connection.Flag(o.Spec.GatewayCallback == v1alpha1.PermissionAllowed), o.Spec.GatewayCallback != ""
			},
			func(r r) connection.Value { return connection.Flag(r.AllowGatewayCallback) }),
	}
}

func wantState(o *v1alpha1.SAMLConnection, in connection.Inputs) (connection.State, []connection.Problem) {
	var want connection.State
	var certificates, keys, published []connection.Problem
	want.Certificates, certificates = wantedCertificates(o.Spec.VerificationCertificates, in)
	want.Incomplete, want.Refused = len(certificates) > 0, o.Status.RefusedCertificate
	if metadata, taken := wantedMetadata(o); metadata != nil {
		want.Metadata, want.Certificates = metadata, taken
	}
	want.Signing, keys = wantedSigning(o.Spec.SigningPrivateKeyRef, in)
	problems := slices.Concat(certificates, keys)
	want.Encryption, keys = wantedEncryption(o, in)
	want.Details, published = details.Wanted(o, o.Spec.DetailsConfigMapName, in)
	return want, slices.Concat(problems, keys, published)
}

func haveState(r stytch.SAMLConnection) connection.State {
	var have connection.State
	for _, c := range r.VerificationCertificates {
		have.Certificates = append(have.Certificates, connection.Certificate{ID: c.ID, Certificate: pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: c.ExpiresAt}})
	}
	for _, c := range r.SigningCertificates { // the newest first, and as new as that only where they were made at once
		if c.SPKISHA256 != "" && c.CreatedAt.Equal(r.SigningCertificates[0].CreatedAt) {
			have.Signing = append(have.Signing, connection.Key{SPKISHA256: c.SPKISHA256, Certificate: c.PEM})
		}
	}
	have.Encryption = &connection.Encryption{IDs: r.EncryptionKeyIDs}
	have.Details = map[string]string{v1alpha1.DetailsKeyACSURL: r.ACSURL, v1alpha1.DetailsKeyAudienceURI: r.AudienceURI}
	if len(r.SigningCertificates) > 0 {
		have.Details[v1alpha1.DetailsKeySigningCertificate] = r.SigningCertificates[0].PEM
	}
	return have
}

// samlPlan is what makes have equal to want, in the order in which it is done. After each step the answer is the new have and the
// plan is made again, so a later step is only ever taken on what was read back.
//
//	                                        steps
//	details are not as Stytch says          publish them; last where the signing key changes before
//	settings differ, certificates missing   one Update with all of it and the first certificate: see planCertificates
//	encryption keys missing or not wanted   add each, then delete: see planEncryption
//	metadata to be read                     read it: see planReading
func plan(_ *v1alpha1.SAMLConnection, want, have connection.State) []connection.Step {
	newKey := signing(want.Signing, have.Signing)
	remote := slices.Concat(
		planCertificates(want, have, append(connection.Differences(want.Settings, have.Settings), newKey...)),
		planEncryption(want.Encryption, cmp.Or(have.Encryption, &connection.Encryption{})),
	)
	remote = append(remote, planReading(want.Metadata, remote)...)
	published := details.Plan(want.Details, detailsOf(want.Signing, have))
	if len(newKey) > 0 {
		return slices.Concat(remote, published)
	}
	return slices.Concat(published, remote)
}

// detailsOf are the details as Stytch says. Of several certificates that it may sign with, because it made them within one second, it
// is the one of the wanted key.
func detailsOf(signing []connection.Key, have connection.State) map[string]string {
	if len(signing) == 0 {
		return have.Details
	}
	for _, key := range have.Signing {
		if key.SPKISHA256 == signing[0].SPKISHA256 && key.Certificate != "" {
			published := maps.Clone(have.Details)
			published[v1alpha1.DetailsKeySigningCertificate] = key.Certificate
			return published
		}
	}
	return have.Details
}

// nameIDFormat is a format where none means the default.
func nameIDFormat(s string) connection.Value {
	return connection.Value{Send: s, Same: cmp.Or(s, defaultNameIDFormat)}
}

// samlMissing names what Stytch's docs ask for before a SAML connection is active.
func missingToActivate(r stytch.SAMLConnection) []string {
	var lacks connection.Lacks
	lacks.If(r.IDPEntityID == "", "idpEntityID")
	lacks.If(r.IDPSSOURL == "", "idpSSOURL")
	lacks.If(r.AttributeMapping["email"] == "", "attributeMapping.email")
	lacks.If(!namesPeople(r.AttributeMapping), "attributeMapping.full_name (or first_name and last_name)")
	lacks.If(len(r.VerificationCertificates) == 0, "verificationCertificates")
	return lacks
}

func namesPeople(mapping map[string]string) bool {
	return mapping["full_name"] != "" || (mapping["first_name"] != "" && mapping["last_name"] != "")
}

func publish(o *v1alpha1.SAMLConnection, r stytch.SAMLConnection, _ connection.State) {
	o.Status.ACSURL, o.Status.AudienceURI = r.ACSURL, r.AudienceURI
	certificates := slices.SortedFunc(slices.Values(r.VerificationCertificates), func(a, b stytch.Certificate) int {
		return cmp.Or(compareEnds(a.ExpiresAt, b.ExpiresAt), strings.Compare(a.ID, b.ID))
	})
	o.Status.VerificationCertificates = nil
	for _, c := range certificates {
		o.Status.VerificationCertificates = append(o.Status.VerificationCertificates,
			v1alpha1.CertificateStatus{CertificateID: c.ID, SHA256: c.SHA256, Subject: c.Subject, ExpiresAt: connection.StatusTime(c.ExpiresAt)})
	}
	o.Status.SigningCertificates = nil
	for _, c := range r.SigningCertificates {
		o.Status.SigningCertificates = append(o.Status.SigningCertificates,
			v1alpha1.SigningCertificateStatus{SHA256: c.SHA256, ExpiresAt: connection.StatusTime(c.ExpiresAt)})
	}
}

func findProblems(o *v1alpha1.SAMLConnection, want, have connection.State) []connection.Problem {
	problems := keyProblems(want.Encryption, have.Encryption)
	for _, c := range expiredInVain(want, have) {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"%s holds the certificate %s, which expired at %s and is not sent: put the identity provider's current one in its place.",
			c.Where, short(c.SHA256), connection.FormatTime(c.ExpiresAt))})
	}
	if refused, is := refusedInVain(want, have); is {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonRejected, Message: fmt.Sprintf(
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
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"Every certificate that is wanted has expired, so that %s stays at Stytch, which nobody wants and which is valid: %s.", cmp.Or(c.SHA256, c.ID), remedy)})
	}
	return problems
}

func recorded(o *v1alpha1.SAMLConnection) connection.Recorded {
	return connection.Recorded{Keys: &o.Status.EncryptionKeys, Metadata: &o.Status.FromMetadata}
}

// samlRecord keeps which encryption key is which, and what the metadata gave.
func record(o *v1alpha1.SAMLConnection, was connection.Record, e connection.Event[stytch.SAMLConnection]) connection.Record {
	switch e.Type {
	case connection.Observed:
		was.Keys = recordedKeys(was.Keys, o.Status.AddingEncryptionKey, e.Remote.EncryptionKeyIDs)
		if e.Step != nil && e.Step.Action == ReadMetadata {
			was.Metadata = metadataThatWasRead(o, was.Metadata, e.Before, e.Remote)
		}
	case connection.StepBegins:
		if e.Step.Action == ReadMetadata && was.Metadata == nil {
			was.Metadata = beforeAnyMetadata(e.Remote)
		}
	case connection.Compared:
		if o.Spec.MetadataURL == "" {
			was.Metadata = nil
		}
	default:
	}
	return was
}

// samlRemember keeps what a crash in the middle of a rollover must not lose.
func remember(o *v1alpha1.SAMLConnection, e connection.Event[stytch.SAMLConnection]) {
	s := &o.Status
	s.AddingEncryptionKey, s.FreedCertificate, s.RefusedCertificate = addingAfter(s.AddingEncryptionKey, e), freedAfter(s.FreedCertificate, e), refusedAfter(s, e)
}

// freedAfter is the certificate that went to make room, until what it made room for is there, or it is there itself again.
func freedAfter(was *v1alpha1.FreedCertificateStatus, e connection.Event[stytch.SAMLConnection]) *v1alpha1.FreedCertificateStatus {
	switch {
	case e.Type == connection.StepBegins && e.Step.Action == FreeCertificate:
		freed := e.Step.Changes[0].Have
		if text, known := freed.Send.(string); known && text != "" {
			return &v1alpha1.FreedCertificateStatus{SHA256: freed.Same, PEM: text}
		}
	case e.Type == connection.Compared && was != nil:
		have := haveState(e.Remote)
		if missing, _ := compareCertificates(e.Want, have); len(missing) == 0 || holds(have.Certificates, was.SHA256) {
			return nil
		}
	}
	return was
}

// refusedAfter is the certificate that made another give way and was refused for its own sake, as long as it is wanted: to make
// room for it again at each look would take a certificate away each time.
func refusedAfter(s *v1alpha1.SAMLConnectionStatus, e connection.Event[stytch.SAMLConnection]) string {
	switch {
	case e.Type == connection.Compared && !holds(e.Want.Certificates, s.RefusedCertificate):
		return ""
	case e.Type == connection.StepFailed && e.Refusal != nil && e.Refusal.ErrorType == "invalid_x509_certificate" && s.FreedCertificate != nil:
		for _, c := range e.Step.Changes {
			if c.Field == fieldCertificate {
				return c.Want.Same
			}
		}
	}
	return s.RefusedCertificate
}

// samlUndo puts the certificate back that made room for what Stytch refused.
func undo(o *v1alpha1.SAMLConnection, refused connection.Step) *connection.Step {
	freed := o.Status.FreedCertificate
	if freed == nil || !connection.Carries(refused.Changes, fieldCertificate) && refused.Action != ReadMetadata {
		return nil
	}
	return &connection.Step{Action: connection.Update, Changes: []connection.Change{{
		Field: fieldCertificate, Kind: connection.Added, Topic: connection.TopicOf("certificate", freed.SHA256), Want: connection.Value{Send: freed.PEM, Same: freed.SHA256},
	}}}
}

func expiries(o *v1alpha1.SAMLConnection) []connection.Expiry {
	advice := "put the identity provider's next certificate beside it, into spec.verificationCertificates or what that names, and take it out once it is not used any more"
	if o.Spec.MetadataURL != "" {
		advice = "once the identity provider publishes its next certificate, have the metadata read again by the annotation " + v1alpha1.AnnotationRefreshMetadata
	}
	var list []connection.Expiry
	for _, c := range o.Status.VerificationCertificates {
		which := cmp.Or(short(c.SHA256), c.CertificateID)
		list = connection.AddExpiry(list, c.ExpiresAt, connection.Expiry{
			What: "verification_certificate", Which: which, Advice: advice,
			Name: strings.TrimSuffix("The identity provider's certificate "+which+" ("+c.Subject+")", " ()"),
		})
	}
	if len(o.Status.SigningCertificates) > 0 {
		newest := o.Status.SigningCertificates[0]
		list = connection.AddExpiry(list, newest.ExpiresAt, connection.Expiry{
			What: "signing_certificate", Which: short(newest.SHA256), Name: "Stytch's signing certificate " + short(newest.SHA256),
			Advice: "name a new key in spec.signingPrivateKeyRef, and give the identity provider the certificate that Stytch makes of it",
		})
	}
	return list
}

// short is the beginning of a fingerprint, which is enough to tell one certificate from another.
func short(sha256 string) string { return sha256[:min(len(sha256), 16)] }
