package argocd_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/rbac"
	"k8s.io/client-go/kubernetes/fake"
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

// The line of the page lets its role run the actions on the objects of the Application, and nothing else.
func TestTheRoleOfThePageMayRunActionsAlone(t *testing.T) {
	_, after, _ := strings.Cut(read(t, "../../docs/gitops/argocd.md"), "```csv\n")
	policy, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("the page has no policy")
	}
	enforcer := rbac.NewEnforcer(fake.NewClientset(), "argocd", "argocd-rbac-cm", nil)
	if err := enforcer.SetUserPolicy(policy); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action, object string
		allowed        bool
	}{
		{"action/" + group + "/SCIMConnection/rotate-token", "identity/identity", true},
		{"action/" + group + "/SAMLConnection/pause", "identity/identity", true},
		{"action/apps/Deployment/restart", "identity/identity", false},
		{"action/" + group + "/SCIMConnection/rotate-token", "other/other", false},
		{"sync", "identity/identity", false},
	} {
		if got := enforcer.Enforce("role:identity", "applications", c.action, c.object); got != c.allowed {
			t.Errorf("%s of %s is allowed: %t", c.action, c.object, got)
		}
	}
}
