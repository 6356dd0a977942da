package flux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1beta3 "github.com/fluxcd/notification-controller/api/v1beta3"
	"sigs.k8s.io/yaml"
)

const page = "docs/gitops/flux.md"

var block = regexp.MustCompile("(?ms)^```(sh|yaml)\n(.*?)^```$")

// blocks are what the page gives to the shell, or as YAML.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, b := range block.FindAllStringSubmatch(read(t, page), -1) {
		if b[1] == language {
			found = append(found, b[2])
		}
	}
	if len(found) == 0 {
		t.Errorf("%s has no %s", page, language)
	}
	return found
}

// runCommands runs what the page gives to the shell, in the namespace of the layout.
func (f *flux) runCommands(t *testing.T) {
	t.Helper()
	f.kubectl(t, "config", "set-context", "--current", "--namespace="+namespace)
	for _, text := range blocks(t, "sh") {
		shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", text)
		shell.Dir = top
		shell.Env = append(os.Environ(), "KUBECONFIG="+f.kubeconfig, "PATH="+f.assets+":"+os.Getenv("PATH"))
		if out, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s%s", err, text, out)
		}
	}
}

func TestFluxKnowsEveryFieldOfThePagesObjects(t *testing.T) {
	tried := map[string]bool{}
	for _, text := range blocks(t, "yaml") {
		for document := range strings.SplitSeq(text, "---\n") {
			for head, o := range map[string]any{
				kustomizev1.GroupVersion.String() + "\nkind: Kustomization\n":    &kustomizev1.Kustomization{},
				notificationv1beta3.GroupVersion.String() + "\nkind: Provider\n": &notificationv1beta3.Provider{},
				notificationv1beta3.GroupVersion.String() + "\nkind: Alert\n":    &notificationv1beta3.Alert{},
			} {
				if !strings.HasPrefix(document, "apiVersion: "+head) {
					continue
				}
				tried[head] = true
				if err := yaml.UnmarshalStrict([]byte(document), o); err != nil {
					t.Errorf("%v in\n%s", err, document)
				}
			}
		}
	}
	if len(tried) < 3 {
		t.Errorf("only these were found: %v", tried)
	}
}

// The patch of the page pauses every connection of a standby cluster.
func TestAStandbyClusterOfFluxIsPaused(t *testing.T) {
	var standby kustomizev1.Kustomization
	for _, text := range blocks(t, "yaml") {
		if strings.Contains(text, "value: Paused") {
			if err := yaml.UnmarshalStrict([]byte(text), &standby); err != nil {
				t.Fatal(err)
			}
		}
	}
	over := t.TempDir()
	if err := os.CopyFS(filepath.Join(over, "connections"), os.DirFS(filepath.Join(top, layout, "connections"))); err != nil {
		t.Fatal(err)
	}
	patches, err := yaml.Marshal(map[string]any{"resources": []string{"connections"}, "patches": standby.Spec.Patches})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(over, "kustomization.yaml"), string(patches))
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", over).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	connections := strings.Count(string(out), "\nkind: ")
	if paused := strings.Count(string(out), "management: Paused"); paused != 3 || connections != 3 {
		t.Errorf("%d of %d connections are paused:\n%s", paused, connections, out)
	}
}
