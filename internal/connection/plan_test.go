package connection_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

// OneUpdate fails the test where a plan is not one Update with this body.
func OneUpdate(t *testing.T, plan []connection.Step, body string) {
	t.Helper()
	if len(plan) != 1 || plan[0].Action != connection.Update {
		t.Fatalf("the plan is %s, want one Update of %s", InJSON(t, plan), body)
	}
	var got, want any
	if err := json.Unmarshal([]byte(InJSON(t, plan[0].Fields())), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	Same(t, "the body of the update", got, want)
}

func NoSteps(t *testing.T, plan []connection.Step) {
	t.Helper()
	if len(plan) > 0 {
		t.Errorf("the plan is %s, want none", InJSON(t, plan))
	}
}

func TestWhatIsEqualNeedsNoStep(t *testing.T) {
	samlConn, problems := PlanFor(saml.Kind(), SAMLManifest(), SAMLRemote(), connection.Inputs{})
	NoSteps(t, samlConn)
	Same(t, "problems", problems, []connection.Problem(nil))

	externalConn, problems := PlanFor(external.Kind(), ExternalManifest(), ExternalRemote(), connection.Inputs{})
	NoSteps(t, externalConn)
	Same(t, "problems", problems, []connection.Problem(nil))

	scimConn, problems := PlanFor(scim.Kind(), SCIMManifest(), SCIMRemote(), SecretWith(SCIMID, "token-ending-in-wxyz"))
	NoSteps(t, scimConn)
	Same(t, "problems", problems, []connection.Problem(nil))
}

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
			func(s *v1alpha1.SAMLConnectionSpec) { s.AttributeMapping = map[string]string{"email": "mail"} },
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

func TestTheOtherKindsUpdateTheOneFieldThatDiffers(t *testing.T) {
	externalConn := ExternalManifest()
	externalConn.Spec.GroupImplicitRoles = []v1alpha1.GroupRole{}
	plan, _ := PlanFor(external.Kind(), externalConn, ExternalRemote(), connection.Inputs{})
	OneUpdate(t, plan, `{"external_group_implicit_role_assignments":[]}`)

	externalConn = ExternalManifest()
	externalConn.Spec.ImplicitRoles = []string{"editor"}
	plan, _ = PlanFor(external.Kind(), externalConn, ExternalRemote(), connection.Inputs{})
	OneUpdate(t, plan, `{"external_connection_implicit_role_assignments":[{"role_id":"editor"}]}`)

	secrets := SecretWith(SCIMID, "token-ending-in-wxyz")
	scimConn := SCIMManifest()
	scimConn.Spec.GroupImplicitRoles[0].Role = "viewer"
	plan, _ = PlanFor(scim.Kind(), scimConn, SCIMRemote(), secrets)
	OneUpdate(t, plan, `{"scim_group_implicit_role_assignments":[{"role_id":"viewer","group_id":"scim-group-live-1"}]}`)

	scimConn = SCIMManifest()
	scimConn.Spec.GroupImplicitRoles = []v1alpha1.SCIMGroupRole{}
	plan, _ = PlanFor(scim.Kind(), scimConn, SCIMRemote(), secrets)
	OneUpdate(t, plan, `{"scim_group_implicit_role_assignments":[]}`)

	scimConn = SCIMManifest()
	scimConn.Spec.IdentityProvider = "generic"
	plan, _ = PlanFor(scim.Kind(), scimConn, SCIMRemote(), secrets)
	OneUpdate(t, plan, `{"identity_provider":"generic"}`)
}

func TestWhatAManifestDoesNotNameIsNotTouched(t *testing.T) {
	samlConn := &v1alpha1.SAMLConnection{ObjectMeta: Meta("okta")}
	r := SAMLRemote()
	r.VerificationCertificates = []stytch.Certificate{{ID: "cert-1", SHA256: "aa"}}
	plan, problems := PlanFor(saml.Kind(), samlConn, r, connection.Inputs{})
	NoSteps(t, plan)
	Same(t, "problems", problems, []connection.Problem(nil))

	externalConn := ExternalManifest()
	externalConn.Spec.DisplayName, externalConn.Spec.ImplicitRoles, externalConn.Spec.GroupImplicitRoles = "", nil, nil
	plan, _ = PlanFor(external.Kind(), externalConn, ExternalRemote(), connection.Inputs{})
	NoSteps(t, plan)

	scimConn := SCIMManifest()
	scimConn.Spec.DisplayName, scimConn.Spec.IdentityProvider, scimConn.Spec.GroupImplicitRoles = "", "", nil
	plan, _ = PlanFor(scim.Kind(), scimConn, SCIMRemote(), SecretWith(SCIMID, "token-ending-in-wxyz"))
	NoSteps(t, plan)
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
	Same(t, "no mapping", connection.Mapping(nil).Same, connection.Mapping(map[string]string{}).Same)
	Same(t, "the body of no mapping", InJSON(t, connection.Mapping(nil).Send), "{}")
}

func TestTheNameOfAGroupAtStytchIsNoDifference(t *testing.T) {
	r := SCIMRemote()
	r.GroupImplicitRoles[0].GroupName = "Engineering, renamed"
	plan, _ := PlanFor(scim.Kind(), SCIMManifest(), r, SecretWith(SCIMID, "token-ending-in-wxyz"))
	NoSteps(t, plan)
}

func TestADisplayNameIsManagedWhereItIsWrittenAndGivenOnceWhereItIsNot(t *testing.T) {
	unnamed := SAMLManifest()
	unnamed.Spec.DisplayName = ""
	long := SAMLManifest()
	long.Spec.DisplayName = strings.Repeat("x", 255)
	provisional := func(o *v1alpha1.SAMLConnection) string {
		return connection.ProvisionalName(connection.RealName(o), o.UID)
	}
	for _, test := range []struct {
		name     string
		o        *v1alpha1.SAMLConnection
		atStytch string
		body     string
	}{
		{"the mark gives way to the name written", SAMLManifest(), provisional(SAMLManifest()), `{"display_name":"Acme – Okta"}`},
		{"the mark gives way to a long name, whole", long, provisional(long), `{"display_name":"` + long.Spec.DisplayName + `"}`},
		{"the mark gives way to the manifest's name where none is written", unnamed, provisional(unnamed), `{"display_name":"okta"}`},
		{"another name gives way to the name written", SAMLManifest(), "by hand", `{"display_name":"Acme – Okta"}`},
		{"another manifest's mark is no mark", unnamed, connection.ProvisionalName("okta", OtherUID), ""},
		{"another name stays where none is written", unnamed, "by hand", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := SAMLRemote()
			r.DisplayName = test.atStytch
			plan, _ := PlanFor(saml.Kind(), test.o, r, connection.Inputs{})
			if test.body == "" {
				NoSteps(t, plan)
				return
			}
			OneUpdate(t, plan, test.body)
		})
	}
}

