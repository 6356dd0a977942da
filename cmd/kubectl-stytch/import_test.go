package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// displayNames are names as people give them, some of them the same.
func displayNames() []string {
	return []string{"Okta", "Okta", "Ünïcode – Ω", "日本語", "", "a/b: \"c\" # d", "Okta SAML (old)", strings.Repeat("long ", 50) + "x"}
}

// made adds a connection, and returns its ID.
func (m *managed) made(organization string, kind stytchsim.Kind, fields map[string]any) string {
	m.t.Helper()
	c, err := m.sim.AddConnection(organization, kind, fields)
	if err != nil {
		m.t.Fatal(err)
	}
	return c.ID
}

// sometimes sets a field in every connection of which the number has a bit; the first has none, and the last but one all.
func sometimes(n int, fields map[string]any, optional ...any) map[string]any {
	for bit := 0; bit*2 < len(optional); bit++ {
		name, _ := optional[2*bit].(string)
		if n == 13 || n != 0 && (n*7+n>>1)>>(bit%4)&1 == 1 {
			fields[name] = optional[2*bit+1]
		}
	}
	return fields
}

// aKey is an RSA key in PEM.
var aKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return connectiontest.PEMBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
})

// samlFields are those of the nth SAML connection.
func samlFields(t *testing.T, n int) map[string]any {
	t.Helper()
	fields := sometimes(n, map[string]any{"display_name": displayNames()[n%len(displayNames())]},
		"identity_provider", "okta", "nameid_format", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		"alternative_audience_uri", "urn:acme:old", "alternative_acs_url", "https://login.example.com/acs",
		"idp_initiated_auth_disabled", true, "allow_gateway_callback", true,
		"saml_connection_implicit_role_assignments", []map[string]any{{"role_id": "viewer"}, {"role_id": "editor"}},
		"encryption_private_keys", []string{aKey()})
	if n%3 > 0 {
		fields["idp_entity_id"], fields["idp_sso_url"] = fmt.Sprint("https://idp.example.com/", n), "https://idp.example.com/sso"
		fields["attribute_mapping"] = map[string]string{"email": "NameID", "full_name": "名前 <cn>", "groups": "groups"}
		fields["saml_group_implicit_role_assignments"] = []map[string]any{{"role_id": "admin", "group": " Ops, EMEA"}, {"role_id": "viewer", "group": "名"}}
		var certificates []string
		for c := range 1 + n%5 {
			certificates = append(certificates, connectiontest.IssueCertificate(t, fmt.Sprint("idp ", c), time.Now().AddDate(c, 0, -1)).PEM)
		}
		fields["verification_certificates"] = certificates
	}
	return fields
}

func oidcFields(n int) map[string]any {
	fields := sometimes(n, map[string]any{"display_name": displayNames()[n%len(displayNames())]},
		"identity_provider", "microsoft-entra", "custom_scopes", "openid profile%20email",
		"attribute_mapping", map[string]string{"team": "claims.team"}, "client_id", "acme")
	if n%3 > 0 {
		fields["client_id"], fields["client_secret"], fields["issuer"] = "acme", "hush-of-the-client", "https://idp.example.com"
		for _, name := range []string{"authorization_url", "token_url", "userinfo_url", "jwks_url"} {
			fields[name] = "https://idp.example.com/" + name
		}
	}
	return fields
}

