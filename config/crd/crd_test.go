package crd_test

import (
	"io/fs"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/config/crd"
)

// To delete a CRD is to delete every manifest of its kind. So the tools that delete what is no longer in Git, or whose application or
// release is deleted, are told to leave the CRDs: docs/operations.md.
func TestTheCRDsAreKeptByTheToolsThatDelete(t *testing.T) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := crd.Bases.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(raw, &o.Object); err != nil {
			t.Fatal(err)
		}
		for annotation, want := range map[string]string{
			"helm.sh/resource-policy":           "keep",
			"kustomize.toolkit.fluxcd.io/prune": "disabled",
			"argocd.argoproj.io/sync-options":   "Prune=false,Delete=false",
		} {
			if got := o.GetAnnotations()[annotation]; got != want {
				t.Errorf("%s has the annotation %s: %q, want %q", o.GetName(), annotation, got, want)
			}
		}
	}
}
