package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// byEnvironment has the environment have the credentials, and no file.
func (p *pretended) byEnvironment() {
	p.t.Helper()
	if err := os.Remove(filepath.Join(p.dir, "project.yaml")); err != nil {
		p.t.Fatal(err)
	}
	p.t.Setenv(envProjectID, stytchsim.DefaultProjectID)
	p.t.Setenv(envSecret, stytchsim.DefaultSecret)
	p.t.Setenv(envBaseURL, p.url)
}

// organization adds an organization, and returns its ID.
func (p *pretended) organization(slug string) string {
	p.t.Helper()
	o, err := p.sim.AddOrganization(stytchsim.Organization{Slug: slug})
	if err != nil {
		p.t.Fatal(err)
	}
	return o.ID
}

// shared are manifests that use a ClusterStytchProject, and its text: it grants the organization acme to the SAML connections of a namespace,
// with one role, and partner, with sources in acme, to namespaces with a label.
func (p *pretended) shared(project, namespace string) string {
	p.t.Helper()
	partner, third := p.organization("partner"), p.organization("third")
	ref := "projectRef: {kind: ClusterStytchProject, name: " + project + "}, "
	for name, c := range map[string]struct {
		kind         stytchsim.Kind
		of           string
		organization string
		spec         string
	}{
		"granted":      {stytchsim.SAML, "SAMLConnection", p.org, "displayName: X, implicitRoles: [viewer]"},
		"kind":         {stytchsim.OIDC, "OIDCConnection", p.org, "displayName: X"},
		"organization": {stytchsim.SAML, "SAMLConnection", third, "displayName: X"},
		"role":         {stytchsim.SAML, "SAMLConnection", p.org, "displayName: X, implicitRoles: [admin]"},
	} {
		made, err := p.sim.AddConnection(c.organization, c.kind, map[string]any{"display_name": "X"})
		if err != nil {
			p.t.Fatal(err)
		}
		p.manifest(name, c.of, ref+"organization: "+c.organization+", connectionID: "+made.ID+", "+c.spec)
	}
	for name, source := range map[string]string{"source": p.org, "other-source": third} {
		p.manifest(name, "ExternalConnection", ref+"organization: "+partner+", displayName: X, source: {organizationID: "+source+", connectionID: saml-connection-test-1}")
	}
	return fmt.Sprintf(`apiVersion: connections.stytch-operator.dev/v1alpha1
kind: ClusterStytchProject
metadata: {name: %s}
spec:
  projectID: %s
  secretRef: {name: stytch, key: secret}
  grants:
  - {namespaces: [%s], organizations: [%s], kinds: [SAMLConnection], roles: [viewer]}
  - {namespaceSelector: {matchLabels: {team: partners}}, trustNamespaceLabels: true, organizations: [%s], sources: [%s]}
`, project, stytchsim.DefaultProjectID, namespace, p.org, partner, p.org)
}

// removeShared removes a ClusterStytchProject, which other tests would see.
func removeShared(t *testing.T, name string) {
	t.Helper()
	project := &v1alpha1.ClusterStytchProject{}
	project.Name = name
	if err := api.Delete(context.WithoutCancel(t.Context()), project); err != nil {
		t.Error(err)
	}
}

// expectReasons compares the reasons of plans, and what they say.
func expectReasons(t *testing.T, all map[string]planned, want map[string]string) {
	t.Helper()
	for name, says := range want {
		if got := all[name].Reason + ": " + all[name].Message; !strings.HasPrefix(got, says) || all[name].Unchecked != "" {
			t.Errorf("%s: it is %q %q, want %q", name, got, all[name].Unchecked, says)
		}
	}
}

// What a ClusterStytchProject does not grant has the reason in a plan that it would have in the cluster, and Stytch is not asked about it.
func TestPlanChecksGrants(t *testing.T) {
	s, p := newStage(t), newPretended(t)
	p.byEnvironment()
	project := "of-" + s.namespace
	s.apply(p.shared(project, s.namespace))
	t.Cleanup(func() { removeShared(t, project) })
	plan := func() map[string]planned {
		return plans(t, s.run("plan", "-f", p.dir, "--allow-insecure-loopback", "-o", "json"))
	}
	notGranted := "NotGranted: ClusterStytchProject " + project + " does not grant "
	want := map[string]string{
		"granted": v1alpha1.ReasonPlanPending, "kind": notGranted + "spec.organization to OIDCConnections in this namespace.",
		"organization": notGranted + "spec.organization to SAMLConnections in this namespace.",
		"role":         "Invalid: ClusterStytchProject " + project + " does not grant these roles: \"admin\".",
		"source":       notGranted + "spec.organization to ExternalConnections", "other-source": notGranted + "spec.organization to ExternalConnections",
	}
	expectReasons(t, plan(), want)
	for _, c := range p.sim.Calls() {
		if strings.Contains(c.Path, "organization-") && !strings.Contains(c.Path, p.org) {
			t.Errorf("it was asked for %s", c.Path)
		}
	}

	namespace := &corev1.Namespace{}
	namespace.Name = s.namespace
	s.edit(namespace, func() { namespace.Labels["team"] = "partners" })
	want["source"], want["other-source"] = v1alpha1.ReasonPlanPending, notGranted+"the organization of the source to ExternalConnections"
	expectReasons(t, plan(), want)

	// a manifest that is granted nothing claims nothing
	elsewhere := newStage(t)
	holder := samlOf(elsewhere, "holder", "")
	holder.Spec.ProjectRef = v1alpha1.ProjectRef{Kind: v1alpha1.ClusterProject, Name: project}
	holder.Spec.Organization = p.org
	elsewhere.create(holder)
	holder.Status.ConnectionID = plan()["granted"].ConnectionID
	elsewhere.pretend(holder, "Ready=True:Active", "Synced=True:InSync")
	expectReasons(t, plan(), want)
}