func TestPlanChangesNeitherState(t *testing.T) {
	want, have, _ := StatesOf(saml.Kind(), SAMLManifest(), SAMLRemote(), connection.Inputs{})
	want.Certificates = WantedCertificates("bb", "aa")
	have.Certificates = []connection.Certificate{{Certificate: pki.Certificate{SHA256: "dd"}, ID: "2"}, {Certificate: pki.Certificate{SHA256: "cc"}, ID: "1"}}
	have.Settings["idp_entity_id"] = connection.Text("other")
	before := InJSON(t, []connection.State{want, have})
	PlanOf(want, have)
	Same(t, "the states after a plan", InJSON(t, []connection.State{want, have}), before)
}

// CertificatesAtStytch of Stytch, written as fingerprint:id:years until they end; ? for an end that Stytch does not tell.
func CertificatesAtStytch(list ...string) []connection.Certificate {
	var made []connection.Certificate
	for _, text := range list {
		parts := strings.Split(text, ":")
		c := connection.Certificate{Certificate: pki.Certificate{SHA256: parts[0]}, ID: parts[1]}
		if parts[2] != "?" {
			var years int
			if _, err := fmt.Sscan(parts[2], &years); err != nil {
				panic(err)
			}
			c.ExpiresAt = Noon.AddDate(years, 0, 0)
		}
		made = append(made, c)
	}
	return made
}

