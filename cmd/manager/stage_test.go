package main

import (
	"bytes"
	"context"
	"flag"
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
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
	"github.com/stytch-operator/stytch-operator/test/controlplane"
)

// Variables of the environment: asManager makes this test binary a manager, the real one; testTimes says whether it has
// the real one's times too: "real", or a short settle time.
const (
	asManager = "STYTCH_OPERATOR_TEST_AS_MANAGER"
	testTimes = "STYTCH_OPERATOR_TEST_TIMES"
)

// timesOfTest are the real times, or these with a short settle time. The lease has its real times in any case: on a busy machine a
// leader would lose one with short times.
func timesOfTest() times {
	t := realTimes()
	t.probe = time.Second
	if os.Getenv(testTimes) != "real" {
		t.settle = 5 * time.Second
	}
	return t
}

// patience is how long a test waits for something that takes no time of its own.
const patience = 2 * time.Minute

// stagesAtOnce is how many stages are played at a time unless -parallel says otherwise. They spend their time on waiting.
const stagesAtOnce = "16"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		os.Exit(exitCode(run(os.Args[1:], os.Stderr, timesOfTest()), os.Stderr))
	}
	if err := flag.Set("test.parallel", stagesAtOnce); err != nil {
		panic(err)
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
	_, config := controlplane.For(t, controlplane.CRDs("../../config/crd/bases"))
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		t.Fatal(err)
	}
	api, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{config, api}
}

// stage is one run: a namespace with a StytchProject and a Lease, a pretended Stytch, and a manager or two.
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

	inFlight atomic.Int32 // calls of the first manager

	mu    sync.Mutex
	armed bool
	calls []call                                      // of the first manager, since the scenario began
	at    func(c call, n int) (until <-chan struct{}) // holds back the response of the n-th call of its kind; nil for none
}

// call is a call of the first manager that has taken effect and whose response was not sent yet.
type call struct {
	what    string
	changes bool // or only reads
}

func (c call) String() string { return c.what }

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

// newStage begins a run with the first manager, which leads. Flags are further flags of it.
func (l *lab) newStage(t *testing.T, flags ...string) *stage {
	t.Helper()
	s := l.emptyStage(t)
	proxy := httptest.NewServer(s.proxy())
	t.Cleanup(proxy.Close)
	s.first = s.startManager(proxy.URL, flags...)
	project := &v1alpha1.StytchProject{ObjectMeta: s.meta("default")}
	s.eventually("the first manager checks the project", func() bool {
		s.reload(project)
		return len(project.Status.Conditions) > 0 && project.Status.Conditions[0].Status == metav1.ConditionTrue && s.quiet()
	})
	return s
}

// emptyStage has no manager yet.
func (l *lab) emptyStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{lab: l, t: t, sim: stytchsim.New(stytchsim.Options{})}
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
	s.create(&corev1.Secret{ObjectMeta: s.meta("stytch"), StringData: map[string]string{"secret": stytchsim.DefaultSecret}})
	project := &v1alpha1.StytchProject{ObjectMeta: s.meta("default"), Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
		ProjectID: stytchsim.DefaultProjectID, BaseURL: stytch.URL, SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
		RateLimit: &v1alpha1.RateLimit{RequestsPerSecond: 1000, Burst: 1000},
	}}}
	s.create(project)
	return s
}

// startSecond starts the second manager, which waits for the lease.
func (s *stage) startSecond(flags ...string) {
	s.t.Helper()
	direct := httptest.NewServer(s.forwarder())
	s.t.Cleanup(direct.Close)
	s.second = s.startManager(direct.URL, flags...)
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
	for deadline := time.Now().Add(s.patience()); !holds(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s\ncalls: %v\n%s", what, s.made(), s.said())
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-s.t.Context().Done():
			s.t.Fatal("interrupted")
		}
	}
}

