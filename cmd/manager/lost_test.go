package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
)

// lost takes the lease from a process whose creation is on the wire.
func (l *lab) lost(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	s := l.newStage(t, "--metrics-bind-address="+address)
	arrived, release := s.holdBack("Stytch CreateSCIMConnection")
	s.begin()
	s.create(directory(s))
	select {
	case <-arrived:
	case <-time.After(patience):
		t.Fatalf("no creation: %v\n%s", s.made(), s.said())
	}
	created := len(s.made())
	if got := metric(t, address, "stytch_fence_lost_total"); got != "0" {
		t.Errorf("stytch_fence_lost_total is %s while the process leads", got)
	}

	s.takeLease("somebody-else")
	s.eventually("the process knows", func() bool { return metric(t, address, "stytch_fence_lost_total") == "1" })
	other := okta(s, v1alpha1.DeletionRetain)
	s.create(other)
	s.annotate(directory(s), v1alpha1.AnnotationRetryDiscovery, "wakes it")
	select {
	case <-s.first.ended:
		t.Fatalf("the process ended with a creation on the wire:\n%s", s.said())
	case <-time.After(heldBack):
	}
	close(release)
	s.expectLost()

	// What follows the creation is only that its token and its ID are kept.
	var kept []string
	for _, c := range s.made()[created:] {
		if c.changes {
			kept = append(kept, c.what)
		}
	}
	if want := []string{"Kubernetes PATCH secrets/token", "Kubernetes PATCH scimconnections/directory"}; !slices.Equal(kept, want) {
		t.Errorf("after the creation: %v, want %v", kept, want)
	}
	o := directory(s)
	s.reload(o)
	recorded := connection.RecordOf(o).ID
	if got := s.sim.VerifyToken(recorded, s.secretToken(v1alpha1.SecretKeyToken)); got.Which != "current" {
		t.Errorf("Stytch says of the token in the Secret of %q: %+v", recorded, got)
	}
	s.reload(other)
	if len(other.Finalizers) > 0 || len(other.Status.Conditions) > 0 {
		t.Errorf("a process that lost its lease has begun with another manifest: %+v", other)
	}
	if left := "passesCutShort=0"; !strings.Contains(s.first.output.String(), left) {
		t.Errorf("the log lacks %s", left)
	}
}

// heldBack is for how long the response of the creation does not come after the lease is lost.
const heldBack = 3 * time.Second

// holdBack holds back the response of the first call of a kind until release is closed.
func (s *stage) holdBack(what string) (arrived <-chan struct{}, release chan struct{}) {
	there := make(chan struct{})
	release = make(chan struct{})
	s.at = func(c call, n int) <-chan struct{} {
		if c.what != what || n != 1 {
			return nil
		}
		close(there)
		return release
	}
	return there, release
}

// takeLease makes somebody else the holder of the lease, as another manager does that has seen it expire.
func (s *stage) takeLease(holder string) {
	s.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		lease := &coordinationv1.Lease{ObjectMeta: s.meta(leaseName)}
		s.reload(lease)
		now := metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.AcquireTime, lease.Spec.RenewTime = &holder, &now, &now
		return s.api.Update(context.WithoutCancel(s.t.Context()), lease)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// freeAddress is an address on which nobody listens. It is not that of outgoing connections, which take any port.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// metric is the value of a metric of a process; empty while that does not answer.
func metric(t *testing.T, address, name string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, is := strings.CutPrefix(lines.Text(), name+" "); is {
			return value
		}
	}
	return ""
}