// WantedCertificates are certificates of a manifest, by fingerprint.
func WantedCertificates(fingerprints ...string) []connection.Certificate {
	var made []connection.Certificate
	for _, f := range fingerprints {
		made = append(made, connection.Certificate{Certificate: pki.Certificate{SHA256: f, PEM: PEMOf(f)}})
	}
	return made
}

func PEMOf(fingerprint string) string { return "pem of " + fingerprint }

// Story is a plan in few words: +fingerprint, -id, free:id, and the other fields of an update.
func Story(plan []connection.Step) string {
	var words []string
	for _, s := range plan {
		var parts []string
		for _, c := range s.Changes {
			switch {
			case s.Action == saml.DeleteCertificate, s.Action == saml.DeleteEncryptionKey:
				parts = append(parts, "-"+s.Target)
			case s.Action == saml.FreeCertificate:
				parts = append(parts, "free:"+s.Target)
			case s.Action == saml.AddEncryptionKey:
				parts = append(parts, "+"+c.Want.Same)
			case c.Field == "x509_certificate":
				parts = append(parts, "+"+c.Want.Same)
			case s.Action == connection.Update:
				parts = append(parts, c.Field)
			default:
				parts = append(parts, s.Action.Name)
			}
		}
		words = append(words, strings.Join(parts, "&"))
	}
	return strings.Join(words, " ")
}

