package helm_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// Each command of docs/getting-started.md is run as it is there, one block after another. The files are those of the page, with a project that
// the pretended Stytch has. What the kubelet would do is done between the blocks.
func TestGettingStarted(t *testing.T) {
	c := start(t, helm4)
	if _, err := c.stytch.AddOrganization(stytchsim.Organization{Slug: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	shell := c.newShell(t)
	block := regexp.MustCompile("(?ms)^```(sh|yaml)\n(.*?)^```$")
	files, ran, stop := []string{"project.yaml", "scim.yaml"}, "", func() {}
	for _, found := range block.FindAllStringSubmatch(read(t, top+"/docs/getting-started.md"), -1) {
		if found[1] == "yaml" {
			text := regexp.MustCompile(`projectID: .*`).ReplaceAllString(found[2], fmt.Sprintf("projectID: %s\n  baseURL: %q", stytchsim.DefaultProjectID, c.url))
			write(t, filepath.Join(shell.dir, files[0]), text)
			files = files[1:]
			continue
		}
		if strings.Contains(found[2], "helm uninstall") {
			stop()
		}
		said := shell.run(t, found[2])
		ran += found[2] + said
		switch {
		case strings.Contains(found[2], "helm install"):
			stop = c.runManager(t)
			c.available(t)
		case strings.Contains(found[2], `management": "Manage"`):
			c.expectConnections(t, 1)
		case strings.Contains(found[2], "secret acme-scim-token"):
			id := c.stytch.Connections("acme")[0].ID
			if _, token, _ := strings.Cut(said, "/v1/b2b/scim/"+id); !c.stytch.VerifyToken(id, token).Accepted {
				t.Errorf("it shows no URL and token: %s", said)
			}
		case strings.Contains(found[2], "stytchproject default"):
			c.expectConnections(t, 0)
		}
	}
	for _, want := range []string{"successfully rolled out", `"field":"identity_provider"`, "acme-scim   True", "/v1/b2b/scim/", "scimconnection.connections.stytch-operator.dev/acme-scim condition met"} {
		if !strings.Contains(ran, want) {
			t.Errorf("there is no %q in\n%s", want, ran)
		}
	}
	if len(files) > 0 {
		t.Errorf("the page has no %q", files)
	}
	c.expectNothingBut(t)
}

// available says of the Deployment what the controllers of a cluster say while its pod runs.
func (c *cluster) available(t *testing.T) {
	t.Helper()
	var deployment appsv1.Deployment
	if err := c.client.Get(t.Context(), client.ObjectKey{Namespace: home, Name: manager}, &deployment); err != nil {
		t.Fatal(err)
	}
	deployment.Status = appsv1.DeploymentStatus{ObservedGeneration: deployment.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
	if err := c.client.Status().Update(t.Context(), &deployment); err != nil {
		t.Fatal(err)
	}
}

// shell runs what a page says in a directory: one block after another, and each with what those before have exported.
type shell struct {
	dir      string
	env      []string
	exported string // a file
}

// newShell is a shell in a directory with the chart and the CRDs, with the kubectl and the Helm of the tests.
func (c *cluster) newShell(t *testing.T) *shell {
	t.Helper()
	dir, programs := t.TempDir(), t.TempDir()
	for to, from := range map[string]string{
		filepath.Join(dir, "charts"): top + "/charts", filepath.Join(dir, "config"): top + "/config",
		filepath.Join(programs, "kubectl"): filepath.Join(assets, "kubectl"), filepath.Join(programs, "helm"): c.helm.program(),
	} {
		link(t, from, to)
	}
	return shellIn(t, dir, "PATH="+programs+":"+os.Getenv("PATH"), "KUBECONFIG="+c.kubeconfig)
}

// shellIn is a shell in a directory. Its kubectl and its Helm leave nothing in the home of who runs the tests, and read nothing there.
func shellIn(t *testing.T, dir string, env ...string) *shell {
	t.Helper()
	own := filepath.Join(scratch, "home")
	exported := filepath.Join(t.TempDir(), "exported")
	write(t, exported, "")
	env = append(env, "KUBECACHEDIR="+filepath.Join(own, "kubectl"), "KUBERC=off", "HELM_CACHE_HOME="+own, "HELM_CONFIG_HOME="+own, "HELM_DATA_HOME="+own)
	return &shell{dir, append(os.Environ(), env...), exported}
}

func link(t *testing.T, from, to string) {
	t.Helper()
	absolute, err := filepath.Abs(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(absolute, to); err != nil {
		t.Fatal(err)
	}
}

// run runs a block, with the secret of the project as what somebody types.
func (s *shell) run(t *testing.T, block string) string {
	t.Helper()
	script := "source " + s.exported + "\n" + block + "\nexport -p >" + s.exported
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.env, strings.NewReader(stytchsim.DefaultSecret+"\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", block, err, &out)
	}
	return out.String()
}
