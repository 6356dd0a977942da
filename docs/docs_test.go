// Package docs_test holds the documentation to what it speaks of: the manifests in it are valid, its links lead somewhere, and
// what a user of the operator can meet is explained.
package docs_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// group is whose manifests are tried. Those of others (Flux, Prometheus) are only read.
const group = "connections.stytch-operator.dev/"

// pages are the files of documentation, by their path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"../README.md", "../CONTRIBUTING.md"}
	for _, pattern := range []string{"*.md", "design/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	texts := map[string]string{}
	for _, name := range names {
		texts[name] = read(t, name)
	}
	return texts
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var block = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

func TestEveryManifestIsAcceptedByTheAPIServer(t *testing.T) {
	kubectl := startAPIServer(t)
	tried := map[string]bool{}
	for name, text := range pages(t) {
		for _, found := range block.FindAllStringSubmatch(text, -1) {
			kinds := ours(t, name, found[1])
			if len(kinds) == 0 {
				continue
			}
			for _, kind := range kinds {
				tried[kind] = true
			}
			if out, err := kubectl(found[1], "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
				t.Errorf("%s: %s of\n%s", name, out, found[1])
			}
		}
	}
	for _, kind := range []string{"StytchProject", "SCIMConnection", "SAMLConnection", "OIDCConnection", "ExternalConnection"} {
		if !tried[kind] {
			t.Errorf("no page has a %s", kind)
		}
	}
}

// ours are the kinds of our group in a block. A block that is no YAML fails the test, whosever it is.
func ours(t *testing.T, page, text string) []string {
	t.Helper()
	var kinds []string
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		var o unstructured.Unstructured
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return kinds
		}
		if err != nil {
			t.Errorf("%s: %v in\n%s", page, err, text)
			return nil
		}
		if strings.HasPrefix(o.GetAPIVersion(), group) {
			kinds = append(kinds, o.GetKind())
		}
	}
}

// startAPIServer starts an API server with the CRDs, and returns its kubectl.
func startAPIServer(t *testing.T) func(stdin string, args ...string) (string, error) {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Fatal("KUBEBUILDER_ASSETS names no control plane: run `make test`, or set it to what hack/control-plane.sh prints")
	}
	log.SetLogger(logr.Discard()) // envtest's
	env := &envtest.Environment{CRDDirectoryPaths: []string{"../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	if _, err := env.Start(); err != nil {
		t.Fatalf("starting the control plane: %v", err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("stopping the control plane: %v", err)
		}
	})
	admin, err := env.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := admin.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(stdin string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), append(args, "--kubeconfig="+kubeconfig)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// What a user can meet, where the code says it, and the page that explains it.
func TestWhatAUserCanMeetIsExplained(t *testing.T) {
	for _, c := range []struct{ what, sources, pattern, page, as string }{
		{"condition", "../api/v1alpha1/conditions.go", `Condition\w+ = "(\w+)"`, "../README.md", "`%`"},
		{"reason", "../api/v1alpha1/conditions.go", `Reason\w+ = "(\w+)"`, "../README.md", "`%`"},
		{"flag", "../cmd/manager/main.go", `\.\w*Var\(&o\.\w+, "([a-z-]+)"`, "operations.md", "`--%`"},
		{"metric", "../internal/stytch/metrics.go", `Name:\s+"(\w+)"`, "operations.md", "`%`"},
		{"metric", "../controllers/*.go", `NewDesc\("(\w+)"`, "operations.md", "`%`"},
		{"call", "../internal/stytch/*.go", `(?:operation:|operation =|c\.rotate\(ctx,) "([A-Z]\w+)"`, "operations.md", "`%`"},
		{"end", "../internal/connection/*.go", `What: "(\w+)"`, "operations.md", "`%`"},
		{"annotation", "../api/v1alpha1/metadata.go", `Annotation\w+ = "([^"]*[^/"])"`, "operations.md", "`%`"},
		{"annotation", "../api/v1alpha1/metadata.go", `AnnotationRefresh\w+ = "([^"]+)"`, "samlconnection.md", "%"},
		{"annotation", "../api/v1alpha1/metadata.go", `Annotation(?:Rotate|Acknowledge|Cancel)\w+ = "([^"]+)"`, "rotation.md", "`%`"},
		{"key of a token's Secret", "../api/v1alpha1/keys.go", `SecretKey\w+ = "([^"]+)"`, "rotation.md", "`%`"},
		{"key of details", "../api/v1alpha1/keys.go", `DetailsKey\w+ = "([^"]+)"`, "samlconnection.md", "`%`"},
		{"event", "../controllers/*.go", `(?:\baddEvent\(|\brelease\(ctx, |EventTypeNormal, )"(\w+)"`, "operations.md", "`%`"},
		{"event", "../internal/connection/*.go", `Action\{"\w+", "(\w+)"\}`, "operations.md", "`%`"},
		{"switch of management", "../api/v1alpha1/connection_types.go", `Management = "(\w+)"`, "../README.md", "`%`"},
		{"target", "../Makefile", `(?m)^([a-z-]+):.*## `, "../CONTRIBUTING.md", "`make %`"},
	} {
		page := read(t, c.page)
		names := matches(t, c.sources, c.pattern)
		if len(names) == 0 {
			t.Errorf("%s has no %s any more that looks like %s", c.sources, c.what, c.pattern)
		}
		for _, name := range names {
			if !strings.Contains(page, strings.ReplaceAll(c.as, "%", name)) {
				t.Errorf("%s does not speak of the %s %s", c.page, c.what, name)
			}
		}
	}
}