func TestCertificatesAreAddedBeforeOthersAreRemoved(t *testing.T) {
	for _, test := range []struct {
		name       string
		want       []connection.Certificate
		have       []connection.Certificate
		incomplete bool
		settings   bool // some setting differs too
		story      string
	}{
		{"nothing where the sets are equal, in any order", WantedCertificates("a", "b"), CertificatesAtStytch("b:1:1", "a:2:2"), false, false, ""},
		{"nothing where none are managed", nil, CertificatesAtStytch("x:1:1"), false, false, ""},
		{"the first ones", WantedCertificates("a", "b"), nil, false, false, "+a +b"},
		{"the first beside the settings", WantedCertificates("a", "b", "c"), nil, false, true, "idp_entity_id&+a +b +c"},
		{"settings alone", WantedCertificates("a"), CertificatesAtStytch("a:1:1"), false, true, "idp_entity_id"},
		{"a new one before the old one goes", WantedCertificates("b"), CertificatesAtStytch("a:1:1"), false, false, "+b -1"},
		{"settings before an old one goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "x:2:1"), false, true, "idp_entity_id -2"},
		{"the old ones go by their ends", WantedCertificates("a"), CertificatesAtStytch("a:0:1", "z:1:3", "y:2:1", "x:3:2"), false, false, "-2 -3 -1"},
		{"of the same end by their IDs", WantedCertificates("a"), CertificatesAtStytch("a:0:1", "z:2:1", "y:1:1"), false, false, "-1 -2"},
		{"four slots taken free none", WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3", "d:4:4"), false, false, "+n -1 -2 -3 -4"},
		{
			"five slots taken free the unwanted one that ends first",
			WantedCertificates("n", "a"), CertificatesAtStytch("a:1:1", "b:2:4", "c:3:3", "d:4:5", "e:5:6"),
			false, true, "free:3 idp_entity_id&+n -2 -4 -5",
		},
		{
			"five slots taken free an expired one",
			WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:-1", "d:4:4", "e:5:5"), false, false, "free:3 +n -1 -2 -4 -5",
		},
		{
			"five slots taken free an expired one before one of unknown end",
			WantedCertificates("n"), CertificatesAtStytch("a:1:?", "b:2:2", "c:3:-1", "d:4:4", "e:5:5"), false, false, "free:3 +n -2 -4 -5 -1",
		},
		{
			"five slots taken and nothing new free none early",
			WantedCertificates("a"), CertificatesAtStytch("a:1:9", "b:2:2", "c:3:3", "d:4:4", "e:5:5"), false, false, "-2 -3 -4 -5",
		},
		{"a second copy of a wanted one goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "a:2:1"), false, false, "-2"},
		{
			"five slots taken free a second copy before the last of the others that ends later",
			WantedCertificates("a", "n"), CertificatesAtStytch("a:1:1", "a:2:1", "c:3:3", "d:4:4", "e:5:5"), false, false, "free:2 +n -3 -4 -5",
		},
		{"both copies of an unwanted one go", WantedCertificates("a"), CertificatesAtStytch("a:1:1", "x:2:1", "x:3:1"), false, false, "-2 -3"},
		{"one that cannot be read at Stytch goes", WantedCertificates("a"), CertificatesAtStytch("a:1:1", ":2:?"), false, false, "-2"},
		{"several that cannot be read go, once the wanted one is there", WantedCertificates("a"), CertificatesAtStytch(":1:?", ":2:?"), false, false, "+a -1 -2"},
		{"where one could not be read in the manifest none goes", WantedCertificates("a"), CertificatesAtStytch("x:1:1"), true, false, "+a"},
		{
			"where one could not be read in the manifest no slot is freed",
			WantedCertificates("n"), CertificatesAtStytch("a:1:1", "b:2:2", "c:3:3", "d:4:4", "e:5:5"), true, false, "+n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := connection.State{Certificates: test.want, Incomplete: test.incomplete, Settings: connection.Settings{}, Now: Noon}
			if test.settings {
				want.Settings["idp_entity_id"] = connection.Text("urn:x")
			}
			plan := PlanOf(want, connection.State{Certificates: test.have})
			Same(t, "the plan", Story(plan), test.story)
		})
	}
}

func TestAnUpdateCarriesOneCertificateAsPEM(t *testing.T) {
	plan := PlanOf(connection.State{Certificates: WantedCertificates("a", "b")}, connection.State{})
	if len(plan) != 2 {
		t.Fatalf("the plan is %s, want two updates", Story(plan))
	}
	Same(t, "the first body", plan[0].Fields(), stytch.Fields{"x509_certificate": PEMOf("a")})
	Same(t, "the second body", plan[1].Fields(), stytch.Fields{"x509_certificate": PEMOf("b")})
}

func TestATokenThatIsLostIsReplacedOnlyWhileTheConnectionIsNew(t *testing.T) {
	const base = "https://api.stytch.com/scim"
	kept := func(last string) *connection.Token { return &connection.Token{LastFour: last, BaseURL: base} }
	next := func(last, next string) *connection.Token {
		return &connection.Token{LastFour: last, NextLastFour: next, BaseURL: base}
	}
	for _, test := range []struct {
		name    string
		secret  *connection.Token
		current string
		next    string
		isNew   bool
		story   string
		renamed bool // the provisional name gives way in the same plan
	}{
		{"kept and new: the mark goes", kept("aaaa"), "aaaa", "", true, "display_name", true},
		{"kept and no longer new: nothing", kept("aaaa"), "aaaa", "", false, "", false},
		{"kept, new and rotating: the rotation is cancelled before the mark goes", kept("aaaa"), "aaaa", "nnnn", true, "CancelRotation display_name", true},
		{"kept, no longer new and rotating: somebody else's rotation is left alone", kept("aaaa"), "aaaa", "nnnn", false, "", false},
		{"lost and new: a rotation is started", &connection.Token{}, "aaaa", "", true, "StartRotation", false},
		{"lost, new and rotating: the open rotation is cancelled", &connection.Token{}, "aaaa", "nnnn", true, "CancelRotation", false},
		{"the next one kept: the rotation is completed", next("", "nnnn"), "aaaa", "nnnn", true, "CompleteRotation", false},
		{"both kept: the rotation is cancelled", next("aaaa", "nnnn"), "aaaa", "nnnn", true, "CancelRotation display_name", true},
		{"the current one kept as the next: it takes its place", next("", "aaaa"), "aaaa", "", true, "RecoverToken&RecoverToken", false},
		{"the next one kept as the current: the open rotation is cancelled", kept("nnnn"), "aaaa", "nnnn", true, "CancelRotation", false},
		{"another one kept, and new: a rotation is started", kept("oooo"), "aaaa", "", true, "StartRotation", false},
		{"another one kept, new and rotating: it is cancelled", kept("oooo"), "aaaa", "nnnn", true, "CancelRotation", false},
		{"lost and no longer new: nothing", &connection.Token{}, "aaaa", "", false, "", false},
		{"the next one kept and no longer new: nothing", kept("nnnn"), "aaaa", "nnnn", false, "", false},
		{"a Secret that is not ours: nothing, and the mark stays", &connection.Token{Foreign: true}, "aaaa", "", true, "", false},
		{"a Secret that is not ours, rotating: nothing", &connection.Token{Foreign: true}, "aaaa", "nnnn", true, "", false},
		{"another base URL: it is published", &connection.Token{LastFour: "aaaa", BaseURL: "old"}, "aaaa", "", false, "PublishToken", false},
		{"another base URL while rotating: it is published", &connection.Token{LastFour: "aaaa", BaseURL: "old"}, "aaaa", "nnnn", false, "PublishToken", false},
		{"another base URL, new: it is published and the mark goes", &connection.Token{LastFour: "aaaa"}, "aaaa", "", true, "PublishToken display_name", true},
		{"another base URL beside another token: nothing", &connection.Token{LastFour: "oooo", BaseURL: "old"}, "aaaa", "", false, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			have := connection.State{
				Settings: connection.Settings{"display_name": connection.Text("Acme")},
				Token:    &connection.Token{LastFour: test.current, NextLastFour: test.next, BaseURL: base},
				New:      test.isNew,
			}
			if test.isNew {
				have.Settings["display_name"] = connection.Text(connection.ProvisionalName("Acme", ManifestUID))
			}
			want := connection.State{Settings: connection.Settings{"display_name": connection.Text("Acme")}, Token: test.secret}
			plan := PlanOf(want, have)
			Same(t, "the plan", Story(plan), test.story)
			if renamed := strings.Contains(connection.Names(plan), "display_name"); renamed != test.renamed {
				t.Errorf("the mark goes: %t, want %t", renamed, test.renamed)
			}
		})
	}
}

func TestOtherSettingsDoNotWaitForTheToken(t *testing.T) {
	want := connection.State{Token: &connection.Token{}, Settings: connection.Settings{
		"display_name": connection.Text("Acme"), "identity_provider": connection.Provider("okta"),
	}}
	have := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}, Settings: connection.Settings{
		"identity_provider": connection.Provider(""),
	}}
	Same(t, "the plan", Story(PlanOf(want, have)), "StartRotation identity_provider")
}

