package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// texts are values at the edges of what the CRDs take in any of their fields.
func texts() []string {
	all := []string{
		"a", " a", "a ", "a b", "a\tb", "a\nb", "\u200ba", "a\u00a0", "é", `a"b`, "<a>", "a%b", "a\\b", "0", "null",
		"okta", "OKTA", "microsoft-entra", "my-own", "Okta [new 0a1b2c3d]", "Okta [new 0a1b2c3d] 2",
		"http://idp", "https://", "https://idp", "https://idp/a?b=c#d", "https://i dp", "https://idp/<", "https:///a",
		"https://idp/.well-known/openid-configuration", "openid", "openid profile", "profile", "openid%20profile", "openid é",
		"saml-connection-test-1", "oidc-connection-live-1", "external-connection-test-1", "saml-connection-test-é", "organization-test-1",
		"scim-group-test-1", "scim-group-other-1",
	}
	for _, most := range []int{128, 255, 256, 512, 1024, 2048} {
		all = append(all, strings.Repeat("é", most), strings.Repeat("é", most+1), "https://"+strings.Repeat("a", most-8), "https://"+strings.Repeat("a", most-7))
	}
	return all
}

// shownField is a field of a connection as Stytch shows it, and as a manifest may have it.
type shownField struct {
	name     string
	draft    func(i *importer, text string) draft
	manifest func(text string) any // nil: the text itself
}

func listed(text string) any { return []any{text} }

