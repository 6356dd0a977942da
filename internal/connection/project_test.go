package connection_test

import (
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestTheBaseURLIsStytchsOrAllowed(t *testing.T) {
	const live, test = "project-live-1", "project-test-1"
	allowed := connection.Endpoints{AllowedHosts: []string{"login.example.com", "Stytch.Example.com:8443", ""}}
	loopback := connection.Endpoints{InsecureLoopback: true}
	for _, c := range []struct {
		name      string
		endpoints connection.Endpoints
		project   string
		url       string
		want      string
		refusal   string // a part of the message where it is refused
	}{
		{"absent, live", connection.Endpoints{}, live, "", "https://api.stytch.com", ""},
		{"absent, test", connection.Endpoints{}, test, "", "https://test.stytch.com", ""},
		{"absent, neither", connection.Endpoints{}, "project-1", "", "https://test.stytch.com", ""},
		{"Stytch's live root", connection.Endpoints{}, live, "https://api.stytch.com", "https://api.stytch.com", ""},
		{"Stytch's test root, whatever the project", connection.Endpoints{}, live, "https://test.stytch.com", "https://test.stytch.com", ""},
		{"a trailing slash", connection.Endpoints{}, live, "https://api.stytch.com/", "https://api.stytch.com", ""},
		{"a path and a query, which are left out", connection.Endpoints{}, live, "https://api.stytch.com/evil?x=y#z", "https://api.stytch.com", ""},
		{"capital letters", connection.Endpoints{}, live, "HTTPS://API.Stytch.com", "https://api.stytch.com", ""},
		{"https's own port", connection.Endpoints{}, live, "https://api.stytch.com:443/", "https://api.stytch.com", ""},
		{"another port", connection.Endpoints{}, live, "https://api.stytch.com:8443", "", "api.stytch.com:8443"},
		{"an allowed host", allowed, live, "https://login.example.com", "https://login.example.com", ""},
		{"an allowed host with https's own port", allowed, live, "https://login.example.com:443", "https://login.example.com", ""},
		{"an allowed host with a port that is not", allowed, live, "https://login.example.com:8443", "", "--allowed-base-url-hosts=login.example.com:8443"},
		{"an allowed port, in capital letters", allowed, live, "https://stytch.EXAMPLE.com:8443", "https://stytch.example.com:8443", ""},
		{"the host of an allowed port without it", allowed, live, "https://stytch.example.com", "", "--allowed-base-url-hosts=stytch.example.com"},
		{"a host below an allowed one", allowed, live, "https://evil.login.example.com", "", "not a host of Stytch"},
		{"a host that begins like Stytch's", connection.Endpoints{}, live, "https://api.stytch.com.evil.example.com", "", "not a host of Stytch"},
		{"another host", connection.Endpoints{}, live, "https://evil.example.com", "", "--allowed-base-url-hosts=evil.example.com"},
		{"Stytch's host as a user", connection.Endpoints{}, live, "https://api.stytch.com@evil.example.com", "", "evil.example.com, which is not a host of Stytch"},
		{"Stytch's host as a user with a password", connection.Endpoints{}, live, "https://api.stytch.com:443@evil.example.com/", "", "evil.example.com, which is not a host of Stytch"},
		{"a user at Stytch's host, who is left out", connection.Endpoints{}, live, "https://user:password@api.stytch.com", "https://api.stytch.com", ""},
		{"an address inside the cluster", connection.Endpoints{}, live, "https://10.0.0.1", "", "not a host of Stytch"},
		{"a letter that folds to another", connection.Endpoints{}, live, "https://api.\u017ftytch.com", "", "not a host of Stytch"},
		{"a host allowed with https's own port", connection.Endpoints{AllowedHosts: []string{"x.example.com:443"}}, live, "https://x.example.com", "https://x.example.com", ""},
		{"a backslash", connection.Endpoints{}, live, `https://evil.example.com\@api.stytch.com`, "", "not a URL"},
		{"no URL", connection.Endpoints{}, live, "://", "", "not a URL"},
		{"a name alone", connection.Endpoints{}, live, "api.stytch.com", "", "not a URL"},
		{"a URL without a host", allowed, live, "https:api.stytch.com", "", "not a URL"},
		{"a URL without a host and with a port", allowed, live, "https://:443", "", "not a URL"},
		{"http", connection.Endpoints{}, live, "http://api.stytch.com", "", "must use https"},
		{"http on an allowed host", allowed, live, "http://login.example.com", "", "must use https"},
		{"http on loopback without leave", connection.Endpoints{}, live, "http://127.0.0.1:8080", "", "--allow-insecure-loopback"},
		{"http on loopback", loopback, live, "http://127.0.0.1:8080/", "http://127.0.0.1:8080", ""},
		{"http anywhere on loopback", loopback, live, "http://127.8.9.1:80", "http://127.8.9.1:80", ""},
		{"http on IPv6 loopback", loopback, live, "http://[::1]:8080", "http://[::1]:8080", ""},
		{"http on IPv6 loopback without a port", loopback, live, "http://[::1]", "http://[::1]", ""},
		{"http on IPv4 loopback in IPv6", loopback, live, "http://[::ffff:127.0.0.1]:8080", "http://[::ffff:127.0.0.1]:8080", ""},
		{"http on localhost, which is a name", loopback, live, "http://localhost:8080", "", "must use https"},
		{"http on a name that begins like loopback", loopback, live, "http://127.0.0.1.evil.example.com", "", "must use https"},
		{"http on loopback in short", loopback, live, "http://127.1", "", "must use https"},
		{"http on every address", loopback, live, "http://0.0.0.0:8080", "", "must use https"},
		{"http on another address", loopback, live, "http://169.254.169.254", "", "must use https"},
		{"http with loopback as a user", loopback, live, "http://127.0.0.1@169.254.169.254", "", "must use https"},
		{"https on loopback", loopback, live, "https://127.0.0.1:8443", "", "not a host of Stytch"},
		{"another scheme on loopback", loopback, live, "ftp://127.0.0.1:21", "", "must use https"},
		{"Stytch's hosts by http", loopback, live, "http://test.stytch.com", "", "must use https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problem := c.endpoints.BaseURL(v1alpha1.ProjectSpec{ProjectID: c.project, BaseURL: c.url})
			Same(t, "the root", got, c.want)
			if (problem != nil) != (c.refusal != "") {
				t.Fatalf("the problem is %+v, want one about %q", problem, c.refusal)
			}
			if problem != nil {
				Same(t, "the reason", problem.Reason, v1alpha1.ReasonInvalid)
				Contains(t, problem.Message, "spec.baseURL", c.refusal)
			}
		})
	}
}

