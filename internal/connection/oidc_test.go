package connection_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

type oidcStage = stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection]

// newOIDC is a manifest that gives an issuer and a client, and its connection, which has neither.
func newOIDC() *oidcStage {
	f := &far{habits: habits{secretIs: "shown"}}
	f.discovery = map[string]map[string]string{}
	for _, issuer := range []string{theIssuer, "https://other.example.com"} {
		f.discovery[issuer] = map[string]string{
			"authorization_url": issuer + "/authorize", "token_url": issuer + "/token", "userinfo_url": issuer + "/userinfo", "jwks_url": issuer + "/jwks",
		}
	}
	o := oidcManifest()
	o.Spec.AuthorizationURL, o.Spec.TokenURL, o.Spec.UserinfoURL, o.Spec.JWKSURL = "", "", "", ""
	s := &oidcStage{kind: oidc.Kind(), held: o, far: f}
	random := rand.New(rand.NewSource(1))
	s.shows = func() stytch.OIDCConnection { return f.asOIDC(random) }
	in := oidcInputs(theSecret)
	s.inputs = func() connection.Inputs { return in }
	return s
}

// sends runs passes to their end, and says what they sent.
func (s *stage[O, R]) sends(t *testing.T) (fields string, out outcome) {
	t.Helper()
	var all []string
	for range 5 {
		out = s.pass(t)
		if len(s.log) == 0 {
			return strings.Join(all, " "), out
		}
		all = append(all, story(s.log))
	}
	t.Fatalf("still at work: %s", strings.Join(all, " "))
	return "", out
}

