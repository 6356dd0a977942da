package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/client-go/rest"
)

// reviewer pretends to be an API server that answers reviews, and counts them.
type reviewer struct {
	forbids string // the resource that nobody may create
	reviews atomic.Int32
}

func (v *reviewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.reviews.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if v.forbids != "" && strings.HasSuffix(r.URL.Path, v.forbids) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "%s is forbidden"}`, v.forbids)
		return
	}
	var review struct{ Spec struct{ Token, User string } }
	_ = json.NewDecoder(r.Body).Decode(&review)
	user, known := strings.CutPrefix(review.Spec.Token, "of-")
	_, _ = fmt.Fprintf(w, `{"status": {"authenticated": %t, "user": {"username": %q}, "allowed": %t}}`, known, user, review.Spec.User == "prometheus")
}

func (v *reviewer) serve(t *testing.T) *rest.Config {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
}

func TestWhoMayReadMetricsIsAskedOfTheAPIServerOnceAMinute(t *testing.T) {
	v := &reviewer{}
	now := time.Now()
	r, err := newReaders(v.serve(t), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	handler, err := r.filter(logr.Discard(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err != nil {
		t.Fatal(err)
	}
	asks := func(authorization string, status int, reviews int32) {
		t.Helper()
		before := v.reviews.Load()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		request.Header.Set("Authorization", authorization)
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		if asked := v.reviews.Load() - before; response.Code != status || asked != reviews {
			t.Errorf("%q is answered with %d after %d reviews, want %d after %d", authorization, response.Code, asked, status, reviews)
		}
	}
	asks("", http.StatusUnauthorized, 0)
	asks("Bearer ", http.StatusUnauthorized, 0)
	asks("Bearer unknown", http.StatusUnauthorized, 1)
	asks("Bearer of-somebody", http.StatusForbidden, 2)
	asks("Bearer of-prometheus", http.StatusOK, 2)
	asks("Bearer of-prometheus", http.StatusOK, 0)
	asks("Bearer of-somebody", http.StatusForbidden, 2)
	now = now.Add(readerTime)
	v.forbids = "subjectaccessreviews"
	asks("Bearer of-prometheus", http.StatusInternalServerError, 2)
}

func TestAManagerThatMayNotAskWhoReadsMetricsSaysWhichRightItLacks(t *testing.T) {
	for _, c := range []struct{ forbids, says string }{
		{"", ""}, {"tokenreviews", "tokenreviews is forbidden"}, {"subjectaccessreviews", "subjectaccessreviews is forbidden"},
	} {
		var said string
		log := funcr.New(func(_, args string) { said += args }, funcr.Options{})
		v := &reviewer{forbids: c.forbids}
		if err := checkReaders(t.Context(), v.serve(t), options{metricsSecure: true, metricsAddress: ":8443"}, log); err != nil {
			t.Fatal(err)
		}
		if c.says == "" && said != "" || !strings.Contains(said, c.says) || c.says != "" && !strings.Contains(said, "Apply config/metrics-secure") {
			t.Errorf("without the right to create %q: %s", c.forbids, said)
		}
	}
}
