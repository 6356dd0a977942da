package pki_test

import (
	"encoding/binary"
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
		{"a byte order mark and CRLF", "\xef\xbb\xbf" + strings.ReplaceAll(a.PEM, "\n", "\r\n"), []pki.Certificate{one(a)}},
		{"DER", string(a.DER), []pki.Certificate{one(a)}},
		{"DER that ends like a text", string(endsLikeAText().DER), []pki.Certificate{one(endsLikeAText())}},
		{"CRLF", strings.ReplaceAll(a.PEM, "\n", "\r\n"), []pki.Certificate{one(a)}},
		{"no last line break", strings.TrimSpace(a.PEM), []pki.Certificate{one(a)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, issuers, err := pki.ReadCertificates([]byte(test.text))
			Same(t, "the error", err, error(nil))
			Same(t, "the certificates", got, test.want)
			Same(t, "the issuers", issuers, []string(nil))
		})
	}
}

func TestACertificateThatOnlyGoCannotParseHasNoExpiry(t *testing.T) {
	der := []byte{0x30, 0x0f, 0x30, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2a, 0x03, 0x04, 0x03, 0x04, 0x00, 0x01, 0x02, 0x03}
	got, _, err := pki.ReadCertificates([]byte(PEMBlock("CERTIFICATE", der)))
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
		{"its private key in DER", string(der(t, key.PKCS1)), "contains a private key. "},
		{"its private key in DER, PKCS#8", string(der(t, key.PKCS8)), "contains a private key. "},
		{"UTF-16 with a byte order mark", utf16Of(binary.LittleEndian, "\ufeff"+a), "is encoded in UTF-16. Store it in UTF-8: convert it with \"iconv -f UTF-16LE -t UTF-8\""},
		{"the other UTF-16", utf16Of(binary.BigEndian, "\ufeff"+a), "is encoded in UTF-16. Store it in UTF-8: convert it with \"iconv -f UTF-16BE -t UTF-8\""},
		{"UTF-16 without", utf16Of(binary.LittleEndian, a), "is encoded in UTF-16. Store it in UTF-8: convert it with \"iconv -f UTF-16LE "},
		{"line breaks as two characters", strings.ReplaceAll(a, "\n", `\n`), `contains the two characters \n in place of line breaks. Convert it, for example with: printf '%b\n' "$(cat FILE)"`},
		{"metadata", "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<EntityDescriptor/>", "is XML or HTML, such as SAML metadata, not a certificate. Set spec.metadataURL instead, or "},
		{"metadata without its first line", "\n<md:EntityDescriptor>" + a, "is XML or HTML, such as SAML metadata, not a certificate. "},
		{"too many", strings.Repeat(a, 17), "contains more than 16 PEM blocks. "},
		{"too much", a + strings.Repeat(" ", 128<<10), "has more than 128 KiB. "},
		{"too much DER", string(sequenceOf(128 << 10)), "has more than 128 KiB. "},
		{"other DER", string(sequenceOf(1000)), "contains DER of an unknown type, not \"CERTIFICATE\". "},
		{"many that may have issued each other", ofOneName(t), "contains too many certificates that name each other as the issuer. "},
		{"a large key", largeCertificate(t), "contains a certificate whose RSA key has more than 16384 bits. "},
		{"a request", PEMBlock("CERTIFICATE REQUEST", []byte("0")), `contains a PEM block of type "CERTIFICATE REQUEST", not "CERTIFICATE". `},
		{"a type that may be a secret", PEMBlock("aB~%2F", nil), `contains a PEM block of an unknown type, not "CERTIFICATE". `},
		{"a type that may be a secret of somebody who knows", PEMBlock("aB~ PRIVATE KEY", nil), `contains a private key. `},
		{"other bytes", PEMBlock("CERTIFICATE", []byte("0")), "is not a readable X.509 certificate. "},
		{"bytes after it", PEMBlock("CERTIFICATE", slices.Concat(CertificatePool()[0].DER, []byte{0})), "is not a readable X.509 certificate. "},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, issuers, err := pki.ReadCertificates([]byte(test.text))
			Same(t, "the certificates", len(got)+len(issuers), 0)
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

func TestACertificateThatIssuedAnotherOneIsLeftOut(t *testing.T) {
	ends := YearsOn(1)
	chain := IssueChain(t, ends, "leaf", "intermediate", "root")
	stranger, sameName := IssueCertificate(t, "stranger", ends), IssueCertificate(t, "root", ends)
	nameless := IssueChain(t, ends, "leaf", "")
	first, next := renewed(t)
	for _, test := range []struct {
		name    string
		list    []IssuedCertificate
		want    []IssuedCertificate
		issuers []string
	}{
		{"a chain", chain, chain[:1], []string{"CN=intermediate", "CN=root"}},
		{"a chain the other way round", []IssuedCertificate{chain[2], chain[1], chain[0]}, chain[:1], []string{"CN=root", "CN=intermediate"}},
		{"a chain without its end", chain[:2], chain[:1], []string{"CN=intermediate"}},
		{"an issuer alone", chain[2:], chain[2:], nil},
		{"the ends of a chain", []IssuedCertificate{chain[0], chain[2]}, []IssuedCertificate{chain[0], chain[2]}, nil},
		{"a chain and another one", []IssuedCertificate{chain[0], stranger, chain[1]}, []IssuedCertificate{chain[0], stranger}, []string{"CN=intermediate"}},
		{"one that has only the name of an issuer", []IssuedCertificate{chain[1], sameName}, []IssuedCertificate{chain[1], sameName}, nil},
		{"two self-signed ones that call themselves authorities, of one key", []IssuedCertificate{first, next}, []IssuedCertificate{first, next}, nil},
		{"an issuer without a name", nameless, nameless[:1], []string{nameless[1].SHA256}},
		{"a chain that was signed with SHA-1", oldChain(), oldChain()[:1], []string{"CN=old root"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var text string
			var want []string
			for _, c := range test.list {
				text += c.PEM
			}
			for _, c := range test.want {
				want = append(want, c.SHA256)
			}
			got, issuers, err := pki.ReadCertificates([]byte(text))
			Same(t, "the error", err, error(nil))
			Same(t, "the issuers", issuers, test.issuers)
			var found []string
			for _, c := range got {
				found = append(found, c.SHA256)
			}
			Same(t, "the certificates", found, want)
		})
	}
}
