package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// What the environment of the golden files is made of. Nothing of it varies.
const (
	acmeID     = "organization-test-48cd6a10-0000-4000-8000-000000000001"
	partnerID  = "organization-test-7a0b93e2-0000-4000-8000-000000000002"
	oktaID     = "saml-connection-test-51c0e7d4-0000-4000-8000-000000000003"
	entraID    = "oidc-connection-test-4d1d08ff-0000-4000-8000-000000000004"
	peopleID   = "scim-connection-test-c2b95f16-0000-4000-8000-000000000005"
	theirsID   = "external-connection-test-e83a2b70-0000-4000-8000-000000000006"
	acmesToken = "the-token-of-acme-which-ends-in-wxyz"
)

// newEnvironment is two organizations with connections that somebody made by hand, and a project with which nothing is managed yet.
func newEnvironment(t *testing.T) *typist {
	t.Helper()
	m := newManagedFor(t, stytchsim.Organization{ID: acmeID, Slug: "acme", Name: "Acme"})
	if _, err := m.sim.AddOrganization(stytchsim.Organization{ID: partnerID, Slug: "partner", Name: "Partner"}); err != nil {
		t.Fatal(err)
	}
	m.made(acmeID, stytchsim.SCIM, map[string]any{"connection_id": peopleID, "display_name": "People", "identity_provider": "okta", "bearer_token": acmesToken})
	m.made(acmeID, stytchsim.SAML, map[string]any{
		"connection_id": oktaID, "display_name": "Okta", "idp_entity_id": "https://acme.okta.example", "idp_sso_url": "https://acme.okta.example/sso",
		"attribute_mapping": map[string]string{"email": "NameID", "full_name": "displayName"},
	})
	m.made(acmeID, stytchsim.OIDC, map[string]any{
		"connection_id": entraID, "display_name": "Entra", "client_id": "acme", "client_secret": "hush-of-the-client", "issuer": "https://acme.entra.example",
		"authorization_url": "https://acme.entra.example/authorize", "token_url": "https://acme.entra.example/token",
		"userinfo_url": "https://acme.entra.example/userinfo", "jwks_url": "https://acme.entra.example/keys",
	})
	m.made(partnerID, stytchsim.External, map[string]any{
		"connection_id": theirsID, "display_name": "Okta", "external_organization_id": acmeID, "external_connection_id": oktaID,
	})
	return newTypist(m)
}

// manifests are those that somebody has written: one that is in conflict, one with drift, one without, and one that is new.
func (y *typist) manifests() {
	y.t.Helper()
	ends := time.Now().AddDate(0, 6, 0)
	certificate := connectiontest.IssueCertificate(y.t, "idp.acme.example", ends)
	y.varies = append(y.varies, certificate.SHA256, strings.Repeat("7c142587", 8), connection.FormatTime(ends), "2027-06-01T00:00:00Z")
	head := func(kind, name string) string {
		return fmt.Sprintf("apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: %s\nmetadata:\n  name: %s\nspec:\n", kind, name)
	}
	y.file("manifests/acme-okta.yaml", head("SAMLConnection", "acme-okta")+"  organization: acme # the slug\n  displayName: Okta\n  identityProvider: okta\n"+
		"  verificationCertificates:\n  - pem: |\n"+strings.ReplaceAll("\n"+strings.TrimSpace(certificate.PEM), "\n", "\n      ")[1:]+"\n")
	y.file("manifests/acme-entra.yaml", head("OIDCConnection", "acme-entra")+
		"  organization: acme\n  connectionID: "+entraID+"\n  clientSecretRef:\n    name: acme-entra\n    key: secret\n")
	y.file("manifests/acme-scim.yaml", head("SCIMConnection", "acme-scim")+
		"  organization: acme\n  connectionID: "+peopleID+"\n  bearerToken:\n    secretName: acme-scim-token\n")
	y.file("manifests/partner.yaml", head("ExternalConnection", "partner")+
		"  organization: acme\n  source:\n    organizationID: "+acmeID+"\n    connectionID: "+entraID+"\n")
	y.create(&corev1.Secret{ObjectMeta: y.meta("acme-entra"), StringData: map[string]string{"secret": "a-new-secret"}})
}

