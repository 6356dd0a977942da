package helm_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// natural are the labels that Helm's objects have and kustomize's have not.
var natural = []string{"app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"}

// elsewhere are the kinds of config/ that the chart leaves to others: the CRDs to its job, which applies those of config/crd, and the namespace
// to whoever installs it.
var elsewhere = []string{"CustomResourceDefinition", "Namespace"}

// pairs are what a chart is installed with, and the kustomizations that deploy the same.
var pairs = map[string]struct {
	values     []string
	components []string
	kustomized []string
}{
	"for all namespaces":    {components: []string{"metrics-secure"}, kustomized: []string{"default"}},
	"with open metrics":     {values: []string{"metrics.secure=false"}, kustomized: []string{"default"}},
	"for chosen namespaces": {values: []string{"namespaces={team-a,team-b}"}, kustomized: []string{"namespaced/cluster", "namespaced"}},
	"with ClusterStytchProjects": {
		values: []string{"clusterProjects=true"}, components: []string{"metrics-secure", "cluster-projects"}, kustomized: []string{"default"},
	},
	"with the admission policy": {
		values: []string{"admissionPolicy.enabled=true"}, components: []string{"metrics-secure", "admission-policy"}, kustomized: []string{"default"},
	},
	"with the admission policy for chosen namespaces": {
		values:     []string{"admissionPolicy.enabled=true", "namespaces={team-a,team-b}"},
		components: []string{"admission-policy"}, kustomized: []string{"namespaced/cluster", "namespaced"},
	},
}

func TestTheChartInstallsWhatConfigDoes(t *testing.T) {
	for name, c := range pairs {
		t.Run(name, func(t *testing.T) {
			for _, h := range []helm{helm4, helm3} {
				for _, difference := range compare(byHelm(t, h, c.values...), byKustomize(t, configWith(t, c.components...), c.kustomized...)) {
					t.Errorf("%s: %s", h, difference)
				}
			}
		})
	}
}

// What one of them has alone is seen: a right, a flag, a policy, an object.
func TestADifferenceIsSeen(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new string }{
		"a right":   {"rbac/role.yaml", "  - secrets\n", "  - secrets\n  - serviceaccounts\n"},
		"a flag":    {"manager/deployment.yaml", "- --log-format=json\n", "- --log-format=json\n        - --log-level=debug\n"},
		"a policy":  {"admission-policy/secrets.yaml", "failurePolicy: Fail", "failurePolicy: Ignore"},
		"an object": {"rbac/kustomization.yaml", "- connection_viewer_role.yaml\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := configWith(t, "metrics-secure", "admission-policy")
			file := filepath.Join(dir, c.file)
			text := read(t, file)
			if !strings.Contains(text, c.old) {
				t.Fatalf("%s has no %q", c.file, c.old)
			}
			write(t, file, strings.Replace(text, c.old, c.new, 1))
			if compare(byHelm(t, helm4, "admissionPolicy.enabled=true"), byKustomize(t, dir, "default")) == nil {
				t.Error("no difference is seen")
			}
		})
	}
}

// The NetworkPolicy of the chart is the one that docs/security.md explains.
func TestTheNetworkPolicyIsThatOfTheThreatModel(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```yaml\n(apiVersion: networking.*?)^```$").FindStringSubmatch(read(t, top+"/docs/security.md"))
	if block == nil {
		t.Fatal("docs/security.md has no NetworkPolicy")
	}
	var want []unstructured.Unstructured
	for _, o := range objects(t, block[1]) {
		o.SetLabels(map[string]string{"app.kubernetes.io/name": "stytch-operator"})
		want = append(want, o)
	}
	isPolicy := func(o unstructured.Unstructured) bool { return o.GetKind() != "NetworkPolicy" }
	got := slices.DeleteFunc(installed(helm4.template(t, "--set", "networkPolicy.enabled=true")), isPolicy)
	for _, difference := range compare(normal(got), normal(want)) {
		t.Error(difference)
	}
}

// configWith is a copy of config/ in which config/default has components, as its comment says.
func configWith(t *testing.T, components ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(top+"/config")); err != nil {
		t.Fatal(err)
	}
	if len(components) == 0 {
		return dir
	}
	file := filepath.Join(dir, "default", "kustomization.yaml")
	text := read(t, file)
	added := "\ncomponents:\n"
	for _, component := range components {
		if !strings.Contains(text, "# - ../"+component+"\n") {
			t.Fatalf("config/default does not say how to add %s", component)
		}
		added += "- ../" + component + "\n"
	}
	write(t, file, text+added)
	return dir
}

func byHelm(t *testing.T, h helm, values ...string) map[string]string {
	t.Helper()
	args := []string{"--set", "image.tag=dev"} // as config/default/kustomization.yaml has it
	for _, value := range values {
		args = append(args, "--set", value)
	}
	return normal(installed(h.template(t, args...)))
}

func byKustomize(t *testing.T, config string, kustomizations ...string) map[string]string {
	t.Helper()
	var all []unstructured.Unstructured
	for _, name := range kustomizations {
		all = append(all, kustomize(t, filepath.Join(config, name))...)
	}
	return normal(slices.DeleteFunc(all, func(o unstructured.Unstructured) bool { return slices.Contains(elsewhere, o.GetKind()) }))
}

// installed are the objects that are not hooks.
func installed(all []unstructured.Unstructured) []unstructured.Unstructured {
	return slices.DeleteFunc(all, func(o unstructured.Unstructured) bool { return o.GetAnnotations()["helm.sh/hook"] != "" })
}

// normal are objects by their names, each in one form and without what differs by nature.
func normal(all []unstructured.Unstructured) map[string]string {
	texts := map[string]string{}
	for _, o := range all {
		o = *o.DeepCopy()
		labels := o.GetLabels()
		maps.DeleteFunc(labels, func(name, _ string) bool { return slices.Contains(natural, name) })
		o.SetLabels(labels)
		if strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy") {
			o.SetNamespace("") // they have none: kubectl's kustomize gives them one, which the API server ignores
		}
		spellOut(o)
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			panic(err)
		}
		texts[fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), o.GetName())] = string(text)
	}
	return texts
}

// spellOut gives a Deployment the default that the chart spells out.
func spellOut(o unstructured.Unstructured) {
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return
	}
	for _, container := range containers {
		if fields, is := container.(map[string]any); is && fields["imagePullPolicy"] == nil {
			fields["imagePullPolicy"] = "IfNotPresent"
		}
	}
	_ = unstructured.SetNestedSlice(o.Object, containers, "spec", "template", "spec", "containers")
}

// compare says what differs; nil if there are objects and nothing does.
func compare(got, want map[string]string) []string {
	var differences []string
	if len(got) == 0 || len(want) == 0 {
		differences = append(differences, fmt.Sprintf("%d and %d objects are compared", len(got), len(want)))
	}
	both := maps.Clone(got)
	maps.Copy(both, want)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if got[name] != want[name] {
			differences = append(differences, fmt.Sprintf("%s is in the chart\n%s\nand in config/\n%s", name, got[name], want[name]))
		}
	}
	return differences
}
