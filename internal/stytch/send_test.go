package stytch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const someone = "organization-test-00000000-0000-4000-8000-000000000001"

func refused(errorType string) string {
	return fmt.Sprintf(`{"status_code":400,"request_id":"request-id-test-1","error_type":%q,"error_message":"Because.","error_url":"u"}`, errorType)
}

// requestOf is what an answer tells of an update at start.
func requestOf(body string) Request {
	var said struct {
		ID   string `json:"request_id"`
		Type string `json:"error_type"`
	}
	if json.Unmarshal([]byte(body), &said) != nil {
		said.ID = ""
	}
	return Request{ID: said.ID, Operation: "UpdateSAMLConnection", ErrorType: said.Type, Time: start}
}

func TestAnAnswerIsClassified(t *testing.T) {
	const page = "<html>Bad</html>"
	for _, c := range []struct {
		status  int
		body    string
		class   Class
		unknown bool
		says    string
	}{
		{400, refused("invalid_sso_idp"), Rejected, false, "UpdateSAMLConnection returned 400 invalid_sso_idp: Because."},
		{404, refused("route_not_found"), Rejected, false, "UpdateSAMLConnection returned 404 route_not_found: Because."},
		{404, refused("external_connection_id_not_found"), Rejected, false, ""},
		{405, refused("method_not_allowed"), Rejected, false, ""},
		{401, refused("unauthorized_credentials"), CredentialsRejected, false, ""},
		{401, page, CredentialsRejected, true, ""},
		{401, refused("enterprise_endpoint"), Rejected, false, ""},
		{403, refused("session_authorization_error"), PermissionDenied, false, ""},
		{403, page, Unavailable, true, "UpdateSAMLConnection returned 403: the response is not from Stytch (application/json)"},
		{404, refused("organization_not_found"), OrganizationNotFound, false, ""},
		{404, refused("saml_connection_not_found"), NotFound, false, ""},
		{404, refused("sso_encryption_private_key_not_found"), NotFound, false, ""},
		{400, refused("sso_connection_not_found"), NotFound, false, ""},
		{404, page, Unavailable, true, ""},
		{404, `{"message":"no Route matched with those values"}`, Unavailable, true, ""},
		{408, refused("timeout"), Unavailable, true, ""},
		{499, refused("client_closed_request"), Unavailable, true, ""},
		{429, refused("too_many_requests"), Throttled, false, "UpdateSAMLConnection returned 429 too_many_requests: rate limit exceeded"},
		{429, page, Throttled, true, ""},
		{500, refused("internal_server_error"), Unavailable, true, "UpdateSAMLConnection returned 500 internal_server_error: Because."},
		{502, page, Unavailable, true, "UpdateSAMLConnection returned 502: the response is not from Stytch (application/json)"},
		{503, "", Unavailable, true, ""},
		{302, "", Unavailable, true, "UpdateSAMLConnection returned 302: redirects are not followed"},
		{200, "", Unavailable, true, "UpdateSAMLConnection returned 200: the response is not from Stytch (application/json)"},
		{200, page, Unavailable, true, ""},
		{200, `{"request_id":"request-id-test-1","connec`, Unavailable, true, ""},
		{200, `null`, Unavailable, true, ""},
		{200, `{}`, Unavailable, true, ""},
		{200, `{"request_id":"request-id-test-1","status_code":200,"connection":{"connection_id":""}}`, Unavailable, true, ""},
		{200, `{"request_id":"request-id-test-1","status_code":200,"connection":{"connection_id":"another"}}`, Unavailable, true, "UpdateSAMLConnection returned 200: the response lacks the connection that was requested"},
	} {
		t.Run(fmt.Sprintf("%d %.60s", c.status, c.body), func(t *testing.T) {
			caller := answering(t, status(c.status, c.body))
			_, request, err := caller.UpdateSAML(ctx(t), someone, "c", Fields{"display_name": "x"})
			e := failedAs(t, err, c.class)
			if e.Unknown() != c.unknown {
				t.Errorf("Unknown is %t, want %t", e.Unknown(), c.unknown)
			}
			if c.says != "" && e.Error() != c.says || strings.Contains(e.Error(), "request-id") {
				t.Errorf("says %q\nwant %q", e, c.says)
			}
			want := requestOf(c.body)
			want.StatusCode = c.status
			if request != want || e.Request != want {
				t.Errorf("request %+v, of the error %+v, want %+v", request, e.Request, want)
			}
		})
	}
}

func TestAnUnreadable401IsNotADefiniteAnswer(t *testing.T) {
	caller := answering(t, status(401, "who are you"))
	_, _, err := caller.CreateSAML(ctx(t), someone, Fields{})
	if e := failedAs(t, err, CredentialsRejected); !e.Unknown() {
		t.Error("a proxy's 401 is taken for Stytch's")
	}
}