// patience is how long anything may take: a lease has to expire, and a doubt or two have to be settled.
func (s *stage) patience() time.Duration {
	t := timesOfTest()
	return patience + t.lease + 3*t.settle
}

// said is what the managers have logged.
func (s *stage) said() string {
	text := "first:\n" + s.first.output.String()
	if s.second != nil {
		text += "\nsecond:\n" + s.second.output.String()
	}
	return text
}

// startManager starts a manager that reaches the API server at a URL. It is stopped when the test ends.
func (s *stage) startManager(server string, flags ...string) *manager {
	s.t.Helper()
	kubeconfig := filepath.Join(s.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
		"clusters": [{"name": "lab", "cluster": {"server": %q}}], "contexts": [{"name": "lab", "context": {"cluster": "lab"}}]}`, server)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	m := &manager{output: &lockedBuffer{}, ended: make(chan struct{})}
	m.Cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), os.Args[0], append([]string{
		"--namespaces=" + s.namespace, "--leader-election-namespace=" + s.namespace, "--allow-insecure-loopback",
		"--metrics-bind-address=0", "--health-probe-bind-address=0",
	}, flags...)...)
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
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	answer := httptest.NewRecorder()
	s.sim.ServeHTTP(answer, r)
	calls := s.sim.Calls()
	s.point(call{"Stytch " + calls[len(calls)-1].Operation, r.Method != http.MethodGet})
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
		if what := s.about(r.Request.URL); what != "" {
			s.point(call{"Kubernetes " + r.Request.Method + " " + what, r.Request.Method != http.MethodGet})
		}
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.about(r.URL) != "" {
			s.inFlight.Add(1)
			defer s.inFlight.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	})
}

// about is what a call to the API server is about; empty where it is no point.
func (s *stage) about(url *url.URL) string {
	_, what, is := strings.Cut(url.Path, "/namespaces/"+s.namespace+"/")
	query := url.Query()
	if !is || strings.Contains(what, "leases") || strings.Contains(what, "events") || query.Has("watch") || query.Has("limit") {
		return ""
	}
	return what
}

// point is a call that has taken effect and whose response is about to be sent.
func (s *stage) point(c call) {
	s.mu.Lock()
	if !s.armed {
		s.mu.Unlock()
		return
	}
	s.calls = append(s.calls, c)
	var until <-chan struct{}
	if s.at != nil {
		until = s.at(c, nth(s.calls))
	}
	s.mu.Unlock()
	if until != nil {
		<-until
	}
}

// nth is how many calls of its kind the last one is.
func nth(calls []call) int {
	n := 0
	for _, c := range calls {
		if c == calls[len(calls)-1] {
			n++
		}
	}
	return n
}

// begin makes the calls that follow points.
func (s *stage) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = true
}

// made are the calls of the first manager since the scenario began.
func (s *stage) made() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
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

// calm waits until the first manager has seen whatever has happened to a manifest: all of that has then woken it, and a scenario
// that begins now has the same calls each time.
func (s *stage) calm(o v1alpha1.Connection) {
	s.t.Helper()
	s.annotate(o, v1alpha1.AnnotationRetryDiscovery, "seen") // means nothing to these kinds
	s.eventually("the first manager is calm", func() bool { return s.read(o) && s.saw(o) && s.quiet() })
}

// quiet says that the first manager has the responses of all that it has done so far, so that each was counted as a point.
func (s *stage) quiet() bool { return s.inFlight.Load() == 0 }

// saw says that a pass has seen the annotations as they are.
func (s *stage) saw(o v1alpha1.Connection) bool {
	return slices.Contains(o.CommonStatus().Inputs, connection.AnnotationsOf(o)[0])
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

// inSync says that Synced is True for the spec as it is.
func inSync(o v1alpha1.Connection) bool {
	for _, c := range o.CommonStatus().Conditions {
		if c.Type == v1alpha1.ConditionSynced {
			return c.Status == metav1.ConditionTrue && c.ObservedGeneration == o.GetGeneration()
		}
	}
	return false
}
