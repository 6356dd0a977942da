package main

import (
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// What is written reads as what was meant, by kubectl and by kustomize, whatever somebody has entered in Stytch.
func TestADraftReadsAsItWasMeant(t *testing.T) {
	for _, text := range append(texts(),
		"<<", "=", "~", "yes", "0042", "1e3", "0x1F", "1_000", "2026-01-01", "---", "...", "- a", "? a", "a: b", "a #b", "# a", "&a", "*a", "!a", "|", ">", "%a",
		"@a", "`a", "[a]", "{{ a }}", "'", `"`, "a\u2028b", "a\u2029spec: {}", "a\u0085b", "a\rb", "\ufeffa", "a\ufeffb", "🎉", "\u202ea", `\`,
	) {
		i := &importer{names: map[string]string{}}
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
