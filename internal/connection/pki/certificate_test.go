package pki_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

func TestCertificatesAreReadInTheirOrder(t *testing.T) {
	a, b := CertificatePool()[0], CertificatePool()[1]
	one := func(c IssuedCertificate) pki.Certificate {
		return pki.Certificate{SHA256: c.SHA256, PEM: c.PEM, ExpiresAt: c.Ends}
	}
	for _, test := range []struct {
		name, text string
		want       []pki.Certificate
	}{
		{"one", a.PEM, []pki.Certificate{one(a)}},
		{"two", b.PEM + a.PEM, []pki.Certificate{one(b), one(a)}},
		{"one twice", a.PEM + a.PEM, []pki.Certificate{one(a), one(a)}},
		{"white space around them", " \n" + a.PEM + "\r\n\t" + b.PEM + "\n\n", []pki.Certificate{one(a), one(b)}},
		{"CRLF", strings.ReplaceAll(a.PEM, "\n", "\r\n"), []pki.Certificate{one(a)}},
		{"no last line break", strings.TrimSpace(a.PEM), []pki.Certificate{one(a)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := pki.ReadCertificates(test.text)
			Same(t, "the error", err, error(nil))
			Same(t, "the certificates", got, test.want)
		})
	}
}

func TestACertificateThatOnlyGoCannotParseHasNoExpiry(t *testing.T) {
	der := []byte{0x30, 0x0f, 0x30, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x03, 0x04, 0x00, 0x01, 0x02, 0x03}
	got, err := pki.ReadCertificates(PEMBlock("CERTIFICATE", der))
	Same(t, "the error", err, error(nil))
	Same(t, "the certificates", got, []pki.Certificate{{SHA256: pki.Fingerprint(der), PEM: pki.EncodeCertificate(der), ExpiresAt: time.Time{}}})
}

func TestWhatIsNotACertificateIsSaidAndNotQuoted(t *testing.T) {
	a, key := CertificatePool()[0].PEM, KeyPairs()[0]
	for _, test := range []struct{ name, text, says string }{
		{"nothing", "", "is not PEM. "},
		{"text", "certificate", "is not PEM. "},
		{"text before it", "x" + a, "contains text outside its PEM blocks. "},
		{"text after it", a + "x", "contains text outside its PEM blocks. "},
		{"its beginning", a[:100], "contains an incomplete or damaged PEM block. "},
		{"the beginning of another before it", a[:100] + "\n" + a, "contains an incomplete or damaged PEM block. "},
		{"a private key", key.PKCS8, "contains a private key. "},
		{"its private key with it", a + key.PKCS1, "contains a private key. "},
		{"a request", PEMBlock("CERTIFICATE REQUEST", []byte("0")), `contains a PEM block of type "CERTIFICATE REQUEST", not "CERTIFICATE". `},
		{"a type without end", PEMBlock(strings.Repeat("x", 300), nil), `contains a PEM block of type "` + strings.Repeat("x", 256) + `", not "CERTIFICATE". `},
		{"other bytes", PEMBlock("CERTIFICATE", []byte("0")), "is not a readable X.509 certificate. "},
		{"bytes after it", PEMBlock("CERTIFICATE", slices.Concat(CertificatePool()[0].DER, []byte{0})), "is not a readable X.509 certificate. "},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := pki.ReadCertificates(test.text)
			Same(t, "the certificates", got, []pki.Certificate(nil))
			refusal(t, err, test.text, test.says)
		})
	}
}

// refusal fails the test where an error does not begin like this, or quotes the text that was read.
func refusal(t *testing.T, err error, text, says string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), says) {
		t.Fatalf("the error is %v, want %s", err, says)
	}
	Lacks(t, err.Error(), KeyMaterial(text)...)
}
