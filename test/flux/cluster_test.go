package flux_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/ssa"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// cluster is a real API server, a pretended Stytch, and the manager between them.
type cluster struct {
	client     client.Client
	assets     string
	kubeconfig string
	stytch     *stytchsim.Sim
	url        string // of the pretended Stytch
}

func start(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{assets: os.Getenv("KUBEBUILDER_ASSETS"), stytch: stytchsim.New(stytchsim.Options{})}
	server := httptest.NewServer(c.stytch)
	t.Cleanup(server.Close)
	c.url = server.URL

	env, config := controlplane.For(t, controlplane.CRDs(filepath.Join(top, "config/crd/bases")))
	c.kubeconfig = controlplane.Kubeconfig(t, env)
	var err error
	if c.client, err = client.New(config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	c.runManager(t)
	return c
}

// runManager runs the manager until the test ends, as an administrator: config/ has the tests of its rights.
func (c *cluster) runManager(t *testing.T) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "manager")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./cmd/manager")
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the manager: %v\n%s", err, out)
	}
	process.Run(t, program, c.kubeconfig, "--leader-elect=false", "--metrics-bind-address=0")
}

func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	if !process.Eventually(t, ask) {
		t.Fatalf("not so after %s: %s", process.Patience, what)
	}
}

// kubectl returns what the control plane's own kubectl said on standard output.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.assets, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "KUBERC=off")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, &complaint)
	}
	return out.String()
}

// applier is Flux's own: it applies, waits and deletes with the objects and rules of kustomize-controller.
func (c *cluster) applier(t *testing.T, checks []kustomize.CustomHealthCheck) *ssa.ResourceManager {
	t.Helper()
	newReader, err := cel.NewStatusReader(checks)
	if err != nil {
		t.Fatal(err)
	}
	mapper := c.client.RESTMapper()
	poller := polling.NewStatusPoller(c.client, mapper, polling.Options{CustomStatusReaders: []engine.StatusReader{newReader(mapper)}})
	return ssa.NewResourceManager(c.client, poller, ssa.Owner{Field: "kustomize-controller", Group: kustomizev1.GroupVersion.Group})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
