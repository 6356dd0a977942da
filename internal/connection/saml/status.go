package saml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// missingToActivate names what Stytch's docs ask for before a SAML connection is active.
func missingToActivate(r remote) []string {
	var missing connection.MissingFields
	missing.If(r.IDPEntityID == "", "idpEntityID")
	missing.If(r.IDPSSOURL == "", "idpSSOURL")
	missing.If(r.AttributeMapping["email"] == "", "attributeMapping.email")
	missing.If(!namesPeople(r.AttributeMapping), "attributeMapping.full_name (or first_name and last_name)")
	missing.If(len(r.VerificationCertificates) == 0, "verificationCertificates")
	return missing
}

// bare says that nothing is set that only a manifest, or somebody who wants to be taken for one, would set.
func bare(_ manifest, r remote) bool {
	return r.IDPEntityID == "" && r.IDPSSOURL == "" && r.AlternativeAudienceURI == "" && r.AlternativeACSURL == "" &&
		len(r.VerificationCertificates)+len(r.EncryptionKeyIDs)+len(r.ImplicitRoles)+len(r.GroupImplicitRoles) == 0
}

func namesPeople(mapping map[string]string) bool {
	return mapping["full_name"] != "" || (mapping["first_name"] != "" && mapping["last_name"] != "")
}

func publish(o manifest, r remote, _ connection.State) {
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

func findProblems(o manifest, want, have connection.State) []connection.Problem {
	problems := slices.Concat(metadataProblem(o), signingProblems(want, have), keyProblems(want, have.Encryption))
	for _, c := range expiredInVain(want, have) {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"%s contains the certificate %s, which expired at %s and is not sent. Replace it with the identity provider's current certificate.",
			c.Where, short(c.SHA256), connection.FormatTime(c.ExpiresAt))})
	}
	if refused, ok := refusedInVain(want, have); ok {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonRejected, Message: fmt.Sprintf(
			"%s contains the certificate %s, which Stytch rejected (invalid_x509_certificate) and which is not sent again. Replace it with the identity provider's current certificate.",
			refused.Where, short(refused.SHA256))})
	}
	if absentCertificate(want, have) || want.Incomplete || len(problems) > 0 {
		return problems
	}
	remedy := "Add a current certificate to spec.verificationCertificates"
	if o.Spec.MetadataURL != "" {
		remedy = "To read the metadata again, set a new value for the annotation " + v1alpha1.AnnotationRefreshMetadata
	}
	for _, c := range lastValid(want, have) {
		problems = append(problems, connection.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"All desired certificates have expired. Kept the certificate %s in Stytch, which is still valid, so that logins keep working. %s.",
			cmp.Or(short(c.SHA256), c.ID), remedy)})
	}
	return problems
}

func expiries(o manifest) []connection.Expiry {
	advice := "Add the identity provider's next certificate to spec.verificationCertificates or to the object that it references. Remove the old certificate when it is no longer used"
	if o.Spec.MetadataURL != "" {
		advice = "When the identity provider has published its next certificate, set a new value for the annotation " + v1alpha1.AnnotationRefreshMetadata
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
			Advice: "Reference a new key in spec.signingPrivateKeyRef, and give the identity provider the certificate that Stytch creates for it",
		})
	}
	return list
}

// short is the beginning of a fingerprint, which is enough to tell one certificate from another.
func short(sha256 string) string { return sha256[:min(len(sha256), 16)] }
