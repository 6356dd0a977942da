package saml_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// wantCertificates reads the certificates of a manifest.
func wantCertificates(texts ...string) (connection.State, []connection.Problem) {
	o := SAMLManifest()
	for _, text := range texts {
		o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: text})
	}
	return WantOf(saml.Kind(), o, SAMLID, connection.Inputs{})
}

func TestACertificateIsReadHoweverItIsWrapped(t *testing.T) {
	c := IssueCertificate(t, "okta", YearsOn(1))
	body := base64.StdEncoding.EncodeToString(c.DER)
	const begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
	for name, text := range map[string]string{
		"as it is written":            c.PEM,
		"with CRLF":                   strings.ReplaceAll(c.PEM, "\n", "\r\n"),
		"without the last line break": strings.TrimSpace(c.PEM),
		"with white space around":     "\n\n" + c.PEM + " \n\t\r\n",
		"indented":                    strings.ReplaceAll(c.PEM, "-----BEGIN", "  -----BEGIN"),
		"in one long line":            begin + body + "\n" + end,
		"in lines of 76":              begin + wrapped(body, 76) + end,
		"in lines of 10":              begin + wrapped(body, 10) + end,
		"with spaces after the lines": strings.ReplaceAll(c.PEM, "\n", " \n"),
	} {
		t.Run(name, func(t *testing.T) {
			want, problems := wantCertificates(text)
			Same(t, "problems", problems, []connection.Problem(nil))
			Same(t, "the certificate, in canonical PEM", want.Certificates, []connection.Certificate{
				{Certificate: pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: YearsOn(1)}, Where: "spec.verificationCertificates[0]"},
			})
			Same(t, "incomplete", want.Incomplete, false)
		})
	}
}

func wrapped(body string, width int) string {
	var lines strings.Builder
	for len(body) > width {
		lines.WriteString(body[:width] + "\n")
		body = body[width:]
	}
	return lines.String() + body + "\n"
}

func TestWhatIsNotOneCertificateIsInvalid(t *testing.T) {
	c, other := IssueCertificate(t, "okta", YearsOn(1)), IssueCertificate(t, "okta-2", YearsOn(2))
	truncated := strings.Replace(c.PEM, strings.Split(c.PEM, "\n")[2]+"\n", "", 1)
	broken := strings.Replace(c.PEM, strings.Split(c.PEM, "\n")[1], "!!!", 1)
	for _, test := range []struct{ name, text, says string }{
		{"empty", "", "is not PEM"},
		{"white space", " \n", "is not PEM"},
		{"text", "MIIB", "is not PEM"},
		{"base64 alone", base64.StdEncoding.EncodeToString(c.DER), "is not PEM"},
		{"no end", strings.Split(c.PEM, "-----END")[0], "contains an incomplete or damaged PEM block"},
		{"broken base64", broken, "contains an incomplete or damaged PEM block"},
		{"on one line", strings.ReplaceAll(c.PEM, "\n", ""), "contains an incomplete or damaged PEM block"},
		{"a key", PEMBlock("PRIVATE KEY", c.DER), "contains a private key"},
		{"a request", PEMBlock("CERTIFICATE REQUEST", c.DER), "contains a PEM block of type \"CERTIFICATE REQUEST\""},
		{"a certificate by OpenSSL's old name", PEMBlock("X509 CERTIFICATE", c.DER), "contains a PEM block of type \"X509 CERTIFICATE\""},
		{"two", c.PEM + other.PEM, "more than one certificate"},
		{"the same twice", c.PEM + c.PEM, "more than one certificate"},
		{"a certificate and a key", c.PEM + PEMBlock("PRIVATE KEY", other.DER), "contains a private key"},
		{"a key and a certificate", PEMBlock("EC PRIVATE KEY", other.DER) + c.PEM, "contains a private key"},
		{"a broken one before a good one", broken + other.PEM, "contains an incomplete or damaged PEM block"},
		{"a good one before a broken one", other.PEM + broken, "contains an incomplete or damaged PEM block"},
		{"text after it", c.PEM + "valid until 2030", "contains text outside its PEM"},
		{"text before it", "Bag Attributes\n    friendlyName: okta\n" + c.PEM, "contains text outside its PEM"},
		{"text between two", c.PEM + "the next one:\n" + other.PEM, "contains text outside its PEM"},
		{"a truncated one", truncated, "not a readable X.509 certificate"},
		{"something else in a certificate's lines", PEMBlock("CERTIFICATE", []byte("hello")), "not a readable X.509 certificate"},
		{"nothing in a certificate's lines", PEMBlock("CERTIFICATE", nil), "not a readable X.509 certificate"},
		{"a certificate and more in its lines", PEMBlock("CERTIFICATE", append(append([]byte{}, c.DER...), 0)), "not a readable X.509 certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, problems := wantCertificates(other.PEM, test.text)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
				t.Fatalf("the problems are %+v, want one that is Invalid", problems)
			}
			Contains(t, problems[0].Message, "spec.verificationCertificates[1].pem", test.says)
			Same(t, "incomplete", want.Incomplete, true)
			Same(t, "the good one", len(want.Certificates), 1)
			if body := strings.TrimSpace(strings.ReplaceAll(test.text, "\n", "")); len(body) > 40 {
				Lacks(t, problems[0].Message, body[30:40])
			}
		})
	}
}