// What may not be read is not judged, and the plan says so.
func TestPlanSaysWhichGrantsItCannotCheck(t *testing.T) {
	s, p := newStage(t), newPretended(t)
	p.byEnvironment()
	project := "of-" + s.namespace
	text := p.shared(project, s.namespace)
	says := func(s *stage, what string) {
		t.Helper()
		answer := s.run("plan", "-f", filepath.Join(p.dir, "granted.yaml"), "--allow-insecure-loopback")
		markdown := s.run("plan", "-f", filepath.Join(p.dir, "granted.yaml"), "--allow-insecure-loopback", "-o", "markdown")
		if line := "Grants were not checked: " + what + ".\n"; answer.code == exitFailed || !strings.Contains(answer.out, "\n"+line) || !strings.Contains(markdown.out, "\n"+line) {
			t.Errorf("it is %+v\n%+v\nand does not say %q", answer, markdown, line)
		}
	}
	says(s, "ClusterStytchProject "+project+" does not exist")
	s.apply(text)
	t.Cleanup(func() { removeShared(t, project) })
	team := s.as("team-" + s.namespace)
	team.permit(false, "samlconnections", "stytchprojects", "secrets", "configmaps")
	says(team, "you may not read ClusterStytchProject "+project)
	team.permit(true, "clusterstytchprojects")
	says(team, "you may not read Namespace "+s.namespace)
	team.permit(true, "namespaces")
	if answer := team.run("plan", "-f", filepath.Join(p.dir, "granted.yaml"), "--allow-insecure-loopback"); strings.Contains(answer.out, "not checked") {
		t.Errorf("with all rights: %+v", answer)
	}
}

// Without the cluster, the files are all that is known.
func TestPlanChecksGrantsOfFiles(t *testing.T) {
	p := newPretended(t)
	text := p.shared("shared", "acme")
	p.byEnvironment()
	answer := p.plan()
	if !strings.Contains(answer.out, "\nGrants were not checked: without the cluster, ClusterStytchProject shared is not known.\n") {
		t.Errorf("without the project: %+v", answer)
	}
	p.write("shared.yaml", text)
	if answer := p.plan(); !strings.Contains(answer.out, "\nGrants were not checked: without the cluster, Namespace acme is not known.\n") {
		t.Errorf("without the namespace: %+v", answer)
	}
	p.write("namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: acme, labels: {team: partners}}\n")
	expectReasons(t, plans(t, p.plan("-o", "json")), map[string]string{
		"granted": v1alpha1.ReasonPlanPending, "organization": v1alpha1.ReasonNotGranted,
		"other-source": "NotGranted: ClusterStytchProject shared does not grant the organization of the source",
	})
}

// The organizations of a StytchProject are such grants, too: the plan says what the real manager says.
func TestPlanSaysOfAStytchProjectsOrganizationsWhatTheManagerSays(t *testing.T) {
	m := newManaged(t)
	project := &v1alpha1.StytchProject{ObjectMeta: m.meta("default")}
	m.edit(project, func() {
		project.Spec.Organizations = []string{"organization-test-11111111-1111-4111-8111-111111111111"}
	})
	o := samlOf(m.stage, "okta", "")
	o.Spec.Organization = m.org
	m.create(o)
	m.eventually("the manager has judged", func() bool { m.reload(o); return judged(o) })
	synced := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionSynced)
	one := plans(t, m.run("plan", "okta", "--allow-insecure-loopback", "-o", "json"))["okta"]
	if synced.Reason != v1alpha1.ReasonNotGranted || one.Reason != synced.Reason || one.Message != synced.Message {
		t.Errorf("the manager says %s: %s\nthe plan says %s: %s", synced.Reason, synced.Message, one.Reason, one.Message)
	}
}

// permit gives somebody the right to read resources, in the namespace or everywhere.
func (s *stage) permit(everywhere bool, resources ...string) {
	s.t.Helper()
	of, err := client.New(host, client.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: resources, Verbs: []string{"get", "list"}}}}
	role.GenerateName = "plugin-"
	s.makeWith(of, role)
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "team-" + s.namespace}}
	if everywhere {
		binding := &rbacv1.ClusterRoleBinding{RoleRef: ref, Subjects: subjects}
		binding.GenerateName = "plugin-"
		s.makeWith(of, binding)
		return
	}
	binding := &rbacv1.RoleBinding{RoleRef: ref, Subjects: subjects}
	binding.Namespace, binding.GenerateName = s.namespace, "plugin-"
	s.makeWith(of, binding)
}

func (s *stage) makeWith(of client.Client, o client.Object) {
	s.t.Helper()
	if err := of.Create(s.t.Context(), o); err != nil {
		s.t.Fatal(err)
	}
}
