package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// What is written reads as what was meant, by kubectl and by kustomize, whatever somebody has entered in Stytch.
func TestADraftReadsAsItWasMeant(t *testing.T) {
	for _, text := range append(texts(),
		"<<", "=", "~", "yes", "0042", "1e3", "0x1F", "1_000", "2026-01-01", "---", "...", "- a", "? a", "a: b", "a #b", "# a", "&a", "*a", "!a", "|", ">", "%a",
		"@a", "`a", "[a]", "{{ a }}", "'", `"`, "a\u2028b", "a\u2029spec: {}", "a\u0085b", "a\rb", "\ufeffa", "a\ufeffb", "🎉", "\u202ea", `\`,
	) {
		i := &importer{named: map[string]v1alpha1.Connection{}}
		d := i.saml(stytch.Organization{ID: "organization-test-0", Slug: text}, stytch.SAMLConnection{
			Connection:       stytch.Connection{ConnectionID: "saml-connection-test-0", DisplayName: text},
			AttributeMapping: map[string]string{text: text, "groups": "g"}, IDPEntityID: text, ImplicitRoles: []string{text},
			GroupImplicitRoles: []stytch.GroupRole{{Group: text, RoleID: "r"}},
		})
		if err := d.render(); err != nil {
			t.Fatal(err)
		}
		want, err := asMap(d.object)
		if err != nil {
			t.Fatal(err)
		}
		delete(want, "status")
		for reader, read := range map[string]func([]byte, any) error{
			"kubectl":   func(text []byte, into any) error { return sigsyaml.Unmarshal(text, into) },
			"kustomize": yaml.Unmarshal,
		} {
			var got map[string]any
			if err := read(d.text, &got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%.40q is read by %s as %v, %v", text, reader, got, err)
			}
		}
	}
}

const aManifest = "apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: SAMLConnection\nmetadata: {name: okta}\n" +
	"spec: {organization: acme, connectionID: saml-connection-test-1}\n"

// directoryOf is a directory with these files.
func directoryOf(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// What else is in a file keeps it from being overwritten, of whatever kind it is.
func TestAFileWithOtherObjectsIsNotAlone(t *testing.T) {
	for other, alone := range map[string]bool{
		"": true, "---\n# nothing\n": true,
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n":          false,
		"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n": false,
	} {
		files, err := (&cli{}).filesIn(directoryOf(t, map[string]string{"a.yaml": aManifest + other}), "acme")
		if is := files["saml-connection-test-1"]; err != nil || len(files) != 1 || is.alone != alone {
			t.Errorf("with %q it is %+v, %v", other, is, err)
		}
	}
}

func TestACommentHasTheWholeText(t *testing.T) {
	for text, want := range map[string]string{`say "hi"`: `say \"hi\"`, `"`: `\"`, "a\nb": `a\nb`, "a\u2028b": `a\u2028b`} {
		if got := shown(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}

// With --force, too, nothing is lost but the manifest of the connection itself.
func TestForceOverwritesNothingElse(t *testing.T) {
	const id, other = "saml-connection-test-1", "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
	draftOf := func(i *importer) draft {
		d := i.saml(stytch.Organization{ID: "organization-test-0"}, stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: id, DisplayName: "Okta"}})
		if err := d.render(); err != nil {
			t.Fatal(err)
		}
		return d
	}
	name := manifestName("", "Okta", "saml", id) + ".yaml"
	for what, c := range map[string]struct {
		file, text string
		problems   int
	}{
		"the manifest alone":     {"a.yaml", aManifest, 0},
		"with another object":    {"a.yaml", aManifest + other, 1},
		"another of that name":   {name, other, 1},
		"one without a manifest": {name, "# ours\n", 1},
	} {
		directory := directoryOf(t, map[string]string{c.file: c.text})
		files, err := (&cli{}).filesIn(directory, "acme")
		if err != nil {
			t.Fatal(err)
		}
		i := &importer{cli: &cli{}, flags: importFlags{directory: directory, force: true}, files: files, named: map[string]v1alpha1.Connection{}}
		i.Out = io.Discard
		differ, err := i.write(t.Context(), []draft{draftOf(i)})
		if kept := contents(t, directory)[c.file] == c.text; err != nil || differ != c.problems || len(i.problems) != c.problems || kept != (c.problems > 0) {
			t.Errorf("%s: kept %t, %d differ, %v, %v", what, kept, differ, i.problems, err)
		}
	}
}

