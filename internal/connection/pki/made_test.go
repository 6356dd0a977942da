package pki_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"unicode/utf16"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

// der is what a block of PEM holds.
func der(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("not PEM: %s", text)
	}
	return block.Bytes
}

// utf16Of is a text in UTF-16.
func utf16Of(order binary.ByteOrder, text string) string {
	var b bytes.Buffer
	for _, unit := range utf16.Encode([]rune(text)) {
		_ = binary.Write(&b, order, unit)
	}
	return b.String()
}

// sequenceOf is DER of so many bytes: a SEQUENCE that holds nothing but a string.
func sequenceOf(n int) []byte {
	text, err := asn1.Marshal(struct{ Text []byte }{make([]byte, n)})
	if err != nil {
		panic(err)
	}
	return text
}

// endsLikeAText is a certificate whose last byte is that of a line break.
var endsLikeAText = sync.OnceValue(func() IssuedCertificate {
	for {
		if c := IssueCertificate(&testing.T{}, "line break", YearsOn(1)); bytes.HasSuffix(c.DER, []byte("\n")) {
			return c
		}
	}
})

// renewed are two self-signed certificates of one name and one key, as openssl req -x509 makes them: each calls itself an authority.
func renewed(t *testing.T) (first, next IssuedCertificate) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: Noon, NotAfter: YearsOn(1),
		IsCA: true, BasicConstraintsValid: true,
	}
	first = IssueBy(t, template, template, public, key)
	template.NotAfter = YearsOn(2)
	return first, IssueBy(t, template, template, public, key)
}

// oldChain are two certificates, the first of which was issued by the second, and signed with SHA-1.
var oldChain = sync.OnceValue(func() []IssuedCertificate {
	t := &testing.T{}
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old root"}, NotBefore: Noon, NotAfter: YearsOn(1)}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "old leaf"}, NotBefore: Noon, NotAfter: YearsOn(1),
		SignatureAlgorithm: x509.SHA1WithRSA,
	}
	return []IssuedCertificate{IssueBy(t, leaf, root, key.Public(), key), IssueBy(t, root, root, key.Public(), key)}
})

// largeCertificate is one of an RSA key of 16,392 bits.
func largeCertificate(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "large"}, NotBefore: Noon, NotAfter: YearsOn(1)}
	return IssueBy(t, template, template, &rsa.PublicKey{N: numberOf(16392, 1), E: 65537}, key).PEM
}

// encryptedKey is DER that is shaped like a key with a passphrase in PKCS#8.
func encryptedKey(t *testing.T) string {
	t.Helper()
	text, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}}, make([]byte, 200)})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ofOneName are certificates of which each of the first may have issued each of the others.
func ofOneName(t *testing.T) string {
	t.Helper()
	var text string
	for range 5 {
		text += IssueCertificate(t, "authority", YearsOn(1)).PEM
	}
	for range 4 {
		text += IssueChain(t, YearsOn(1), "leaf", "authority")[0].PEM
	}
	return text
}
