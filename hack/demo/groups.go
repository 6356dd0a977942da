package main

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// groups: roles by the names of groups. One group was pushed; the other is picked up after its push.
func (s *story) groups() {
	roles := s.scim.Spec.GroupImplicitRoles
	if len(roles) != 2 {
		lab.Failf("%s gives roles to %v; the demo needs two groups", s.scim.name(), roles)
	}
	scim := s.get(s.scim)
	push := func(group string) {
		s.Curl(http.MethodPost, "/groups", stytchsim.Group{Name: group, ConnectionID: scim.Status.ConnectionID})
	}
	show := func() {
		s.Show("get", scim.name(), "-o", `jsonpath={.status.groups}{"\n"}{.status.conditions[?(@.type=="Synced")].message}`)
	}
	s.Note("The identity provider pushes a first group.")
	push(roles[0]["groupName"])
	s.edit(scim, `{"groupImplicitRoles":%s}`, lab.Must(json.Marshal(roles)))
	s.awaitReason(scim, "GroupsPending", "Reconciling")
	show()
	s.Seen("%s has its role; %s is not there yet, holds nothing up, and is named", roles[0]["groupName"], roles[1]["groupName"])

	seq, began := s.Seq(), time.Now()
	s.Note("It pushes the other.")
	push(roles[1]["groupName"])
	s.awaitApplied(nextResync, scim)
	s.changesSince(seq).about(scim).expect("UpdateSCIMConnection scim_group_implicit_role_assignments")
	show()
	s.Seen("the operator found it at the next resync, %s after the push, and sent one PUT", tenths(began))
}