func TestRetryAfterIsBelievedUpToFiveMinutes(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                              30 * time.Second, // start is half past the minute
		"7":                             7 * time.Second,
		"0":                             time.Second,
		"3600":                          5 * time.Minute,
		"soon":                          30 * time.Second,
		"-1":                            30 * time.Second,
		"99999999999999999999":          30 * time.Second,
		"Thu, 01 Jan 2026 12:01:10 GMT": 40 * time.Second,
		"Thu, 01 Jan 2026 11:00:00 GMT": time.Second,
	} {
		caller := answering(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			status(429, refused("too_many_requests"))(w, r)
		})
		_, _, err := caller.CreateSCIM(ctx(t), someone, nil)
		if e := failedAs(t, err, Throttled); e.RetryAfter != want {
			t.Errorf("Retry-After %q: %s, want %s", header, e.RetryAfter, want)
		}
		_, err = caller.session.Caller("team", "another", Drift).SSO(ctx(t), someone, start)
		if at := notYet(t, err); !at.Equal(start.Add(want)) {
			t.Errorf("Retry-After %q: the gate opens at %s, want after %s", header, at, want)
		}
	}
}

func TestARequestIsAsStytchWantsIt(t *testing.T) {
	var seen *http.Request
	var body string
	caller := answering(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		seen, body = r, string(raw)
		status(200, `{"request_id":"r"}`)(w, r)
	})
	_, _, err := caller.UpdateSAML(ctx(t), "slug~with.dots/and?more", "c/../d", Fields{
		"idp_initiated_auth_disabled": false, "display_name": "", "attribute_mapping": map[string]string(nil),
		"saml_connection_implicit_role_assignments": []any(nil), "signing_private_key": Secret("key"),
	})
	must(t, err)
	if want := "/v1/b2b/sso/saml/slug~with.dots%2Fand%3Fmore/connections/c%2F..%2Fd"; seen.URL.EscapedPath() != want || seen.Method != "PUT" {
		t.Errorf("%s %s, want PUT %s", seen.Method, seen.URL.EscapedPath(), want)
	}
	user, password, _ := seen.BasicAuth()
	if user != "project-test-1" || password != hush {
		t.Errorf("basic auth %q, %q", user, password)
	}
	for name, want := range map[string]string{
		"User-Agent":   "stytch-operator/test (+https://github.com/stytch-operator/stytch-operator)",
		"Content-Type": "application/json", "Accept": "application/json",
	} {
		if got := seen.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if want := `{"attribute_mapping":{},"display_name":"","idp_initiated_auth_disabled":false,"saml_connection_implicit_role_assignments":[],"signing_private_key":"key"}`; body != want {
		t.Errorf("body %s\nwant %s", body, want)
	}
	_, _, _ = caller.StartRotation(ctx(t), someone, "c")
	if body != "{}" {
		t.Errorf("a POST without fields sends %q, want {}", body)
	}
	_, _ = caller.SSO(ctx(t), someone, start)
	if body != "" || seen.ContentLength != 0 || len(seen.TransferEncoding) != 0 || seen.Method != "GET" {
		t.Errorf("a %s sends %q (length %d, %v), want nothing", seen.Method, body, seen.ContentLength, seen.TransferEncoding)
	}
}

func TestWhatCannotBeMeantIsNotSent(t *testing.T) {
	caller := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	type pair struct {
		Role  any
		Token Secret
	}
	for says, fields := range map[string]Fields{
		"UpdateSAMLConnection was not sent: a would be sent as null":       {"a": nil},
		"UpdateSAMLConnection was not sent: b would be sent as null":       {"b": []any{1, nil}},
		"UpdateSAMLConnection was not sent: c would be sent as null":       {"c": (*string)(nil)},
		"UpdateSAMLConnection was not sent: d would be sent as null":       {"d": []pair{{Token: ""}}},
		"UpdateSAMLConnection was not sent: e would be sent as [redacted]": {"e": []Secret{hush}},
		"UpdateSAMLConnection was not sent: f cannot be encoded as JSON":   {"f": func() {}},
	} {
		_, _, err := caller.UpdateSAML(ctx(t), someone, "c", fields)
		if e := failedAs(t, err, Rejected); e.Unknown() || e.Error() != says {
			t.Errorf("%v: %q (unknown %t)", fields, e, e.Unknown())
		}
	}
	for _, id := range []string{"", ".", ".."} {
		_, err := caller.DeleteSSO(ctx(t), someone, id)
		if e := failedAs(t, err, Rejected); e.Unknown() {
			t.Errorf("%q as an ID: %v", id, e)
		}
	}
	for _, base := range []string{"", "test.stytch.com", "https://user@test.stytch.com", "https://test.stytch.com/?a", "https://[::1", "file:///etc"} {
		_, _, err := against(base, Options{}).CreateSCIM(ctx(t), someone, nil)
		if e := failedAs(t, err, Rejected); e.Unknown() {
			t.Errorf("%q as base URL: %v", base, e)
		}
	}
}

func TestARedirectTakesTheCredentialsNowhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		caller := answering(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		_, listed := caller.SSO(ctx(t), someone, start)
		_, deleted := caller.DeleteSSO(ctx(t), someone, "c")
		_, _, updated := caller.UpdateSAML(ctx(t), someone, "c", Fields{"signing_private_key": Secret("key")})
		_, _, created := caller.CreateSCIM(ctx(t), someone, nil)
		for _, err := range []error{listed, deleted, updated, created} {
			if e := failedAs(t, err, Unavailable); !e.Unknown() || e.StatusCode != code {
				t.Errorf("%d: %v, unknown %t", code, e, e.Unknown())
			}
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNoAnswerIsUnknownUnlessNothingWasSent(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}, Err: errors.New("no route to host")}
	for _, c := range []struct {
		cause   error
		unknown bool
		says    string
	}{
		{&net.DNSError{Name: "api.stytch.com", Err: "no such host"}, false, "CreateSCIMConnection was not sent: the host name api.stytch.com cannot be resolved"},
		{dial, false, "CreateSCIMConnection was not sent: network error"},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, true, "CreateSCIMConnection got no response: network error"},
		{io.ErrUnexpectedEOF, true, "CreateSCIMConnection got no response: the connection was closed"},
		{context.Canceled, true, "CreateSCIMConnection got no response: the call was canceled"},
		{errors.New("read tcp 127.0.0.1:54321: " + hush), true, "CreateSCIMConnection got no response: network error"},
	} {
		caller := against("https://test.stytch.com", Options{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, c.cause })})
		_, request, err := caller.CreateSCIM(ctx(t), someone, nil)
		e := failedAs(t, err, Unavailable)
		if e.Unknown() != c.unknown || e.Error() != c.says {
			t.Errorf("%v: %q, unknown %t; want %q, %t", c.cause, e, e.Unknown(), c.says, c.unknown)
		}
		if !errors.Is(err, c.cause) || request.StatusCode != 0 || request.Time.IsZero() {
			t.Errorf("%v: the error wraps %v, the request is %+v", c.cause, e.Err, request)
		}
	}
}

func TestARefusedConnectionIsKnownNotToHaveSentAnything(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, _, err := against(server.URL, Options{}).CreateSCIM(ctx(t), someone, nil)
	if e := failedAs(t, err, Unavailable); e.Unknown() || e.Error() != "CreateSCIMConnection was not sent: connection refused" {
		t.Errorf("%q, unknown %t", e, e.Unknown())
	}
}

func TestAPassThatWasEndedSendsNothing(t *testing.T) {
	caller := answering(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	drop, leave := context.WithCancel(ctx(t))
	leave()
	_, _, err := caller.CreateSCIM(drop, someone, nil)
	if e := failedAs(t, err, Unavailable); e.Unknown() || !errors.Is(err, context.Canceled) || e.Error() != "CreateSCIMConnection was not sent: the reconcile was canceled" {
		t.Errorf("%q, unknown %t", e, e.Unknown())
	}
}

func TestAnUntrustedServerIsSentNothing(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, _, err := against(server.URL, Options{}).CreateSCIM(ctx(t), someone, nil)
	if e := failedAs(t, err, Unavailable); e.Unknown() || e.Message != "the server's TLS certificate is not trusted: it was issued by an unknown authority (O=Acme Co)" {
		t.Errorf("%q, unknown %t", e, e.Unknown())
	}
}

func TestACallIsGivenUpAfterItsTime(t *testing.T) {
	cached := make(chan struct{})
	for name, handler := range map[string]http.HandlerFunc{
		"before the answer": func(http.ResponseWriter, *http.Request) { <-cached },
		"within it": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-cached
		},
	} {
		server := httptest.NewServer(handler)
		defer server.Close()
		_, _, err := against(server.URL, Options{Timeout: 20 * time.Millisecond}).CreateSCIM(ctx(t), someone, nil)
		if e := failedAs(t, err, Unavailable); !e.Unknown() || e.Message != "timed out after 20ms" {
			t.Errorf("%s: %q, unknown %t", name, e, e.Unknown())
		}
	}
	close(cached)
}