func TestAnOIDCUpdateCarriesTheOneFieldThatDiffers(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.OIDCConnectionSpec)
		body string
	}{
		{"display name", func(s *v1alpha1.OIDCConnectionSpec) { s.DisplayName = "Acme" }, `{"display_name":"Acme"}`},
		{"identity provider", func(s *v1alpha1.OIDCConnectionSpec) { s.IdentityProvider = "generic" }, `{"identity_provider":"generic"}`},
		{"client ID", func(s *v1alpha1.OIDCConnectionSpec) { s.ClientID = "x" }, `{"client_id":"x"}`},
		{"authorization URL", func(s *v1alpha1.OIDCConnectionSpec) { s.AuthorizationURL = "https://x" }, `{"authorization_url":"https://x"}`},
		{"token URL", func(s *v1alpha1.OIDCConnectionSpec) { s.TokenURL = "https://x" }, `{"token_url":"https://x"}`},
		{"userinfo URL", func(s *v1alpha1.OIDCConnectionSpec) { s.UserinfoURL = "https://x" }, `{"userinfo_url":"https://x"}`},
		{"JWKS URL", func(s *v1alpha1.OIDCConnectionSpec) { s.JWKSURL = "https://x" }, `{"jwks_url":"https://x"}`},
		{"scopes, with spaces between them", func(s *v1alpha1.OIDCConnectionSpec) { s.CustomScopes = []string{"b", "a"} }, `{"custom_scopes":"b a"}`},
		{"scopes, cleared", func(s *v1alpha1.OIDCConnectionSpec) { s.CustomScopes = []string{} }, `{"custom_scopes":""}`},
		{"attribute mapping, cleared", func(s *v1alpha1.OIDCConnectionSpec) { s.AttributeMapping = map[string]string{} }, `{"attribute_mapping":{}}`},
		{
			"issuer, and beside it the URLs, which Stytch would discover anew",
			func(s *v1alpha1.OIDCConnectionSpec) { s.Issuer = "https://other.example.com" },
			`{"issuer":"https://other.example.com","authorization_url":"https://idp.example.com/authorize","token_url":"https://idp.example.com/token",
				"userinfo_url":"https://idp.example.com/userinfo","jwks_url":"https://idp.example.com/jwks"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := oidcManifest()
			test.edit(&o.Spec)
			plan, problems := planFor(oidc.Kind(), o, oidcRemote(), oidcInputs(theSecret))
			oneUpdate(t, plan, test.body)
			same(t, "problems", problems, []connection.Problem(nil))
		})
	}
	plan, problems := planFor(oidc.Kind(), oidcManifest(), oidcRemote(), oidcInputs(theSecret))
	noSteps(t, plan)
	same(t, "problems", problems, []connection.Problem(nil))
	o := &v1alpha1.OIDCConnection{ObjectMeta: meta("entra")}
	plan, _ = planFor(oidc.Kind(), o, oidcRemote(), connection.Inputs{})
	noSteps(t, plan)
}

func TestWhatIsSentBesideTheIssuerIsNotShownAsADifference(t *testing.T) {
	o := oidcManifest()
	o.Spec.Issuer = "https://other.example.com"
	plan, _ := planFor(oidc.Kind(), o, oidcRemote(), oidcInputs(theSecret))
	same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "issuer", Have: theIssuer, Want: "https://other.example.com"}})
	same(t, "the names", connection.Names(plan), "issuer")
	same(t, "the sentence", plan[0].Sentence(), `issuer: "https://idp.example.com" → "https://other.example.com"`)
}

func TestScopesAreComparedAfterDecodingAndFolding(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"a b", "b a", true},
		{"a b", "a%20b", true},
		{"a b", "  a\t b \n", true},
		{"a b", "a  b a", true},
		{"", "%20", true},
		{"a:b/c", "a%3Ab%2Fc", true},
		{"a+b", "a+b", true},
		{"a+b", "a b", false},
		{"a b", "a", false},
		{"a", "A", false},
		{"a%2", "a%2", true}, // cannot be decoded
		{"a%2 b", "b a%2", true},
		{"ab", "a b", false},
	} {
		if got := connection.Scopes(test.a).Same == connection.Scopes(test.b).Same; got != test.same {
			t.Errorf("%q and %q are the same: %t", test.a, test.b, got)
		}
		same(t, "what is sent", connection.Scopes(test.a).Send, any(test.a))
	}
}

func TestDiscoveredURLsAreRecordedAndWantedFromThenOn(t *testing.T) {
	s := newOIDC()
	sent, out := s.sends(t)
	same(t, "what is sent", sent, "attribute_mapping&client_id&client_secret&custom_scopes&display_name&identity_provider&issuer")
	s.equal(t, 0, out)
	same(t, "what is recorded", s.held.Status.Discovered, &v1alpha1.DiscoveredStatus{
		Issuer: theIssuer, AuthorizationURL: theIssuer + "/authorize", TokenURL: theIssuer + "/token", UserinfoURL: theIssuer + "/userinfo", JWKSURL: theIssuer + "/jwks",
	})

	s.far.TokenURL, s.far.JWKSURL = "https://evil/token", "https://evil/jwks"
	sent, out = s.sends(t)
	same(t, "what repairs other URLs", sent, "jwks_url&token_url")
	s.equal(t, 0, out)

	s.far.Issuer = "https://other.example.com"
	sent, out = s.sends(t)
	same(t, "what repairs another issuer, so that it is not discovered anew", sent, "issuer&authorization_url&jwks_url&token_url&userinfo_url")
	s.equal(t, 0, out)
	same(t, "the token URL", s.far.TokenURL, theIssuer+"/token")

	s.held.Spec.Issuer = "https://other.example.com"
	sent, out = s.sends(t)
	same(t, "what another issuer in the manifest sends", sent, "issuer")
	s.equal(t, 0, out)
	same(t, "the token URL of the other", s.held.Status.Discovered.TokenURL, "https://other.example.com/token")

	s.held.Spec.Issuer = ""
	sent, out = s.sends(t)
	same(t, "what no issuer sends", sent, "")
	s.equal(t, 0, out)
	same(t, "what is recorded without an issuer", s.held.Status.Discovered, (*v1alpha1.DiscoveredStatus)(nil))
}

func TestAURLThatTheManifestGivesIsNotRecordedAndWins(t *testing.T) {
	s := newOIDC()
	s.held.Spec.TokenURL = "https://mine.example.com/token"
	_, out := s.sends(t)
	s.equal(t, 0, out)
	same(t, "the token URL", s.far.TokenURL, "https://mine.example.com/token")
	same(t, "what is recorded of it", s.held.Status.Discovered.TokenURL, "")
	same(t, "what is recorded of another", s.held.Status.Discovered.JWKSURL, theIssuer+"/jwks")

	s.held.Spec.JWKSURL = "https://mine.example.com/jwks"
	sent, out := s.sends(t)
	same(t, "what is sent once another is given", sent, "jwks_url")
	s.equal(t, 0, out)
	same(t, "what is recorded of that", s.held.Status.Discovered.JWKSURL, "")
}

func TestADiscoveryThatFailedIsSaidAndRecordsNothing(t *testing.T) {
	s := newOIDC()
	s.far.AuthorizationURL, s.far.TokenURL = "https://old/authorize", "https://old/token"
	s.held.Spec.Issuer, s.held.Spec.UserinfoURL = "https://unreadable.example.com", "https://mine.example.com/userinfo"
	_, out := s.sends(t)
	same(t, "the plan", story(out.plan), "")
	if len(out.problems) != 1 || out.problems[0].Reason != v1alpha1.ReasonDiscoveryFailed || out.problems[0].Halts {
		t.Fatalf("the problems are %s", problemWords(out.problems))
	}
	said := out.problems[0].Message
	contains(t, said, "https://unreadable.example.com", "The metadata document could not be read)", "Fix spec.issuer", "set these fields in the manifest: authorizationURL, tokenURL, jwksURL.")
	lacks(t, said, "userinfoURL")
	same(t, "what is recorded", s.held.Status.Discovered, &v1alpha1.DiscoveredStatus{Issuer: "https://unreadable.example.com", Warning: "The metadata document could not be read."})

	_, out = s.sends(t)
	same(t, "what is said again", out.problems[0].Message, said)

	s.held.Spec.AuthorizationURL, s.held.Spec.TokenURL, s.held.Spec.JWKSURL = "https://n/a", "https://n/t", "https://n/j"
	sent, out := s.sends(t)
	same(t, "what the URLs in the manifest send", sent, "authorization_url&jwks_url&token_url")
	s.equal(t, 0, out)
	same(t, "what is recorded then", s.held.Status.Discovered, &v1alpha1.DiscoveredStatus{Issuer: "https://unreadable.example.com"})
}

func TestAnIssuerThatIsCorrectedIsDiscovered(t *testing.T) {
	s := newOIDC()
	s.held.Spec.Issuer = "https://unreadable.example.com"
	s.sends(t)
	s.held.Spec.Issuer = theIssuer
	sent, out := s.sends(t)
	same(t, "what is sent", sent, "issuer")
	s.equal(t, 0, out)
	same(t, "the warning", s.held.Status.Discovered.Warning, "")
}

func TestAWarningIsShortened(t *testing.T) {
	o := oidcManifest()
	step := connection.Step{Action: connection.Update, Changes: []connection.Change{{Field: "issuer", Want: connection.Text(theIssuer)}}}
	sent(o, step, strings.Repeat("ü", 1000))
	same(t, "runes", utf8.RuneCountInString(o.Status.Discovered.Warning), 256)
	sent(o, connection.Step{Action: connection.Update, Changes: []connection.Change{{Field: "client_id"}}}, "another")
	same(t, "runes after an update without the issuer", utf8.RuneCountInString(o.Status.Discovered.Warning), 256)
}

func TestAURLTooLongToBeRecordedIsNotWanted(t *testing.T) {
	s := newOIDC()
	long := "https://idp.example.com/" + strings.Repeat("x", 5000)
	s.far.discovery[theIssuer]["token_url"] = long
	_, out := s.sends(t)
	s.equal(t, 0, out)
	same(t, "what is recorded", s.held.Status.Discovered.TokenURL, "")
	same(t, "the token URL", s.far.TokenURL, long)
}

func TestAProcessLostBetweenUpdateAndStatusFindsWhatWasDiscovered(t *testing.T) {
	losing := func(s *oidcStage) {
		s.lose = func(connection.Step) string { return "unanswered" }
		s.pass(&testing.T{})
		s.lose = nil
	}
	t.Run("of the first issuer", func(t *testing.T) {
		s := newOIDC()
		losing(s)
		sent, out := s.sends(t)
		same(t, "what is sent", sent, "")
		s.equal(t, 0, out)
		same(t, "what is recorded", s.held.Status.Discovered.TokenURL, theIssuer+"/token")
	})
	t.Run("of another issuer", func(t *testing.T) {
		s := newOIDC()
		s.sends(t)
		s.held.Spec.Issuer = "https://other.example.com"
		losing(s)
		sent, out := s.sends(t)
		same(t, "what is sent", sent, "")
		s.equal(t, 0, out)
		same(t, "what is recorded", s.held.Status.Discovered.TokenURL, "https://other.example.com/token")
	})
	t.Run("of another issuer whose document could not be read", func(t *testing.T) {
		s := newOIDC()
		s.sends(t)
		s.held.Spec.Issuer = "https://unreadable.example.com"
		losing(s)
		sent, out := s.sends(t)
		same(t, "what is sent", sent, "")
		if len(out.problems) != 1 || out.problems[0].Reason != v1alpha1.ReasonDiscoveryFailed {
			t.Fatalf("the problems are %s", problemWords(out.problems))
		}
		contains(t, out.problems[0].Message, "Stytch still has the URLs of "+theIssuer)
		same(t, "what is recorded", s.held.Status.Discovered.TokenURL, "")
	})
}

func TestAnIssuerThatStytchSpellsInAnotherWayIsSentOnceAndTheRestStillIs(t *testing.T) {
	s := newOIDC()
	s.held.Spec.TokenURL = "https://mine.example.com/token"
	shows := s.shows
	s.shows = func() stytch.OIDCConnection {
		r := shows()
		r.Issuer += "/"
		return r
	}
	sent, out := s.sends(t)
	same(t, "how often the issuer is sent", strings.Count(sent, "issuer"), 1)
	same(t, "what is stuck", len(out.stuck), 1)
	s.held.Spec.ClientID = "another"
	sent, _ = s.sends(t)
	same(t, "what is sent later", sent, "client_id")
	s.held.Spec.TokenURL = "https://mine.example.com/newer"
	sent, _ = s.sends(t)
	same(t, "what is sent still later", sent, "token_url")
}

func TestAClientSecretIsComparedWhereStytchShowsItAndSentOnceWhereItDoesNot(t *testing.T) {
	for _, habit := range []string{"shown", "masked", "empty"} {
		t.Run(habit, func(t *testing.T) {
			s := newOIDC()
			s.far.habits.secretIs = habit
			secret := secretOf("entra", map[string]string{"client-secret": "\n" + theSecret + "\n"})
			s.inputs = func() connection.Inputs { return holding(secret) }
			_, out := s.sends(t)
			s.equal(t, 0, out)
			same(t, "the secret, without white space", s.far.ClientSecret, theSecret)

			sent, out := s.sends(t)
			same(t, "what an untouched Secret sends", sent, "")
			s.equal(t, 0, out)

			secret = secret.DeepCopy()
			secret.ResourceVersion = "2" // a label, say
			sent, out = s.sends(t)
			same(t, "what a Secret of another version and the same value sends", sent, map[string]string{"masked": "client_secret", "empty": "client_secret"}[habit])
			s.equal(t, 0, out)

			secret = secretOf("entra", map[string]string{"client-secret": "rotated-client-secret"})
			secret.ResourceVersion = "3"
			sent, out = s.sends(t)
			same(t, "what a changed Secret sends", sent, "client_secret")
			s.equal(t, 0, out)
			same(t, "the new secret", s.far.ClientSecret, "rotated-client-secret")

			secret = secretOf("entra", map[string]string{"client-secret": "rotated-client-secret"})
			secret.UID, secret.ResourceVersion = "made-anew", "3"
			sent, _ = s.sends(t)
			same(t, "what a Secret made anew sends", sent, map[string]string{"masked": "client_secret", "empty": "client_secret"}[habit])

			s.held.Spec.ClientSecretRef = nil
			sent, _ = s.sends(t)
			same(t, "what is sent once it is not managed", sent, "")
			same(t, "what status keeps then", s.held.Status.ClientSecret, (*v1alpha1.Input)(nil))
		})
	}
}

func TestAClientSecretThatDriftedIsPutBackWhereItIsShown(t *testing.T) {
	s := newOIDC()
	s.sends(t)
	s.far.ClientSecret = "by-hand"
	sent, out := s.sends(t)
	same(t, "what is sent", sent, "client_secret")
	s.equal(t, 0, out)
}

func TestAClientSecretThatReadsBackDifferentIsSentOnce(t *testing.T) {
	s := newOIDC()
	shows := s.shows
	s.shows = func() stytch.OIDCConnection {
		r := shows()
		r.ClientSecretSHA256 = sumOf("something else")
		return r
	}
	sent, out := s.sends(t)
	same(t, "how often it is sent", strings.Count(sent, "client_secret"), 1)
	same(t, "what is stuck", len(out.stuck), 1)
	same(t, "its field", out.stuck[0].Field, "client_secret")
	sent, _ = s.sends(t)
	same(t, "what is sent later", sent, "")
}

func TestAClientSecretIsNeverShown(t *testing.T) {
	for _, r := range []stytch.OIDCConnection{oidcRemote(), {ClientSecretMasked: true}, {ClientSecretSHA256: sumOf("of-another-secret")}} {
		secret := "another-" + theSecret
		plan, problems := planFor(oidc.Kind(), oidcManifest(), r, oidcInputs(secret))
		said := inJSON(t, plan) + fmt.Sprintf("%v %+v %#v", plan, plan, plan) + inJSON(t, connection.Show(plan)) + connection.Names(plan) + problemWords(problems)
		shown := inJSON(t, connection.Show(plan))
		for _, s := range plan {
			said += s.Sentence()
			shown += s.Sentence()
			for _, c := range s.Changes {
				said += inJSON(t, connection.Stuck(c))
				shown += inJSON(t, connection.Stuck(c))
			}
			same(t, "what is sent", s.Fields()["client_secret"], any(stytch.Secret(secret)))
		}
		contains(t, shown, `"field":"client_secret"`, `"want":"changed"`)
		lacks(t, said, secret, theSecret)
		lacks(t, shown, sumOf(secret), sumOf(secret)[:16], sumOf(theSecret), sumOf(theSecret)[:16])
	}
}

func TestAClientSecretThatIsMissingIsSaidAndTheRestIsStillSent(t *testing.T) {
	for _, test := range []struct {
		name string
		in   connection.Inputs
		says string
	}{
		{"no Secret", connection.Inputs{Secrets: map[string]*corev1.Secret{"entra": nil}}, "Secret entra, referenced by spec.clientSecretRef, does not exist in this namespace"},
		{"no key", holding(secretOf("entra", map[string]string{"other": "x"})), "Secret entra has no value for the key \"client-secret\""},
		{"white space", oidcInputs(" \n"), "has no value for the key \"client-secret\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := oidcManifest()
			o.Spec.ClientID = "x"
			plan, problems := planFor(oidc.Kind(), o, oidcRemote(), test.in)
			oneUpdate(t, plan, `{"client_id":"x"}`)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInputMissing || problems[0].Halts {
				t.Fatalf("the problems are %s", problemWords(problems))
			}
			contains(t, problems[0].Message, test.says)
		})
	}
}

func TestAClientSecretThatIsNoTextIsInvalidAndNotQuoted(t *testing.T) {
	_, problems := planFor(oidc.Kind(), oidcManifest(), oidcRemote(), oidcInputs("some-secret-\xff\xfe"))
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", problemWords(problems))
	}
	contains(t, problems[0].Message, "spec.clientSecretRef (Secret entra, key \"client-secret\") is not UTF-8 text")
	lacks(t, problems[0].Message, "some-secret")
}

func TestAPendingOIDCConnectionLacksWhatStytchAsksFor(t *testing.T) {
	lacks := func(r stytch.OIDCConnection) string { return strings.Join(oidc.Kind().MissingToActivate(r), " ") }
	same(t, "a whole one", lacks(oidcRemote()), "")
	masked := oidcRemote()
	masked.ClientSecretSHA256, masked.ClientSecretMasked = "", true
	same(t, "one whose secret is masked", lacks(masked), "")
	same(t, "an empty one", lacks(stytch.OIDCConnection{}), "issuer clientID clientSecretRef authorizationURL tokenURL userinfoURL jwksURL")
}

func TestAnOIDCConnectionRefersToItsSecretAndItsDetails(t *testing.T) {
	o := oidcManifest()
	kind := oidc.Kind()
	same(t, "its Secret", kind.References(o), []connection.Reference{{Kind: "Secret", Name: "entra"}})
	o.Spec.DetailsConfigMapName = "entra-details"
	same(t, "and its details", kind.References(o), []connection.Reference{{Kind: "Secret", Name: "entra"}, {Kind: "ConfigMap", Name: "entra-details"}})
	o.Spec.ClientSecretRef, o.Spec.DetailsConfigMapName = nil, ""
	same(t, "nothing", kind.References(o), []connection.Reference(nil))
	same(t, "its API", kind.API, stytch.APISSO)
	same(t, "the body of its creation", kind.Creation(o), stytch.Fields{"identity_provider": "microsoft-entra"})
	same(t, "what ends", kind.Ends(o), []connection.Expiry(nil))
	r := oidcRemote()
	same(t, "a rival of the same name", kind.Rival(o, r) && kind.Shared, true)
	r.DisplayName = "another"
	same(t, "a rival of another name", kind.Rival(o, r), false)
	same(t, "what is written down before a step", begins(kind, o, r, connection.Step{}, noon), false)
	same(t, "what is undone", refuse(kind, o, connection.Step{}, "invalid_x509_certificate"), (*connection.Step)(nil))
	publish(kind, o, r, connection.State{})
	same(t, "the redirect URL", o.Status.RedirectURL, theRedirect)
}