// hand is an environment of 50 connections that somebody made by hand. It returns the SCIM connections, by ID.
func (m *managed) hand() (scim map[string]string) {
	m.t.Helper()
	scim = map[string]string{}
	organizations := []string{m.org}
	for _, slug := range []string{"partner", "umbrella-corporation-with-a-long-slug", "third", "fourth"} {
		o, err := m.sim.AddOrganization(stytchsim.Organization{Slug: slug, Name: "Ünï " + slug})
		if err != nil {
			m.t.Fatal(err)
		}
		organizations = append(organizations, o.ID)
	}
	var sources []map[string]any
	for n := range 20 {
		organization := organizations[n%3]
		id := m.made(organization, stytchsim.SAML, samlFields(m.t, n))
		sources = append(sources, map[string]any{"external_organization_id": organization, "external_connection_id": id})
	}
	for n := range 15 {
		organization := organizations[n%2]
		id := m.made(organization, stytchsim.OIDC, oidcFields(n))
		if n < 3 {
			sources = append(sources, map[string]any{"external_organization_id": organization, "external_connection_id": id})
		}
	}
	for n := range 10 {
		fields := sources[len(sources)-1-n*2]
		fields["display_name"] = displayNames()[n%len(displayNames())]
		if id, _ := fields["external_connection_id"].(string); strings.HasPrefix(id, "saml") {
			fields = sometimes(n, fields,
				"external_connection_implicit_role_assignments", []map[string]any{{"role_id": "viewer"}},
				"external_group_implicit_role_assignments", []map[string]any{{"role_id": "viewer", "group": "名"}})
		}
		m.made(organizations[3+n%2], stytchsim.External, fields)
	}
	for n, organization := range organizations {
		token := fmt.Sprintf("token-of-%d-abcd", n)
		id := m.made(organization, stytchsim.SCIM, sometimes(n, map[string]any{"display_name": displayNames()[n], "bearer_token": token}, "identity_provider", "okta"))
		scim[id] = token
		if n == 0 {
			continue
		}
		group, err := m.sim.AddGroup(stytchsim.Group{Name: "Ops ☂", ConnectionID: id})
		if err != nil {
			m.t.Fatal(err)
		}
		if _, err := m.sim.PatchConnection(id, map[string]any{"scim_group_implicit_role_assignments": []map[string]any{{"role_id": "viewer", "group_id": group.ID}}}); err != nil {
			m.t.Fatal(err)
		}
	}
	return scim
}

// importInto imports everything into a directory.
func (m *managed) importInto(directory string, more ...string) said {
	m.t.Helper()
	return m.run(append([]string{"import", "--all", "--allow-insecure-loopback", "--output-dir", directory}, more...)...)
}

// contents are the files of a directory.
func contents(t *testing.T, directory string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[entry.Name()] = string(text)
	}
	return all
}

// What is imported is what there is: the plan has no difference before it is applied and, once it is managed, the operator changes
// nothing.
func TestWhatIsImportedIsManagedWithoutAChange(t *testing.T) {
	m := newManaged(t)
	tokens := m.hand()
	directory := filepath.Join(t.TempDir(), "new", "manifests")
	answer := m.importInto(directory)
	if answer.code != exitDone || strings.Count(answer.out, ": created\n") != 50 {
		t.Fatalf("it ended with %d:\n%s%s", answer.code, answer.out, answer.err)
	}
	first := contents(t, directory)
	if again := m.importInto(directory); again.code != exitDone || strings.Count(again.out, ": unchanged\n") != 50 || fmt.Sprint(contents(t, directory)) != fmt.Sprint(first) {
		t.Errorf("a second time it ended with %d:\n%s%s", again.code, again.out, again.err)
	}
	if apart := m.mustRun("import", "--all", "--kind=external", "--allow-insecure-loopback").out; strings.Count(fmt.Sprint(first), "  sourceRef:\n") != 10 || strings.Count(apart, "  source:\n") != 10 {
		t.Errorf("sources that are not imported:\n%s", apart)
	}
	for name, text := range first {
		if strings.Contains(text, "hush-of-the-client") || strings.Contains(text, "token-of-") || strings.Contains(text, "PRIVATE KEY") {
			t.Errorf("%s has a secret", name)
		}
	}
	before := m.run("plan", "-f", directory, "--allow-insecure-loopback")
	if before.code != exitDone || !strings.Contains(before.out, "0 to create, 0 to change, 50 without changes, 0 with errors.") {
		t.Errorf("before it is applied the plan ends with %d:\n%s%s", before.code, before.out, before.err)
	}
	since := len(m.sim.Calls())
	all := m.create50(directory)
	for _, o := range all {
		m.eventually(refOf(o)+" is in sync as it is observed", func() bool { m.reload(o); return inSync(o) })
	}
	m.manage(all, tokens)
	for _, c := range m.sim.Calls()[since:] {
		if c.Method != http.MethodGet {
			t.Errorf("the operator made the call %s %s with %v", c.Method, c.Path, c.Fields)
		}
	}
}

