// Package customizations reads Argo CD's customizations of resources from its ConfigMap.
package customizations

import (
	"os"
	"strings"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"sigs.k8s.io/yaml"
)

// Read reads health and actions from the file of a ConfigMap, by group/kind, as Argo CD does.
func Read(file string) (map[string]v1alpha1.ResourceOverride, error) {
	text, err := os.ReadFile(file) //nolint:gosec // whoever runs the tests names it
	if err != nil {
		return nil, err
	}
	var patch struct{ Data map[string]string }
	if err := yaml.Unmarshal(text, &patch); err != nil {
		return nil, err
	}
	found := map[string]v1alpha1.ResourceOverride{}
	for key, value := range patch.Data {
		customization, kind, _ := strings.Cut(strings.TrimPrefix(key, "resource.customizations."), ".")
		kind = strings.Replace(kind, "_", "/", 1)
		override := found[kind]
		switch customization {
		case "health":
			override.HealthLua = value
		case "actions":
			override.Actions = value
		}
		found[kind] = override
	}
	return found, nil
}
