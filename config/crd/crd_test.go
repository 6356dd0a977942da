package crd_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/stytch-operator/stytch-operator/config/crd"
)

// To delete a CRD is to delete every manifest of its kind. So the tools that delete what is no longer in Git, or whose application or
// release is deleted, are told to leave the CRDs: docs/operations.md.
func TestTheCRDsAreKeptByTheToolsThatDelete(t *testing.T) {
	for _, o := range definitions(t) {
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

// "make manifests" writes the version into them: what the chart installs is known by it to a later one.
func TestTheCRDsHaveAVersion(t *testing.T) {
	for _, o := range definitions(t) {
		if _, err := utilversion.ParseSemantic(o.GetAnnotations()[crd.VersionAnnotation]); err != nil {
			t.Errorf("%s: %v", o.GetName(), err)
		}
	}
}

func definitions(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	all := crd.Definitions()
	if len(all) == 0 {
		t.Fatal("there are no CRDs")
	}
	return all
}
