//go:debug rsa1024min=0

package pki_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"strings"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

func TestAKeyIsReadAsPKCS1WithTheFingerprintOfItsPublicHalf(t *testing.T) {
	key := KeyPairs()[0]
	for name, text := range map[string]string{
		"a byte order mark and CRLF": "\xef\xbb\xbf" + strings.ReplaceAll(key.PKCS1, "\n", "\r\n"),
		"DER, PKCS#1":                string(der(t, key.PKCS1)), "DER, PKCS#8": string(der(t, key.PKCS8)),
		"PKCS#1": key.PKCS1, "PKCS#8": key.PKCS8, "CRLF": strings.ReplaceAll(key.PKCS8, "\n", "\r\n"),
		"white space around it": "\n " + key.PKCS1 + "\n", "no last line break": strings.TrimSpace(key.PKCS8),
	} {
		t.Run(name, func(t *testing.T) {
			pkcs1, fingerprint, err := pki.ReadKey([]byte(text))
			Same(t, "the error", err, error(nil))
			Same(t, "the key", string(pkcs1), key.PKCS1)
			Same(t, "its fingerprint", fingerprint, key.SPKISHA256)
		})
	}
}

func TestWhatIsNotAnRSAKeyIsSaidAndNotQuoted(t *testing.T) {
	key := KeyPairs()[0]
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(edwards)
	if err != nil {
		t.Fatal(err)
	}
	large := keyOf(t, 8200)
	largeToo, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue}, large})
	if err != nil {
		t.Fatal(err)
	}
	legacy := strings.Replace(key.PKCS1, "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0102\n\n", 1)
	for _, test := range []struct{ name, text, says string }{
		{"nothing", "", "is not PEM. "},
		{"text around it", "x" + key.PKCS1, "contains text outside its PEM blocks. "},
		{"its beginning", key.PKCS1[:100], "contains an incomplete or damaged PEM block. "},
		{"two keys", key.PKCS1 + key.PKCS8, "contains more than one PEM block. "},
		{"a key with a passphrase", PEMBlock("ENCRYPTED PRIVATE KEY", []byte("0")), "contains a key that is encrypted with a passphrase. "},
		{"one as OpenSSL used to write it", legacy, "contains a key that is encrypted with a passphrase. "},
		{"a broken PKCS#1 key", PEMBlock("RSA PRIVATE KEY", []byte("0")), "contains an RSA key that cannot be read. "},
		{"a broken PKCS#8 key", PEMBlock("PRIVATE KEY", []byte("0")), "contains an RSA key that cannot be read. "},
		{"another key in PKCS#8", PEMBlock("PRIVATE KEY", other), "contains a key that is not RSA. "},
		{"a large key", PEMBlock("RSA PRIVATE KEY", large), "contains an RSA key of more than 16384 bits. "},
		{"a large key in PKCS#8", PEMBlock("PRIVATE KEY", largeToo), "contains an RSA key of more than 16384 bits. "},
		{"a large key in DER", string(large), "contains an RSA key of more than 16384 bits. "},
		{"the largest key, which is none", PEMBlock("RSA PRIVATE KEY", keyOf(t, 8192)), "contains an RSA key that cannot be read. "},
		{"a certificate in DER", string(CertificatePool()[0].DER), `contains DER of type "CERTIFICATE", not a private key. `},
		{"a key with a passphrase in DER", encryptedKey(t), "contains a key that is encrypted with a passphrase. "},
		{"UTF-16", utf16Of(binary.LittleEndian, "\ufeff"+key.PKCS1), "is encoded in UTF-16. "},
		{"line breaks as two characters", strings.ReplaceAll(key.PKCS8, "\n", `\r\n`), `contains the two characters \n in place of line breaks. `},
		{"too much", key.PKCS1 + strings.Repeat("\n", 128<<10), "has more than 128 KiB. "},
		{"a type that may be a secret", PEMBlock("aB~%2F", nil), "contains a PEM block of an unknown type, not a private key. "},
		{"a type that ends like a key's", PEMBlock("aB~ PRIVATE KEY", nil), "contains a PEM block of an unknown type. Stytch accepts only RSA "},
		{"an EC key", PEMBlock("EC PRIVATE KEY", []byte("0")), `contains a PEM block of type "EC PRIVATE KEY". Stytch accepts only RSA `},
		{"a certificate", CertificatePool()[0].PEM, `contains a PEM block of type "CERTIFICATE", not a private key. `},
	} {
		t.Run(test.name, func(t *testing.T) {
			pkcs1, fingerprint, err := pki.ReadKey([]byte(test.text))
			Same(t, "the key", string(pkcs1)+fingerprint, "")
			refusal(t, err, test.text, test.says)
		})
	}
}