func TestANameIsManagedThoughTheTokenIsLostOnceTheConnectionIsNoLongerNew(t *testing.T) {
	r := SCIMRemote()
	r.DisplayName = "by hand"
	plan, _ := PlanFor(scim.Kind(), SCIMManifest(), r, connection.Inputs{})
	OneUpdate(t, plan, `{"display_name":"Acme – Okta"}`)
}

func TestTheBaseURLIsPublishedAsStytchShowsIt(t *testing.T) {
	plan := PlanOf(
		connection.State{Token: &connection.Token{LastFour: "aaaa", BaseURL: "old"}},
		connection.State{Token: &connection.Token{LastFour: "aaaa", BaseURL: "new"}})
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "base_url", Have: "old", Want: "new"}})
}

func TestAKindWithoutTokensNeedsNone(t *testing.T) {
	settings := connection.Settings{"display_name": connection.Text("Acme")}
	for _, want := range []*connection.Token{nil, {LastFour: "aaaa"}} {
		plan := PlanOf(connection.State{Settings: settings, Token: want}, connection.State{New: true})
		Same(t, "the plan without a token at Stytch", Story(plan), "display_name")
	}
	plan := PlanOf(connection.State{Settings: settings}, connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}})
	Same(t, "the plan without a token wanted", Story(plan), "display_name")
}

func TestWhatIsSentToReplaceATokenSaysWhatStytchHasAndWillHave(t *testing.T) {
	at := func(current, next string) connection.State {
		return connection.State{New: true, Token: &connection.Token{LastFour: current, NextLastFour: next}}
	}
	for _, test := range []struct {
		name   string
		secret string
		have   connection.State
		want   v1alpha1.Change
	}{
		{"start", "", at("aaaa", ""), v1alpha1.Change{Field: "bearer_token", Have: "…aaaa", Want: "a new token"}},
		{"complete", "nnnn", at("aaaa", "nnnn"), v1alpha1.Change{Field: "bearer_token", Have: "…aaaa", Want: "…nnnn"}},
		{"cancel", "", at("aaaa", "nnnn"), v1alpha1.Change{Field: "next_bearer_token", Have: "…nnnn", Want: ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := PlanOf(connection.State{Token: &connection.Token{NextLastFour: test.secret}}, test.have)
			Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{test.want})
		})
	}
}

