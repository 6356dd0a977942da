package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// What identity providers have and their administrators hand over. All of it is new in each run.

// Lifetimes of certificates: one that causes no warning, and one within the manager's --expiry-warning.
const (
	twoYears = 2 * 365 * 24 * time.Hour
	tenDays  = 10 * 24 * time.Hour
)

// fingerprintOf is the SHA-256 that a certificate is known by.
func fingerprintOf(certificate string) string {
	block, _ := pem.Decode([]byte(certificate))
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

// private is an RSA key as a Secret holds it.
type private struct {
	text   string   // PEM, PKCS#8 as cert-manager and openssl write it
	traces []string // a line of the key as the Secret has it, and one as Stytch takes it
}

func newKey() private {
	key := lab.Must(rsa.GenerateKey(rand.Reader, 2048))
	text := lab.ToPEM("PRIVATE KEY", lab.Must(x509.MarshalPKCS8PrivateKey(key)))
	sent := lab.ToPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	return private{text, []string{secretLine(text), secretLine(sent)}}
}

// secretLine is a line of PEM from its second half, where an RSA key has nothing but its secret part.
func secretLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)*3/4]
}
