package pki

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const blockRSAKey = "RSA PRIVATE KEY"

var errBrokenKey = errors.New("contains an RSA key that cannot be read. Create a new key, for example with \"openssl genrsa 2048\"")

// ReadKey reads one RSA private key in PKCS#1 or PKCS#8. It returns the key in PKCS#1 PEM, the one form that Stytch takes, and the
// fingerprint of its public key.
func ReadKey(text string) (pkcs1 []byte, spkiSHA256 string, err error) {
	blocks, err := decode(text)
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
func rsaKey(block *pem.Block) (*rsa.PrivateKey, error) {
	const instead = "Stytch accepts only RSA private keys. Create one, for example with \"openssl genrsa 2048\""
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errors.New("contains a key that is encrypted with a passphrase. Decrypt it, for example with \"openssl rsa\"")
	case block.Type == blockRSAKey:
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errBrokenKey
		}
		return key, nil
	case block.Type == "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errBrokenKey
		}
		if key, ok := parsed.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("contains a key that is not RSA. " + instead)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, fmt.Errorf("contains a PEM block of type %q. %s", quoted(block), instead)
	}
	return nil, fmt.Errorf("contains a PEM block of type %q, not a private key. %s", quoted(block), instead)
}

// longestType is how many bytes of a block's type an error quotes.
const longestType = 256

// quoted is the type of a block, for an error.
func quoted(block *pem.Block) string { return block.Type[:min(len(block.Type), longestType)] }
