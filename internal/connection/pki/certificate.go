package pki

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what an old certificate was signed with
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Certificate is an X.509 certificate.
type Certificate struct {
	// SHA256 of the DER. Empty where Stytch shows something that cannot be read.
	SHA256 string
	// PEM of the certificate; of one at Stytch only where it may have to be put back.
	PEM string
	// ExpiresAt is the end of its validity; zero where it cannot be read.
	ExpiresAt time.Time
}

// ReadCertificates reads certificates that stand one after another with nothing but white space around them, or one in DER. Issuers
// are the subjects of those that issued another one of them, which are left out: whoever holds such a key can make certificates of
// anybody.
func ReadCertificates(data []byte) (certificates []Certificate, issuers []string, err error) {
	if isXML(data) {
		return nil, nil, errors.New("is XML or HTML, such as SAML metadata, not a certificate. Set spec.metadataURL instead, or take the certificate out of it with \"xmllint --xpath 'string(//*[local-name()=\"X509Certificate\"])' FILE\" and put it between a BEGIN CERTIFICATE and an END CERTIFICATE line")
	}
	blocks, err := decode(data)
	if err != nil {
		return nil, nil, err
	}
	var all []Certificate
	var parsed []*x509.Certificate
	for _, b := range blocks {
		c, is, err := readCertificate(b)
		if err != nil {
			return nil, nil, err
		}
		all, parsed = append(all, c), append(parsed, is)
	}
	if candidates(parsed) > maxBlocks {
		return nil, nil, errors.New("contains too many certificates that name each other as the issuer. Leave only the certificates that the identity provider signs with")
	}
	for i, is := range parsed {
		if slices.ContainsFunc(parsed, func(other *x509.Certificate) bool { return named(is, other) && verifies(is, other) }) {
			issuers = append(issuers, cmp.Or(is.Subject.String(), all[i].SHA256))
		} else {
			certificates = append(certificates, all[i])
		}
	}
	return certificates, issuers, nil
}

// isXML says that a source begins as XML does.
func isXML(data []byte) bool {
	text, err := ReadText(data[:min(len(data), 1<<10)])
	return err == nil && strings.HasPrefix(strings.TrimSpace(text), "<")
}

// readCertificate reads a certificate. Only its shape is checked: identity providers use certificates that Go's parser finds
// fault with, and Stytch is the one to judge them. Parsed is nil for such a one.
func readCertificate(b block) (c Certificate, parsed *x509.Certificate, invalid error) {
	switch {
	case strings.Contains(b.kind, "PRIVATE KEY"):
		return c, nil, errors.New("contains a private key. Leave only certificates there")
	case b.kind != blockCertificate:
		return c, nil, fmt.Errorf("contains %s, not \"CERTIFICATE\". Store the identity provider's signing certificate there", b)
	}
	var shape struct {
		Certificate asn1.RawValue
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}
	if after, err := asn1.Unmarshal(b.der, &shape); err != nil || len(after) > 0 {
		return c, nil, errors.New("is not a readable X.509 certificate. Download it from the identity provider again")
	}
	c = Certificate{SHA256: Fingerprint(b.der), PEM: EncodeCertificate(b.der)}
	parsed, err := x509.ParseCertificate(b.der)
	if err != nil {
		return c, nil, nil //nolint:nilerr // it is sent as it is
	}
	if key, is := parsed.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() > maxRSABits {
		return c, nil, fmt.Errorf("contains a certificate whose RSA key has more than %d bits. Use a smaller key", maxRSABits)
	}
	c.ExpiresAt = parsed.NotAfter
	return c, parsed, nil
}

// candidates counts the pairs of certificates of which one may have issued the other. An honest chain has one for each certificate.
func candidates(parsed []*x509.Certificate) (count int) {
	for _, c := range parsed {
		for _, other := range parsed {
			if named(c, other) {
				count++
			}
		}
	}
	return count
}

// named says that a certificate is named as the issuer of another. One that is self-signed was issued by itself, also where it has
// the name and the key of the one that it replaces.
func named(c, other *x509.Certificate) bool {
	return c != nil && other != nil && bytes.Equal(c.RawSubject, other.RawIssuer) && !bytes.Equal(other.RawSubject, other.RawIssuer)
}

// verifies says that the key of a certificate verifies the signature of another. What a certificate says of itself, its basic
// constraints, means nothing: OpenSSL makes self-signed ones that call themselves an authority.
func verifies(c, other *x509.Certificate) bool {
	key, is := c.PublicKey.(*rsa.PublicKey)
	switch {
	case is && key.E > largestExponent: // it would take long, and no authority has such a key
		return false
	case is && other.SignatureAlgorithm == x509.SHA1WithRSA: // which CheckSignature refuses
		sum := sha1.Sum(other.RawTBSCertificate) //nolint:gosec // nothing is trusted for it
		return rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], other.Signature) == nil
	}
	return c.CheckSignature(other.SignatureAlgorithm, other.RawTBSCertificate, other.Signature) == nil
}

// largestExponent of a public key that anybody uses.
const largestExponent = 1<<16 + 1

// EncodeCertificate is a certificate in canonical PEM.
func EncodeCertificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: der}))
}
