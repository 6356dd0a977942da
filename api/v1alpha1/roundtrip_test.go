package v1alpha1_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
)

// TestAnEmptyListIsNotAnAbsentOne sends manifests through the types, as a typed client does on its way to and from the API
// server: what clears a field must not come back as what leaves it alone, nor the other way round.
func TestAnEmptyListIsNotAnAbsentOne(t *testing.T) {
	for _, situation := range []struct {
		name    string
		object  client.Object
		present []string // fields of the spec that clear, or are set
		absent  []string // fields of the spec that leave alone
	}{
		{
			name: "SAML cleared",
			object: &v1alpha1.SAMLConnection{Spec: v1alpha1.SAMLConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"},
				ImplicitRoles:  []string{}, GroupImplicitRoles: []v1alpha1.GroupRole{},
				NameIDFormat: new(""), AlternativeAudienceURI: new(""), AlternativeACSURL: new(""),
				EncryptionPrivateKeyRefs: []v1alpha1.SecretKeyRef{},
			}},
			present: []string{
				"alternativeACSURL", "alternativeAudienceURI", "encryptionPrivateKeyRefs", "groupImplicitRoles", "implicitRoles", "nameIDFormat", "organization",
			},
			absent: []string{
				"attributeMapping", "connectionID", "detailsConfigMapName", "displayName", "metadataURL", "projectRef", "resyncInterval",
				"signingPrivateKeyRef", "verificationCertificates",
			},
		},
		{
			name:    "SAML left alone",
			object:  &v1alpha1.SAMLConnection{Spec: v1alpha1.SAMLConnectionSpec{ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}}},
			present: []string{"organization"},
			absent:  []string{"alternativeACSURL", "alternativeAudienceURI", "encryptionPrivateKeyRefs", "groupImplicitRoles", "implicitRoles", "nameIDFormat"},
		},
		{
			name: "OIDC cleared",
			object: &v1alpha1.OIDCConnection{Spec: v1alpha1.OIDCConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"},
				CustomScopes:   []string{}, AttributeMapping: map[string]v1alpha1.Attribute{},
			}},
			present: []string{"attributeMapping", "customScopes", "organization"},
			absent:  []string{"clientID", "clientSecretRef", "detailsConfigMapName", "issuer", "authorizationURL", "tokenURL", "userinfoURL", "jwksURL"},
		},
		{
			name:    "OIDC left alone",
			object:  &v1alpha1.OIDCConnection{Spec: v1alpha1.OIDCConnectionSpec{ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}}},
			present: []string{"organization"},
			absent:  []string{"attributeMapping", "customScopes"},
		},
		{
			name: "External cleared",
			object: &v1alpha1.ExternalConnection{Spec: v1alpha1.ExternalConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "partner"},
				Source:         &v1alpha1.ExternalSource{OrganizationID: "organization-live-1", ConnectionID: "oidc-connection-live-1"},
				ImplicitRoles:  []string{}, GroupImplicitRoles: []v1alpha1.GroupRole{},
			}},
			present: []string{"groupImplicitRoles", "implicitRoles", "organization", "source"},
			absent:  []string{"sourceRef"},
		},
		{
			name: "External by reference",
			object: &v1alpha1.ExternalConnection{Spec: v1alpha1.ExternalConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "partner"},
				SourceRef:      &v1alpha1.ExternalSourceRef{Kind: v1alpha1.SourceOIDC, Name: "acme"},
			}},
			present: []string{"organization", "sourceRef"},
			absent:  []string{"source"},
		},
		{
			name: "External left alone",
			object: &v1alpha1.ExternalConnection{Spec: v1alpha1.ExternalConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "partner"},
				Source:         &v1alpha1.ExternalSource{OrganizationID: "organization-live-1", ConnectionID: "oidc-connection-live-1"},
			}},
			present: []string{"organization", "source"},
			absent:  []string{"groupImplicitRoles", "implicitRoles"},
		},
		{
			name: "SCIM cleared",
			object: &v1alpha1.SCIMConnection{Spec: v1alpha1.SCIMConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
				GroupImplicitRoles: []v1alpha1.SCIMGroupRole{},
			}},
			present: []string{"bearerToken", "groupImplicitRoles", "organization"},
		},
		{
			name: "SCIM left alone",
			object: &v1alpha1.SCIMConnection{Spec: v1alpha1.SCIMConnectionSpec{
				ConnectionSpec: v1alpha1.ConnectionSpec{Organization: "acme"}, BearerToken: v1alpha1.SCIMBearerToken{SecretName: "acme-scim"},
			}},
			present: []string{"bearerToken", "organization"},
			absent:  []string{"groupImplicitRoles"},
		},
	} {
		t.Run(situation.name, func(t *testing.T) {
			spec := roundTrip(t, situation.object)
			for _, name := range situation.present {
				if spec[name] == nil {
					t.Errorf("the update took %s out", name)
				}
			}
			for _, name := range situation.absent {
				if value, there := spec[name]; there {
					t.Errorf("the update put %s: %v in", name, value)
				}
			}
		})
	}
}

