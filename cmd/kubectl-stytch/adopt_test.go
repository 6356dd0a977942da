package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// One line is added to the manifest that is meant, and nothing else changes.
func TestTheIDIsAddedAsOneLine(t *testing.T) {
	const id = "saml-connection-test-1"
	one := planned{Kind: "SAMLConnection", Name: "okta", InTheWay: id}
	manifest := func(name, spec string) string {
		return "apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata:\n  name: " + name + "\nspec:\n" + spec
	}
	other := "# of others\n" + manifest("other", "  organization: acme\n") + "---\n"
	for name, c := range map[string]struct{ before, want string }{
		"alone":            {manifest("okta", "  organization: acme\n"), manifest("okta", "  organization: acme\n  connectionID: "+id+"\n")},
		"with comments":    {manifest("okta", "  # ours\n  organization: \"acme\" # the slug\n  displayName: Okta\n"), manifest("okta", "  # ours\n  organization: \"acme\" # the slug\n  connectionID: "+id+"\n  displayName: Okta\n")},
		"the second":       {other + manifest("okta", "    displayName: Okta\n    organization: acme\n"), other + manifest("okta", "    displayName: Okta\n    organization: acme\n    connectionID: "+id+"\n")},
		"without an end":   {manifest("okta", "  organization: acme"), manifest("okta", "  organization: acme\n  connectionID: "+id)},
		"on Windows":       {strings.ReplaceAll(manifest("okta", "  organization: acme\n"), "\n", "\r\n"), strings.ReplaceAll(manifest("okta", "  organization: acme\n  connectionID: "+id+"\n"), "\n", "\r\n")},
		"in braces":        {manifest("okta", "  {organization: acme}\n"), ""},
		"with one":         {manifest("okta", "  organization: acme\n  connectionID: x\n"), ""},
		"on several lines": {manifest("okta", "  organization: >-\n    acme\n"), ""},
		"another":          {other, ""},
		"JSON":             {`{"apiVersion":"connections.stytch-operator.dev/v1alpha1","kind":"SAMLConnection","metadata":{"name":"okta"},"spec":{"organization":"acme"}}`, ""},
		"no YAML":          {"a: [\n", ""},
	} {
		got, found := withConnectionID([]byte(c.before), one)
		if string(got) != c.want || found != (c.want != "") {
			t.Errorf("%s: %t\n%s\nwant\n%s", name, found, got, c.want)
		}
	}
}

func TestAManifestInConflictTakesOverWhatIsInItsWay(t *testing.T) {
	m := newManaged(t)
	id := m.made(m.org, stytchsim.SAML, map[string]any{"display_name": "Okta"})
	directory := t.TempDir()
	path := filepath.Join(directory, "okta.yaml")
	text := "# ours\napiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: okta}\nspec:\n  organization: acme # the slug\n  displayName: Okta\n"
	fresh := strings.NewReplacer("okta", "fresh", "Okta", "Fresh").Replace(text)
	for name, text := range map[string]string{"okta.yaml": text, "fresh.yaml": fresh} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m.apply(text)
	found := &v1alpha1.SAMLConnection{ObjectMeta: m.meta("okta")}
	loopback := "--allow-insecure-loopback"

	answer := m.mustRun("adopt", "-f", directory, loopback)
	if want := fmt.Sprintf("samlconnection/okta: %s: connectionID: %s\n", path, id); answer.out != want || !strings.Contains(answer.err, "samlconnection/fresh: not in conflict: would be created") {
		t.Errorf("it said %+v, want %q", answer, want)
	}
	is := contents(t, directory)
	if want := strings.Replace(text, "slug\n", "slug\n  connectionID: "+id+"\n", 1); is["okta.yaml"] != want || is["fresh.yaml"] != fresh {
		t.Errorf("the files are %q", is)
	}
	if mode, err := os.Stat(path); err != nil || mode.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", mode, err)
	}
	if after := m.run("plan", "-f", path, loopback); after.code != exitDone {
		t.Errorf("the plan ends with %d: %s%s", after.code, after.out, after.err)
	}
	m.refuses("give either -f or names", "adopt", loopback)
	m.refuses("must be files", "adopt", "-f", "-", loopback)
	m.refuses("StytchProject other does not exist", "adopt", "-f", path, "--project=other", loopback)

	patch := exec.CommandContext(t.Context(), "sh", "-c", m.mustRun("adopt", "okta", loopback).out)
	patch.Env = append(os.Environ(), "KUBECONFIG="+m.kubeconfig, "PATH="+env.BinaryAssetsDirectory+":"+os.Getenv("PATH"))
	if out, err := patch.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m.eventually("it is taken over", func() bool { m.reload(found); return inSync(found) && found.Status.ConnectionID == id })
	m.refuses("samlconnection/okta is not in conflict with a connection", "adopt", "okta", loopback)
}

// Where it is not clear which connection a manifest takes over, nothing is written.
func TestNothingIsAdoptedByChance(t *testing.T) {
	m := newManaged(t)
	loopback := "--allow-insecure-loopback"
	manifest := func(name, shown string) string {
		return "apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: " + name + "}\nspec:\n  organization: acme\n  displayName: " + shown + "\n"
	}
	one, two := m.made(m.org, stytchsim.SAML, map[string]any{"display_name": "Twin"}), m.made(m.org, stytchsim.SAML, map[string]any{"display_name": "Twin"})
	id := m.made(m.org, stytchsim.SAML, map[string]any{"display_name": "Okta"})
	for name, c := range map[string]struct {
		files map[string]string
		says  []string
	}{
		"several connections": {map[string]string{"a.yaml": manifest("a", "Twin")}, []string{"samlconnection/a: several connections may be meant", one, two}},
		"several manifests":   {map[string]string{"a.yaml": manifest("a", "Okta"), "b.yaml": manifest("b", "Okta")}, []string{"samlconnection/a", "samlconnection/b", id}},
	} {
		directory := directoryOf(t, c.files)
		answer := m.run("adopt", "-f", directory, loopback)
		if answer.code != exitFailed || answer.out != "" || !maps.Equal(contents(t, directory), c.files) {
			t.Errorf("%s: it ended with %d, and the files are %v\n%s", name, answer.code, contents(t, directory), answer.out)
		}
		for _, text := range c.says {
			if !strings.Contains(answer.err, text) {
				t.Errorf("%s: it does not say %q:\n%s", name, text, answer.err)
			}
		}
	}
	fault := stytchsim.Fault{Path: "/v1/b2b/sso/*", Status: http.StatusUnauthorized, ErrorType: "unauthorized_credentials"}
	if _, err := m.sim.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	m.refuses("unauthorized_credentials", "adopt", "-f", directoryOf(t, map[string]string{"a.yaml": manifest("a", "Okta")}), loopback)
}
