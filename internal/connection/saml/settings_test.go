package saml_test

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func TestASAMLUpdateCarriesTheOneFieldThatDiffers(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.SAMLConnectionSpec)
		body string
	}{
		{"display name", func(s *v1alpha1.SAMLConnectionSpec) { s.DisplayName = "Acme" }, `{"display_name":"Acme"}`},
		{"identity provider", func(s *v1alpha1.SAMLConnectionSpec) { s.IdentityProvider = "generic" }, `{"identity_provider":"generic"}`},
		{"entity ID", func(s *v1alpha1.SAMLConnectionSpec) { s.IDPEntityID = "urn:x" }, `{"idp_entity_id":"urn:x"}`},
		{"SSO URL", func(s *v1alpha1.SAMLConnectionSpec) { s.IDPSSOURL = "https://x" }, `{"idp_sso_url":"https://x"}`},
		{
			"attribute mapping, as a whole",
			func(s *v1alpha1.SAMLConnectionSpec) {
				s.AttributeMapping = map[string]v1alpha1.Attribute{"email": "mail"}
			},
			`{"attribute_mapping":{"email":"mail"}}`,
		},
		{
			"NameID format",
			func(s *v1alpha1.SAMLConnectionSpec) { s.NameIDFormat = new("urn:x") },
			`{"nameid_format":"urn:x"}`,
		},
		{
			"NameID format, cleared",
			func(s *v1alpha1.SAMLConnectionSpec) { s.NameIDFormat = new("") },
			`{"nameid_format":""}`,
		},
		{
			"audience, cleared",
			func(s *v1alpha1.SAMLConnectionSpec) { s.AlternativeAudienceURI = new("") },
			`{"alternative_audience_uri":""}`,
		},
		{
			"audience",
			func(s *v1alpha1.SAMLConnectionSpec) { s.AlternativeAudienceURI = new("urn:y") },
			`{"alternative_audience_uri":"urn:y"}`,
		},
		{
			"ACS URL, cleared",
			func(s *v1alpha1.SAMLConnectionSpec) { s.AlternativeACSURL = new("") },
			`{"alternative_acs_url":""}`,
		},
		{
			"login begun at the identity provider, enabled",
			func(s *v1alpha1.SAMLConnectionSpec) { s.IDPInitiatedAuth = v1alpha1.ToggleEnabled },
			`{"idp_initiated_auth_disabled":false}`,
		},
		{
			"gateway, denied",
			func(s *v1alpha1.SAMLConnectionSpec) { s.GatewayCallback = v1alpha1.PermissionDenied },
			`{"allow_gateway_callback":false}`,
		},
		{
			"roles, cleared",
			func(s *v1alpha1.SAMLConnectionSpec) { s.ImplicitRoles = []string{} },
			`{"saml_connection_implicit_role_assignments":[]}`,
		},
		{
			"roles, with one more",
			func(s *v1alpha1.SAMLConnectionSpec) { s.ImplicitRoles = append(s.ImplicitRoles, "admin") },
			`{"saml_connection_implicit_role_assignments":[{"role_id":"admin"},{"role_id":"editor"},{"role_id":"viewer"}]}`,
		},
		{
			"roles of groups, cleared",
			func(s *v1alpha1.SAMLConnectionSpec) { s.GroupImplicitRoles = []v1alpha1.GroupRole{} },
			`{"saml_group_implicit_role_assignments":[]}`,
		},
		{
			"roles of groups",
			func(s *v1alpha1.SAMLConnectionSpec) {
				s.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "ops", Role: "admin"}}
			},
			`{"saml_group_implicit_role_assignments":[{"role_id":"admin","group":"ops"}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := SAMLManifest()
			test.edit(&o.Spec)
			plan, _ := PlanFor(saml.Kind(), o, SAMLRemote(), connection.Inputs{})
			OneUpdate(t, plan, test.body)
		})
	}
}

func TestASwitchIsTurnedTheOtherWayToo(t *testing.T) {
	r := SAMLRemote()
	r.IDPInitiatedAuthDisabled, r.AllowGatewayCallback = false, false
	plan, _ := PlanFor(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
	OneUpdate(t, plan, `{"idp_initiated_auth_disabled":true,"allow_gateway_callback":true}`)
}

func TestSettingsThatDifferGoInOneUpdate(t *testing.T) {
	r := SAMLRemote()
	r.IDPSSOURL, r.ImplicitRoles = "https://evil.example.com", nil
	plan, _ := PlanFor(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
	OneUpdate(t, plan, `{"idp_sso_url":"https://idp.example.com/sso",
		"saml_connection_implicit_role_assignments":[{"role_id":"editor"},{"role_id":"viewer"}]}`)
}

func TestWhatStytchSpellsDifferentlyIsTheSame(t *testing.T) {
	for _, test := range []struct {
		name   string
		edit   func(*v1alpha1.SAMLConnectionSpec)
		remote func(*stytch.SAMLConnection)
	}{
		{"roles in another order", nil, func(r *stytch.SAMLConnection) { slices.Reverse(r.ImplicitRoles) }},
		{"a role twice", nil, func(r *stytch.SAMLConnection) { r.ImplicitRoles = append(r.ImplicitRoles, "viewer") }},
		{"roles of groups in another order", nil, func(r *stytch.SAMLConnection) { slices.Reverse(r.GroupImplicitRoles) }},
		{
			"no roles where an empty list is wanted",
			func(s *v1alpha1.SAMLConnectionSpec) { s.ImplicitRoles = []string{} },
			func(r *stytch.SAMLConnection) { r.ImplicitRoles = nil },
		},
		{
			"no identity provider where generic is wanted",
			func(s *v1alpha1.SAMLConnectionSpec) { s.IdentityProvider = "generic" },
			func(r *stytch.SAMLConnection) { r.IdentityProvider = "" },
		},
		{
			"the default NameID format where none is wanted",
			func(s *v1alpha1.SAMLConnectionSpec) { s.NameIDFormat = new("") },
			func(r *stytch.SAMLConnection) { r.NameIDFormat = DefaultNameIDFormat },
		},
		{
			"no NameID format where the default is wanted",
			func(s *v1alpha1.SAMLConnectionSpec) { s.NameIDFormat = new(DefaultNameIDFormat) },
			func(r *stytch.SAMLConnection) { r.NameIDFormat = "" },
		},
		{
			"no audience where none is wanted",
			func(s *v1alpha1.SAMLConnectionSpec) { s.AlternativeAudienceURI = new("") },
			func(r *stytch.SAMLConnection) { r.AlternativeAudienceURI = "" },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, r := SAMLManifest(), SAMLRemote()
			if test.edit != nil {
				test.edit(&o.Spec)
			}
			test.remote(&r)
			plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
			NoSteps(t, plan)
		})
	}
	Same(t, "no mapping", connection.Mapping[string](nil).Same, connection.Mapping(map[string]string{}).Same)
	Same(t, "the body of no mapping", InJSON(t, connection.Mapping[string](nil).Send), "{}")
}

func TestTheFieldsOfAnUpdateAreInOneOrder(t *testing.T) {
	r := stytch.SAMLConnection{Connection: stytch.Connection{ConnectionID: SAMLID}}
	first, _ := PlanFor(saml.Kind(), SAMLManifest(), r, connection.Inputs{})
	names := strings.Split(connection.Names(first), ", ")
	if !slices.IsSortedFunc(names, cmp.Compare[string]) || len(names) != 12 {
		t.Errorf("the fields come as %q, want all 12 in order", names)
	}
	for range 20 {
		if again, _ := PlanFor(saml.Kind(), SAMLManifest(), r, connection.Inputs{}); !reflect.DeepEqual(again, first) {
			t.Fatal("two plans of the same states differ")
		}
	}
}

func TestCertificatesAndKeysHaveATopicEach(t *testing.T) {
	a, b := KeyPairs()[0], KeyPairs()[1]
	o := SAMLManifest()
	beside := NewObjects()
	one, two := IssueCertificate(t, "one", YearsOn(1)), IssueCertificate(t, "two", YearsOn(2))
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: one.PEM}, {PEM: two.PEM}}
	for _, p := range []KeyPair{a, b} {
		o.Spec.EncryptionPrivateKeyRefs = append(o.Spec.EncryptionPrivateKeyRefs, v1alpha1.SecretKeyRef{Name: p.SPKISHA256[:8], Key: beside.Put(connection.KindSecret, p.SPKISHA256[:8], p.PKCS1)})
	}
	plan, _ := PlanFor(saml.Kind(), o, SAMLRemote(), connection.Inputs{Now: Noon, Secrets: beside.Secrets})
	var topics []string
	for _, s := range plan {
		for _, c := range s.Changes {
			topics = append(topics, c.Topic.Name)
		}
	}
	for _, topic := range []string{"certificate " + one.SHA256, "certificate " + two.SHA256, "encryption key " + a.SPKISHA256, "encryption key " + b.SPKISHA256} {
		Same(t, "whether there is "+topic, slices.Contains(topics, topic), true)
	}
}

func TestAGroupWithWhiteSpaceAtAnEndIsSentAndMentioned(t *testing.T) {
	o := SAMLManifest()
	o.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{{Group: "Ops ", Role: "editor"}, {Group: "Sales, EMEA", Role: "editor"}}
	plan, problems := PlanFor(saml.Kind(), o, SAMLRemote(), connection.Inputs{})
	OneUpdate(t, plan, `{"saml_group_implicit_role_assignments":[{"role_id":"editor","group":"Ops "},{"role_id":"editor","group":"Sales, EMEA"}]}`)
	reason, message := connection.Worst(problems)
	Same(t, "the reason", reason, "")
	Contains(t, message, `white space or an invisible character, which is a part of the name: "Ops ". If the identity provider`)
}
