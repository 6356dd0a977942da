package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// plans are those that a command printed as JSON, by the name of the manifest.
func plans(t *testing.T, answer said) map[string]planned {
	t.Helper()
	var list struct{ Items []planned }
	if err := json.Unmarshal([]byte(answer.out), &list); err != nil {
		t.Fatalf("%v in %+v", err, answer)
	}
	all := map[string]planned{}
	for _, one := range list.Items {
		all[one.Name] = one
	}
	return all
}

// changedFields are the fields of a plan, each once.
func changedFields(changes []v1alpha1.Change) []string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Field)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mixed are connections of all kinds with drift, and their manifests, which observe: cert is a certificate that Stytch does not have.
func mixed(t *testing.T, m *managed, cert string) []string {
	t.Helper()
	other, err := m.sim.AddOrganization(stytchsim.Organization{Slug: "partner"})
	if err != nil {
		t.Fatal(err)
	}
	add := func(org string, kind stytchsim.Kind, fields map[string]any) string {
		made, err := m.sim.AddConnection(org, kind, fields)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	saml := add(m.org, stytchsim.SAML, map[string]any{"display_name": "Okta – old", "idp_entity_id": "https://old", "idp_sso_url": "https://old/sso"})
	oidc := add(m.org, stytchsim.OIDC, map[string]any{
		"display_name": "Entra", "client_id": "acme", "client_secret": "old-secret", "issuer": "https://idp.example.com",
		"authorization_url": "https://idp.example.com/a", "token_url": "https://idp.example.com/t",
		"userinfo_url": "https://idp.example.com/u", "jwks_url": "https://idp.example.com/k",
	})
	scim := add(m.org, stytchsim.SCIM, map[string]any{"display_name": "People", "identity_provider": "okta"})
	external := add(other.ID, stytchsim.External, map[string]any{
		"display_name": "Their Entra", "external_organization_id": m.org, "external_connection_id": oidc,
	})
	same := add(m.org, stytchsim.SAML, map[string]any{"display_name": "Same"})
	m.apply(fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: client}
stringData: {secret: new-client-secret}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SAMLConnection
metadata: {name: okta}
spec:
  organization: %[1]s
  connectionID: %[2]s
  management: Observe
  displayName: "Okta ☂ | new"
  idpEntityID: https://new
  idpSSOURL: https://new/sso
  attributeMapping: {email: NameID, full_name: displayName}
  verificationCertificates: [{pem: %[3]q}]
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: OIDCConnection
metadata: {name: entra}
spec:
  organization: %[1]s
  connectionID: %[4]s
  management: Observe
  clientID: acme
  clientSecretRef: {name: client, key: secret}
  customScopes: [openid, profile]
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SCIMConnection
metadata: {name: people}
spec:
  organization: %[1]s
  connectionID: %[5]s
  management: Observe
  displayName: Acme people
  identityProvider: microsoft-entra
  bearerToken: {secretName: people-token}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: ExternalConnection
metadata: {name: theirs}
spec:
  organization: %[6]s
  connectionID: %[7]s
  management: Observe
  displayName: Their sign-in
  source: {organizationID: %[1]s, connectionID: %[4]s}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SAMLConnection
metadata: {name: same}
spec: {organization: %[1]s, connectionID: %[8]s, management: Observe, displayName: Same}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: SAMLConnection
metadata: {name: fresh}
spec: {organization: %[1]s, management: Observe, displayName: Fresh, identityProvider: okta}
`, m.org, saml, cert, oidc, scim, other.ID, external, same))
	return []string{"okta", "entra", "people", "theirs", "same", "fresh"}
}

// apply applies manifests with kubectl's own server-side apply.
func (s *stage) apply(text string) {
	s.t.Helper()
	objects, err := (&cli{IOStreams: streamsOf(text)}).readFiles(planFlags{files: []string{"-"}}, s.namespace)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range objects {
		s.create(o)
	}
}

// The plan is what the operator itself says while it observes and, once it may, what it then sends: field for field.
func TestPlanIsWhatTheOperatorSaysAndThenSends(t *testing.T) {
	m := newManaged(t)
	cert := connectiontest.IssueCertificate(t, "idp", time.Now().AddDate(1, 0, 0))
	names := mixed(t, m, cert.PEM)
	observed := map[string]v1alpha1.Connection{}
	for _, name := range names {
		found, err := (&cluster{api, m.namespace}).findOne(t.Context(), name, kinds())
		if err != nil {
			t.Fatal(err)
		}
		m.eventually(name+" is observed", func() bool {
			m.reload(found)
			status := found.CommonStatus()
			return status.ObservedGeneration == found.GetGeneration() && status.AppliedGeneration == found.GetGeneration()
		})
		observed[name] = found
	}
	m.calm()
	before := len(m.sim.Calls())
	answer := m.run(append([]string{"plan", "-o", "json", "--allow-insecure-loopback"}, names...)...)
	if answer.code != exitFound {
		t.Fatalf("it ended with %d: %s", answer.code, answer.err)
	}
	all := plans(t, answer)
	for name, o := range observed {
		said := o.CommonStatus().Plan
		if got := all[name]; !slices.Equal(changedFields(got.Changes), changedFields(said)) || len(got.Changes) != len(said) {
			t.Errorf("%s: the plan is %v, and the operator says %v", name, got.Changes, said)
		} else {
			for i := range said {
				if got.Changes[i].Field != said[i].Field || !strings.HasPrefix(got.Changes[i].Want, said[i].Want) || !strings.HasPrefix(got.Changes[i].Have, said[i].Have) {
					t.Errorf("%s: the plan has %v, and the operator says %v", name, got.Changes[i], said[i])
				}
			}
		}
	}
	for name, action := range map[string]string{"okta": actionUpdate, "entra": actionUpdate, "people": actionUpdate, "theirs": actionUpdate, "same": actionNone, "fresh": actionCreate} {
		if all[name].Action != action {
			t.Errorf("%s: %q, want %q", name, all[name].Action, action)
		}
	}
	if strings.Contains(answer.out, "new-client-secret") || strings.Contains(answer.out, "old-secret") {
		t.Error("the plan has a secret")
	}
	if want := fmt.Sprintf("%s (expires %s", cert.SHA256, time.Now().AddDate(1, 0, 0).UTC().Format("2006-01-02")); !strings.Contains(answer.out, want) {
		t.Errorf("the plan does not have %q:\n%s", want, answer.out)
	}
	m.readOnce(before)

	sent := len(m.sim.Calls())
	for name, o := range observed {
		if name == "fresh" {
			continue
		}
		m.edit(o, func() { o.CommonSpec().Management = v1alpha1.ManagementManage })
	}
	for name, o := range observed {
		if name != "fresh" {
			m.eventually(name+" is in sync", func() bool { m.reload(o); return inSync(o) })
		}
	}
	m.compare(sent, all, observed)
	if after := m.run("plan", "-o", "json", "--allow-insecure-loopback", "okta", "entra", "people", "theirs", "same"); after.code != exitDone {
		t.Errorf("once it is applied the plan ends with %d: %s%s", after.code, after.out, after.err)
	}
}

// calm waits until the operator has nothing to say to Stytch for a moment.
func (m *managed) calm() {
	m.t.Helper()
	calls := -1
	m.eventually("the operator is calm", func() bool {
		was := calls
		calls = len(m.sim.Calls())
		return calls == was
	})
}

// readOnce fails unless the plugin only read since a call, and each list once.
func (m *managed) readOnce(since int) {
	m.t.Helper()
	lists := map[string]int{}
	for _, c := range m.sim.Calls()[since:] {
		if !strings.HasPrefix(c.UserAgent, "kubectl-stytch/") {
			continue
		}
		if c.Method != http.MethodGet {
			m.t.Errorf("the plan made the call %s %s", c.Method, c.Path)
		}
		lists[c.Path]++
	}
	for path, n := range lists {
		if n > 1 {
			m.t.Errorf("%s was read %d times", path, n)
		}
	}
	if len(lists) == 0 {
		m.t.Error("nothing was read")
	}
}

// compare fails unless the operator's calls since one of them carry the fields of the plans, and no others.
func (m *managed) compare(since int, all map[string]planned, observed map[string]v1alpha1.Connection) {
	m.t.Helper()
	sent := map[string][]string{}
	for _, c := range m.sim.Calls()[since:] {
		of, _, deletes := strings.Cut(c.Path, "/verification_certificates/")
		id := filepath.Base(of)
		if c.Method == http.MethodPut {
			sent[id] = append(sent[id], c.Fields...)
		} else if c.Method == http.MethodDelete && deletes {
			sent[id] = append(sent[id], "verification_certificates")
		}
	}
	for name, o := range observed {
		if name == "fresh" {
			continue
		}
		got, want := sent[o.CommonStatus().ConnectionID], changedFields(all[name].Changes)
		slices.Sort(got)
		got = slices.DeleteFunc(slices.Compact(got), func(field string) bool {
			return slices.Contains(want, "issuer") && slices.Contains(sentWithTheIssuer(), field) && !slices.Contains(want, field)
		})
		if !slices.Equal(got, want) {
			m.t.Errorf("%s: the plan has %v, and the operator sent %v", name, want, got)
		}
	}
}

// sentWithTheIssuer are fields that do not have to differ: Stytch overwrites those that do not come with a new issuer.
func sentWithTheIssuer() []string {
	return []string{"authorization_url", "token_url", "userinfo_url", "jwks_url"}
}

// pretended is a Stytch without a cluster, and a directory of files with its project.
type pretended struct {
	t   *testing.T
	sim *stytchsim.Sim
	org string
	dir string
	url string
}

func newPretended(t *testing.T) *pretended {
	t.Helper()
	p := &pretended{t: t, sim: stytchsim.New(stytchsim.Options{}), dir: t.TempDir()}
	organization, err := p.sim.AddOrganization(stytchsim.Organization{Slug: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	p.org = organization.ID
	server := httptest.NewServer(p.sim)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.write("none", "") // a kubeconfig that names no cluster
	p.write("project.yaml", fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: stytch}
stringData: {secret: %s}
---
apiVersion: connections.stytch-operator.dev/v1alpha1
kind: StytchProject
metadata: {name: default}
spec: {projectID: %s, baseURL: %q, secretRef: {name: stytch, key: secret}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: of-somebody-else}
`, stytchsim.DefaultSecret, stytchsim.DefaultProjectID, p.url))
	return p
}

