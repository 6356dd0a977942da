//go:build leaders

package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// asManager is the variable of the environment that makes this test binary a manager: the real one, with short times.
const asManager = "STYTCH_OPERATOR_TEST_AS_MANAGER"

// shortTimes are in the proportions of the real ones.
func shortTimes() times {
	return times{lease: 4500 * time.Millisecond, renewDeadline: 3 * time.Second, retryPeriod: 600 * time.Millisecond, settle: 3 * time.Second}
}

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		os.Exit(exitCode(run(os.Args[1:], os.Stderr, shortTimes()), os.Stderr))
	}
	os.Exit(m.Run())
}

// lab is a real API server, which all runs of a test share.
type lab struct {
	config *rest.Config
	api    client.Client
}

func startLab(t *testing.T) *lab {
	t.Helper()
	log.SetLogger(logr.Discard()) // envtest's
	env := &envtest.Environment{
		BinaryAssetsDirectory: os.Getenv("KUBEBUILDER_ASSETS"),
		CRDDirectoryPaths:     []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true,
	}
	config, err := env.Start()
	if err != nil {
		t.Fatalf("starting the control plane, which KUBEBUILDER_ASSETS names: %v", err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("stopping the control plane: %v", err)
		}
	})
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	api, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{config, api}
}

// stage is one run: a namespace with a StytchProject and a Lease, a pretended Stytch, and two managers.
//
//	first ──▶ proxy ──▶ API server ◀── second
//	   └──────▶ Stytch ◀─────────────────┘
//
// The calls of the first manager are counted once the scenario has begun. At one of them it is stopped: the call has taken effect,
// and its response waits in the socket.
type stage struct {
	*lab
	t         *testing.T
	namespace string
	sim       *stytchsim.Sim
	org       string
	first     *manager
	second    *manager

	// undone says that the first manager was stopped before it had done in Stytch what the scenario asks for, and that people have
	// then changed their minds.
	undone bool
	next   string // the next token of a rotation

	mu     sync.Mutex
	armed  bool
	calls  []string // of the first manager, since the scenario began
	stopAt int      // the number of the call at which it is stopped; 0 for none
	frozen chan struct{}
}

// manager is a process of the manager.
type manager struct {
	*exec.Cmd
	output *lockedBuffer
	ended  chan struct{}
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// newStage begins a run in which the first manager is stopped at a call, or at none.
func (l *lab) newStage(t *testing.T, stopAt int) *stage {
	t.Helper()
	s := &stage{lab: l, t: t, sim: stytchsim.New(stytchsim.Options{}), stopAt: stopAt, frozen: make(chan struct{})}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "leaders-"}}
	s.create(namespace)
	s.namespace = namespace.Name
	organization, err := s.sim.AddOrganization(stytchsim.Organization{Slug: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	s.org = organization.ID
	stytch := httptest.NewServer(http.HandlerFunc(s.serveStytch))
	t.Cleanup(stytch.Close)
	proxy := httptest.NewServer(s.proxy())
	t.Cleanup(proxy.Close)
	s.create(&corev1.Secret{ObjectMeta: s.meta("stytch"), StringData: map[string]string{"secret": stytchsim.DefaultSecret}})
	project := &v1alpha1.StytchProject{ObjectMeta: s.meta("default"), Spec: v1alpha1.StytchProjectSpec{
		ProjectID: stytchsim.DefaultProjectID, BaseURL: stytch.URL, SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
		RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 1000},
	}}
	s.create(project)
	s.first = s.startManager(proxy.URL)
	s.eventually("the first manager checks the project", func() bool {
		s.reload(project)
		return len(project.Status.Conditions) > 0 && project.Status.Conditions[0].Status == metav1.ConditionTrue
	})
	leader := s.leader()
	direct := httptest.NewServer(s.forwarder())
	t.Cleanup(direct.Close)
	s.second = s.startManager(direct.URL)
	if s.leader() != leader {
		t.Fatal("the first manager is not the leader")
	}
	return s
}

func (s *stage) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *stage) create(o client.Object) {
	s.t.Helper()
	if err := s.api.Create(context.WithoutCancel(s.t.Context()), o); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) reload(o client.Object) {
	s.t.Helper()
	if err := s.api.Get(s.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		s.t.Fatal(err)
	}
}

// gone says that an object does not exist any more.
func (s *stage) gone(o client.Object) bool {
	return client.IgnoreNotFound(s.api.Get(s.t.Context(), client.ObjectKeyFromObject(o), o)) == nil && o.GetUID() == ""
}

