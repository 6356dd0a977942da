package main

import (
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// A request is answered by the operator itself, which then says what it found.
func TestResyncWaitsUntilTheOperatorHasCompared(t *testing.T) {
	m := newManaged(t)
	o := m.scim("acme")
	if _, err := m.sim.PatchConnection(o.Status.ConnectionID, map[string]any{"display_name": "by hand"}); err != nil {
		t.Fatal(err)
	}
	answer := m.mustRun("resync", "acme")
	if !strings.HasPrefix(answer.out, "scimconnection/acme: InSync: ") {
		t.Errorf("it said %q", answer.out)
	}
	m.reload(o)
	if value := o.Annotations[v1alpha1.AnnotationResyncRequested]; value == "" || o.Status.LastHandledResync != value {
		t.Errorf("the request is %q, and status shows %q", value, o.Status.LastHandledResync)
	}
}

func TestResyncOfAllLeavesOutWhatIsNotCompared(t *testing.T) {
	s := newStage(t)
	s.create(samlOf(s, "managed", v1alpha1.ManagementManage))
	s.create(samlOf(s, "observed", v1alpha1.ManagementObserve))
	s.create(samlOf(s, "paused", v1alpha1.ManagementPaused))
	if answer := s.mustRun("resync", "--all", "--wait=false"); answer.out != "samlconnection/managed: requested\nsamlconnection/observed: requested\n" {
		t.Errorf("it said %q", answer.out)
	}
	s.refuses("samlconnection/paused has management: Paused", "resync", "managed", "paused")
	s.refuses("either names or --all", "resync")
	s.refuses("either names or --all", "resync", "managed", "--all")
	s.refuses("the operator has not done it in time", "resync", "managed", "--timeout=1s") // no manager runs here
	s.refuses("The request stays: the operator follows it when it can", "resync", "managed", "--timeout=1s")
}

func TestResyncOfNothingSaysSo(t *testing.T) {
	if answer := newStage(t).mustRun("resync", "--all"); answer.out != "" || !strings.Contains(answer.err, "no connections") {
		t.Errorf("it said %q and %q", answer.out, answer.err)
	}
}

// samlOf is a manifest of a SAML connection.
func samlOf(s *stage, name string, management v1alpha1.Management) *v1alpha1.SAMLConnection {
	return &v1alpha1.SAMLConnection{ObjectMeta: s.meta(name), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme", Management: management},
	}}
}
