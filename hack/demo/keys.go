package main

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
)

// keys: private keys and a client secret are changed in their Secrets. No manifest is edited, and no value is seen anywhere.
func (s *story) keys() {
	signing, encryption, secret, seq := newKey(), newKey(), rand.Text(), s.Seq()
	s.Note("Somebody, or a tool, writes new ones into the Secrets:")
	s.Replace("secret", "umbrella-saml-keys", map[string]string{"signing.pem": signing.text, "encryption.pem": encryption.text})
	s.Replace("secret", "umbrella-client", map[string]string{"client-secret": secret})
	saml, oidc := s.get(s.keyed), s.get(s.explicit)
	s.Await("Stytch to have them", soon, func() (string, bool) {
		published := s.publishedKey()
		keys, _ := s.remote(saml).Fields["encryption_private_keys"].([]any)
		onlyKey := len(keys) == 1 && strings.Contains(fmt.Sprint(keys), encryption.public)
		has := onlyKey && published == signing.public && s.remote(oidc).Fields["client_secret_sha256"] == fingerprint([]byte(secret))
		return fmt.Sprintf("encryption keys %v, published %s", keys, published), has
	})
	s.awaitApplied(soon, saml, oidc)
	s.changesSince(seq)
	s.Seen("Stytch has the new ones and no old one; the new signing certificate is in ConfigMap %s", saml.Spec.DetailsConfigMapName)
	s.searchFor(
		hidden{"the signing key", signing.text, signing.traces}, hidden{"the encryption key", encryption.text, encryption.traces},
		hidden{"the client secret", secret, []string{secret}},
	)
}

// publishedKey is the fingerprint of the public key in the details' signing certificate; empty where there is none.
func (s *story) publishedKey() string {
	var details struct{ Data map[string]string }
	s.Read(&details, "get", "configmap", s.keyed.Spec.DetailsConfigMapName)
	block, _ := pem.Decode([]byte(details.Data["signing-certificate.pem"]))
	if block == nil {
		return ""
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return fingerprint(certificate.RawSubjectPublicKeyInfo)
}
