package connection_test

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/internal/connection"
)

func FuzzReadCertificate(f *testing.F) {
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for _, seed := range []string{
		"", "x", "-----BEGIN CERTIFICATE-----", key, "-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n", key + key,
		"-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END CERTIFICATE-----\r\n",
	} {
		f.Add(seed)
	}
	good := issue(&testing.T{}, "okta", yearsOn(1)).pem
	f.Add(good)
	f.Add(strings.ReplaceAll(good, "\n", "\r\n"))
	f.Add(good + good)
	f.Fuzz(func(t *testing.T, text string) {
		want, problems := wantCertificates(text)
		if len(want.Certificates)+len(problems) != 1 || want.Incomplete != (len(problems) == 1) {
			t.Fatalf("%d certificates and %d problems", len(want.Certificates), len(problems))
		}
		if len(problems) == 1 {
			if utf8.RuneCountInString(problems[0].Message) > 1000 {
				t.Fatalf("a message of %d bytes", len(problems[0].Message))
			}
			return
		}
		c := want.Certificates[0]
		again, problems := wantCertificates(c.PEM)
		if len(problems) > 0 || again.Certificates[0] != c {
			t.Fatalf("%+v is not read back as it was: %+v %+v", c, again, problems)
		}
		block, _ := pem.Decode([]byte(c.PEM))
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzShow(f *testing.F) {
	f.Add("", "")
	f.Add("a", strings.Repeat("ü", 256))
	f.Add(strings.Repeat("x", 257), strings.Repeat("😀", 300))
	f.Add("\xff\xfe", strings.Repeat("\xff", 300))
	f.Fuzz(func(t *testing.T, have, want string) {
		step := update([3]string{"f", have, want})
		shown := connection.Show([]connection.Step{step})
		if have == want {
			if len(shown) > 0 || step.Sentence() != "" {
				t.Fatalf("what is equal is shown as %+v and %q", shown, step.Sentence())
			}
			return
		}
		wellShown(t, have, shown[0].Have)
		wellShown(t, want, shown[0].Want)
		if !strings.HasPrefix(step.Sentence(), "f: ") {
			t.Fatalf("the sentence is %q", step.Sentence())
		}
	})
}

// wellShown checks that a short value is shown as it is, and a long one by its beginning.
func wellShown(t *testing.T, whole, shown string) {
	t.Helper()
	switch {
	case utf8.RuneCountInString(whole) <= 256:
		same(t, "a short value", shown, whole)
	case utf8.RuneCountInString(shown) != 256:
		t.Fatalf("%q is shown as %q", whole, shown)
	case utf8.ValidString(whole) && !strings.HasPrefix(whole, strings.TrimSuffix(shown, "…")):
		t.Fatalf("%q is shown as %q", whole, shown)
	}
}
