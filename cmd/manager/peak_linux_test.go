package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// maxGrowth is how much more memory a manager may take than one with nothing to do, with what TestForeignSecretsTakeNoMemory gives it.
const maxGrowth = 1.8

// A manager holds neither the values of Secrets and ConfigMaps that no manifest names nor anything else of their size: kubectl applies
// them with an annotation that has the values too. Those here have 130 MiB, more than an empty manager takes. One that starts when they are
// there lists them. The peak of a process is read from /proc, which only Linux has.
func TestForeignSecretsTakeNoMemory(t *testing.T) {
	l := startLab(t)
	empty := l.newStage(t).first.peak(t)
	s := l.newStage(t)
	value := map[string][]byte{"value": bytes.Repeat([]byte("x"), 200<<10)}
	text := map[string]string{"value": strings.Repeat("x", 200<<10)}
	for i := range 150 {
		foreign := s.meta(fmt.Sprintf("foreign-%d", i))
		foreign.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: strings.Repeat("x", 250<<10)}
		s.create(&corev1.Secret{ObjectMeta: foreign, Data: value})
		s.create(&corev1.ConfigMap{ObjectMeta: foreign, Data: text})
	}
	const connections = 100
	for i := range connections {
		o := okta(s, v1alpha1.DeletionRetain)
		o.Name = fmt.Sprintf("okta-%d", i)
		s.create(o)
	}
	s.eventually("every connection is applied", func() bool { return s.applied() == connections })
	probes := freeAddress(t)
	s.startSecond("--health-probe-bind-address=" + probes)
	s.eventually("one that starts next to it has filled its caches", func() bool { return answers(t, probes, "/readyz") == http.StatusOK })
	for which, peak := range map[string]float64{"saw them come": s.first.peak(t), "listed them": s.second.peak(t)} {
		t.Logf("an empty manager took %.1f MiB, one with %d connections and 300 foreign objects that %s %.1f MiB", empty, connections, which, peak)
		if peak > maxGrowth*empty {
			t.Errorf("it took %.1f MiB, which is more than %.1f times the %.1f MiB of an empty one", peak, maxGrowth, empty)
		}
	}
}

// applied is how many manifests are applied.
func (s *stage) applied() (n int) {
	s.t.Helper()
	var list v1alpha1.SAMLConnectionList
	if err := s.api.List(s.t.Context(), &list); err != nil {
		s.t.Fatal(err)
	}
	for _, o := range list.Items {
		if o.Namespace == s.namespace && meta.IsStatusConditionPresentAndEqual(o.Status.Conditions, v1alpha1.ConditionSynced, metav1.ConditionTrue) {
			n++
		}
	}
	return n
}

// peak is the most memory that the process has held so far, in MiB.
func (m *manager) peak(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.Process.Pid))
	_, value, found := strings.Cut(string(status), "VmHWM:")
	var kibibytes float64
	if _, scanned := fmt.Sscan(value, &kibibytes); err != nil || !found || scanned != nil {
		t.Fatalf("the peak of the manager: %v, %v in %s", err, scanned, status)
	}
	return kibibytes / 1024
}