func shownFields() []shownField {
	in := stytch.Organization{ID: "organization-test-0", Slug: "acme"}
	saml := func(change func(*stytch.SAMLConnection, string)) func(*importer, string) draft {
		return func(i *importer, text string) draft {
			r := stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: "saml-connection-test-0"}}
			change(&r, text)
			return i.saml(in, r)
		}
	}
	oidc := func(change func(*stytch.OIDCConnection, string)) func(*importer, string) draft {
		return func(i *importer, text string) draft {
			r := stytch.OIDCConnection{Connection: stytch.Connection{ConnectionID: "oidc-connection-test-0"}}
			change(&r, text)
			return i.oidc(in, r)
		}
	}
	scim := func(change func(*stytch.SCIMConnection, string)) func(*importer, string) draft {
		return func(i *importer, text string) draft {
			r := stytch.SCIMConnection{Connection: stytch.Connection{ConnectionID: "scim-connection-test-0"}}
			change(&r, text)
			return i.scim(in, r)
		}
	}
	external := func(change func(*stytch.ExternalConnection, string)) func(*importer, string) draft {
		return func(i *importer, text string) draft {
			r := stytch.ExternalConnection{
				Connection:             stytch.Connection{ConnectionID: "external-connection-test-0"},
				ExternalOrganizationID: "organization-test-11111111-1111-1111-1111-111111111111", ExternalConnectionID: "saml-connection-test-1",
			}
			change(&r, text)
			return i.external(in, r)
		}
	}
	role := func(field, of string) func(string) any {
		return func(text string) any {
			one := map[string]any{"group": "g", "groupID": "scim-group-test-1", "role": "r"}
			delete(one, of)
			one[field] = text
			return []any{one}
		}
	}
	mapped := func(text string) any { return map[string]any{"k": text} }
	return []shownField{
		{"displayName", saml(func(r *stytch.SAMLConnection, text string) { r.DisplayName = text }), nil},
		{"identityProvider", saml(func(r *stytch.SAMLConnection, text string) { r.IdentityProvider = text }), nil},
		{"idpEntityID", saml(func(r *stytch.SAMLConnection, text string) { r.IDPEntityID = text }), nil},
		{"idpSSOURL", saml(func(r *stytch.SAMLConnection, text string) { r.IDPSSOURL = text }), nil},
		{"nameIDFormat", saml(func(r *stytch.SAMLConnection, text string) { r.NameIDFormat = text }), nil},
		{"alternativeAudienceURI", saml(func(r *stytch.SAMLConnection, text string) { r.AlternativeAudienceURI = text }), nil},
		{"alternativeACSURL", saml(func(r *stytch.SAMLConnection, text string) { r.AlternativeACSURL = text }), nil},
		{"implicitRoles", saml(func(r *stytch.SAMLConnection, text string) { r.ImplicitRoles = []string{text} }), listed},
		{"attributeMapping", saml(func(r *stytch.SAMLConnection, text string) { r.AttributeMapping = map[string]string{"k": text} }), mapped},
		{
			"attributeMapping", saml(func(r *stytch.SAMLConnection, text string) { r.AttributeMapping = map[string]string{text: "v"} }),
			func(text string) any { return map[string]any{text: "v"} },
		},
		{
			"groupImplicitRoles", saml(func(r *stytch.SAMLConnection, text string) {
				r.GroupImplicitRoles = []stytch.GroupRole{{Group: text, RoleID: "r"}}
			}), role("group", "groupID"),
		},
		{
			"groupImplicitRoles", saml(func(r *stytch.SAMLConnection, text string) {
				r.GroupImplicitRoles = []stytch.GroupRole{{Group: "g", RoleID: text}}
			}), role("role", "groupID"),
		},
		{"identityProvider", oidc(func(r *stytch.OIDCConnection, text string) { r.IdentityProvider = text }), nil},
		{"clientID", oidc(func(r *stytch.OIDCConnection, text string) { r.ClientID = text }), nil},
		{"issuer", oidc(func(r *stytch.OIDCConnection, text string) { r.Issuer = text }), nil},
		{"authorizationURL", oidc(func(r *stytch.OIDCConnection, text string) { r.AuthorizationURL = text }), nil},
		{"tokenURL", oidc(func(r *stytch.OIDCConnection, text string) { r.TokenURL = text }), nil},
		{"userinfoURL", oidc(func(r *stytch.OIDCConnection, text string) { r.UserinfoURL = text }), nil},
		{"jwksURL", oidc(func(r *stytch.OIDCConnection, text string) { r.JWKSURL = text }), nil},
		{"attributeMapping", oidc(func(r *stytch.OIDCConnection, text string) { r.AttributeMapping = map[string]string{"k": text} }), mapped},
		{"displayName", scim(func(r *stytch.SCIMConnection, text string) { r.DisplayName = text }), nil},
		{"identityProvider", scim(func(r *stytch.SCIMConnection, text string) { r.IdentityProvider = text }), nil},
		{
			"groupImplicitRoles", scim(func(r *stytch.SCIMConnection, text string) {
				r.GroupImplicitRoles = []stytch.SCIMGroupRole{{GroupID: text, RoleID: "r"}}
			}), role("groupID", "group"),
		},
		{
			"groupImplicitRoles", scim(func(r *stytch.SCIMConnection, text string) {
				r.GroupImplicitRoles = []stytch.SCIMGroupRole{{GroupID: "scim-group-test-1", RoleID: text}}
			}), role("role", "group"),
		},
		{"implicitRoles", external(func(r *stytch.ExternalConnection, text string) { r.ImplicitRoles = []string{text} }), listed},
		{
			"groupImplicitRoles", external(func(r *stytch.ExternalConnection, text string) {
				r.GroupImplicitRoles = []stytch.GroupRole{{Group: text, RoleID: "r"}}
			}), role("group", "groupID"),
		},
		{
			"implicitRoles", external(func(r *stytch.ExternalConnection, text string) {
				r.ExternalConnectionID, r.ImplicitRoles = "oidc-connection-test-1", []string{text}
			}), listed,
		},
	}
}

// A draft has exactly the values that the API server takes: those it leaves out are refused, and the rest is not.
func TestADraftHasWhatTheAPIServerTakes(t *testing.T) {
	s := newStage(t)
	for n, f := range shownFields() {
		refused := 0
		for _, text := range texts() {
			d := f.draft(newTestImporter(s), text)
			left := len(d.left) > 0
			if left {
				refused++
			}
			if left && !s.takes(&d, "", nil) {
				t.Errorf("%d, %s %.40q: the draft is refused, with %v left out", n, f.name, text, d.left)
			}
			if taken := s.takes(&d, f.name, f.inManifest(text)); taken == left {
				t.Errorf("%d, %s %.40q: left out %t, and taken by the API server %t", n, f.name, text, left, taken)
			}
		}
		if refused == 0 {
			t.Errorf("%d, %s: nothing was refused", n, f.name)
		}
	}
}

func (f shownField) inManifest(text string) any {
	if f.manifest == nil {
		return text
	}
	return f.manifest(text)
}