// Files that are no manifests of this operator are nobody's business: they do not keep an import back, and what they say is not shown.
func TestFilesOfOthersAreNotRead(t *testing.T) {
	files := map[string]string{
		"a.yaml": aManifest, "values.yaml": "password: hush\n", "template.yaml": "{{ if .Values.x }}\n", "package.json": `{"name": "a"}`, "list.yaml": "[1]\n",
	}
	if found, err := (&cli{}).filesIn(directoryOf(t, files), "acme"); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	files["b.yaml"] = "{{ if .Values.x }}\n" + aManifest
	if _, err := (&cli{}).filesIn(directoryOf(t, files), "acme"); err == nil || !strings.Contains(err.Error(), "b.yaml") {
		t.Errorf("a manifest that cannot be read: %v", err)
	}
}

// The kustomization that a directory has is the one that is written, and it is still one.
func TestTheKustomizationOfADirectoryIsUsed(t *testing.T) {
	for name, c := range map[string]struct{ name, before, want string }{
		"none":       {"kustomization.yaml", "", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- a.yaml\n"},
		"short":      {"kustomization.yml", "resources:\n- b.yaml\n", "resources:\n  - b.yaml\n  - a.yaml\n"},
		"without":    {"Kustomization", "namespace: acme\n", "namespace: acme\nresources:\n  - a.yaml\n"},
		"empty list": {"kustomization.yaml", "resources: # ours\nnamespace: acme\n", "resources: # ours\n  - a.yaml\nnamespace: acme\n"},
	} {
		files := map[string]string{}
		if c.before != "" {
			files[c.name] = c.before
		}
		directory := directoryOf(t, files)
		err := kustomize(directory, []string{"a.yaml"})
		if got := contents(t, directory); err != nil || len(got) != 1 || got[c.name] != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A directory is read without its kustomizations, which need not say what kind they are.
func TestAPlanOfADirectoryLeavesKustomizationsOut(t *testing.T) {
	directory := directoryOf(t, map[string]string{"a.yaml": aManifest, "kustomization.yaml": "resources: [a.yaml]\n", "notes.txt": "x"})
	below := filepath.Join(directory, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	more := strings.NewReplacer("okta", "more", "test-1", "test-2").Replace(aManifest)
	for name, text := range map[string]string{"b.json": more, "kustomization.yml": "resources: [b.json]\n"} {
		if err := os.WriteFile(filepath.Join(below, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for recursive, want := range map[bool]int{false: 1, true: 2} {
		if found, err := (&cli{}).readFiles(planFlags{files: []string{directory}, recursive: recursive}, "acme"); err != nil || len(found) != want {
			t.Errorf("recursive %t: %v, %v", recursive, found, err)
		}
	}
	if _, err := (&cli{}).readFiles(planFlags{files: []string{t.TempDir()}}, "acme"); err == nil || !strings.Contains(err.Error(), "has no manifests") {
		t.Errorf("a directory without any: %v", err)
	}
}

// Lists are in an order of their own: Stytch documents none, so that one from which a manifest was made may come in another one.
func TestADraftDoesNotDependOnTheOrderOfLists(t *testing.T) {
	in := stytch.Organization{ID: "organization-test-0"}
	one, two := connectiontest.IssueCertificate(t, "one", time.Now().AddDate(1, 0, 0)), connectiontest.IssueCertificate(t, "two", time.Now().AddDate(1, 0, 0))
	saml := stytch.SAMLConnection{
		Connection:               stytch.Connection{ConnectionID: "saml-connection-test-0"},
		AttributeMapping:         map[string]string{"groups": "g"},
		GroupImplicitRoles:       []stytch.GroupRole{{Group: "a", RoleID: "r"}, {Group: "a", RoleID: "s"}, {Group: "b", RoleID: "r"}},
		VerificationCertificates: []stytch.Certificate{{PEM: one.PEM, SHA256: "1"}, {PEM: two.PEM, SHA256: "2"}},
	}
	scim := stytch.SCIMConnection{
		Connection:         stytch.Connection{ConnectionID: "scim-connection-test-0"},
		GroupImplicitRoles: []stytch.SCIMGroupRole{{GroupID: "scim-group-test-1", RoleID: "r"}, {GroupID: "scim-group-test-2", RoleID: "r"}},
	}
	drafts := func() []draft {
		i := &importer{named: map[string]v1alpha1.Connection{}}
		return []draft{i.saml(in, saml), i.scim(in, scim)}
	}
	before := drafts()
	slices.Reverse(saml.GroupImplicitRoles)
	slices.Reverse(saml.VerificationCertificates)
	slices.Reverse(scim.GroupImplicitRoles)
	for n, after := range drafts() {
		if same, err := equal(before[n].object, after.object); err != nil || !same || len(after.left) > 0 {
			t.Errorf("%+v\nis not\n%+v, %v", after.object, before[n].object, err)
		}
	}
}

// What the file of a connection says of things that Stytch does not show is somebody's decision, and stays.
func TestWhatStytchDoesNotShowStays(t *testing.T) {
	in := stytch.Organization{ID: "organization-test-0", Slug: "acme"}
	saml := stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: "saml-connection-test-1", DisplayName: "Okta"}}
	oidc := stytch.OIDCConnection{Connection: stytch.Connection{ConnectionID: "oidc-connection-test-1", DisplayName: "Okta"}}
	scim := stytch.SCIMConnection{Connection: stytch.Connection{ConnectionID: "scim-connection-test-1", DisplayName: "Okta"}}
	byMetadata, bundled := saml, saml
	byMetadata.ConnectionID, byMetadata.IDPEntityID, byMetadata.IDPSSOURL = "saml-connection-test-2", "https://idp.example.com", "https://idp.example.com/sso"
	bundled.ConnectionID = "saml-connection-test-3"
	certificate := connectiontest.IssueCertificate(t, "idp", time.Now().AddDate(1, 0, 0))
	for _, r := range []*stytch.SAMLConnection{&byMetadata, &bundled} {
		r.VerificationCertificates = []stytch.Certificate{{PEM: certificate.PEM, SHA256: certificate.SHA256}}
	}
	const keys = "  signingPrivateKeyRef: {name: s, key: k}\n  idpInitiatedAuth: Enabled\n  gatewayCallback: Denied\n  implicitRoles: []\n  groupImplicitRoles: []\n"
	manifest := func(kind, id, rest string) string {
		return "apiVersion: connections.stytch-operator.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: a}\n" +
			"spec:\n  organization: acme\n  connectionID: " + id + "\n  displayName: Okta\n  deletionPolicy: Delete\n" + rest
	}
	directory := directoryOf(t, map[string]string{
		"saml.yaml": manifest("SAMLConnection", saml.ConnectionID, "  idpInitiatedAuth: Enabled\n  gatewayCallback: Denied\n  implicitRoles: []\n  groupImplicitRoles: []\n"+
			"  signingPrivateKeyRef: {name: s, key: k}\n  encryptionPrivateKeyRefs: [{name: s, key: k}]\n  detailsConfigMapName: d\n"),
		"metadata.yaml": manifest("SAMLConnection", byMetadata.ConnectionID, keys+"  metadataURL: https://idp.example.com/metadata\n"),
		"bundled.yaml":  manifest("SAMLConnection", bundled.ConnectionID, keys+"  verificationCertificates: [{configMapKeyRef: {name: c, key: k}}]\n"),
		"oidc.yaml":     manifest("OIDCConnection", oidc.ConnectionID, "  clientSecretRef: {name: s, key: k}\n  detailsConfigMapName: d\n"),
		"scim.yaml":     manifest("SCIMConnection", scim.ConnectionID, "  bearerToken: {secretName: t}\n  groupImplicitRoles: []\n"),
	})
	files, err := (&cli{}).filesIn(directory, "acme")
	if err != nil {
		t.Fatal(err)
	}
	i := &importer{files: files, named: map[string]v1alpha1.Connection{}}
	for _, d := range []draft{i.saml(in, saml), i.saml(in, byMetadata), i.saml(in, bundled), i.oidc(in, oidc), i.scim(in, scim)} {
		known := files[d.object.CommonSpec().ConnectionID].object
		if same, err := equal(known, d.object); err != nil || !same {
			t.Errorf("%+v\nis not\n%+v, %v", d.object, known, err)
		}
		if err := d.render(); err != nil || strings.Contains(string(d.text), "uncomment") {
			t.Errorf("%v, and it says\n%s", err, d.text)
		}
	}
}

// A source is referenced by name only in its own namespace: a reference goes no further.
func TestASourceInAnotherNamespaceIsReferencedByID(t *testing.T) {
	const source = "saml-connection-test-1"
	from, to := stytch.Organization{ID: "organization-test-11111111-1111-1111-1111-111111111111"}, stytch.Organization{ID: "organization-test-0"}
	for namespace, byName := range map[string]bool{"acme": true, "other": false} {
		manifest := strings.Replace(aManifest, "{name: okta}", "{name: okta, namespace: "+namespace+"}", 1)
		files, err := (&cli{}).filesIn(directoryOf(t, map[string]string{"a.yaml": manifest}), "acme")
		if err != nil {
			t.Fatal(err)
		}
		i := &importer{files: files, named: map[string]v1alpha1.Connection{}, namespace: "acme"}
		i.saml(from, stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: source}})
		d := i.external(to, stytch.ExternalConnection{
			Connection: stytch.Connection{ConnectionID: "external-connection-test-1"}, ExternalOrganizationID: from.ID, ExternalConnectionID: source,
		})
		if o, ok := d.object.(*v1alpha1.ExternalConnection); !ok || d.refused != "" || (o.Spec.SourceRef != nil) != byName || (o.Spec.Source != nil) == byName {
			t.Errorf("in %s it is %+v, %s", namespace, d.object, d.refused)
		}
	}
}
