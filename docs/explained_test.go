package docs_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// flagOfPlugin is how the commands of the kubectl plugin declare their flags.
const flagOfPlugin = `\.\w+VarP?\(&\w+(?:\.\w+)?, "([a-z-]+)"`

// What a user can meet, where the code says it, and the page that explains it. Conditions and reasons have a test of their own.
func TestWhatAUserCanMeetIsExplained(t *testing.T) {
	for _, c := range []struct{ what, sources, pattern, page, as string }{
		{"flag", "cmd/manager", `\.\w*Var\(&o\.\w+, "([a-z-]+)"`, "docs/operations.md", "`--%`"},
		{"flag", "cmd/kubectl-stytch", flagOfPlugin, "docs/kubectl-stytch.md", "`--%`"},
		{"metric", "internal/stytch", `Name:\s+"(\w+)"`, "docs/operations.md", "`%`"},
		{"metric", "internal/fence", `Name:\s+"(\w+)"`, "docs/operations.md", "`%`"},
		{"metric", "cmd/manager", `Name: "(stytch_\w+)"`, "docs/operations.md", "`%`"},
		{"event", "cmd/manager", `EventTypeWarning, "(\w+)"`, "docs/operations.md", "`%`"},
		{"metric", "controllers", `NewDesc\("(\w+)"`, "docs/operations.md", "`%`"},
		{"call", "internal/stytch", `(?:operation:|operation =|p\.rotate\(ctx,|c\.rotate\(ctx,) "([A-Z]\w+)"`, "docs/operations.md", "`%`"},
		{"expiry", "internal/connection", `What: "(\w+)"`, "docs/operations.md", "`%`"},
		{"annotation", "api/v1alpha1", `Annotation\w+ = "([^"]*[^/"])"`, "docs/operations.md", "`%`"},
		{"annotation", "api/v1alpha1", `AnnotationRetry\w+ = "([^"]+)"`, "docs/oidcconnection.md", "%"},
		{"annotation", "api/v1alpha1", `AnnotationRefresh\w+ = "([^"]+)"`, "docs/samlconnection.md", "%"},
		{"annotation", "api/v1alpha1", `Annotation(?:Rotate|Acknowledge|Cancel)\w+ = "([^"]+)"`, "docs/rotation.md", "`%`"},
		{"key of a token's Secret", "api/v1alpha1", `SecretKey\w+ = "([^"]+)"`, "docs/rotation.md", "`%`"},
		{"key of details", "api/v1alpha1", `DetailsKey\w+ = "([^"]+)"`, "docs/samlconnection.md", "`%`"},
		{"management", "api/v1alpha1", `Management = "(\w+)"`, "docs/connections.md", "`%`"},
		{"deletion policy", "api/v1alpha1", `DeletionPolicy = "(\w+)"`, "docs/connections.md", "`%`"},
		{"adoption policy", "api/v1alpha1", `AdoptionPolicy = "(\w+)"`, "docs/connections.md", "`%`"},
	} {
		requireNamed(t, c.what, matches(t, sources(t, c.sources), c.pattern), c.page, c.as)
	}
	requireNamed(t, "event", events(t), "docs/operations.md", "`%`")
	requireNamed(t, "target", matches(t, []string{"Makefile"}, `(?m)^([a-z-]+):.*## `), "CONTRIBUTING.md", "`make %`")
}

// requireNamed fails for each name that a page does not have, written as it is there, such as "`--%`".
func requireNamed(t *testing.T, what string, names []string, page, as string) {
	t.Helper()
	text := read(t, page)
	for _, name := range names {
		if !strings.Contains(text, strings.ReplaceAll(as, "%", name)) {
			t.Errorf("%s does not explain the %s %s", page, what, name)
		}
	}
}

// events are the reasons of the events that the operator emits, but for those that are reasons of conditions.
func events(t *testing.T) []string {
	t.Helper()
	return slices.Concat(
		matches(t, sources(t, "controllers"), `(?:\bsay\(|\baddEvent\(|\baddWarning\(|\brelease\(ctx, |EventTypeNormal, )"(\w+)"`),
		matches(t, sources(t, "internal/connection"), `Action\{(?:Name: )?"\w+", (?:Event: )?"(\w+)"[,}]`),
		matches(t, sources(t, "internal/connection"), `Warning\{\{Reason: "(\w+)"`),
	)
}

func TestThePageOfEachKindNamesEveryField(t *testing.T) {
	for page, crd := range map[string]string{
		"docs/stytchproject.md": "stytchprojects", "docs/clusterstytchproject.md": "clusterstytchprojects", "docs/scimconnection.md": "scimconnections",
		"docs/samlconnection.md": "samlconnections", "docs/oidcconnection.md": "oidcconnections",
		"docs/externalconnection.md": "externalconnections",
	} {
		text := read(t, page)
		for _, field := range fieldsOf(t, "config/crd/bases/connections.stytch-operator.dev_"+crd+".yaml") {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("%s does not speak of the field %s", page, field)
			}
		}
	}
}

// fieldsOf are the paths of a kind's fields, as "bearerToken.secretName" and "pem" of a list's items as "list[].pem"; those of
// conditions and of what every status has inside are left to the pages of all kinds.
func fieldsOf(t *testing.T, file string) []string {
	t.Helper()
	var crd unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(read(t, file)), &crd.Object); err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil || len(versions) != 1 {
		t.Fatalf("%s: %d versions, %v", file, len(versions), err)
	}
	var paths []string
	for _, part := range []string{"spec", "status"} {
		schema, _, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", part)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, fields("", schema)...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func fields(path string, schema map[string]any) []string {
	common := []string{"conditions", "lastRequest", "inputs", "plan", "notConverging"}
	if slices.Contains(common, path) {
		return []string{path}
	}
	if items, isList := schema["items"].(map[string]any); isList {
		return fields(path+"[]", items)
	}
	properties, isObject := schema["properties"].(map[string]any)
	if !isObject {
		return []string{strings.TrimSuffix(path, "[]")}
	}
	var paths []string
	for name, inner := range properties {
		paths = append(paths, fields(strings.TrimPrefix(path+"."+name, "."), inner.(map[string]any))...)
	}
	return paths
}
