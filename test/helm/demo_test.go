package helm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/test/process"
)

// Each command of the section on the demo in docs/helm.md is run as it is there, in a copy of this tree. The manager that runs in the end is the
// one of the chart, and carries out what the page has a reader change.
func TestTheDemoThroughTheChart(t *testing.T) {
	_, section, _ := strings.Cut(read(t, top+"/docs/helm.md"), "\n## Try it on the demo\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(section, -1)

	shell := shellIn(t, copyOfTheTree(t))
	defer shell.run(t, "make demo-down") // wherever the page ends
	ran := shell.run(t, "! make demo-manager")
	replaced := 0
	for _, found := range blocks {
		ran += shell.run(t, found[1])
		switch block := found[1]; {
		case strings.Contains(block, " demo-up"):
			replaced = processOf(t, shell, "manager").PID
		case strings.Contains(block, " demo-manager"):
			expectTheManagerOfTheDeployment(t, shell, replaced)
		case strings.Contains(block, " patch "):
			expectInStytch(t, shell, `"Okta, by Helm"`)
		}
	}
	for _, want := range []string{
		"nothing is up: run make demo-up first", "STATUS: deployed", "is system:serviceaccount:" + home + ":" + manager, "acme-okta condition met",
	} {
		if !strings.Contains(ran, want) {
			t.Errorf("there is no %q in\n%s", want, ran)
		}
	}
	if _, err := os.Stat(filepath.Join(shell.dir, "bin/demo/up")); !os.IsNotExist(err) {
		t.Errorf("the page leaves the demo up: %v", err)
	}
}

// copyOfTheTree is what a clone would be if everything here were committed, with the tools and the control plane that are built.
func copyOfTheTree(t *testing.T) string {
	t.Helper()
	if assets == "" {
		t.Fatal("no control plane: run `make test`, or set KUBEBUILDER_ASSETS to what hack/control-plane.sh prints")
	}
	dir := filepath.Join(t.TempDir(), "clone")
	for name := range strings.SplitSeq(shellIn(t, top).run(t, "git ls-files -z --cached --others --exclude-standard"), "\x00") {
		info, err := os.Stat(filepath.Join(top, name))
		if name == "" || os.IsNotExist(err) { // deleted, and that is not committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		text, file := read(t, filepath.Join(top, name)), filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), info.Mode()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil { // make need not build a tool anew
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, top+"/bin/tools", filepath.Join(dir, "bin/tools"))
	link(t, assets, filepath.Join(dir, "bin/k8s"))
	return dir
}

// demoProcess is a process of the demo that is up.
type demoProcess struct {
	Name string
	PID  int
	Args []string
	Log  string
}

func processOf(t *testing.T, shell *shell, name string) demoProcess {
	t.Helper()
	var all []demoProcess
	if err := json.Unmarshal([]byte(read(t, filepath.Join(shell.dir, "bin/demo/up/processes.json"))), &all); err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(p demoProcess) bool { return p.Name != name })
	if len(all) != 1 {
		t.Fatalf("%d processes are called %s", len(all), name)
	}
	return all[0]
}

// expectTheManagerOfTheDeployment expects one manager, which has the arguments of the Deployment, and the one before to be gone.
func expectTheManagerOfTheDeployment(t *testing.T, shell *shell, before int) {
	t.Helper()
	now := processOf(t, shell, "manager")
	if !running(now.PID) || running(before) {
		t.Errorf("the manager before, process %d, runs: %t; the one now, process %d: %t", before, running(before), now.PID, running(now.PID))
	}
	var args []string
	const path = "jsonpath={.spec.template.spec.containers[0].args}"
	if err := json.Unmarshal([]byte(shell.run(t, "bin/k8s/kubectl get deployment -n "+home+" "+manager+" -o "+path)), &args); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(args, "--resync-interval=15s") || len(now.Args) <= len(args) || !slices.Equal(now.Args[1:1+len(args)], args) {
		t.Errorf("the Deployment has %q, and the manager runs as %q", args, now.Args)
	}
}

// running says that a process has not exited, whether or not somebody has asked how.
func running(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(line) > 0
}

// expectInStytch waits until a text is in what the demo's Stytch holds.
func expectInStytch(t *testing.T, shell *shell, text string) {
	t.Helper()
	var stytch struct{ URL string }
	if err := json.NewDecoder(strings.NewReader(read(t, processOf(t, shell, "stytch-sim").Log))).Decode(&stytch); err != nil {
		t.Fatal(err)
	}
	if !process.Eventually(t, func() bool { return strings.Contains(fetch(t, stytch.URL+"/__sim/state"), text) }) {
		t.Errorf("Stytch has no %s", text)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: process.Patience}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
