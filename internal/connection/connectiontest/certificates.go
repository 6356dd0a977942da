package connectiontest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// KeyMaterial is what no message may hold of a text: any longer run of its base64.
func KeyMaterial(text string) []string {
	var parts []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) >= 24 && !strings.Contains(line, "-----") {
			parts = append(parts, line[:24], line[len(line)-20:])
		}
	}
	return parts
}

// CertificatesAtStytch of Stytch, written as fingerprint:id:years until they end; ? for an end that Stytch does not tell.
func CertificatesAtStytch(list ...string) []connection.Certificate {
	var made []connection.Certificate
	for _, text := range list {
		parts := strings.Split(text, ":")
		c := connection.Certificate{Certificate: pki.Certificate{SHA256: parts[0]}, ID: parts[1]}
		if parts[2] != "?" {
			var years int
			if _, err := fmt.Sscan(parts[2], &years); err != nil {
				panic(err)
			}
			c.ExpiresAt = Noon.AddDate(years, 0, 0)
		}
		made = append(made, c)
	}
	return made
}

// WantedCertificates are certificates of a manifest, by fingerprint.
func WantedCertificates(fingerprints ...string) []connection.Certificate {
	var made []connection.Certificate
	for _, f := range fingerprints {
		made = append(made, connection.Certificate{Certificate: pki.Certificate{SHA256: f, PEM: PEMOf(f)}})
	}
	return made
}

// PEMOf stands for the PEM of one of WantedCertificates.
func PEMOf(fingerprint string) string { return "pem of " + fingerprint }

// CertificatePool are a few certificates. The first four are those of identity providers' metadata; the last three have ended.
var CertificatePool = sync.OnceValue(func() []IssuedCertificate {
	var made []IssuedCertificate
	for i, years := range []int{1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, -1, -2, 0} {
		made = append(made, IssueCertificate(&testing.T{}, fmt.Sprintf("idp-%d", i), YearsOn(years)))
	}
	return made
})

// MetadataCertificates are those that the document at one of MetadataURLs has.
func MetadataCertificates(document int) []IssuedCertificate {
	return CertificatePool()[2*document : 2*document+2]
}

// Written are the certificates that EditSAML writes into manifests, all of them valid.
func Written() []IssuedCertificate { return CertificatePool()[4:11] }

// OtherCertificates are those of no metadata document.
func OtherCertificates() []IssuedCertificate { return CertificatePool()[4:] }

// MetadataURLs are where identity providers have their metadata documents.
var MetadataURLs = []string{"https://idp.example.com/metadata", "https://other.example.com/metadata"}

// SHA256Of is the SHA-256 of a text in hexadecimal.
func SHA256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// IssuedCertificate is a certificate made for one test.
type IssuedCertificate struct {
	DER    []byte
	PEM    string
	SHA256 string
	Ends   time.Time
}

// String is the certificate in a word, for a failing test.
func (c IssuedCertificate) String() string { return c.SHA256[:min(len(c.SHA256), 6)] }

// IssueCertificate makes a certificate that ends at a time.
func IssueCertificate(t *testing.T, name string, ends time.Time) IssuedCertificate {
	t.Helper()
	return IssueChain(t, ends, name)[0]
}

// IssueChain makes certificates that end at a time, each issued by the next one, and the last one by itself.
func IssueChain(t *testing.T, ends time.Time, names ...string) []IssuedCertificate {
	t.Helper()
	made := make([]IssuedCertificate, len(names))
	var issuer *x509.Certificate
	var issuerKey ed25519.PrivateKey
	for i := len(names) - 1; i >= 0; i-- {
		public, key, err := ed25519.GenerateKey(rand.Reader) // which is read faster than any other
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[i]},
			NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends,
		}
		if issuer == nil {
			issuer, issuerKey = template, key
		}
		made[i] = IssueBy(t, template, issuer, public, issuerKey)
		issuer, issuerKey = template, key
	}
	return made
}

// IssueBy makes the certificate of a template, of a public key, by an issuer and its key.
func IssueBy(t *testing.T, template, issuer *x509.Certificate, public crypto.PublicKey, key crypto.Signer) IssuedCertificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, public, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return IssuedCertificate{
		DER: der, SHA256: hex.EncodeToString(sum[:]), Ends: template.NotAfter,
		PEM: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}
}

// KeyPair is an RSA key made for all tests, in the forms in which it comes.
type KeyPair struct {
	Key          *rsa.PrivateKey
	PKCS1, PKCS8 string
	SPKISHA256   string // SHA-256 of the public key
}

// KeyPairs are a few RSA keys. They are short, so that they are made and read quickly.
var KeyPairs = sync.OnceValue(func() []KeyPair {
	var made []KeyPair
	for range 6 {
		key, err := rsa.GenerateKey(rand.Reader, 512)
		if err != nil {
			panic(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		if err != nil {
			panic(err)
		}
		made = append(made, KeyPair{
			Key: key, SPKISHA256: SHA256Of(string(public)),
			PKCS1: PEMBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), PKCS8: PEMBlock("PRIVATE KEY", pkcs8),
		})
	}
	return made
})

// PEMBlock is PEM.
func PEMBlock(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}
