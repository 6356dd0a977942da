// Package build_test tries the scripts of this directory, and .ci/run.
package build_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// compatible is what "make compatible" says of these directories; of those of this tree if there are none.
func compatible(t *testing.T, directories ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "make", "--no-print-directory", "-C", "..", "compatible", "CRDS="+strings.Join(directories, " ")).CombinedOutput()
	return string(out), err
}

func TestTheCRDsAreCompatibleWithTheNewestRelease(t *testing.T) {
	if out, err := compatible(t); err != nil || !strings.Contains(out, "compatible: config/crd/bases with v") {
		t.Errorf("%v\n%s", err, out)
	}
}

// file is the CRD that these tests change.
const file = "connections.stytch-operator.dev_scimconnections.yaml"

func TestAChangeThatIsNotCompatibleIsSeen(t *testing.T) {
	spec := []string{"schema", "openAPIV3Schema", "properties", "spec"}
	field := append(slices.Clip(spec), "properties", "displayName")
	for name, c := range map[string]struct {
		change func(t *testing.T, bases string)
		says   string // empty: it is compatible
	}{
		"a field is removed": {says: "removed field : v1alpha1.^.spec.displayName", change: inVersion(func(v map[string]any) error {
			unstructured.RemoveNestedField(v, field...)
			return nil
		})},
		"a limit is smaller": {says: "maximum decreased", change: inVersion(func(v map[string]any) error {
			return unstructured.SetNestedField(v, int64(1), append(field, "maxLength")...)
		})},
		"a field is required": {says: "new required fields: [displayName]", change: inVersion(func(v map[string]any) error {
			return unstructured.SetNestedStringSlice(v, []string{"organization", "displayName"}, append(spec, "required")...)
		})},
		"a field is added": {change: inVersion(func(v map[string]any) error {
			return unstructured.SetNestedMap(v, map[string]any{"type": "string"}, append(spec, "properties", "another")...)
		})},
		"a field has other words": {change: inVersion(func(v map[string]any) error {
			return unstructured.SetNestedField(v, "other words", append(field, "description")...)
		})},
		"a kind is removed": {says: file + ": the CRD was removed", change: func(t *testing.T, bases string) {
			t.Helper()
			if err := os.Remove(filepath.Join(bases, file)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bases, released := copied(t), t.TempDir()
			if err := os.CopyFS(filepath.Join(released, "v9.10.0"), os.DirFS(bases)); err != nil {
				t.Fatal(err)
			}
			// An older release, with which nothing would be compatible.
			if err := os.MkdirAll(filepath.Join(released, "v9.9.0"), 0o755); err != nil {
				t.Fatal(err)
			}
			c.change(t, bases)
			out, err := compatible(t, bases, released)
			if (err == nil) != (c.says == "") || !strings.Contains(out, c.says) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestNothingToCompareWithIsNoSuccess(t *testing.T) {
	bases, released := copied(t), t.TempDir()
	if out, err := compatible(t, bases, released); err == nil || !strings.Contains(out, "has no release to compare with") {
		t.Errorf("without a release: %v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(released, "v9.9.9"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := compatible(t, bases, released); err == nil || !strings.Contains(out, "has no CRD to compare with") {
		t.Errorf("with an empty release: %v\n%s", err, out)
	}
}

// copied is a directory with the CRDs of this tree.
func copied(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bases")
	if err := os.CopyFS(dir, os.DirFS("../config/crd/bases")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inVersion changes the one version of the CRD.
func inVersion(change func(map[string]any) error) func(*testing.T, string) {
	return func(t *testing.T, bases string) {
		t.Helper()
		path := filepath.Join(bases, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var crd map[string]any
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
		if err != nil || len(versions) != 1 {
			t.Fatalf("%s has %d versions: %v", file, len(versions), err)
		}
		if err := change(versions[0].(map[string]any)); err != nil {
			t.Fatal(err)
		}
		if err := unstructured.SetNestedSlice(crd, versions, "spec", "versions"); err != nil {
			t.Fatal(err)
		}
		if text, err = yaml.Marshal(crd); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
