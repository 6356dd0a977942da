package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

func TestTheManagerServesWhatItCan(t *testing.T) {
	l := startLab(t)
	t.Run("a namespace that does not exist is left out until it does, and keeps no other waiting when it goes", l.comesAndGoes)
	t.Run("a namespace without rights is left out until there are some", l.refused)
	t.Run("without any namespace it stays up, not ready, and ends when there is one", l.noneAtAll)
	t.Run("it ends when it is told to, also while its caches cannot be filled", l.endsUnfilled)
	t.Run("a process that stands by is ready, and begins no pass", l.standsBy)
	t.Run("documents that stall keep no edit of another namespace waiting", l.stalls)
}

// started starts a manager of a stage with flags, and returns it with the addresses of its metrics and probes.
func (s *stage) started(server string, flags ...string) (m *manager, metrics, probes string) {
	s.t.Helper()
	metrics, probes = freeAddress(s.t), freeAddress(s.t)
	m = s.startManager(server, append(flags, "--metrics-bind-address="+metrics, "--health-probe-bind-address="+probes)...)
	s.first = m
	return m, metrics, probes
}

// apiServer is a server through which a manager reaches the API server. It refuses what a test says.
func (s *stage) apiServer(refuses func(path string) bool) string {
	s.t.Helper()
	forwarder := s.forwarder()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses(r.URL.Path) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "no right"}`)
			return
		}
		forwarder.ServeHTTP(w, r)
	}))
	s.t.Cleanup(server.Close)
	return server.URL
}

func nothing(string) bool { return false }

// answers is what a process answers to a probe; zero for no answer.
func answers(t *testing.T, address, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// expectEnd expects a process to end cleanly; one that is not done when gracefulTime ends exits with an error.
func (s *stage) expectEnd(m *manager) {
	s.t.Helper()
	select {
	case <-m.ended:
	case <-time.After(patience):
		s.t.Fatalf("the process goes on:\n%s", m.output)
	}
	if code := m.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("the process ended with %d:\n%s", code, m.output)
	}
}

// terminate tells a process to end.
func (s *stage) terminate(m *manager) {
	s.t.Helper()
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
}

// expectRestart expects that a process ends because a namespace can be served now, and says so once.
func (s *stage) expectRestart(m *manager) {
	s.t.Helper()
	s.expectEnd(m)
	if n := strings.Count(m.output.String(), "A namespace can be served now."); n != 1 {
		s.t.Errorf("it is said %d times why the process ends:\n%s", n, m.output)
	}
}

// leftOut says that an event about the Lease names a namespace that is left out, and why.
func (s *stage) leftOut(name, why string) bool {
	var events corev1.EventList
	if err := s.api.List(s.t.Context(), &events, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events.Items {
		if e.Reason == "NamespaceLeftOut" && e.InvolvedObject.Kind == "Lease" && strings.Contains(e.Message, name) && strings.Contains(e.Message, why) {
			return true
		}
	}
	return false
}

func served(namespace string) string { return `stytch_namespace_served{namespace="` + namespace + `"}` }

func (l *lab) comesAndGoes(t *testing.T) {
	t.Parallel()
	s := l.emptyStage(t)
	other := s.namespace + "-other"
	server := s.apiServer(nothing)
	both := "--namespaces=" + s.namespace + "," + other
	m, metrics, probes := s.started(server, both)
	o := okta(s, v1alpha1.DeletionRetain)
	s.create(o)
	s.eventually("the namespace that exists is served", func() bool { return s.read(o) })
	if code := answers(t, probes, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz answers %d", code)
	}
	for name, want := range map[string]string{s.namespace: "1", other: "0"} {
		if got := metric(t, metrics, served(name)); got != want {
			t.Errorf("%s is %q, want %s", served(name), got, want)
		}
	}
	s.eventually("an event says so", func() bool { return s.leftOut(other, "not found") })

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: other}}
	s.create(namespace)
	s.expectRestart(m)
	m, metrics, _ = s.started(server, both)
	s.eventually("both are served", func() bool { return metric(t, metrics, served(other)) == "1" })
	late := okta(s, v1alpha1.DeletionRetain)
	late.Namespace = other
	s.create(late)
	s.eventually("the other namespace is served", func() bool { s.reload(late); return len(late.Status.Conditions) > 0 })

	s.dissolve(namespace, late)
	s.reload(o)
	before := o.DeepCopy()
	o.Spec.DisplayName = "Edited"
	if err := s.api.Patch(t.Context(), o, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	s.eventually("an edit in the first namespace is applied", func() bool { return s.read(o) })
	s.terminate(m)
	s.expectEnd(m)
}

// dissolve deletes a namespace with what is in it, as the controller of namespaces would.
func (s *stage) dissolve(namespace *corev1.Namespace, in client.Object) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	if err := s.api.Delete(ctx, in); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("its manifest is gone", func() bool {
		in.SetUID("")
		return s.gone(in)
	})
	if err := s.api.Delete(ctx, namespace); err != nil {
		s.t.Fatal(err)
	}
	s.reload(namespace)
	namespace.Spec.Finalizers = nil
	if err := s.api.SubResource("finalize").Update(ctx, namespace); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("the namespace is gone", func() bool {
		namespace.UID = ""
		return s.gone(namespace)
	})
}

func (l *lab) refused(t *testing.T) {
	t.Parallel()
	s := l.emptyStage(t)
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-other"}}
	s.create(other)
	granted := make(chan struct{})
	server := s.apiServer(func(path string) bool {
		select {
		case <-granted:
			return false
		default:
			return strings.HasPrefix(path, "/api/v1/namespaces/"+other.Name+"/secrets")
		}
	})
	m, metrics, probes := s.started(server, "--namespaces="+s.namespace+","+other.Name)
	s.eventually("it is ready", func() bool { return answers(t, probes, "/readyz") == http.StatusOK })
	if got := metric(t, metrics, served(other.Name)); got != "0" {
		t.Errorf("a namespace whose Secrets may not be listed is served: %q", got)
	}
	s.eventually("an event says so", func() bool { return s.leftOut(other.Name, "no right") })
	close(granted)
	s.expectRestart(m)
}

func (l *lab) noneAtAll(t *testing.T) {
	t.Parallel()
	s := l.emptyStage(t)
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace + "-other"}}
	server := s.apiServer(nothing)
	m, metrics, probes := s.started(server, "--namespaces="+other.Name)
	s.eventually("it is up", func() bool {
		return answers(t, probes, "/healthz") == http.StatusOK && metric(t, metrics, served(other.Name)) == "0"
	})
	if code := answers(t, probes, "/readyz"); code != http.StatusInternalServerError {
		t.Errorf("/readyz answers %d", code)
	}
	if lease := (&coordinationv1.Lease{ObjectMeta: s.meta(leaseName)}); !s.gone(lease) {
		t.Error("a process that serves nothing takes the lease")
	}
	s.eventually("an event says so", func() bool { return s.leftOut(other.Name, "not found") })
	s.terminate(m)
	s.expectEnd(m)

	m, metrics, _ = s.started(server, "--namespaces="+other.Name)
	s.eventually("it is left out", func() bool { return metric(t, metrics, served(other.Name)) == "0" })
	s.create(other)
	s.expectRestart(m)
}

func (l *lab) endsUnfilled(t *testing.T) {
	t.Parallel()
	s := l.emptyStage(t)
	server := s.apiServer(func(path string) bool { return path == "/api/v1/secrets" })
	m, _, probes := s.started(server, "--namespaces=")
	s.eventually("it is up", func() bool { return answers(t, probes, "/healthz") == http.StatusOK })
	if code := answers(t, probes, "/readyz"); code != http.StatusInternalServerError {
		t.Errorf("/readyz answers %d", code)
	}
	s.terminate(m)
	s.expectEnd(m)
	if lease := (&coordinationv1.Lease{ObjectMeta: s.meta(leaseName)}); !s.gone(lease) {
		t.Error("a process takes the lease although its caches are not filled")
	}
}

func (l *lab) standsBy(t *testing.T) {
	t.Parallel()
	s := l.newStage(t)
	o := okta(s, v1alpha1.DeletionRetain)
	s.create(o)
	s.eventually("it is in sync", func() bool { return s.read(o) })
	leader := s.leader()
	metrics, probes := freeAddress(t), freeAddress(t)
	s.startSecond("--metrics-bind-address="+metrics, "--health-probe-bind-address="+probes)
	s.eventually("the one that stands by is ready", func() bool { return answers(t, probes, "/readyz") == http.StatusOK })
	const waiting = `workqueue_depth{controller="samlconnection",name="samlconnection",priority="-100"}`
	s.eventually("its queue is filled", func() bool { return metric(t, metrics, waiting) == "1" })
	for _, result := range []string{"success", "error", "requeue", "requeue_after"} {
		passes := `controller_runtime_reconcile_total{controller="samlconnection",result="` + result + `"}`
		if got := metric(t, metrics, passes); got != "" && got != "0" {
			t.Errorf("%s is %s in a process that stands by", passes, got)
		}
	}
	if got := s.leader(); got != leader {
		t.Fatalf("%s leads", got)
	}
	s.terminate(s.first)
	s.expectEnd(s.first)
	s.annotate(o, v1alpha1.AnnotationRetryDiscovery, "wakes it")
	s.eventually("the second manager goes on", func() bool { return s.read(o) && s.saw(o) && s.leader() != leader })
}
