package docs_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	for _, kind := range []string{"StytchProject", "ClusterStytchProject", "SCIMConnection", "SAMLConnection", "OIDCConnection", "ExternalConnection"} {
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
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(top, "config/crd/bases")}, ErrorIfCRDPathMissing: true}
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
