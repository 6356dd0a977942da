package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// keys: private keys and a client secret are changed in their Secrets. No manifest is edited, and no value is seen anywhere.
func (s *story) keys(ctx context.Context) error {
	signing, encryption, err := twoKeys()
	if err != nil {
		return err
	}
	secret := rand.Text()
	entry, err := s.sim.now(ctx)
	if err != nil {
		return err
	}
	s.terminal.note("Somebody, or a tool, puts new ones into the Secrets:")
	if err := s.replaceIn(ctx, "secret", "umbrella-saml-keys", map[string]string{"signing.pem": signing.text, "encryption.pem": encryption.text}); err != nil {
		return err
	}
	if err := s.replaceIn(ctx, "secret", "umbrella-client", map[string]string{"client-secret": secret}); err != nil {
		return err
	}
	if err := s.awaitKeys(ctx, signing, encryption, secret); err != nil {
		return err
	}
	sent, err := s.sim.since(ctx, entry)
	if err != nil {
		return err
	}
	if err := s.rolledOver(ctx, sent); err != nil {
		return err
	}
	return s.searchFor(ctx,
		hidden{"the signing key", signing.text, signing.traces}, hidden{"the encryption key", encryption.text, encryption.traces},
		hidden{"the client secret", secret, []string{secret}},
	)
}

// awaitKeys waits until Stytch has them, by their fingerprints, and the certificate that it made is in the details.
func (s *story) awaitKeys(ctx context.Context, signing, encryption private, secret string) error {
	saml, err := s.kubectl.get(ctx, kindSAML, s.samples.keyed.Metadata.Name)
	if err != nil {
		return err
	}
	oidc, err := s.kubectl.get(ctx, kindOIDC, s.samples.explicit.Metadata.Name)
	if err != nil {
		return err
	}
	return s.await(ctx, "Stytch to have them", 20*time.Second, func(ctx context.Context) (string, bool, error) {
		bySAML, err := s.sim.connection(ctx, saml)
		if err != nil {
			return "", false, err
		}
		byOIDC, err := s.sim.connection(ctx, oidc)
		if err != nil {
			return "", false, err
		}
		details, err := s.dataOf(ctx, s.samples.keyed.Spec.DetailsConfigMapName)
		if err != nil {
			return "", false, err
		}
		published := publicKeyOf(details["signing-certificate.pem"])
		keys := fmt.Sprint(bySAML.Fields["encryption_private_keys"])
		done := published == signing.public && onlyKey(bySAML, encryption.public) && byOIDC.Fields["client_secret_sha256"] == fingerprint([]byte(secret))
		return fmt.Sprintf("keys %s, published %s", keys, published), done, nil
	})
}

// onlyKey says that a connection has one encryption key, and that it is this one.
func onlyKey(c stytchsim.Connection, public string) bool {
	keys, _ := c.Fields["encryption_private_keys"].([]any)
	if len(keys) != 1 {
		return false
	}
	key, _ := keys[0].(map[string]any)
	return key["public_key_sha256"] == public
}

// publicKeyOf is the fingerprint of a certificate's public key; empty where it cannot be read.
func publicKeyOf(text string) string {
	certificate, _, err := readCertificate(text)
	if err != nil {
		return ""
	}
	public, err := x509.MarshalPKIXPublicKey(certificate.PublicKey)
	if err != nil {
		return ""
	}
	return fingerprint(public)
}

// rolledOver checks in the journal what was sent: the client secret alone and once, the new encryption key before the old one went.
func (s *story) rolledOver(ctx context.Context, sent calls) error {
	if err := s.awaitInForce(ctx, "the manifests to be in force", 10*time.Second, s.samples.keyed.name(), s.samples.explicit.name()); err != nil {
		return err
	}
	sent = sent.changing()
	s.terminal.journal(sent)
	if _, err := sent.where(func(c stytchsim.Call) bool { return c.Operation == "UpdateOIDCConnection" }).onlyUpdate("UpdateOIDCConnection", "client_secret"); err != nil {
		return err
	}
	sends := func(field string) int {
		return slices.IndexFunc(sent, func(c stytchsim.Call) bool { return slices.Equal(c.Fields, []string{field}) })
	}
	removed := slices.IndexFunc(sent, func(c stytchsim.Call) bool { return c.Operation == "DeleteSAMLEncryptionPrivateKey" })
	added := sends("saml_encryption_private_key")
	if sends("signing_private_key") < 0 || added < 0 || removed < added || len(sent) != 4 {
		return errors.Join(fmt.Errorf("a signing key, an encryption key, its removal and a client secret were expected, and the journal has: %s", sent.counts()))
	}
	s.terminal.seen("each was sent once; the new encryption key was there before the old one went; the new signing certificate stands in ConfigMap %s", s.samples.keyed.Spec.DetailsConfigMapName)
	return nil
}
