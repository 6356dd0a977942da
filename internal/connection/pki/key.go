package pki

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var errBrokenKey = errors.New("contains an RSA key that cannot be read. Create a new key, for example with \"openssl genrsa 2048\"")

// ReadKey reads one RSA private key in PKCS#1 or PKCS#8, as PEM or DER. It returns the key in PKCS#1 PEM, the one form that Stytch
// takes, and the fingerprint of its public key.
func ReadKey(data []byte) (pkcs1 []byte, spkiSHA256 string, err error) {
	blocks, err := decode(data)
	if err != nil {
		return nil, "", err
	}
	if len(blocks) > 1 {
		return nil, "", errors.New("contains more than one PEM block. Leave only the private key there")
	}
	key, err := rsaKey(blocks[0])
	if err != nil {
		return nil, "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, "", errBrokenKey
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockRSAKey, Bytes: x509.MarshalPKCS1PrivateKey(key)}), Fingerprint(public), nil
}

// rsaKey decodes a key. What the decoders say is left out: it might quote the key.
func rsaKey(b block) (*rsa.PrivateKey, error) {
	const instead = "Stytch accepts only RSA private keys. Create one, for example with \"openssl genrsa 2048\""
	switch {
	case b.kind == blockEncryptedKey || b.encrypted:
		return nil, errors.New("contains a key that is encrypted with a passphrase. Decrypt it, for example with \"openssl rsa\"")
	case b.kind == blockRSAKey || b.kind == blockKey:
		if oversize(b) {
			return nil, fmt.Errorf("contains an RSA key of more than %d bits. Use a smaller key", maxRSABits)
		}
		parsed, err := parseKey(b)
		if err != nil {
			return nil, errBrokenKey
		}
		if key, ok := parsed.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("contains a key that is not RSA. " + instead)
	case strings.HasSuffix(b.kind, "PRIVATE KEY"):
		return nil, fmt.Errorf("contains %s. %s", b, instead)
	}
	return nil, fmt.Errorf("contains %s, not a private key. %s", b, instead)
}

func parseKey(b block) (any, error) {
	if b.kind == blockRSAKey {
		return x509.ParsePKCS1PrivateKey(b.der)
	}
	return x509.ParsePKCS8PrivateKey(b.der)
}

// oversize says that a number of an RSA key is larger than any of a key within the bounds is: to parse such a key takes long. What
// cannot be read is left to the parser.
func oversize(b block) bool {
	pkcs1 := b.der
	if b.kind == blockKey {
		var wrapped struct {
			Version, Algorithm asn1.RawValue
			Key                []byte
		}
		if _, err := asn1.Unmarshal(b.der, &wrapped); err != nil {
			return false
		}
		pkcs1 = wrapped.Key
	}
	const longest = maxRSABits/8 + 1 // with the byte that keeps a number positive
	numbers, _ := elementsOf(pkcs1)
	return slices.ContainsFunc(numbers, func(n asn1.RawValue) bool { return len(n.Bytes) > longest })
}
