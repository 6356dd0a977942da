package oidc_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/stytch-operator/stytch-operator/api/v1alpha1"
	"github.com/stytch-operator/stytch-operator/internal/connection"
	. "github.com/stytch-operator/stytch-operator/internal/connection/connectiontest"
	"github.com/stytch-operator/stytch-operator/internal/connection/oidc"
	"github.com/stytch-operator/stytch-operator/internal/stytch"
)

type oidcStage = Stage[*v1alpha1.OIDCConnection, stytch.OIDCConnection]

// newOIDC is a manifest that gives an issuer and a client, and its connection, which has neither.
func newOIDC() *oidcStage {
	remote := &Remote{Habits: Habits{SecretIs: "shown"}}
	remote.Discovery = map[string]map[string]string{}
	for _, issuer := range []string{Issuer, "https://other.example.com"} {
		remote.Discovery[issuer] = map[string]string{
			"authorization_url": issuer + "/authorize", "token_url": issuer + "/token", "userinfo_url": issuer + "/userinfo", "jwks_url": issuer + "/jwks",
		}
	}
	o := OIDCManifest()
	o.Spec.AuthorizationURL, o.Spec.TokenURL, o.Spec.UserinfoURL, o.Spec.JWKSURL = "", "", "", ""
	s := &oidcStage{Kind: oidc.Kind(), Held: o, Remote: remote}
	random := rand.New(rand.NewSource(1))
	s.Shows = func() stytch.OIDCConnection { return remote.AsOIDC(random) }
	in := OIDCInputs(ClientSecret)
	s.Inputs = func() connection.Inputs { return in }
	return s
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
		{"attribute mapping, cleared", func(s *v1alpha1.OIDCConnectionSpec) { s.AttributeMapping = map[string]v1alpha1.Attribute{} }, `{"attribute_mapping":{}}`},
		{
			"issuer, and beside it the URLs, which Stytch would discover anew",
			func(s *v1alpha1.OIDCConnectionSpec) { s.Issuer = "https://other.example.com" },
			`{"issuer":"https://other.example.com","authorization_url":"https://idp.example.com/authorize","token_url":"https://idp.example.com/token",
				"userinfo_url":"https://idp.example.com/userinfo","jwks_url":"https://idp.example.com/jwks"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := OIDCManifest()
			test.edit(&o.Spec)
			plan, problems := PlanFor(oidc.Kind(), o, OIDCRemote(), OIDCInputs(ClientSecret))
			OneUpdate(t, plan, test.body)
			Same(t, "problems", problems, []connection.Problem(nil))
		})
	}
	plan, problems := PlanFor(oidc.Kind(), OIDCManifest(), OIDCRemote(), OIDCInputs(ClientSecret))
	NoSteps(t, plan)
	Same(t, "problems", problems, []connection.Problem(nil))
	o := &v1alpha1.OIDCConnection{ObjectMeta: Meta("entra")}
	plan, _ = PlanFor(oidc.Kind(), o, OIDCRemote(), connection.Inputs{})
	NoSteps(t, plan)
}

func TestWhatIsSentBesideTheIssuerIsNotShownAsADifference(t *testing.T) {
	o := OIDCManifest()
	o.Spec.Issuer = "https://other.example.com"
	plan, _ := PlanFor(oidc.Kind(), o, OIDCRemote(), OIDCInputs(ClientSecret))
	Same(t, "what is shown", connection.Show(plan), []v1alpha1.Change{{Field: "issuer", Have: Issuer, Want: "https://other.example.com"}})
	Same(t, "the names", connection.Names(plan), "issuer")
	Same(t, "the sentence", plan[0].Sentence(), `issuer: "https://idp.example.com" → "https://other.example.com"`)
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
		Same(t, "what is sent", connection.Scopes(test.a).Send, any(test.a))
	}
}

func TestDiscoveredURLsAreRecordedAndWantedFromThenOn(t *testing.T) {
	s := newOIDC()
	sent, out := s.Sends(t)
	Same(t, "what is sent", sent, "attribute_mapping&client_id&client_secret&custom_scopes&display_name&identity_provider&issuer")
	s.Equal(t, 0, out)
	Same(t, "what is recorded", s.Held.Status.Discovered, &v1alpha1.DiscoveredStatus{
		Issuer: Issuer, AuthorizationURL: Issuer + "/authorize", TokenURL: Issuer + "/token", UserinfoURL: Issuer + "/userinfo", JWKSURL: Issuer + "/jwks",
	})

	s.Remote.TokenURL, s.Remote.JWKSURL = "https://evil/token", "https://evil/jwks"
	sent, out = s.Sends(t)
	Same(t, "what repairs other URLs", sent, "jwks_url&token_url")
	s.Equal(t, 0, out)

	s.Remote.Issuer = "https://other.example.com"
	sent, out = s.Sends(t)
	Same(t, "what repairs another issuer, so that it is not discovered anew", sent, "issuer&authorization_url&jwks_url&token_url&userinfo_url")
	s.Equal(t, 0, out)
	Same(t, "the token URL", s.Remote.TokenURL, Issuer+"/token")

	s.Held.Spec.Issuer = "https://other.example.com"
	sent, out = s.Sends(t)
	Same(t, "what another issuer in the manifest sends", sent, "issuer")
	s.Equal(t, 0, out)
	Same(t, "the token URL of the other", s.Held.Status.Discovered.TokenURL, "https://other.example.com/token")

	s.Held.Spec.Issuer = ""
	sent, out = s.Sends(t)
	Same(t, "what no issuer sends", sent, "")
	s.Equal(t, 0, out)
	Same(t, "what is recorded without an issuer", s.Held.Status.Discovered, (*v1alpha1.DiscoveredStatus)(nil))
}

func TestAURLThatTheManifestGivesIsNotRecordedAndWins(t *testing.T) {
	s := newOIDC()
	s.Held.Spec.TokenURL = "https://mine.example.com/token"
	_, out := s.Sends(t)
	s.Equal(t, 0, out)
	Same(t, "the token URL", s.Remote.TokenURL, "https://mine.example.com/token")
	Same(t, "what is recorded of it", s.Held.Status.Discovered.TokenURL, "")
	Same(t, "what is recorded of another", s.Held.Status.Discovered.JWKSURL, Issuer+"/jwks")

	s.Held.Spec.JWKSURL = "https://mine.example.com/jwks"
	sent, out := s.Sends(t)
	Same(t, "what is sent once another is given", sent, "jwks_url")
	s.Equal(t, 0, out)
	Same(t, "what is recorded of that", s.Held.Status.Discovered.JWKSURL, "")
}

func TestADiscoveryThatFailedIsSaidAndRecordsNothing(t *testing.T) {
	s := newOIDC()
	s.Remote.AuthorizationURL, s.Remote.TokenURL = "https://old/authorize", "https://old/token"
	s.Held.Spec.Issuer, s.Held.Spec.UserinfoURL = "https://unreadable.example.com", "https://mine.example.com/userinfo"
	_, out := s.Sends(t)
	Same(t, "the plan", Story(out.Plan), "")
	if len(out.Problems) != 1 || out.Problems[0].Reason != v1alpha1.ReasonDiscoveryFailed || out.Problems[0].Halts {
		t.Fatalf("the problems are %s", ProblemWords(out.Problems))
	}
	said := out.Problems[0].Message
	Contains(t, said, "https://unreadable.example.com", "The metadata document could not be read)", "Fix spec.issuer", "set these fields in the manifest: authorizationURL, tokenURL, jwksURL.")
	Lacks(t, said, "userinfoURL")
	Same(t, "what is recorded", s.Held.Status.Discovered, &v1alpha1.DiscoveredStatus{Issuer: "https://unreadable.example.com", Warning: "The metadata document could not be read."})

	_, out = s.Sends(t)
	Same(t, "what is said again", out.Problems[0].Message, said)

	s.Held.Spec.AuthorizationURL, s.Held.Spec.TokenURL, s.Held.Spec.JWKSURL = "https://n/a", "https://n/t", "https://n/j"
	sent, out := s.Sends(t)
	Same(t, "what the URLs in the manifest send", sent, "authorization_url&jwks_url&token_url")
	s.Equal(t, 0, out)
	Same(t, "what is recorded then", s.Held.Status.Discovered, &v1alpha1.DiscoveredStatus{Issuer: "https://unreadable.example.com"})
}

func TestAnIssuerThatIsCorrectedIsDiscovered(t *testing.T) {
	s := newOIDC()
	s.Held.Spec.Issuer = "https://unreadable.example.com"
	s.Sends(t)
	s.Held.Spec.Issuer = Issuer
	sent, out := s.Sends(t)
	Same(t, "what is sent", sent, "issuer")
	s.Equal(t, 0, out)
	Same(t, "the warning", s.Held.Status.Discovered.Warning, "")
}

func TestAWarningIsShortened(t *testing.T) {
	o := OIDCManifest()
	step := connection.Step{Action: connection.Update, Changes: []connection.Change{{Field: "issuer", Want: connection.Text(Issuer)}}}
	sent(o, step, strings.Repeat("ü", 1000))
	Same(t, "runes", utf8.RuneCountInString(o.Status.Discovered.Warning), 256)
	sent(o, connection.Step{Action: connection.Update, Changes: []connection.Change{{Field: "client_id"}}}, "another")
	Same(t, "runes after an update without the issuer", utf8.RuneCountInString(o.Status.Discovered.Warning), 256)
}

func TestAURLTooLongToBeRecordedIsNotWanted(t *testing.T) {
	s := newOIDC()
	long := "https://idp.example.com/" + strings.Repeat("x", 5000)
	s.Remote.Discovery[Issuer]["token_url"] = long
	_, out := s.Sends(t)
	s.Equal(t, 0, out)
	Same(t, "what is recorded", s.Held.Status.Discovered.TokenURL, "")
	Same(t, "the token URL", s.Remote.TokenURL, long)
}

func TestAProcessLostBetweenUpdateAndStatusFindsWhatWasDiscovered(t *testing.T) {
	losing := func(s *oidcStage) {
		s.Lose = func(connection.Step) string { return "unanswered" }
		s.Pass(&testing.T{})
		s.Lose = nil
	}
	t.Run("of the first issuer", func(t *testing.T) {
		s := newOIDC()
		losing(s)
		sent, out := s.Sends(t)
		Same(t, "what is sent", sent, "")
		s.Equal(t, 0, out)
		Same(t, "what is recorded", s.Held.Status.Discovered.TokenURL, Issuer+"/token")
	})
	t.Run("of another issuer", func(t *testing.T) {
		s := newOIDC()
		s.Sends(t)
		s.Held.Spec.Issuer = "https://other.example.com"
		losing(s)
		sent, out := s.Sends(t)
		Same(t, "what is sent", sent, "")
		s.Equal(t, 0, out)
		Same(t, "what is recorded", s.Held.Status.Discovered.TokenURL, "https://other.example.com/token")
	})
	t.Run("of another issuer whose document could not be read", func(t *testing.T) {
		s := newOIDC()
		s.Sends(t)
		s.Held.Spec.Issuer = "https://unreadable.example.com"
		losing(s)
		sent, out := s.Sends(t)
		Same(t, "what is sent", sent, "")
		if len(out.Problems) != 1 || out.Problems[0].Reason != v1alpha1.ReasonDiscoveryFailed {
			t.Fatalf("the problems are %s", ProblemWords(out.Problems))
		}
		Contains(t, out.Problems[0].Message, "Stytch still has the URLs of "+Issuer)
		Same(t, "what is recorded", s.Held.Status.Discovered.TokenURL, "")
	})
}

func TestAnIssuerThatStytchSpellsInAnotherWayIsSentOnceAndTheRestStillIs(t *testing.T) {
	s := newOIDC()
	s.Held.Spec.TokenURL = "https://mine.example.com/token"
	shows := s.Shows
	s.Shows = func() stytch.OIDCConnection {
		r := shows()
		r.Issuer += "/"
		return r
	}
	sent, out := s.Sends(t)
	Same(t, "how often the issuer is sent", strings.Count(sent, "issuer"), 1)
	Same(t, "what is stuck", len(out.Stuck), 1)
	s.Held.Spec.ClientID = "another"
	sent, _ = s.Sends(t)
	Same(t, "what is sent later", sent, "client_id")
	s.Held.Spec.TokenURL = "https://mine.example.com/newer"
	sent, _ = s.Sends(t)
	Same(t, "what is sent still later", sent, "token_url")
}

func TestAClientSecretIsComparedWhereStytchShowsItAndSentOnceWhereItDoesNot(t *testing.T) {
	for _, habit := range []string{"shown", "masked", "empty"} {
		t.Run(habit, func(t *testing.T) {
			s := newOIDC()
			s.Remote.Habits.SecretIs = habit
			secret := SecretOf("entra", map[string]string{"client-secret": "\xef\xbb\xbf" + ClientSecret + "\r\n"})
			s.Inputs = func() connection.Inputs { return Holding(secret) }
			_, out := s.Sends(t)
			s.Equal(t, 0, out)
			Same(t, "the secret, without what editors add", s.Remote.ClientSecret, ClientSecret)

			sent, out := s.Sends(t)
			Same(t, "what an untouched Secret sends", sent, "")
			s.Equal(t, 0, out)

			secret = secret.DeepCopy()
			secret.ResourceVersion = "2" // a label, say
			sent, out = s.Sends(t)
			Same(t, "what a Secret of another version and the same value sends", sent, map[string]string{"masked": "client_secret", "empty": "client_secret"}[habit])
			s.Equal(t, 0, out)

			secret = SecretOf("entra", map[string]string{"client-secret": "rotated-client-secret"})
			secret.ResourceVersion = "3"
			sent, out = s.Sends(t)
			Same(t, "what a changed Secret sends", sent, "client_secret")
			s.Equal(t, 0, out)
			Same(t, "the new secret", s.Remote.ClientSecret, "rotated-client-secret")

			secret = SecretOf("entra", map[string]string{"client-secret": "rotated-client-secret"})
			secret.UID, secret.ResourceVersion = "made-anew", "3"
			sent, _ = s.Sends(t)
			Same(t, "what a Secret made anew sends", sent, map[string]string{"masked": "client_secret", "empty": "client_secret"}[habit])

			s.Held.Spec.ClientSecretRef = nil
			sent, _ = s.Sends(t)
			Same(t, "what is sent once it is not managed", sent, "")
			Same(t, "what status keeps then", s.Held.Status.ClientSecret, (*v1alpha1.Input)(nil))
		})
	}
}

func TestAClientSecretWhoseSecretWasTouchedIsNotSentAgainWhereTheProcessKnowsTheEarlierVersion(t *testing.T) {
	for _, habit := range []string{"shown", "masked", "empty"} {
		s := newOIDC()
		s.Remote.Habits.SecretIs = habit
		secret := SecretOf("entra", map[string]string{"client-secret": ClientSecret, "other": ClientSecret, "next": "another-client-secret"})
		known := true
		s.Inputs = func() connection.Inputs {
			in := Holding(secret)
			in.Unchanged = func(entry connection.KeyRef, was v1alpha1.Input) bool {
				return known && entry == connection.SecretKey("spec.clientSecretRef", *s.Held.Spec.ClientSecretRef) && was == *s.Held.Status.ClientSecret
			}
			return in
		}
		known = false
		s.Sends(t)
		known = true
		secret = secret.DeepCopy()
		secret.ResourceVersion = "2"
		sent, out := s.Sends(t)
		Same(t, "what a touched Secret sends", sent, "")
		s.Equal(t, 0, out)

		s.Held.Spec.ClientSecretRef.Key = "next"
		known = false
		sent, _ = s.Sends(t)
		Same(t, "what another key sends", sent, "client_secret")
		Same(t, "the secret", s.Remote.ClientSecret, "another-client-secret")
		Same(t, "the key in status", s.Held.Status.ClientSecretKey, "next")

		s.Held.Status.ClientSecretKey = "" // as an earlier version wrote it
		sent, _ = s.Sends(t)
		Same(t, "what is sent where status has no key", sent, "")
	}
}

func TestAnotherKeyOfTheSameVersionOfASecretIsSent(t *testing.T) {
	s := newOIDC()
	s.Remote.Habits.SecretIs = "masked"
	secret := SecretOf("entra", map[string]string{"client-secret": ClientSecret, "next": "another-client-secret"})
	s.Inputs = func() connection.Inputs { return Holding(secret) }
	s.Sends(t)
	s.Held.Spec.ClientSecretRef.Key = "next"
	sent, _ := s.Sends(t)
	Same(t, "what is sent", sent, "client_secret")
	Same(t, "the secret", s.Remote.ClientSecret, "another-client-secret")
}

func TestAClientSecretThatDriftedIsPutBackWhereItIsShown(t *testing.T) {
	s := newOIDC()
	s.Sends(t)
	s.Remote.ClientSecret = "by-hand"
	sent, out := s.Sends(t)
	Same(t, "what is sent", sent, "client_secret")
	s.Equal(t, 0, out)
}

func TestAClientSecretThatReadsBackDifferentIsSentOnce(t *testing.T) {
	s := newOIDC()
	shows := s.Shows
	s.Shows = func() stytch.OIDCConnection {
		r := shows()
		r.ClientSecretSHA256 = SHA256Of("something else")
		return r
	}
	sent, out := s.Sends(t)
	Same(t, "how often it is sent", strings.Count(sent, "client_secret"), 1)
	Same(t, "what is stuck", len(out.Stuck), 1)
	Same(t, "its field", out.Stuck[0].Field, "client_secret")
	sent, _ = s.Sends(t)
	Same(t, "what is sent later", sent, "")
}

func TestAClientSecretIsNeverShown(t *testing.T) {
	for _, r := range []stytch.OIDCConnection{OIDCRemote(), {ClientSecretMasked: true}, {ClientSecretSHA256: SHA256Of("of-another-secret")}} {
		secret := "another-" + ClientSecret
		plan, problems := PlanFor(oidc.Kind(), OIDCManifest(), r, OIDCInputs(secret))
		said := InJSON(t, plan) + fmt.Sprintf("%v %+v %#v", plan, plan, plan) + InJSON(t, connection.Show(plan)) + connection.Names(plan) + ProblemWords(problems)
		shown := InJSON(t, connection.Show(plan))
		for _, s := range plan {
			said += s.Sentence()
			shown += s.Sentence()
			for _, c := range s.Changes {
				said += InJSON(t, connection.Stuck(c))
				shown += InJSON(t, connection.Stuck(c))
			}
			Same(t, "what is sent", s.Fields()["client_secret"], any(stytch.Secret(secret)))
		}
		Contains(t, shown, `"field":"client_secret"`, `"want":"changed"`)
		Lacks(t, said, secret, ClientSecret)
		Lacks(t, shown, SHA256Of(secret), SHA256Of(secret)[:16], SHA256Of(ClientSecret), SHA256Of(ClientSecret)[:16])
	}
}

func TestAClientSecretThatIsMissingIsSaidAndTheRestIsStillSent(t *testing.T) {
	for _, test := range []struct {
		name string
		in   connection.Inputs
		says string
	}{
		{"no Secret", connection.Inputs{Secrets: map[string]*corev1.Secret{"entra": nil}}, "Secret entra, referenced by spec.clientSecretRef, does not exist in this namespace"},
		{"no key", Holding(SecretOf("entra", map[string]string{"other": "x"})), "Secret entra has no value for the key \"client-secret\""},
		{"white space", OIDCInputs(" \n"), "has no value for the key \"client-secret\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := OIDCManifest()
			o.Spec.ClientID = "x"
			plan, problems := PlanFor(oidc.Kind(), o, OIDCRemote(), test.in)
			OneUpdate(t, plan, `{"client_id":"x"}`)
			if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInputMissing || problems[0].Halts {
				t.Fatalf("the problems are %s", ProblemWords(problems))
			}
			Contains(t, problems[0].Message, test.says)
		})
	}
}

func TestAClientSecretThatIsNoTextIsInvalidAndNotQuoted(t *testing.T) {
	_, problems := PlanFor(oidc.Kind(), OIDCManifest(), OIDCRemote(), OIDCInputs("some-secret-\xff\xfe"))
	if len(problems) != 1 || problems[0].Reason != v1alpha1.ReasonInvalid {
		t.Fatalf("the problems are %s", ProblemWords(problems))
	}
	Contains(t, problems[0].Message, "spec.clientSecretRef (Secret entra, key \"client-secret\") is not UTF-8 text")
	Lacks(t, problems[0].Message, "some-secret")
}

func TestAClientSecretIsSentToTheByteAndWhiteSpaceAtItsEndsIsMentioned(t *testing.T) {
	const secret = "aB~%2F:+\"\\ü=; #x"
	for _, test := range []struct{ given, want, says string }{
		{secret, secret, ""},
		{"\xef\xbb\xbf" + secret + "\r\n", secret, ""},
		{" " + secret + "\t", " " + secret + "\t", "spec.clientSecretRef (Secret entra, key \"client-secret\") starts or ends with white space or an invisible character, which is sent"},
		{secret + "\u200b\n", secret + "\u200b", "starts or ends with white space or an invisible character"},
	} {
		s := newOIDC()
		s.Inputs = func() connection.Inputs { return OIDCInputs(test.given) }
		_, out := s.Sends(t)
		Same(t, "the secret", s.Remote.ClientSecret, test.want)
		reason, message := connection.Worst(out.Problems)
		Same(t, "the reason", reason, "")
		Contains(t, message, test.says)
		Lacks(t, message, secret)
		if test.says == "" {
			Same(t, "what is mentioned", message, "")
		}
	}
}

func TestAClientSecretInUTF16IsInvalidWithTheCommandThatMendsIt(t *testing.T) {
	var text []byte
	for _, b := range []byte(ClientSecret) {
		text = append(text, b, 0)
	}
	_, problems := PlanFor(oidc.Kind(), OIDCManifest(), OIDCRemote(), OIDCInputs("\xff\xfe"+string(text)))
	reason, message := connection.Worst(problems)
	Same(t, "the reason", reason, v1alpha1.ReasonInvalid)
	Contains(t, message, "spec.clientSecretRef (Secret entra, key \"client-secret\") is encoded in UTF-16.", `"iconv -f UTF-16LE -t UTF-8"`)
}

func TestAPendingOIDCConnectionLacksWhatStytchAsksFor(t *testing.T) {
	lacks := func(r stytch.OIDCConnection) string { return strings.Join(oidc.Kind().MissingToActivate(r), " ") }
	Same(t, "a whole one", lacks(OIDCRemote()), "")
	masked := OIDCRemote()
	masked.ClientSecretSHA256, masked.ClientSecretMasked = "", true
	Same(t, "one whose secret is masked", lacks(masked), "")
	Same(t, "an empty one", lacks(stytch.OIDCConnection{}), "issuer clientID clientSecretRef authorizationURL tokenURL userinfoURL jwksURL")
}

func TestAnOIDCConnectionRefersToItsSecretAndItsDetails(t *testing.T) {
	o := OIDCManifest()
	kind := oidc.Kind()
	Same(t, "its Secret", kind.References(o), []connection.Reference{{Kind: "Secret", Name: "entra"}})
	o.Spec.DetailsConfigMapName = "entra-details"
	Same(t, "and its details", kind.References(o), []connection.Reference{{Kind: "Secret", Name: "entra"}, {Kind: "ConfigMap", Name: "entra-details"}})
	o.Spec.ClientSecretRef, o.Spec.DetailsConfigMapName = nil, ""
	Same(t, "nothing", kind.References(o), []connection.Reference(nil))
	Same(t, "its API", kind.API, stytch.APISSO)
	Same(t, "the body of its creation", kind.Creation(o), stytch.Fields{"identity_provider": "microsoft-entra"})
	Same(t, "what ends", kind.Ends(o), []connection.Expiry(nil))
	r := OIDCRemote()
	Same(t, "a rival of the same name", kind.Rival(o, r) && kind.Shared, true)
	r.DisplayName = "another"
	Same(t, "a rival of another name", kind.Rival(o, r), false)
	Same(t, "what is written down before a step", Begins(kind, o, r, connection.Step{}, Noon), false)
	Same(t, "what is undone", Refuse(kind, o, connection.Step{}, "invalid_x509_certificate"), (*connection.Step)(nil))
	Publish(kind, o, r, connection.State{})
	Same(t, "the redirect URL", o.Status.RedirectURL, RedirectURL)
}

// sent has an OIDC connection remember an update that was accepted.
func sent(o *v1alpha1.OIDCConnection, step connection.Step, warning string) {
	oidc.Kind().Note(o, connection.Event[stytch.OIDCConnection]{Type: connection.StepDone, Step: &step, Warning: warning, Now: Noon})
}
