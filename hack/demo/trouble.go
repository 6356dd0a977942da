package main

import (
	"net/http"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// wrongSecret: everything reports what to do, nothing but the check is sent, and all recover automatically.
func (s *story) wrongSecret() {
	seq := s.Seq()
	s.Note("Somebody writes a wrong secret into the project's Secret, and then edits a connection.")
	s.Show("patch", "secret", "stytch", "-p", `{"stringData":{"secret":"secret-test-mistyped"}}`)
	s.await(s.project, "to report CredentialsRejected", func(now object) bool {
		return now.condition("Ready").Reason == "CredentialsRejected"
	})
	s.edit(s.scim, `{"displayName":%q}`, s.scim.Spec.DisplayName+" (edited)")
	for _, o := range s.connections() { // the edited one at once, the others at their next resync
		s.awaitReason(o, "CredentialsRejected", "Stalled")
	}
	s.showConditions(s.project, "Ready")
	s.showConditions(s.scim, "Synced")
	rejected := calls(s.Calls(seq)).since(http.StatusUnauthorized)
	if len(rejected) == 0 || len(rejected.named("Whoami")) != len(rejected) {
		lab.Failf("with a rejected secret nothing but the check of it should be sent; the journal has %s", rejected.counts())
	}
	s.Seen("project and connections report what to do; all that was sent with the wrong secret: %s", rejected.counts())

	seq, began := s.Seq(), time.Now()
	s.Replace("secret", "stytch", map[string]string{"secret": s.Sim.Secret})
	s.awaitApplied(soon)
	s.changesSince(seq).expect("UpdateSCIMConnection display_name")
	s.Seen("with the right secret everything recovered in %s, and the edit that had waited was sent", tenths(began))
}
