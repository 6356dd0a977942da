package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
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

// closedFor is what the 429 asks for: longer than the interval, so that resyncs come due in it and have to wait too.
const closedFor = resync + 2*time.Second

// onItsWay is how long after the 429 a call may arrive that was sent before the operator had read it.
const onItsWay = time.Second

// throttled: a 429 stops the calls of the whole project, and passes.
func (s *story) throttled() {
	s.Note("Stytch answers the next change with 429 and Retry-After %s: longer than an interval, so that resyncs come due meanwhile.", closedFor)
	seq := s.Seq()
	s.Curl(http.MethodPost, "/faults", stytchsim.Fault{
		Method: http.MethodPut, Times: 1, Status: http.StatusTooManyRequests, ErrorType: "too_many_requests",
		RetryAfter: fmt.Sprint(closedFor.Seconds()),
	})
	s.edit(s.saml, `{"displayName":%q}`, s.saml.Spec.DisplayName)
	s.awaitReason(s.saml, "Throttled", "Reconciling")
	s.showConditions(s.saml, "Synced")
	s.awaitApplied(closedFor+soon, s.saml)
	sent := calls(s.Calls(seq))
	s.journal(sent)
	later := sent.since(http.StatusTooManyRequests)
	closing := later[0].Time
	early := sent.where(func(c stytchsim.Call) bool {
		return c.Time.After(closing.Add(onItsWay)) && c.Time.Before(closing.Add(closedFor))
	})
	if len(early) > 0 {
		lab.Failf("nothing should be sent within %s after the 429; the journal has %s", closedFor, early.counts())
	}
	later[1:].expect("UpdateSAMLConnection display_name")
	s.Seen("nothing was sent for %s after the 429; then the change was sent automatically", closedFor)
	s.awaitApplied(soon)
}