func (p *pretended) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// plan plans the files of the directory, without a cluster.
func (p *pretended) plan(args ...string) said {
	p.t.Helper()
	return runIn(p.t.Context(), append([]string{
		"plan", "-f", p.dir, "--offline", "--allow-insecure-loopback", "-n", "acme", "--kubeconfig=" + filepath.Join(p.dir, "none"),
	}, args...)...)
}

// saml is a SAML connection, with a manifest of its name.
func (p *pretended) saml(name, displayName, spec string) string {
	p.t.Helper()
	made, err := p.sim.AddConnection(p.org, stytchsim.SAML, map[string]any{"display_name": displayName})
	if err != nil {
		p.t.Fatal(err)
	}
	p.manifest(name, "SAMLConnection", fmt.Sprintf("organization: acme, connectionID: %s, %s", made.ID, spec))
	return made.ID
}

func (p *pretended) manifest(name, kind, spec string) {
	p.t.Helper()
	p.write(name+".yaml", fmt.Sprintf("apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: {%s}\n", kind, name, spec))
}

// What manifests refer to is in the files, and the cluster is not asked.
func TestPlanOfFilesAloneInEachFormat(t *testing.T) {
	p := newPretended(t)
	id := p.saml("a-okta", "Okta \x1b[2J|*old*", "displayName: New")
	p.saml("b-same", "Same", "displayName: Same")
	answer := p.plan()
	want := "samlconnection/a-okta: would be changed (" + id + ")\n" +
		`  display_name: "Okta \x1b[2J|*old*" → "New"` + "\n" +
		"samlconnection/b-same: no changes\n0 to create, 1 to change, 1 without changes, 0 with errors.\n"
	if answer.code != exitFound || answer.out != want || answer.err != "" {
		t.Errorf("%+v, want\n%s", answer, want)
	}
	markdown := p.plan("-o", "markdown").out
	if want := "**samlconnection/a-okta**: would be changed (" + id + ")\n\n| field | in Stytch | in the manifest |\n|---|---|---|\n" +
		`| display\_name | Okta ` + "\x1b" + `\[2J\|\*old\* | New |`; !strings.Contains(markdown, want) || strings.Contains(markdown, "b-same") {
		t.Errorf("as Markdown it is\n%s\nwithout\n%s", markdown, want)
	}
	if text := p.plan("-o", "yaml").out; !strings.Contains(text, "action: update") {
		t.Errorf("as YAML it is\n%s", text)
	}
	lists := 0
	for _, c := range p.sim.Calls() {
		if c.Operation == "ListSSOConnections" || strings.Contains(c.Path, "/sso/") {
			lists++
		}
	}
	if lists != 3 {
		t.Errorf("three plans of two connections read %d lists", lists)
	}
}

