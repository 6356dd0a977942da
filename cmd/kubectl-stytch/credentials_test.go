package main

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// An import waits where Stytch asks for that, as the manager does; one call that comes too early loses no organization. What is said of
// a call that has failed is true of a command that ends.
func TestACommandWaitsForStytch(t *testing.T) {
	m := newManaged(t)
	m.made(m.org, stytchsim.SAML, nil)
	fault := func(f stytchsim.Fault) {
		m.sim.RemoveFaults()
		if _, err := m.sim.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	list := "/v1/b2b/sso/" + m.org
	busy := stytchsim.Fault{Path: list, Status: http.StatusTooManyRequests, ErrorType: "too_many_requests", RetryAfter: "1", Times: 2}
	fault(busy)
	if answer := m.mustRun("import", "--all", "--kind=saml", "--allow-insecure-loopback"); strings.Count(answer.err, "429 (too many requests). Waiting for 1s") != 2 || !strings.Contains(answer.err, "\n1 connection.") {
		t.Errorf("after two 429 it said\n%s", answer.err)
	}
	busy.Times = 0
	fault(busy)
	m.says("429", "import", "--all", "--kind=saml", "--allow-insecure-loopback")
	fault(stytchsim.Fault{Path: list, Status: http.StatusInternalServerError, ErrorType: "internal_server_error"})
	m.says("Start the command again later.", "import", "--all", "--kind=saml", "--allow-insecure-loopback")
	fault(stytchsim.Fault{Path: list, Status: http.StatusNotFound, ErrorType: "organization_not_found"})
	m.says("it was deleted in the meantime", "import", "--all", "--kind=saml", "--allow-insecure-loopback")
}

// says runs a command line that fails and says something, and promises nothing that only the manager does.
func (m *managed) says(text string, args ...string) {
	m.t.Helper()
	answer := m.run(args...)
	if answer.code != exitFailed || !strings.Contains(answer.err, text) {
		m.t.Errorf("%s ended with %d, and not with %q:\n%s", strings.Join(args, " "), answer.code, text, answer.err)
	}
	for _, other := range []string{"Retrying", "the manager", "this manifest"} {
		if strings.Contains(answer.err, other) {
			m.t.Errorf("%s speaks of %q:\n%s", strings.Join(args, " "), other, answer.err)
		}
	}
}

// The credentials are sent nowhere else, and the words are those of the command.
func TestAnotherHostIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Setenv(envProjectID, stytchsim.DefaultProjectID)
	t.Setenv(envSecret, stytchsim.DefaultSecret)
	for base, want := range map[string]string{
		"https://test.stytch.com.example.org": envBaseURL + " has the host test.stytch.com.example.org, which is not a host of Stytch. To allow it, use --allowed-base-url-hosts=",
		"https://test.stytch.com@example.org": envBaseURL + " has the host example.org",
		"http://test.stytch.com":              envBaseURL + " must use https. For tests only, the flag --allow-insecure-loopback",
	} {
		t.Setenv(envBaseURL, base)
		if answer := runIn(t.Context(), "import", "--all", "--kubeconfig="+os.DevNull); answer.code != exitFailed || !strings.Contains(answer.err, want) {
			t.Errorf("%s: it ended with %d:\n%s", base, answer.code, answer.err)
		}
	}
}
