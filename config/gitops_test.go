package config_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// wave is the annotation by which Argo CD applies one object after another.
const wave = "argocd.argoproj.io/sync-wave"

// argoHealth is the program that says what Argo CD's own Lua machine makes of an object. It is built in a module of its own.
var argoHealth = sync.OnceValues(func() (string, error) {
	program := filepath.Join(filepath.Dir(binary), "health")
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", program, "./health")
	build.Dir = "../test/argocd"
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the health of Argo CD: %w\n%s", err, out)
	}
	return program, nil
})

// The layout for Argo CD is applied wave by wave, each one when all of the one before is Healthy, and pruned backwards, as Argo CD does it.
func TestTheWavesOfArgoCD(t *testing.T) {
	c := start(t)
	c.quietly(t, "apply", "--server-side", "--validate=strict", "-k", "default")
	c.kubectl(t, "wait", "--for=condition=Established", "--timeout=2m", "crd", "--all")
	c.runManager(t, arguments(c.deployment(t)))
	for name, deletes := range map[string]bool{"Retain": false, "Delete": true} {
		t.Run(name, func(t *testing.T) {
			namespace := strings.ToLower(name)
			c.kubectl(t, "create", "namespace", namespace)
			stytch, layout := argoLayout(t, func(o *unstructured.Unstructured) {
				if _, is, _ := unstructured.NestedString(o.Object, "spec", "deletionPolicy"); is {
					set(t, o, name, "spec", "deletionPolicy")
				}
			})
			waves := slices.Sorted(maps.Keys(layout))
			if !slices.Equal(waves, []int{-2, -1, 0, 1}) {
				t.Errorf("the layout has the waves %v", waves)
			}
			c.syncs(t, namespace, layout)

			applied := len(stytch.Calls())
			before := c.versions(t, namespace)
			c.syncs(t, namespace, layout)
			if after := c.versions(t, namespace); after != before {
				t.Errorf("a sync of what is there already changes\n%s\nto\n%s", before, after)
			}
			for _, call := range stytch.CallsSince(applied) {
				if call.Method != http.MethodGet {
					t.Errorf("a sync of what is there already calls %s %s", call.Method, call.Path)
				}
			}

			if !deletes {
				c.renames(t, namespace, layout)
				if calls := stytch.CallsSince(applied); slices.ContainsFunc(calls, func(call stytchsim.Call) bool { return call.Method != http.MethodGet }) {
					t.Errorf("a rename calls %+v", calls)
				}
			}

			for _, number := range slices.Backward(waves) {
				c.prunes(t, namespace, layout[number])
			}
			left := len(stytch.Connections("acme")) + len(stytch.Connections("acme-partner"))
			if deletes && left != 0 || !deletes && left != 3 {
				t.Errorf("Stytch has %d connections after all is pruned", left)
			}
		})
	}
	t.Run("what is not complete keeps no commit back", c.syncsUnfinished)
	t.Run("the commands of the page run", func(t *testing.T) {
		c.kubectl(t, "create", "namespace", "argocd")
		c.kubectl(t, "create", "configmap", "-n", "argocd", "argocd-cm", "--from-literal=url=https://argocd.example.com")
		c.runCommands(t, "docs/gitops/argocd.md")
		if cm := c.kubectl(t, "get", "configmap", "-n", "argocd", "argocd-cm", "-o", "jsonpath={.data}"); !strings.Contains(cm, `"url":`) ||
			strings.Count(cm, `"resource.customizations.health.`+group) != 6 {
			t.Errorf("the patch makes of the ConfigMap\n%s", cm)
		}
	})
}

// The patch of the page pauses every connection of a standby cluster, and nothing else.
func TestAStandbyClusterOfArgoCDIsPaused(t *testing.T) {
	text, err := os.ReadFile("../docs/gitops/argocd.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "    kustomize:\n")
	patches, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("the page has no patch for a standby cluster")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("samples/gitops/argocd/identity")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), "resources: [acme-scim.yaml, acme-okta.yaml, acme-partner-okta.yaml, stytchproject.yaml]"+strings.ReplaceAll("\n"+patches, "\n      ", "\n"))
	for _, o := range render(t, dir) {
		management, _, _ := unstructured.NestedString(o.Object, "spec", "management")
		if isConnection := strings.HasSuffix(o.GetKind(), "Connection"); isConnection != (management == "Paused") {
			t.Errorf("%s %s has management %q", o.GetKind(), o.GetName(), management)
		}
	}
}

var commands = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// runCommands runs what a page gives to the shell.
func (c *cluster) runCommands(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	blocks := commands.FindAllStringSubmatch(string(text), -1)
	if len(blocks) == 0 {
		t.Errorf("%s has no commands", page)
	}
	for _, block := range blocks {
		shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block[1])
		shell.Dir = ".."
		shell.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "PATH="+assets+":"+os.Getenv("PATH"))
		if out, err := shell.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s%s", page, err, block[1], out)
		}
	}
}

