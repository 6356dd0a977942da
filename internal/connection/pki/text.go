package pki

import (
	"bytes"
	"fmt"
)

// byteOrderMark is what some editors put in front of UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// ReadText reads a text as people give it. It is taken to the byte, but for a byte order mark and the line breaks at its end, which
// editors and shells add.
func ReadText(data []byte) (string, error) {
	if name := utf16Name(data); name != "" {
		return "", fmt.Errorf("is encoded in UTF-16. Store it in UTF-8: convert it with \"iconv -f %s -t UTF-8\"", name)
	}
	return string(bytes.TrimRight(bytes.TrimPrefix(data, []byte(byteOrderMark)), "\r\n")), nil
}

// utf16Name is the name of the encoding of a text in UTF-16; "" for another one. Without a byte order mark it is known by its first two
// characters: in those of secrets and PEM every other byte is 0.
func utf16Name(data []byte) string {
	if len(data) < 4 || len(data)%2 != 0 {
		return ""
	}
	switch {
	case data[0] == 0xff && data[1] == 0xfe, data[0] != 0 && data[1] == 0 && data[2] != 0 && data[3] == 0:
		return "UTF-16LE"
	case data[0] == 0xfe && data[1] == 0xff, data[0] == 0 && data[1] != 0 && data[2] == 0 && data[3] != 0:
		return "UTF-16BE"
	}
	return ""
}