// matches are what the first group of a pattern matches in files, tests left out.
func matches(t *testing.T, files, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(files)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, name), -1) {
			found = append(found, match[1])
		}
	}
	return found
}

func TestThePageOfEachKindNamesEveryField(t *testing.T) {
	for page, crd := range map[string]string{
		"stytchproject.md": "stytchprojects", "scimconnection.md": "scimconnections",
		"samlconnection.md": "samlconnections", "oidcconnection.md": "oidcconnections", "externalconnection.md": "externalconnections",
	} {
		text := read(t, page)
		for _, field := range fieldsOf(t, "../config/crd/bases/connections.stytch-operator.dev_"+crd+".yaml") {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("%s does not speak of the field %s", page, field)
			}
		}
	}
}

// fieldsOf are the paths of a kind's fields, as "bearerToken.secretName" and "pem" of a list's items as "list[].pem"; those of
// conditions and of what every status has inside are left to the README.
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
		paths = append(paths, walk("", schema)...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func walk(path string, schema map[string]any) []string {
	common := []string{"conditions", "lastRequest", "inputs", "plan", "notConverging"}
	if slices.Contains(common, path) {
		return []string{path}
	}
	if items, isList := schema["items"].(map[string]any); isList {
		return walk(path+"[]", items)
	}
	properties, isObject := schema["properties"].(map[string]any)
	if !isObject {
		return []string{strings.TrimSuffix(path, "[]")}
	}
	var paths []string
	for name, inner := range properties {
		paths = append(paths, walk(strings.TrimPrefix(path+"."+name, "."), inner.(map[string]any))...)
	}
	return paths
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for name, text := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			if !strings.Contains(found[1], "://") && !leads(t, name, found[1]) {
				t.Errorf("%s links to %s, which is not there", name, found[1])
			}
		}
	}
}

// leads says whether a link of a page leads to a file or directory that is there, and to a heading in it.
func leads(t *testing.T, page, link string) bool {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = filepath.Join(filepath.Dir(page), file)
	}
	if _, err := os.Stat(target); err != nil {
		return false
	}
	return anchor == "" || slices.Contains(anchors(read(t, target)), anchor)
}

// withoutCode is a page without its blocks of code.
func withoutCode(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// anchors are the headings of a page as GitHub links to them.
func anchors(text string) []string {
	var out []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(withoutCode(text), -1) {
		words := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		out = append(out, strings.ReplaceAll(words, " ", "-"))
	}
	return out
}

func TestTheReadmeListsEveryPage(t *testing.T) {
	readme := read(t, "../README.md")
	for name := range pages(t) {
		path, err := filepath.Rel("..", filepath.Join("../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if path != "README.md" && !strings.Contains(readme, "]("+path+")") {
			t.Errorf("the README does not list %s", path)
		}
	}
}
