package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
	pool := issued(t)
	observed := map[string]v1alpha1.Connection{}
	for i := range 48 {
		var o v1alpha1.Connection
		var id string
		organization := m.org
		switch i % 4 {
		case 0, 1:
			o, id = m.randomSAML(random, pool)
		case 2:
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
	sent, certificates, every := len(m.sim.Calls()), m.certificates(), maps.Clone(observed)
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
	m.compareCertificates(sent, all, every, certificates)
	t.Logf("seed %d: %d manifests, %d without errors, %d differ", seed, len(names), len(observed), differ)
}

// expiredOfPool is how many certificates of the pool have expired, the last ones.
const expiredOfPool = 3

// issued is a pool of certificates of identity providers.
func issued(t *testing.T) []connectiontest.IssuedCertificate {
	t.Helper()
	var all []connectiontest.IssuedCertificate
	for i, days := range []int{400, 500, 600, 700, 800, 900, -1, -10, -500} {
		all = append(all, connectiontest.IssueCertificate(t, fmt.Sprint("idp ", i), time.Now().AddDate(0, 0, days)))
	}
	return all
}

// randomSAML adds a random SAML connection with some certificates, and returns a random manifest, of which most name some.
func (m *managed) randomSAML(random *rand.Rand, pool []connectiontest.IssuedCertificate) (v1alpha1.Connection, string) {
	m.t.Helper()
	more := map[string]any{"status": connectiontest.Pick(random, "pending", "active")}
	if there := connectiontest.Among(random, pool, 0, 5); len(there) > 0 {
		var list []string
		for _, c := range there {
			list = append(list, c.PEM)
		}
		more["verification_certificates"] = list
	}
	o := connectiontest.RandomSAML(random)
	if connectiontest.Maybe(random) {
		o.Spec = v1alpha1.SAMLConnectionSpec{} // with anything else in it, the API server or Stytch refuses many
	}
	if random.Intn(4) > 0 {
		if random.Intn(3) > 0 {
			pool = pool[:len(pool)-expiredOfPool]
		}
		for _, c := range connectiontest.Among(random, pool, 1, 5) {
			o.Spec.VerificationCertificates = append(o.Spec.VerificationCertificates, v1alpha1.VerificationCertificate{PEM: c.PEM})
		}
	}
	return o, m.randomConnection(random, m.org, stytchsim.SAML, more)
}

// certificates are the fingerprints of the verification certificates at Stytch, by the IDs of the connection and the certificate.
func (m *managed) certificates() map[string]map[string]string {
	m.t.Helper()
	all := map[string]map[string]string{}
	for _, c := range m.sim.State().Connections {
		text, err := json.Marshal(c.Fields["verification_certificates"])
		if err != nil {
			m.t.Fatal(err)
		}
		var list []struct {
			ID  string `json:"certificate_id"`
			PEM string `json:"certificate"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			m.t.Fatal(err)
		}
		all[c.ID] = map[string]string{}
		for _, one := range list {
			block, _ := pem.Decode([]byte(one.PEM))
			sum := sha256.Sum256(block.Bytes)
			all[c.ID][one.ID] = hex.EncodeToString(sum[:])
		}
	}
	return all
}

// compareCertificates fails unless the operator has since a call added and deleted the certificates of the plans, and no others.
func (m *managed) compareCertificates(since int, all map[string]planned, observed map[string]v1alpha1.Connection, before map[string]map[string]string) {
	m.t.Helper()
	after, deleted, puts := m.certificates(), map[string][]string{}, map[string]int{}
	for _, c := range m.sim.Calls()[since:] {
		segments := strings.Split(c.Path, "/")
		switch {
		case c.Method == http.MethodDelete && strings.Contains(c.Path, "/verification_certificates/"):
			id := segments[len(segments)-3]
			deleted[id] = append(deleted[id], before[id][segments[len(segments)-1]])
		case c.Method == http.MethodPut && c.Committed && slices.Contains(c.Fields, "x509_certificate"):
			puts[segments[len(segments)-1]]++
		}
	}
	added, gone := 0, 0
	for name, o := range observed {
		id := o.CommonStatus().ConnectionID
		var got, want []string
		for certificate, fingerprint := range after[id] {
			if before[id][certificate] == "" {
				got = append(got, "+"+fingerprint)
			}
		}
		if puts[id] != len(got) {
			m.t.Errorf("%s: %d updates have a certificate, and %d were added", name, puts[id], len(got))
		}
		for _, fingerprint := range deleted[id] {
			got = append(got, "-"+fingerprint)
		}
		for _, c := range all[name].Changes {
			if found := fingerprint.FindAllString(c.Have+" "+c.Want, -1); strings.Count(c.Have+c.Want, " (expires ") != len(found) {
				m.t.Errorf("%s: the plan does not say when each certificate expires: %v", name, c)
			}
			switch c.Field {
			case "x509_certificate":
				want = append(want, "+"+strings.Fields(c.Want)[0])
				added++
			case "verification_certificates":
				want = append(want, "-"+strings.Fields(c.Have)[0])
				gone++
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			m.t.Errorf("%s: the plan has the certificates %v, and the operator sent %v", name, want, got)
		}
	}
	if added < 5 || gone < 5 {
		m.t.Errorf("only %d certificates are to be added, and %d to be deleted", added, gone)
	}
}
