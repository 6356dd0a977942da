package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"
)

// NewCertificate is a signing certificate of an identity provider, in PEM.
func NewCertificate(subject string, lifetime time.Duration) string {
	key := Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: subject},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	}
	return ToPEM("CERTIFICATE", Must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)))
}

// ToPEM is one block of PEM.
func ToPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
