package helm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/config/crd"
)

// top is the directory of the repository, from here, and chart that of the chart.
const (
	top   = "../.."
	chart = top + "/charts/stytch-operator"
)

// What Helm is asked to install, and where; config/default calls everything the same.
const (
	release = "stytch-operator"
	home    = "stytch-operator-system"
	manager = "stytch-operator-manager"
)

// assets holds the control plane's programs, and scratch what is built here.
var assets, scratch string

func TestMain(m *testing.M) {
	os.Exit(prepare(m))
}

func prepare(m *testing.M) int {
	assets = os.Getenv("KUBEBUILDER_ASSETS")
	for _, h := range []helm{helm4, helm3} {
		if _, err := os.Stat(h.program()); err != nil {
			fmt.Fprintf(os.Stderr, "%v: run \"make tools\"\n", err)
			return 1
		}
	}
	var err error
	if scratch, err = os.MkdirTemp("", "helm-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // of a temporary directory
	return m.Run()
}

// helm is a version of Helm, by its name in bin/tools.
type helm string

const (
	helm4 helm = "helm4"
	helm3 helm = "helm3"
)

func (h helm) program() string {
	path, _ := filepath.Abs(filepath.Join(top, "bin/tools", string(h)))
	return path
}

// run runs Helm for a cluster, or for none where that is empty, and returns what it said: on standard output, and then on standard error.
func (h helm) run(t *testing.T, kubeconfig string, args ...string) (string, string, error) {
	t.Helper()
	own := filepath.Join(scratch, "home")
	cmd := exec.CommandContext(t.Context(), h.program(), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HELM_CACHE_HOME="+own, "HELM_CONFIG_HOME="+own, "HELM_DATA_HOME="+own)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	return out.String(), complaint.String(), err
}

// template renders the chart, as helm install would with these arguments. Helm 3 takes Kubernetes for a very old one unless it is told.
func (h helm) template(t *testing.T, args ...string) []unstructured.Unstructured {
	t.Helper()
	out, complaint, err := h.run(t, "", append([]string{"template", release, chart, "--namespace", home, "--kube-version", "1.36.0"}, args...)...)
	if err != nil {
		t.Fatalf("%s template %s: %v\n%s", h, strings.Join(args, " "), err, complaint)
	}
	return objects(t, out)
}

// kustomize builds a kustomization.
func kustomize(t *testing.T, dir string) []unstructured.Unstructured {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), "kustomize", dir).Output()
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v", dir, err)
	}
	return objects(t, string(out))
}

// objects are those of a stream of YAML.
func objects(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	for document := range strings.SplitSeq("\n"+text, "\n---\n") {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
	return all
}

// The version before this one, of which nothing was released: its CRD of SAMLConnections has no nameIDFormat, and a rule that this one has
// not.
const (
	before      = "0.0.9"
	newField    = "nameIDFormat"
	droppedRule = "!has(self.displayName) || self.displayName != 'Okta'"
)

// previousChart is the chart of the version before.
func previousChart(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Chart.yaml")
	text := strings.ReplaceAll(read(t, file), "ersion: "+version(t), "ersion: "+before)
	write(t, file, strings.Replace(text, "appVersion: v"+version(t), "appVersion: v"+before, 1))
	return dir
}

// version is that of the chart.
func version(t *testing.T) string {
	t.Helper()
	var metadata struct{ Version, AppVersion string }
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(chart, "Chart.yaml"))), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Version == "" || metadata.AppVersion != "v"+metadata.Version {
		t.Fatalf("the chart has the version %q, and its application %q", metadata.Version, metadata.AppVersion)
	}
	return metadata.Version
}

// programs are the managers, this one and the one before, by the tag of their images.
var programs = sync.OnceValues(func() (map[string]string, error) {
	overlay, err := previousCRDs()
	if err != nil {
		return nil, err
	}
	current, previous := filepath.Join(scratch, "manager"), filepath.Join(scratch, "manager-before")
	return map[string]string{"": current, "v" + before: previous}, errors.Join(build(current), build(previous, "-overlay="+overlay))
})

func build(to string, flags ...string) error {
	args := append(append([]string{"build", "-buildvcs=false"}, flags...), "-o", to, "./cmd/manager")
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the manager: %w\n%s", err, out)
	}
	return nil
}

// previousCRDs is a file that has the compiler read the CRDs of the version before.
func previousCRDs() (string, error) {
	bases, err := filepath.Abs(filepath.Join(top, "config/crd/bases"))
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(bases, "*.yaml"))
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, file := range files {
		replace[file] = filepath.Join(scratch, filepath.Base(file))
		if err := makePrevious(file, replace[file]); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

func makePrevious(file, to string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var o unstructured.Unstructured
	if err := yaml.Unmarshal(text, &o.Object); err != nil {
		return err
	}
	annotations := o.GetAnnotations()
	annotations[crd.VersionAnnotation] = before
	o.SetAnnotations(annotations)
	if strings.HasPrefix(o.GetName(), "samlconnections.") {
		if err := changeSpec(&o); err != nil {
			return err
		}
	}
	if text, err = yaml.Marshal(o.Object); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// changeSpec takes the new field out of the schema of a CRD, and puts the old rule in.
func changeSpec(o *unstructured.Unstructured) error {
	versions, _, err := unstructured.NestedSlice(o.Object, "spec", "versions")
	if err != nil || len(versions) != 1 {
		return fmt.Errorf("%d versions: %w", len(versions), err)
	}
	of, _ := versions[0].(map[string]any)
	path := []string{"schema", "openAPIV3Schema", "properties", "spec"}
	rules, _, err := unstructured.NestedSlice(of, append(path, "x-kubernetes-validations")...)
	if err != nil {
		return err
	}
	rules = append(rules, map[string]any{"rule": droppedRule, "message": "a rule of the version before"})
	if _, found, _ := unstructured.NestedMap(of, append(path, "properties", newField)...); !found {
		return fmt.Errorf("the CRD has no field %s", newField)
	}
	unstructured.RemoveNestedField(of, append(path, "properties", newField)...)
	return errors.Join(
		unstructured.SetNestedSlice(of, rules, append(path, "x-kubernetes-validations")...),
		unstructured.SetNestedSlice(o.Object, versions, "spec", "versions"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