// create50 applies the manifests of a directory, with all that is in comments left out.
func (m *managed) create50(directory string) []v1alpha1.Connection {
	m.t.Helper()
	files, err := (&cli{}).filesIn(directory, m.namespace)
	if err != nil || len(files) != 50 {
		m.t.Fatalf("%d files, %v", len(files), err)
	}
	var all []v1alpha1.Connection
	for _, f := range files {
		if f.object.CommonSpec().Management != v1alpha1.ManagementObserve {
			m.t.Errorf("%s has management %q", f.path, f.object.CommonSpec().Management)
		}
		m.create(f.object)
		all = append(all, f.object)
	}
	return all
}

// manage has the operator manage the manifests, and fails unless nothing is left to do.
func (m *managed) manage(all []v1alpha1.Connection, tokens map[string]string) {
	m.t.Helper()
	for _, o := range all {
		if scim, ok := o.(*v1alpha1.SCIMConnection); ok {
			m.create(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: scim.Spec.BearerToken.SecretName, Labels: map[string]string{v1alpha1.LabelConnection: scim.Spec.ConnectionID}},
				StringData: map[string]string{v1alpha1.SecretKeyToken: tokens[scim.Spec.ConnectionID]},
			})
		}
		m.edit(o, func() { o.CommonSpec().Management = v1alpha1.ManagementManage })
	}
	for _, o := range all {
		m.eventually(refOf(o)+" is in sync", func() bool { m.reload(o); return inSync(o) && judged(o) })
		status := o.CommonStatus()
		conditions := status.Conditions
		synced, ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionSynced), meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady)
		if synced.Reason != v1alpha1.ReasonInSync || status.AppliedGeneration != o.GetGeneration() || meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled) {
			m.t.Errorf("%s: generation %d, applied %d, %+v", refOf(o), o.GetGeneration(), status.AppliedGeneration, conditions)
		}
		if ready != (status.State == connection.StateActive) {
			m.t.Errorf("%s is %s, and Ready %t: %+v", refOf(o), status.State, ready, conditions)
		}
	}
	m.calm()
}

// What is commented out belongs to spec where it stands.
func TestWhatStytchDoesNotShowIsReadyToBeUncommented(t *testing.T) {
	m := newManaged(t)
	m.made(m.org, stytchsim.SAML, samlFields(t, 13))
	m.made(m.org, stytchsim.OIDC, oidcFields(13))
	answer := m.mustRun("import", "--organization=acme", "--allow-insecure-loopback")
	var lines []string
	for line := range strings.Lines(answer.out) {
		if strings.HasPrefix(line, "  # Stytch") {
			continue
		}
		lines = append(lines, strings.Replace(line, "  # ", "  ", 1))
	}
	m.apply(strings.Join(lines, ""))
	all, err := (&cluster{api, m.namespace}).every(t.Context(), m.namespace, kinds()...)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d manifests, %v", len(all), err)
	}
	for _, o := range all {
		switch o := o.(type) {
		case *v1alpha1.SAMLConnection:
			if o.Spec.SigningPrivateKeyRef == nil || len(o.Spec.EncryptionPrivateKeyRefs) != 1 {
				t.Errorf("the keys of %+v", o.Spec)
			}
		case *v1alpha1.OIDCConnection:
			if o.Spec.ClientSecretRef == nil {
				t.Errorf("the client secret of %+v", o.Spec)
			}
		}
	}
}

