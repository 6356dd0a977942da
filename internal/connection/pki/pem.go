package pki

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what is read from one place. They are far beyond every honest use, and keep the time that reading takes short.
const (
	maxSource  = 128 << 10
	maxBlocks  = 16
	maxRSABits = 16384
)

// Types of blocks.
const (
	blockCertificate  = "CERTIFICATE"
	blockRSAKey       = "RSA PRIVATE KEY"
	blockKey          = "PRIVATE KEY"
	blockEncryptedKey = "ENCRYPTED PRIVATE KEY"
	blockECKey        = "EC PRIVATE KEY"
)

// block is one block of PEM, or the DER that stands for one.
type block struct {
	kind      string // the type of a block of PEM; what DER would have there, "" where that is not known
	der       []byte
	bare      bool // it is DER
	encrypted bool // the way OpenSSL once did
}

// String is the block in words. A type that is not known may be anything, even a secret.
func (b block) String() string {
	form := "a PEM block"
	if b.bare {
		form = "DER"
	}
	if !slices.Contains(knownBlocks(), b.kind) {
		return form + " of an unknown type"
	}
	return fmt.Sprintf("%s of type %q", form, b.kind)
}

// knownBlocks are the types of blocks that a message quotes (RFC 7468, and what OpenSSL, OpenSSH and GnuPG write).
func knownBlocks() []string {
	return []string{
		blockCertificate, blockRSAKey, blockKey, blockEncryptedKey, blockECKey, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST",
		"TRUSTED CERTIFICATE", "X509 CERTIFICATE", "X509 CRL", "PKCS7", "PKCS #7 SIGNED DATA", "CMS", "PUBLIC KEY", "RSA PUBLIC KEY",
		"DSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PARAMETERS", "DH PARAMETERS", "PGP PRIVATE KEY BLOCK", "PGP PUBLIC KEY BLOCK",
	}
}

const pemBegin = "-----BEGIN "

// decode reads the blocks of PEM, or DER.
func decode(data []byte) ([]block, error) {
	if len(data) > maxSource {
		return nil, fmt.Errorf("has more than %d KiB. Leave only what is needed there", maxSource>>10)
	}
	if kind, is := derKind(data); is {
		return []block{{kind: kind, der: data, bare: true}}, nil
	}
	text, err := ReadText(data)
	if err != nil {
		return nil, err
	}
	switch begins := strings.Count(text, pemBegin); {
	case begins == 0:
		return nil, errors.New("is not PEM. Paste it with its BEGIN and END lines")
	case begins > maxBlocks:
		return nil, fmt.Errorf("contains more than %d PEM blocks. Leave only what is needed there", maxBlocks)
	case strings.Contains(text, `\n`):
		return nil, errors.New(`contains the two characters \n in place of line breaks. Convert it, for example with: printf '%b\n' "$(cat FILE)"`)
	}
	return decodePEM([]byte(text))
}

const whiteSpace = " \t\r\n\v\f"

// decodePEM reads PEM with nothing but white space around its blocks: what else stands there may be half of something.
func decodePEM(left []byte) ([]block, error) {
	var blocks []block
	for left = bytes.Trim(left, whiteSpace); len(left) > 0; {
		if !bytes.HasPrefix(left, []byte(pemBegin)) {
			return nil, errors.New("contains text outside its PEM blocks. Leave only the blocks, from the BEGIN line to the END line")
		}
		found, rest := pem.Decode(left)
		if found == nil || bytes.Count(left[:len(left)-len(rest)], []byte(pemBegin)) > 1 { // Decode passes over what is broken
			return nil, errors.New("contains an incomplete or damaged PEM block. Paste it again with its BEGIN and END lines")
		}
		blocks = append(blocks, block{kind: found.Type, der: found.Bytes, encrypted: found.Headers["DEK-Info"] != ""})
		left = bytes.TrimLeft(rest, whiteSpace)
	}
	return blocks, nil
}

// derKind says whether a source is DER, and what it would be called in PEM: by the types of its first elements.
func derKind(data []byte) (kind string, is bool) {
	if len(data) < 2 || data[1] < 0x80 { // no certificate and no RSA key is as short as that; some text is
		return "", false
	}
	elements, is := elementsOf(data)
	if !is {
		return "", false
	}
	tags := make([]int, 2)
	for i := range min(len(elements), len(tags)) {
		tags[i] = elements[i].Tag
	}
	switch [2]int(tags) {
	case [2]int{asn1.TagSequence, asn1.TagSequence}:
		return blockCertificate, true
	case [2]int{asn1.TagInteger, asn1.TagInteger}:
		return blockRSAKey, true
	case [2]int{asn1.TagInteger, asn1.TagSequence}:
		return blockKey, true
	case [2]int{asn1.TagInteger, asn1.TagOctetString}:
		return blockECKey, true
	case [2]int{asn1.TagSequence, asn1.TagOctetString}:
		return blockEncryptedKey, true
	}
	return "", true
}

// elementsOf are the elements of a SEQUENCE in DER that is all there is.
func elementsOf(der []byte) ([]asn1.RawValue, bool) {
	var outer asn1.RawValue
	after, err := asn1.Unmarshal(der, &outer)
	if err != nil || len(after) > 0 || outer.Class != asn1.ClassUniversal || outer.Tag != asn1.TagSequence || !outer.IsCompound {
		return nil, false
	}
	var elements []asn1.RawValue
	for left := outer.Bytes; len(left) > 0; {
		var element asn1.RawValue
		if left, err = asn1.Unmarshal(left, &element); err != nil {
			return nil, false
		}
		elements = append(elements, element)
	}
	return elements, true
}

// Fingerprint is the SHA-256 of something, in lower-case hexadecimal.
func Fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
