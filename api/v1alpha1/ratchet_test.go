package v1alpha1_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// TestAManifestThatIsOlderThanARuleCanStillBeLookedAfter has manifests stand that break rules which came later. The operator must be
// able to write their status, and to take its finalizer away. Another field of the spec can be edited where the rule is one about a
// field or a list; of a rule about the whole spec the person who edits is told.
func TestAManifestThatIsOlderThanARuleCanStillBeLookedAfter(t *testing.T) {
	for _, situation := range []struct {
		name, spec string
		edits      []edit
	}{
		{
			"groups", "attributeMapping: {email: NameID}\n  groupImplicitRoles: [{group: engineering, role: editor}]",
			[]edit{
				fixed("spec.displayName", "Other", unmappedGroups),
				{at: "spec.attributeMapping", value: fields{"email": "NameID", "groups": "groups"}},
			},
		},
		{
			"id", "connectionID: oidc-connection-live-1",
			[]edit{fixed("spec.displayName", "Other", badConnection("SAML"))},
		},
		{
			"url", `idpSSOURL: "https://acme.okta.com "`,
			[]edit{{at: "spec.displayName", value: "Other"}, {at: "spec.idpSSOURL", value: "https://acme.okta.com"}},
		},
		{
			"space", `{displayName: "Acme ", idpEntityID: "urn:acme\n", nameIDFormat: " ", alternativeAudienceURI: "urn:a\u00a0", ` +
				`alternativeACSURL: "https://acs ", attributeMapping: {email: "NameID ", groups: " groups"}, implicitRoles: ["editor "], ` +
				`groupImplicitRoles: [{group: "Ops\n", role: " viewer"}], projectRef: {name: "default "}, ` +
				`signingPrivateKeyRef: {name: keys, key: "key "}, idpSSOURL: "<https://acme.okta.com>"}`,
			[]edit{
				{at: "spec.management", value: "Paused"},
				{at: "spec.displayName", value: "Acme"},
				{at: "spec.attributeMapping.full_name", value: "displayName"},
				{at: "spec.attributeMapping.full_name", value: "displayName ", want: unlike("spec.attributeMapping.full_name", exact, "displayName ").want},
				{at: "spec.implicitRoles", value: []any{"editor", "viewer"}},
			},
		},
		{
			"certificate", "verificationCertificates: [{}]",
			[]edit{{at: "spec.displayName", value: "Other"}, {at: "spec.verificationCertificates", value: []any{fields{"pem": "a"}}}},
		},
	} {
		t.Run(situation.name, func(t *testing.T) {
			object := standWithoutRules(t, "older-"+situation.name, specText(situation.spec))
			object.Object["status"] = fields{"observedGeneration": int64(1), "connectionID": "saml-connection-live-1"}
			if err := api.Status().Update(t.Context(), object); err != nil {
				t.Errorf("status: %v", err)
			}
			for _, e := range situation.edits {
				e.check(t, object, update, mergePatch)
			}
			remove(t, object)
			before := object.DeepCopy()
			object.SetFinalizers(nil)
			if err := api.Patch(t.Context(), object, client.MergeFrom(before)); err != nil {
				t.Errorf("the finalizer: %v", err)
			}
		})
	}
}

// specText is a spec, written as a block or as a flow.
func specText(text string) string {
	if flow, is := strings.CutPrefix(text, "{"); is {
		return "spec: {organization: acme, " + flow
	}
	return "spec:\n  organization: acme\n  " + text
}

// standWithoutRules creates a SAMLConnection, with a finalizer, that the rules of CEL or the patterns refuse.
func standWithoutRules(t *testing.T, name, text string) *unstructured.Unstructured {
	t.Helper()
	all := kinds()
	k := all[slices.IndexFunc(all, func(k kind) bool { return k.name == "SAMLConnection" })]
	object := k.named(t, text, name)
	object.SetFinalizers([]string{v1alpha1.Finalizer})
	bringBack := withoutRules(t, k, object)
	err := api.Create(t.Context(), object)
	bringBack()
	if err != nil {
		t.Fatal(err)
	}
	return object
}

// withoutRules takes the rules of CEL and the patterns out of a kind until they are brought back; the manifest is one that they refuse.
func withoutRules(t *testing.T, k kind, refused *unstructured.Unstructured) (bringBack func()) {
	t.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName(k.plural + "." + v1alpha1.GroupVersion.Group)
	change := func(f func()) {
		reload(t, crd)
		f()
		if err := api.Update(t.Context(), crd); err != nil {
			t.Fatal(err)
		}
	}
	until := func(accepted bool) {
		for range 300 {
			if err := api.Create(t.Context(), refused.DeepCopy(), client.DryRunAll); (err == nil) == accepted {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("%s is accepted: not %t in all this time", refused.GetName(), accepted)
	}
	until(false)
	var spec any
	change(func() {
		spec = crd.DeepCopy().Object["spec"]
		dropRules(crd.Object)
	})
	until(true)
	return func() {
		change(func() { crd.Object["spec"] = spec })
		refused = refused.DeepCopy()
		refused.SetName(strings.Replace(refused.GetName(), "older", "newer", 1)) // the old one stands now
		refused.SetResourceVersion("")
		until(false)
	}
}

// dropRules takes the rules of CEL and the patterns out of a schema and of all that is in it.
func dropRules(in any) {
	switch in := in.(type) {
	case map[string]any:
		delete(in, "x-kubernetes-validations")
		if pattern, is := in["pattern"].(string); is && pattern != "" { // not a property of that name
			delete(in, "pattern")
		}
		for _, value := range in {
			dropRules(value)
		}
	case []any:
		for _, value := range in {
			dropRules(value)
		}
	}
}