// roundTrip creates an object, reads it, updates it, and returns what spec the API server then has. Whoever reads the object
// between sees what was created.
func roundTrip(t *testing.T, object client.Object) map[string]any {
	t.Helper()
	object.SetNamespace("default")
	object.SetName("round-trip")
	sent := specOf(t, object)
	stand(t, object)
	reload(t, object)
	if back := specOf(t, object); !reflect.DeepEqual(back, sent) {
		t.Errorf("came back as %v from the creation, and was %v", back, sent)
	}
	object.SetLabels(map[string]string{"touched": "yes"})
	if err := api.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	spec, _, err := unstructured.NestedMap(untyped(t, object).Object, "spec")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// specOf is the spec as the types write it.
func specOf(t *testing.T, object client.Object) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	return whole.Spec
}

// untyped is an object as the API server has it, without our types between.
func untyped(t *testing.T, object client.Object) *unstructured.Unstructured {
	t.Helper()
	kind, err := api.GroupVersionKindFor(object)
	if err != nil {
		t.Fatal(err)
	}
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(kind)
	stored.SetNamespace(object.GetNamespace())
	stored.SetName(object.GetName())
	reload(t, stored)
	return stored
}

// TestAFreshManifestReadsAsNotLookedAt says -1 where no pass has been: kstatus would otherwise take the object for done.
func TestAFreshManifestReadsAsNotLookedAt(t *testing.T) {
	for _, k := range kinds() {
		object := k.least(t)
		object.Object["status"] = map[string]any{"observedGeneration": int64(7), "connectionID": "forged"} // is not anybody's to apply
		stand(t, object)
		reload(t, object)
		if got, want := object.Object["status"], map[string]any{"observedGeneration": int64(-1)}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: status %v, want %v", k.name, got, want)
		}
	}
}

// TestNothingIsDefaultedInASpec keeps a spec as it was applied: what absence means is said at the field.
func TestNothingIsDefaultedInASpec(t *testing.T) {
	for _, k := range kinds() {
		object := k.least(t)
		before := object.DeepCopy().Object["spec"]
		stand(t, object)
		reload(t, object)
		if !reflect.DeepEqual(object.Object["spec"], before) {
			t.Errorf("%s: applied %v, but stored %v", k.name, before, object.Object["spec"])
		}
	}
}

// TestAConditionOfEachTypeStandsOnce refuses a status with two conditions of one type.
func TestAConditionOfEachTypeStandsOnce(t *testing.T) {
	for _, k := range kinds() {
		object := k.least(t)
		stand(t, object)
		condition := map[string]any{"type": "Ready", "status": "True", "reason": "Active", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
		object.Object["status"] = map[string]any{"conditions": slices.Repeat([]any{condition}, 2)}
		got := explain(t, api.Status().Update(t.Context(), object))
		if want := `status.conditions[1]: Duplicate value: {"type":"Ready"}`; !same(got, want) {
			t.Errorf("%s: got %q, want %q", k.name, got, want)
		}
	}
}
