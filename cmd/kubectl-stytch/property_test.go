package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/stytchsim"
)

// fieldsOfKind are the fields that random connections of a kind have at Stytch.
func fieldsOfKind() map[stytchsim.Kind][]string {
	return map[stytchsim.Kind][]string{
		stytchsim.SAML: {
			"display_name", "identity_provider", "idp_entity_id", "idp_sso_url", "attribute_mapping", "nameid_format", "alternative_audience_uri",
			"alternative_acs_url", "idp_initiated_auth_disabled", "allow_gateway_callback", "saml_connection_implicit_role_assignments",
			"saml_group_implicit_role_assignments",
		},
		stytchsim.OIDC: {
			"display_name", "identity_provider", "client_id", "client_secret", "issuer", "authorization_url", "token_url", "userinfo_url", "jwks_url",
			"custom_scopes", "attribute_mapping",
		},
		stytchsim.External: {"display_name", "external_connection_implicit_role_assignments", "external_group_implicit_role_assignments"},
	}
}

// randomConnection adds a random connection, and returns its ID.
func (m *managed) randomConnection(random *rand.Rand, organization string, kind stytchsim.Kind, more map[string]any) string {
	m.t.Helper()
	document := connectiontest.RandomDocument(random)
	document.DisplayName = connectiontest.Pick(random, "Acme", "by hand", "Ünï | <&>")
	text, err := json.Marshal(document)
	if err != nil {
		m.t.Fatal(err)
	}
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		m.t.Fatal(err)
	}
	maps.DeleteFunc(fields, func(name string, value any) bool { return value == nil || !slices.Contains(fieldsOfKind()[kind], name) })
	maps.Copy(fields, more)
	made, err := m.sim.AddConnection(organization, kind, fields)
	if err != nil {
		m.t.Fatal(err)
	}
	return made.ID
}

// observe creates the manifest of a connection, which observes. It is false for one that the API server refuses.
func (m *managed) observe(o v1alpha1.Connection, name, organization, id string) bool {
	m.t.Helper()
	o.SetNamespace(m.namespace)
	o.SetName(name)
	o.SetUID("")
	o.SetGeneration(0)
	spec := o.CommonSpec()
	spec.Organization, spec.ConnectionID, spec.Management = organization, id, v1alpha1.ManagementObserve
	err := api.Create(m.t.Context(), o)
	if apierrors.IsInvalid(err) {
		return false
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return true
}

// judged says that a pass has ended for the spec as it is.
func judged(o v1alpha1.Connection) bool {
	synced := meta.FindStatusCondition(o.CommonStatus().Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.ObservedGeneration == o.GetGeneration() && o.CommonStatus().ObservedGeneration == o.GetGeneration()
}

// Whatever a manifest says and whatever is at Stytch: the fields of a plan are those of the updates that the operator then sends.
func TestTheFieldsOfAPlanAreThoseOfTheUpdates(t *testing.T) {
	m := newManaged(t)
	partner, err := m.sim.AddOrganization(stytchsim.Organization{Slug: "partner"})
	if err != nil {
		t.Fatal(err)
	}
	m.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: entra}\nstringData: {client-secret: " + connectiontest.ClientSecret + "}\n")
	const seed = 17
	random := rand.New(rand.NewSource(seed))
	observed := map[string]v1alpha1.Connection{}
	for i := range 36 {
		var o v1alpha1.Connection
		var id string
		organization := m.org
		switch i % 3 {
		case 0:
			o, id = connectiontest.RandomSAML(random), m.randomConnection(random, m.org, stytchsim.SAML, nil)
		case 1:
			oidc := connectiontest.RandomOIDC(random)
			if oidc.Spec.ClientSecretRef != nil {
				oidc.Spec.ClientSecretRef = &v1alpha1.SecretKeyRef{Name: "entra", Key: "client-secret"}
			}
			o, id = oidc, m.randomConnection(random, m.org, stytchsim.OIDC, nil)
		default:
			source := m.randomConnection(random, m.org, stytchsim.SAML, map[string]any{"status": "active"})
			external := connectiontest.RandomExternal(random)
			external.Spec.Source = &v1alpha1.ExternalSource{OrganizationID: m.org, ConnectionID: source}
			o, organization = external, partner.ID
			id = m.randomConnection(random, partner.ID, stytchsim.External, map[string]any{"external_organization_id": m.org, "external_connection_id": source})
		}
		if name := fmt.Sprintf("random-%d", i); m.observe(o, name, organization, id) {
			observed[name] = o
		}
	}
	names := slices.Sorted(maps.Keys(observed))
	for _, name := range names {
		m.eventually(name+" is observed", func() bool { m.reload(observed[name]); return judged(observed[name]) })
	}
	all := plans(t, m.run(append([]string{"plan", "-o", "json", "--allow-insecure-loopback"}, names...)...))
	sent := len(m.sim.Calls())
	for _, name := range names {
		o := observed[name]
		m.edit(o, func() { o.CommonSpec().Management = v1alpha1.ManagementManage })
	}
	differ := 0
	for _, name := range names {
		m.eventually(name+" is managed", func() bool { m.reload(observed[name]); return judged(observed[name]) })
		if all[name].failed() {
			delete(observed, name) // what the operator does of a plan with errors, the specs of its passes say
		} else if all[name].Action == actionUpdate {
			differ++
		}
	}
	if differ < len(names)/2 {
		t.Errorf("only %d of %d connections differ", differ, len(names))
	}
	m.compare(sent, all, observed)
	t.Logf("seed %d: %d manifests, %d without errors, %d differ", seed, len(names), len(observed), differ)
}
