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

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/stytch-operator/stytch-operator/test/controlplane"
)

// groups are whose manifests are tried: the operator's and those of Kubernetes. Those of others (Flux, Prometheus) are only read.
var groups = []string{"connections.stytch-operator.dev/", "v1", "networking.k8s.io/", "rbac.authorization.k8s.io/"}

var block = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

func TestEveryManifestIsAcceptedByTheAPIServer(t *testing.T) {
	kubectl := startAPIServer(t)
	tried := map[string]bool{}
	for name, text := range pages(t) {
		for _, found := range block.FindAllStringSubmatch(text, -1) {
			objects := served(t, name, found[1])
			if len(objects) == 0 {
				continue
			}
			for _, o := range objects {
				tried[o.GetKind()] = true
				if namespace := o.GetNamespace(); namespace != "" {
					_, _ = kubectl("", "create", "namespace", namespace) // it may be there
				}
			}
			if out, err := kubectl(found[1], "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"); err != nil {
				t.Errorf("%s: %s of\n%s", name, out, found[1])
			}
		}
	}
	for _, kind := range []string{
		"StytchProject", "ClusterStytchProject", "SCIMConnection", "SAMLConnection", "OIDCConnection", "ExternalConnection",
		"ResourceQuota", "NetworkPolicy", "Role",
	} {
		if !tried[kind] {
			t.Errorf("no page has a %s", kind)
		}
	}
	t.Run("the quota limits each kind", func(t *testing.T) { quotaLimits(t, kubectl) })
	t.Run("the role is for connections only", func(t *testing.T) { roleAllows(t, kubectl) })
}

// served are the objects in a block that the API server is asked about. A block that is no YAML fails the test, whosever it is.
func served(t *testing.T, page, text string) []unstructured.Unstructured {
	t.Helper()
	var objects []unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		var o unstructured.Unstructured
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Errorf("%s: %v in\n%s", page, err, text)
			return nil
		}
		if slices.ContainsFunc(groups, func(group string) bool {
			return o.GetAPIVersion() == group || strings.HasSuffix(group, "/") && strings.HasPrefix(o.GetAPIVersion(), group)
		}) {
			objects = append(objects, o)
		}
	}
}

// startAPIServer starts an API server with the CRDs, and returns its kubectl.
func startAPIServer(t *testing.T) func(stdin string, args ...string) (string, error) {
	t.Helper()
	env, _ := controlplane.For(t, controlplane.CRDs(filepath.Join(top, "config/crd/bases")))
	kubeconfig := controlplane.Kubeconfig(t, env)
	return func(stdin string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), append(args, "--kubeconfig="+kubeconfig)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}
