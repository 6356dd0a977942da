package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// fetchesAtOnce is how many calls that make Stytch fetch a document are in flight at once.
const fetchesAtOnce = 2

// tenant adds a namespace with a StytchProject of the same project in Stytch, and an organization of its own.
func (s *stage) tenant() (namespace, organization string) {
	s.t.Helper()
	created := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "tenant-"}}
	s.create(created)
	added, err := s.sim.AddOrganization(stytchsim.Organization{Slug: created.Name})
	if err != nil {
		s.t.Fatal(err)
	}
	secret, project := &corev1.Secret{ObjectMeta: s.meta("stytch")}, &v1alpha1.StytchProject{ObjectMeta: s.meta("default")}
	s.reload(secret)
	s.reload(project)
	secret.ObjectMeta, project.ObjectMeta = s.meta("stytch"), s.meta("default")
	secret.Namespace, project.Namespace = created.Name, created.Name
	s.create(secret)
	s.create(project)
	return created.Name, added.ID
}

// isFetch says that a call makes Stytch fetch a document.
func isFetch(c stytchsim.Call) bool { return c.Operation == "UpdateSAMLConnectionByURL" }

// fetches counts the calls in flight that make Stytch fetch a document.
func (s *stage) fetches() (n int) {
	for _, c := range s.sim.Calls() {
		if isFetch(c) && c.Outcome == stytchsim.Open {
			n++
		}
	}
	return n
}

// renamed counts the connections of an organization whose settings were sent, except those of a document.
func (s *stage) renamed(organization string) int {
	done := map[string]bool{}
	for _, c := range s.sim.Calls() {
		if c.Operation == "UpdateSAMLConnection" && c.Status == http.StatusOK && strings.Contains(c.Path, "/"+organization+"/") {
			done[c.Path] = true
		}
	}
	return len(done)
}

// stalls has forty manifests of one namespace name a document whose server does not answer.
func (l *lab) stalls(t *testing.T) {
	t.Parallel()
	s := l.emptyStage(t)
	namespace, organization := s.tenant()
	s.first = s.startManager(s.apiServer(nothing), "--namespaces="+s.namespace+","+namespace)
	o := okta(s, v1alpha1.DeletionRetain)
	o.Namespace, o.Spec.Organization = namespace, organization
	s.create(o)
	s.eventually("the connection of the other namespace is applied", func() bool { return s.read(o) })

	if _, err := s.sim.AddFault(stytchsim.Fault{Operation: "UpdateSAMLConnectionByURL", Effect: stytchsim.FaultCommitAfterGivingUp}); err != nil {
		t.Fatal(err)
	}
	const stalled = 40
	for i := range stalled {
		o := okta(s, v1alpha1.DeletionRetain)
		o.Name, o.Spec.DisplayName, o.Spec.MetadataURL = fmt.Sprintf("stalled-%d", i), fmt.Sprintf("Stalled %d", i), "https://stalls.example.com/metadata"
		s.create(o)
	}
	s.eventually("all are created, and wait for nothing but their documents", func() bool {
		return s.renamed(s.org) == stalled && s.fetches() >= fetchesAtOnce
	})

	var mu sync.Mutex
	inFlight := -1 // when the edit arrives
	s.sim.SetIntercept(func(at stytchsim.Stage, op stytchsim.Operation) bool {
		if at == stytchsim.BeforeEffect && strings.HasSuffix(op.Path, o.Status.ConnectionID) {
			mu.Lock()
			defer mu.Unlock()
			inFlight = s.fetches()
		}
		return false
	})
	before := o.DeepCopy()
	o.Spec.DisplayName = "Edited"
	from, seq := time.Now(), s.sim.Calls()[len(s.sim.Calls())-1].Seq
	if err := s.api.Patch(t.Context(), o, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	s.eventually("the edit is applied", func() bool { return s.read(o) })
	t.Logf("an edit next to %d documents that stall was applied after %.1f s", stalled, time.Since(from).Seconds())
	calls := s.sim.CallsSince(seq)
	edit := slices.IndexFunc(calls, func(c stytchsim.Call) bool { return strings.HasSuffix(c.Path, o.Status.ConnectionID) })
	mu.Lock()
	defer mu.Unlock()
	if inFlight < 0 || inFlight > fetchesAtOnce {
		t.Errorf("%d documents are being fetched when the edit arrives", inFlight)
	}
	if few := 5; edit > few {
		t.Errorf("%d calls come before the edit: %+v", edit, calls)
	}
}
