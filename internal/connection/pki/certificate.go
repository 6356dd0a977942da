package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

const blockCertificate = "CERTIFICATE"

// Certificate is an X.509 certificate.
type Certificate struct {
	// SHA256 of the DER. Empty where Stytch shows something that cannot be read.
	SHA256 string
	// PEM of the certificate; of one at Stytch only where it may have to be put back.
	PEM string
	// ExpiresAt is the end of its validity; zero where it cannot be read.
	ExpiresAt time.Time
}

// ReadCertificates reads certificates that stand one after another with nothing but white space around them.
func ReadCertificates(text string) ([]Certificate, error) {
	blocks, err := decode(text)
	if err != nil {
		return nil, err
	}
	var certificates []Certificate
	for _, block := range blocks {
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return nil, errors.New("contains a private key. Leave only certificates there")
		case block.Type != blockCertificate:
			return nil, fmt.Errorf("contains a PEM block of type %q, not \"CERTIFICATE\". Store the identity provider's signing certificate there", quoted(block))
		}
		c, err := readCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, c)
	}
	return certificates, nil
}

// readCertificate reads a certificate. Only its shape is checked: identity providers use certificates that Go's parser finds
// fault with, and Stytch is the one to judge them.
func readCertificate(der []byte) (Certificate, error) {
	var shape struct {
		Certificate asn1.RawValue
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}
	if after, err := asn1.Unmarshal(der, &shape); err != nil || len(after) > 0 {
		return Certificate{}, errors.New("is not a readable X.509 certificate. Download it from the identity provider again")
	}
	c := Certificate{SHA256: Fingerprint(der), PEM: EncodeCertificate(der)}
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.ExpiresAt = parsed.NotAfter
	}
	return c, nil
}

// EncodeCertificate is a certificate in canonical PEM.
func EncodeCertificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: der}))
}