// applied creates two manifests, and waits until the operator has found the one in sync and the other in conflict.
func (y *typist) applied() (okta *v1alpha1.SAMLConnection) {
	y.t.Helper()
	okta = &v1alpha1.SAMLConnection{ObjectMeta: y.meta("acme-okta"), Spec: v1alpha1.SAMLConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme", DisplayName: "Okta"},
	}}
	y.create(okta)
	token := &corev1.Secret{ObjectMeta: y.meta("acme-scim-token"), StringData: map[string]string{v1alpha1.SecretKeyToken: acmesToken}}
	token.Labels = map[string]string{v1alpha1.LabelConnection: peopleID}
	y.create(token)
	scim := &v1alpha1.SCIMConnection{ObjectMeta: y.meta("acme-scim"), Spec: v1alpha1.SCIMConnectionSpec{
		ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme", ConnectionID: peopleID}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim-token"},
	}}
	y.create(scim)
	y.eventually("acme-scim is in sync", func() bool { y.reload(scim); return inSync(scim) })
	y.eventually("acme-okta is in conflict", func() bool { y.reload(okta); return reasonOf(okta) == v1alpha1.ReasonConflict })
	return okta
}

// reasonOf is the reason of Synced.
func reasonOf(o v1alpha1.Connection) string {
	if synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced); synced != nil {
		return synced.Reason
	}
	return ""
}

// What the real program says, run by the real kubectl, in an environment that a real manager serves.
func TestOutputsAreThoseOfTheGoldenFiles(t *testing.T) {
	y := newEnvironment(t)
	y.help()
	y.chapter("import",
		"kubectl stytch import --organization acme",
		"kubectl stytch import --all --output-dir manifests/",
		"kubectl stytch plan -f manifests/",
		"kubectl stytch import --all --output-dir manifests/",
		"kubectl stytch import --all --kind saml,oidc --output-dir manifests/",
	)
	y.drift(oktaID, "Okta of Acme")
	y.chapter("import-differs",
		"kubectl stytch plan -f manifests/",
		"kubectl stytch import --all --kind saml --output-dir manifests/",
		"kubectl stytch import --all --kind saml --output-dir manifests/ --force",
	)
	y.drift(oktaID, "Okta")
	if err := os.RemoveAll(y.home + "/manifests"); err != nil {
		t.Fatal(err)
	}
	y.manifests()
	okta := y.applied()
	y.chapter("adopt",
		"kubectl stytch adopt acme-okta",
		"kubectl stytch adopt acme-scim",
		"kubectl stytch adopt samlconnection/acme-okta",
		"kubectl stytch plan acme-okta acme-scim",
		"kubectl stytch adopt -f manifests/",
	)
	y.chapter("plan",
		"kubectl stytch plan -f manifests/",
		"kubectl stytch plan -f manifests/ -o json",
		"kubectl stytch plan -f manifests/ -o yaml",
		"kubectl stytch plan -f manifests/ -R -o markdown",
		"kubectl stytch plan -f - <manifests/acme-scim.yaml",
	)
	y.edit(okta, func() { okta.Spec.ConnectionID = oktaID })
	y.eventually("acme-okta is in sync", func() bool { y.reload(okta); return inSync(okta) })
	y.chapter("resync",
		"kubectl stytch resync acme-okta",
		"kubectl stytch resync --all",
		"kubectl stytch resync --all --wait=false",
	)
	y.rotation()
	y.wrong()
	y.allRead()
	y.examples()
}

// help is the help of every command, and the version.
func (y *typist) help() {
	y.t.Helper()
	lines := []string{"kubectl stytch --help"}
	for _, cmd := range newCommand(genericiooptions.NewTestIOStreamsDiscard(), nil).Commands() {
		lines = append(lines, "kubectl stytch "+cmd.Name()+" --help")
	}
	y.chapter("help", lines...)
	y.chapter("version", "kubectl stytch version", "kubectl stytch version --client", "kubectl stytch version --as=nobody")
}

// examples runs what is in --help, unless it was run and did not fail.
func (y *typist) examples() {
	y.t.Helper()
	for _, cmd := range newCommand(genericiooptions.NewTestIOStreamsDiscard(), nil).Commands() {
		for _, line := range exampleLines(cmd) {
			line, _, _ = strings.Cut(line, " | ")
			if y.done[line] {
				continue
			}
			if answer := y.types(line); answer.code == exitFailed {
				y.t.Errorf("of --help, %q fails: %s", line, answer.err)
			}
		}
	}
}

