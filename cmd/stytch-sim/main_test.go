package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// started runs the program in the test's process and reads its line. The
// function ends it and returns what run returned.
func started(t *testing.T, args ...string) (ready, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, in, io.Discard)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("it ended before it was ready: %v", <-ended)
	}
	var r ready
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("its line is not JSON: %v: %s", err, line)
	}
	return r, func() error { cancel(); return <-ended }
}

func get(t *testing.T, r ready, path, secret string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(r.ProjectID, secret)
	status, body, err := do(request)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	return status, answer
}

func do(request *http.Request) (int, []byte, error) {
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0, nil, err
	}
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, errors.Join(err, response.Body.Close())
}

func TestItSaysWhereItIsAndAnswersThere(t *testing.T) {
	r, _ := started(t, "--listen", "127.0.0.1:0", "--project-id", "project-live-1", "--secret", "s3cret", "--project-name", "Acme")
	if r.ProjectID != "project-live-1" || r.Secret != "s3cret" {
		t.Errorf("its line says %+v", r)
	}
	if status, answer := get(t, r, "/v1/debug/whoami", r.Secret); status != 200 || answer["name"] != "Acme" {
		t.Errorf("whoami answers %d %v", status, answer)
	}
	if status, _ := get(t, r, "/v1/debug/whoami", "wrong"); status != 401 {
		t.Errorf("a wrong secret is answered with %d", status)
	}
}

func TestEachSwitchIsAFlag(t *testing.T) {
	r, _ := started(t, "--absent-scim", "null", "--retry-after=yes")
	_, switches := get(t, r, "/__sim/switches", "")
	if switches["absent-scim"] != "null" || switches["retry-after"] != "yes" || switches["pem"] != "standard" {
		t.Errorf("the switches stand at %v", switches)
	}
}

func TestItEndsCleanlyWhenToldToEvenWithACallHeldByAFault(t *testing.T) {
	r, stop := started(t)
	fault := strings.NewReader(`{"effect":"delay","delay":"1h"}`)
	plant, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL+"/__sim/faults", fault)
	if err != nil {
		t.Fatal(err)
	}
	if status, body, err := do(plant); status != http.StatusOK || err != nil {
		t.Fatalf("the fault is not planted: %d %s %v", status, body, err)
	}
	whoami, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/v1/debug/whoami", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan error, 1)
	go func() {
		_, _, err := do(whoami)
		held <- err
	}()
	for try := 0; ; try++ {
		if _, state := get(t, r, "/__sim/state", ""); state["calls"] == 1.0 {
			break
		}
		if try == 5000 {
			t.Fatal("the call did not arrive")
		}
		time.Sleep(time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Errorf("run returned %v", err)
	}
	if err := <-held; err == nil {
		t.Error("the held call was answered")
	}
}

func TestAMisspeltSwitchOrPositionEndsItWithAReason(t *testing.T) {
	for _, args := range [][]string{{"--pem", "wavy"}, {"--pemm", "crlf"}, {"stray"}, {"--listen", "nowhere"}} {
		var stderr bytes.Buffer
		if err := run(t.Context(), args, io.Discard, &stderr); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestItBeginsWithTheSeedOfItsSample(t *testing.T) {
	r, _ := started(t, "--seed", "seed.json")
	for path, want := range map[string]string{
		"/v1/b2b/organizations/organization-test-aaaaaaaa-0000-4000-8000-000000000001": "organization",
		"/v1/b2b/sso/crm-7":             "saml_connections",
		"/v1/b2b/sso/partner":           "external_connections",
		"/v1/b2b/scim/acme/connection":  "connection",
		"/v1/b2b/organizations/partner": "organization",
		"/v1/b2b/scim/acme/connection/scim-connection-test-bbbbbbbb-0000-4000-8000-000000000003": "scim_groups",
	} {
		if status, answer := get(t, r, path, r.Secret); status != 200 || answer[want] == nil {
			t.Errorf("%s answers %d %v", path, status, answer)
		}
	}
	_, state := get(t, r, "/__sim/state", "")
	for part, want := range map[string]int{"organizations": 2, "connections": 4, "groups": 2, "documents": 1} {
		if have, _ := state[part].([]any); len(have) != want {
			t.Errorf("%d %s, want %d", len(have), part, want)
		}
	}
}

func TestItPrintsWhichOperationsItHas(t *testing.T) {
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"--coverage"}, &stdout, io.Discard); err != nil || stdout.String() != stytchsim.Coverage() {
		t.Errorf("it prints %q, %v", stdout.String(), err)
	}
}

func TestItsHelpShowsTheFormatOfASeed(t *testing.T) {
	var stderr bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, io.Discard, &stderr); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help ends with %v", err)
	}
	for _, part := range []string{"-seed file", "A field that\ndoes not exist is refused", sample} {
		if !strings.Contains(stderr.String(), part) {
			t.Errorf("--help does not say %q", part)
		}
	}
}

func TestASeedThatIsWrongEndsItWithAReason(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // a seed that is accepted must not keep it running
	file := filepath.Join(t.TempDir(), "seed.json")
	for content, want := range map[string]string{
		`{"organizations": [{"organization_slug": "acme", "id": "x"}]}`: `unknown field "id"`,
		`{"organizations": [{"organization_slug": "?"}]}`:               `organizations[0] ("?")`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(ctx, []string{"--seed", file}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
	if err := run(ctx, []string{"--seed", file + "x"}, io.Discard, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
