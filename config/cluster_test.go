package config_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
	"github.com/stytch-operator/stytch-operator/test/process"
)

// binary is the manager, built as the Dockerfile does, and assets holds the control plane's programs.
var binary, assets string

func TestMain(m *testing.M) {
	os.Exit(prepare(m))
}

func prepare(m *testing.M) int {
	assets = os.Getenv("KUBEBUILDER_ASSETS")
	dir, err := os.MkdirTemp("", "config-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a temporary directory
	binary = filepath.Join(dir, "manager")
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", binary, "../cmd/manager")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the manager: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// cluster is a real API server with nothing in it but what a test puts there.
type cluster struct {
	config     *rest.Config
	client     client.Client
	kubeconfig string // an administrator's
	audit      string // what the manager's account asked for, one JSON object a line
}

// start starts an API server that admits as a real cluster's does and writes down what the manager asks of it.
func start(t *testing.T) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{audit: filepath.Join(dir, "audit.log")}
	policy := filepath.Join(dir, "policy.json")
	write(t, policy, `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["ResponseStarted", "ResponseComplete"],
		"rules": [{"level": "Metadata", "users": ["`+account+`"]}, {"level": "None"}]}`)
	env, config := controlplane.For(t, func(env *envtest.Environment) {
		env.ControlPlane.GetAPIServer().Configure().
			Disable("disable-admission-plugins"). // envtest would leave out ServiceAccount, which changes pods
			Set("audit-policy-file", policy).Set("audit-log-path", c.audit)
	})
	c.config, c.kubeconfig = config, controlplane.Kubeconfig(t, env)
	var err error
	if c.client, err = client.New(config, client.Options{Scheme: scheme.Scheme}); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// kubectl runs the control plane's own kubectl and gives back what it said on standard output.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := c.run(t, args...)
	return out
}

// quietly runs kubectl and accepts no warning: Pod Security's, or one about a field that is not known or not used any more.
func (c *cluster) quietly(t *testing.T, args ...string) {
	t.Helper()
	if _, warnings := c.run(t, args...); warnings != "" {
		t.Errorf("kubectl %s warns: %s", strings.Join(args, " "), warnings)
	}
}

func (c *cluster) run(t *testing.T, args ...string) (string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String())
}

// render is what a kustomization says.
func render(t *testing.T, dir string) []unstructured.Unstructured {
	t.Helper()
	out, _ := new(cluster).run(t, "kustomize", dir)
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(out), 4096)
	var objects []unstructured.Unstructured
	for {
		var o unstructured.Unstructured
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
}

func (c *cluster) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	var deployment appsv1.Deployment
	if err := c.client.Get(t.Context(), client.ObjectKey{Namespace: home, Name: manager}, &deployment); err != nil {
		t.Fatal(err)
	}
	return &deployment
}

// everywhere is the namespace of a question about all of them.
const everywhere = ""

// expectAllowed asks the API server whether the manager may do something.
func (c *cluster) expectAllowed(t *testing.T, want bool, namespace, verb, group, resource string) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: account, Groups: groups(),
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: resource},
	}}
	if err := c.client.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	if review.Status.Allowed != want {
		t.Errorf("%s %s in namespace %q: allowed is %t", verb, resource, namespace, review.Status.Allowed)
	}
}

func groups() []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"}
}

// rights are what the manager may do in a namespace beyond what every account may.
func (c *cluster) rights(t *testing.T, namespace string) map[string]bool {
	t.Helper()
	rights := c.rules(t, account, namespace)
	for right := range c.rules(t, "system:serviceaccount:"+home+":somebody", namespace) {
		delete(rights, right)
	}
	return rights
}

func (c *cluster) rules(t *testing.T, user, namespace string) map[string]bool {
	t.Helper()
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups()}
	as, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	if err := as.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	rules := map[string]bool{}
	for _, rule := range review.Status.ResourceRules {
		for _, verb := range rule.Verbs {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					rules[right(verb, group, resource)] = true
				}
			}
		}
	}
	return rules
}

// right writes a right as a line: get secrets, patch events.k8s.io/events.
func right(verb, group, resource string) string {
	return verb + " " + strings.TrimPrefix(group+"/"+resource, "/")
}