// drift renames a connection past the operator.
func (y *typist) drift(id, name string) {
	y.t.Helper()
	if _, err := y.sim.PatchConnection(id, map[string]any{"display_name": name}); err != nil {
		y.t.Fatal(err)
	}
}

// rotation is the life of a token, and what status says of it.
func (y *typist) rotation() {
	y.t.Helper()
	y.chapter("rotate",
		"kubectl stytch rotate acme-scim",
		"kubectl stytch rotate acme-scim",
	)
	y.chapter("status",
		"kubectl stytch status",
		"kubectl stytch status -o wide",
		"kubectl stytch status -o json",
		"kubectl stytch status -o yaml",
		"kubectl stytch status samlconnection/acme-okta",
	)
	y.chapter("rotate-ends",
		"kubectl stytch rotate acme-scim --cancel",
		"kubectl stytch rotate acme-scim --acknowledge",
		"kubectl stytch rotate acme-scim",
		"kubectl stytch rotate acme-scim --acknowledge --show-token",
		"kubectl stytch status acme-scim",
	)
}

// wrong is what people do wrong, or have wrong.
func (y *typist) wrong() {
	y.t.Helper()
	y.wrongFiles()
	y.chapter("wrong-usage",
		"kubectl stytch staus",
		"kubectl stytch plan",
		"kubectl stytch plan acme-okta -f manifests/",
		"kubectl stytch plan acme-okta --offline",
		"kubectl stytch plan -f manifests/ -o table",
		"kubectl stytch plan -f manifests/ --colour",
		"kubectl stytch import",
		"kubectl stytch import --all --organization acme",
		"kubectl stytch import --all --kind ldap",
		"kubectl stytch import --all --force",
		"kubectl stytch import acme",
		"kubectl stytch adopt",
		"kubectl stytch adopt -f - <manifests/acme-scim.yaml",
		"kubectl stytch status -o table",
		"kubectl stytch status acme-okta -A",
		"kubectl stytch status --within=-1",
		"kubectl stytch status nobody",
		"kubectl stytch resync",
		"kubectl stytch resync stytchproject/default",
		"kubectl stytch rotate",
		"kubectl stytch rotate acme-okta",
		"kubectl stytch rotate acme-scim --acknowledge --cancel",
		"kubectl stytch rotate acme-scim --cancel --show-token",
	)
	project := envProjectID + "=" + stytchsim.DefaultProjectID
	y.chapter("wrong-credentials",
		"kubectl stytch import --all -n empty",
		"kubectl stytch import --all --project other",
		"kubectl stytch plan -f manifests/acme-scim.yaml -n empty",
		"kubectl stytch adopt -f manifests/acme-scim.yaml -n empty",
		project+" kubectl stytch import --all",
		project+" STYTCH_SECRET=wrong kubectl stytch import --all",
		project+" STYTCH_SECRET=wrong kubectl stytch plan -f manifests/acme-scim.yaml",
		"STYTCH_PROJECT_ID=acme STYTCH_SECRET=wrong kubectl stytch import --all",
	)
	y.chapter("wrong-organization",
		"kubectl stytch import --organization nobody",
		"kubectl stytch import --organization acme --organization nobody",
		"kubectl stytch import --organization organization-live-48cd6a10-0000-4000-8000-000000000001",
		"kubectl stytch plan -f wrong/organization.yaml",
		"kubectl stytch plan -f wrong/missing.yaml",
	)
	y.wrongRights()
	y.fails("stytch-fails", stytchsim.Fault{Status: http.StatusInternalServerError, ErrorType: "internal_server_error"})
	y.fails("stytch-throttles", stytchsim.Fault{Status: http.StatusTooManyRequests, ErrorType: "too_many_requests", RetryAfter: "1"})
	y.chapter("wrong-cluster",
		"kubectl stytch status --server=http://127.0.0.1:1",
		"kubectl stytch plan -f manifests/ --server=http://127.0.0.1:1",
		"kubectl stytch status --context=other",
	)
}

