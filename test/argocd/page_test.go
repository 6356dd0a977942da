package argocd_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"sigs.k8s.io/yaml"
)

var block = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// What the page and the samples give to Argo CD has no field that Argo CD does not know.
func TestApplicationsAndProjectsAreOfArgoCDsTypes(t *testing.T) {
	texts := []string{read(t, "../../config/samples/gitops/argocd/application.yaml")}
	for _, found := range block.FindAllStringSubmatch(read(t, "../../docs/gitops/argocd.md"), -1) {
		texts = append(texts, found[1])
	}
	tried := map[string]int{}
	for _, text := range texts {
		var o any
		switch {
		case strings.Contains(text, "kind: Application\n"):
			o = &v1alpha1.Application{}
			tried["Application"]++
		case strings.Contains(text, "kind: AppProject\n"):
			o = &v1alpha1.AppProject{}
			tried["AppProject"]++
		default:
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
	if tried["Application"] < 3 || tried["AppProject"] < 1 {
		t.Errorf("only these were found: %v", tried)
	}
}