// UpdateOf is a step with changes of one field each, written as field, have, want.
func UpdateOf(changes ...[3]string) connection.Step {
	s := connection.Step{Action: connection.Update}
	for _, c := range changes {
		s.Changes = append(s.Changes, connection.Change{Field: c[0], Have: connection.Text(c[1]), Want: connection.Text(c[2])})
	}
	return s
}

func removal(id, fingerprint string) connection.Step {
	return connection.Step{Action: saml.DeleteCertificate, Target: id, Needs: []string{"x509_certificate", "metadata_url"}, Changes: []connection.Change{
		{Field: "verification_certificates", Have: connection.Text(fingerprint)},
	}}
}

func stuck(field, have, want string) v1alpha1.NotConverging {
	return connection.Stuck(connection.Change{Field: field, Have: connection.Text(have), Want: connection.Text(want)})
}

func TestWithholdTakesOutWhatWasSentBeforeAtTheSameHaveAndWant(t *testing.T) {
	name := [3]string{"display_name", "a", "b"}
	url := [3]string{"idp_sso_url", "c", "d"}
	for _, test := range []struct {
		name  string
		steps []connection.Step
		stuck []v1alpha1.NotConverging
		left  []connection.Step
		hold  []v1alpha1.NotConverging
	}{
		{"nothing where nothing is stuck", []connection.Step{UpdateOf(name)}, nil, []connection.Step{UpdateOf(name)}, nil},
		{
			"one change of two, and the other goes",
			[]connection.Step{UpdateOf(name, url)},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
			[]connection.Step{UpdateOf(url)},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
		},
		{
			"a step of which nothing is left",
			[]connection.Step{UpdateOf(name)},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
			nil,
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
		},
		{
			"no longer where Stytch shows another value",
			[]connection.Step{UpdateOf(name)},
			[]v1alpha1.NotConverging{stuck("display_name", "x", "b")},
			[]connection.Step{UpdateOf(name)},
			nil,
		},
		{
			"no longer where the manifest asks for another value",
			[]connection.Step{UpdateOf(name)},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "x")},
			[]connection.Step{UpdateOf(name)},
			nil,
		},
		{
			"no other field of the same values",
			[]connection.Step{UpdateOf(name)},
			[]v1alpha1.NotConverging{stuck("idp_entity_id", "a", "b")},
			[]connection.Step{UpdateOf(name)},
			nil,
		},
		{"and what is not in the plan any more is forgotten", nil, []v1alpha1.NotConverging{stuck("display_name", "a", "b")}, nil, nil},
		{
			"and no certificate goes while a wanted one is withheld",
			[]connection.Step{removal("1", "old"), UpdateOf(url, [3]string{"x509_certificate", "h", "w"}), removal("2", "older")},
			[]v1alpha1.NotConverging{stuck("x509_certificate", "h", "w")},
			[]connection.Step{UpdateOf(url)},
			[]v1alpha1.NotConverging{stuck("x509_certificate", "h", "w")},
		},
		{
			"and certificates go while a setting is withheld",
			[]connection.Step{UpdateOf(name), removal("1", "old")},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
			[]connection.Step{removal("1", "old")},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := InJSON(t, test.steps)
			left, hold := connection.Withhold(test.steps, test.stuck)
			Same(t, "what is left", left, test.left)
			Same(t, "what is held", hold, test.hold)
			Same(t, "the plan that was given", InJSON(t, test.steps), before)
		})
	}
}

