package pki

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
)

const pemBegin = "-----BEGIN "

// decode reads PEM with nothing but white space around its blocks: what else stands there may be half of something.
func decode(text string) ([]*pem.Block, error) {
	var blocks []*pem.Block
	left := strings.TrimSpace(text)
	if !strings.Contains(left, pemBegin) {
		return nil, errors.New("is not PEM. Paste it with its BEGIN and END lines")
	}
	for left != "" {
		if !strings.HasPrefix(left, pemBegin) {
			return nil, errors.New("contains text outside its PEM blocks. Leave only the blocks, from the BEGIN line to the END line")
		}
		block, rest := pem.Decode([]byte(left))
		if block == nil || strings.Count(left[:len(left)-len(rest)], pemBegin) > 1 { // Decode passes over what is broken
			return nil, errors.New("contains an incomplete or damaged PEM block. Paste it again with its BEGIN and END lines")
		}
		blocks, left = append(blocks, block), strings.TrimSpace(string(rest))
	}
	return blocks, nil
}

// Fingerprint is the SHA-256 of something, in lower-case hexadecimal.
func Fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
