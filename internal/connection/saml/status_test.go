package saml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestASAMLConnectionSaysWhatItsStatusKnowsOfEnds(t *testing.T) {
	kind := saml.Kind()
	o, r := SAMLManifest(), SAMLRemote()
	Same(t, "the ends of a fresh one", kind.Ends(o), []connection.Expiry(nil))
	sha := strings.Repeat("ab", 32)
	r.VerificationCertificates = []stytch.Certificate{
		{ID: "late", SHA256: "late", Subject: "CN=okta", ExpiresAt: YearsOn(2)},
		{ID: "cert-1", SHA256: sha, Subject: "CN=okta", ExpiresAt: YearsOn(1)},
		{ID: "cert-2", SHA256: sha, Subject: "CN=okta", ExpiresAt: YearsOn(1)},
		{ID: "unreadable", ExpiresAt: YearsOn(3)},
		{ID: "endless", SHA256: "endless"},
	}
	r.SigningCertificates = []stytch.SigningCertificate{{SHA256: "new", ExpiresAt: YearsOn(4)}, {SHA256: "old", ExpiresAt: YearsOn(-1)}}
	Publish(kind, o, r, connection.State{})
	var words []string
	for _, e := range kind.Ends(o) {
		words = append(words, fmt.Sprintf("%s %s %s %d", e.What, e.Which, e.Name, e.At.Year()))
		if e.Advice == "" || strings.HasSuffix(e.Advice, ".") {
			t.Errorf("the advice is %q", e.Advice)
		}
	}
	Same(t, "the ends", words, []string{
		"verification_certificate abababababababab The identity provider's certificate abababababababab (CN=okta) 2027",
		"verification_certificate late The identity provider's certificate late (CN=okta) 2028",
		"verification_certificate unreadable The identity provider's certificate unreadable 2029",
		"signing_certificate new Stytch's signing certificate new 2030",
	})
	Contains(t, kind.Ends(o)[0].Advice, "spec.verificationCertificates")
	o.Spec.MetadataURL = MetadataURLs[0]
	Contains(t, kind.Ends(o)[0].Advice, "set a new value for the annotation connections.stytch-operator.dev/refresh-metadata")
	_, message := connection.Expiring(kind.Ends(o), 10*365*24*time.Hour, Noon)
	Same(t, "each is said once", strings.Count(message, "abababababababab ("), 1)
}

func TestAPendingSAMLConnectionLacksWhatStytchAsksFor(t *testing.T) {
	whole := SAMLRemote()
	whole.VerificationCertificates = []stytch.Certificate{{ID: "cert-1"}}
	for _, test := range []struct {
		name string
		edit func(*stytch.SAMLConnection)
		want string
	}{
		{"nothing", func(*stytch.SAMLConnection) {}, ""},
		{"the entity ID", func(r *stytch.SAMLConnection) { r.IDPEntityID = "" }, "idpEntityID"},
		{"the SSO URL", func(r *stytch.SAMLConnection) { r.IDPSSOURL = "" }, "idpSSOURL"},
		{"a certificate", func(r *stytch.SAMLConnection) { r.VerificationCertificates = nil }, "verificationCertificates"},
		{
			"the e-mail", func(r *stytch.SAMLConnection) { r.AttributeMapping = map[string]string{"full_name": "n"} },
			"attributeMapping.email",
		},
		{
			"a name", func(r *stytch.SAMLConnection) { r.AttributeMapping = map[string]string{"email": "m"} },
			"attributeMapping.full_name (or first_name and last_name)",
		},
		{
			"a last name", func(r *stytch.SAMLConnection) {
				r.AttributeMapping = map[string]string{"email": "m", "first_name": "f"}
			},
			"attributeMapping.full_name (or first_name and last_name)",
		},
		{
			"no name where it has both halves", func(r *stytch.SAMLConnection) {
				r.AttributeMapping = map[string]string{"email": "m", "first_name": "f", "last_name": "l"}
			},
			"",
		},
		{
			"everything", func(r *stytch.SAMLConnection) { *r = stytch.SAMLConnection{} },
			"idpEntityID idpSSOURL attributeMapping.email attributeMapping.full_name (or first_name and last_name) verificationCertificates",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := whole
			test.edit(&r)
			Same(t, "what it lacks", strings.Join(saml.Kind().MissingToActivate(r), " "), test.want)
		})
	}
}

func TestSAMLStatusShowsTheCertificateThatEndsFirstAtTheTop(t *testing.T) {
	o, r := SAMLManifest(), SAMLRemote()
	r.ACSURL, r.AudienceURI = "https://api.stytch.com/acs", "urn:stytch"
	r.VerificationCertificates = []stytch.Certificate{
		{ID: "unknown"}, {ID: "late", SHA256: "aa", ExpiresAt: YearsOn(2)}, {ID: "early-2", ExpiresAt: YearsOn(1)}, {ID: "early-1", ExpiresAt: YearsOn(1)},
	}
	given := InJSON(t, r)
	Publish(saml.Kind(), o, r, connection.State{})
	Same(t, "the URLs", []string{o.Status.ACSURL, o.Status.AudienceURI}, []string{"https://api.stytch.com/acs", "urn:stytch"})
	var order []string
	for _, c := range o.Status.VerificationCertificates {
		order = append(order, c.CertificateID)
		if (c.ExpiresAt == nil) != (c.CertificateID == "unknown") {
			t.Errorf("the end of %s is %v", c.CertificateID, c.ExpiresAt)
		}
	}
	Same(t, "the order", fmt.Sprint(order), "[early-1 early-2 late unknown]")
	Same(t, "what Stytch showed, which others share", InJSON(t, r), given)

	r.VerificationCertificates = nil
	Publish(saml.Kind(), o, r, connection.State{})
	Same(t, "the certificates once there are none", len(o.Status.VerificationCertificates), 0)
}