func TestRepeatedIsWhatAStepMadeAndThePlanAsksForAgain(t *testing.T) {
	done := UpdateOf([3]string{"display_name", "a", "b"}, [3]string{"idp_sso_url", "c", "d"})
	for _, test := range []struct {
		name string
		done connection.Step
		plan []connection.Step
		want []v1alpha1.NotConverging
	}{
		{"nothing in an empty plan", done, nil, nil},
		{"nothing of what follows", done, []connection.Step{UpdateOf([3]string{"idp_entity_id", "a", "b"})}, nil},
		{
			"a value that stayed", done,
			[]connection.Step{UpdateOf([3]string{"display_name", "a", "b"})},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b")},
		},
		{
			"a value that became a third one, as it reads now", done,
			[]connection.Step{UpdateOf([3]string{"display_name", "x", "b"})},
			[]v1alpha1.NotConverging{stuck("display_name", "x", "b")},
		},
		{"nothing where another value is wanted by now", done, []connection.Step{UpdateOf([3]string{"display_name", "a", "x"})}, nil},
		{
			"several", done,
			[]connection.Step{UpdateOf([3]string{"display_name", "a", "b"}, [3]string{"idp_sso_url", "c", "d"})},
			[]v1alpha1.NotConverging{stuck("display_name", "a", "b"), stuck("idp_sso_url", "c", "d")},
		},
		{
			"a certificate that did not go", removal("1", "x"),
			[]connection.Step{removal("1", "x")},
			[]v1alpha1.NotConverging{stuck("verification_certificates", "x", "")},
		},
		{
			"nothing of another action that changes the same field",
			connection.Step{Action: token.StartRotation, Changes: UpdateOf([3]string{"bearer_token", "a", "b"}).Changes},
			[]connection.Step{{Action: token.CompleteRotation, Changes: UpdateOf([3]string{"bearer_token", "a", "b"}).Changes}},
			nil,
		},
		{"nothing where its second copy is next", removal("1", "x"), []connection.Step{removal("2", "x")}, nil},
		{
			"nothing where another certificate is next", UpdateOf([3]string{"x509_certificate", "", "a"}),
			[]connection.Step{UpdateOf([3]string{"x509_certificate", "a", "b"})},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			Same(t, "what repeats", connection.Repeated(test.done, test.plan), test.want)
		})
	}
}

func TestARotationThatWouldNotBeCancelledDoesNotKeepOneFromBeingStarted(t *testing.T) {
	want := connection.State{Token: &connection.Token{}}
	rotating := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa", NextLastFour: "nnnn"}}
	cancel := PlanOf(want, rotating)
	held := connection.Repeated(cancel[0], PlanOf(want, rotating))
	if left, _ := connection.Withhold(cancel, held); len(left) > 0 {
		t.Fatalf("a cancellation that changed nothing is asked for again: %s", Story(left))
	}
	idle := connection.State{New: true, Token: &connection.Token{LastFour: "aaaa"}}
	left, hold := connection.Withhold(PlanOf(want, idle), held)
	Same(t, "what is left once the rotation is gone", Story(left), "StartRotation")
	Same(t, "what is held", hold, []v1alpha1.NotConverging(nil))
}

func TestWhatIsStuckIsRememberedWithoutItsValues(t *testing.T) {
	entry := stuck("idp_sso_url", "https://have.example.com", "https://want.example.com")
	Lacks(t, InJSON(t, entry), "example.com")
	for _, h := range []string{entry.Have, entry.Want} {
		if len(h) != 16 {
			t.Errorf("%q is not a hash", h)
		}
	}
	if entry.Have == entry.Want || entry == stuck("idp_sso_url", "https://have.example.com", "other") {
		t.Error("different values are remembered as one")
	}
}

func TestASecretThatIsStuckIsRememberedByTheVersionOfItsSecret(t *testing.T) {
	from := func(version, value, have string) v1alpha1.NotConverging {
		return connection.Stuck(connection.Change{
			Field: "client_secret", Have: connection.Text(have),
			Want: connection.Value{Same: value, From: &v1alpha1.Input{UID: "u", ResourceVersion: version}},
		})
	}
	Same(t, "another value of the same version", from("1", "a", "x"), from("1", "b", "y"))
	if from("1", "a", "x") == from("2", "a", "x") {
		t.Error("another version is remembered as the same")
	}
}

