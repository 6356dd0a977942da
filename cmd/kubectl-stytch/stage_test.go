package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
)

// patience is how long a test waits for something that takes no time of its own.
const patience = 2 * time.Minute

// The control plane that every test uses, with the CRDs as they are committed.
var (
	env  *envtest.Environment
	host *rest.Config
	api  client.WithWatch
)

// programs is the directory of what build builds.
var programs string

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	log.SetLogger(logr.Discard()) // envtest's
	if programs, err = os.MkdirTemp("", "programs-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(programs) }()
	env, host, err = controlplane.Start(controlplane.CRDs("../../config/crd/bases"))
	defer func() {
		if stopped := env.Stop(); stopped != nil && err == nil {
			code, err = 1, fmt.Errorf("stopping the control plane: %w", stopped)
		}
	}()
	if err != nil {
		return 1, err
	}
	if api, err = client.NewWithWatch(host, client.Options{Scheme: newScheme()}); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// stage is a namespace, and somebody with a kubeconfig.
type stage struct {
	t          *testing.T
	namespace  string
	kubeconfig string
}

// newStage is a namespace for a test, and its administrator.
func newStage(t *testing.T) *stage {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "plugin-"}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, namespace: namespace.Name}
	return s.as("admin", "system:masters")
}

// as is the same namespace with somebody else.
func (s *stage) as(name string, groups ...string) *stage {
	s.t.Helper()
	user, err := env.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := user.KubeConfig()
	if err != nil {
		s.t.Fatal(err)
	}
	kubeconfig := filepath.Join(s.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, config, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return &stage{s.t, s.namespace, kubeconfig}
}

// said is what a command has said, and how it ended.
type said struct {
	out, err string
	code     int
}

// run runs a command line in this process.
func (s *stage) run(args ...string) said {
	s.t.Helper()
	return runIn(s.t.Context(), append(args, "--kubeconfig="+s.kubeconfig, "--namespace="+s.namespace)...)
}

func runIn(ctx context.Context, args ...string) said {
	var out, complaint bytes.Buffer
	code := run(ctx, args, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &complaint})
	return said{out.String(), complaint.String(), code}
}

// mustRun runs a command line that has to end with 0.
func (s *stage) mustRun(args ...string) said {
	s.t.Helper()
	said := s.run(args...)
	if said.code != 0 {
		s.t.Fatalf("%s ended with %d\n%s%s", strings.Join(args, " "), said.code, said.out, said.err)
	}
	return said
}

// refuses runs a command line that has to fail, and to say something on standard error alone.
func (s *stage) refuses(text string, args ...string) {
	s.t.Helper()
	said := s.run(args...)
	if said.code != exitFailed || said.out != "" || !strings.Contains(said.err, text) || !strings.HasPrefix(said.err, "error: ") {
		s.t.Errorf("%s ended with %d, and not with %q:\n%s%s", strings.Join(args, " "), said.code, text, said.out, said.err)
	}
}

func (s *stage) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *stage) create(o client.Object) {
	s.t.Helper()
	if err := api.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) reload(o client.Object) {
	s.t.Helper()
	if err := api.Get(s.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits for a condition.
func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	err := wait.PollUntilContextTimeout(s.t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		s.t.Fatalf("waited in vain until %s", what)
	}
}

// managed is a stage with a pretended Stytch, and a real manager that serves it.
type managed struct {
	*stage
	sim *stytchsim.Sim
	org string
	url string
}

// newManaged starts them, with a project named default that Stytch accepts.
func newManaged(t *testing.T) *managed {
	t.Helper()
	return newManagedFor(t, stytchsim.Organization{Slug: "acme"})
}

// newManagedFor starts them with an organization.
func newManagedFor(t *testing.T, of stytchsim.Organization) *managed {
	t.Helper()
	m := &managed{stage: newStage(t), sim: stytchsim.New(stytchsim.Options{Roles: []string{"viewer", "editor", "admin"}})}
	organization, err := m.sim.AddOrganization(of)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(m.sim)
	t.Cleanup(server.Close)
	m.org, m.url = organization.ID, server.URL
	m.startManager()
	m.create(&corev1.Secret{ObjectMeta: m.meta("stytch"), StringData: map[string]string{"secret": stytchsim.DefaultSecret}})
	m.create(&v1alpha1.StytchProject{ObjectMeta: m.meta("default"), Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
		ProjectID: stytchsim.DefaultProjectID, BaseURL: m.url, SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
		RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 1000},
	}}})
	return m
}

// build returns the path of a program of this module. Each is built once.
func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(programs, name)
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-X main.version=v0.1.0", "-o", binary, "../"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return binary
}

// startManager starts the real manager, for this namespace alone, until the test ends.
func (m *managed) startManager() {
	m.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(m.t.Context()), build(m.t, "manager"),
		"--namespaces="+m.namespace, "--leader-elect=false", "--allow-insecure-loopback", "--metrics-bind-address=0", "--health-probe-bind-address=0")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+m.kubeconfig)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if m.t.Failed() {
			m.t.Logf("the manager said:\n%s", &output)
		}
	})
}

// scim creates a SCIMConnection, and waits until it is in sync.
func (m *managed) scim(name string) *v1alpha1.SCIMConnection {
	m.t.Helper()
	o := &v1alpha1.SCIMConnection{ObjectMeta: m.meta(name), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: m.org}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: name + "-token"},
	}}
	m.create(o)
	m.eventually(name+" is in sync", func() bool { m.reload(o); return inSync(o) })
	return o
}

// inSync says that Synced is True for the spec as it is.
func inSync(o v1alpha1.Connection) bool {
	for _, c := range o.CommonStatus().Conditions {
		if c.Type == v1alpha1.ConditionSynced {
			return c.Status == metav1.ConditionTrue && c.ObservedGeneration == o.GetGeneration()
		}
	}
	return false
}
