package stytch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const hush = "secret-test-HushHushHushHush1234"

func TestASecretIsRedactedHoweverItIsPrinted(t *testing.T) {
	s := Secret(hush)
	credentials := Credentials{BaseURL: "https://test.stytch.com", ProjectID: "project-test-1", Secret: s}
	project := Project{Credentials: credentials, Object: "a/p", Member: Member{Session: s, Of: "a/p"}}
	service := New(Options{Now: func() time.Time { return start }})
	session := service.Session(project)
	things := []any{
		s, &s,
		[]Secret{s},
		map[string]Secret{"a": s},
		credentials, &credentials, project, &project, project.Member, &project.Member,
		SCIMConnection{BearerToken: s, NextBearerToken: s},
		Fields{"client_secret": s},
		session, session.Caller("team", "uid", Drift), *session.account,
	}
	var seen bytes.Buffer
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s"} {
			fmt.Fprintf(&seen, verb+"\n", thing)
		}
		if raw, err := json.Marshal(thing); err == nil {
			seen.Write(raw)
		}
		slog.New(slog.NewTextHandler(&seen, nil)).Info("seen", "thing", thing)
		slog.New(slog.NewJSONHandler(&seen, nil)).Info("seen", "thing", thing)
	}
	text, _ := s.MarshalText()
	seen.Write(text)
	for _, form := range []string{hush, fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), "HushHush"} {
		if strings.Contains(seen.String(), form) {
			t.Errorf("the secret can be seen as %q", form)
		}
	}
	if !strings.Contains(seen.String(), redacted) {
		t.Error("nothing says that something was left out")
	}
	if s.Reveal() != hush || s.LastFour() != "1234" {
		t.Errorf("revealed: %q, last four %q", s.Reveal(), s.LastFour())
	}
}

func TestAShortSecretIsNotNamedByItsLastFour(t *testing.T) {
	if got := Secret("abcdef").LastFour(); got != "" {
		t.Errorf("last four of six characters: %q", got)
	}
}

func TestAMessageIsCleanedOfSecretsAndOfWhatMoves(t *testing.T) {
	const id = "saml-connection-test-dddddddd-0000-4000-8000-000000000001"
	for _, c := range []struct{ said, want string }{
		{"", ""},
		{"The certificate is not valid.", "The certificate is not valid."},
		{"role_id editor does not exist", "role_id editor does not exist"},
		{"scim_group_role_assignment_group_does_not_exist", "scim_group_role_assignment_group_does_not_exist"},
		{"x509_certificate is not valid", "x509_certificate is not valid"},
		{"the field 'x509_certificate_sha256', and saml2_name_id_format", "the field 'x509_certificate_sha256', and saml2_name_id_format"},
		{"x509abcdefabcdefabc1 is not valid", "[redacted] is not valid"},
		{"connection " + id + " is not active.", "connection " + id + " is not active."},
		{"key hidden-value-we-sent is too long", "key [redacted] is too long"},
		{"got -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- here", "got [redacted] here"},
		{"got -----BEGIN CERTIFICATE-----\nMIIE", "got [redacted]"},
		{"token=FAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEwxyz!", "[redacted]"},
		{"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "Bearer [redacted]"},
		{"secret-test-abc was refused", "[redacted] was refused"},
		{"dGhpcyBpcyBub3QgYSBzZWNyZXQ/K2l0IGlzIGEgdGVzdA==", "[redacted]"},
		{"fetching https://user:pw@idp.example.com/meta?token=abc failed", "fetching https://idp.example.com/meta failed"},
		{"see https://stytch.com/docs/b2b/api/errors/400#invalid", "see https://stytch.com/docs/b2b/api/errors/400"},
		{"see https://idp.example.com/meta/4f5e6d7c8b9a4f5e6d7c", "see [redacted]"},
		{"quote request-id-test-11111111-1111-4111-8111-111111111111", "quote [request]"},
		{"expired at 2026-01-01T00:00:00.123Z, sorry", "expired at [time], sorry"},
		{"two\nlines\x1b[31m \u202eand\x00 controls\xff", "two lines [31m and controls"},
		{strings.Repeat("word ", 60), strings.Repeat("word ", 39) + "word…"},
	} {
		if got := clean(c.said, []string{"hidden-value-we-sent", ""}); got != c.want {
			t.Errorf("clean(%q)\n got %q\nwant %q", c.said, got, c.want)
		}
	}
}

func FuzzAMessageIsOneBoundedLineWithoutWhatWasSent(f *testing.F) {
	f.Add("The key hidden-value-we-sent is https://[::1 bad -----BEGIN")
	f.Add("\xff\xfe://\x00")
	f.Fuzz(func(t *testing.T, said string) {
		got := clean(said, []string{"hidden-value-we-sent"})
		if strings.Contains(got, "hidden-value-we-sent") || strings.ContainsAny(got, "\n\r\x00\x1b") || len([]rune(got)) > maxMessage {
			t.Errorf("clean(%q) = %q", said, got)
		}
	})
}

func TestASecretIsHiddenHoweverItIsEscaped(t *testing.T) {
	const secret = `open "sesame" & all`
	for _, said := range []string{secret, "open+%22sesame%22+%26+all", "open%20%22sesame%22%20&%20all", `open \"sesame\" & all`} {
		if got := clean("it was "+said, []string{secret}); got != "it was [redacted]" {
			t.Errorf("clean(%q) = %q", said, got)
		}
	}
}