// An exported manifest names the status and the UID that it had somewhere: they say nothing about here.
func TestPlanOfAnExportIgnoresItsStatus(t *testing.T) {
	p := newPretended(t)
	id := p.saml("okta", "Okta", "displayName: Okta")
	text, err := os.ReadFile(filepath.Join(p.dir, "okta.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p.write("okta.yaml", strings.Replace(string(text), "metadata: {", "status: {connectionID: saml-connection-test-other, observedGeneration: 7}\nmetadata: {uid: x, resourceVersion: \"7\", ", 1))
	if answer := p.plan("-o", "json"); answer.code != exitDone || plans(t, answer)["okta"].ConnectionID != id {
		t.Errorf("%+v", answer)
	}
}

// Credentials come from the environment, too, and are shown nowhere.
func TestPlanWithCredentialsOfTheEnvironment(t *testing.T) {
	p := newPretended(t)
	p.saml("okta", "Okta", "displayName: Okta")
	if err := os.Remove(filepath.Join(p.dir, "project.yaml")); err != nil {
		t.Fatal(err)
	}
	if answer := p.plan(); answer.code != exitFailed || !strings.Contains(answer.out, "without the cluster, StytchProject default is not known") {
		t.Errorf("without any: %+v", answer)
	}
	t.Setenv(envProjectID, stytchsim.DefaultProjectID)
	t.Setenv(envBaseURL, p.url)
	if answer := p.plan(); answer.code != exitFailed || !strings.Contains(answer.out, "STYTCH_PROJECT_ID is set, but STYTCH_SECRET is not") {
		t.Errorf("with half of them: %+v", answer)
	}
	t.Setenv(envSecret, stytchsim.DefaultSecret)
	if answer := p.plan(); answer.code != exitDone {
		t.Errorf("with right ones: %+v", answer)
	}
	t.Setenv(envSecret, "wrong-secret")
	if answer := p.plan(); answer.code != exitFailed || !strings.Contains(answer.out, "CredentialsRejected") || strings.Contains(answer.out+answer.err, "wrong-secret") {
		t.Errorf("with wrong ones: %+v", answer)
	}
	t.Setenv(envBaseURL, "https://attacker.example.com")
	if answer := p.plan(); answer.code != exitFailed || !strings.Contains(answer.out, "is not a host of Stytch") {
		t.Errorf("to another host: %+v", answer)
	}
}

// What a plan would have to guess, and what the operator would refuse, is an error that says so.
func TestPlanSaysWhatItCannotKnowAndWhatWouldBeRefused(t *testing.T) {
	for name, c := range map[string]struct{ manifest, want string }{
		"no connectionID":           {"organization: acme", "whether this manifest has a connection, because it names none in connectionID, is not known"},
		"a missing connection":      {"organization: acme, connectionID: saml-connection-test-none", "RemoteMissing"},
		"an unknown organization":   {"organization: nobody, connectionID: saml-connection-test-none", "Rejected: "},
		"another environment":       {"organization: acme, connectionID: saml-connection-live-none", "belongs to another environment"},
		"a Secret that is unknown":  {"organization: acme, connectionID: ID, verificationCertificates: [{secretKeyRef: {name: certs, key: pem}}]", "Secret certs is not known"},
		"a certificate that is not": {"organization: acme, connectionID: ID, verificationCertificates: [{pem: nonsense}]", "Invalid: spec.verificationCertificates[0].pem"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPretended(t)
			id := p.saml("okta", "Okta", "displayName: Okta")
			p.manifest("okta", "SAMLConnection", strings.Replace(c.manifest, "ID: ID", "ID: "+id, 1))
			answer := p.plan()
			if answer.code != exitFailed || !strings.Contains(answer.out, c.want) || answer.err != "error: 1 of 1 connections would not become as their manifests say\n" {
				t.Errorf("it is %+v, want %q", answer, c.want)
			}
		})
	}
}

// Files that cannot be planned end the command before Stytch is asked.
func TestPlanOfWrongFilesAsksNobody(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no YAML":         {"\t{", "error"},
		"another version": {"apiVersion: connections.stytch-operator.dev/v9\nkind: SAMLConnection\nmetadata: {name: x}\n", "this version of the plugin knows connections.stytch-operator.dev/v1alpha1"},
		"an unknown field": {
			"apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: x}\nspec: {organisation: acme}\n", `unknown field "spec.organisation"`,
		},
		"one twice": {
			strings.Repeat("---\napiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: x}\nspec: {organization: acme}\n", 2), "is in the files twice",
		},
		"two for one connection": {
			"apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: x}\nspec: {organization: acme, connectionID: saml-connection-test-1}\n" +
				"---\napiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: z}\nspec: {organization: acme, connectionID: saml-connection-test-1}\n",
			"both name the connection saml-connection-test-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPretended(t)
			p.write("wrong.yaml", c.text)
			if answer := p.plan(); answer.code != exitFailed || answer.out != "" || !strings.Contains(answer.err, c.want) || len(p.sim.Calls()) > 0 {
				t.Errorf("it is %+v, with %d calls", answer, len(p.sim.Calls()))
			}
		})
	}
	p := newPretended(t)
	if answer := p.plan(); answer.code != exitFailed || !strings.Contains(answer.err, "the files have no connections") {
		t.Errorf("without connections it is %+v", answer)
	}
	if answer := runIn(t.Context(), "plan", "-f", "-", "--offline"); answer.code != exitFailed || !strings.Contains(answer.err, "the files have no connections") {
		t.Errorf("of an empty standard input it is %+v", answer)
	}
	if answer := p.plan("-f", filepath.Join(p.dir, "nothing.yaml")); answer.code != exitFailed || !strings.Contains(answer.err, "does not exist") {
		t.Errorf("without a file it is %+v", answer)
	}
	if answer := runIn(t.Context(), "plan"); answer.code != exitFailed || !strings.Contains(answer.err, "either -f or names") {
		t.Errorf("of nothing it is %+v", answer)
	}
}

