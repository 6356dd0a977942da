package stytchsim

import (
	"slices"
)

// certificateRule adds the verification certificate that was sent.
//
// Source: docs, saml-certificates: a certificate is added to those there, at
// most five; too_many_sso_verification_certificates is the error type. What a
// certificate sent twice does is the switch duplicate-certificate.
func certificateRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("x509_certificate")
	if !ok || sent == "" {
		return nil // there is nothing that "" could clear
	}
	added, err := parseCertificate(sent, c.now)
	if err != nil {
		return refuse("invalid_x509_certificate", "x509_certificate cannot be read: %s.", err)
	}
	if c.switches.ExpiredCertificate == posRefuse && c.now.After(added.expires) {
		return refuse("invalid_x509_certificate", "x509_certificate is expired.")
	}
	return c.addVerification(next, added, c.switches.DuplicateCertificate == posAppend)
}

func (c *call) addVerification(next *samlConnection, added certificate, evenTwice bool) error {
	if !evenTwice && containsCertificate(next.verification, added.der) {
		return nil
	}
	if len(next.verification) >= mostCertificates {
		return refuse("too_many_sso_verification_certificates", "A SAML connection has at most %d certificates.", mostCertificates)
	}
	added.id = next.org.project.newID("saml-verification-key")
	next.verification = append(slices.Clone(next.verification), added)
	return nil
}

// signingKeyRule makes a signing certificate of the key that was sent. Whether
// the old one stays is unknown, hence the switch signing-certificates.
func signingKeyRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("signing_private_key")
	if !ok || sent == "" {
		return nil
	}
	key, err := parseRSA(sent)
	if err != nil {
		return err
	}
	made, err := signingCertificate(key, c.now)
	if err != nil {
		return refuse("saml_signing_private_key_invalid", "The private key cannot sign.")
	}
	if c.switches.SigningCertificates == posAppend {
		next.signing = append(slices.Clone(next.signing), made)
		return nil
	}
	next.signing = []certificate{made}
	return nil
}

// encryptionKeyRule adds the encryption key that was sent.
//
// Source: docs of the frontend SDKs: added to those there, at most five;
// too_many_encryption_certificates is the error type.
func encryptionKeyRule(c *call, next *samlConnection) error {
	sent, ok := c.in.text("saml_encryption_private_key")
	if !ok || sent == "" {
		return nil
	}
	added, err := parseEncryptionKey(sent, c.now)
	if err != nil {
		return err
	}
	if len(next.encryption) >= mostCertificates {
		return refuse("too_many_encryption_certificates", "A SAML connection has at most %d encryption keys.", mostCertificates)
	}
	added.id = next.org.project.newID("saml-encryption-key")
	next.encryption = append(slices.Clone(next.encryption), added)
	return nil
}

// deleteCertificate removes a verification certificate.
//
// Source: docs, delete-verification-certificate: an active connection keeps at
// least one (cannot_delete_last_sso_verification_key).
func deleteCertificate(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	id := c.path("certificate_id")
	at := slices.IndexFunc(have.verification, func(known certificate) bool { return known.id == id })
	if at < 0 {
		return nil, refuse("sso_verification_key_not_found", "There is no such certificate: %s.", id)
	}
	if have.status == stateActive && len(have.verification) == 1 {
		return nil, refuse("cannot_delete_last_sso_verification_key", "An active connection needs at least one certificate.")
	}
	have.verification = slices.Delete(slices.Clone(have.verification), at, at+1)
	return document{"certificate_id": id}, nil
}

// deleteEncryptionKey removes an encryption key; no least number is documented.
//
// Source: openapi, DeleteEncryptionPrivateKey.
func deleteEncryptionKey(c *call) (document, error) {
	have, err := lookup[*samlConnection](c, "saml_connection_not_found")
	if err != nil {
		return nil, err
	}
	id := c.path("private_key_id")
	at := slices.IndexFunc(have.encryption, func(known encryptionKey) bool { return known.id == id })
	if at < 0 {
		return nil, refuse("sso_encryption_private_key_not_found", "There is no such encryption key: %s.", id)
	}
	have.encryption = slices.Delete(slices.Clone(have.encryption), at, at+1)
	return document{"private_key_id": id}, nil
}
