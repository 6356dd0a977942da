// Package flux_test holds what Flux makes of connections, with Flux's own code.
//
//	flux_test.go       the code of Flux, and what config/flux and the samples give it
//	verdicts_test.go   what Flux waits for: every reason of every condition, with kstatus alone and with the expressions
//	cluster_test.go    an API server, a pretended Stytch, and the manager
//	life_test.go       the layout of config/samples/gitops/flux is applied, renamed and pruned
package flux_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/yaml"
)

const top = "../.."

// The modules that judge are those of kustomize-controller v1.9.5.
func TestTheCodeIsThatOfKustomizeController(t *testing.T) {
	for module, version := range map[string]string{
		"github.com/fluxcd/kustomize-controller/api": "v1.9.5",
		"github.com/fluxcd/cli-utils":                "v1.2.3",
		"github.com/fluxcd/pkg/apis/kustomize":       "v1.19.2",
		"github.com/fluxcd/pkg/runtime":              "v0.110.3",
		"github.com/fluxcd/pkg/ssa":                  "v0.76.2",
		"github.com/google/cel-go":                   "v0.26.1",
	} {
		list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{or .Replace .}}", module)
		out, err := list.Output()
		if got, want := strings.TrimSpace(string(out)), module+" "+version; err != nil || got != want {
			t.Errorf("this is built with %q (%v), and kustomize-controller v1.9.5 with %q", got, err, want)
		}
	}
}

// expressions are those of config/flux.
func expressions(t *testing.T) []kustomize.CustomHealthCheck {
	t.Helper()
	var patch kustomizev1.Kustomization
	if err := yaml.UnmarshalStrict([]byte(read(t, "config/flux/health-check-exprs.yaml")), &patch); err != nil {
		t.Fatal(err)
	}
	if len(patch.Spec.HealthCheckExprs) != 4 {
		t.Fatalf("config/flux has expressions for %d kinds, and there are 4 kinds of connections", len(patch.Spec.HealthCheckExprs))
	}
	return patch.Spec.HealthCheckExprs
}

// read is the text of a file, by its path from the top.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