// What is not in the files is read from the cluster, with the rights of the user; and whose a connection is, the cluster's manifests say.
func TestPlanOfFilesAndTheCluster(t *testing.T) {
	s, p := newStage(t), newPretended(t)
	project, err := os.ReadFile(filepath.Join(p.dir, "project.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.apply(string(project) + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: client}\nstringData: {secret: the-client-secret}\n")
	if err := os.Remove(filepath.Join(p.dir, "project.yaml")); err != nil {
		t.Fatal(err)
	}
	plan := func(s *stage) (said, map[string]planned) {
		answer := s.run("plan", "-f", p.dir, "--allow-insecure-loopback", "-o", "json")
		return answer, plans(t, answer)
	}
	made, err := p.sim.AddConnection(p.org, stytchsim.OIDC, map[string]any{"display_name": "Entra", "client_secret": "the-client-secret"})
	if err != nil {
		t.Fatal(err)
	}
	p.manifest("entra", "OIDCConnection", "organization: acme, connectionID: "+made.ID+", clientSecretRef: {name: client, key: secret}")
	if answer, all := plan(s); answer.code != exitDone || all["entra"].Action != actionNone {
		t.Errorf("with the Secret of the cluster: %+v", answer)
	}
	p.write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: client}\nstringData: {secret: another-one}\n")
	if answer, all := plan(s); answer.code != exitFound || !slices.Equal(changedFields(all["entra"].Changes), []string{"client_secret"}) || strings.Contains(answer.out, "another-one") {
		t.Errorf("with the Secret of a file: %+v", answer)
	}
	if answer := s.as("nobody").run("plan", "-f", p.dir, "--allow-insecure-loopback"); answer.code != exitFailed || !strings.Contains(answer.err, "is forbidden") {
		t.Errorf("without rights: %+v", answer)
	}

	holder := &v1alpha1.OIDCConnection{ObjectMeta: s.meta("holder"), Spec: v1alpha1.OIDCConnectionSpec{ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}}}
	s.create(holder)
	holder.Status.ConnectionID = made.ID
	s.pretend(holder, "Ready=True:Active", "Synced=True:InSync")
	if answer, all := plan(s); answer.code != exitFailed || all["entra"].Reason != v1alpha1.ReasonConflict || !strings.Contains(all["entra"].Message, "belongs to manifest holder") {
		t.Errorf("of another's connection: %+v", answer)
	}

	p.manifest("entra", "OIDCConnection", "organization: acme, displayName: Entra, projectRef: {name: missing}")
	p.manifest("shared", "OIDCConnection", "organization: "+p.org+", projectRef: {kind: ClusterStytchProject, name: shared}")
	p.manifest("new", "OIDCConnection", "organization: acme, displayName: New, issuer: \"https://idp.example.com\"")
	_, all := plan(s)
	if !strings.Contains(all["entra"].Message, "StytchProject missing does not exist") || !strings.Contains(all["shared"].Message, "where only the operator reads it") {
		t.Errorf("without credentials: %+v", all)
	}
	if all["new"].Action != actionCreate || !slices.Equal(changedFields(all["new"].Changes), []string{"display_name", "issuer"}) {
		t.Errorf("of one that is to be created: %+v", all["new"])
	}
	for _, c := range p.sim.Calls() {
		if c.Method != http.MethodGet {
			t.Errorf("a plan made the call %s %s", c.Method, c.Path)
		}
	}
}

