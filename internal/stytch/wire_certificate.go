package stytch

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"strings"

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

type wireCertificate struct {
	ID          string       `json:"certificate_id"`
	Certificate string       `json:"certificate"`
	CreatedAt   optionalTime `json:"created_at"`
	ExpiresAt   optionalTime `json:"expires_at"`
}

// maxSubject is the most runes kept of a certificate's subject.
const maxSubject = 256

func (w wireCertificate) certificate() Certificate {
	c := Certificate{ID: w.ID, ExpiresAt: w.ExpiresAt.Time}
	der := derOf(w.Certificate)
	if der == nil {
		return c
	}
	c.SHA256, c.PEM = pki.Fingerprint(der), pki.EncodeCertificate(der)
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.Subject = printable(parsed.Subject.String(), maxSubject)
		if c.ExpiresAt.IsZero() {
			c.ExpiresAt = parsed.NotAfter
		}
	}
	return c
}

func (w wireCertificate) signing() SigningCertificate {
	c := SigningCertificate{CreatedAt: w.CreatedAt.Time, ExpiresAt: w.ExpiresAt.Time}
	der := derOf(w.Certificate)
	if der == nil {
		return c
	}
	c.SHA256, c.PEM = pki.Fingerprint(der), pki.EncodeCertificate(der)
	if parsed, err := x509.ParseCertificate(der); err == nil {
		c.SPKISHA256 = pki.Fingerprint(parsed.RawSubjectPublicKeyInfo)
		if c.CreatedAt.IsZero() {
			c.CreatedAt = parsed.NotBefore
		}
		if c.ExpiresAt.IsZero() {
			c.ExpiresAt = parsed.NotAfter
		}
	}
	return c
}

// derOf decodes a certificate with any line breaks, even on one line, where
// encoding/pem requires several. It accepts any ASN.1 value, because Go's x509
// rejects certificates that identity providers use. It returns nil for anything
// else.
func derOf(certificate string) []byte {
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	if _, after, found := strings.Cut(certificate, begin); found {
		certificate = after
	}
	certificate, _, _ = strings.Cut(certificate, end)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(certificate), ""))
	if err != nil {
		return nil
	}
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return nil
	}
	return der
}