func TestShowIsBounded(t *testing.T) {
	long := strings.Repeat("ü", 300)
	var changes [][3]string
	for i := range 70 {
		changes = append(changes, [3]string{fmt.Sprintf("field_%02d", i), long, "w"})
	}
	shown := connection.Show([]connection.Step{UpdateOf(changes[:40]...), UpdateOf(changes[40:]...)})
	if len(shown) != 64 || shown[63].Field != "field_63" {
		t.Fatalf("%d changes are shown, want the first 64", len(shown))
	}
	for _, c := range shown {
		if utf8.RuneCountInString(c.Have) != 256 || !strings.HasSuffix(c.Have, "ü…") || c.Want != "w" {
			t.Fatalf("a value of 300 runes is shown as %q", c.Have)
		}
	}
	for _, n := range []int{0, 1, 255, 256} {
		whole := strings.Repeat("ü", n)
		Same(t, fmt.Sprintf("a value of %d runes", n), connection.Show([]connection.Step{UpdateOf([3]string{"f", whole, "w"})}),
			[]v1alpha1.Change{{Field: "f", Have: whole, Want: "w"}})
	}
	Same(t, "a value of 257 runes", utf8.RuneCountInString(connection.Show([]connection.Step{UpdateOf([3]string{"f", strings.Repeat("x", 257), ""})})[0].Have), 256)
	Same(t, "nothing", connection.Show(nil), []v1alpha1.Change(nil))
	Same(t, "what is sent though it is equal", connection.Show([]connection.Step{UpdateOf([3]string{"f", "x", "x"})}), []v1alpha1.Change(nil))
}

func TestAPlanShowsCertificatesByFingerprint(t *testing.T) {
	added := IssueCertificate(t, "added", Noon.AddDate(1, 0, 0))
	o := SAMLManifest()
	o.Spec.VerificationCertificates = []v1alpha1.VerificationCertificate{{PEM: added.PEM}}
	r := SAMLRemote()
	for i := range 5 {
		r.VerificationCertificates = append(r.VerificationCertificates, stytch.Certificate{
			ID: fmt.Sprintf("cert-%d", i), SHA256: strings.Repeat(fmt.Sprint(i), 64), ExpiresAt: Noon,
		})
	}
	plan, _ := PlanFor(saml.Kind(), o, r, connection.Inputs{})
	Same(t, "the plan", Story(plan), "free:cert-0 +"+added.SHA256+" -cert-1 -cert-2 -cert-3 -cert-4")
	var sentences []string
	for _, s := range plan {
		sentences = append(sentences, s.Sentence())
	}
	said := strings.Join(sentences, "\n") + InJSON(t, connection.Show(plan)) + connection.Names(plan)
	body := strings.Split(added.PEM, "\n")[1]
	Lacks(t, said, "BEGIN", "CERTIFICATE", body, body[:20])
	Contains(t, said,
		"x509_certificate: added "+added.SHA256,
		"verification_certificates: removed "+strings.Repeat("0", 64))
	for _, c := range connection.Show(plan) {
		if utf8.RuneCountInString(c.Have) > 256 {
			t.Errorf("%d runes are shown", utf8.RuneCountInString(c.Have))
		}
	}
}

func TestASentenceSaysFieldHaveAndWant(t *testing.T) {
	s := UpdateOf([3]string{"display_name", "a", "b"}, [3]string{"idp_sso_url", strings.Repeat("x", 300), "d"})
	Same(t, "the sentence", s.Sentence(), `display_name: "a" → "b"; idp_sso_url: "`+strings.Repeat("x", 255)+`…" → "d"`)
	unreadable := PlanOf(connection.State{Certificates: WantedCertificates("a")}, connection.State{Certificates: CertificatesAtStytch("a:1:1", ":cert-2:?")})
	Same(t, "the sentence about one that cannot be read", unreadable[0].Sentence(), "verification_certificates: removed cert-2")
}

func TestNamesListsEachFieldOnce(t *testing.T) {
	plan := []connection.Step{UpdateOf([3]string{"b", "", "x"}, [3]string{"a", "", "x"}), UpdateOf([3]string{"b", "", "y"})}
	Same(t, "the names", connection.Names(plan), "b, a")
	Same(t, "the names of nothing", connection.Names(nil), "")
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

// SecretWith is the Secret of scimManifest with a label and a token.
func SecretWith(label, bearer string) connection.Inputs {
	return Holding(TokenSecret(label, map[string]string{"token": bearer, "base-url": SCIMRemote().BaseURL}))
}

// YearsOn is a time some years after noon.
func YearsOn(n int) time.Time { return Noon.AddDate(n, 0, 0) }
