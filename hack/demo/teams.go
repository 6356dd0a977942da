package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What a platform team has, and what each of two teams applies.
const (
	sharedManifest = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: ClusterStytchProject
metadata: {name: shared}
spec:
  projectID: %s
  baseURL: %s
  secretRef: {name: stytch, key: secret}
  grants: [{namespaces: [team-a], organizations: [%s]}]
`
	teamManifest = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: wayne-scim, namespace: %s}
spec:
  projectRef: {kind: ClusterStytchProject, name: shared}
  organization: %s
  deletionPolicy: Delete
  bearerToken: {secretName: wayne-scim-token}
`
)

// teams: of two teams with one ClusterStytchProject the one has what is granted to it, and the other nothing, until the grant is removed.
func (s *story) teams() {
	var wayne stytchsim.Organization
	s.Ask(http.MethodPost, "/organizations", stytchsim.Organization{Slug: "wayne", Name: "wayne"}, &wayne)
	s.Create("secret generic -n "+lab.Namespace, "stytch", map[string]string{"secret": s.Sim.Secret})
	s.Show("apply", "-f", s.Write("shared.yaml", fmt.Sprintf(sharedManifest, s.Sim.ProjectID, s.Sim.URL, wayne.ID)))
	team := func(name string) string {
		s.Kubectl("create", "namespace", name)
		return s.Write(name+".yaml", fmt.Sprintf(teamManifest, name, wayne.ID))
	}
	seq := s.Seq()
	s.Show("apply", "-f", team("team-b"))
	s.awaitTeam("team-b", "NotGranted")
	s.Show("get", "scimconn", "wayne-scim", "-n", "team-b", "-o", "wide")
	if asked := s.callsAbout(seq, wayne.ID); len(asked) > 0 {
		lab.Failf("nothing should be asked about an organization that is not granted; the journal has %s", asked.counts())
	}
	s.Seen("not granted to team-b: the journal has no call about the organization")

	s.Show("apply", "-f", team("team-a"))
	granted := s.awaitTeam("team-a", "InSync")
	s.journal(s.callsAbout(seq, wayne.ID))
	s.callsAbout(seq, wayne.ID).expect("CreateSCIMConnection display_name", "UpdateSCIMConnection display_name")
	s.Seen("granted to team-a: the same manifest has its connection")

	seq = s.Seq()
	s.Show("patch", "clusterstytchproject", "shared", "--type=merge", "-p", `{"spec":{"grants":[]}}`)
	s.awaitTeam("team-a", "NotGranted")
	s.Show("delete", "scimconn", "wayne-scim", "-n", "team-a")
	s.callsAbout(seq, wayne.ID).expect()
	if there := s.scimAt(granted); len(there) != 1 {
		lab.Failf("the connection should stay in Stytch, which has %v", there)
	}
	s.Seen("without the grant nothing more is sent: even the deletion of the manifest leaves the connection in Stytch")
}

// awaitTeam waits until the manifest of a team reports a reason, and returns it.
func (s *story) awaitTeam(team, reason string) (now object) {
	s.Await("the manifest of "+team+" to report "+reason, soon, func() (string, bool) {
		s.Read(&now, "get", "scimconnection/wayne-scim", "-n", team)
		return now.summary(), now.condition("Synced").Reason == reason
	})
	return now
}

// callsAbout are the calls after an entry of the journal that name an organization.
func (s *story) callsAbout(seq int, organization string) calls {
	return calls(s.Calls(seq)).where(func(c stytchsim.Call) bool { return strings.Contains(c.Path, organization) })
}
