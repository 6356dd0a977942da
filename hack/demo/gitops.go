package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stytch-operator/stytch-operator/hack/internal/lab"
)

// What is in Git: a project, a connection by one name or another, and something that is not the operator's.
const (
	gitProject = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: StytchProject
metadata: {name: default}
spec: {projectID: %s, baseURL: %s, secretRef: {name: stytch, key: secret}}
`
	gitConnection = `apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: %s}
spec: {organization: stark, management: Manage, deletionPolicy: Retain, adoptionPolicy: Matching, bearerToken: {secretName: stark-scim}}
`
	gitOther = "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n"
)

// gitops: a directory is applied and pruned as GitOps tools do, twice; a manifest is renamed; then everything is pruned.
func (s *story) gitops() {
	s.addOrganization("stark")
	s.Kubectl("create", "namespace", "git")
	s.Create("secret generic -n git", "stytch", map[string]string{"secret": s.Sim.Secret})
	project := fmt.Sprintf(gitProject, s.Sim.ProjectID, s.Sim.URL)
	s.Note("kubectl prunes what is no longer in Git, with KUBECTL_APPLYSET=true.")
	s.sync("stark", gitOther, project, fmt.Sprintf(gitConnection, "stark"))
	objects, seq := s.versions(), s.Seq()
	s.sync("stark", gitOther, project, fmt.Sprintf(gitConnection, "stark"))
	if now := s.versions(); !slices.Equal(objects, now) {
		lab.Failf("resourceVersions were %q and are %q", objects, now)
	}
	s.Seen("applied again, nothing changes")
	s.sync("stark-scim", gitOther, project, fmt.Sprintf(gitConnection, "stark-scim"))
	s.Seen("the renamed manifest has the connection")
	s.sync("", gitOther)
	s.changesSince(seq).expect()
	s.Show("get", "secret/stark-scim", "-n", "git", "--show-labels")
	s.Seen("all of it is pruned; the connection is as it was, and its token is in the Secret")
}

// sync applies and prunes what is in Git, and waits until there is the one connection that is named, in sync, or nothing.
func (s *story) sync(connection string, manifests ...string) {
	s.Write("git/manifests.yaml", strings.Join(manifests, "---\n"))
	s.Show("apply", "--server-side", "-n", "git", "-f", s.Path("git"), "--prune", "--applyset=git")
	s.Await("the cluster to be as Git", soon, func() (string, bool) {
		left := s.list("stytch", "-n", "git")
		i := slices.IndexFunc(left, func(o object) bool { return o.Metadata.Name == connection && o.applied() })
		return fmt.Sprintf("%d objects", len(left)), connection == "" && len(left) == 0 || i >= 0 && len(left) == 2
	})
}
