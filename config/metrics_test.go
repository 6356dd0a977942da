package config_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/test/process"
)

// The component gives the manager the two rights that it takes to ask who reads metrics, and no other; then only who may read them does.
func TestSecureMetrics(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", "default")
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	before := c.rights(t, home)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", filepath.Join(with(t, "metrics-secure"), "default"))
	added := c.rights(t, home)
	for right := range before {
		delete(added, right)
	}
	if len(added) != 2 || !added["create authentication.k8s.io/tokenreviews"] || !added["create authorization.k8s.io/subjectaccessreviews"] {
		t.Errorf("the component adds the rights %v", added)
	}
	deployment := c.deployment(t)
	understands(t, deployment)
	c.admits(t, deployment)
	address := process.FreeAddress(t)
	c.runManager(t, arguments(deployment), "--metrics-bind-address="+address)
	for right := range added {
		if !process.Eventually(t, func() bool { return c.used(t)[right] }) {
			t.Errorf("the manager may %s and never did", right)
		}
	}

	for _, name := range []string{"reader", "nobody"} {
		c.kubectl(t, "create", "serviceaccount", "-n", "default", name)
	}
	c.kubectl(t, "create", "clusterrolebinding", "reader", "--clusterrole=stytch-operator-metrics-reader", "--serviceaccount=default:reader")
	token := func(name string) string { return "Bearer " + c.kubectl(t, "create", "token", "-n", "default", name) }
	for _, reader := range []struct {
		authorization string
		status        int
	}{
		{"", http.StatusUnauthorized},
		{"Basic eDp4", http.StatusUnauthorized},
		{"Bearer invalid", http.StatusUnauthorized},
		{token("nobody"), http.StatusForbidden},
		{token("reader"), http.StatusOK},
	} {
		status, body := scrape(t, "https://"+address+"/metrics", reader.authorization)
		if status != reader.status || strings.Contains(body, "stytch_gate_waiting_turns") != (status == http.StatusOK) {
			t.Errorf("who says %.16q is answered with %d, want %d:\n%.300s", reader.authorization, status, reader.status, body)
		}
	}
	if status, body := scrape(t, "http://"+address+"/metrics", token("reader")); status == http.StatusOK {
		t.Errorf("over plain HTTP:\n%.300s", body)
	}
}

// scrape reads metrics; status 0 if there is no response.
func scrape(t *testing.T, url, authorization string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := (&http.Client{Transport: transport, Timeout: process.Patience}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()          //nolint:errcheck // it was only read
	text, _ := io.ReadAll(response.Body) // a server that speaks TLS resets a connection of plain HTTP
	return response.StatusCode, string(text)
}
