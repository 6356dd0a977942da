package pki_test

import (
	"strings"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// FuzzRead reads anything as certificates, as a key and as a secret. What was read as a certificate is the same certificate when it is
// read again, and a secret has lost nothing but what may be removed.
func FuzzRead(f *testing.F) {
	a, key := CertificatePool()[0], KeyPairs()[0]
	for _, seed := range []string{a.PEM, string(a.DER), key.PKCS1, key.PKCS8, a.PEM + key.PKCS1, "<x/>", `-----BEGIN X-----\n`, "\xff\xfea\x00b\x00", "\xef\xbb\xbfa\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		certificates, _, err := pki.ReadCertificates(data)
		if err == nil && len(certificates) == 0 {
			t.Error("nothing was read, and nothing is said")
		}
		for _, c := range certificates {
			again, _, err := pki.ReadCertificates([]byte(c.PEM))
			Same(t, "the error of reading again", err, error(nil))
			Same(t, "what is read again", again, []pki.Certificate{c})
		}
		if pkcs1, spki, err := pki.ReadKey(data); err == nil {
			again, known, err := pki.ReadKey(pkcs1)
			Same(t, "the error of reading the key again", err, error(nil))
			Same(t, "the key", string(again)+known, string(pkcs1)+spki)
		}
		if text, err := pki.ReadText(data); err == nil && strings.TrimRight(strings.TrimPrefix(string(data), "\xef\xbb\xbf"), "\r\n") != text {
			t.Errorf("%q was read as %q", data, text)
		}
	})
}