// The lists that a manifest takes are as long as the API server has them.
func TestADraftHasListsAsLongAsTheAPIServerTakes(t *testing.T) {
	s := newStage(t)
	in := stytch.Organization{ID: "organization-test-0"}
	var pems []stytch.Certificate
	for n := range maxCertificate + 1 {
		c := connectiontest.IssueCertificate(t, fmt.Sprint(n), time.Now().AddDate(1, 0, 0))
		pems = append(pems, stytch.Certificate{PEM: c.PEM, SHA256: fmt.Sprint(n)})
	}
	numbered := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint("r", i))
		}
		return all
	}
	for name, c := range map[string]struct {
		most int
		make func(n int) draft
	}{
		"implicitRoles": {maxRoles, func(n int) draft {
			return newTestImporter(s).saml(in, stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: "saml-connection-test-0"}, ImplicitRoles: numbered(n)})
		}},
		"groupImplicitRoles": {maxRoles, func(n int) draft {
			r := stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: "saml-connection-test-0"}}
			for _, role := range numbered(n) {
				r.GroupImplicitRoles = append(r.GroupImplicitRoles, stytch.GroupRole{Group: "g", RoleID: role})
			}
			return newTestImporter(s).saml(in, r)
		}},
		"attributeMapping": {maxMapping, func(n int) draft {
			r := stytch.OIDCConnection{Connection: stytch.Connection{ConnectionID: "oidc-connection-test-0"}, AttributeMapping: map[string]string{}}
			for _, key := range numbered(n) {
				r.AttributeMapping[key] = "v"
			}
			return newTestImporter(s).oidc(in, r)
		}},
		"customScopes": {maxScopes, func(n int) draft {
			return newTestImporter(s).oidc(in, stytch.OIDCConnection{
				Connection:   stytch.Connection{ConnectionID: "oidc-connection-test-0"},
				CustomScopes: strings.Join(append(numbered(n-1), "openid"), " "),
			})
		}},
		"verificationCertificates": {maxCertificate, func(n int) draft {
			return newTestImporter(s).saml(in, stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: "saml-connection-test-0"}, VerificationCertificates: pems[:n]})
		}},
	} {
		full, over := c.make(c.most), c.make(c.most+1)
		if len(full.left) > 0 || !s.takes(&full, "", nil) {
			t.Errorf("%s of %d is left out or refused", name, c.most)
		}
		if strings.Join(over.left, " ") != name || !s.takes(&over, "", nil) {
			t.Errorf("%s of %d: left out %v, or refused", name, c.most+1, over.left)
		}
		if s.takes(&over, name, longer(t, full.object, name)) {
			t.Errorf("the API server takes %s of %d", name, c.most+1)
		}
	}
}

// longer is a list or a map of a manifest, with one more.
func longer(t *testing.T, o v1alpha1.Connection, field string) any {
	t.Helper()
	manifest, err := asMap(o)
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := manifest["spec"].(map[string]any)
	switch list := spec[field].(type) {
	case map[string]any:
		list["more"] = "v"
		return list
	case []any:
		switch last := list[len(list)-1].(type) {
		case string:
			return append(list, last+"x")
		case map[string]any:
			if last["pem"] != nil {
				return append(list, map[string]any{"pem": connectiontest.IssueCertificate(t, "more", time.Now().AddDate(1, 0, 0)).PEM})
			}
			return append(list, map[string]any{"group": "more", "role": "r"})
		}
	}
	t.Fatalf("%s is %T", field, spec[field])
	return nil
}

func newTestImporter(s *stage) *importer {
	return &importer{named: map[string]v1alpha1.Connection{}, namespace: s.namespace, explicit: true}
}

// takes says whether the API server would create the manifest of a draft, with one field of spec set to something else.
func (s *stage) takes(d *draft, field string, value any) bool {
	s.t.Helper()
	manifest, err := asMap(d.object)
	if err != nil {
		s.t.Fatal(err)
	}
	o := &unstructured.Unstructured{Object: manifest}
	if field != "" {
		if err := unstructured.SetNestedField(o.Object, value, "spec", field); err != nil {
			s.t.Fatal(err)
		}
	}
	return api.Create(s.t.Context(), o, client.DryRunAll) == nil
}
