package main

import (
	"crypto/rand"
)

// keys: private keys and a client secret are changed in their Secrets. No manifest is edited, and no value is seen anywhere.
func (s *story) keys() {
	signing, encryption, secret, seq := newKey(), newKey(), rand.Text(), s.Seq()
	saml, oidc := s.get(s.keyed), s.get(s.explicit)
	s.Note("Somebody, or a tool, writes new ones into the Secrets:")
	s.Replace("secret", "umbrella-saml-keys", map[string]string{"signing.pem": signing.text, "encryption.pem": encryption.text})
	s.Replace("secret", "umbrella-client", map[string]string{"client-secret": secret})
	s.Await("the new ones to be sent", soon, func() (string, bool) {
		sent := calls(s.Calls(seq)).changing()
		return sent.counts(), len(sent) == 4
	})
	s.awaitApplied(soon, saml, oidc)
	sent := s.changesSince(seq)
	const update = "UpdateSAMLConnection "
	sent.about(saml).expect(update+"signing_private_key", update+"saml_encryption_private_key", "DeleteSAMLEncryptionPrivateKey")
	sent.about(oidc).expect("UpdateOIDCConnection client_secret")
	s.Seen("each was sent once; the new encryption key was added before the old one was removed")
	s.searchFor(
		hidden{"the signing key", signing.text, signing.traces}, hidden{"the encryption key", encryption.text, encryption.traces},
		hidden{"the client secret", secret, []string{secret}},
	)
}