// renames renames the SCIM connection in Git. Argo CD deletes the old manifest before it applies the new one, unless PruneLast is set: then
// the new one is not Healthy, and so the old one is never deleted.
func (c *cluster) renames(t *testing.T, namespace string, layout map[int][]unstructured.Unstructured) {
	t.Helper()
	i := slices.IndexFunc(layout[0], func(o unstructured.Unstructured) bool { return o.GetKind() == "SCIMConnection" })
	old := layout[0][i]
	id := c.kubectl(t, "get", "-n", namespace, "SCIMConnection/"+old.GetName(), "-o", "jsonpath={.status.connectionID}")
	renamed := *old.DeepCopy()
	renamed.SetName("renamed")
	set(t, &renamed, id, "spec", "connectionID")

	c.apply(t, namespace, []unstructured.Unstructured{renamed})
	if !process.Eventually(t, func() bool {
		return strings.HasPrefix(c.healthOf(t, namespace, renamed), "Degraded: "+id+" belongs to")
	}) {
		t.Errorf("with PruneLast the new manifest is %s", c.healthOf(t, namespace, renamed))
	}
	c.prunes(t, namespace, []unstructured.Unstructured{renamed})

	c.prunes(t, namespace, []unstructured.Unstructured{old})
	c.sync(t, namespace, []unstructured.Unstructured{renamed})
	layout[0][i] = renamed
}

// syncsUnfinished syncs a SAML connection whose metadata URL is not known yet, and then the commit that adds it.
func (c *cluster) syncsUnfinished(t *testing.T) {
	c.kubectl(t, "create", "namespace", "unfinished")
	url := ""
	_, layout := argoLayout(t, func(o *unstructured.Unstructured) {
		if o.GetKind() == "SAMLConnection" {
			url, _, _ = unstructured.NestedString(o.Object, "spec", "metadataURL")
			unstructured.RemoveNestedField(o.Object, "spec", "metadataURL")
		}
	})
	for _, number := range []int{-2, -1, 0} {
		c.sync(t, "unfinished", layout[number])
	}
	c.apply(t, "unfinished", layout[1])
	for _, o := range layout[0] {
		if o.GetKind() == "SAMLConnection" {
			set(t, &o, url, "spec", "metadataURL")
		}
	}
	c.syncs(t, "unfinished", layout)
}

// argoLayout is the layout for Argo CD, filled in and changed, by waves, with the pretended Stytch that it is for.
func argoLayout(t *testing.T, change func(*unstructured.Unstructured)) (*stytchsim.Sim, map[int][]unstructured.Unstructured) {
	t.Helper()
	simulator := stytchsim.New(stytchsim.Options{})
	stytch := httptest.NewServer(simulator)
	t.Cleanup(stytch.Close)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("samples/gitops/argocd/identity")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), "resources: ["+strings.Join(files, ", ")+"]")

	layout := map[int][]unstructured.Unstructured{}
	for _, o := range render(t, dir) {
		switch o.GetKind() {
		case "Secret":
			set(t, &o, stytchsim.DefaultSecret, "stringData", "secret")
		case "StytchProject":
			set(t, &o, stytchsim.DefaultProjectID, "spec", "projectID")
			set(t, &o, stytch.URL, "spec", "baseURL")
		}
		publish(t, simulator, o)
		change(&o)
		number, err := strconv.Atoi(cmp.Or(o.GetAnnotations()[wave], "0"))
		if err != nil {
			t.Fatal(err)
		}
		layout[number] = append(layout[number], o)
	}
	return simulator, layout
}

func set(t *testing.T, o *unstructured.Unstructured, value string, field ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(o.Object, value, field...); err != nil {
		t.Fatal(err)
	}
}

// syncs syncs all waves of a layout.
func (c *cluster) syncs(t *testing.T, namespace string, layout map[int][]unstructured.Unstructured) {
	t.Helper()
	for _, number := range slices.Sorted(maps.Keys(layout)) {
		c.sync(t, namespace, layout[number])
	}
}

// sync applies a wave and waits until all of it is Healthy.
func (c *cluster) sync(t *testing.T, namespace string, objects []unstructured.Unstructured) {
	t.Helper()
	c.apply(t, namespace, objects)
	for _, o := range objects {
		if o.GroupVersionKind().Group != group {
			continue
		}
		var health string
		if !process.Eventually(t, func() bool {
			health = c.healthOf(t, namespace, o)
			return strings.HasPrefix(health, "Healthy: ")
		}) {
			t.Fatalf("the next wave has to wait: %s %s is %s", o.GetKind(), o.GetName(), health)
		}
	}
}

func (c *cluster) apply(t *testing.T, namespace string, objects []unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		text, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "object.json")
		write(t, file, string(text))
		c.quietly(t, "apply", "-n", namespace, "--server-side", "--field-manager=argocd-controller", "--validate=strict", "-f", file)
	}
}

// healthOf is what Argo CD says of an object: "Healthy: " and a message.
func (c *cluster) healthOf(t *testing.T, namespace string, o unstructured.Unstructured) string {
	t.Helper()
	program, err := argoHealth()
	if err != nil {
		t.Fatal(err)
	}
	object := c.kubectl(t, "get", "-n", namespace, "-o", "json", o.GetKind()+"/"+o.GetName())
	command := exec.CommandContext(t.Context(), program, "argocd/argocd-cm.yaml")
	command.Stdin = strings.NewReader(object)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("the health of %s %s: %v\n%s", o.GetKind(), o.GetName(), err, &complaint)
	}
	return strings.TrimSpace(string(out))
}

// prunes deletes a wave and waits until it is gone.
func (c *cluster) prunes(t *testing.T, namespace string, objects []unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		c.kubectl(t, "delete", "-n", namespace, "--timeout=2m", o.GetKind()+"/"+o.GetName())
	}
}

// versions are the versions of all objects of a namespace that Git has.
func (c *cluster) versions(t *testing.T, namespace string) string {
	t.Helper()
	return c.kubectl(t, "get", "-n", namespace, "stytch,secrets", "-o", "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}")
}