// used are the rights that the manager tried to make use of.
func (c *cluster) used(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadFile(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for line := range bytes.Lines(entries) {
		var entry struct {
			Verb      string
			ObjectRef *struct{ APIGroup, Resource, Subresource string }
		}
		if json.Unmarshal(line, &entry) != nil || entry.ObjectRef == nil { // half a line, or no question about objects
			continue
		}
		resource := strings.TrimSuffix(entry.ObjectRef.Resource+"/"+entry.ObjectRef.Subresource, "/")
		used[right(entry.Verb, entry.ObjectRef.APIGroup, resource)] = true
	}
	return used
}

// runManager runs the manager under its own account until the test ends, and then expects it to end as it should. What is added
// to its arguments is what being outside a pod takes: free ports, the lease's namespace, a Stytch that is pretended; and what is given last.
func (c *cluster) runManager(t *testing.T, args []string, last ...string) *process.Manager {
	t.Helper()
	return process.Run(t, binary, c.kubeconfigOfManager(t), slices.Concat(args, []string{
		"--metrics-bind-address=0", "--leader-election-namespace=" + home, "--cluster-resource-namespace=" + home,
	}, last)...)
}

// kubeconfigOfManager has the token of the manager's ServiceAccount.
func (c *cluster) kubeconfigOfManager(t *testing.T) string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	admin, err := os.ReadFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	write(t, kubeconfig, string(admin))
	own := &cluster{kubeconfig: kubeconfig}
	own.kubectl(t, "config", "set-credentials", "manager", "--token="+c.kubectl(t, "create", "token", "-n", home, manager))
	own.kubectl(t, "config", "set-context", "--current", "--user=manager")
	return kubeconfig
}

// fillIn applies the samples, filled in as config/samples/README.md says, and waits until each is Ready.
func (c *cluster) fillIn(t *testing.T, namespace string) *stytchsim.Sim {
	t.Helper()
	simulator := stytchsim.New(stytchsim.Options{})
	stytch := httptest.NewServer(simulator)
	t.Cleanup(stytch.Close)

	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("samples")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), fmt.Sprintf(`
resources: [%s]
patches:
- target: {kind: StytchProject}
  patch: |
    - {op: replace, path: /spec/projectID, value: %s}
    - {op: add, path: /spec/baseURL, value: "%s"}
- target: {kind: SAMLConnection, name: acme-okta}
  patch: |
    - {op: replace, path: /spec/verificationCertificates/0/pem, value: %q}
- target: {kind: SCIMConnection, name: acme-scim}
  patch: |
    - {op: remove, path: /spec/groupImplicitRoles}
`, strings.Join(files, ", "), stytchsim.DefaultProjectID, stytch.URL, certificate(t)))
	for _, o := range render(t, dir) {
		publish(t, simulator, o)
	}
	c.makeInputs(t, namespace)
	c.kubectl(t, "apply", "--validate=strict", "-n", namespace, "-k", dir)
	c.kubectl(t, "wait", "-n", namespace, "--for=condition=Ready", "--timeout=2m", "stytch", "--all")
	return simulator
}

// publish makes what a sample speaks of at Stytch, and at its identity provider: its organization, and the documents that Stytch reads.
func publish(t *testing.T, simulator *stytchsim.Sim, o unstructured.Unstructured) {
	t.Helper()
	text := func(name string) string {
		value, _, _ := unstructured.NestedString(o.Object, "spec", name)
		return value
	}
	if slug := text("organization"); slug != "" && simulator.Connections(slug) == nil {
		if _, err := simulator.AddOrganization(stytchsim.Organization{Slug: slug, Name: slug}); err != nil {
			t.Fatal(err)
		}
	}
	var documents []stytchsim.Document
	if url := text("metadataURL"); url != "" {
		documents = append(documents, stytchsim.Document{
			URL: url, IDPEntityID: "https://sts.windows.net/1/", IDPSSOURL: "https://login.microsoftonline.com/1/saml2", Certificates: []string{certificate(t)},
		})
	}
	if issuer := text("issuer"); issuer != "" && text("tokenURL") == "" {
		documents = append(documents, stytchsim.Document{
			URL:                   issuer + "/.well-known/openid-configuration",
			AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token", UserinfoEndpoint: issuer + "/userinfo", JWKSURI: issuer + "/keys",
		})
	}
	for _, document := range documents {
		if err := simulator.AddDocument(document); err != nil {
			t.Fatal(err)
		}
	}
}

// makeInputs makes the Secrets and the ConfigMap that the samples name, as their comments say.
func (c *cluster) makeInputs(t *testing.T, namespace string) {
	t.Helper()
	literal := func(key, value string) string { return "--from-literal=" + key + "=" + value }
	for _, args := range [][]string{
		{"secret", "generic", "stytch", literal("secret", stytchsim.DefaultSecret)},
		{"secret", "generic", "acme-okta-client", literal("client-secret", "okta's")},
		{"secret", "generic", "initech-entra-client", literal("client-secret", "entra's")},
		{"secret", "generic", "hooli-google-client", literal("client-secret", "google's")},
		{"secret", "generic", "umbrella-client", literal("client-secret", "umbrella's")},
		{"secret", "generic", "umbrella-idp", literal("tls.crt", certificate(t))},
		{"secret", "generic", "umbrella-saml-keys", literal("signing.pem", privateKey(t)), literal("encryption.pem", privateKey(t))},
		{"configmap", "hooli-google-certificates", literal("certificates.pem", certificate(t)+certificate(t))},
	} {
		c.kubectl(t, append([]string{"create", "-n", namespace}, args...)...)
	}
}

// privateKey is a new RSA key in PEM, as openssl genrsa makes it.
func privateKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// certificate is a new one in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