func TestAProblemWithACertificateIsBounded(t *testing.T) {
	kind := strings.Repeat("KEY ", 4000)
	_, problems := wantCertificates("-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n")
	if len(problems) != 1 {
		t.Fatalf("the problems are %+v, want one", problems)
	}
	if n := utf8.RuneCountInString(problems[0].Message); n > 1000 {
		t.Errorf("the message has %d runes", n)
	}
}

func TestEachBadCertificateIsNamed(t *testing.T) {
	good := IssueCertificate(t, "okta", YearsOn(1))
	_, problems := wantCertificates("x", good.PEM, "y")
	if len(problems) != 2 {
		t.Fatalf("the problems are %+v, want two", problems)
	}
	Contains(t, connection.Sentences(problems), "[0].pem", "[2].pem")
}

func TestACertificateThatIsNamedTwiceCountsOnce(t *testing.T) {
	c := IssueCertificate(t, "okta", YearsOn(1))
	want, problems := wantCertificates(c.PEM, strings.ReplaceAll(c.PEM, "\n", "\r\n"))
	Same(t, "problems", problems, []connection.Problem(nil))
	Same(t, "the certificates", len(want.Certificates), 1)
}

func TestAnExpiredCertificateIsWantedAllTheSame(t *testing.T) {
	c := IssueCertificate(t, "okta", time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
	want, problems := wantCertificates(c.PEM)
	Same(t, "problems", problems, []connection.Problem(nil))
	Same(t, "the certificates", len(want.Certificates), 1)
}

func TestWithoutOneGoodCertificateNoneAreManaged(t *testing.T) {
	r := SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}, {ID: "cert-2", SHA256: "bb"}}
	for name, list := range map[string][]v1alpha1.VerificationCertificate{
		"absent": nil, "empty": {}, "all of them bad": {{PEM: "x"}, {PEM: "y"}},
	} {
		o := SAMLManifest()
		o.Spec.VerificationCertificates = list
		plan, problems := PlanFor(saml.Kind(), o, r, connection.Inputs{})
		NoSteps(t, plan)
		Same(t, "the problems where they are "+name, len(problems), len(list))
	}
}

func TestABadCertificateKeepsTheOthersFromBeingRemovedAndNothingFromBeingAdded(t *testing.T) {
	good := IssueCertificate(t, "okta", YearsOn(1))
	o, r := SAMLManifest(), SAMLRemote()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: "x"}, {PEM: good.PEM}}
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}}
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
	Same(t, "the plan", Story(plan), "+"+good.SHA256)
}

func TestASAMLConnectionOfTheSameDisplayNameIsARivalThatManifestsMayShare(t *testing.T) {
	samlConn := saml.Kind()
	r := SAMLRemote()
	Same(t, "the same name", samlConn.Rival(SAMLManifest(), r), true)
	r.DisplayName = MarkedName("Acme – Okta", OtherUID)
	Same(t, "another manifest's provisional name", samlConn.Rival(SAMLManifest(), r), false)
	unnamed := SAMLManifest()
	unnamed.Spec.DisplayName = ""
	r.DisplayName = "okta"
	Same(t, "the manifest's name", samlConn.Rival(unnamed, r), true)
	Same(t, "shared", samlConn.Shared, true)
	Same(t, "what it refers to", samlConn.References(unnamed), []connection.Reference(nil))
}

func TestSAMLIsCreatedWithItsProviderAlone(t *testing.T) {
	o := SAMLManifest()
	Same(t, "the body", saml.Kind().Creation(o), stytch.Fields{"identity_provider": "okta"})
	o.Spec.IdentityProvider = ""
	Same(t, "the body without a provider", saml.Kind().Creation(o), stytch.Fields{})
}
