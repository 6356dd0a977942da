package stytchsim

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"time"
)

// mostCertificates is how many verification certificates, and how many
// encryption keys, a SAML connection may have (docs: saml-certificates; the
// admin portal enforces the same number).
const mostCertificates = 5

// certificate is an X509Certificate of openapi.
type certificate struct {
	id                        string
	der                       []byte
	sent                      string // the PEM as it was given
	issuer                    string
	created, updated, expires time.Time
}

// parseCertificate reads the one certificate of an x509_certificate.
//
// Source: openapi, "a certificate … in PEM format"; invalid_x509_certificate is
// an error type. That more than one is refused is inferred from the singular.
func parseCertificate(text string, now time.Time) (certificate, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil || block.Type != "CERTIFICATE" {
		return certificate{}, errors.New("not a certificate in PEM format")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return certificate{}, errors.New("more than one certificate")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return certificate{}, err
	}
	return certificate{
		der: block.Bytes, sent: text, issuer: parsed.Issuer.String(),
		created: now, updated: now, expires: parsed.NotAfter,
	}, nil
}

// certificate writes an X509Certificate.
func (r renderer) certificate(c certificate) any {
	standard := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der}))
	d := document{"certificate": r.pem(standard, c.sent)}
	// docs: certificate_id of a signing certificate is "" in samples and fixtures.
	r.text(d, "certificate_id", c.id)
	r.text(d, "issuer", c.issuer)
	r.time(d, "created_at", c.created)
	r.time(d, "updated_at", c.updated)
	r.time(d, "expires_at", c.expires)
	return d
}

// containsCertificate is whether one of the certificates is this one.
func containsCertificate(all []certificate, der []byte) bool {
	for _, c := range all {
		if bytes.Equal(c.der, der) {
			return true
		}
	}
	return false
}

// signingCertificate makes Stytch's own certificate from a key.
//
// Source: openapi, signing_private_key: "Stytch will generate a new x509
// certificate from this key and return it in the signing_certificates array";
// the issuer reads Stytch in the docs. Ten years is inferred from the samples.
func signingCertificate(key crypto.Signer, now time.Time) (certificate, error) {
	serial := sha256.Sum256([]byte(newUUID()))
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:16]),
		Subject:      pkix.Name{CommonName: "Stytch"},
		NotBefore:    now,
		NotAfter:     now.AddDate(10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, err
	}
	return certificate{
		der: der, issuer: "Stytch", created: now, updated: now, expires: template.NotAfter,
		sent: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	}, nil
}

// initialSigningCertificate is the one a new SAML connection comes with. Its key is
// an elliptic one, other than Stytch's, because thousands are made in tests.
func initialSigningCertificate(now time.Time) (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, err
	}
	return signingCertificate(key, now)
}

// encryptionKey is an EncryptionPrivateKey of openapi.
type encryptionKey struct {
	id      string
	der     []byte // PKCS#1
	sent    string
	public  string // SHA-256 of the public key, for whoever watches the simulator
	created time.Time
}

// encryptionKey writes an EncryptionPrivateKey. Whether the key itself is in
// answers is unknown, hence the switch private-key.
func (r renderer) encryptionKey(k encryptionKey) any {
	d := document{"private_key_id": k.id}
	standard := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: k.der}))
	r.masked(d, "private_key", r.pem(standard, k.sent), r.switches.PrivateKey)
	r.time(d, "created_at", k.created)
	return d
}

// parseRSA reads a private key.
//
// Source: openapi, "Only PKCS1 format (starting with -----BEGIN RSA PRIVATE
// KEY-----) is supported", of signing and of encryption keys. The error types
// are named after the signing key; that encryption keys share them is inferred.
func parseRSA(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil {
		return nil, refuse("saml_signing_private_key_invalid", "The private key is not in PEM format.")
	}
	if block.Type != "RSA PRIVATE KEY" {
		return nil, refuse("saml_signing_private_key_format_not_supported", "Only PKCS1 format is supported.")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, refuse("saml_signing_private_key_invalid", "The private key cannot be read.")
	}
	return key, nil
}

func parseEncryptionKey(text string, now time.Time) (encryptionKey, error) {
	key, err := parseRSA(text)
	if err != nil {
		return encryptionKey{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return encryptionKey{}, err
	}
	return encryptionKey{
		der: x509.MarshalPKCS1PrivateKey(key), sent: text, public: fingerprint(public), created: now,
	}, nil
}

func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