func TestAnAnswerIsReadUpToALimit(t *testing.T) {
	long := `{"request_id":"r","connection":{"connection_id":"c","display_name":"` + strings.Repeat("x", 2<<20) + `"}}`
	caller := answering(t, status(200, long))
	_, _, err := caller.CreateSCIM(ctx(t), someone, nil)
	if e := failedAs(t, err, Unavailable); e.Message != "the response is too large" || !e.Unknown() {
		t.Errorf("%q, unknown %t", e, e.Unknown())
	}
	caller = answering(t, status(200, `{"request_id":"r","saml_connections":[{"connection_id":"c","display_name":"`+strings.Repeat("x", 2<<20)+`"}]}`))
	if _, err := caller.SSO(ctx(t), someone, start); err != nil {
		t.Errorf("a list of 2 MiB: %v", err)
	}
}

func TestNoRequestIsSentTwice(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%2 == 1 { // the first on each connection is answered, which keeps it
			status(200, `{"request_id":"r","status_code":200}`)(w, r)
			return
		}
		conn, _, _ := http.NewResponseController(w).Hijack()
		_ = conn.Close()
	}))
	defer server.Close()
	caller := against(server.URL, Options{})
	for _, call := range []func() error{
		func() error { _, err := caller.SSO(ctx(t), someone, start); return err },
		func() error { _, err := caller.DeleteSSO(ctx(t), someone, "c"); return err },
		func() error { _, _, err := caller.CreateSCIM(ctx(t), someone, nil); return err },
		func() error { _, _, err := caller.UpdateSCIM(ctx(t), someone, "c", nil); return err },
	} {
		requests.Store(0)
		_, _ = caller.DeleteSSO(ctx(t), someone, "warm")
		e := failedAs(t, call(), Unavailable)
		if requests.Load() != 2 || e.Message != "the connection was closed" || !e.Unknown() {
			t.Errorf("%s: %d requests (want 2 with the first), %q", e.Operation, requests.Load(), e)
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(status(404, refused("x")+strings.Repeat(" ", 100<<10)))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	caller := against(server.URL, Options{})
	for range 5 {
		_, _ = caller.DeleteSSO(ctx(t), someone, "c")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 5 calls in a row", n)
	}
}

func TestWhatStytchSaysOfOurSecretsIsNotRepeated(t *testing.T) {
	const key = "-----BEGIN RSA PRIVATE KEY-----\nTUlJRQ==\n-----END RSA PRIVATE KEY-----"
	caller := answering(t, func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		var sent map[string]string
		_ = json.NewDecoder(r.Body).Decode(&sent)
		raw, _ := json.Marshal(map[string]any{
			"request_id": "r", "error_type": "e\n" + strings.Repeat("x", 100), "error_message": "you sent " + sent["signing_private_key"] + " and " + sent["client_secret"] + " as " + password,
		})
		status(400, string(raw))(w, r)
	})
	fields := Fields{"signing_private_key": key, "client_secret": Secret("open sesame")}
	_, _, saml := caller.UpdateSAML(ctx(t), someone, "c", fields)
	_, warning, _, oidc := caller.UpdateOIDC(ctx(t), someone, "c", fields)
	if warning != "" {
		t.Errorf("a refusal warns: %q", warning)
	}
	for _, err := range []error{saml, oidc} {
		e := failedAs(t, err, Rejected)
		if e.Message != "you sent [redacted] and [redacted] as [redacted]" {
			t.Errorf("the message is %q", e.Message)
		}
		if e.ErrorType != "" {
			t.Errorf("the error type is %q", e.ErrorType)
		}
		for _, seen := range []string{fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e), fmt.Sprintf("%v", e)} {
			if strings.Contains(seen, hush) || strings.Contains(seen, "sesame") || strings.Contains(seen, "TUlJ") {
				t.Errorf("a secret stands in %s", seen)
			}
		}
	}
}

func TestAWarningIsCleanedAsAMessageIs(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{``, ""},
		{`,"warning":null`, ""},
		{`,"warning":""`, ""},
		{`,"warning":"open sesame\nwas sent by ` + hush + `, at 2026-01-01T00:00:00Z"`, "[redacted] was sent by [redacted], at [time]"},
		{`,"warning":{"no":"string"}`, `{"no":"string"}`},
		{`,"warning":"` + strings.Repeat("word ", 80) + `"`, strings.Repeat("word ", 39) + "word…"},
	} {
		caller := answering(t, status(200, `{"request_id":"r","connection":{"connection_id":"c"}`+c.said+`}`))
		_, warning, request, err := caller.UpdateOIDC(ctx(t), someone, "c", Fields{"client_secret": Secret("open sesame")})
		if err != nil || warning != c.want || request.ID != "r" {
			t.Errorf("%s: %q (%+v, %v), want %q", c.said, warning, request, err, c.want)
		}
	}
}