// What no manifest may have is left out, and said.
func TestWhatNoManifestMayHaveIsSaid(t *testing.T) {
	m := newManaged(t)
	certificate := connectiontest.IssueCertificate(t, "idp", time.Now().AddDate(1, 0, 0)).PEM
	m.made(m.org, stytchsim.SAML, map[string]any{
		"display_name": " Okta", "identity_provider": "my-own", "idp_sso_url": "http://idp", "idp_entity_id": "a\tb",
		"verification_certificates": []string{certificate, certificate}, "nameid_format": "x ",
		"saml_group_implicit_role_assignments": []map[string]any{{"role_id": "viewer", "group": "a\nb"}},
		"attribute_mapping":                    map[string]string{"email": " NameID"}, "alternative_acs_url": "https://a b",
	})
	m.made(m.org, stytchsim.OIDC, map[string]any{"custom_scopes": "profile", "issuer": "https://idp/.well-known/openid-configuration", "client_id": "\u200ba", "display_name": "Acme [new 0a1b2c3d]"})
	m.made(m.org, stytchsim.External, map[string]any{"external_organization_id": m.org, "external_connection_id": "x"})
	answer := m.run("import", "--organization", "acme", "--allow-insecure-loopback")
	for _, text := range []string{
		"displayName, identityProvider, idpEntityID, idpSSOURL, attributeMapping, nameIDFormat, alternativeACSURL, groupImplicitRoles, verificationCertificates",
		"displayName, clientID, issuer, customScopes", "cannot be imported: Stytch shows no source", "error: not everything was imported",
	} {
		if !strings.Contains(answer.err, text) {
			t.Errorf("it does not say %q:\n%s", text, answer.err)
		}
	}
	if answer.code != exitFailed {
		t.Errorf("it ended with %d", answer.code)
	}
	m.apply(answer.out)
}