// fails is what is said of a Stytch that answers nothing else.
func (y *typist) fails(name string, fault stytchsim.Fault) {
	y.t.Helper()
	if _, err := y.sim.AddFault(fault); err != nil {
		y.t.Fatal(err)
	}
	y.chapter(name,
		"kubectl stytch import --all",
		"kubectl stytch import --organization acme",
		"kubectl stytch plan -f manifests/acme-scim.yaml",
	)
	y.sim.RemoveFaults()
}

// wrongFiles are files that are no manifests, or wrong ones.
func (y *typist) wrongFiles() {
	y.t.Helper()
	y.file("wrong/notes.txt", "Ask Ada for the certificate.\n")
	y.file("wrong/notes.yaml", "Ask Ada for the certificate.\n")
	y.file("wrong/broken.yaml", "kind: SAMLConnection\nspec: {organization: acme\n")
	y.file("wrong/empty.yaml", "")
	y.file("wrong/kindless.yaml", "name: acme\n")
	y.file("wrong/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n")
	manifest := func(version, name, spec string) string {
		return "apiVersion: connections.stytch-operator.dev/" + version + "\nkind: SAMLConnection\nmetadata:\n  name: " + name + "\nspec:\n" + spec
	}
	y.file("wrong/v1beta9.yaml", manifest("v1beta9", "acme-okta", "  organization: acme\n"))
	y.file("wrong/field.yaml", manifest("v1alpha1", "acme-okta", "  organisation: acme\n"))
	y.file("wrong/type.yaml", manifest("v1alpha1", "acme-okta", "  organization: [acme]\n"))
	y.file("wrong/organization.yaml", manifest("v1alpha1", "fresh", "  organization: nobody\n"))
	y.file("wrong/missing.yaml", manifest("v1alpha1", "fresh", "  organization: acme\n  connectionID: saml-connection-test-of-nobody\n"))
	same := "  organization: acme\n  connectionID: " + oktaID + "\n"
	y.file("twice/a.yaml", manifest("v1alpha1", "one", same))
	y.file("twice/b.yaml", manifest("v1alpha1", "other", same))
	y.file("again/a.yaml", manifest("v1alpha1", "one", same))
	y.file("again/b.yaml", manifest("v1alpha1", "one", same))
	y.file("mixed/a.yaml", manifest("v1beta9", "a", same))
	y.file("mixed/b.yaml", "Ask Ada for the certificate.\n")
	y.chapter("wrong-files",
		"kubectl stytch plan -f nothing.yaml",
		"kubectl stytch plan -f wrong/notes.txt",
		"kubectl stytch plan -f wrong/notes.yaml",
		"kubectl stytch plan -f wrong/broken.yaml",
		"kubectl stytch plan -f wrong/empty.yaml",
		"kubectl stytch plan -f - <wrong/empty.yaml",
		"kubectl stytch plan -f wrong/kindless.yaml",
		"kubectl stytch plan -f wrong/other.yaml",
		"kubectl stytch plan -f wrong/v1beta9.yaml",
		"kubectl stytch plan -f wrong/field.yaml",
		"kubectl stytch plan -f wrong/type.yaml",
		"kubectl stytch plan -f twice/",
		"kubectl stytch plan -f again/",
		"kubectl stytch plan -f mixed/",
		"kubectl stytch adopt -f wrong/v1beta9.yaml",
		"kubectl stytch adopt -f twice/",
		"kubectl stytch import --all --output-dir mixed/",
		"kubectl stytch import --all --output-dir twice/",
		"kubectl stytch import --all --output-dir wrong/notes.txt",
	)
}

// wrongRights is what somebody is told who has none, or none on Secrets.
func (y *typist) wrongRights() {
	y.t.Helper()
	for _, line := range []string{
		"kubectl create role reader --verb=get,list,watch --resource=*.connections.stytch-operator.dev",
		"kubectl create rolebinding reader --role=reader --user=reader",
	} {
		if answer := y.types(line); answer.code != 0 {
			y.t.Fatal(answer.err)
		}
	}
	var lines []string
	for _, line := range []string{
		"status", "plan acme-okta", "plan -f manifests/acme-scim.yaml", "import --all", "adopt acme-okta", "resync acme-okta", "rotate acme-scim",
	} {
		lines = append(lines, "kubectl stytch "+line+" --as=nobody", "kubectl stytch "+line+" --as=reader")
	}
	y.chapter("wrong-rights", append(lines, "kubectl stytch status -A --as=reader")...)
}
