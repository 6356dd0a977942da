// Package argocd_test runs what config/argocd gives to Argo CD in Argo CD's own Lua machine.
package argocd_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/argoproj/gitops-engine/pkg/health"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/test/argocd/internal/customizations"
)

const (
	config = "../../config/argocd/"
	group  = "connections.stytch-operator.dev"
	layout = config + "resource_customizations/" + group + "/" // as in the repository of Argo CD
)

// libraries are those of the built-in scripts of Argo CD, and of the ones in its ConfigMap.
var libraries = map[string]lua.VM{
	"all libraries":    {UseOpenLibs: true},
	"the safe ones":    {},
	"as the ConfigMap": {ResourceOverrides: overrides()},
}

// overrides are the customizations of argocd-cm.yaml.
func overrides() map[string]v1alpha1.ResourceOverride {
	found, err := customizations.Read(config + "argocd-cm.yaml")
	if err != nil {
		panic(err)
	}
	return found
}

func parse(file string, into any) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		panic(fmt.Errorf("%s: %w", file, err))
	}
}

func object(file string) *unstructured.Unstructured {
	var fields map[string]any
	parse(file, &fields)
	var o unstructured.Unstructured
	text, err := json.Marshal(fields)
	if err == nil {
		err = o.UnmarshalJSON(text) // whole numbers as Kubernetes has them
	}
	if err != nil {
		panic(fmt.Errorf("%s: %w", file, err))
	}
	return &o
}

func TestHealthIsAsItsTestsSay(t *testing.T) {
	var tests struct {
		Tests []struct {
			InputPath    string
			HealthStatus health.HealthStatus
		}
	}
	parse(layout+"_/health_test.yaml", &tests)
	script := read(t, layout+"_/health.lua")
	for name, vm := range libraries {
		for _, test := range tests.Tests {
			o := object(layout + "_/" + test.InputPath)
			run := script
			if vm.ResourceOverrides != nil {
				var err error
				if run, _, err = vm.GetHealthScript(o); err != nil {
					t.Fatal(err)
				}
			}
			got, err := vm.ExecuteHealthLua(o, run)
			if err != nil {
				t.Errorf("%s, %s: %v", test.InputPath, name, err)
			} else if diff := cmp.Diff(&test.HealthStatus, got); diff != "" {
				t.Errorf("%s, %s: %s", test.InputPath, name, diff)
			}
		}
	}
	if files := glob(t, layout+"_/testdata/*.yaml"); len(files) != len(tests.Tests) || len(files) == 0 {
		t.Errorf("%d objects have %d tests", len(files), len(tests.Tests))
	}
}

// actionTests is Argo CD's format of action_test.yaml.
type actionTests struct {
	DiscoveryTests []struct {
		InputPath string
		Result    []v1alpha1.ResourceAction
	}
	ActionTests []struct{ Action, InputPath, ExpectedOutputPath string }
}

// kinds are the directories of the layout that have actions.
func kinds(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, file := range glob(t, layout+"*/actions/action_test.yaml") {
		found = append(found, filepath.Base(filepath.Dir(filepath.Dir(file))))
	}
	return found
}

func TestActionsAreOfferedAsTheirTestsSay(t *testing.T) {
	for _, kind := range kinds(t) {
		var tests actionTests
		dir := layout + kind + "/actions/"
		parse(dir+"action_test.yaml", &tests)
		for name, vm := range libraries {
			for _, test := range tests.DiscoveryTests {
				o := object(dir + test.InputPath)
				scripts := []string{read(t, dir+"discovery.lua")}
				if vm.ResourceOverrides != nil {
					scripts, _ = vm.GetResourceActionDiscovery(o)
				}
				got, err := vm.ExecuteResourceActionDiscovery(o, scripts)
				if err != nil {
					t.Fatalf("%s %s, %s: %v", kind, test.InputPath, name, err)
				}
				byName := func(a, b v1alpha1.ResourceAction) int { return strings.Compare(a.Name, b.Name) }
				slices.SortFunc(got, byName)
				slices.SortFunc(test.Result, byName)
				if diff := cmp.Diff(test.Result, got); diff != "" {
					t.Errorf("%s %s, %s: %s", kind, test.InputPath, name, diff)
				}
			}
		}
	}
}

// moment is what an action writes of the time.
var moment = regexp.MustCompile(`\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\dZ`)

func TestEachActionChangesWhatItsTestSays(t *testing.T) {
	for _, kind := range kinds(t) {
		var tests actionTests
		dir := layout + kind + "/actions/"
		parse(dir+"action_test.yaml", &tests)
		tested := map[string]bool{}
		for _, test := range tests.ActionTests {
			tested[test.Action] = true
			for name, vm := range libraries {
				before := object(dir + test.InputPath)
				script := read(t, dir+test.Action+"/action.lua")
				if vm.ResourceOverrides != nil {
					action, err := vm.GetResourceAction(before, test.Action)
					if err != nil {
						t.Fatal(err)
					}
					script = action.ActionLua
				}
				impacted, err := vm.ExecuteResourceAction(before, script, nil)
				if err != nil || len(impacted) != 1 {
					t.Fatalf("%s %s, %s: %d objects, %v", kind, test.Action, name, len(impacted), err)
				}
				got := impacted[0].UnstructuredObj
				annotations := got.GetAnnotations()
				for key, value := range annotations {
					annotations[key] = moment.ReplaceAllString(value, "NOW")
				}
				got.SetAnnotations(annotations)
				if diff := cmp.Diff(object(dir+test.ExpectedOutputPath).Object, got.Object); diff != "" {
					t.Errorf("%s %s, %s: %s", kind, test.Action, name, diff)
				}
			}
		}
		var there []string
		for _, file := range glob(t, dir+"*/action.lua") {
			there = append(there, filepath.Base(filepath.Dir(file)))
		}
		if diff := cmp.Diff(there, slices.Sorted(maps.Keys(tested))); diff != "" {
			t.Errorf("%s: not every action has a test: %s", kind, diff)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
