package main

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// The manifest of the crash.
const crashManifest = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata:
  name: globex-scim
spec:
  organization: globex
  bearerToken:
    secretName: globex-scim-token
`

// crash: kill -9 of the manager between Stytch's commit of a create and its answer. After the restart there is one connection,
// and its token is in the Secret.
func (s *story) crash() {
	seq := s.Seq()
	s.killInCreation(seq)
	killed := s.Seq()
	s.showWreck()
	before := s.lease()
	s.Note("A new manager starts. It may act once the dead one's lease has expired: %s after its last renewal, at %s.",
		leaseTerm, before.Spec.RenewTime.Local().Format("15:04:05"))
	s.startManager()
	s.awaitLease(before)
	led := time.Now()
	s.awaitApplied(soon, s.crashed)
	s.Seen("Ready %s after the new manager got the lease", tenths(led))
	s.onceAndKept(seq, killed)
}

// killInCreation stops the manager's process while its POST is at Stytch, lets Stytch commit and answer, and kills it before it
// can read a byte of that.
func (s *story) killInCreation(seq int) {
	s.addOrganization("globex")
	s.Note("Stytch takes its time over the next creation:")
	delay := stytchsim.Fault{Operation: "CreateSCIMConnection", Times: 1, Delay: stytchsim.Duration(3 * time.Second)}
	s.Curl(http.MethodPost, "/faults", delay)
	s.Show("apply", "-f", s.Write("globex-scim.yaml", crashManifest))
	s.awaitCreation(seq, "the POST to be at Stytch", func(stytchsim.Call) bool { return true })
	s.Command("kill -STOP %d   # the manager: it cannot read the answer", s.Manager.PID)
	s.Manager.Signal(syscall.SIGSTOP)
	s.awaitCreation(seq, "Stytch's commit", func(c stytchsim.Call) bool { return c.Committed })
	s.Command("kill -9 %d", s.Manager.PID)
	s.KillManager()
}

func (s *story) awaitCreation(seq int, what string, is func(stytchsim.Call) bool) {
	s.Await(what, soon, func() (string, bool) {
		sent := calls(s.Calls(seq))
		creations := sent.named("CreateSCIMConnection")
		return sent.counts(), len(creations) == 1 && is(creations[0])
	})
}

// showWreck shows what the crash left: a connection that nobody knows of, and a Secret without a token.
func (s *story) showWreck() {
	var token string
	s.crashed, token = s.tokenOf(s.read("scimconnection/globex-scim"))
	if id := s.crashed.Status.ConnectionID; id != "" || token != "" {
		lab.Failf("the crash came too late: connectionID %q is recorded, or the Secret has the token", id)
	}
	for _, c := range s.State().Connections {
		if strings.Contains(c.DisplayName, "[new ") {
			s.Seen("Stytch has committed: %s is there, named %q by its manifest's mark", c.ID, c.DisplayName)
			s.Seen("its ID is nowhere in the cluster, its token in no Secret: the answer was lost")
			return
		}
	}
	lab.Failf("Stytch has no connection with a mark")
}

// onceAndKept checks that there is one connection, created once, and that its token is in the Secret and nowhere else.
func (s *story) onceAndKept(seq, killed int) {
	scim, token := s.tokenOf(s.crashed)
	s.crashed = scim
	s.Note("The journal since the restart, of this organization:")
	s.journal(calls(s.Calls(killed)).where(func(c stytchsim.Call) bool {
		return strings.Contains(c.Path, scim.Status.OrganizationID)
	}))
	there, created := s.scimAt(scim), calls(s.Calls(seq)).named("CreateSCIMConnection")
	if len(there) != 1 || there[0] != scim.Status.ConnectionID || len(created) != 1 {
		lab.Failf("%d creations: the organization has %v, status has %s", len(created), there, scim.Status.ConnectionID)
	}
	s.Seen("one connection, created once and found by its mark")
	if !s.accepts(scim, token) {
		lab.Failf("Stytch does not accept the token in %s", scim.tokenSecret())
	}
	s.Seen("the lost token was replaced: Stytch accepts the one in %s", scim.tokenSecret())
	s.searchFor(bearerToken(token))
}

// scimAt are the IDs of the SCIM connections in an object's organization.
func (s *story) scimAt(o object) (ids []string) {
	for _, c := range s.State().Connections {
		if c.OrganizationID == o.Status.OrganizationID && c.Kind == stytchsim.SCIM {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// leaseTerm is how long a lease is good for that nobody renews: controller-runtime's default.
const leaseTerm = 15 * time.Second

// lease is the lease of the managers.
func (s *story) lease() (o object) {
	s.Read(&o, "get", "lease", lab.Lease, "-n", lab.Namespace)
	return o
}

// awaitLease waits until another manager than the one before has the lease, and so may act.
func (s *story) awaitLease(before object) {
	s.Await("the new manager to get the lease", leaseTerm+soon, func() (string, bool) {
		now := s.lease().Spec
		another := now.HolderIdentity != "" && now.HolderIdentity != before.Spec.HolderIdentity
		return fmt.Sprintf("renewed %s ago", tenths(now.RenewTime)), another
	})
}
