package connection_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/external"
	"github.com/stytch-operator/stytch-operator/internal/connection/pki"
	"github.com/stytch-operator/stytch-operator/internal/connection/saml"
	"github.com/stytch-operator/stytch-operator/internal/connection/scim"
	"github.com/stytch-operator/stytch-operator/internal/connection/token"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

func FuzzShow(f *testing.F) {
	f.Add("", "")
	f.Add("a", strings.Repeat("ü", 256))
	f.Add(strings.Repeat("x", 257), strings.Repeat("😀", 300))
	f.Add("\xff\xfe", strings.Repeat("\xff", 300))
	f.Fuzz(func(t *testing.T, have, want string) {
		step := UpdateOf([3]string{"f", have, want})
		shown := connection.Show([]connection.Step{step})
		if have == want {
			if len(shown) > 0 || step.Sentence() != "" {
				t.Fatalf("what is equal is shown as %+v and %q", shown, step.Sentence())
			}
			return
		}
		wellShown(t, have, shown[0].Have)
		wellShown(t, want, shown[0].Want)
		if !strings.HasPrefix(step.Sentence(), "f: ") {
			t.Fatalf("the sentence is %q", step.Sentence())
		}
	})
}

// wellShown checks that a short value is shown as it is, and a long one by its beginning.
func wellShown(t *testing.T, whole, shown string) {
	t.Helper()
	switch {
	case utf8.RuneCountInString(whole) <= 256:
		Same(t, "a short value", shown, whole)
	case utf8.RuneCountInString(shown) != 256:
		t.Fatalf("%q is shown as %q", whole, shown)
	case utf8.ValidString(whole) && !strings.HasPrefix(whole, strings.TrimSuffix(shown, "…")):
		t.Fatalf("%q is shown as %q", whole, shown)
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

func TestADisplayNameIsManagedWhereItIsWrittenAndGivenOnceWhereItIsNot(t *testing.T) {
	unnamed := SAMLManifest()
	unnamed.Spec.DisplayName = ""
	long := SAMLManifest()
	long.Spec.DisplayName = strings.Repeat("x", 255)
	provisional := func(o *v1alpha1.SAMLConnection) string {
		return MarkedName(connection.RealName(o), o.UID)
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
		{"another manifest's mark is no mark", unnamed, MarkedName("okta", OtherUID), ""},
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
