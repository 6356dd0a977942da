package pki_test

import (
	"encoding/binary"
	"testing"

	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

func TestASecretIsTakenToTheByteButForWhatEditorsAndShellsAdd(t *testing.T) {
	const secret = "aB~%2F:+\"\\ü=; #x"
	for _, test := range []struct{ name, given, want string }{
		{"as it is", secret, secret},
		{"a line break at its end", secret + "\n", secret},
		{"several, of Windows", secret + "\r\n\r\n", secret},
		{"a byte order mark", "\xef\xbb\xbf" + secret, secret},
		{"a byte order mark and CRLF", "\xef\xbb\xbf" + secret + "\r\n", secret},
		{"spaces and tabs at its ends", "\t " + secret + " \t", "\t " + secret + " \t"},
		{"a space before its last line break", secret + " \n", secret + " "},
		{"line breaks within and before", "\n" + secret + "\n" + secret, "\n" + secret + "\n" + secret},
		{"other white space at its end", secret + "\u00a0\u2028", secret + "\u00a0\u2028"},
		{"bytes that are no UTF-8", "\xff\xfe\xff", "\xff\xfe\xff"},
		{"nothing", "", ""},
	} {
		got, err := pki.ReadText([]byte(test.given))
		Same(t, test.name, got, test.want)
		Same(t, test.name+": the error", err, error(nil))
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, mark := range []string{"", "\ufeff"} {
			got, err := pki.ReadText([]byte(utf16Of(order, mark+secret)))
			Same(t, "what is read of UTF-16", got, "")
			refusal(t, err, secret, "is encoded in UTF-16. Store it in UTF-8: convert it with \"iconv -f UTF-16")
		}
	}
}
