package stytch

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestOnlyTheFullFormIsAnOrganizationsID(t *testing.T) {
	const id = "organization-live-0a1b2c3d-0000-4000-8000-000000000000"
	for name, want := range map[string]bool{
		id: true, strings.Replace(id, "-live-", "-test-", 1): true, "acme": false, "": false,
		"organization-test-evil": false, "organization-live-1": false, strings.TrimSuffix(id, "0"): false, id + "0": false, id + "\n": false, "my-" + id: false,
		strings.ToUpper(id): false, strings.Replace(id, "-live-", "-prod-", 1): false,
	} {
		if IsOrganizationID(name) != want {
			t.Errorf("%q counts as an ID: %t", name, !want)
		}
	}
}

func TestWhatHasNotTheFormOfAnIdentifierIsNotKept(t *testing.T) {
	const secret = "open_sesame"
	for _, c := range []struct{ requestID, errorType, wantID, wantType string }{
		{"request-id-test-b05c992f-ebdc-489d-a754-c7e70ba13141", "invalid_sso_idp", "request-id-test-b05c992f-ebdc-489d-a754-c7e70ba13141", "invalid_sso_idp"},
		{"r", "x509_certificate_invalid", "r", "x509_certificate_invalid"},
		{"r", "you sent open_sesame", "r", ""},
		{"r", secret, "r", ""},
		{"r", "it_is_" + secret, "r", ""},
		{"r-" + secret, "invalid", "", "invalid"},
		{"r", hush, "r", ""},
		{"r", "4f9c1e0b7a6d52834f9c1e0b7a6d5283", "r", ""},
		{"4f9c1e0b7a6d52834f9c1e0b7a6d5283", "invalid", "", "invalid"},
		{"a b", "Invalid", "", ""},
		{"<script>", "a\nb", "", ""},
		{strings.Repeat("x", 129), strings.Repeat("x", 65), "", ""},
	} {
		caller := answering(t, status(400, fmt.Sprintf(`{"request_id":%q,"error_type":%q,"error_message":"No."}`, c.requestID, c.errorType)))
		_, _, _, err := caller.UpdateOIDC(ctx(t), someone, "c", Fields{"client_secret": Secret(secret)})
		e := failedAs(t, err, Rejected)
		if e.ID != c.wantID || e.ErrorType != c.wantType {
			t.Errorf("of %q, %q are kept %q, %q", c.requestID, c.errorType, e.ID, e.ErrorType)
		}
	}
}

func TestAMediaTypeIsOnlyNamedIfItIsAKnownOne(t *testing.T) {
	for kind, want := range map[string]string{
		"text/html; charset=utf-8": "the response is not from Stytch (text/html)",
		"open/sesame":              "the response is not from Stytch",
		"":                         "the response is not from Stytch",
	} {
		caller := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(http.StatusBadGateway)
		})
		_, err := caller.SSO(ctx(t), someone, start)
		if e := readError(t, err); e.Err.Message != want {
			t.Errorf("of %q is said: %s", kind, e.Err.Message)
		}
	}
}

func TestAnAnswerThatCannotBeAboutTheOrganizationIsNotUsed(t *testing.T) {
	other := strings.Replace(someone, "1", "2", 1)
	connection := func(organization, id string) string {
		return fmt.Sprintf(`{"organization_id":%q,"connection_id":%q,"status":"active","bearer_token":"token"}`, organization, id)
	}
	calls := map[string]func(context.Context, *Caller) error{
		"SSO":        func(ctx context.Context, c *Caller) error { _, err := c.SSO(ctx, someone, start); return err },
		"SCIM":       func(ctx context.Context, c *Caller) error { _, err := c.SCIM(ctx, someone, start); return err },
		"CreateSAML": func(ctx context.Context, c *Caller) error { _, _, err := c.CreateSAML(ctx, someone, nil); return err },
		"CreateOIDC": func(ctx context.Context, c *Caller) error { _, _, err := c.CreateOIDC(ctx, someone, nil); return err },
		"CreateSCIM": func(ctx context.Context, c *Caller) error { _, _, err := c.CreateSCIM(ctx, someone, nil); return err },
		"UpdateSAML": func(ctx context.Context, c *Caller) error {
			_, _, err := c.UpdateSAML(ctx, someone, "c", nil)
			return err
		},
		"UpdateOIDC": func(ctx context.Context, c *Caller) error {
			_, _, _, err := c.UpdateOIDC(ctx, someone, "c", nil)
			return err
		},
		"UpdateSCIM": func(ctx context.Context, c *Caller) error {
			_, _, err := c.UpdateSCIM(ctx, someone, "c", nil)
			return err
		},
		"External": func(ctx context.Context, c *Caller) error {
			_, _, err := c.UpdateExternal(ctx, someone, "c", nil)
			return err
		},
		"FromURL": func(ctx context.Context, c *Caller) error {
			_, _, err := c.UpdateSAMLFromURL(ctx, someone, "c", "u")
			return err
		},
		"CompleteRot": func(ctx context.Context, c *Caller) error {
			_, _, err := c.CompleteRotation(ctx, someone, "c")
			return err
		},
	}
	for name, call := range calls {
		for body, want := range map[string]string{
			connection(someone, "c"):   "",
			connection("", "c"):        "",
			connection(other, "c"):     "the response is about another organization",
			connection(someone, ""):    "the response lacks a connection ID",
			connection(someone, "a b"): "the response lacks a connection ID",
		} {
			answer := fmt.Sprintf(`{"request_id":"r","connection":%s,"saml_connections":[{"connection_id":"a","organization_id":%q},%[1]s]}`, body, someone)
			err := call(ctx(t), answering(t, status(200, answer)))
			if want == "" {
				must(t, err)
				continue
			}
			if e, failed := asError(err); !failed || e.Class != Unavailable || e.Message != want {
				t.Errorf("%s, of %s: %v, want %q", name, body, err, want)
			}
		}
	}
}

func TestAnOrganizationIsOnlyWhatTheAnswerNamesInFull(t *testing.T) {
	const mine = "organization-test-11111111-1111-4111-8111-111111111111"
	for _, c := range []struct{ name, answered, want string }{
		{"acme", mine, ""},
		{"organization-test-evil", mine, ""},
		{mine, mine, ""},
		{"organization-test-evil", "organization-test-evil", "the response lacks the organization's ID in its usual form"},
		{"acme", "", "the response lacks the organization's ID in its usual form"},
		{mine, strings.Replace(mine, "1111-4", "2222-4", 1), "the response is about another organization"},
	} {
		id, _, err := answering(t, status(200, fmt.Sprintf(`{"request_id":"r","organization":{"organization_id":%q}}`, c.answered))).Organization(ctx(t), c.name)
		if e, failed := asError(err); failed != (c.want != "") || failed && (e.Class != Unavailable || e.Message != c.want) || !failed && id != mine {
			t.Errorf("%s is %q, %v, want %q", c.name, id, err, c.want)
		}
	}
}

func TestASuccessThatNamesAnErrorIsNoList(t *testing.T) {
	_, err := answering(t, status(200, `{"request_id":"r","status_code":200,"error_type":"internal_server_error"}`)).SSO(ctx(t), someone, start)
	if e := readError(t, err); e.Err.Class != Unavailable {
		t.Errorf("it is %v", e.Err)
	}
}
