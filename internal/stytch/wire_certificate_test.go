package stytch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
)

// certificate returns a certificate as PEM and the SHA-256 of its DER.
func certificate(t *testing.T, name string) (text, sum string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(1000 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	digest := sha256.Sum256(der)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), hex.EncodeToString(digest[:])
}

func TestACertificateIsKnownByItsDERHoweverItIsWrapped(t *testing.T) {
	text, sum := certificate(t, "idp")
	for _, wrapped := range []string{
		text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\n", ""), strings.TrimSpace(text),
		"\n  " + strings.ReplaceAll(text, "\n", "\n   "), "Subject: idp\n" + text,
		strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "-----BEGIN CERTIFICATE-----"), "-----END CERTIFICATE-----")),
	} {
		got := wireCertificate{ID: "id", Certificate: wrapped}.certificate()
		want := Certificate{ID: "id", SHA256: sum, Subject: "CN=idp", ExpiresAt: start.Add(1000 * time.Hour), PEM: text}
		if got != want {
			t.Errorf("%q\n got %+v\nwant %+v", wrapped, got, want)
		}
	}
	said := start.Add(time.Hour)
	if got := (wireCertificate{Certificate: text, ExpiresAt: optionalTime{said}}).certificate().ExpiresAt; !got.Equal(said) {
		t.Errorf("Stytch says it expires at %s, and it is read as %s", said, got)
	}
}

func TestWhatIsNoCertificateIsKeptWithoutFingerprint(t *testing.T) {
	for _, text := range []string{"", "MII…", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----", base64.StdEncoding.EncodeToString([]byte("hello")), "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----"} {
		if got := (wireCertificate{ID: "id", Certificate: text}).certificate(); got != (Certificate{ID: "id"}) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestACertificateThatGoCannotReadIsKnownByItsFingerprintAlone(t *testing.T) {
	const text = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" // an empty SEQUENCE
	sum := pki.Fingerprint([]byte{0x30, 0})
	if got := (wireCertificate{ID: "id", Certificate: text}).certificate(); got != (Certificate{ID: "id", SHA256: sum, PEM: text}) {
		t.Errorf("a verification certificate: %+v", got)
	}
	if got := (wireCertificate{Certificate: text}).signing(); got != (SigningCertificate{SHA256: sum, PEM: text}) {
		t.Errorf("a signing certificate: %+v", got)
	}
}

func TestTheSubjectOfACertificateIsOneBoundedLine(t *testing.T) {
	text, _ := certificate(t, "one\ntwo "+strings.Repeat("é", 300))
	got := wireCertificate{Certificate: text}.certificate().Subject
	if len([]rune(got)) != 256 || !strings.HasPrefix(got, "CN=onetwo éé") || !strings.HasSuffix(got, "é…") {
		t.Errorf("the subject is %q", got)
	}
}

func TestASigningCertificateSaysOfItselfWhatStytchDoesNot(t *testing.T) {
	text, sum := certificate(t, "Stytch")
	block, _ := pem.Decode([]byte(text))
	parsed, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(parsed.PublicKey)
	must(t, err)
	want := SigningCertificate{SHA256: sum, SPKISHA256: pki.Fingerprint(public), PEM: text, CreatedAt: start.Add(-time.Hour), ExpiresAt: start.Add(1000 * time.Hour)}
	if got := (wireCertificate{Certificate: strings.ReplaceAll(text, "\n", "\r\n")}).signing(); got != want {
		t.Errorf("read\n%+v\nwant\n%+v", got, want)
	}
	want.CreatedAt, want.ExpiresAt = start, start.Add(time.Hour)
	if got := (wireCertificate{Certificate: text, CreatedAt: optionalTime{start}, ExpiresAt: optionalTime{start.Add(time.Hour)}}).signing(); got != want {
		t.Errorf("read\n%+v\nwant what Stytch says:\n%+v", got, want)
	}
	if got := (wireCertificate{Certificate: "MII…", CreatedAt: optionalTime{start}}).signing(); got != (SigningCertificate{CreatedAt: start}) {
		t.Errorf("what is no certificate: %+v", got)
	}
}

func TestSigningCertificatesComeTheNewestFirst(t *testing.T) {
	first, one := certificate(t, "first")
	second, two := certificate(t, "second")
	third, three := certificate(t, "third")
	tied := []string{two, three}
	slices.Sort(tied)
	list := []wireCertificate{
		{Certificate: first, CreatedAt: optionalTime{start.Add(time.Second)}},
		{Certificate: second},
		{Certificate: third}, // by their beginning, an hour before start
		{Certificate: "MII…"},
	}
	for range list {
		list = append(list[1:], list[0])
		for _, each := range [][]wireCertificate{list, {list[3], list[2], list[1], list[0]}} {
			var got []string
			for _, c := range (wireSAML{SigningCertificates: each}).connection().SigningCertificates {
				got = append(got, c.SHA256)
			}
			if want := []string{one, tied[0], tied[1], ""}; !slices.Equal(got, want) {
				t.Fatalf("in the order %q, want %q", got, want)
			}
		}
	}
}

func FuzzACertificateIsReadWithoutAFuss(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, text string) {
		read := wireCertificate{Certificate: text}
		c := read.certificate()
		if again := (wireCertificate{Certificate: c.PEM}).certificate(); again.SHA256 != c.SHA256 {
			t.Errorf("%q is %s, and its PEM %s", text, c.SHA256, again.SHA256)
		}
		if s := read.signing(); s.SHA256 != c.SHA256 || s.PEM != c.PEM {
			t.Errorf("%q is %+v and %+v", text, c, s)
		}
	})
}
