package docs_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// ofSecurity is the one object of a kind on the page, and its text.
func ofSecurity(t *testing.T, kind string) (unstructured.Unstructured, string) {
	t.Helper()
	for _, found := range block.FindAllStringSubmatch(read(t, "docs/security.md"), -1) {
		for _, o := range served(t, "docs/security.md", found[1]) {
			if o.GetKind() == kind {
				return o, found[1]
			}
		}
	}
	t.Fatalf("docs/security.md has no %s", kind)
	return unstructured.Unstructured{}, ""
}

// plurals are the names of the operator's kinds in the API that stand in a namespace.
func plurals(t *testing.T) []string {
	t.Helper()
	return matches(t, walk(t, "config/crd/bases", ".yaml"), `(?m)^    plural: (\w+)\n(?:    .*\n)+  scope: Namespaced$`)
}

// quotaLimits applies the quota, counts as the controller of quotas does while there is no object, and creates objects of each kind until
// the quota refuses one.
func quotaLimits(t *testing.T, kubectl func(stdin string, args ...string) (string, error)) {
	t.Helper()
	quota, text := ofSecurity(t, "ResourceQuota")
	hard, _, _ := unstructured.NestedStringMap(quota.Object, "spec", "hard")
	used := map[string]string{}
	for resource := range hard {
		hard[resource], used[resource] = "1", "0"
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{"hard": hard, "used": used}})
	if err != nil {
		t.Fatal(err)
	}
	namespace := "-n=" + quota.GetNamespace()
	for _, step := range [][]string{
		{"apply", "-f", "-"},
		{"patch", "resourcequota", quota.GetName(), namespace, "--subresource=status", "--type=merge", "-p", string(status)},
	} {
		if out, err := kubectl(text, step...); err != nil {
			t.Fatal(out)
		}
	}
	for _, plural := range plurals(t) {
		if _, counted := hard["count/"+plural+".connections.stytch-operator.dev"]; !counted {
			t.Errorf("the quota does not count %s", plural)
		}
	}
	for kind, spec := range map[string]string{
		"StytchProject":      `{"projectID": "project-test-00000000-0000-4000-8000-000000000000", "secretRef": {"name": "stytch", "key": "secret"}}`,
		"SCIMConnection":     `{"organization": "acme", "bearerToken": {"secretName": "token"}}`,
		"SAMLConnection":     `{"organization": "acme"}`,
		"OIDCConnection":     `{"organization": "acme"}`,
		"ExternalConnection": `{"organization": "acme", "sourceRef": {"kind": "SAMLConnection", "name": "okta"}}`,
	} {
		create := func(name string) (string, error) {
			return kubectl(fmt.Sprintf(`{"apiVersion": "connections.stytch-operator.dev/v1alpha1", "kind": %q, "metadata": {"name": %q}, "spec": %s}`, kind, name, spec),
				"create", namespace, "-f", "-")
		}
		if out, err := create("first"); err != nil {
			t.Errorf("the first %s: %s", kind, out)
		}
		if out, err := create("second"); err == nil || !strings.Contains(out, "exceeded quota: "+quota.GetName()) {
			t.Errorf("the second %s: %s", kind, out)
		}
	}
}

// roleAllows asks the API server what somebody may do who has the page's role alone.
func roleAllows(t *testing.T, kubectl func(stdin string, args ...string) (string, error)) {
	t.Helper()
	role, text := ofSecurity(t, "Role")
	namespace := "-n=" + role.GetNamespace()
	for _, step := range [][]string{
		{"apply", "-f", "-"}, {"create", "rolebinding", "tenant", namespace, "--role=" + role.GetName(), "--user=tenant"},
	} {
		if out, err := kubectl(text, step...); err != nil {
			t.Fatal(out)
		}
	}
	asked := map[string]string{"get secrets": "no", "create secrets": "no", "get stytchprojects": "yes", "create stytchprojects": "no", "patch stytchprojects": "no"}
	for _, plural := range plurals(t) {
		if plural != "stytchprojects" {
			asked["create "+plural], asked["patch "+plural+"/status"] = "yes", "no"
		}
	}
	for question, want := range asked {
		verb, resource, _ := strings.Cut(question, " ")
		resource, subresource, _ := strings.Cut(resource, "/")
		out, _ := kubectl("", "auth", "can-i", verb, resource, "--subresource="+subresource, "--as=tenant", namespace) // "no" is an error
		if lines := strings.Split(strings.TrimSpace(out), "\n"); lines[len(lines)-1] != want && !strings.HasPrefix(lines[len(lines)-1], want+" ") {
			t.Errorf("%s: %s, want %s", question, out, want)
		}
	}
}

// The roles for people give no right on Secrets, and none on status.
func TestTheRolesForPeopleHaveNeitherSecretsNorStatus(t *testing.T) {
	for _, file := range []string{"config/rbac/connection_editor_role.yaml", "config/rbac/connection_viewer_role.yaml"} {
		rules, _, err := unstructured.NestedSlice(object(t, file).Object, "rules")
		if err != nil || len(rules) != 1 {
			t.Fatalf("%s has %d rules, %v", file, len(rules), err)
		}
		rule, _ := rules[0].(map[string]any)
		groups, _, _ := unstructured.NestedStringSlice(rule, "apiGroups")
		resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
		slices.Sort(resources)
		if !slices.Equal(groups, []string{"connections.stytch-operator.dev"}) || !slices.Equal(resources, plurals(t)) {
			t.Errorf("%s is about %v of %v", file, resources, groups)
		}
	}
}

// The NetworkPolicy is for the pod of the Deployment, in its namespace, and names a port that it has.
func TestTheNetworkPolicyIsForTheManager(t *testing.T) {
	policy, _ := ofSecurity(t, "NetworkPolicy")
	selected := labelsAt(t, policy, "spec", "podSelector", "matchLabels")
	deployment := object(t, "config/manager/deployment.yaml")
	labels := labelsAt(t, deployment, "spec", "template", "metadata", "labels")
	if !maps.Equal(selected, labels) {
		t.Errorf("it selects %v, and the pod has %v", selected, labels)
	}
	if home := object(t, "config/default/kustomization.yaml").Object["namespace"]; policy.GetNamespace() != home {
		t.Errorf("it is in %s, and the manager in %v", policy.GetNamespace(), home)
	}
	if !strings.Contains(read(t, "config/manager/deployment.yaml"), "{name: metrics, containerPort: 8080}") {
		t.Error("the pod has no port named metrics")
	}
}

// labelsAt are the labels at a place of an object that must have some.
func labelsAt(t *testing.T, o unstructured.Unstructured, fields ...string) map[string]string {
	t.Helper()
	labels, found, err := unstructured.NestedStringMap(o.Object, fields...)
	if err != nil || !found || len(labels) == 0 {
		t.Fatalf("%s has no labels at %s: %v", o.GetKind(), strings.Join(fields, "."), err)
	}
	return labels
}

// object is the one object of a file.
func object(t *testing.T, file string) unstructured.Unstructured {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(read(t, file)), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}