// A file of somebody is never lost, and its name stays.
func TestAFileThatDiffersIsKept(t *testing.T) {
	m := newManaged(t)
	id := m.made(m.org, stytchsim.SAML, map[string]any{"display_name": "Okta"})
	directory := t.TempDir()
	m.importInto(directory)
	files, err := (&cli{}).filesIn(directory, m.namespace)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(directory, "mine.yml")
	if err := os.Rename(files[id].path, path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, kustomizationFile), []byte("# ours\nresources:\n- mine.yml # okta\nnamespace: acme\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mine := bytes.Replace(text, []byte("metadata:\n"), []byte("metadata:\n  labels: {team: sso}\n"), 1)
	mine = bytes.Replace(mine, []byte("name: "+files[id].object.GetName()), []byte("name: mine"), 1)
	if err := os.WriteFile(path, mine, 0o600); err != nil {
		t.Fatal(err)
	}
	if answer := m.importInto(directory); answer.code != exitDone || !strings.Contains(answer.out, "samlconnection/mine: "+path+": unchanged\n") {
		t.Errorf("only its name is another one: %d\n%s%s", answer.code, answer.out, answer.err)
	}
	if _, err := m.sim.PatchConnection(id, map[string]any{"display_name": "Another"}); err != nil {
		t.Fatal(err)
	}
	if answer := m.importInto(directory); answer.code != exitFound || !strings.Contains(answer.out, "differs, kept") || contents(t, directory)["mine.yml"] != string(mine) {
		t.Errorf("it differs: %d\n%s%s", answer.code, answer.out, answer.err)
	}
	m.made(m.org, stytchsim.OIDC, nil)
	answer := m.importInto(directory, "--force")
	after := contents(t, directory)
	if answer.code != exitDone || len(after) != 3 || !strings.Contains(after["mine.yml"], "displayName: Another") || !strings.Contains(after["mine.yml"], "team: sso") {
		t.Errorf("with --force: %d\n%s%s%v", answer.code, answer.out, answer.err, after)
	}
	if text := after[kustomizationFile]; !strings.Contains(text, "# ours") || !strings.Contains(text, "- mine.yml # okta") || !strings.Contains(text, "namespace: acme") || strings.Count(text, "- acme-oidc-") != 1 {
		t.Errorf("the kustomization is\n%s", text)
	}
	if err := os.WriteFile(filepath.Join(directory, "copy.yaml"), mine, 0o600); err != nil {
		t.Fatal(err)
	}
	m.refuses("both have a manifest of the connection", "import", "--all", "--allow-insecure-loopback", "--output-dir", directory)
}

// An interrupted import leaves whole files, or none.
func TestAnInterruptedImportLeavesNoHalfAFile(t *testing.T) {
	m := newManaged(t)
	m.made(m.org, stytchsim.SAML, nil)
	m.made(m.org, stytchsim.OIDC, nil)
	directory := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var complaint bytes.Buffer
	interrupt := writerFunc(func([]byte) { cancel() }) // after the first file
	code := run(ctx, []string{"import", "--all", "--allow-insecure-loopback", "--output-dir", directory, "--kubeconfig=" + m.kubeconfig, "-n", m.namespace},
		genericiooptions.IOStreams{In: strings.NewReader(""), Out: interrupt, ErrOut: &complaint})
	if code != exitInterrupted {
		t.Errorf("it ended with %d: %s", code, &complaint)
	}
	files, err := (&cli{}).filesIn(directory, m.namespace)
	if err != nil || len(files) != 1 || len(contents(t, directory)) != 1 {
		t.Errorf("%v, %v", contents(t, directory), err)
	}
}

// What cannot be read is said, and the rest is imported; but without credentials nothing is.
func TestAnOrganizationThatCannotBeReadKeepsNoOtherBack(t *testing.T) {
	m := newManaged(t)
	other, err := m.sim.AddOrganization(stytchsim.Organization{Slug: "broken"})
	if err != nil {
		t.Fatal(err)
	}
	m.made(m.org, stytchsim.SAML, nil)
	m.made(other.ID, stytchsim.SAML, nil)
	if _, err := m.sim.AddFault(stytchsim.Fault{Path: "/v1/b2b/sso/" + other.ID, Status: http.StatusInternalServerError, ErrorType: "internal_server_error"}); err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	answer := m.importInto(directory)
	if answer.code != exitFailed || len(contents(t, directory)) != 2 || !strings.Contains(answer.err, "organization broken ("+other.ID+"): ") || !strings.Contains(answer.err, "internal_server_error") {
		t.Errorf("it ended with %d, and wrote %v:\n%s", answer.code, contents(t, directory), answer.err)
	}
	if _, err := m.sim.AddFault(stytchsim.Fault{Path: "/v1/b2b/sso/*", Status: http.StatusUnauthorized, ErrorType: "unauthorized_credentials"}); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	if answer := m.importInto(empty); answer.code != exitFailed || len(contents(t, empty)) != 0 || !strings.Contains(answer.err, "unauthorized_credentials") {
		t.Errorf("without credentials it ended with %d, and wrote %v:\n%s", answer.code, contents(t, empty), answer.err)
	}
}

// Calls are made at the rate of the project.
func TestAnImportKeepsThePaceOfTheProject(t *testing.T) {
	m := newManaged(t)
	project := &v1alpha1.StytchProject{ObjectMeta: m.meta("default")}
	m.edit(project, func() { project.Spec.RateLimit = &v1alpha1.RateLimit{RequestsPerSecond: 5, Burst: 1} })
	for n := range 4 {
		if _, err := m.sim.AddOrganization(stytchsim.Organization{Slug: fmt.Sprint("o", n)}); err != nil {
			t.Fatal(err)
		}
	}
	since := len(m.sim.Calls())
	m.mustRun("import", "--all", "--allow-insecure-loopback")
	var times []time.Time
	for _, c := range m.sim.Calls()[since:] {
		if strings.HasPrefix(c.UserAgent, "kubectl-stytch/") {
			times = append(times, c.Time)
		}
	}
	if took := times[len(times)-1].Sub(times[0]); len(times) != 11 || took < 1800*time.Millisecond {
		t.Errorf("%d calls in %s, want 11 in two seconds", len(times), took)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestImportRefusesWhatItCannotDo(t *testing.T) {
	m := newManaged(t)
	loopback := "--allow-insecure-loopback"
	m.refuses("give either --organization or --all", "import", loopback)
	m.refuses("give either --organization or --all", "import", "--all", "--organization=acme", loopback)
	m.refuses(`--kind is "ldap"`, "import", "--all", "--kind=ldap", loopback)
	m.refuses("--force needs --output-dir", "import", "--all", "--force", loopback)
	m.refuses(`the project has no organization with the ID, slug or external ID "nobody"`, "import", "--organization=nobody", loopback)
	m.refuses("live", "import", "--organization=organization-live-11111111-1111-4111-8111-111111111111", loopback)
	m.refuses("StytchProject other does not exist", "import", "--all", "--project=other", loopback)
	m.as("nobody").refuses("forbidden", "import", "--all", loopback)
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "a.yaml"), []byte("apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.refuses("a.yaml", "import", "--all", loopback, "--output-dir", broken)
	newer := strings.NewReplacer("v1alpha1", "v9").Replace("apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: a}\n")
	if err := os.WriteFile(filepath.Join(broken, "a.yaml"), []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	m.refuses("this version of the plugin knows", "import", "--all", loopback, "--output-dir", broken)
	t.Setenv(envProjectID, stytchsim.DefaultProjectID)
	t.Setenv(envBaseURL, m.url)
	m.refuses(envSecret+" is not", "import", "--all", loopback)
	t.Setenv(envSecret, "wrong")
	m.refuses("secret", "import", "--all", loopback)
	t.Setenv(envSecret, stytchsim.DefaultSecret)
	m.made(m.org, stytchsim.SCIM, nil)
	m.made(m.org, stytchsim.OIDC, nil)
	answer := runIn(t.Context(), "import", "--organization=acme", "--kind=scim", loopback, "--kubeconfig="+os.DevNull)
	if answer.code != exitDone || strings.Count(answer.out, "kind: ") != 1 || !strings.Contains(answer.out, "kind: SCIMConnection") || strings.Contains(answer.out, "namespace:") {
		t.Errorf("without a cluster: %+v", answer)
	}
	if reads := m.sim.Calls(); reads[len(reads)-1].Operation != "GetSCIMConnection" || slices.ContainsFunc(reads[len(reads)-2:], func(c stytchsim.Call) bool { return c.Operation == "ListSSOConnections" }) {
		t.Error("it read connections of other kinds")
	}
}

func TestANameDependsOnTheConnectionAlone(t *testing.T) {
	for _, c := range []struct{ slug, name, kind, want string }{
		{"acme", "Okta", "saml", "acme-okta-"},
		{"acme", "Acme – Okta", "saml", "acme-okta-"},
		{"acme", "日本語", "oidc", "acme-oidc-"},
		{"", "Ünï  Ω!", "scim", "uni-"},
		{"", "", "external", "external-"},
		{strings.Repeat("a", 128), strings.Repeat("b-", 128), "saml", strings.Repeat("a", 20) + "-" + strings.Repeat("b-", 15)},
	} {
		got, other := manifestName(c.slug, c.name, c.kind, "id-1"), manifestName(c.slug, c.name, c.kind, "id-2")
		if strings.TrimSuffix(got, got[len(got)-digitsOfID:]) != c.want || got == other || len(got) > 63 {
			t.Errorf("%q of %q is %q, and of another %q", c.name, c.slug, got, other)
		}
	}
}
