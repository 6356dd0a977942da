package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// metav1Entry is short for a test that looks for a field manager.
type metav1Entry = metav1.ManagedFieldsEntry

// conditionsOf are conditions such as "Ready=False:Pending".
func conditionsOf(generation int64, texts ...string) []metav1.Condition {
	var all []metav1.Condition
	for _, text := range texts {
		name, rest, _ := strings.Cut(text, "=")
		status, reason, _ := strings.Cut(rest, ":")
		all = append(all, metav1.Condition{
			Type: name, Status: metav1.ConditionStatus(status), Reason: reason, Message: name + " says " + reason, ObservedGeneration: generation,
			LastTransitionTime: metav1.NewTime(time.Unix(1, 0)),
		})
	}
	return all
}

// Each thing that needs a person, and what does not.
func TestWhatNeedsAPerson(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	in := func(days int) *metav1.Time { return new(metav1.NewTime(now.AddDate(0, 0, days))) }
	for name, c := range map[string]struct {
		conditions []string
		expires    *metav1.Time
		deleting   bool
		want       []string
	}{
		"in sync and active":            {conditions: []string{"Ready=True:Active", "Synced=True:InSync"}},
		"pending":                       {conditions: []string{"Ready=False:Pending", "Synced=True:InSync"}, want: []string{"Pending"}},
		"not ready and stalled for it":  {conditions: []string{"Ready=False:Conflict", "Synced=False:Conflict", "Stalled=True:Conflict"}, want: []string{"Conflict"}},
		"ready, but stalled":            {conditions: []string{"Ready=True:Active", "Synced=False:Rejected", "Stalled=True:Rejected"}, want: []string{"Rejected"}},
		"pending, and stalled":          {conditions: []string{"Ready=False:Pending", "Synced=False:Invalid", "Stalled=True:Invalid"}, want: []string{"Pending", "Invalid"}},
		"ready, and goes on":            {conditions: []string{"Ready=True:Active", "Synced=False:Throttled", "Reconciling=True:Throttled"}},
		"observed, with differences":    {conditions: []string{"Ready=True:Active", "Synced=False:PlanPending"}},
		"paused":                        {conditions: []string{"Ready=True:Active", "Synced=Unknown:Paused"}},
		"never processed":               {want: []string{"NotProcessed"}},
		"waits for an acknowledgement":  {conditions: []string{"Ready=True:Active", "Synced=True:InSync", "Rotating=True:AwaitingAcknowledgement"}, want: []string{"AwaitingAcknowledgement"}},
		"overlaps":                      {conditions: []string{"Ready=True:Active", "Synced=True:InSync", "Rotating=True:Overlapping"}},
		"rotation started elsewhere":    {conditions: []string{"Ready=True:Active", "Synced=True:InSync", "Rotating=True:StartedElsewhere"}, want: []string{"StartedElsewhere"}},
		"expires within 30 days":        {conditions: []string{"Ready=True:Active", "Synced=True:InSync"}, expires: in(29), want: []string{"Expiring"}},
		"expires later":                 {conditions: []string{"Ready=True:Active", "Synced=True:InSync"}, expires: in(31)},
		"expired":                       {conditions: []string{"Ready=True:Active", "Synced=True:InSync"}, expires: in(-1), want: []string{"Expired"}},
		"being deleted, blocked":        {conditions: []string{"Ready=True:Active", "Synced=False:DeletionBlocked", "Stalled=True:DeletionBlocked"}, deleting: true, want: []string{"DeletionBlocked"}},
		"being deleted, with an expiry": {conditions: []string{"Ready=False:Pending", "Synced=True:InSync"}, expires: in(1), deleting: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := &v1alpha1.SCIMConnection{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 3}}
			o.Status.Conditions = conditionsOf(3, c.conditions...)
			o.Status.ObservedGeneration = 3
			o.Status.BearerToken = &v1alpha1.SCIMBearerTokenStatus{LastFour: "wxyz", ExpiresAt: c.expires}
			if c.deleting {
				o.DeletionTimestamp = in(0)
			}
			var reasons []string
			for _, n := range needsOf(o, kindOf(o).expiries(o), 30*24*time.Hour, now) {
				reasons = append(reasons, n.Reason)
				if n.Message == "" || (n.ExpiresAt != nil) != (n.Reason == "Expiring" || n.Reason == "Expired") {
					t.Errorf("it is %+v", n)
				}
			}
			if !slices.Equal(reasons, c.want) {
				t.Errorf("%v need a person, want %v", reasons, c.want)
			}
		})
	}
}

// A generation that the operator has not seen yet is not hidden by what it said of the one before.
func TestAnEditThatNobodyProcessedNeedsAPerson(t *testing.T) {
	o := &v1alpha1.SAMLConnection{ObjectMeta: metav1.ObjectMeta{Name: "acme", Generation: 4}}
	o.Status.Conditions, o.Status.ObservedGeneration = conditionsOf(3, "Ready=True:Active", "Synced=True:InSync"), 3
	if found := needsOf(o, nil, 0, time.Now()); len(found) != 1 || found[0].Reason != reasonNotProcessed {
		t.Errorf("it is %+v", found)
	}
}