// leader is the holder of the lease.
func (s *stage) leader() string {
	s.t.Helper()
	lease := &coordinationv1.Lease{ObjectMeta: s.meta(leaseName)}
	s.reload(lease)
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// eventually waits for a condition.
func (s *stage) eventually(what string, holds func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s\ncalls: %s\nfirst:\n%s\nsecond:\n%s", what, strings.Join(s.calls, "\n"), s.first.output, s.second.said())
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-s.t.Context().Done():
			s.t.Fatal("interrupted")
		}
	}
}

func (m *manager) said() string {
	if m == nil {
		return ""
	}
	return m.output.String()
}

// startManager starts a manager that reaches the API server at a URL. It is stopped when the test ends.
func (s *stage) startManager(server string) *manager {
	s.t.Helper()
	kubeconfig := filepath.Join(s.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
		"clusters": [{"name": "lab", "cluster": {"server": %q}}], "contexts": [{"name": "lab", "context": {"cluster": "lab"}}]}`, server)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	m := &manager{output: &lockedBuffer{}, ended: make(chan struct{})}
	m.Cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), os.Args[0],
		"--namespaces="+s.namespace, "--leader-election-namespace="+s.namespace, "--allow-insecure-loopback",
		"--metrics-bind-address=0", "--health-probe-bind-address=0")
	m.Env = append(os.Environ(), asManager+"=1", "KUBECONFIG="+kubeconfig)
	m.Stdout, m.Stderr = m.output, m.output
	if err := m.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = m.Wait() // its ProcessState says how
		close(m.ended)
	}()
	s.t.Cleanup(func() {
		_ = m.Process.Kill() // it may be stopped
		<-m.ended
	})
	return m
}

// serveStytch is the pretended Stytch, whose calls are points at which the first manager may be stopped.
func (s *stage) serveStytch(w http.ResponseWriter, r *http.Request) {
	answer := httptest.NewRecorder()
	s.sim.ServeHTTP(answer, r)
	calls := s.sim.Calls()
	s.point("Stytch " + calls[len(calls)-1].Operation)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

// forwarder forwards to the API server, as an administrator.
func (s *stage) forwarder() *httputil.ReverseProxy {
	s.t.Helper()
	target, err := url.Parse(s.config.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	transport, err := rest.TransportFor(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // watches
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// proxy is between the first manager and the API server. Its calls about what belongs to the connection are points too: reads of
// one object, and writes.
func (s *stage) proxy() http.Handler {
	s.t.Helper()
	proxy := s.forwarder()
	proxy.ModifyResponse = func(r *http.Response) error {
		path := r.Request.URL.Path
		query := r.Request.URL.Query()
		aside := strings.Contains(path, "/leases") || strings.Contains(path, "/events") || query.Has("watch") || query.Has("limit")
		if !aside && strings.Contains(path, "/namespaces/"+s.namespace+"/") {
			_, what, _ := strings.Cut(path, "/namespaces/"+s.namespace+"/")
			s.point("Kubernetes " + r.Request.Method + " " + what)
		}
		return nil
	}
	return proxy
}

// point is a call that has taken effect and whose response is about to be sent. It may be the one at which the first manager is
// stopped.
func (s *stage) point(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed {
		return
	}
	s.calls = append(s.calls, call)
	if len(s.calls) != s.stopAt {
		return
	}
	s.armed = false
	if err := s.first.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Errorf("stopping the first manager: %v", err)
	}
	close(s.frozen)
}

// begin makes the calls that follow points.
func (s *stage) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = true
}

// counted are the points of a run that nothing disturbed.
func (s *stage) counted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	return s.calls
}

// scenario is something that a manager does, and what holds whenever it was stopped in the middle of it.
type scenario struct {
	name string
	// prepare makes what is there before.
	prepare func(*stage)
	// do asks for it, and done says that it is done.
	do   func(*stage)
	done func(*stage) bool
	// meanwhile is what people do while the first manager is stopped, and settled says that the second one has followed.
	meanwhile func(*stage)
	// undone says that nothing has come of it in Stytch yet. It is asked again before the first manager wakes: a call that it sent
	// right before it was stopped takes effect a moment later.
	undone  func(*stage) bool
	settled func(*stage) bool
	// holds fails the test where something does not hold in the end.
	holds func(*stage)
}

func scenarios() []scenario {
	return []scenario{creation(), tokenCreation(), rotation(), deletion()}
}

func creation() scenario {
	manifest := func(s *stage) *v1alpha1.SAMLConnection {
		return &v1alpha1.SAMLConnection{ObjectMeta: s.meta("okta"), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: s.org, DisplayName: "Okta"},
		}}
	}
	synced := func(s *stage) bool {
		o := manifest(s)
		s.reload(o)
		return inSync(o)
	}
	return scenario{
		name:    "creation",
		do:      func(s *stage) { s.create(manifest(s)) },
		done:    synced,
		settled: synced,
		holds: func(s *stage) {
			o := manifest(s)
			s.reload(o)
			connections := s.sim.Connections(s.org)
			for i := range connections {
				connections[i].Fields = nil // too long to be shown
			}
			if len(connections) != 1 || connections[0].ID != o.Status.ConnectionID || connections[0].DisplayName != "Okta" {
				s.t.Errorf("the manifest has %s, and Stytch has %+v", o.Status.ConnectionID, connections)
			}
		},
	}
}

// directory is the manifest of the scenarios that have a token.
func directory(s *stage) *v1alpha1.SCIMConnection {
	return &v1alpha1.SCIMConnection{ObjectMeta: s.meta("directory"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: s.org, DisplayName: "Directory"},
		BearerToken:    v1alpha1.SCIMBearerToken{SecretName: "token"},
	}}
}

// read reads a manifest again, and says whether it is in sync.
func (s *stage) read(o v1alpha1.Connection) bool {
	s.reload(o)
	return inSync(o)
}

// secretToken is what the Secret has under a key.
func (s *stage) secretToken(key string) string {
	secret := &corev1.Secret{ObjectMeta: s.meta("token")}
	s.reload(secret)
	return string(secret.Data[key])
}

func tokenCreation() scenario {
	return scenario{
		name:    "creation with a token",
		do:      func(s *stage) { s.create(directory(s)) },
		done:    func(s *stage) bool { return s.read(directory(s)) },
		settled: func(s *stage) bool { return s.read(directory(s)) },
		holds: func(s *stage) {
			o := directory(s)
			s.reload(o)
			if n := len(s.sim.Connections(s.org)); n != 1 {
				s.t.Errorf("%d connections", n)
			}
			if got := s.sim.VerifyToken(o.Status.ConnectionID, s.secretToken(v1alpha1.SecretKeyToken)); got.Which != "current" {
				s.t.Errorf("Stytch says of the token in the Secret: %+v", got)
			}
		},
	}
}

// rotation is the end of a rotation, by an acknowledgement that is taken back if nothing has come of it yet.
func rotation() scenario {
	over := func(s *stage) bool {
		o := directory(s)
		return s.read(o) && o.Status.BearerToken.Phase == v1alpha1.TokenIdle && s.secretToken(v1alpha1.SecretKeyToken) == s.next
	}
	return scenario{
		name: "end of a rotation",
		prepare: func(s *stage) {
			o := directory(s)
			s.create(o)
			s.eventually("there is a connection", func() bool { return s.read(o) })
			s.annotate(o, v1alpha1.AnnotationRotateToken, o.Status.BearerToken.LastFour)
			s.eventually("there is a next token", func() bool { return s.read(o) && o.Status.BearerToken.NextLastFour != "" })
			s.next = s.secretToken(v1alpha1.SecretKeyNextToken)
		},
		do: func(s *stage) {
			s.annotate(directory(s), v1alpha1.AnnotationAcknowledgeToken, s.next[len(s.next)-4:])
		},
		done: over,
		undone: func(s *stage) bool {
			o := directory(s)
			s.reload(o)
			return s.sim.VerifyToken(o.Status.ConnectionID, s.next).Which == "next"
		},
		meanwhile: func(s *stage) {
			if s.undone {
				s.annotate(directory(s), v1alpha1.AnnotationAcknowledgeToken, "")
			}
		},
		settled: func(s *stage) bool {
			o := directory(s)
			if !s.undone {
				return over(s)
			}
			return s.read(o) && slices.Contains(o.Status.Inputs, connection.AnnotationsOf(o)[0])
		},
		holds: func(s *stage) {
			o := directory(s)
			s.reload(o)
			want := "current"
			if s.undone {
				want = "next"
			}
			if got := s.sim.VerifyToken(o.Status.ConnectionID, s.next); got.Which != want {
				s.t.Errorf("Stytch says of the next token %+v, want %s", got, want)
			}
		},
	}
}

// annotate sets an annotation, or takes it away.
func (s *stage) annotate(o client.Object, key, value string) {
	s.t.Helper()
	s.reload(o)
	before := o.DeepCopyObject().(client.Object)
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	if value == "" {
		delete(annotations, key)
	}
	o.SetAnnotations(annotations)
	if err := s.api.Patch(s.t.Context(), o, client.MergeFrom(before)); err != nil {
		s.t.Fatal(err)
	}
}

// deletion is one whose policy is set to Retain if nothing has come of it yet.
func deletion() scenario {
	manifest := func(s *stage) *v1alpha1.SAMLConnection {
		return &v1alpha1.SAMLConnection{ObjectMeta: s.meta("okta"), Spec: v1alpha1.SAMLConnectionSpec{
			ConnectionSpec: v1alpha1.ConnectionSpec{Organization: s.org, DisplayName: "Okta", DeletionPolicy: v1alpha1.DeletionDelete},
		}}
	}
	gone := func(s *stage) bool { return s.gone(&v1alpha1.SAMLConnection{ObjectMeta: s.meta("okta")}) }
	return scenario{
		name: "deletion",
		prepare: func(s *stage) {
			o := manifest(s)
			s.create(o)
			s.eventually("there is a connection", func() bool { return s.read(o) })
		},
		do: func(s *stage) {
			if err := s.api.Delete(s.t.Context(), manifest(s)); err != nil {
				s.t.Fatal(err)
			}
		},
		done:   gone,
		undone: func(s *stage) bool { return len(s.sim.Connections(s.org)) == 1 },
		meanwhile: func(s *stage) {
			if !s.undone {
				return
			}
			o := manifest(s)
			s.reload(o)
			before := o.DeepCopy()
			o.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			if err := s.api.Patch(s.t.Context(), o, client.MergeFrom(before)); err != nil {
				s.t.Fatal(err)
			}
		},
		settled: gone,
		holds: func(s *stage) {
			if there := len(s.sim.Connections(s.org)) == 1; there != s.undone {
				s.t.Errorf("the connection is there: %t, want %t", there, s.undone)
			}
		},
	}
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

func TestALeaderThatWasStoppedChangesNothingBesideTheNext(t *testing.T) {
	l := startLab(t)
	for _, c := range scenarios() {
		t.Run(c.name, func(t *testing.T) {
			points := l.undisturbed(t, c)
			for i, call := range points {
				t.Run(fmt.Sprintf("%d %s", i+1, call), func(t *testing.T) {
					t.Parallel()
					l.disturbed(t, c, i+1)
				})
			}
		})
	}
}

// undisturbed returns the points of a scenario.
func (l *lab) undisturbed(t *testing.T, c scenario) []string {
	t.Helper()
	s := l.newStage(t, 0)
	s.play(c)
	s.eventually("the scenario is done", func() bool { return c.done(s) })
	points := s.counted()
	if len(points) == 0 {
		t.Fatal("the scenario has no calls")
	}
	c.holds(s)
	return points
}

func (s *stage) play(c scenario) {
	s.t.Helper()
	if c.prepare != nil {
		c.prepare(s)
	}
	s.begin()
	c.do(s)
}

// disturbed stops the first manager at a point, has the second one take over, and lets the first one go on.
func (l *lab) disturbed(t *testing.T, c scenario, point int) {
	t.Helper()
	s := l.newStage(t, point)
	leader := s.leader()
	s.play(c)
	select {
	case <-s.frozen:
	case <-time.After(60 * time.Second):
		t.Fatal("nothing was stopped: the run has fewer calls than the undisturbed one")
	}
	if c.undone != nil {
		s.undone = c.undone(s)
		c.meanwhile(s)
	}
	s.eventually("the second manager leads", func() bool { return s.leader() != leader })
	s.eventually("the second manager is done", func() bool { return c.settled(s) })
	if c.undone != nil {
		s.undone = c.undone(s)
	}
	if err := s.first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.first.ended:
	case <-time.After(60 * time.Second):
		t.Fatalf("the first manager goes on:\n%s", s.first.output)
	}
	s.expectLost()
	s.eventually("the second manager is done again", func() bool { return c.settled(s) })
	c.holds(s)
	if t.Failed() {
		t.Logf("first:\n%s\nsecond:\n%s", s.first.output, s.second.output)
	}
}

// expectLost expects the first manager to have ended because it lost its lease, and to have said so once.
func (s *stage) expectLost() {
	s.t.Helper()
	if code := s.first.ProcessState.ExitCode(); code != 1 {
		s.t.Errorf("the first manager ended with %d", code)
	}
	said := strings.Count(s.first.output.String(), "Another process holds the lease. This process ends") +
		strings.Count(s.first.output.String(), "manager: running the manager: leader election lost")
	if said != 1 {
		s.t.Errorf("the first manager said %d times that it lost its lease", said)
	}
}
