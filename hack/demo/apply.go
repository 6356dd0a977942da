package main

import (
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// apply: every sample Ready, the table as kubectl prints it, the calls, and what the other side has to know.
func (s *story) apply() {
	began, seq := time.Now(), s.Seq()
	s.applySamples()
	s.Seen("every sample is Ready and in sync after %s", tenths(began))
	all := calls(s.Calls(seq))
	s.Note("The simulator's journal:")
	s.journal(all)
	s.Note("%d calls: %s.", len(all), all.counts())
	if checks := len(calls(s.Calls(0)).named("Whoami")); checks != 1 {
		lab.Failf("the project's credentials were checked %d times", checks)
	}
	s.Note("%s was applied together with its source, %s, and waited until that was active.", s.external.name(), s.saml.name())
	s.Note("A ConfigMap has what the identity provider's administrator needs:")
	s.Show("get", "configmap", s.oidc.Spec.DetailsConfigMapName, "-o", "jsonpath={.data}")
}

// plan: under Observe an edit shows field, have and want and sends nothing; Manage then sends one PUT with that one field.
func (s *story) plan() {
	seq := s.Seq()
	renamed := s.saml.Spec.DisplayName + " (renamed)"
	s.edit(s.saml, `{"management":"Observe","displayName":%q}`, renamed)
	planned := change{Field: "display_name", Have: s.saml.Spec.DisplayName, Want: renamed}
	s.await(s.saml, "to show the plan", func(now object) bool {
		return now.condition("Synced").Reason == "PlanPending" && len(now.Status.Plan) == 1 && now.Status.Plan[0] == planned
	})
	s.Show("get", s.saml.name(), "-o", `jsonpath={.status.plan}{"\n"}{.status.conditions[?(@.type=="Synced")].message}`)
	calls(s.Calls(seq)).expect()
	s.Seen("status.plan shows the request, and nothing was sent")
	s.edit(s.saml, `{"management":"Manage"}`)
	s.awaitApplied(soon, s.saml)
	s.changesSince(seq).expect("UpdateSAMLConnection display_name")
	s.Show("get", s.saml.name(), "-o", "jsonpath={.status.lastRequest}")
	s.Seen("one PUT with that one field was sent; status.lastRequest has its request ID at Stytch")
}