// edit changes an object that the operator may be writing too.
func (s *stage) edit(o client.Object, change func()) {
	s.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s.reload(o)
		change()
		return api.Update(s.t.Context(), o)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// pretend writes a status as the operator would have.
func (s *stage) pretend(o v1alpha1.Connection, texts ...string) {
	s.t.Helper()
	status := o.CommonStatus()
	status.Conditions, status.ObservedGeneration = conditionsOf(o.GetGeneration(), texts...), o.GetGeneration()
	if err := api.Status().Update(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}

func TestStatusListsWhatNeedsAPersonAndSaysSoByItsExitCode(t *testing.T) {
	s := newStage(t)
	if answer := s.run("status"); answer.code != exitDone || answer.out != "" || answer.err != fmt.Sprintf("Nothing needs a person (0 checked in namespace %q).\n", s.namespace) {
		t.Errorf("of nothing: %+v", answer)
	}
	good, bad := samlOf(s, "good", ""), samlOf(s, "bad", "")
	for _, o := range []*v1alpha1.SAMLConnection{good, bad} {
		s.create(o)
	}
	s.pretend(good, "Ready=True:Active", "Synced=True:InSync")
	bad.Status.State, bad.Status.ConnectionID = "pending", "saml-connection-test-1"
	s.pretend(bad, "Ready=False:Pending", "Synced=True:InSync")
	bad.Status.Conditions[0].Message = "Set it.\x1b[2J"
	if err := api.Status().Update(t.Context(), bad); err != nil {
		t.Fatal(err)
	}

	answer := s.run("status")
	if want := "NAME                 REASON    MESSAGE\nsamlconnection/bad   Pending   Set it.^[[2J\n"; answer.code != exitFound || answer.out != want || answer.err != "" {
		t.Errorf("%+v, want\n%s", answer, want)
	}
	wide := s.run("status", "-o", "wide").out
	if lines := strings.Split(wide, "\n"); !slices.Equal(strings.Fields(lines[1])[:5], []string{"samlconnection/bad", "Pending", "pending", "acme", "saml-connection-test-1"}) {
		t.Errorf("wide is\n%s", wide)
	}
	everywhere := s.run("status", "-A").out
	if !strings.HasPrefix(everywhere, "NAMESPACE ") || !strings.Contains(everywhere, "\n"+s.namespace+" ") {
		t.Errorf("in all namespaces it is\n%s", everywhere)
	}
	var list struct{ Items []need }
	if err := json.Unmarshal([]byte(s.run("status", "-o", "json").out), &list); err != nil || len(list.Items) != 1 || list.Items[0].Kind != "SAMLConnection" {
		t.Errorf("as JSON it is %+v, %v", list, err)
	}
	if answer := s.run("status", "good", "-o", "yaml"); answer.code != exitDone || answer.out != "items: []\n" {
		t.Errorf("of one that needs nobody: %+v", answer)
	}
	s.refuses("--output is", "status", "-o", "table")
	s.refuses("--within is", "status", "--within=-1")
	s.refuses("cannot be combined", "status", "good", "-A")
	s.refuses("there is no connection", "status", "nobody")
}

// A project whose credentials are refused needs a person, too.
func TestStatusListsProjects(t *testing.T) {
	s := newStage(t)
	s.create(&v1alpha1.StytchProject{ObjectMeta: s.meta("default"), Spec: v1alpha1.StytchProjectSpec{ProjectSpec: v1alpha1.ProjectSpec{
		ProjectID: "project-test-00000000-0000-4000-8000-000000000000", SecretRef: v1alpha1.SecretKeyRef{Name: "stytch", Key: "secret"},
	}}})
	if answer := s.run("status"); answer.code != exitFound || !strings.Contains(answer.out, "stytchproject/default   NotProcessed") {
		t.Errorf("%+v", answer)
	}
}

func TestStatusWatchListsAgainWhenSomethingChanges(t *testing.T) {
	s := newStage(t)
	o := samlOf(s, "acme", "")
	s.create(o)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out := &lockedBuffer{}
	ended := make(chan int)
	go func() {
		ended <- runWith(ctx, out, "status", "--watch", "--kubeconfig="+s.kubeconfig, "-n", s.namespace)
	}()
	s.eventually("the first list is there", func() bool { return strings.Contains(out.String(), "NotProcessed") })
	s.pretend(o, "Ready=False:Pending", "Synced=True:InSync")
	s.eventually("the change is there", func() bool { return strings.Contains(out.String(), "Pending") })
	s.pretend(o, "Ready=True:Active", "Synced=True:InSync")
	s.eventually("the end of the need is there", func() bool { return strings.Contains(out.String(), "Nothing needs a person") })
	interrupt()
	if code := <-ended; code != exitInterrupted {
		t.Errorf("it ended with %d", code)
	}
}

// Whoever may not read a namespace is told so.
func TestStatusWithoutRightsSaysSo(t *testing.T) {
	s := newStage(t)
	s.as("nobody").refuses("is forbidden", "status")
}
