package connection_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
)

func TestInputsAreKeptByTheirVersions(t *testing.T) {
	Same(t, "a Secret", connection.InputOf("Secret", metav1.ObjectMeta{Name: "n", UID: "u", ResourceVersion: "7"}),
		v1alpha1.Input{Kind: "Secret", Name: "n", UID: "u", ResourceVersion: "7"})

	o := SAMLManifest()
	Same(t, "no annotations", connection.AnnotationsOf(o), []v1alpha1.Input(nil))
	o.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "x"}
	Same(t, "annotations of others", connection.AnnotationsOf(o), []v1alpha1.Input(nil))
	seen := map[string]bool{}
	for _, value := range []string{"a", "b", ""} {
		o.Annotations[v1alpha1.AnnotationRefreshMetadata] = value
		entries := connection.AnnotationsOf(o)
		Same(t, "entries", len(entries), 1)
		Same(t, "the entry", entries[0], v1alpha1.Input{Kind: "Annotations", Name: "okta", ResourceVersion: entries[0].ResourceVersion})
		seen[entries[0].ResourceVersion] = true
		Same(t, "the entry once more", connection.AnnotationsOf(o), entries)
	}
	Same(t, "different values", len(seen), 3)
	o.Annotations[v1alpha1.AnnotationPrefix+"another"] = "x"
	if seen[connection.AnnotationsOf(o)[0].ResourceVersion] {
		t.Error("one more annotation changes nothing")
	}
}