func TestTheEnvironmentIsThatOfTheProjectID(t *testing.T) {
	for id, want := range map[string]string{
		"project-live-1": "live", "project-test-1": "test", "project-live": "test", "": "test", "x-project-live-1": "test",
	} {
		Same(t, id, connection.Environment(id), want)
	}
}

func TestAnIDOfAnotherEnvironmentIsAProblemAndASlugIsNot(t *testing.T) {
	const live, test = "project-live-1", "project-test-1"
	for _, c := range []struct {
		name, project string
		ids           []string
		names         string
	}{
		{"nothing", live, nil, ""},
		{"an absent ID", live, []string{""}, ""},
		{"its own", live, []string{"organization-live-1", SAMLID}, ""},
		{"its own, test", test, []string{"organization-test-1", "scim-connection-test-1"}, ""},
		{"a test organization in a live project", live, []string{"organization-test-1"}, "organization-test-1"},
		{"a live organization in a test project", test, []string{"organization-live-1"}, "organization-live-1"},
		{"the second of two", live, []string{"organization-live-1", "saml-connection-test-1"}, "saml-connection-test-1"},
		{"an OIDC connection", test, []string{"oidc-connection-live-1"}, "oidc-connection-live-1"},
		{"a SCIM connection", test, []string{"scim-connection-live-1"}, "scim-connection-live-1"},
		{"an External connection", test, []string{"external-connection-live-1"}, "external-connection-live-1"},
		{"a slug that speaks of tests", live, []string{"acme-test-1"}, ""},
		{"a slug that is called like an environment", live, []string{"test-acme"}, ""},
		{"a slug that begins like an ID and speaks of tests further on", live, []string{"saml-connection-pilot-test-acme"}, ""},
		{"an ID that speaks of tests further on", live, []string{"organization-live-1-test-2"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			problem := connection.SameEnvironment(c.project, c.ids...)
			if (problem != nil) != (c.names != "") {
				t.Fatalf("the problem is %+v, want one about %q", problem, c.names)
			}
			if problem != nil {
				Same(t, "the reason", problem.Reason, v1alpha1.ReasonInvalid)
				Contains(t, problem.Message, c.names, c.project, "another environment")
			}
		})
	}
}
