package v1alpha1_test

import (
	"slices"
	"strings"
	"testing"
)

// TestNamesAsPeopleGiveThemAreAccepted has in them what looks like a mistake and is none.
func TestNamesAsPeopleGiveThemAreAccepted(t *testing.T) {
	names := []string{
		"Acme 👩\u200d💻 Inc", "❤\ufe0f", "می\u200cخواهم", "क्\u200dष", "\u0645\u200e\u0645", "Größe – \u201equoted\u201c", "e\u0301quipe", "日本 語", `a|b;c="d" <e>\f`, "x",
	}
	groups := append(slices.Clone(names), "Ops ", " Ops", "Ops\u00a0", "\u200bOps", strings.Repeat("g", 297), strings.Repeat("ü", 1024))
	for _, test := range []struct {
		kind, at string
		values   []string
	}{
		{"SAMLConnection", "spec.displayName", names},
		{"SAMLConnection", "spec.idpEntityID", names},
		{"SAMLConnection", "spec.nameIDFormat", names},
		{"SAMLConnection", "spec.alternativeAudienceURI", names},
		{"SAMLConnection", "spec.alternativeACSURL", []string{"", "https://acme.example.com/ä?b=%20#c"}},
		{"SAMLConnection", "spec.attributeMapping.email", append(slices.Clone(names), "")},
		{"SAMLConnection", "spec.implicitRoles[0]", names},
		{"SAMLConnection", "spec.groupImplicitRoles[0].role", names},
		{"SAMLConnection", "spec.groupImplicitRoles[0].group", groups},
		{"SAMLConnection", "spec.idpSSOURL", []string{"https://acme.okta.com/ü?a='b'&c={d}|%20#e"}},
		{"OIDCConnection", "spec.clientID", names},
		{"OIDCConnection", "spec.attributeMapping.department", names},
		{"SCIMConnection", "spec.groupImplicitRoles[3].groupName", groups},
		{"SCIMConnection", "spec.groupImplicitRoles[0].role", names},
		{"ExternalConnection", "spec.groupImplicitRoles[0].group", groups},
		{"SCIMConnection", "spec.organization", []string{"crm|0017", "acme", "a.b_c~d-e", "auth0|x"}},
		{"StytchProject", "spec.secretRef.key", []string{"secret", "tls.crt", "_a-B.9"}},
	} {
		all := kinds()
		k := all[slices.IndexFunc(all, func(k kind) bool { return k.name == test.kind })]
		for _, value := range test.values {
			object := bad{at: test.at}.base(t, k)
			put(t, object, test.at, value)
			if got := apply(t, object); got != "" {
				t.Errorf("%s of a %s, %q, is refused:\n%s", test.at, k.name, value, got)
			}
		}
	}
}

// TestAClusterStytchProjectTakesFullOrganizationIDsAlone gives the organization in every spelling: a slug or an external ID would have to
// be asked for at Stytch, and can be given to another organization.
func TestAClusterStytchProjectTakesFullOrganizationIDsAlone(t *testing.T) {
	const full = "organization-live-22222222-2222-4222-8222-222222222222"
	spellings := map[string]bool{
		full: true, "organization-test-22222222-2222-4222-8222-abcdefabcdef": true,
		"acme": false, "crm|0017": false, "organization-live-1": false, full + "0": false, "x" + full: false, full[:len(full)-1] + "G": false,
		full[:len(full)-1] + "F": false, "organization-prod-22222222-2222-4222-8222-222222222222": false, "22222222-2222-4222-8222-222222222222": false,
	}
	for _, k := range kinds()[2:] {
		for spelling, accepted := range spellings {
			object := k.least(t)
			put(t, object, "spec.projectRef", fields{"kind": "ClusterStytchProject"})
			put(t, object, "spec.organization", spelling)
			if k.name == "ExternalConnection" {
				put(t, object, "spec.source.organizationID", "organization-live-33333333-3333-4333-8333-333333333333")
			}
			if got := apply(t, object); (got == "") != accepted || !accepted && !same(got, "spec: Invalid value: "+notFull) {
				t.Errorf("a %s of %q: %s", k.name, spelling, got)
			}
		}
	}
	source := kinds()[5].least(t)
	put(t, source, "spec.projectRef", fields{"kind": "ClusterStytchProject"})
	put(t, source, "spec.organization", full)
	if got := apply(t, source); !same(got, "spec: Invalid value: "+sourceNotFull) {
		t.Errorf("an ExternalConnection with the source organization-live-1: %s", got)
	}
}
