package saml_test

import (
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
)

func FuzzReadCertificate(f *testing.F) {
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for _, seed := range []string{
		"", "x", "-----BEGIN CERTIFICATE-----", key, "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n", key + key,
		"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END CERTIFICATE-----\r\n",
	} {
		f.Add(seed)
	}
	good := IssueCertificate(&testing.T{}, "okta", YearsOn(1)).PEM
	f.Add(good)
	f.Add(strings.ReplaceAll(good, "\n", "\r\n"))
	f.Add(good + good)
	f.Fuzz(func(t *testing.T, text string) {
		want, problems := wantCertificates(text)
		if len(want.Certificates)+len(problems) != 1 || want.Incomplete != (len(problems) == 1) {
			t.Fatalf("%d certificates and %d problems", len(want.Certificates), len(problems))
		}
		if len(problems) == 1 {
			if utf8.RuneCountInString(problems[0].Message) > 1000 {
				t.Fatalf("a message of %d bytes", len(problems[0].Message))
			}
			return
		}
		c := want.Certificates[0]
		again, problems := wantCertificates(c.PEM)
		if len(problems) > 0 || again.Certificates[0] != c {
			t.Fatalf("%+v is not read back as it was: %+v %+v", c, again, problems)
		}
		sentAsItWasRead(t, c)
	})
}

// sentAsItWasRead checks that what is sent of a certificate is one, and the one that it is known by.
func sentAsItWasRead(t *testing.T, c connection.Certificate) {
	t.Helper()
	block, rest := pem.Decode([]byte(c.PEM))
	if block == nil || block.Type != "CERTIFICATE" || len(block.Headers)+len(rest) > 0 || SHA256Of(string(block.Bytes)) != c.SHA256 {
		t.Fatalf("%+v is sent", c)
	}
}

// briefly checks that a problem is of a reason and can be read.
func briefly(t *testing.T, problems []connection.Problem, reasons ...string) {
	t.Helper()
	for _, p := range problems {
		if !slices.Contains(reasons, p.Reason) || p.Halts || utf8.RuneCountInString(p.Message) > 1000 || !utf8.ValidString(p.Message) {
			t.Fatalf("the problem is %+v", p)
		}
	}
}

func FuzzReadBundle(f *testing.F) {
	a, b := CertificatePool()[0].PEM, CertificatePool()[1].PEM
	for _, seed := range []string{"", " ", a, a + b, a + a, a + "\r\n\t" + b, "x" + a, a + "x" + b, a + KeyPairs()[0].PKCS1, a[:100] + b, strings.Repeat(a, 7), PEMBlock("CERTIFICATE", []byte("0"))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, problems := WantOf(saml.Kind(), bundled(connection.KindSecret), SAMLID, both(text))
		briefly(t, problems, v1alpha1.ReasonInvalid, v1alpha1.ReasonInputMissing)
		if (len(want.Certificates) == 0) != (len(problems) == 1) || want.Incomplete != (len(problems) == 1) || len(want.Certificates) > 5 {
			t.Fatalf("%d certificates and %s", len(want.Certificates), ProblemWords(problems))
		}
		var again strings.Builder
		for _, c := range want.Certificates {
			sentAsItWasRead(t, c)
			again.WriteString(c.PEM)
		}
		inConfigMap, _ := WantOf(saml.Kind(), bundled(connection.KindConfigMap), SAMLID, both(text))
		Same(t, "from a ConfigMap", shas(inConfigMap.Certificates), shas(want.Certificates))
		if len(problems) == 0 {
			readAgain, problems := WantOf(saml.Kind(), bundled(connection.KindSecret), SAMLID, both(again.String()))
			Same(t, "what is sent, read again", shas(readAgain.Certificates), shas(want.Certificates))
			Same(t, "its problems", problems, []connection.Problem(nil))
		}
	})
}

func FuzzReadKey(f *testing.F) {
	p := KeyPairs()[0]
	for _, seed := range []string{"", " ", p.PKCS1, p.PKCS8, p.PKCS1 + p.PKCS8, "x" + p.PKCS1, p.PKCS1[:200], strings.ReplaceAll(p.PKCS8, "PRIVATE", "ENCRYPTED PRIVATE"), CertificatePool()[0].PEM, PEMBlock("EC PRIVATE KEY", nil)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, problems := wantKey(text)
		briefly(t, problems, v1alpha1.ReasonInvalid, v1alpha1.ReasonInputMissing)
		if len(want.Signing)+len(problems) != 1 {
			t.Fatalf("%d keys and %s", len(want.Signing), ProblemWords(problems))
		}
		if len(problems) == 1 {
			for _, part := range KeyMaterial(text) {
				if strings.Contains(problems[0].Message, part) {
					t.Fatalf("%q quotes the key", problems[0].Message)
				}
			}
			return
		}
		key := want.Signing[0]
		Same(t, "the key that is sent", SPKIOf(t, key.Private.Reveal()), key.SPKISHA256)
		again, problems := wantKey(key.Private.Reveal())
		Same(t, "what is sent, read again", again.Signing, want.Signing)
		Same(t, "its problems", problems, []connection.Problem(nil))
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add("https://a", "1", "urn:a", "https://sso", "x")
	f.Add("https://a", "", "", "", "")
	f.Add("\xff", "\x00", strings.Repeat("x", 5000), " ", "urn:a")
	f.Fuzz(func(t *testing.T, document, asked, entity, sso, drifted string) {
		if document == "" {
			return
		}
		kind, o, r := saml.Kind(), SAMLManifest(), SAMLRemote()
		o.Spec.IDPEntityID, o.Spec.IDPSSOURL, o.Spec.MetadataURL = "", "", document
		o.Annotations = map[string]string{v1alpha1.AnnotationRefreshMetadata: asked}
		plan, _ := PlanFor(kind, o, r, connection.Inputs{Now: Noon})
		Same(t, "the plan before", Story(plan), "ReadMetadata")
		r.IDPEntityID, r.IDPSSOURL, r.VerificationCertificates = entity, sso, atStytch(CertificatePool()[0])
		Learn(kind, o, SAMLRemote(), r, &plan[0], Noon)
		plan, _ = PlanFor(kind, o, r, connection.Inputs{Now: Noon})
		NoSteps(t, plan)

		r.IDPEntityID = drifted
		plan, _ = PlanFor(kind, o, r, connection.Inputs{Now: Noon})
		if repaired := connection.Names(plan) == "idp_entity_id"; repaired != (drifted != entity && entity != "" && len(entity) <= 4096) {
			t.Fatalf("%q turned into %q: %s", entity, drifted, Story(plan))
		}
		r.IDPEntityID = entity
		o.Annotations[v1alpha1.AnnotationRefreshMetadata] = asked + "+"
		plan, _ = PlanFor(kind, o, r, connection.Inputs{Now: Noon})
		Same(t, "the plan for another refresh", Story(plan), "ReadMetadata")
	})
}