// A file is compared as the cluster would have it once it is applied: with the connection that the cluster knows, and with annotations of both.
func TestAFileIsPlannedWithWhatTheClusterKnows(t *testing.T) {
	s := newStage(t)
	is := samlOf(s, "acme", "")
	is.Annotations = map[string]string{"of": "the cluster", "both": "old"}
	s.create(is)
	s.pretend(is, "Ready=True:Active", "Synced=True:InSync")
	file := samlOf(s, "acme", "")
	file.Spec.DisplayName, file.Spec.ImplicitRoles = "New", []string{}
	file.Annotations = map[string]string{"both": "new"}
	merged, err := (&planner{cluster: &cluster{api, s.namespace}}).merged(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	o := merged.(*v1alpha1.SAMLConnection)
	if o.UID != is.UID || o.Generation != is.Generation+1 || len(o.Status.Conditions) != 2 || o.Spec.DisplayName != "New" {
		t.Errorf("it is %+v", o)
	}
	if o.Spec.ImplicitRoles == nil {
		t.Error("a list that is to be cleared became one that is not managed")
	}
	if want := map[string]string{"of": "the cluster", "both": "new"}; !maps.Equal(o.Annotations, want) {
		t.Errorf("its annotations are %v, want %v", o.Annotations, want)
	}
}
